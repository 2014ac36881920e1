"""Runs to be tested against: a life on paper in virtual time, its journal in a run's directory, its config.

The life is lived by the rig of `paper_rig.py`, which shares no loop with backtests: an engine over a paper
venue over a generated market, every step written down.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mm.bootstrap.backtest.engine import fresh_recipe
from mm.bootstrap.recipe import engine_from, recipe_text
from mm.bootstrap.reconfigure import preparation
from mm.bootstrap.run_paper import paper_settings
from mm.domain.events import ConfigApplied, Operation
from mm.settings.loader import load_settings, settings_of
from mm.store.config_history import text_digest
from mm.store.journal.entries import ConfigVersion, Kind, RunHeader
from mm.store.journal.journal import Journal
from mm.store.journal.layout import journal_directory, run_id
from mm.venues.paper import PaperVenue
from tests.builders.engine_rig import START_NS
from tests.builders.instruments import INSTRUMENT
from tests.builders.journals import Hasty
from tests.builders.paper_market import PublicMarket
from tests.builders.paper_rig import SECOND_NS, PaperRun

SYMBOL: Final = INSTRUMENT.symbol

CONFIG: Final = """\
mode = "paper"

[pair.main]
symbol = "{symbol}"
strategy = "{strategy}"

[pair.main.params]
{params}

[pair.main.inventory]
max_base = 2

[risk]
max_notional_quote = 100_000
max_order_notional_quote = 10_000
session_loss_quote = 50_000
open_loss_quote = 50_000
max_drawdown_ratio = 0.9

[paper]
start_base = 1_000
start_quote = 1_000_000
latency_mean_ms = 20
latency_p99_ms = 60
maker_fee_bps = 1
taker_fee_bps = 3
"""

PARAMS: Final[Mapping[str, str]] = {
    "pure_market_making": """\
bid_spread_bps = 2
ask_spread_bps = 2
order_amount_base = 0.02
order_refresh_time_ms = 1_000
order_levels = 2
order_level_spread_bps = 3
max_order_age_ms = 10_000
inventory_skew_enabled = true
""",
    "micro_price": """\
order_amount_base = 0.02
fair = "weighted"
spread_bps = 6
""",
}
"""Parameters that are traded with in the market of `PublicMarket`."""


def config(folder: Path, strategy: str = "pure_market_making", symbol: str = SYMBOL) -> Path:
    """Write a config for paper mode and return where it is."""
    path = folder / "mm.toml"
    text = CONFIG.format(symbol=symbol, strategy=strategy, params=PARAMS[strategy])
    path.write_text(text + "\n", encoding="utf-8")
    return path


def lived(
    folder: Path,
    path: Path,
    *,
    seconds: int,
    seed: int = 1,
    change: tuple[str, str] | None = None,
    lost: int = 0,
) -> Path:
    """Let the config at `path` live so long on a generated market, stop in order, and return the directory
    that the run left in `folder`.

    Args: change: of the config's text half way, what is replaced by what. lost: so many of the last records
    are not in the journal.
    """
    run, header = asyncio.run(_begun(path, seed))
    if change is not None:
        run.run(seconds * SECOND_NS // 2)
        _reconfigure(run, path, change)
        run.run(seconds * SECOND_NS // 2)
    else:
        run.run(seconds * SECOND_NS)
    run.operate(Operation.STOP)
    run.run(5 * SECOND_NS)
    directory = journal_directory(folder, header.run_id)
    with Journal.open(directory, header, disk=Hasty()) as journal:
        for record in run.records[: len(run.records) - lost]:
            journal.append(record.kind, record.ts_ns, record.entry)
    return directory.parent


def _reconfigure(run: PaperRun, path: Path, change: tuple[str, str]) -> None:
    text = path.read_text(encoding="utf-8").replace(*change)
    digest = text_digest(text)
    run.engine.prepare(2, preparation(run.engine)(settings_of(text, path, environ={})))
    run._record(run.now_ns, Kind.CONFIG, ConfigVersion(digest=digest, text=text, who="tester"))
    run.time.on_event(ConfigApplied(ts_ns=run.now_ns, revision=2, digest=digest, who="tester"))


async def _begun(path: Path, seed: int) -> tuple[PaperRun, RunHeader]:
    settings = load_settings(path, environ={})
    market = PublicMarket(INSTRUMENT, seed=seed)
    venue = PaperVenue(market, paper_settings(settings))
    recipe = fresh_recipe(settings, venue)
    await venue.start(lambda _: None)
    header = RunHeader(
        run_id=run_id(START_NS, 1),
        epoch=1,
        code_version="0.1.0",
        began_ns=START_NS,
        config_digest=text_digest(settings.text),
        config_text=recipe_text(recipe),
    )
    return PaperRun(market, venue, engine_from(recipe, settings)), header
