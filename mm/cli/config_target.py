"""Which config `mm config` means, with or without a daemon on it, and how an edit of it is carried out.

Order: plan, then write, then apply. A process that is killed in between leaves a file that the daemon takes
over by itself where that only tightens, and that waits for a confirmation where it does not.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from mm.cli.client import Client, known_dir, running_dir
from mm.cli.shapes import tables, text
from mm.errors import ConfigError, NotConfirmed, NotRunning, StateCorrupt, TimedOut
from mm.runtime.plan_rows import change_rows, value_rows
from mm.settings.change import changes, to_confirm
from mm.settings.edit import with_key
from mm.settings.loader import DEMO_FILE, load_settings, read_text, settings_of
from mm.settings.models import Settings
from mm.store.config_history import ConfigHistory, text_digest
from mm.store.textfile import new_file, replace_file

Answer = dict[str, object]

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What a file is to hold. Fields: before: its bytes now, None if it is gone; text: afterwards."""

    before: bytes | None
    text: str

    @property
    def after(self) -> bytes:
        """Its bytes afterwards."""
        return (BOM if (self.before or b"").startswith(BOM) else b"") + self.text.encode()


class Target:
    """One config. Fields: path: of the file; history: of its data directory; client: None if nobody runs."""

    def __init__(self, path: Path, data_dir: Path, client: Client | None) -> None:
        """Keep where everything is."""
        self.path = path
        self.history = ConfigHistory(data_dir)
        self.client = client

    def need_daemon(self) -> Client:
        """Return the connection to the daemon; raises NotRunning if there is none."""
        if self.client is None:
            raise NotRunning(
                f"no daemon runs with {self.path}", hint="a file is read at the start; `mm check` looks at it"
            )
        return self.client

    def values(self, key: str) -> Answer:
        """Return what is in force, or what would be after a start; raises ConfigError without such a key."""
        if self.client is not None:
            return {**self.client.ask("config.get", key=key), "running": True}
        settings = load_settings(self.path)
        rows = value_rows(settings, settings)
        chosen = [row for row in rows if not key or f"{row['key']}.".startswith(f"{key}.")]
        if not chosen:
            raise ConfigError(f"there is no key {key!r}", hint="`mm config get` shows them all")
        return {"ok": True, "path": str(self.path), "revision": None, "values": chosen, "running": False}

    def check_settable(self, key: str) -> None:
        """Refuse a key that the daemon was started with from elsewhere: the file's value has no effect."""
        if self.client is None:
            return
        try:
            rows = tables(self.client.ask("config.get", key=key), "values")
        except ConfigError:
            # What is no key yet may become one.
            return
        for row in rows:
            source = text(row, "source")
            if row.get("key") == key and (source == "--set" or source.startswith("env ")):
                raise ConfigError(
                    f"{key} comes from {source}: what the file says has no effect",
                    hint="start the daemon again without that",
                )

    def edit_with(self, edits: Sequence[tuple[str, str]]) -> Edit:
        """Return the file with keys changed; raises ConfigError if that cannot be done line by line."""
        before = self._bytes()
        made = read_text(self.path, again=True)
        if edits:
            # First whether it is a config at all: the error then has its line.
            settings_of(made, self.path)
        for key, value in edits:
            made = with_key(made, key, value)
        return Edit(before=before, text=made)

    def edit_to(self, content: str) -> Edit:
        """Return the file with another text in it, whatever is in it now, also if it is gone.

        Raises: ConfigError if it cannot be read.
        """
        try:
            return Edit(before=self.path.read_bytes(), text=content)
        except FileNotFoundError:
            return Edit(before=None, text=content)
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be read: {error.strerror}") from None

    def plan(self, edit: Edit) -> Answer:
        """Return what the daemon would do."""
        return self.plan_text(edit.text)

    def plan_text(self, content: str) -> Answer:
        """Return what the daemon would do with another text in its file."""
        return self.need_daemon().ask("config.plan", text=content)

    def carry_out(self, edit: Edit, *, confirm: bool) -> Answer:
        """Write the file and have it applied; return the daemon's answer, or what changes at the next start.

        Raises: NotConfirmed, ConfigError: nothing is changed then; NotRunning, TimedOut: the file is changed.
        """
        if self.client is None:
            return self._write_only(edit, confirm=confirm)
        planned = self.client.ask("config.plan", text=edit.text)
        wants = planned.get("confirm")
        _need_confirmation([str(key) for key in wants] if isinstance(wants, list) else [], confirm=confirm)
        self._write(edit)
        try:
            answer = self.client.ask("config.apply", digest=planned["digest"], confirm=confirm)
        except (NotRunning, TimedOut) as error:
            error.hint = f"{self.path} is changed; it holds at the next start"
            raise
        except ConfigError:
            # It would have been refused before, had the run stood then as it stands now.
            if edit.before is not None:
                replace_file(self.path, edit.before, expected=edit.after)
            raise
        return {**answer, "running": True}

    def revisions(self) -> Answer:
        """Return what was in force."""
        rows = [structs.asdict(one) for one in self.history.revisions()]
        newest = rows[-1]["revision"] if rows else None
        return {"ok": True, "path": str(self.path), "revision": newest, "revisions": rows}

    def text_of(self, revision: int | None) -> tuple[str, str]:
        """Return name and text of a revision, of the newest if None; raises NotRunning if there is none."""
        if revision is None:
            newest = self.history.newest()
            if newest is None:
                raise NotRunning("nothing was in force yet", hint="a start is the first revision")
            revision = newest.revision
        return f"revision {revision}", self.history.text(revision)

    def text_in_file(self) -> tuple[str, str]:
        """Return name and text of the file."""
        return str(self.path), read_text(self.path, again=True)

    def _bytes(self) -> bytes:
        read_text(self.path, again=True)
        return self.path.read_bytes()

    def _write(self, edit: Edit) -> None:
        if self.path == DEMO_FILE:
            raise ConfigError(
                "`mm demo` runs the config that comes with mm",
                hint="`mm run config/demo.toml` runs the same, with a file that can be edited",
            )
        if edit.before is None:
            self._make(edit)
        elif edit.after != edit.before:
            replace_file(self.path, edit.after, expected=edit.before)

    def _make(self, edit: Edit) -> None:
        try:
            new_file(self.path, edit.after)
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be written: {error.strerror}") from None

    def _write_only(self, edit: Edit, *, confirm: bool) -> Answer:
        new = settings_of(edit.text, self.path)
        old = self._known(edit)
        found = changes(old, new) if old is not None else ()
        keys = (
            [change.key for change in to_confirm(found, old)] if old is not None else ["what nobody can tell"]
        )
        _need_confirmation(keys, confirm=confirm)
        self._write(edit)
        return {
            "ok": True,
            "path": str(self.path),
            "revision": None,
            "digest": text_digest(edit.text),
            "changes": change_rows(found),
            "running": False,
        }

    def _known(self, edit: Edit) -> Settings | None:
        # What the file said before, or what was in force last where the file is broken.
        with contextlib.suppress(ConfigError, UnicodeDecodeError):
            return settings_of((edit.before or b"").decode("utf-8-sig"), self.path)
        with contextlib.suppress(ConfigError, NotRunning, StateCorrupt):
            return settings_of(self.text_of(None)[1], self.path)
        return None


def _need_confirmation(keys: Sequence[str], *, confirm: bool) -> None:
    if keys and not confirm:
        raise NotConfirmed(
            f"that loosens {', '.join(keys)}: nothing is changed", hint="if that is meant, add --confirm"
        )


@contextlib.contextmanager
def find_target(file: Path | None, data_dir: Path | None) -> Iterator[Target]:
    """Find the config that is meant, and the daemon on it if there is one; hang up in the end.

    Args: file: its path, if said; data_dir: of the daemon, if said.
    Raises: NotRunning if neither a file nor a data directory can be found; ConfigError if they do not fit.
    """
    where = _data_dir(file, data_dir)
    try:
        client = Client(where)
    except NotRunning:
        yield Target(file or _last_path(where), where, None)
        return
    with client:
        path = Path(text(client.ask("config.get", key="mode"), "path"))
        if file is not None and file.resolve() != path.resolve():
            raise ConfigError(
                f"the daemon on {where} runs {path}, not {file}", hint="leave --config out, or say --data-dir"
            )
        yield Target(path, where, client)


def _data_dir(file: Path | None, data_dir: Path | None) -> Path:
    if data_dir is not None:
        return data_dir
    if file is not None:
        return load_settings(file).data_dir
    try:
        return running_dir(None)
    except NotRunning:
        return known_dir(None)


def _last_path(where: Path) -> Path:
    newest = ConfigHistory(where).newest()
    if newest is None:
        raise NotRunning(f"no daemon runs on {where}, and none ever did", hint="say --config FILE")
    return Path(newest.path)
