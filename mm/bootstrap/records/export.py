"""Own fills of all recorded runs of a data directory, as rows of text: for taxes, books and spreadsheets.

Exact: every amount is made from the journal's integers. A fill that a later run listed again is told once.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mm.bootstrap.recipe import Recipe, read_recipe, settings_from
from mm.domain.events import OrderFilled
from mm.domain.ids import OrderIds
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.domain.units import SCALE_MIN, text_from_atoms
from mm.store.journal.entries import EVENT, OUTCOME, Record
from mm.store.journal.layout import RunPlace, no_run, runs
from mm.store.journal.reader import read

FILL_COLUMNS: Final = (
    "time_utc",
    "run",
    "mode",
    "session",
    "symbol",
    "side",
    "price",
    "size",
    "base",
    "value",
    "quote",
    "fee",
    "fee_asset",
    "liquidity",
    "trade_id",
    "client_order_id",
)
"""Names of the columns; amounts are decimals in whole units of the asset named beside them."""


def fill_rows(data_dir: Path, *, since_ns: int = 0) -> Iterator[tuple[str, ...]]:
    """Yield the fills of every run, oldest run first, one text per column of `FILL_COLUMNS`.

    Args: since_ns: leaves out what is older, by the run's own time.
    Raises: StateCorrupt if there is no run; JournalCorrupt, JournalForeign if one cannot be read.
    """
    places = runs(data_dir)
    if not places:
        raise no_run(data_dir)
    seen: set[tuple[str, int]] = set()
    for place in reversed(places):
        for fill, told in _Run(place).fills():
            known = (fill.cid, fill.trade_id)
            if known not in seen and fill.ts_ns >= since_ns:
                seen.add(known)
                yield told


class _Run:
    # One recorded run; what it was made of is at its head.
    def __init__(self, place: RunPlace) -> None:
        self._place = place
        self._mode = ""
        self._ids: OrderIds
        self._sessions: tuple[str, ...] = ()
        self._instruments: dict[str, Instrument] = {}

    def fills(self) -> Iterator[tuple[OrderFilled, tuple[str, ...]]]:
        reading = read(self._place.journal, kinds=(EVENT, OUTCOME))
        for record in reading:
            fill = record.entry
            if not isinstance(fill, OrderFilled):
                continue
            if not self._mode:
                assert reading.run is not None  # a record has a header before it
                self._learn(read_recipe(reading.run.config_text))
            owner = self._ids.decode(fill.cid)
            if owner is not None:
                yield fill, self._told(fill, record, self._sessions[owner.session])

    def _learn(self, recipe: Recipe) -> None:
        settings = settings_from(recipe)
        self._mode = settings.mode
        self._sessions = tuple(settings.pair)
        self._ids = OrderIds(tag=recipe.tag, key=bytes.fromhex(recipe.key))
        self._instruments = {instrument.symbol: instrument for instrument in recipe.instruments}

    def _told(self, fill: OrderFilled, record: Record, session: str) -> tuple[str, ...]:
        instrument = self._instruments[fill.symbol]
        scales = {instrument.quote: instrument.quote_scale, instrument.base: instrument.base_scale}
        at = datetime.fromtimestamp(record.ts_ns // 1_000_000_000, UTC)
        return (
            f"{at:%Y-%m-%dT%H:%M:%S}.{record.ts_ns // 1_000 % 1_000_000:06d}Z",
            self._place.run_id,
            self._mode,
            session,
            fill.symbol,
            "buy" if fill.side is Side.BUY else "sell",
            instrument.price_text(fill.price_ticks),
            instrument.size_text(fill.size_lots),
            instrument.base,
            instrument.quote_text(instrument.notional_atoms(fill.price_ticks, fill.size_lots)),
            instrument.quote,
            text_from_atoms(fill.fee_atoms, scales.get(fill.fee_asset, SCALE_MIN)),
            fill.fee_asset,
            "maker" if fill.maker else "taker",
            str(fill.trade_id),
            fill.cid,
        )
