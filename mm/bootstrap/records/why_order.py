"""The life of one order, from the journals: what was asked, what the venue said, and why it was asked.

What happened is read from our own records, which are kept for ever. Why it was placed and cancelled is
computed again, as far as the market data of that time are still there. Nothing is written.
"""

from dataclasses import replace
from pathlib import Path

from mm.bootstrap.recipe import Recipe, read_recipe
from mm.bootstrap.records.replay_run import repetition
from mm.bootstrap.records.why import Progress, Records
from mm.domain.commands import Cancel, Place, Report
from mm.domain.ids import OrderId, OrderIds
from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_MS
from mm.engine.explain import Explanation, Outcome, explanation
from mm.engine.gates import Verdict
from mm.engine.session import SessionState
from mm.engine.trace import Chain, Trace
from mm.errors import ConfigError, NotRunning, StateCorrupt
from mm.observe.order_life import Moment, moment
from mm.observe.why import sentence
from mm.observe.why_words import phrase
from mm.store.journal.entries import COMMAND, EVENT, OUTCOME
from mm.store.journal.layout import JOURNAL_NAME, RunPlace, no_run
from mm.store.journal.reader import read

LIVES_MAX = 3
"""Runs that are looked through: the one that placed it, and those that may have inherited it."""


async def order_life(places: list[RunPlace], cid: str, progress: Progress) -> dict[str, object]:
    """Return what happened to the order of that id, and why it was placed and cancelled.

    Args: places: the runs of a data directory, newest first, or the one that is meant.
    Raises: NotRunning if no run knows it; StateCorrupt and its kin if a journal cannot be read.
    """
    if not places:
        raise NotRunning("there is no recorded run", hint="start one with `mm demo` or `mm run CONFIG`")
    recipe = _recipe(places[0].directory)
    decoded = OrderIds(tag=recipe.tag, key=bytes.fromhex(recipe.key)).decode(cid)
    if decoded is None:
        raise ConfigError(
            f"{cid[:40]!r} is no order id of this data directory",
            hint="`mm orders` and `mm fills --json` tell the ids",
        )
    # A copy under another name does not tell which life it was: it is looked through.
    lives = [place for place in reversed(places) if not 0 < place.epoch < decoded.epoch][:LIVES_MAX]
    moments: list[tuple[str, Moment]] = []
    for place in lives:
        moments += [(place.run_id, one) for one in _moments(place.directory, cid, decoded)]
    if not moments:
        raise NotRunning(f"no record of order {cid} is in {_named(lives)}", hint="its run may be elsewhere")
    last_asked = [one for _, one in moments if one.what == "cancel sent"][-1:]
    causes, unexplained = await _causes(lives[0].directory, cid, moments[-1][1].ts_ns, progress)
    return {
        "cid": cid,
        "run": moments[0][0],
        "placed": causes.get("placed"),
        "cancelled": causes.get("cancelled", last_asked[0].words if last_asked else None),
        "unexplained": unexplained,
        "moments": [
            {
                "ts_ms": one.ts_ns // NS_PER_MS,
                "ts_ns": one.ts_ns,
                "run": run,
                "what": one.what,
                "words": one.words,
            }
            for run, one in moments
        ],
    }


def _named(lives: list[RunPlace]) -> str:
    return ", ".join(place.run_id for place in lives) or "any run"


def _recipe(directory: Path) -> Recipe:
    reading = read(directory / JOURNAL_NAME, own_only=True)
    next(iter(reading), None)
    if reading.run is None:
        raise no_run(directory)
    return read_recipe(reading.run.config_text)


def _moments(directory: Path, cid: str, decoded: OrderId) -> list[Moment]:
    instrument: Instrument | None = None
    name, standing = "", ""
    found = []
    reading = read(directory / JOURNAL_NAME, kinds=(EVENT, OUTCOME, COMMAND), own_only=True)
    for record in reading:
        if instrument is None:
            assert reading.run is not None  # a record has been read
            recipe = read_recipe(reading.run.config_text)
            at = min(decoded.session, len(recipe.instruments) - 1)
            name, instrument = list(recipe.targets)[at], recipe.instruments[at]
        if isinstance(record.entry, Report):
            standing = _standing(record.entry, name, standing)
        one = moment(record.ts_ns, record.entry, cid, instrument)  # type: ignore[arg-type] # by its kind
        if one is not None:
            if isinstance(record.entry, Cancel):
                one = replace(one, words=standing)
            found.append(one)
    return found


def _standing(report: Report, name: str, before: str) -> str:
    # What a session is doing since this report, "" while it quotes: cancels that no decision sent come of it.
    if report.code != "session.state" or report.session != name:
        return before
    facts = dict(report.facts)
    state = facts.get("state", "?")
    return "" if state == SessionState.ACTIVE else f"the session is {state}: {facts.get('reason', '?')}"


async def _causes(directory: Path, cid: str, until_ns: int, progress: Progress) -> tuple[dict[str, str], str]:
    # Why it was placed and why it was cancelled, and "" or why that cannot be told.
    found: dict[str, str] = {}

    def look(chain: Chain) -> bool:
        for command in chain.commands:
            if isinstance(command, Place) and command.cid == cid:
                found["placed"] = _cause(explanation(chain), cid)
            elif isinstance(command, Cancel) and command.cid == cid:
                found["cancelled"] = _cause(explanation(chain), cid)
        return False

    try:
        records = Records(directory, until_ns=until_ns, progress=progress)
        engine, rerun = await repetition(records.run)
        engine.state.trace = Trace(look)
        result = rerun.run(records, closed=False)
        records.check()
    except (StateCorrupt, ConfigError) as error:
        return found, str(error)
    return found, "" if result.difference is None else "journal and computation part before its end"


def _cause(made: Explanation, cid: str) -> str:
    instrument = made.setup.instrument
    for fate in made.fates:
        if fate.cid == cid:
            narrowed = [
                phrase(gate, instrument)
                for gate in made.gates
                if (gate.side, gate.level) == (fate.side, fate.level)
                and gate.verdict is Verdict.CHANGED
                and gate.name != "differ"
            ]
            extra = (
                f"; narrowed by {'; '.join(narrowed)}" if narrowed and fate.outcome is Outcome.PLACED else ""
            )
            return sentence(fate, instrument) + extra
    # An exit, or an order that a halt of another session took away.
    return made.reason
