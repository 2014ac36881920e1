"""What a backtest earned and why: its job is run again, and measured as the report of a run is.

Nothing is written, and nothing of the backtest's directory is changed. Invariant: a repetition that did not
do the same to the byte is told as a difference; its figures are never passed off as the backtest's.
"""

from dataclasses import replace
from pathlib import Path
from shlex import join

from mm.bootstrap.backtest.engine import head_of
from mm.bootstrap.backtest.job import BacktestJob
from mm.bootstrap.backtest.run import Prepared, Progress, prepared
from mm.bootstrap.backtest.runs import RESULT_NAME, read_result
from mm.bootstrap.recipe import settings_from
from mm.bootstrap.records.report import FillsHeard, ReportOptions, edited_notes, session_stories
from mm.errors import NotRunning
from mm.observe.fill_causes import cause_words
from mm.observe.report_story import Made, Story
from mm.runtime.backtest_result import BacktestResult


def is_backtest(directory: Path) -> bool:
    """Return whether a directory is that of a backtest which came to an end."""
    return (directory / RESULT_NAME).is_file()


class Repetition:
    """A backtest that is about to be run again. Fields: job, result: as they were left; header: of its
    journal; ready: the repetition; span_s: seconds of the data, for a progress bar.
    """

    def __init__(self, directory: Path, options: ReportOptions | None = None) -> None:
        """Read what was left, and open its data.

        Raises: StateCorrupt, ConfigError if it is no backtest's; what `prepared` raises if its data or config
        are not what they were.
        """
        self.job, self.result = read_result(directory)
        self.header, recipe = head_of(directory)
        self._settings = settings_from(recipe)
        self.ready: Prepared = prepared(_again(self.job, self.result, recipe.text, options))
        self.span_s = max(1, (self.ready.ends_ns - self.ready.begins_ns) // 1_000_000_000)

    def story(self, progress: Progress | None = None) -> Story:
        """Run it, once, and return what there is to tell of it.

        Raises: what a backtest raises; NotRunning if nothing happened in it.
        """
        ready = self.ready
        fills = FillsHeard(ready.analyst)
        ready.backtest.steps.hears = fills.hear
        made = ready.run(progress)
        if not ready.analyst.sessions:
            raise NotRunning(f"{self.header.run_id}: nothing happened in it: there is nothing to report")
        result = self.result
        return Story(
            run_id=self.header.run_id,
            mode="backtest",
            made=Made(
                kind="backtest",
                detail=result.fill_model,
                local=True,
                calibration=result.calibration,
                causes=cause_words(made.fills_by_cause),
            ),
            code_version=self.header.code_version,
            config_digest=self.header.config_digest,
            began_ns=made.began_ns,
            ended_ns=made.ended_ns,
            closed=not result.partial,
            broke=ready.analyst.failure,
            difference=_difference(result, made),
            sessions=session_stories(self._settings, ready.analyst, fills),
            account=ready.analyst.flows,
            account_residue=ready.analyst.residue_atoms(),
            again=command(self.job),
            notes=(*result.notes, *edited_notes(self._settings)),
        )


def command(job: BacktestJob) -> str:
    """Return the command that plays a job's data again, without its stretch of time."""
    parts = ["mm", "backtest", str(job.config), "--data", *(str(path) for path in job.data)]
    for override in job.overrides:
        parts += ["--set", override]
    facts = job.facts
    said = {
        "--queue": job.queue or None,
        "--latency": job.latency or None,
        "--base": facts.base,
        "--quote": facts.quote,
        "--tick": facts.tick_size,
        "--lot": facts.lot_size,
        "--info": facts.exchange_info,
        "--funding": job.funding,
    }
    for option, value in said.items():
        parts += [] if value is None else [option, str(value)]
    parts += [] if job.seed is None else ["--seed", str(job.seed)]
    parts += ["--reference"] if job.reference else []
    return join(parts)


# The config's text as it was then: what the file says by now is another matter. One that was broken off ends
# where it ended.
def _again(job: BacktestJob, result: BacktestResult, text: str, options: ReportOptions | None) -> BacktestJob:
    aversion = options.aversion if options is not None else job.aversion
    to_ns = result.ended_ns + 1 if result.partial else job.to_ns
    return replace(job, text=text, to_ns=to_ns, out_dir=None, aversion=aversion)


# One that was broken off was broken off at a moment that nobody can ask for again.
def _difference(result: BacktestResult, made: BacktestResult) -> str:
    if result.partial or result.digest == made.digest:
        return ""
    if result.data_digest != made.data_digest:
        return "its data are not what they were"
    return (
        f"digest {made.digest[:12]}, it was {result.digest[:12]}: by another version of mm, or another config"
    )
