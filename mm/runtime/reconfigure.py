"""The config of a run while it runs: what it is, what an edit would do, and putting it in force.

An edit is read whole, validated as at the start, compared with what runs, tried on a copy of the engine, kept
on the disk, and only then handed to the engine as one event. Invariant: a limit is never loosened without a
confirmation of exactly that text; whatever is wrong with an edit, the old config runs on.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

import structlog
from msgspec import structs

from mm.domain.events import AnyEvent, ConfigApplied
from mm.domain.units import NS_PER_S
from mm.engine.engine import Engine
from mm.engine.preview import Preview, preview
from mm.engine.setup import NewSetup
from mm.errors import ConfigError, NotConfirmed, TimedOut
from mm.runtime.plan_rows import change_rows, fate_counts, order_rows, stake_rows, value_rows
from mm.settings.change import Change, changes, in_force, to_confirm
from mm.settings.loader import DEMO_FILE, FILE_BYTES_MAX, read_text, settings_of
from mm.settings.models import Settings
from mm.store.config_history import ConfigHistory, Revision, text_digest
from mm.store.journal.entries import ConfigVersion
from mm.strategies.base import Applies

log = structlog.get_logger(__name__)

ANNOUNCED_NS: Final = 10 * NS_PER_S
"""So long a text that was planned is left to whoever planned it: it is about to be confirmed or dropped."""

SEEN_MAX: Final = 200
"""Configs that were in force, the newest of them, that are kept for the verdict at the end of a run."""

TOLD: Final = ("changes", "restart", "counts", "halts", "sessions")
"""What of a plan goes into the log."""

Answer = dict[str, object]


class Runs(Protocol):
    """The run that is reconfigured. Fields: failure: "" or what broke: then the core is not called."""

    engine: Engine
    failure: str

    def now_ns(self) -> int:
        """Return the core's time."""
        ...

    def record_config(self, version: ConfigVersion) -> None:
        """Write down a configuration that is about to be applied; raises JournalFailed."""
        ...

    def sink(self, event: AnyEvent) -> None:
        """Take in an event."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an edit would do.

    Fields: digest: of the text; new: what it describes; merged: what of it would be in force; setup: the same
    for the engine; found: all changes; confirm: those that need it; seen: None if nothing applies now.
    """

    digest: str
    new: Settings
    merged: Settings
    setup: NewSetup
    found: tuple[Change, ...]
    confirm: tuple[Change, ...]
    seen: Preview | None

    @property
    def waiting(self) -> list[str]:
        """Keys that wait for a restart."""
        return [change.key for change in self.found if change.applies is Applies.RESTART]


class LiveConfig:
    """The config of one run.

    Fields: running: in force; accepted: the newest that was taken, of which some may wait for a restart;
    seen: those that were in force, the newest `SEEN_MAX` of them; revision: of the newest; handled: digest of
    the newest text that was dealt with. reload_ok: whether the last attempt to take the file over was carried
    out; reloaded_ns: when one last was, or the begin, the core's time.
    """

    def __init__(
        self,
        settings: Settings,
        runtime: Runs,
        history: ConfigHistory,
        prepare: Callable[[Settings], NewSetup],
    ) -> None:
        """Begin with what the run was started with. Args: prepare: makes settings ready for the engine."""
        self.running = self.accepted = settings
        self.seen: deque[Settings] = deque([settings], maxlen=SEEN_MAX)
        self.revision = runtime.engine.state.revision
        self.handled = text_digest(settings.text)
        self.reload_ok = True
        self.reloaded_ns = runtime.now_ns()
        self._runtime = runtime
        self._history = history
        self._prepare = prepare
        self._announced = ("", 0)

    @property
    def has_begun(self) -> bool:
        """Whether the engine has heard of anything: before that nothing may be sent."""
        return self._runtime.engine.state.started_ns > 0

    def values(self, key: str = "") -> Answer:
        """Return what is in force: all keys, or `key` and those below it.

        Raises: ConfigError if there is no such key.
        """
        rows = value_rows(self.running, self.accepted)
        chosen = [row for row in rows if _is_below(str(row["key"]), key)]
        if not chosen:
            raise ConfigError(f"there is no key {key!r}", hint="`mm config get` shows them all")
        return {**self._facts(), "values": chosen}

    def history(self) -> Answer:
        """Return what was in force, oldest first."""
        return {**self._facts(), "revisions": [structs.asdict(one) for one in self._history.revisions()]}

    def plan(self, text: str | None = None) -> Answer:
        """Return what the file would do as it stands, or with `text` in it. Nothing is sent.

        Raises: ConfigError if it would be refused.
        """
        if text is not None and len(text.encode(errors="replace")) > FILE_BYTES_MAX:
            raise ConfigError(f"{self.running.path}: it would be larger than {FILE_BYTES_MAX} bytes")
        made = self._plan(self._read() if text is None else text)
        if text is not None:
            self._announced = (made.digest, self._runtime.now_ns() + ANNOUNCED_NS)
        return self._answer(made)

    def is_announced(self, digest: str) -> bool:
        """Return whether somebody planned this text a moment ago and is about to say what becomes of it."""
        known, until_ns = self._announced
        return digest == known and self._runtime.now_ns() < until_ns

    def apply(self, *, who: str, origin: str, confirm: bool = False, digest: str = "") -> Answer:
        """Put the file in force as it stands and return what that did.

        Args: origin: "cli", "hup" or "file"; confirm: it may loosen limits; digest: of the text meant.
        Raises: ConfigError if it is refused; StateCorrupt if it cannot be kept or noted. The old one runs on.
        """
        self.reload_ok = False
        answer = self._apply(who=who, origin=origin, confirm=confirm, digest=digest)
        self.reload_ok, self.reloaded_ns = True, self._runtime.now_ns()
        return answer

    def _apply(self, *, who: str, origin: str, confirm: bool, digest: str) -> Answer:
        text = self._read()
        if digest and digest != text_digest(text):
            raise ConfigError(
                f"{self.running.path}: changed since it was planned", hint="see `mm config plan`, then again"
            )
        made = self._plan(text)
        self._check(made, confirm=confirm)
        self.handled = made.digest
        news = [change.key for change in changes(self.accepted, made.new)]
        if not news:
            return self._answer(made) | {"applied": False}
        revision = self._history.keep(text)
        answer = self._answer(made)
        log.info("config.plan", revision=revision, **{name: answer[name] for name in TOLD})
        # Who brought it is on the disk before it holds: whatever ends this process now, nobody else is named.
        self._history.note(new_revision(made.new, revision, who=who, origin=origin, keys=news))
        self._runtime.record_config(ConfigVersion(digest=made.digest, text=made.new.text, who=who))
        if made.seen is not None:
            self._hand_over(made, revision, who)
        self.accepted, self.revision = made.new, revision
        return answer | {"revision": revision, "applied": True}

    def _facts(self) -> Answer:
        return {"path": str(self.running.path), "revision": self.revision}

    def _read(self) -> str:
        if self.running.path == DEMO_FILE:
            raise ConfigError(
                "`mm demo` runs the config that comes with mm",
                hint="`mm run config/demo.toml` runs the same, with a file that can be edited",
            )
        return read_text(self.running.path, again=True)

    def _plan(self, text: str) -> Plan:
        new = settings_of(text, self.running.path, self.running.overrides)
        found = changes(self.running, new)
        merged = in_force(self.running, new, found)
        setup, digest = self._prepared(merged), text_digest(text)
        hot = any(change.applies is not Applies.RESTART for change in found)
        return Plan(
            digest=digest,
            new=new,
            merged=merged,
            setup=setup,
            found=found,
            confirm=to_confirm(found, self.accepted),
            seen=self._preview(setup, digest) if hot else None,
        )

    def _prepared(self, merged: Settings) -> NewSetup:
        try:
            return self._prepare(merged)
        except ConfigError as error:
            # What only the instrument shows does not always know its line.
            path = str(merged.path)
            message = str(error) if path in str(error) else f"{path}: {error}"
            raise ConfigError(message, hint=error.hint) from None

    def _preview(self, setup: NewSetup, digest: str) -> Preview:
        event = ConfigApplied(
            ts_ns=self._runtime.now_ns(), revision=self.revision + 1, digest=digest, who="plan"
        )
        try:
            return preview(self._runtime.engine, event, setup)
        except Exception as error:
            # A strategy of the user's may raise anything; it is not run then.
            raise ConfigError(f"it cannot be tried: {type(error).__name__}: {error}") from error

    def _check(self, made: Plan, *, confirm: bool) -> None:
        if not self.has_begun:
            raise TimedOut("the run has not begun yet", hint="try again in a moment")
        if self._runtime.failure:
            raise ConfigError(f"the run is ending: {self._runtime.failure}")
        if made.seen is not None and made.seen.halts == "decision.failed":
            raise ConfigError(
                f"{self.running.path}: with it the strategy or a rule fails: nothing is changed",
                hint="trading would halt; look at the parameters",
            )
        if made.confirm and not confirm:
            keys = ", ".join(change.key for change in made.confirm)
            # What was taken out of the file has no line in it any more.
            place = made.confirm[0].source
            place = str(self.running.path) if place == "default" else place
            raise NotConfirmed(
                f"{place}: it loosens {keys}: nothing is changed",
                hint="if that is meant: mm config apply --confirm",
            )

    def _hand_over(self, made: Plan, revision: int, who: str) -> None:
        engine = self._runtime.engine
        engine.prepare(revision, made.setup)
        now_ns = self._runtime.now_ns()
        self._runtime.sink(ConfigApplied(ts_ns=now_ns, revision=revision, digest=made.digest, who=who))
        if engine.state.revision != revision:
            raise TimedOut(f"revision {revision} was handed over and did not come into force")
        self.running = made.merged
        self.seen.append(made.merged)

    def _answer(self, made: Plan) -> Answer:
        seen, state = made.seen, self._runtime.engine.state
        instruments = {session.name: session.setup.instrument for session in state.sessions}
        orders = seen.orders if seen is not None else ()
        stakes = stake_rows(seen, instruments, self.running, made.merged) if seen is not None else []
        return {
            **self._facts(),
            "digest": made.digest,
            "changes": change_rows(made.found),
            "confirm": [change.key for change in made.confirm],
            "restart": made.waiting,
            "halts": seen.halts if seen is not None else "",
            "counts": fate_counts(orders),
            "orders": order_rows(orders, instruments),
            "sessions": stakes,
        }


def new_revision(
    settings: Settings, revision: int, *, who: str, origin: str, keys: Sequence[str] = ()
) -> Revision:
    """Return the line of the history about a config that is in force from now on."""
    return Revision(
        revision=revision,
        time=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        who=who,
        origin=origin,
        digest=text_digest(settings.text),
        path=str(settings.path),
        changed=tuple(keys),
    )


def _is_below(key: str, asked: str) -> bool:
    return not asked or key == asked or key.startswith(f"{asked}.")
