"""The command line as a whole: its verbs, its help, and how errors end."""

import json
import subprocess
import sys
from io import StringIO
from types import ModuleType

import pytest

from mm import errors
from mm.cli.main import EXIT_INTERRUPTED, carry_out
from mm.errors import EXIT_CONFIG, EXIT_NOT_RUNNING, EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE
from mm.logs import add_secrets

VERBS = (
    ["demo"],
    ["init"],
    ["run"],
    ["check"],
    ["exchange"],
    ["status"],
    ["orders"],
    ["fills"],
    ["pnl"],
    ["stop"],
    ["pause"],
    ["resume"],
    ["halt"],
    ["unhalt"],
    ["doctor"],
    ["service", "install"],
    ["bench", "live"],
)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard output, alone."""
    assert carry_out(["--version"]) == EXIT_OK

    assert capsys.readouterr().out.startswith("mm 0.")


def test_the_help_names_every_verb_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """A newcomer's first page."""
    assert carry_out(["-h"]) == EXIT_OK

    told = capsys.readouterr().out
    for verb in VERBS:
        assert f"\n  {verb[0]}" in told
    for name in dir(errors):
        if name.startswith("EXIT_"):
            assert f" {getattr(errors, name)} " in told.replace("\n", " ")


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_a_help_with_the_global_flags(
    verb: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each says what it does."""
    assert carry_out([*verb, "-h"]) == EXIT_OK

    told = capsys.readouterr().out
    for flag in ("--json", "--quiet", "--verbose", "--no-color", "--help"):
        assert flag in told


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["demo", "--nonsense"], ["demo", "--duration", "5"], ["run"]]
)
def test_a_wrong_command_line_ends_with_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Told on standard error."""
    assert carry_out(arguments) == EXIT_USAGE

    out, err = capsys.readouterr()
    assert out == ""
    assert "Usage:" in err


def test_an_error_of_ours_is_two_lines_and_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """Error and hint, no traceback."""
    assert carry_out(["check", "absent.toml"]) == EXIT_CONFIG

    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: absent.toml: no such file\nhint: config/demo.toml is a file to start from\n"


def test_an_error_is_an_object_too_with_json(capsys: pytest.CaptureFixture[str]) -> None:
    """So that a script has one thing to read."""
    assert carry_out(["status", "--json"]) == EXIT_NOT_RUNNING

    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert told["exit_code"] == EXIT_NOT_RUNNING
    assert "no daemon runs" in told["error"]
    assert told["hint"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["demo", "--durtion", "5s"], "--durtion"), (["run"], "CONFIG"), ([], "Missing command")],
)
def test_a_wrong_command_line_is_an_object_too_with_json(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line of standard output, whatever went wrong."""
    assert carry_out(["--json", *arguments]) == EXIT_USAGE

    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["ok"], told["exit_code"]) == (False, EXIT_USAGE)
    assert said in told["error"]


def test_an_interrupt_while_nothing_is_traded_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the exit code of shells, and as an object."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    root = ModuleType("mm.bootstrap")
    vars(root)["demo"] = interrupt
    monkeypatch.setitem(sys.modules, "mm.bootstrap", root)

    assert carry_out(["demo", "--json"]) == EXIT_INTERRUPTED

    out, err = capsys.readouterr()
    assert json.loads(out)["exit_code"] == EXIT_INTERRUPTED
    assert "error: interrupted" in err


def test_an_error_on_a_full_disk_keeps_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can be told, but the code is right and there is no traceback."""

    class Full(StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    monkeypatch.setattr(sys, "stderr", Full())

    assert carry_out(["check", "absent.toml", "--json"]) == EXIT_CONFIG


def fail(*_: object, **__: object) -> None:
    """An unexpected error with a secret in its text."""
    raise RuntimeError("https://x/?key=c4n4ry-unexpected&signature=abc")


@pytest.mark.parametrize("flags", [[], ["-v"]])
def test_an_unexpected_error_is_short_and_without_secrets(
    flags: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A traceback only where one asked for it; secrets in neither."""
    broken = ModuleType("mm.bootstrap")
    vars(broken)["demo"] = fail
    monkeypatch.setitem(sys.modules, "mm.bootstrap", broken)
    add_secrets(["c4n4ry-unexpected"])

    assert carry_out(["demo", *flags]) == EXIT_UNEXPECTED

    out, err = capsys.readouterr()
    assert "error: unexpected RuntimeError" in err
    assert ("Traceback" in err) is bool(flags)
    assert "c4n4ry" not in out + err
    assert "abc" not in err


def test_help_imports_nothing_heavy() -> None:
    """The first answer is quick: no library but the parser of the command line."""
    heavy = "ccxt aiohttp rich pydantic structlog websockets asyncio"
    code = (
        "import sys\nfrom mm.cli.main import carry_out\ncarry_out(['--help'])\n"
        f"print([name for name in {heavy!r}.split() if name in sys.modules], file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[]"


def test_python_m_mm_is_the_same_command() -> None:
    """For where no console script is installed."""
    done = subprocess.run(
        [sys.executable, "-m", "mm", "status", "--data-dir", "nowhere"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == EXIT_NOT_RUNNING
    assert done.stderr.startswith("error: no daemon runs on nowhere\nhint: ")


def test_closed_standard_streams_are_opened_to_nowhere() -> None:
    """A supervisor may start us without them; nothing of ours may get their numbers."""
    shell = ["sh", "-c", '"$0" -m mm demo --nonsense --json <&- 2>&- || "$0" -m mm check no.toml >&- 2>&-']

    done = subprocess.run([*shell, sys.executable], capture_output=True, text=True, check=False)

    assert json.loads(done.stdout)["exit_code"] == EXIT_USAGE
    assert done.returncode == EXIT_CONFIG
