"""The order book of one session as lines for the screen, own quotes marked in it.

Own quotes stay visible when they stand deeper than what fits: near levels give way, the best one never.
"""

from dataclasses import dataclass
from decimal import Decimal

from rich.table import Table
from rich.text import Text

from mm.cli.shapes import Fields, decimal, number, rows, text

BAR_WIDTH = 10


@dataclass(slots=True)
class _Row:
    price: Decimal
    price_text: str = ""
    size: Decimal = Decimal(0)
    own: str = ""


def _side(session: Fields, book: str, own: str, *, best_is_high: bool) -> list[_Row]:
    # All levels of one side, best first.
    found: dict[Decimal, _Row] = {}
    for entry in rows(session, book):
        price = decimal(entry[0])
        if price is not None:
            row = found.setdefault(price, _Row(price))
            row.size = (decimal(entry[1]) if len(entry) > 1 else None) or Decimal(0)
    for entry in rows(session, own):
        price = decimal(entry[0])
        if price is not None:
            row = found.setdefault(price, _Row(price))
            row.own = f"{row.own}+{entry[1]}" if row.own and len(entry) > 1 else str((*entry, "?")[1])
    return sorted(found.values(), key=lambda row: row.price, reverse=best_is_high)


def _fitting(side: list[_Row], levels: int) -> list[_Row]:
    own = [row for row in side[1:] if row.own]
    kept = [*side[:1], *own[: max(0, levels - 1)]]
    for row in side[1:]:
        if len(kept) >= levels:
            break
        if not row.own:
            kept.append(row)
    return [row for row in side if any(row is one for one in kept)]


def ladder(session: Fields, levels: int) -> Table:
    """Return `levels` lines of asks, the mid, and as many of bids."""
    asks = _fitting(_side(session, "book_asks", "own_asks", best_is_high=False), levels)
    bids = _fitting(_side(session, "book_bids", "own_bids", best_is_high=True), levels)
    places = max((_decimals(row.price) for row in (*asks, *bids)), default=0)
    for row in (*asks, *bids):
        row.price_text = f"{row.price:.{places}f}"
    largest = max((row.size for row in (*asks, *bids)), default=Decimal(0))
    made = Table.grid(padding=(0, 1))
    made.add_column(justify="right", no_wrap=True, min_width=9)
    made.add_column(justify="right", no_wrap=True, min_width=10)
    made.add_column(no_wrap=True, width=BAR_WIDTH)
    for _ in range(levels - len(asks)):
        made.add_row("", "", "")
    for row in reversed(asks):
        made.add_row(*_line(row, "red", largest))
    made.add_row(*_middle(session, asks, bids))
    for row in bids:
        made.add_row(*_line(row, "green", largest))
    for _ in range(levels - len(bids)):
        made.add_row("", "", "")
    return made


def _decimals(price: Decimal) -> int:
    exponent = price.as_tuple().exponent
    return min(12, max(0, -exponent)) if isinstance(exponent, int) else 0


def _line(row: _Row, style: str, largest: Decimal) -> tuple[Text, Text, Text]:
    width = int(BAR_WIDTH * row.size / largest) if largest > 0 else 0
    own = Text(f"{row.own} ▶" if row.own else "", style=f"bold {style}")
    return own, Text(row.price_text, style=style), Text("▇" * width, style=f"dim {style}")


def _middle(session: Fields, asks: list[_Row], bids: list[_Row]) -> tuple[Text, Text, Text]:
    mid = number(session, "mid")
    spread = ""
    if asks and bids and mid:
        spread = f"{(asks[0].price - bids[0].price) / mid * 10_000:.2f} bps"
    return Text("own  ", style="dim"), Text(text(session, "mid"), style="bold"), Text(spread, style="dim")
