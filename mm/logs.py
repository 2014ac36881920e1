"""Logs: one line per fact, on standard error, with every secret taken out of the finished line.

On a terminal lines are for people, elsewhere they are JSON. Each has `ts` (RFC 3339, microseconds, UTC),
`level` and `event`. The standard library's logging goes the same way. Redaction comes last, on the rendered
text, so that nothing that a library put into a message escapes it. It must never print a traceback with local
variables. Invariant: a known secret is in no line, in none of its usual encodings.
"""

import base64
import binascii
import json
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TextIO, TypeAlias
from urllib.parse import quote, quote_plus

import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.typing import WrappedLogger

from mm.errors import ConfigError

REDACTED: Final = "[redacted]"
SECRET_LENGTH_MIN: Final = 4
"""Shorter values are not searched for: they would take out half of every line."""

DENIED_FIELDS: Final = re.compile(
    r"(?i)^(?:x-mbx-apikey|api[_-]?key|secret|api[_-]?secret|password|passphrase|token|signature|listen[_-]?key"
    r"|authorization|cookie|private[_-]?key)$"
)
"""Names of fields whose values are never shown."""

_PATTERNS: Final = (
    re.compile(r"(?i)(signature[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;}\]]+"),
    re.compile(r"(?i)(x-mbx-apikey[\"']?\s*[=:,]\s*[\"']?)[^\s\"'&,;}\]]+"),
    re.compile(r"(?i)(listen_?key[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;}\]]+"),
    re.compile(r"(?i)(bearer\s+)[^\s\"'&,;}\]]+"),
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")

CHATTY_LIBRARIES: Final = ("ccxt", "aiohttp", "websockets", "asyncio")
"""They log whole requests at their lower levels; from them only warnings are taken."""

_LONG_FIELDS: Final = ("exception",)

EventFields: TypeAlias = MutableMapping[str, object]
Render: TypeAlias = Callable[[EventFields], str]
Level: TypeAlias = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """How to log.

    Fields:
        level: least level written. form: "auto" is console on a terminal and JSON lines elsewhere.
        color: colours on a terminal. terminal: whether standard error gets lines at all (False while a live
            view has the screen). file: JSON lines are appended to it too. secrets: values to take out.
    """

    level: Level = "info"
    form: Literal["auto", "console", "json"] = "auto"
    color: bool = True
    terminal: bool = True
    file: Path | None = None
    secrets: tuple[str, ...] = ()


class Redactor:
    """Takes secrets out of a text. Secrets can be added at any time, from any thread."""

    def __init__(self) -> None:
        """Start without any secret; the patterns of signed requests are always taken out."""
        self._forms: set[str] = set()
        self._search: re.Pattern[str] | None = None
        self._lock = threading.Lock()

    def add(self, secrets: Iterable[str]) -> None:
        """Take these values out from now on, in all their encodings."""
        with self._lock:
            for secret in secrets:
                self._forms.update(form for form in _encodings(secret) if len(form) >= SECRET_LENGTH_MIN)
            if self._forms:
                longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
                self._search = re.compile("|".join(re.escape(form) for form in longest_first))

    def redact(self, text: str) -> str:
        """Return `text` without secrets."""
        if self._search is not None:
            text = self._search.sub(REDACTED, text)
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\1{REDACTED}", text)
        return text


def _encodings(secret: str) -> Iterable[str]:
    if len(secret) < SECRET_LENGTH_MIN:
        return
    content = secret.encode("utf-8", "surrogateescape")
    yield secret
    yield quote(content, safe="")
    yield quote(content)
    yield quote_plus(content)
    for ascii_only in (True, False):
        yield json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
    yield repr(secret)[1:-1]
    digits = binascii.hexlify(content).decode()
    yield digits
    yield digits.upper()
    yield from _base64_forms(content)


def _base64_forms(content: bytes) -> Iterable[str]:
    # Inside a longer text a secret can begin at any of three places of a base64 group; of each form only the
    # digits that depend on nothing but the secret are searched for.
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * before + content).decode().rstrip("=")
            whole = (before + len(content)) * 8 // 6
            yield text[(before * 8 + 5) // 6 : whole]


_redactor: Final = Redactor()
_sinks: list["_Sink"] = []
_write_lock: Final = threading.Lock()


def add_secrets(secrets: Iterable[str]) -> None:
    """Take these values out of everything that is logged from now on."""
    _redactor.add(secrets)


def redact(text: str) -> str:
    """Return `text` without any secret that is known so far; for what is shown elsewhere than in logs."""
    return _redactor.redact(text)


class _Sink:
    # One place where lines go. A place that cannot be written to is given up: a full disk or a closed pipe
    # must not end a run that has orders at a venue.
    def __init__(self, stream: TextIO, render: Render) -> None:
        self.stream = stream
        self.render = render
        self.broken = False

    def write(self, fields: EventFields) -> None:
        if self.broken:
            return
        try:
            self.stream.write(_redactor.redact(self.render(fields)) + "\n")
            self.stream.flush()
        except (OSError, ValueError):
            self.broken = True


class _Fan:
    # The logger at the end of structlog's chain: gives the finished fields to every sink.
    def __init__(self, *_: object) -> None:
        self.lock = _write_lock

    def msg(self, fields: EventFields) -> None:
        with self.lock:
            for sink in _sinks:
                sink.write(fields)

    debug = info = warning = warn = error = critical = exception = fatal = log = msg


def _stamp(_: WrappedLogger, method: str, fields: EventFields) -> EventFields:
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    level = {"warn": "warning", "exception": "error", "critical": "error", "fatal": "error"}.get(
        method, method
    )
    return {"ts": now, "level": level, "event": _one_line(str(fields.pop("event", ""))), **fields}


def _one_line(text: str) -> str:
    # What a venue wrote may not forge a line or move the cursor.
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def _deny_fields(_: WrappedLogger, __: str, fields: EventFields) -> EventFields:
    return {name: _denied(name, value) for name, value in fields.items()}


def _denied(name: object, value: object) -> object:
    if DENIED_FIELDS.match(str(name)):
        return REDACTED
    if isinstance(value, dict):
        return {str(inner): _denied(inner, entry) for inner, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_denied("", entry) for entry in value]
    return value


def _hand_over(
    _: WrappedLogger, __: str, fields: EventFields
) -> tuple[tuple[EventFields], dict[str, object]]:
    return (fields,), {}


def _console(*, color: bool) -> Render:
    renderer = ConsoleRenderer(
        colors=color, exception_formatter=plain_traceback, timestamp_key="ts", sort_keys=False, pad_event_to=0
    )

    def render(fields: EventFields) -> str:
        clean = {
            name: _one_line(value) if isinstance(value, str) and name not in _LONG_FIELDS else value
            for name, value in fields.items()
        }
        return renderer(None, "", clean)

    return render


def _json(fields: EventFields) -> str:
    try:
        return json.dumps(fields, default=str, allow_nan=False)
    except ValueError:
        return json.dumps({name: str(value) for name, value in fields.items()})


class _Bridge(logging.Handler):
    # The standard library's logging, led into ours.
    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = str(record.msg)
        names = {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warning"}
        write = getattr(structlog.get_logger(), names.get(record.levelno, "error"))
        write(message, logger=record.name, exc_info=record.exc_info)


def _open_private(path: Path) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.fdopen(os.open(path, flags, 0o600), "a", encoding="utf-8", errors="backslashreplace")


def close() -> None:
    """Write nothing from now on, and close the log file; for the end of a run and for tests."""
    with _write_lock:
        for sink in _sinks:
            if sink.stream is not sys.stderr:
                sink.stream.close()
        _sinks.clear()
    logging.captureWarnings(capture=False)


def configure(settings: LogSettings) -> None:
    """Send all logs where `settings` says. May be called again; a log file of before is closed.

    Raises: ConfigError if the log file cannot be opened.
    """
    add_secrets(settings.secrets)
    sinks = []
    if settings.file is not None:
        try:
            sinks.append(_Sink(_open_private(settings.file), _json))
        except OSError as error:
            raise ConfigError(f"log file {settings.file} cannot be opened: {error.strerror}") from None
    if settings.terminal:
        on_terminal = sys.stderr.isatty()
        for_people = settings.form == "console" or (settings.form == "auto" and on_terminal)
        sinks.append(
            _Sink(sys.stderr, _console(color=settings.color and on_terminal) if for_people else _json)
        )
    close()
    _sinks.extend(sinks)
    level = getattr(logging, settings.level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _stamp,
            structlog.processors.format_exc_info,
            _deny_fields,
            _hand_over,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Fan,
        cache_logger_on_first_use=False,
    )
    logging.captureWarnings(capture=True)
    root = logging.getLogger()
    root.handlers[:] = [_Bridge()]
    root.setLevel(level)
    for name in CHATTY_LIBRARIES:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
