"""The incidents, in a fixed order; see `scenarios.py` for what each is played with.

Not here, because no run of a bot shows them: keys that leaked from others (3Commas, 2022), a package that
sent keys and orders to a stranger (`ccxt-mexc-futures`, 2025). They are held off by how keys are kept and by
locked dependencies. Memory that grows for days (CX#9799, #26753) is what `mm simulate --soak` shows. A book
whose checksum is wrong (CX#23453) and a negative balance read as 0 (CX#26380) need a venue that sends
checksums, or lends: Binance spot does neither.
"""

from dataclasses import dataclass, replace
from typing import Final

from mm.domain.events import Operation, Stream
from mm.domain.quotes import Quote, Quotes
from mm.domain.view import View
from mm.engine.setup import SessionSetup
from mm.runtime.simulate.plan import SECOND_NS
from mm.runtime.simulate.scenarios import BUSY, Scenario, Script, Stage
from mm.strategies.base import Strategy, Wake

FACTOR_SIZE: Final = 444_000 // 58
"""What was typed against what was meant."""

PLACES_MAX: Final = 60
"""Placements within ten seconds in which every one is refused."""

CANARY: Final = b"canary-of-a-secret-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistaken:
    """A strategy whose numbers are wrong. Fields: strategy: the right one; size, price: multiplied by, in
    thousandths.
    """

    strategy: Strategy[object]
    size: int = 1_000
    price: int = 1_000

    @property
    def needs(self) -> tuple[object, ...]:
        """What the right one needs."""
        return self.strategy.needs

    @property
    def wake(self) -> Wake:
        """When the right one wakes."""
        return self.strategy.wake

    def initial_memory(self) -> object:
        """As the right one."""
        return self.strategy.initial_memory()

    def quotes(self, view: View[object]) -> Quotes[object]:
        """Return what the right one wants, wrong."""
        wanted = self.strategy.quotes(view)
        bids = tuple(self._wrong(quote) for quote in wanted.bids)
        asks = tuple(self._wrong(quote) for quote in wanted.asks)
        return Quotes(bids, asks, wanted.reason, wanted.memory)

    def _wrong(self, quote: Quote) -> Quote:
        return quote.but(
            size_lots=max(1, quote.size_lots * self.size // 1_000),
            price_ticks=max(1, quote.price_ticks * self.price // 1_000),
        )


def _during(seconds: float, **intensities: float) -> Script:
    def script(stage: Stage) -> None:
        stage.at(0, lambda: stage.strike(**intensities))
        stage.at(seconds, stage.strike)

    return script


def _wrong_strategy(size: int = 1_000, price: int = 1_000) -> Script:
    # From the next config on the strategy is wrong, as after a bad deployment.
    def script(stage: Stage) -> None:
        def wrong(setup: SessionSetup) -> SessionSetup:
            return replace(setup, strategy=Mistaken(strategy=setup.strategy, size=size, price=price))  # type: ignore[arg-type]  # it is a strategy but for its types

        stage.at(0, lambda: stage.bring_sessions(wrong))
        stage.at(12, lambda: stage.bring_sessions(lambda setup: setup))

    return script


def _bounded_places(stage: Stage) -> str:
    return f"{stage.placed_since} placements" if stage.refused_places > PLACES_MAX else ""


def _all_refused(stage: Stage) -> None:
    def count() -> None:
        stage.refused_places = stage.placed_since
        stage.strike()

    stage.at(0, lambda: stage.strike(reject=1.0))
    stage.at(10, count)


def _halt(stage: Stage) -> None:
    stage.at(0, lambda: stage.strike(place_unanswered=0.4, place_slow=0.6))
    for second in (1, 4.3, 7.1, 10.2, 13.4):
        stage.at(second, lambda: stage.people.ask(Operation.HALT))
    stage.at(15, stage.strike)


def _gone_soon(stage: Stage) -> str:
    return "" if stage.gone_ns and stage.gone_ns - stage.began_ns < 20 * SECOND_NS else "orders stayed"


def _crashes(stage: Stage) -> None:
    for second in (0, 6, 12):
        stage.at(second, stage.replace_process)


def _crash_and_repeat(stage: Stage) -> None:
    _crashes(stage)
    stage.at(1, lambda: stage.strike(fill_again=0.3))
    stage.at(18, stage.strike)


def _clean_restart_and_repeat(stage: Stage) -> None:
    # Late enough that more was executed than one page of a listing shows.
    stage.at(10, lambda: stage.people.ask(Operation.STOP))
    stage.at(13, lambda: stage.strike(fill_again=0.7))
    stage.at(19.5, stage.strike)


def _expired_key(stage: Stage) -> None:
    stage.at(0, lambda: stage.wire.drop(Stream.USER, silent=True))
    stage.at(8, lambda: stage.wire.drop(Stream.USER, silent=True))


def _silent_market(stage: Stage) -> None:
    for second in (0, 6, 12):
        stage.at(second, lambda: stage.wire.drop(Stream.MARKET, silent=True))


def _full_disk(stage: Stage) -> None:
    def fill() -> None:
        stage.disk.full = True

    stage.at(0, fill)
    stage.at(6, stage.disk.make_room)


def _maintenance(stage: Stage) -> None:
    stage.at(0, lambda: stage.wire.go_away(8 * SECOND_NS))


def _reloads(stage: Stage) -> None:
    for second in (0, 4, 8):
        stage.at(second, lambda: stage.people.reload(tighter=True))


def _broken_strategy(stage: Stage) -> None:
    def broken(setup: SessionSetup) -> SessionSetup:
        return replace(setup, strategy=Mistaken(strategy=setup.strategy, size=None))  # type: ignore[arg-type]  # what a config that nobody checked could hold

    stage.at(0, lambda: stage.bring_sessions(broken))
    stage.at(1, lambda: stage.bring_sessions(lambda setup: setup))


def _secrets(stage: Stage) -> None:
    stage.checks.plant_secrets((CANARY,))

    def ease() -> None:
        if "halt" in stage.codes:
            stage.strike()

    stage.at(0, lambda: stage.strike(access_denied=0.2))
    # A bot that asks rarely hears late that its key is refused.
    for second in range(3, 20):
        stage.at(second, ease)
    stage.at(20, stage.strike)


def _by_hand(stage: Stage) -> None:
    symbol = next(iter(stage.truth.markets))
    for second in (0, 3, 6):
        stage.at(second, lambda: stage.people.trade(symbol))
    stage.at(8, stage.people.withdraw)


def _intruder(stage: Stage) -> None:
    symbol = next(iter(stage.truth.markets))
    stage.at(0, lambda: stage.people.intrude(symbol))


SCENARIOS: Final[tuple[Scenario, ...]] = (
    Scenario(
        name="knight_2012",
        title="Orders in a loop",
        story="An old code path sent orders without end: 4 million executions in 45 minutes (Knight, 2012).",
        script=_all_refused,
        expects=("session.held",),
        wish=_bounded_places,
    ),
    Scenario(
        name="citi_2022",
        title="A size that was typed wrong",
        story="58 million were meant, a basket worth 444 billion was sent (Citi, 2 May 2022).",
        script=_wrong_strategy(size=FACTOR_SIZE * 1_000),
        expects=("config.applied",),
    ),
    Scenario(
        name="merrill_2016",
        title="A limit that limits nothing",
        story="Orders of 5 million shares were allowed in a stock that trades 79 000 a day (Merrill, 2016).",
        script=_wrong_strategy(size=5_000_000),
        plan=(("strategy", replace(BUSY, levels=3)),),
        expects=("config.applied",),
    ),
    Scenario(
        name="goldman_2013",
        title="Prices from a bad config",
        story="16 000 orders left at prices far off the market (Goldman Sachs, 20 August 2013).",
        script=_wrong_strategy(price=500),
        expects=("config.applied",),
    ),
    Scenario(
        name="hummingbot_timeout_taken_for_failure",
        title="A timeout taken for a failure",
        story="Orders that timed out were taken for failed and lived; six stale buys filled (HB#493, #601).",
        script=_during(10, place_slow=0.3, place_unanswered=0.2, place_unknown=0.3),
        expects=("order.unknown",),
    ),
    Scenario(
        name="hummingbot_orders_after_stop",
        title="Orders after the stop",
        story="Orders in flight when the bot was stopped stayed on the book (HB#1508, #8075).",
        script=_halt,
        expects=("halt", "halt.confirmed"),
        wish=_gone_soon,
    ),
    Scenario(
        name="cancel_fill_race",
        title="A fill races a cancel",
        story="An order filled while it was being cancelled; the fill was dropped and not hedged (HB#8094).",
        script=_during(15, latency_ms=400, report_late=0.4, cancel_unsaid=0.3),
    ),
    Scenario(
        name="fill_untracked",
        title="A fill that nobody told of",
        story="The cancel was refused because the order had filled; the fill was never counted (HB#4738).",
        script=_during(15, report_lost=0.6),
    ),
    Scenario(
        name="fills_doubled_on_restart",
        title="Fills counted twice after a restart",
        story="After a restart fills were read again and counted again (HB#2945, #3862, #4990).",
        script=_crash_and_repeat,
        expects=("recovered",),
    ),
    Scenario(
        name="config_overwritten",
        title="A config that is not the one in force",
        story="An upgrade rewrote the config and the bot ran on other limits (HB#2409, 540 dollars).",
        script=_reloads,
        expects=("config.applied",),
    ),
    Scenario(
        name="nautilus_timeout_to_rejected",
        title="No answer taken for a refusal",
        story="A submit without an answer was marked rejected; the order was an orphan (NT#4958).",
        script=_during(12, place_unknown=0.6, report_lost=0.3),
        expects=("order.unknown",),
    ),
    Scenario(
        name="inferred_and_real_fill",
        title="A fill inferred, then reported",
        story="A fill was inferred from a listing and counted again when its report came (NT#3493).",
        script=_during(15, report_twice=0.6, report_late=0.5, cancel_unsaid=0.5),
    ),
    Scenario(
        name="duplicate_trade_id_on_restart",
        title="Old trade ids after a restart",
        story="Trades of before the restart came again under their ids and moved positions (NT#3046).",
        script=_clean_restart_and_repeat,
    ),
    Scenario(
        name="listen_key_expiry",
        title="The user stream dies unnoticed",
        story="The key of the user stream ran out; orders were not seen any more (NT#3861).",
        script=_expired_key,
        expects=("stream.suspect",),
    ),
    Scenario(
        name="unknown_enum",
        title="Executions of nobody's order",
        story="An unknown order type, a liquidation, dropped the event that moved the account (NT#3453).",
        script=_by_hand,
        expects=("balance.external",),
    ),
    Scenario(
        name="cancel_vs_fill",
        title="Filled before the cancel arrived",
        story="A cancel failed because the order had filled; the bot took it for open (FT#3647).",
        script=_during(15, latency_ms=300, report_lost=0.3, cancel_doubted=0.4),
    ),
    Scenario(
        name="restart_with_open_entry",
        title="A restart with orders on the book",
        story="A restart with an open entry order lost its trace (FT#10436).",
        script=_crashes,
        expects=("recovered",),
    ),
    Scenario(
        name="disk_full",
        title="The disk is full",
        story="The bot ended in the middle of its orders when the disk was full (FT#5621).",
        script=_full_disk,
        expects=("recovered",),
        wish=_gone_soon,
    ),
    Scenario(
        name="maintenance",
        title="The venue is away",
        story="A maintenance of the exchange crashed the bot (FT#2889).",
        script=_maintenance,
        expects=("stream.down",),
    ),
    Scenario(
        name="reload_crash",
        title="A config that breaks the strategy",
        story="A reload of a bad config crashed the running bot (FT#10851).",
        script=_broken_strategy,
        expects=("halt", "halt.confirmed"),
        wish=_gone_soon,
    ),
    Scenario(
        name="secrets_logged",
        title="Secrets in what is written",
        story="Keys stood in the logs that users post (FT#6016).",
        script=_secrets,
        expects=("halt",),
    ),
    Scenario(
        name="ccxt_crossed_book",
        title="A book that crosses itself",
        story="The local book crossed and stayed so; quotes followed it (CX#8106, #6762).",
        script=_during(15, book_wrong=0.3),
        expects=("book.lost",),
    ),
    Scenario(
        name="ccxt_stale_stream",
        title="Connected and silent",
        story="The connection lived, answered pings, and brought no data (CX#21731, #25092).",
        script=_silent_market,
        expects=("stream.suspect",),
    ),
    Scenario(
        name="ccxt_frozen_timestamp",
        title="Data whose time stands still",
        story="Data kept flowing with a time that never moved (CX#23214).",
        script=_during(15, clock_frozen=0.1),
    ),
    Scenario(
        name="ccxt_silent_depth",
        title="Only the best prices go on",
        story="The depth stopped while the best prices moved: a silent stream (CX#21731) behind another.",
        script=_during(15, depth_silent=0.1),
        expects=("stream.suspect",),
    ),
    Scenario(
        name="ccxt_order_exists_after_timeout",
        title="Not found, and there",
        story="After a timeout the order was not found for seconds, and existed (CX#7411, FT#4403).",
        script=_during(12, place_slow=0.4, place_unanswered=0.3, not_found_lag_ms=4_000),
        expects=("order.unknown",),
    ),
    Scenario(
        name="ccxt_fills_repeated",
        title="Old fills told again",
        story="Fills of long ago came once more and moved the position again (CX#18854, HB#1663).",
        script=_during(20, fill_again=0.7),
    ),
    Scenario(
        name="ccxt_orders_never_told",
        title="A user stream that says nothing",
        story="The private connection was up and never delivered: no order was ever told (CX#19878).",
        script=_during(12, report_lost=1.0),
        expects=("stream.suspect",),
    ),
    Scenario(
        name="two_processes",
        title="A second process on the account",
        story="Two instances traded one account and took each other's orders down (HB#3214).",
        script=_intruder,
        expects=("fenced", "halt"),
    ),
)
"""Every incident."""
