"""Puts together what the metrics of a run are read from, and serves them where the config says.

Reads the run and never changes it. Invariant: nothing is opened unless `[metrics] http` names a place.
"""

from collections.abc import Callable

from mm import __version__
from mm.bootstrap.assemble import limits
from mm.observe.metrics import metrics_text
from mm.observe.metrics_read import Seen
from mm.observe.status import RunFacts
from mm.runtime.live import LiveRuntime
from mm.runtime.metrics_endpoint import MetricsEndpoint
from mm.runtime.reconfigure import LiveConfig
from mm.settings.listen import listen_of


class Meter:
    """The metrics of one run. Fields: config: of the run; facts: of the run, from its begin on."""

    def __init__(self, config: LiveConfig, runtime: LiveRuntime, written_bytes: Callable[[], int]) -> None:
        """Keep the parts. Args: written_bytes: of the journal so far."""
        settings = config.running
        self.config = config
        self.facts = RunFacts(
            mode=settings.mode,
            venue=next(iter(settings.venue.values())).id,
            strategies={name: pair.strategy for name, pair in settings.pair.items()},
            started_ns=runtime.now_ns(),
        )
        self._runtime = runtime
        self._written_bytes = written_bytes

    def text(self) -> str:
        """Return all metrics as of now."""
        runtime, config = self._runtime, self.config
        state = runtime.engine.state
        return metrics_text(
            Seen(
                state=state,
                counts=runtime.counts,
                analyst=runtime.analyst,
                facts=self.facts,
                version=__version__,
                now_ns=runtime.now_ns(),
                failure=runtime.failure,
                limits={
                    session.name: limits(config.running, session.name, session.setup.instrument)
                    for session in state.sessions
                },
                journal_bytes=self._written_bytes(),
                reload_ok=config.reload_ok,
                reloaded_ns=config.reloaded_ns,
            )
        )

    def endpoint(self) -> MetricsEndpoint | None:
        """Return what serves them, None where the config names no place."""
        listen = listen_of(self.config.running.metrics.http)
        return None if listen is None else MetricsEndpoint(listen, self.text)
