"""How each venue spells an order, one row per venue, and whether an ack says what was asked.

There is no portable spelling of post-only, self-trade prevention or client ids, and what a venue does not
know it often drops in silence: so the row is sent as it stands, and the ack is held against it. Invariant: an
order whose ack differs from the row in a single point is reported, never taken for what was asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mm.domain.commands import Place, TimeInForce
from mm.domain.instrument import Instrument
from mm.domain.sides import Side


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """One venue's spelling.

    Fields: post_only, until_cancelled, at_once: parameters that make the kind of order. sides: of BUY, SELL.
    symbol, side, price, size, client_id, self_trade: names of the parameters. fixed: sent with every order.
    acked: parameter -> key of the ack that has to repeat it. cancel_id: parameter that names our id.
    """

    post_only: Mapping[str, str]
    until_cancelled: Mapping[str, str]
    at_once: Mapping[str, str]
    sides: tuple[str, str]
    symbol: str
    side: str
    price: str
    size: str
    client_id: str
    self_trade: str
    fixed: Mapping[str, str]
    acked: Mapping[str, str]
    cancel_id: str
    decimals: frozenset[str] = field(default=frozenset())
    """Parameters whose ack is compared as a number, not as text."""


ENCODINGS: Final[dict[str, Encoding]] = {
    "binance": Encoding(
        post_only={"type": "LIMIT_MAKER"},
        until_cancelled={"type": "LIMIT", "timeInForce": "GTC"},
        at_once={"type": "LIMIT", "timeInForce": "IOC"},
        sides=("BUY", "SELL"),
        symbol="symbol",
        side="side",
        price="price",
        size="quantity",
        client_id="newClientOrderId",
        self_trade="selfTradePreventionMode",
        fixed={"newOrderRespType": "FULL"},
        acked={
            "symbol": "symbol",
            "side": "side",
            "type": "type",
            "timeInForce": "timeInForce",
            "quantity": "origQty",
            "price": "price",
            "newClientOrderId": "clientOrderId",
            "selfTradePreventionMode": "selfTradePreventionMode",
        },
        cancel_id="origClientOrderId",
        decimals=frozenset({"quantity", "price"}),
    ),
}
"""The table: venue -> its row. A new venue is a new row with its golden wire test."""


def place_request(
    encoding: Encoding, instrument: Instrument, command: Place, *, self_trade_mode: str
) -> dict[str, str]:
    """Return the parameters that place `command`; prices and sizes are exact decimal texts."""
    if command.post_only:
        assert command.time_in_force is TimeInForce.GTC  # what must rest cannot end at once
        kind = encoding.post_only
    elif command.time_in_force is TimeInForce.IOC:
        kind = encoding.at_once
    else:
        kind = encoding.until_cancelled
    return {
        encoding.symbol: instrument.venue_symbol,
        encoding.side: encoding.sides[command.side is Side.SELL],
        **kind,
        encoding.size: instrument.size_text(command.size_lots),
        encoding.price: instrument.price_text(command.price_ticks),
        encoding.client_id: command.cid,
        encoding.self_trade: self_trade_mode,
        **encoding.fixed,
    }


def ack_mismatch(encoding: Encoding, asked: Mapping[str, str], ack: Mapping[str, Any]) -> str:
    """Return what the ack says otherwise than was asked, "" if nothing."""
    wrong = []
    for name, key in encoding.acked.items():
        if name not in asked:
            continue
        said = str(ack.get(key, "nothing"))
        same = plain(said) == plain(asked[name]) if name in encoding.decimals else said == asked[name]
        if not same:
            wrong.append(f"{key} {said}, asked {asked[name]}")
    return "; ".join(wrong)


def plain(text: str) -> str:
    """Return a decimal text without the zeros that do not count: "010.500" and "10.5" are the same."""
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{fraction}" if fraction else whole
