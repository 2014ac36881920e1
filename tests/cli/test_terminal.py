"""The global flags, durations, and where output goes."""

import json

import pytest
import typer
from typer.testing import CliRunner

from mm.cli.terminal import AsJson, Duration, SessionName, Terminal, duration_ns, printable, terminal_of, verb

seen: list[tuple[Terminal, object, object]] = []


def application() -> typer.Typer:
    """An application of one verb that notes what it was called with."""
    app = typer.Typer(rich_markup_mode=None)

    @app.callback()
    def root(context: typer.Context, *, as_json: AsJson = False) -> None:
        context.obj = terminal_of(as_json=as_json, quiet=False, verbose=False, no_color=False)

    @verb
    def look(terminal: Terminal, *, session: SessionName = "", duration: Duration = None) -> None:
        """Look at something."""
        seen.append((terminal, session, duration))

    app.command("look")(look)
    return app


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("30s", 30_000_000_000),
        ("500ms", 500_000_000),
        ("5m", 300_000_000_000),
        ("2h", 7_200_000_000_000),
        ("1d", 86_400_000_000_000),
        ("1h30m", 5_400_000_000_000),
        ("0.5s", 500_000_000),
    ],
)
def test_durations_have_units(text: str, nanoseconds: int) -> None:
    """As users write them."""
    assert duration_ns(text) == nanoseconds


@pytest.mark.parametrize(
    "text",
    ["30", "1.5", "", "s", "-5s", "5 s", "5x", "0s", "0.0000000001s", "99999999d", "5s5", "\u0663s", "inf"],
)
def test_other_texts_are_no_durations(text: str) -> None:
    """A usage error that says how to write it."""
    with pytest.raises(typer.BadParameter, match=r"write|range"):
        duration_ns(text)


@pytest.mark.parametrize(
    ("arguments", "as_json", "quiet"),
    [
        (["look"], False, False),
        (["--json", "look"], True, False),
        (["look", "--json"], True, False),
        (["look", "-q"], False, True),
    ],
)
def test_flags_may_stand_before_or_after_the_verb(arguments: list[str], as_json: bool, quiet: bool) -> None:
    """Nobody has to remember which."""
    seen.clear()

    result = CliRunner().invoke(application(), arguments)

    assert result.exit_code == 0
    assert (seen[0][0].as_json, seen[0][0].quiet) == (as_json, quiet)


def test_a_verb_gets_its_own_parameters_and_its_help() -> None:
    """Arguments, options, the docstring; the flags are in its help too."""
    seen.clear()
    runner = CliRunner()

    runner.invoke(application(), ["look", "btc", "--duration", "2s"])
    told = runner.invoke(application(), ["look", "--help"]).output

    assert seen[0][1:] == ("btc", 2_000_000_000)
    for words in ("Look at something.", "[SESSION]", "--duration TIME", "--json", "--no-color"):
        assert words in told


def test_colour_goes_by_flag_and_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR counts when it holds something."""
    flags = {"as_json": False, "quiet": False, "verbose": False}
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert terminal_of(**flags, no_color=False).color
    assert not terminal_of(**flags, no_color=True).color
    monkeypatch.setenv("NO_COLOR", "")
    assert terminal_of(**flags, no_color=False).color
    monkeypatch.setenv("NO_COLOR", "1")
    assert not terminal_of(**flags, no_color=False).color


def test_results_and_talk_go_different_ways(capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object on standard output; words on standard error; quiet is quiet."""
    Terminal(as_json=True).result({"a": 1})
    Terminal().result({"b": 1})
    Terminal().say("hello")
    Terminal(quiet=True).say("nothing")

    out, err = capsys.readouterr()
    assert json.loads(out) == {"a": 1}
    assert err == "hello\n"


def test_tables_elsewhere_than_on_a_terminal_have_no_escape_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """And are not broken at the width of a screen that is not there."""
    Terminal().console.print("x" * 150, style="red")

    assert capsys.readouterr().out == "x" * 150 + "\n"


def test_control_characters_are_not_printable() -> None:
    """What a venue said moves no cursor."""
    assert printable("a\x1b[2J\nb\x9b") == "a?[2J?b?"
