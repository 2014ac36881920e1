"""Pure market making with parameters that are easy to count with."""

from decimal import Decimal

from mm.domain.quotes import Quote, Quotes
from mm.domain.view import View
from mm.strategies.pure_market_making import Memory, PureMarketMaking

Params = PureMarketMaking.Params


def some_params(**changes: Decimal | int | str | None) -> Params:
    """Two levels a side, 10 and 20 bps from the mid, of 1 BTC each, renewed after 15 s; `changes` on top."""
    values: dict[str, Decimal | int | str | None] = {
        "bid_spread_bps": Decimal(10),
        "ask_spread_bps": Decimal(10),
        "order_amount_base": Decimal("0.01"),
        "order_refresh_time_ms": 15_000,
        "order_levels": 2,
        "order_level_spread_bps": Decimal(10),
    }
    return Params(**(values | changes))  # type: ignore[arg-type]  # the values are of mixed types


def quotes_of(view: View[None], **changes: Decimal | int | str | None) -> Quotes[Memory | None]:
    """The quotes of `some_params` with `changes` on the view's instrument."""
    return PureMarketMaking(some_params(**changes), view.instrument).quotes(view)


def ladder(quotes: tuple[Quote, ...]) -> list[tuple[int, int, int]]:
    """Level, price and size of each quote."""
    return [(quote.level, quote.price_ticks, quote.size_lots) for quote in quotes]
