"""Instruments for tests: one with small round numbers, and its changes."""

from decimal import Decimal

from mm.domain.instrument import Instrument, InstrumentSpec, make_instrument

TEXTS = ("symbol", "venue_symbol", "base", "quote")
COUNTS = ("open_orders_max",)


def make_spec(**changes: object) -> InstrumentSpec:
    """Return a specification with tick 0.01 and lot 0.001, `changes` applied (decimals may be texts)."""
    fields: dict[str, object] = {
        "symbol": "AAA/BBB",
        "venue_symbol": "AAABBB",
        "base": "AAA",
        "quote": "BBB",
        "tick_size": "0.01",
        "lot_size": "0.001",
        "size_min": "0.001",
        "size_max": "1000",
        "maker_fee_ratio": "0.0002",
        "taker_fee_ratio": "0.0005",
    }
    exact = {
        name: value if name in TEXTS or name in COUNTS else Decimal(str(value))
        for name, value in (fields | changes).items()
    }
    return InstrumentSpec(**exact)  # type: ignore[arg-type] # the caller names the fields


def make_test_instrument(**changes: object) -> Instrument:
    """Return the instrument of `make_spec`: one tick of one lot is worth 1 000 quote atoms."""
    return make_instrument(make_spec(**changes))


INSTRUMENT = make_test_instrument()
"""The instrument of most tests: tick 0.01, lot 0.001, fees 200 and 500 ppm."""

OTHER = make_test_instrument(symbol="CCC/BBB", venue_symbol="CCCBBB", base="CCC")
"""A second one with the same quote asset."""
