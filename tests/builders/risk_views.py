"""What the risk rules look at, for tests: a healthy market, a flat session, money enough; and its changes."""

from mm.domain.book import BookStatus
from mm.domain.commands import Place, TimeInForce
from mm.domain.quotes import Quote, Quotes
from mm.domain.sides import Side
from mm.risk.base import AnyQuotes, RiskView
from tests.builders.instruments import INSTRUMENT

MID_TICKS = 10_000
"""The mid of the market of `make_risk_view`."""


def make_risk_view(**changes: object) -> RiskView:
    """Return a view that no rule objects to, with `changes` applied."""
    fields: dict[str, object] = {
        "ts_ns": 1_000_000_000_000,
        "session": "main",
        "instrument": INSTRUMENT,
        "bid_ticks": MID_TICKS - 1,
        "ask_ticks": MID_TICKS + 1,
        "mid_half_ticks": 2 * MID_TICKS,
        "reference_half_ticks": 2 * MID_TICKS,
        "book_status": BookStatus.IN_SYNC,
        "book_age_ns": 1_000_000,
        "book_crossed_ns": 0,
        "user_stream_up": True,
        "inventory_lots": 0,
        "inventory_max_lots": 1_000,
        "net_lots": 0,
        "buy_open_lots": 0,
        "sell_open_lots": 0,
        "open_orders": 0,
        "own_bid_max_ticks": 0,
        "own_ask_min_ticks": 0,
        "base_spendable_atoms": 10**15,
        "quote_spendable_atoms": 10**15,
        "placed_minute": 0,
        "others_worst_atoms": 0,
        "others_unpriced": False,
        "session_pnl_atoms": 0,
        "session_peak_atoms": 0,
        "open_pnl_atoms": 0,
        "account_pnl_atoms": 0,
        "equity_start_atoms": 10**12,
        "equity_atoms": 10**12,
        "fills_minute": 0,
        "filled_minute_atoms": 0,
    }
    return RiskView(**(fields | changes))  # type: ignore[arg-type] # the caller names the fields


def make_place(**changes: object) -> Place:
    """Return a small post-only buy below the mid, with `changes` applied."""
    fields: dict[str, object] = {
        "cid": "0" * 32,
        "symbol": INSTRUMENT.symbol,
        "side": Side.BUY,
        "price_ticks": MID_TICKS - 5,
        "size_lots": 10,
        "post_only": True,
        "time_in_force": TimeInForce.GTC,
        "reduces": False,
        "market_seq": 1,
        "market_age_ns": 1_000_000,
    }
    return Place(**(fields | changes))  # type: ignore[arg-type] # the caller names the fields


def make_sell(**changes: object) -> Place:
    """Return a small post-only sell above the mid, with `changes` applied."""
    return make_place(**({"side": Side.SELL, "price_ticks": MID_TICKS + 5} | changes))


def make_exit(**changes: object) -> Place:
    """Return an order that takes at the mid and sells what is held, with `changes` applied."""
    exit_fields: dict[str, object] = {
        "side": Side.SELL,
        "price_ticks": MID_TICKS,
        "post_only": False,
        "time_in_force": TimeInForce.IOC,
        "reduces": True,
    }
    return make_place(**(exit_fields | changes))


def ladder(price_ticks: int, step_ticks: int, *size_lots: int) -> tuple[Quote, ...]:
    """Return one level per size, starting at `price_ticks`, `step_ticks` apart (negative for bids)."""
    return tuple(
        Quote(price_ticks=price_ticks + level * step_ticks, size_lots=size, level=level)
        for level, size in enumerate(size_lots)
    )


def make_quotes(*, bids: tuple[int, ...] = (10, 10), asks: tuple[int, ...] = (10, 10)) -> AnyQuotes:
    """Return a ladder around the mid with these sizes, lots, nearest first."""
    return Quotes(ladder(MID_TICKS - 5, -5, *bids), ladder(MID_TICKS + 5, 5, *asks), "quoting", ("memory", 1))


def narrows(before: AnyQuotes, after: AnyQuotes) -> bool:
    """Return whether each quote of `after` is one of `before` of the same level: not nearer, not larger.

    And the order is kept, the memory untouched, and nothing else of a quote is changed.
    """
    return (
        after.memory == before.memory
        and _side_narrows(before.bids, after.bids, 1)
        and _side_narrows(before.asks, after.asks, -1)
    )


def _side_narrows(before: tuple[Quote, ...], after: tuple[Quote, ...], sign: int) -> bool:
    rest = list(before)
    for quote in after:
        while rest and rest[0].level != quote.level:
            del rest[0]
        if not rest:
            return False
        wanted = rest.pop(0)
        nearer = sign * (quote.price_ticks - wanted.price_ticks) > 0
        if nearer or not 0 < quote.size_lots <= wanted.size_lots:
            return False
        if (quote.tolerance_ticks, quote.age_ns_max, quote.life_ns_min) != (
            wanted.tolerance_ticks,
            wanted.age_ns_max,
            wanted.life_ns_min,
        ):
            return False
    return True
