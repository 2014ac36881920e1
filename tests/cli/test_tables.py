"""Tables for people."""

import io

import pytest
from rich.console import Console, RenderableType

from mm.cli.tables import (
    fills_table,
    latch_text,
    orders_table,
    pnl_table,
    recovery_text,
    status_table,
)
from tests.builders.daemon import daemon_status, fill_row, measured_row, order_row, pnl_row, session_status


def drawn(table: RenderableType) -> str:
    """A table as text, wide enough."""
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    return str(getattr(console.file, "getvalue")())  # noqa: B009 - the type of the file is not known


def test_a_status_says_what_each_session_does() -> None:
    """State, reason, inventory against its limit, P&L, orders, age of the data."""
    told = drawn(status_table(daemon_status()))

    for words in ("mm demo", "active", "quoting", "BTC/USDT", "-0.012", "0.05", "+1.23", "83 ms", "00:01:23"):
        assert words in told


def test_what_was_measured_of_a_session_with_fills_is_told_below() -> None:
    """Net and what it is made of, the markout with its error, presence, half-life; nothing before a fill."""
    told = drawn(status_table(daemon_status(sessions=[session_status(measured=measured_row())])))
    for words in (
        "+8.85",
        "+11.73",
        "-1.58",
        "+3.30 \u00b1 0.37",
        "128",
        "96.6 %",
        "14.2 s",
        "both in 10 bps",
    ):
        assert words in told
    bare = measured_row(markout_error_bps=None, inventory_half_life_s=None, presence_ratio=None)
    assert "+3.30 " in drawn(status_table(daemon_status(sessions=[session_status(measured=bare)])))
    odd = measured_row(markout_bps=None, unexplained=2)
    assert "unexplained" in drawn(status_table(daemon_status(sessions=[session_status(measured=odd)])))
    none = drawn(
        status_table(daemon_status(sessions=[session_status(measured=measured_row(markout_fills=0))]))
    )
    assert "this run" not in none
    assert "this run" not in drawn(status_table(daemon_status()))


def test_markets_that_are_only_watched_are_told_below() -> None:
    """Who watches them, whether their book can be relied on, and how old its news are."""
    there = {
        "symbol": "perp:BTC/USDT",
        "sessions": ["btc", "eth"],
        "connected": True,
        "book_status": "in_sync",
        "book_age_ms": 120,
        "mid": "61833.45",
    }
    gone = there | {"symbol": "ETH/USDT", "connected": False, "book_age_ms": None, "mid": ""}
    lost = there | {"symbol": "XRP/USDT", "book_status": "out_of_sync"}
    told = drawn(status_table(daemon_status(watched=[there, gone, lost])))

    for words in ("watched", "perp:BTC/USDT", "btc, eth", "in sync", "61833.45", "120 ms"):
        assert words in told
    assert "not connected" in told
    assert "out of sync" in told
    assert "watched" not in drawn(status_table(daemon_status()))


def test_the_identity_is_listed_by_horizon() -> None:
    """The same net at each, with what a fill was worth there."""
    curve = [{"mean_bps": None, "fills": 0}, {"mean_bps": 3.3, "error_bps": 0.4, "fills": 7}]
    explained = {
        "fills": 7,
        "net_quote": "8.85",
        "spread_quote": "11.73",
        "horizons": [{"horizon_s": 0.1, "adverse_quote": "1.29", "carry_quote": "-0.05"}],
    }
    told = drawn(
        pnl_table(
            {
                "sessions": [
                    pnl_row(figures={"pnl": explained, "markouts": {"every": curve}}),
                    pnl_row(figures=None),
                ]
            }
        )
    )
    for words in ("0.1 s", "-1.29", "-0.0500", "+3.30 \u00b1 0.40", "+8.85"):
        assert words in told


def test_a_halt_is_told_with_how_to_lift_it() -> None:
    """And whether the venue has confirmed that nothing is left."""
    latch = {"code": "stop_loss.session", "since_ms": 1_795_000_000_000, "confirmed": False}

    waiting = drawn(status_table(daemon_status(latch=latch)))
    confirmed = latch_text(daemon_status(latch={**latch, "confirmed": True}))

    assert "not yet confirmed" in waiting
    assert "mm unhalt" in waiting
    assert confirmed is not None
    assert "nothing of ours is left" in confirmed.plain
    assert latch_text(daemon_status()) is None


def test_orders_fills_and_pnl_are_listed() -> None:
    """One line each, with everything that identifies them."""
    orders = drawn(orders_table({"orders": [order_row(), order_row(side="sell", state="unknown")]}))
    fills = drawn(fills_table({"fills": [fill_row(0), fill_row(1)]}))
    pnl = drawn(pnl_table({"sessions": [pnl_row(residual=1), pnl_row(session="eth", fees_quote="-0.2")]}))

    for words in ("60008.10", "a" * 32, "12.3 s", "unknown", "sell"):
        assert words in orders
    for words in ("11:06:40", "taker", "maker", "0.00024", "USDT"):
        assert words in fills
    for words in ("+1.23", "+3.10", "-1.40", "-0.4654", "+0.2000", "1200.4", "unexplained"):
        assert words in pnl


def test_nothing_to_list_is_said_in_words() -> None:
    """Not an empty table."""
    assert drawn(orders_table({"orders": []})) == "no open orders\n"
    assert drawn(fills_table({})) == "no fills yet\n"


@pytest.mark.parametrize(
    ("table", "answer"),
    [
        (status_table, {}),
        (status_table, {"sessions": [{}], "latch": {}}),
        (status_table, {"sessions": [session_status(pnl=None, state=7)]}),
        (orders_table, {"orders": [{}]}),
        (fills_table, {"fills": [{}]}),
        (pnl_table, {"sessions": [{}]}),
        (pnl_table, {}),
    ],
)
def test_missing_fields_show_as_absent(table: object, answer: dict[str, object]) -> None:
    """An older or newer daemon does not break the command."""
    assert callable(table)
    assert drawn(table(answer))


def test_what_a_venue_said_moves_no_cursor() -> None:
    """Neither by escape sequences nor by the markup of the terminal library."""
    told = drawn(status_table(daemon_status(reason="\x1b[2J[red]x[/red]", venue="[link=x]y")))

    assert "\x1b" not in told
    assert "?[2J[red]x[/red]" in told


def test_what_was_taken_over_from_a_life_that_crashed_is_told() -> None:
    """How many orders, how many of them nobody knows about yet, and that all is known in the end."""
    recovery = {"epoch": 41, "orders": 4, "unresolved": 2, "done": False}

    waiting = drawn(status_table(daemon_status(recovery=recovery)))
    done = recovery_text(daemon_status(recovery={**recovery, "unresolved": 0, "done": True}))

    assert "took over from life 41: 4 orders, 2 not yet known" in waiting
    assert done is not None
    assert done.plain == "took over from life 41: 4 orders, all known by the venue's word"
    assert recovery_text(daemon_status()) is None


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"state": "watching", "pid": 7, "beat_age_ms": 3}, "watchdog watching"),
        ({"state": "fired", "pid": 7, "beat_age_ms": 3}, "watchdog fired"),
        ({"state": "none", "why": "paper has no account"}, "watchdog none: paper has no account"),
    ],
)
def test_a_status_says_how_the_watchdog_is(told: dict[str, object], said: str) -> None:
    """At work, or why there is none; nothing where a daemon does not tell."""
    assert said in drawn(status_table(daemon_status(watchdog=told)))
    assert "watchdog" not in drawn(status_table(daemon_status()))
