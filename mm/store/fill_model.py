"""How own orders fill, as measured from own orders: one file in the data directory, read by every backtest.

Written by `mm calibrate --fills RUN --write` alone. Must never claim more than it was measured on: what a
result says of itself is `said_of`, and a result by another queue model or of another symbol is uncalibrated.
Invariant: the file is read whole or not at all; one that was damaged or edited is an error, never a guess.
"""

from collections.abc import Iterable
from math import isfinite
from pathlib import Path
from typing import Final

import msgspec

from mm.errors import StateCorrupt
from mm.sim.queue import CUSTOMARY_POWERS, QueueModel
from mm.store.paths import private_directory
from mm.store.sealed import SealedForm

FILE_NAME: Final = "fill_model.json"
VERSION: Final = 1
FILE_BYTES_MAX: Final = 1_000_000

UNCALIBRATED: Final = "uncalibrated"
"""What a result says whose fills were compared with nothing."""


class FillModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The queue model under which own orders fill as they did.

    Fields:
        queue: name as in `mm.sim.queue.QueueModel`, small letters; power: its exponent, None if it has none.
        power_interval: exponents that fit about as well (95 %), both None where the model has none.
        n: fills that it was measured on, partial ones of an order counted once; orders: all that were looked
            at, filled or not; symbols: theirs, unified names.
        fill_ratio: share of the orders that filled; fill_interval: of it, 95 % (Wilson).
        predicted_ratio: what the model says of the same orders.
        began_ns, ended_ns: of the data, nanoseconds since 1970.
        data_digest: SHA-256 over what it was measured on; run: its id; mode: live, paper or demo.
    """

    version: int = VERSION
    queue: str
    power: float | None
    power_interval: tuple[float | None, float | None] = (None, None)
    n: int
    orders: int
    symbols: tuple[str, ...]
    fill_ratio: float
    fill_interval: tuple[float, float]
    predicted_ratio: float
    began_ns: int
    ended_ns: int
    data_digest: str
    run: str
    mode: str

    @property
    def queue_text(self) -> str:
        """The model as `--queue` takes it: "risk_averse", "power:2.5"."""
        return queue_text(self.queue, self.power)

    @property
    def words(self) -> str:
        """What a result by this model says of itself: "calibrated on 412 fills"; and where those were no
        venue's, that.
        """
        return f"calibrated on {self.n} fills" + {"paper": " on paper", "demo": " of a demo"}.get(
            self.mode, ""
        )


FORM: Final = SealedForm(
    kind=FillModel,
    name="model",
    version=VERSION,
    bytes_max=FILE_BYTES_MAX,
    what="a fill model",
    anew="remove it, or make it anew with `mm calibrate --fills RUN --write`; nothing was changed",
)


def queue_text(queue: str, power: float | None) -> str:
    """Return a queue model as `--queue` takes it."""
    return queue if power is None else f"{queue}:{power:g}"


def fill_model_words(data_dir: Path) -> FillModel | None:
    """Return what is known of own fills in a data directory, None if nothing is; its `words` say it.

    Raises: StateCorrupt if there is something that cannot be read as that.
    """
    try:
        return FORM.read(data_dir / FILE_NAME)
    except FileNotFoundError:
        return None


def said_of(known: FillModel | None, queue: str, power: float | None, symbols: Iterable[str]) -> str:
    """Return what a result says of its fills: "calibrated on n fills", or "uncalibrated", and why where
    something is known.

    Args: queue, power: by which it was made; power: None is the customary one; symbols: that it traded.
    """
    if known is None:
        return UNCALIBRATED
    if known.queue != queue.lower() or not _fits(known, power):
        return f"{UNCALIBRATED}: own fills fit {known.queue_text}, by which it was not made"
    foreign = [symbol for symbol in symbols if symbol not in known.symbols]
    if foreign:
        return f"{UNCALIBRATED}: own fills are known of {', '.join(known.symbols)}, not of {foreign[0]}"
    return known.words


def _fits(known: FillModel, power: float | None) -> bool:
    model = QueueModel.__members__.get(known.queue.upper())
    used = power if power is not None or model is None else CUSTOMARY_POWERS.get(model)
    low, high = known.power_interval
    if used is not None and low is not None and high is not None:
        return low <= used <= high
    return used == known.power


def write_fill_model(data_dir: Path, model: FillModel) -> Path:
    """Write what is known, whole or not at all, and return the path; what was known before is replaced.

    Raises: StateCorrupt if it cannot be written, or a number in it is none.
    """
    path = data_dir / FILE_NAME
    numbers = (model.fill_ratio, *model.fill_interval, model.predicted_ratio, model.power or 0.0)
    if not all(map(isfinite, numbers)):
        raise StateCorrupt(f"{path}: cannot be written: a number in it is none")
    try:
        private_directory(data_dir)
    except OSError as error:
        raise StateCorrupt(f"{path}: cannot be written: {error}") from None
    FORM.write(path, model)
    return path
