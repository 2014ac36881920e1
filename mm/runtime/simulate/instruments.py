"""What is traded in the simulation: two symbols with round numbers, by one deployment."""

from decimal import Decimal
from typing import Final

from mm.domain.ids import OrderIds
from mm.domain.instrument import Instrument, InstrumentSpec, make_instrument

EPOCH: Final = 5
"""The first life of a run; orders of lower ones may be left at the venue."""

IDS: Final = OrderIds(tag=7, key=b"simulated")


def _instrument(base: str) -> Instrument:
    # One tick of one lot is worth 1 000 quote atoms.
    return make_instrument(
        InstrumentSpec(
            symbol=f"{base}/BBB",
            venue_symbol=f"{base}BBB",
            base=base,
            quote="BBB",
            tick_size=Decimal("0.01"),
            lot_size=Decimal("0.001"),
            size_min=Decimal("0.001"),
            size_max=Decimal(1_000),
            maker_fee_ratio=Decimal("0.0002"),
            taker_fee_ratio=Decimal("0.0005"),
        )
    )


FIRST: Final = _instrument("AAA")
SECOND: Final = _instrument("CCC")
