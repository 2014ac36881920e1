"""The form of hftbacktest's files (npz, version 2): rows of ev, exch_ts, local_ts, px, qty and more.

What is local there is what was received: those rows, in the order of local_ts, are the recording; rows for
the exchange alone repeat them at the venue's time. Numbers are doubles. Read in pieces, through NumPy of the
research extra: import this module late. Must never round: a number is put on the grid exactly, or refused.
"""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np
from numpy.lib import format as npy

from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_MS
from mm.errors import RecordingDamaged, RecordingUnusable

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEPTH_EVENT: Final = 1
TRADE_EVENT: Final = 2
DEPTH_CLEAR_EVENT: Final = 3
DEPTH_SNAPSHOT_EVENT: Final = 4
DEPTH_BBO_EVENT: Final = 5
ADD_ORDER_EVENT: Final = 10
CANCEL_ORDER_EVENT: Final = 11
MODIFY_ORDER_EVENT: Final = 12
FILL_EVENT: Final = 13
KIND_MASK: Final = 0xFF
"""The kinds of rows, in the lowest byte of `ev`; 10 and above are of single orders: one joins its queue, is
gone whole, has another size or price, or traded, which changes nothing until a row of its own says so.
"""

ORDER_EVENTS: Final = (ADD_ORDER_EVENT, CANCEL_ORDER_EVENT, MODIFY_ORDER_EVENT, FILL_EVENT)

GONE_AGAIN_EVENT: Final = 64
"""A kind of ours: of an order that was gone is told once more that it is. Other readers pass it over."""

EXCH_EVENT: Final = 1 << 31
LOCAL_EVENT: Final = 1 << 30
BUY_EVENT: Final = 1 << 29
SELL_EVENT: Final = 1 << 28
"""The flags of rows: for whom they are, and of which side; of a trade the side that took."""

DATA_NAME: Final = "data.npy"
FACTS_NAME: Final = "mm.json"
"""The array, and beside it what we know of a file that was made here; other readers pass it over."""

ROW_BYTES: Final = 64
PIECE_ROWS: Final = 131_072
NAMES: Final = ("ev", "exch_ts", "local_ts", "px", "qty", "order_id", "ival", "fval")
FORMATS: Final = ("<u8", "<i8", "<i8", "<f8", "<f8", "<u8", "<i8", "<f8")

EVENT_DTYPE: Final = np.dtype(list(zip(NAMES, FORMATS, strict=True)))

UNTIMED: Final = 1.0
"""`fval` of a row of ours whose venue's time is not told: its `exch_ts` is made up, so that rows have an
order.
"""

LOST_HERE: Final = 2.0
"""`fval` of a row of ours that clears a book because it was lost."""

NO_TIME: Final = -(2**62)
"""`exch_ts` of a row that is being made, until it gets one."""

ZIP_MAGIC: Final = b"PK"
_EXACT_MAX: Final = 2**53
_SLACK: Final = 0.001
_SLACK_RATIO: Final = 4e-16
"""How far a double may lie beside the whole number that it means: it is the one nearest to a decimal."""


class NpzFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What we write beside the rows. Fields: instrument; market: as `Market`; exch_shift_ns: was taken from
    the venue's times so that none lies behind the local one; lost: reasons of the lost books, in order.
    """

    instrument: Instrument
    market: str
    exch_shift_ns: int
    lost: tuple[str, ...] = ()


class NpzRow(NamedTuple):
    """A row for the local side, on a grid.

    Fields: number: in its file, from 1; kind: *_EVENT; side: 1, -1, 0 without one; price, size: on the grid;
    cut: whether the price is a bound: a row that clears all has none; order_id: 0 without one.
        The rest as in the file.
    """

    number: int
    kind: int
    side: int
    exch_ns: int
    local_ns: int
    price: int
    size: int
    ival: int
    fval: float
    cut: bool
    order_id: int


class NpzFile:
    """One file. Fields: path; facts: ours, None in the files of others; count: of rows."""

    def __init__(self, path: Path) -> None:
        """Read its header. Raises: RecordingUnusable; RecordingDamaged."""
        self.path = path
        self.facts: NpzFacts | None = None
        with self._opened() as (file, facts):
            self.count = self._check_header(file)
            if facts is not None:
                self.facts = self._decoded(facts)

    def pieces(self) -> Iterator[tuple[int, "NDArray[np.void]"]]:
        """Yield the rows in pieces, each with the number of its first row. Raises: RecordingDamaged."""
        with self._opened() as (file, _):
            self._check_header(file)
            first = 1
            while first <= self.count:
                wanted = min(PIECE_ROWS, self.count - first + 1)
                try:
                    content = file.read(wanted * ROW_BYTES)
                except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
                    raise self.damage(first, f"the archive is damaged here or before: {error}") from None
                whole = len(content) // ROW_BYTES
                if whole < wanted:
                    raise self.damage(
                        first + whole, f"the file is truncated: {self.count} rows are announced"
                    )
                yield first, np.frombuffer(content, dtype=EVENT_DTYPE)
                first += wanted

    def damage(self, row: int, reason: str) -> RecordingDamaged:
        """Return the error of a row."""
        return RecordingDamaged(
            f"{self.path}: damaged at row {row}: {reason}",
            path=str(self.path),
            line=row,
            offset=(row - 1) * ROW_BYTES,
            hint="copy or convert the file again; nothing was quoted on it",
        )

    @contextmanager
    def _opened(self) -> Iterator[tuple[IO[bytes], bytes | None]]:
        try:
            with self.path.open("rb") as plain:
                if plain.read(2) != ZIP_MAGIC:
                    plain.seek(0)
                    yield plain, None
                    return
            with zipfile.ZipFile(self.path) as archive:
                names = archive.namelist()
                arrays = [name for name in names if name.endswith(".npy")]
                name = DATA_NAME if DATA_NAME in arrays else arrays[0] if len(arrays) == 1 else ""
                if not name:
                    raise RecordingUnusable(
                        f"{self.path}: holds {', '.join(names) or 'nothing'}, expected data"
                    )
                facts = archive.read(FACTS_NAME) if FACTS_NAME in names else None
                with archive.open(name) as file:
                    yield file, facts
        except zipfile.BadZipFile as error:
            raise RecordingDamaged(
                f"{self.path}: the archive is damaged or truncated: {error}",
                path=str(self.path),
                hint="copy or convert the file again",
            ) from None
        except OSError as error:
            raise RecordingUnusable(f"{self.path}: cannot be read: {error.strerror or error}") from None

    def _check_header(self, file: IO[bytes]) -> int:
        try:
            version = npy.read_magic(file)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, is_fortran, dtype = read(file)
        except (ValueError, EOFError, zlib.error) as error:
            raise RecordingUnusable(f"{self.path}: holds no array: {error}") from None
        if dtype.names is None or len(shape) != 1 or is_fortran:
            raise RecordingUnusable(
                f"{self.path}: holds an array of {dtype} with {len(shape)} dimensions, expected rows of"
                f" {', '.join(NAMES)}",
                hint="version 1 of hftbacktest had another form: convert it with its version 2",
            )
        found = [(name, dtype[name].str) for name in dtype.names]
        if found != list(zip(NAMES, FORMATS, strict=True)) or dtype.itemsize != ROW_BYTES:
            raise RecordingUnusable(
                f"{self.path}: its columns are {', '.join(f'{name} {kind}' for name, kind in found)}",
                hint=f"expected {', '.join(' '.join(one) for one in zip(NAMES, FORMATS, strict=True))}",
            )
        return int(shape[0])

    def _decoded(self, content: bytes) -> NpzFacts:
        try:
            return msgspec.json.decode(content, type=NpzFacts)
        except msgspec.DecodeError as error:
            raise RecordingUnusable(f"{self.path}: {FACTS_NAME} is not ours: {error}") from None


def venue_ms_of(row: NpzRow, facts: NpzFacts | None) -> int:
    """Return the venue's time of a row, 0 where none is told. Args: facts: None: the file is of others."""
    if facts is None:
        return max(0, row.exch_ns // NS_PER_MS)
    return 0 if row.fval in (UNTIMED, LOST_HERE) else (row.exch_ns + facts.exch_shift_ns) // NS_PER_MS


def doubles_of(atoms: "NDArray[np.int64]", scale: int, symbol: str) -> "NDArray[np.float64]":
    """Return units of 10^-scale as doubles. Raises: RecordingUnusable where one cannot hold them exactly."""
    if len(atoms) and int(np.abs(atoms).max()) > _EXACT_MAX:
        raise RecordingUnusable(
            f"{symbol}: {int(np.abs(atoms).max())} units of 10^-{scale} are more than a double holds exactly"
        )
    # Whole numbers that a double holds, divided once: the double nearest to the decimal.
    return atoms / np.float64(10**scale)


class NpzScale(NamedTuple):
    """A grid. Fields: unit: what a double is multiplied by to be whole; step: what divides it then."""

    unit: int
    step: int


class NpzDecoder:
    """The rows of a file in integers of a grid; what is off the grid is an error with its row."""

    def __init__(self, file: NpzFile, prices: NpzScale, sizes: NpzScale) -> None:
        """Begin. Args: prices, sizes: the grids."""
        self._file = file
        self._prices, self._sizes = prices, sizes

    def rows(self) -> Iterator[NpzRow]:
        """Yield the rows for the local side. Raises: RecordingDamaged, RecordingUnusable."""
        last_ns = 0
        for first, piece in self._file.pieces():
            events = piece["ev"].tolist()
            locals_ns = piece["local_ts"].tolist()
            prices = self._integers(piece["px"].tolist(), self._prices, events, first, is_price=True)
            sizes = self._integers(piece["qty"].tolist(), self._sizes, events, first, is_price=False)
            rest = zip(
                events,
                piece["exch_ts"].tolist(),
                locals_ns,
                prices,
                sizes,
                piece["ival"].tolist(),
                piece["fval"].tolist(),
                piece["order_id"].tolist(),
                strict=True,
            )
            for number, (event, exch_ns, local_ns, price, size, ival, fval, order_id) in enumerate(
                rest, start=first
            ):
                if not event & LOCAL_EVENT:
                    continue
                if local_ns < last_ns:
                    raise RecordingUnusable(
                        f"{self._file.path}: row {number}: local time goes back by {last_ns - local_ns} ns",
                        hint="correct_event_order of hftbacktest.data puts such a file in order",
                    )
                last_ns = local_ns
                side = 1 if event & BUY_EVENT else -1 if event & SELL_EVENT else 0
                kind = event & KIND_MASK
                cut = price is not None
                place = number, kind, side, exch_ns, local_ns
                yield NpzRow(*place, price or 0, size or 0, ival, fval, cut, order_id)

    def _integers(
        self, values: list[float], scale: NpzScale, events: list[int], first: int, *, is_price: bool
    ) -> list[int | None]:
        unit, step = scale
        found: list[int | None] = []
        for value in values:
            atoms = value * unit
            if not abs(atoms) <= _EXACT_MAX:  # not a number, too
                self._check_bound(value, events[len(found)], first + len(found), is_price=is_price)
                found.append(None)
                continue
            nearest = round(atoms)
            whole, rest = divmod(nearest, step)
            if rest or abs(atoms - nearest) > max(_SLACK, atoms * _SLACK_RATIO) or nearest < 0:
                name = "px" if is_price else "qty"
                raise self._file.damage(
                    first + len(found),
                    f"{name} was {value!r}, expected a multiple of {step / unit:.12g}, not below 0",
                )
            found.append(whole)
        return found

    # A row that clears a book whole may name no price.
    def _check_bound(self, value: float, event: int, row: int, *, is_price: bool) -> None:
        if event & KIND_MASK != DEPTH_CLEAR_EVENT or not is_price:
            raise self._file.damage(row, f"{'px' if is_price else 'qty'} was {value!r}")
