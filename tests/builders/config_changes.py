"""Changes of the config for tests of the engine: on a `Rig`, as a runtime brings them."""

from collections.abc import Sequence

from mm.domain.commands import AnyCommand
from mm.domain.events import ConfigApplied
from mm.engine.preview import Preview, preview
from mm.engine.setup import Deadlines, NewSetup, SessionSetup
from tests.builders.engine_rig import Rig


def applied(rig: Rig, revision: int = 1) -> ConfigApplied:
    """Return the event of a revision, now."""
    return ConfigApplied(ts_ns=rig.now_ns, revision=revision, digest="d" * 64, who="tester")


def new_setup(*sessions: SessionSetup, deadlines: Deadlines | None = None) -> NewSetup:
    """Return what a change brings."""
    return NewSetup(sessions=sessions, deadlines=deadlines or Deadlines())


def change(
    rig: Rig, *sessions: SessionSetup, deadlines: Deadlines | None = None, revision: int = 1
) -> Sequence[AnyCommand]:
    """Put other setups in force; return the commands of that step."""
    rig.engine.prepare(revision, new_setup(*sessions, deadlines=deadlines))
    return rig.step(applied(rig, revision))


def foreseen(rig: Rig, *sessions: SessionSetup) -> Preview:
    """Return what the same change would do."""
    return preview(rig.engine, applied(rig), new_setup(*sessions))
