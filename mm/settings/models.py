"""What can be configured: one frozen model per table of the config file, every key described.

Models hold what a single key may be; what keys have to do with each other is in `contradictions.py`. They
read no file and no variable. Invariant: absent is off or the stated safe default, never "not checked"; a key
that nothing acts on does not exist here.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from annotated_types import Len
from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from mm.settings.listen import ListenAddress
from mm.settings.values import (
    Amount,
    Bps,
    Count,
    FeeBps,
    FilePath,
    Holding,
    LatencyMs,
    Milliseconds,
    Name,
    Ratio,
    SecretReference,
    Seed,
    Share,
    Symbol,
    Url,
)
from mm.strategies.base import Applies

NOW = Applies.NOW
NEXT_QUOTE = Applies.NEXT_QUOTE
RESTART = Applies.RESTART


def about(text: str, applies: Applies = RESTART) -> FieldInfo:
    """Return what a key says about itself: one sentence, and when a change of it takes effect."""
    field = Field(description=text, json_schema_extra={"hot": applies.value})
    assert isinstance(field, FieldInfo)
    return field


class Table(BaseModel):
    """A table of the config: frozen, strict, without room for unknown keys."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class VenueSettings(Table):
    """`[venue.NAME]`: one account at one venue."""

    id: Annotated[Literal["binance"], about("Which venue.")] = "binance"
    market: Annotated[Literal["spot"], about("Which of its markets.")] = "spot"
    key: Annotated[
        SecretReference | None, about("Where the API key is: env:NAME or file:PATH. Live mode only.")
    ] = None
    secret: Annotated[
        SecretReference | None, about("Where the API secret is: env:NAME or file:PATH. Live mode only.")
    ] = None
    watchdog_key: Annotated[
        SecretReference | None,
        about("Where a key of the watchdog's own is; it lists and cancels. Absent: the account's key."),
    ] = None
    watchdog_secret: Annotated[SecretReference | None, about("Where its secret is.")] = None
    url: Annotated[Url | None, about("Address in place of the venue's own; http only on this machine.")] = (
        None
    )


class InventorySettings(Table):
    """`[pair.NAME.inventory]`: how far the holding may move away from its target."""

    target_base: Annotated[
        Holding | None, about("Holding at which the inventory is 0. Absent: that of the first start.")
    ] = None
    target_base_ratio: Annotated[
        Share | None,
        about("The same as a share of base by value, of what base and quote are worth at the first start."),
    ] = None
    max_base: Annotated[Amount | None, about("Largest inventory, long or short, base asset.", NOW)] = None
    max_ratio: Annotated[
        Ratio, about("Largest inventory as a share of the account's equity; holds beside max_base.", NOW)
    ] = Decimal("0.10")
    soft_ratio: Annotated[
        Ratio, about("From this share of the limit on, only the side that reduces is quoted.", NOW)
    ] = Decimal("0.8")


OnBreach: TypeAlias = Literal["cancel_and_halt", "flatten"]


class PairRiskSettings(Table):
    """`[pair.NAME.risk]`: limits of one session, tighter than those of the account."""

    max_notional_quote: Annotated[Amount | None, about("As in [risk], for this session.", NOW)] = None
    max_order_notional_quote: Annotated[Amount | None, about("As in [risk], for this session.", NOW)] = None
    max_order_base: Annotated[Amount | None, about("As in [risk], for this session.", NOW)] = None
    max_open_orders: Annotated[Count | None, about("As in [risk], for this session.", NOW)] = None
    session_loss_quote: Annotated[Amount | None, about("As in [risk], for this session.", NOW)] = None
    open_loss_quote: Annotated[Amount | None, about("As in [risk], for this session.", NOW)] = None
    max_drawdown_ratio: Annotated[Ratio | None, about("As in [risk], for this session.", NOW)] = None
    max_slippage_bps: Annotated[Bps | None, about("As in [risk], for this session.", NOW)] = None
    max_orders_per_minute: Annotated[Count | None, about("As in [risk], for this session.", NOW)] = None
    max_fills_per_minute: Annotated[Count | None, about("As in [risk], for this session.", NOW)] = None
    max_filled_quote_per_minute: Annotated[Amount | None, about("As in [risk], for this session.", NOW)] = (
        None
    )
    price_collar_bps: Annotated[Bps | None, about("As in [risk], for this session.", NOW)] = None
    stale_book_ms: Annotated[Milliseconds | None, about("As in [risk], for this session.", NOW)] = None


class ReferenceSettings(Table):
    """`[risk.reference]`: the price that order prices are judged by."""

    window_ms: Annotated[
        Annotated[int, Field(ge=1_000, le=600_000)],
        about("The reference is the median of the symbol's own mid over this time."),
    ] = 30_000


class RiskSettings(Table):
    """`[risk]`: limits of the account, and of each session that states none of its own."""

    max_notional_quote: Annotated[
        Amount, about("Largest value of the position, with all that could still fill filled.", NOW)
    ] = Decimal(5_000)
    max_order_notional_quote: Annotated[Amount, about("Largest value of one order.", NOW)] = Decimal(250)
    max_order_base: Annotated[Amount | None, about("Largest size of one order, base asset.", NOW)] = None
    max_open_orders: Annotated[Count, about("Most orders that may be open at once.", NOW)] = 40
    session_loss_quote: Annotated[
        Amount, about("A loss of this much since the start of the session ends it (see on_breach).", NOW)
    ] = Decimal(100)
    open_loss_quote: Annotated[
        Amount, about("A loss of this much on the open position ends the session (see on_breach).", NOW)
    ] = Decimal(100)
    max_drawdown_ratio: Annotated[
        Ratio, about("A fall of the P&L from its peak by this share of the equity ends the session.", NOW)
    ] = Decimal("0.05")
    max_slippage_bps: Annotated[
        Bps, about("An exit may be priced this far from the reference, no farther.", NOW)
    ] = Decimal(15)
    max_orders_per_minute: Annotated[Count, about("Most placements within 60 s.", NOW)] = 240
    max_fills_per_minute: Annotated[
        Count, about("More fills of a session within a minute pull all quotes and halt.", NOW)
    ] = 600
    max_filled_quote_per_minute: Annotated[
        Amount | None,
        about("So do fills that buy for more than they sell, or the reverse, by this much.", NOW),
    ] = None
    price_collar_bps: Annotated[
        Bps, about("An order farther than this from the reference price is denied.", NOW)
    ] = Decimal(150)
    stale_book_ms: Annotated[
        Milliseconds, about("Quotes are pulled when the book has been silent for this long.", NOW)
    ] = 2_000
    on_breach: Annotated[
        OnBreach, about("When a loss limit breaks: cancel all and halt, or leave the position first.", NOW)
    ] = "cancel_and_halt"
    reference: Annotated[ReferenceSettings, about("What prices are judged by.")] = ReferenceSettings()


class StpSettings(Table):
    """`[stp]`: what prevents a trade with ourselves."""

    venue_mode: Annotated[
        Literal["expire_maker", "expire_taker", "expire_both"],
        about("The venue's own flag, sent with every order."),
    ] = "expire_maker"
    local: Annotated[
        Literal["block"], about("Our own check before every order; it cannot be switched off.")
    ] = "block"


class LogSettings(Table):
    """`[log]`: what is written about a run."""

    level: Annotated[Literal["debug", "info", "warning", "error"], about("Least level that is written.")] = (
        "info"
    )
    format: Annotated[
        Literal["auto", "console", "json"], about("auto: console on a terminal, JSON lines elsewhere.")
    ] = "auto"
    file: Annotated[FilePath | None, about("JSON lines are appended to this file as well.")] = None


class MetricsSettings(Table):
    """`[metrics]`: what a monitoring system can read of a run."""

    http: Annotated[
        ListenAddress,
        about(
            "Where /metrics is served, on this machine alone: 127.0.0.1:9464 or unix:PATH; empty: nowhere."
        ),
    ] = ""


class DemoSettings(Table):
    """`[demo]`: the simulated market of demo mode, and what the account holds in it at the start."""

    seed: Annotated[Seed, about("The same seed gives the same traders.")] = 7
    preset: Annotated[
        Literal["demo", "btc"], about("demo: a friendly market. btc: as tight as a real one.")
    ] = "demo"
    start_base: Annotated[Holding, about("Base asset in the account at the start.")] = Decimal(1)
    start_quote: Annotated[Holding, about("Quote asset in the account at the start.")] = Decimal(60_000)


class PaperSettings(Table):
    """`[paper]`: the account of paper mode, and how its orders meet the market that is only watched."""

    start_base: Annotated[Holding, about("Base asset of each pair in the account at the start.")] = Decimal(1)
    start_quote: Annotated[Holding, about("Quote asset in the account at the start.")] = Decimal(60_000)
    maker_fee_bps: Annotated[
        FeeBps, about("Fee of a resting order; venues do not tell it without a key. Negative is a rebate.")
    ] = Decimal(10)
    taker_fee_bps: Annotated[FeeBps, about("Fee of an order that takes.")] = Decimal(10)
    latency_mean_ms: Annotated[
        LatencyMs, about("Time from sending an order to its effect in the market that we see, on average.")
    ] = 80
    latency_p99_ms: Annotated[
        LatencyMs, about("The same, for the slowest in a hundred; equal to the mean: always the same.")
    ] = 250
    queue: Annotated[
        Literal["risk_averse", "power", "power2", "power3", "log", "log2", "l3"],
        about(
            "Who leaves a queue when its size falls without a trade; risk_averse: only those behind us;"
            " l3: as recorded, in backtests on data with order ids."
        ),
    ] = "risk_averse"
    max_participation_ratio: Annotated[
        Ratio,
        about("Own fills of a trade, or of a level shown through our price, are at most this share of it."),
    ] = Decimal(1)
    seed: Annotated[Seed, about("The same seed gives the same latencies.")] = 7


class JournalSettings(Table):
    """`[journal]`: the record of every run, in `data_dir/runs`."""

    market_days: Annotated[
        Annotated[int, Field(ge=1, le=3_650)],
        about(
            "Days that market data are kept, without which a run cannot be repeated; the rest is for ever."
        ),
    ] = 3
    sync: Annotated[
        Literal["group", "strict"],
        about("group: on the disk within 10 ms; strict: each command is on the disk before it is sent."),
    ] = "group"


class AccountSettings(Table):
    """`[account]`: what is done about things that happen to the account without us."""

    on_external: Annotated[
        Literal["pause", "accept"],
        about("When a balance was moved by somebody else: pause the sessions that trade it, or go on.", NOW),
    ] = "pause"


class RecoverySettings(Table):
    """`[recovery]`: starts after a crash."""

    max_crashes: Annotated[
        Annotated[int, Field(ge=0, le=20)],
        about("So many lives that began within 10 minutes and did not end halt the next start; 0: none do."),
    ] = 3


class SignalsSettings(Table):
    """`[signals]`: what estimates are made of."""

    max_age_s: Annotated[
        Annotated[int, Field(ge=0, le=604_800)],
        about("A start goes on with estimates that are not older than this; 0: it always learns anew."),
    ] = 900


class WatchdogSettings(Table):
    """`[watchdog]`: the process that cancels everything when the trader cannot."""

    enabled: Annotated[
        bool, about("Whether it runs; without it the orders of a trader that hangs or dies stay.")
    ] = True
    silent_ms: Annotated[
        Annotated[int, Field(ge=500, le=60_000)],
        about("A trader whose loop gave no sign of life for so long is taken as hung."),
    ] = 2_000


class PairSettings(Table):
    """`[pair.NAME]`: a session, that is one strategy on one symbol with its limits."""

    symbol: Annotated[Symbol, about("What is traded, as in BTC/USDT.")]
    venue: Annotated[Name, about("Which [venue.NAME] it is traded on.")] = "main"
    strategy: Annotated[str, about("Name of a built-in strategy, module:Class, or ./file.py:Class.")] = (
        "pure_market_making"
    )
    params: Annotated[
        object, about("Parameters of the strategy, typed by the strategy itself.", NEXT_QUOTE)
    ] = None
    inventory: Annotated[InventorySettings, about("How far the holding may move.", NOW)] = InventorySettings()
    risk: Annotated[PairRiskSettings, about("Tighter limits for this session.", NOW)] = PairRiskSettings()


class FileSettings(Table):
    """The whole config file."""

    version: Annotated[Literal[1], about("Version of this file's form.")] = 1
    mode: Annotated[
        Literal["demo", "paper", "live"],
        about("demo, paper or live; only ever set here, by you, in the file."),
    ]
    data_dir: Annotated[FilePath, about("Where a run keeps its state; one daemon per directory.")] = Field(
        default_factory=lambda: Path("var").absolute()
    )
    venue: Annotated[dict[Name, VenueSettings], Len(1), about("Accounts at venues, by name.")] = Field(
        default_factory=lambda: {"main": VenueSettings()}
    )
    pair: Annotated[dict[Name, PairSettings], Len(1, 64), about("Sessions, by name.")]
    risk: Annotated[RiskSettings, about("Limits of the account.", NOW)] = RiskSettings()
    stp: Annotated[StpSettings, about("Self-trade prevention.")] = StpSettings()
    account: Annotated[AccountSettings, about("Things that happen without us.", NOW)] = AccountSettings()
    recovery: Annotated[RecoverySettings, about("Starts after a crash.")] = RecoverySettings()
    signals: Annotated[SignalsSettings, about("What estimates are made of.")] = SignalsSettings()
    watchdog: Annotated[WatchdogSettings, about("What cancels when we cannot.")] = WatchdogSettings()
    journal: Annotated[JournalSettings, about("The record of a run.")] = JournalSettings()
    metrics: Annotated[MetricsSettings, about("What is measured, for other programs.")] = MetricsSettings()
    log: Annotated[LogSettings, about("Logs.")] = LogSettings()
    demo: Annotated[DemoSettings, about("The market of demo mode.")] = DemoSettings()
    paper: Annotated[PaperSettings, about("The account and the fills of paper mode.")] = PaperSettings()


class Settings(FileSettings):
    """A config as it was loaded, with where each value came from.

    Fields: path: of the file. sources: dotted key -> "file:line", "env NAME", "--set" or "default". text: of
    the file as it was read; overrides: the `--set` texts that were laid over it.
    """

    path: Path
    sources: Mapping[str, str]
    text: str = ""
    overrides: tuple[str, ...] = ()

    def risk_of(self, pair: str) -> RiskSettings:
        """Return the limits of the session `pair`: its own where it states one, else the account's."""
        own = self.pair[pair].risk.model_dump(exclude_none=True)
        return self.risk.model_copy(update=own)

    def is_default(self, key: str) -> bool:
        """Return whether nobody set the dotted key."""
        return self.sources.get(key, "default") == "default"
