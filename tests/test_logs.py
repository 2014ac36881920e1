"""Logs: their form, where they go, and that no secret is in them, whatever its encoding."""

import base64
import json
import logging
import re
import stat
import warnings
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote, quote_plus

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from mm import logs
from mm.errors import ConfigError
from mm.logs import REDACTED, LogSettings, Redactor, add_secrets, close, configure, redact

SECRET = "c4n4ry/S3cret+key=value&more"


class Terminal(StringIO):
    """Standard error that says it is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave structlog and the standard library's logging as they were."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in logs.CHATTY_LIBRARIES:
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


@pytest.fixture
def error_stream(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """Standard error, not a terminal."""
    stream = StringIO()
    monkeypatch.setattr(logs, "sys", SimpleNamespace(stderr=stream))
    return stream


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error, a terminal."""
    stream = Terminal()
    monkeypatch.setattr(logs, "sys", SimpleNamespace(stderr=stream))
    return stream


def lines(stream: StringIO) -> list[dict[str, object]]:
    """The JSON lines that were written."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_elsewhere_than_on_a_terminal_lines_are_json(error_stream: StringIO) -> None:
    """Each has the time in UTC with microseconds, the level, the event, then its fields."""
    configure(LogSettings())

    structlog.get_logger().info("order.acked", cid="a1", price_ticks=5, session="btc")

    (line,) = lines(error_stream)
    assert list(line)[:3] == ["ts", "level", "event"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", str(line["ts"]))
    assert datetime.fromisoformat(str(line["ts"])).tzinfo is not None
    assert (line["level"], line["event"], line["price_ticks"]) == ("info", "order.acked", 5)


def test_on_a_terminal_lines_are_for_people(terminal: Terminal) -> None:
    """No JSON, colours unless they are off."""
    configure(LogSettings(color=True))
    structlog.get_logger().warning("order.denied", session="btc")
    coloured = terminal.getvalue()
    configure(LogSettings(color=False))
    structlog.get_logger().warning("order.denied", session="btc")
    plain = terminal.getvalue()[len(coloured) :]

    assert "\x1b[" in coloured
    assert "\x1b[" not in plain
    assert "order.denied" in plain
    assert "session=btc" in plain


@pytest.mark.parametrize("form", ["json", "console"])
def test_the_form_can_be_chosen(error_stream: StringIO, form: str) -> None:
    """Whatever standard error is."""
    configure(LogSettings(form="json" if form == "json" else "console"))

    structlog.get_logger().info("x")

    assert error_stream.getvalue().startswith("{") is (form == "json")


def test_lesser_levels_are_not_written(error_stream: StringIO) -> None:
    """The level is a floor; every name of a level is known."""
    configure(LogSettings(level="warning"))
    logger = structlog.get_logger()

    for method in ("debug", "info", "warning", "error", "critical"):
        getattr(logger, method)(f"at.{method}")

    assert [line["level"] for line in lines(error_stream)] == ["warning", "error", "error"]


def test_a_file_gets_json_and_is_private(tmp_path: Path, terminal: Terminal) -> None:
    """Beside the terminal, or alone while a live view has the screen."""
    path = tmp_path / "deep" / "mm.jsonl"
    configure(LogSettings(file=path, terminal=False))
    structlog.get_logger().info("to.file")
    configure(LogSettings(file=path))
    structlog.get_logger().info("to.both")
    close()

    events = [json.loads(line)["event"] for line in path.read_text().splitlines()]
    assert events == ["to.file", "to.both"]
    assert "to.file" not in terminal.getvalue()
    assert "to.both" in terminal.getvalue()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_opened_is_a_config_error(tmp_path: Path) -> None:
    """A directory or a link is no log file."""
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    for path in (tmp_path, tmp_path / "link"):
        with pytest.raises(ConfigError, match="cannot be opened"):
            configure(LogSettings(file=path))


def test_a_broken_place_is_given_up_silently(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed pipe does not end a run that has orders at a venue."""

    class Broken(StringIO):
        attempts = 0

        def write(self, text: str) -> int:
            Broken.attempts += 1
            raise BrokenPipeError(32, "gone")

    monkeypatch.setattr(logs, "sys", SimpleNamespace(stderr=Broken()))
    configure(LogSettings())

    structlog.get_logger().info("one")
    structlog.get_logger().info("two")

    assert Broken.attempts == 1


def test_the_standard_librarys_logging_goes_the_same_way(error_stream: StringIO) -> None:
    """Records, their tracebacks and warnings become lines of ours."""
    configure(LogSettings(secrets=(SECRET,)))

    logging.getLogger("some.library").warning("failed with %s", SECRET)
    logging.getLogger("some.library").log(logging.CRITICAL, "bad format %d", "x")
    try:
        raise ValueError(f"url was https://x/?signature=abc&key={SECRET}")
    except ValueError:
        logging.getLogger("some.library").exception("broke")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        configure(LogSettings(secrets=(SECRET,)))
        warnings.warn("old", UserWarning, stacklevel=1)
        close()

    first, second, third, fourth = lines(error_stream)
    assert (first["logger"], first["level"], first["event"]) == (
        "some.library",
        "warning",
        f"failed with {REDACTED}",
    )
    assert (second["level"], second["event"]) == ("error", "bad format %d")
    assert "ValueError" in str(third["exception"])
    assert "c4n4ry" not in error_stream.getvalue()
    assert "signature=abc" not in error_stream.getvalue()
    assert (fourth["logger"], fourth["level"]) == ("py.warnings", "warning")


def test_libraries_that_log_whole_requests_are_held_at_warnings(error_stream: StringIO) -> None:
    """Even with everything else at debug."""
    configure(LogSettings(level="debug"))

    logging.getLogger("ccxt.base.exchange").debug("headers: %s", {"X-MBX-APIKEY": "k"})
    logging.getLogger("ccxt.base.exchange").warning("slow")

    assert [line["event"] for line in lines(error_stream)] == ["slow"]


@pytest.mark.parametrize(
    "hidden",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET),
        quote_plus(SECRET),
        json.dumps(SECRET),
        repr(SECRET),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
@pytest.mark.parametrize("form", ["json", "console"])
def test_a_known_secret_is_in_no_line_in_any_encoding(error_stream: StringIO, hidden: str, form: str) -> None:
    """As a value, in a text, in the event, nested, as a field's name."""
    configure(LogSettings(form="json" if form == "json" else "console", secrets=(SECRET,)))
    logger = structlog.get_logger()
    event = f"asked {hidden}"

    logger.info(event, url=f"https://x/?a={hidden}", deep={"list": [hidden, (hidden,)]})
    logger.info("by name", **{hidden: 1})

    assert hidden.strip("\"'=")[2:-4] not in error_stream.getvalue()
    assert REDACTED in error_stream.getvalue()


def test_a_secret_inside_a_larger_base64_text_is_found() -> None:
    """As in an authorization header of name and password, at each of the three alignments."""
    redactor = Redactor()
    redactor.add([SECRET])

    for before in ("", "a", "ab", "abc"):
        encoded = base64.b64encode(f"{before}{SECRET}:x".encode()).decode()
        told = redactor.redact(f"Basic {encoded}")
        assert REDACTED in told
        assert encoded[8:-8] not in told


@given(st.text(min_size=4, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_no_text_keeps_the_secret_that_was_put_in(secret: str, before: str, after: str) -> None:
    """Whatever the characters of secret and surroundings."""
    redactor = Redactor()
    redactor.add([secret])

    told = redactor.redact(f"{before}{secret}{after}")

    assert secret not in told.replace(REDACTED, "\0")


def test_very_short_values_are_left_alone() -> None:
    """A secret of three letters would take out half of every line."""
    redactor = Redactor()
    redactor.add(["abc", ""])

    assert redactor.redact("abcabc") == "abcabc"


@pytest.mark.parametrize(
    "text",
    [
        "GET /api/v3/order?timestamp=1&signature=d34db33f",
        "POST body signature=d34db33f&x=1",
        "{'signature': 'd34db33f'}",
        '{"X-MBX-APIKEY": "d34db33f"}',
        "x-mbx-apikey: d34db33f",
        "[('X-MBX-APIKEY', 'd34db33f')]",
        "listenKey=d34db33f",
        '"listenKey":"d34db33f"',
        "Authorization: Bearer d34db33f",
    ],
)
def test_signed_requests_are_cleaned_without_knowing_the_secret(text: str) -> None:
    """Signatures, key headers, listen keys and bearer tokens go by their form."""
    assert "d34db33f" not in redact(text)


@pytest.mark.parametrize(
    "name", ["api_key", "apiKey", "secret", "API_SECRET", "password", "X-MBX-APIKEY", "token"]
)
def test_fields_named_like_secrets_are_never_shown(error_stream: StringIO, name: str) -> None:
    """By their name, at any depth, whatever the value."""
    configure(LogSettings())

    structlog.get_logger().info("x", **{name: "d34d"}, deep={name: "d34d"}, rows=[{name: "d34d"}])

    assert "d34d" not in error_stream.getvalue()


def test_a_secret_can_become_known_later(error_stream: StringIO) -> None:
    """Keys are read after logs have begun."""
    configure(LogSettings())
    structlog.get_logger().info("before later-known-secret")
    add_secrets(["later-known-secret"])
    structlog.get_logger().info("after later-known-secret")

    assert error_stream.getvalue().count("later-known-secret") == 1


def test_a_tracebacks_local_variables_are_not_shown(error_stream: StringIO) -> None:
    """A local variable may hold anything."""
    configure(LogSettings(form="console"))
    try:
        unheard_of = "l0cal-value"
        raise RuntimeError(str(len(unheard_of)))
    except RuntimeError:
        structlog.get_logger().exception("broke")

    assert "RuntimeError: 11" in error_stream.getvalue()
    assert "l0cal-value" not in error_stream.getvalue().replace('unheard_of = "l0cal-value"', "")


def test_what_a_venue_says_cannot_forge_a_line(terminal: Terminal) -> None:
    """Line ends and escape sequences in events and fields are shown, not obeyed."""
    configure(LogSettings(color=False))

    structlog.get_logger().info("bad\n2026 [info] forged", reason="x\x1b[2Jy\rz\u2028")

    assert len(terminal.getvalue().splitlines()) == 1
    assert "\x1b" not in terminal.getvalue()


def test_numbers_that_json_does_not_know_do_not_break_the_line(error_stream: StringIO) -> None:
    """Not-a-number becomes a text; objects become what they print as."""
    configure(LogSettings())

    structlog.get_logger().info("x", value=float("nan"), path=Path("/a"))
    structlog.get_logger().info("y", path=Path("/a"))

    first, second = lines(error_stream)
    assert first["value"] == "nan"
    assert second["path"] == "/a"
