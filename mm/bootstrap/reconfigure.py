"""The config of a run as its history and its engine take it: the first revision, and what a change brings."""

from collections.abc import Callable

from mm.bootstrap.assemble import deadlines, session_setup, started
from mm.bootstrap.other_markets import check_known
from mm.engine.engine import Engine
from mm.engine.session import Session
from mm.engine.setup import NewSetup, OnExternal, SessionSetup
from mm.runtime.reconfigure import new_revision
from mm.settings.models import Settings
from mm.settings.strategies import StrategyClass
from mm.store.config_history import ConfigHistory, text_digest


def begin_revision(settings: Settings, history: ConfigHistory) -> int:
    """Return the revision of the config that a run begins with; a text that is new is kept and noted.

    Raises: StateCorrupt if that cannot be written.
    """
    newest = history.newest()
    if newest is not None and newest.digest == text_digest(settings.text):
        return newest.revision
    revision = history.keep(settings.text)
    history.note(new_revision(settings, revision, who="mm", origin="start"))
    return revision


def preparation(engine: Engine) -> Callable[[Settings], NewSetup]:
    """Return what makes settings ready for `engine`, which runs the same sessions on the same symbols.

    It raises ConfigError if parameters or limits do not fit an instrument.
    """

    def prepare(settings: Settings) -> NewSetup:
        sessions = tuple(_session(settings, session) for session in engine.state.sessions)
        check_known(sessions, engine.state.books)
        on_external = OnExternal(settings.account.on_external)
        return NewSetup(sessions=sessions, deadlines=deadlines(settings), on_external=on_external)

    return prepare


def _session(settings: Settings, session: Session) -> SessionSetup:
    setup, params = session.setup, settings.pair[session.name].params
    # The class that runs, not what its reference leads to by now: its file may have been edited since.
    found = StrategyClass(settings.pair[session.name].strategy, type(setup.strategy), type(params))
    strategy = started(settings, session.name, setup.instrument, found)
    return session_setup(settings, session.name, setup.instrument, strategy, target_lots=setup.target_lots)
