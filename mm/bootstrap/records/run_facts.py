"""What a recorded run was, as the projection and the exports need it: from the head of its journal.

A run of an older mm is read too: its config is not validated anew. Invariant: what cannot be read is left
out, never guessed.
"""

import tomllib
from pathlib import Path

from mm.bootstrap.recipe import Recipe, read_recipe
from mm.domain.ids import OrderIds
from mm.errors import JournalForeign
from mm.store.journal.entries import Family, RunHeader
from mm.store.journal.layout import segment_path, segments
from mm.store.projection.facts import RunFacts


def facts_of(header: RunHeader) -> RunFacts:
    """Return the facts of a run; without sessions and instruments if its head does not say them."""
    try:
        recipe = read_recipe(header.config_text)
    except JournalForeign:
        return RunFacts(run_id=header.run_id, epoch=header.epoch)
    return RunFacts(
        run_id=header.run_id,
        epoch=header.epoch,
        mode=_mode(recipe),
        sessions=tuple(recipe.targets),
        symbols=tuple(instrument.symbol for instrument in recipe.instruments),
        instruments={one.symbol: one for one in (*recipe.instruments, *recipe.watched)},
        ids=OrderIds(tag=recipe.tag, key=bytes.fromhex(recipe.key)),
        config_text=recipe.text,
        revision=recipe.revision,
    )


def family_bytes(journal: Path, family: Family) -> int:
    """Return the size of the segments of one family of a journal; what is gone by now counts nothing."""
    paths = [segment_path(journal, family, number) for number in segments(journal, family)]
    return sum(path.stat().st_size for path in paths if path.exists())


def _mode(recipe: Recipe) -> str:
    try:
        mode = tomllib.loads(recipe.text).get("mode")
    except tomllib.TOMLDecodeError:
        return ""
    return mode if isinstance(mode, str) else ""
