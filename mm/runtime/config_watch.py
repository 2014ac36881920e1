"""Watches the config file of a run, and takes edits over: by themselves once they rest, or when asked to.

Invariant: nothing that is half written, unreadable or wrong takes effect, the old config runs on, and each
such content is told once, however often it is looked at. What loosens a limit waits for a confirmation.
"""

import structlog

from mm.errors import ConfigError, MMError, NotConfirmed
from mm.runtime.reconfigure import LiveConfig
from mm.settings.loader import DEMO_FILE, read_text
from mm.store.config_history import text_digest

log = structlog.get_logger(__name__)


class ConfigWatch:
    """Takes over edits of the file: when it changed and came to rest, or when it is asked to.

    An edit is told once, however often it is looked at. What loosens a limit waits for a confirmation.
    """

    def __init__(self, live: LiveConfig) -> None:
        """Watch the file of `live`."""
        self._live = live
        self._candidate = ""

    def look(self) -> None:
        """Look at the file; take it over if it is new, and stood the same when it was last looked at."""
        if self._live.running.path == DEMO_FILE or not self._live.has_begun:
            return
        seen = self._seen()
        if seen == self._live.handled or self._live.is_announced(seen):
            self._candidate = ""
        elif seen != self._candidate:
            # An editor may be in the middle of it.
            self._candidate = seen
        else:
            self._take_over("file", "file")

    def reload(self, who: str) -> None:
        """Take the file over now; before the run has begun, as any edit once it has.

        Args: who: the name of the signal that asked.
        """
        if self._live.has_begun:
            self._take_over("hup", f"signal {who}")

    def _seen(self) -> str:
        try:
            return text_digest(read_text(self._live.running.path, again=True))
        except ConfigError as error:
            return str(error)

    def _take_over(self, origin: str, who: str) -> None:
        self._candidate = ""
        self._live.handled = seen = self._seen()
        self._live.reload_ok = False
        try:
            self._refuse_half()
            answer = self._live.apply(who=who, origin=origin, digest=seen)
        except NotConfirmed as error:
            log.warning("config.waits", error=str(error), hint=error.hint)
        except MMError as error:
            log.error("config.refused", error=str(error), hint=_and_runs_on(error.hint))
        else:
            name = "config.taken_over" if answer["applied"] else "config.unchanged"
            log.info(name, revision=answer["revision"], restart=answer["restart"])

    def _refuse_half(self) -> None:
        # What can be told by the text alone: a line without its end, and the old text cut off.
        path, old = self._live.running.path, self._live.accepted.text
        text = read_text(path, again=True)
        line = text.count("\n") + 1
        if text == old:
            return
        if not text.strip():
            raise ConfigError(f"{path}:1: empty: half written?", hint="the old config runs on")
        if not text.endswith("\n"):
            raise ConfigError(
                f"{path}:{line}: the last line has no end: half written?",
                hint="save it with a line break at the end, or: mm config apply",
            )
        if old.startswith(text):
            raise ConfigError(
                f"{path}:{line}: it ends where the config that runs goes on: half written?",
                hint="if that is meant: mm config apply",
            )


def _and_runs_on(hint: str) -> str:
    runs_on = "the old config runs on"
    return hint if runs_on in hint else f"{hint}; {runs_on}" if hint else runs_on
