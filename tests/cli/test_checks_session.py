"""The rows of `mm doctor --online` on one session: symbol, sizes, fees, orders, funds."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mm.bootstrap.doctor_online import Missed, OpenOrders, SessionFacts
from mm.cli.checks import Row
from mm.cli.checks_session import session_rows
from mm.domain.instrument import InstrumentSpec, make_instrument
from mm.settings.models import Settings
from mm.venues.binance.public_facts import Listing, Top
from tests.builders.configs import SMALL, loaded
from tests.builders.online_facts import FAILED, INSTRUMENT, LEFT_OUT, SESSION


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A small config: orders of 0.01 BTC at 4 bps."""
    return loaded(tmp_path, SMALL)


def session_row(what: str, settings: Settings, **changes: Any) -> Row:
    """Return one row of the session, with other facts."""
    rows = session_rows(replace(SESSION, **changes), settings)
    return next(row for row in rows if row.what == f"{what} btc")


def test_a_symbol_that_cannot_be_traded_fails_once(settings: Settings) -> None:
    """The rows that need it are left out."""
    gone = Missed(reason="not asked", meant=True)
    session = SessionFacts(name="btc", instrument=FAILED, listing=gone, top=gone, orders=gone, balances=gone)
    assert [row.status for row in session_rows(session, settings)] == ["fail", *["skip"] * 5]


@pytest.mark.parametrize(
    ("listing", "status"),
    [
        (Listing("TRADING", post_only=False, stp_modes=("EXPIRE_MAKER",)), "fail"),
        (Listing("TRADING", post_only=True, stp_modes=("DECREMENT",)), "fail"),
        (Listing("TRADING", post_only=True, stp_modes=()), "warn"),
    ],
)
def test_a_symbol_has_to_take_what_we_send(settings: Settings, listing: Listing, status: str) -> None:
    """Post-only orders, with the configured prevention."""
    assert session_row("order kinds", settings, listing=listing).status == status


def with_params(folder: Path, *lines: str, extra: str = "", mode: str = "demo") -> Settings:
    """Return settings whose strategy has other parameters: lines replace those of the same key."""
    text = SMALL.replace('"demo"', f'"{mode}"')
    for line in lines:
        key = line.split(" = ")[0]
        kept = [old for old in text.splitlines() if not old.startswith(f"{key} = ")]
        kept.insert(kept.index("[pair.btc.params]") + 1, line)
        text = "\n".join(kept) + "\n"
    return loaded(folder, text + extra)


def test_a_level_that_is_worth_too_little_is_named_with_what_fits(tmp_path: Path) -> None:
    """At this price: 20 000, and the venue wants orders worth 5 or more."""
    settings = with_params(
        tmp_path,
        "order_amount_base = 0.0004",
        "order_levels = 3",
        "order_level_spread_bps = 2",
        "order_level_amount_base = -0.0001",
    )
    row = session_row("sizes", settings)
    assert row.status == "fail"
    assert row.measured == "level 2, 0.0002 BTC: worth 4 USDT, below the venue's least"
    assert row.fix == "pair.btc.params.order_amount_base: 0.00025 to 0.01249 BTC fit"


def test_a_level_that_our_own_limit_denies_is_named(tmp_path: Path) -> None:
    """The limit is in money, so it depends on the price as well."""
    row = session_row("sizes", with_params(tmp_path, "order_amount_base = 0.02"))
    assert row.status == "fail"
    assert row.measured.startswith("level 0, 0.02 BTC: worth 400.02 USDT, above max_order_notional_quote")
    assert "0.00025 to 0.01249 BTC fit" in row.fix


def test_a_level_that_the_venue_finds_too_large_is_named(settings: Settings) -> None:
    """Its filter of sizes."""
    small = msgspec.structs.replace(INSTRUMENT, size_max_lots=500)
    row = session_row("sizes", settings, instrument=small)
    assert row.status == "fail"
    assert "above the venue's most, 0.005" in row.measured


def test_a_spread_of_less_than_a_tick_is_warned_of(settings: Settings) -> None:
    """The grid does not have such a price."""
    row = session_row("sizes", settings, top=Top(2_000, 2_001))
    assert row.status == "fail"
    cheap = make_instrument(
        InstrumentSpec(
            symbol="BTC/USDT",
            venue_symbol="BTCUSDT",
            base="BTC",
            quote="USDT",
            tick_size=Decimal(10),
            lot_size=Decimal("0.00001"),
            size_min=Decimal("0.00001"),
        )
    )
    row = session_row("sizes", settings, instrument=cheap, top=Top(2_000, 2_001))
    assert row.status == "warn"
    assert "ask_spread_bps = 4 is less than a tick" in row.measured or "bid_spread_bps" in row.measured


def test_without_a_price_sizes_cannot_be_judged(settings: Settings) -> None:
    """That is a failure of the venue's book, and of no parameter."""
    assert session_row("sizes", settings, top=FAILED).status == "fail"
    assert session_row("funds", settings, top=FAILED).status == "skip"


def test_a_strategy_that_does_not_say_its_sizes_is_not_judged(tmp_path: Path) -> None:
    """The rules judge every single order in any case."""
    (tmp_path / "odd.py").write_text(
        "from dataclasses import dataclass\n"
        "class Odd:\n"
        "    @dataclass(frozen=True)\n"
        "    class Params:\n"
        "        much: int = 1\n"
        "    def quotes(self, view): ...\n"
        "    def initial_memory(self): ...\n"
    )
    text = 'mode = "demo"\n[pair.btc]\nsymbol = "BTC/USDT"\nstrategy = "./odd.py"\n'
    settings = loaded(tmp_path, text)
    assert session_row("sizes", settings).status == "skip"
    assert session_row("funds", settings).status == "skip"
    assert session_row("fees", settings).status == "ok"


def test_fees_above_the_assumption_are_warned_of(tmp_path: Path) -> None:
    """A paper run would have been too rosy."""
    settings = with_params(tmp_path, extra="[paper]\nmaker_fee_bps = 0.5\n")
    row = session_row("fees", settings)
    assert row.status == "warn"
    assert "paper.maker_fee_bps" in row.fix


def test_a_spread_that_does_not_pay_its_fees_is_warned_of(tmp_path: Path) -> None:
    """Unless the strategy adds them by itself."""
    dear = msgspec.structs.replace(INSTRUMENT, maker_fee_ppm=500)
    row = session_row("fees", with_params(tmp_path), instrument=dear)
    assert row.status == "warn"
    assert "a round trip costs 10 bps, its spread is 8 bps" in row.measured
    added = with_params(tmp_path, "add_transaction_costs = true")
    assert session_row("fees", added, instrument=dear).status == "ok"


def test_on_paper_the_fee_is_an_assumption_and_so_is_the_account(tmp_path: Path) -> None:
    """Both are said to be."""
    settings = with_params(tmp_path, mode="paper")
    assert "assumed" in session_row("fees", settings, orders=LEFT_OUT, balances=LEFT_OUT).measured
    row = session_row("funds", settings, balances=LEFT_OUT)
    assert row.status == "ok"
    assert "(the paper account)" in row.measured
    assert session_row("orders", settings, orders=LEFT_OUT).status == "skip"


@pytest.mark.parametrize(
    ("orders", "status", "said"),
    [
        (OpenOrders(ours=2, foreign=1), "warn", "2 of ours, 1 of others"),
        (OpenOrders(ours=0, foreign=1), "warn", "never touched"),
        (FAILED, "fail", "no answer"),
    ],
)
def test_open_orders_are_told(settings: Settings, orders: object, status: str, said: str) -> None:
    """Whose they are makes the difference."""
    row = session_row("orders", settings, orders=orders)
    assert (row.status, said in row.measured) == (status, True)


@pytest.mark.parametrize(
    ("balances", "missing"),
    [({"BTC": 10**5, "USDT": 10**12}, "BTC:"), ({"BTC": 10**8}, "USDT:"), ({}, "BTC and USDT:")],
)
def test_what_is_missing_for_the_first_ladder_is_named(
    settings: Settings, balances: dict[str, int], missing: str
) -> None:
    """It is not refused: what is not funded is not quoted."""
    row = session_row("funds", settings, balances=balances)
    assert row.status == "warn"
    assert row.fix.startswith(missing)


def test_balances_that_nobody_told_are_a_failure(settings: Settings) -> None:
    """Outside of paper mode, where there is a key to ask with."""
    assert session_row("funds", settings, balances=FAILED).status == "fail"
