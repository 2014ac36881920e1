"""What a person says about recordings. Apart: commands read it before they choose what decides (`mm.native`),
so it must import nothing that is compiled.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a person says about files that do not say it themselves; None: what the files tell.

    Fields: venue: name of it. base, quote: the pair. tick_size, lot_size: the grid. exchange_info: file with
    the venue's answer about its instruments, JSON, plain or gzip.
    """

    venue: str | None = None
    base: str | None = None
    quote: str | None = None
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    exchange_info: Path | None = None
