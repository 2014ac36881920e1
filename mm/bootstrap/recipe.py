"""What a run was made of, in one text at the head of its journal: enough to build the same engine again.

Holds no secret: a config refers to keys, it never has them, and the checksum key of order ids signs nothing.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from mm.bootstrap.assemble import deadlines, session_setup, started
from mm.domain.capabilities import Capabilities
from mm.domain.estate import Estate, SignalEstate
from mm.domain.ids import OrderIds
from mm.domain.instrument import Instrument
from mm.domain.quotes import Quotes
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.domain.view import View
from mm.engine.engine import Engine
from mm.engine.setup import EngineSetup, OnExternal, SessionSetup
from mm.errors import JournalForeign
from mm.settings.loader import settings_of
from mm.settings.models import Settings
from mm.settings.overlay import PREFIX
from mm.settings.strategies import strategy_class
from mm.signals.base import SignalSpec
from mm.strategies.base import Wake


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """A run's beginnings.

    Fields:
        path, text, overrides, variables: of the config: the file's path and text, what was laid over it.
        instruments: in the order of the sessions; watched: of markets that are only watched. caps: of the
            venue.
        tag, key: of the order ids, the key in hexadecimal. epoch, latched, inherits, revision, estate,
            signals, on_external: as in `EngineSetup`. targets: holding at which a session's inventory is 0,
            by its name, in the order of the sessions; None: as found.
    """

    path: str
    text: str
    overrides: tuple[str, ...]
    variables: dict[str, str]
    instruments: tuple[Instrument, ...]
    caps: Capabilities
    tag: int
    key: str
    epoch: int
    latched: str
    inherits: bool
    revision: int
    targets: dict[str, int | None]
    estate: Estate | None = None
    on_external: OnExternal = OnExternal.PAUSE
    watched: tuple[Instrument, ...] = ()
    signals: tuple[SignalEstate, ...] = ()


def recipe_of(settings: Settings, setup: EngineSetup, *, id_key: bytes) -> Recipe:
    """Return what an engine of `setup` was made of. Args: id_key: of the order ids."""
    return Recipe(
        path=str(settings.path.absolute()),
        text=settings.text,
        overrides=settings.overrides,
        variables={name: value for name, value in os.environ.items() if name.startswith(PREFIX)},
        instruments=tuple(session.instrument for session in setup.sessions),
        caps=setup.caps,
        tag=setup.ids.tag,
        key=id_key.hex(),
        epoch=setup.epoch,
        latched=setup.latched,
        inherits=setup.inherits,
        revision=setup.revision,
        targets={session.name: session.target_lots for session in setup.sessions},
        estate=setup.estate,
        on_external=setup.on_external,
        watched=setup.watched,
        signals=setup.signals,
    )


def recipe_text(recipe: Recipe) -> str:
    """Return a recipe as the text that a journal's header holds."""
    return msgspec.json.encode(recipe).decode()


def read_recipe(text: str) -> Recipe:
    """Return the recipe in a journal's header; raises JournalForeign if it is none of ours."""
    try:
        return msgspec.json.decode(text, type=Recipe)
    except msgspec.DecodeError as error:
        raise JournalForeign(f"the journal does not say what its run was made of: {error}") from None


def settings_from(recipe: Recipe, text: str | None = None) -> Settings:
    """Return the settings of a recipe, or what another text of the file would have made of them.

    Raises: ConfigError if the text is no config for this version of mm.
    """
    return settings_of(
        recipe.text if text is None else text, Path(recipe.path), recipe.overrides, recipe.variables
    )


def engine_from(recipe: Recipe, settings: Settings) -> Engine:
    """Return a new engine made as the recorded run's was; raises ConfigError, as at a start."""
    named: Mapping[str, Instrument] = dict(zip(settings.pair, recipe.instruments, strict=True))
    sessions = []
    for name, instrument in named.items():
        found = strategy_class(settings.pair[name].strategy, settings.path.parent)
        strategy = started(settings, name, instrument, found)
        target_lots = recipe.targets[name]
        sessions.append(session_setup(settings, name, instrument, strategy, target_lots=target_lots))
    return Engine(
        EngineSetup(
            ids=OrderIds(tag=recipe.tag, key=bytes.fromhex(recipe.key)),
            epoch=recipe.epoch,
            caps=recipe.caps,
            sessions=tuple(sessions),
            deadlines=deadlines(settings),
            reference_window_ns=settings.risk.reference.window_ms * NS_PER_MS,
            latched=recipe.latched,
            inherits=recipe.inherits,
            revision=recipe.revision,
            estate=recipe.estate,
            on_external=recipe.on_external,
            watched=recipe.watched,
            signals=recipe.signals,
            signals_age_ns_max=settings.signals.max_age_s * NS_PER_S,
        )
    )


def fold_setup(recipe: Recipe) -> EngineSetup:
    """Return what is needed to follow a recorded run without deciding anything: no strategy, no rule, so that
    a strategy that does not load any more keeps nobody from knowing what it left.
    """
    named = zip(recipe.targets, recipe.instruments, strict=True)
    return EngineSetup(
        ids=OrderIds(tag=recipe.tag, key=bytes.fromhex(recipe.key)),
        epoch=recipe.epoch,
        caps=recipe.caps,
        estate=recipe.estate,
        sessions=tuple(
            SessionSetup(name=name, instrument=instrument, strategy=_Follower(), rules=())
            for name, instrument in named
        ),
    )


class _Follower:
    # Stands where a strategy was: a record that is followed is not decided anew.
    needs: tuple[SignalSpec, ...] = ()
    wake = Wake()

    def initial_memory(self) -> object:
        return None

    def quotes(self, view: View[object]) -> Quotes[object]:
        raise AssertionError(f"asked for quotes at {view.ts_ns}, although nothing is decided")
