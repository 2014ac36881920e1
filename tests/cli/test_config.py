"""`mm config`: with a daemon and without one; what is refused leaves the file as it was."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mm.cli.main import carry_out
from mm.settings.loader import DEMO_FILE
from mm.store.config_history import ConfigHistory, Revision, text_digest
from tests.builders.daemon import FakeDaemon

TEXT = """\
# of a person
mode = "demo"
data_dir = "./data"

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]
bid_spread_bps = 4 # near
ask_spread_bps = 4
order_amount_base = 0.01
order_refresh_time_ms = 2_000

[risk]
session_loss_quote = 50
"""
LOOSER = TEXT.replace("session_loss_quote = 50", "session_loss_quote = 80")


@pytest.fixture
def file(folder: Path) -> Path:
    """Return a config file in the working directory."""
    path = folder / "mm.toml"
    path.write_text(TEXT)
    return path


class Ran:
    """A command that ended. Fields: code; said: the lines of standard output; told: of standard error."""

    def __init__(self, code: int, said: str, told: str) -> None:
        self.code, self.said, self.told = code, said.splitlines(), told

    @property
    def result(self) -> dict[str, Any]:
        """The JSON object at the end."""
        found: dict[str, Any] = json.loads(self.said[-1])
        return found


@pytest.fixture
def mm(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Return what runs `mm config ...` in this process."""

    def run(*arguments: str) -> Ran:
        code = carry_out(["config", *arguments])
        return Ran(code, *capsys.readouterr())

    return run


def noted(folder: Path, *texts: str) -> None:
    """Keep texts as the revisions of the data directory."""
    history = ConfigHistory(folder / "data")
    for text in texts:
        number = history.keep(text)
        history.note(
            Revision(
                revision=number,
                time="2026-01-01T00:00:00.000Z",
                who="me",
                origin="cli",
                digest=text_digest(text),
                path=str(folder / "mm.toml"),
                changed=("risk.session_loss_quote",),
            )
        )


# ---- without a daemon


def test_get_shows_what_a_start_would_use(file: Path, mm: Callable[..., Ran]) -> None:
    """Value, when a change applies, and where it is from."""
    ran = mm("get", "risk.session_loss_quote", "--config", "mm.toml", "--json")
    (row,) = ran.result["values"]
    assert (row["value"], row["applies"], row["source"]) == ("50", "now", "mm.toml:15")
    assert ran.result["running"] is False
    shown = mm("get", "--config", "mm.toml").said
    assert any("bid_spread_bps" in line and "next_quote" in line for line in shown)
    assert not any("max_order_base" in line for line in shown)
    assert any(
        "max_order_base" in line and "off" in line for line in mm("get", "risk", "--config", "mm.toml").said
    )
    missing = mm("get", "risk.nothing", "--config", "mm.toml")
    assert (missing.code, "there is no key" in missing.told) == (4, True)


def test_set_changes_the_file_alone_and_says_at_the_next_start(file: Path, mm: Callable[..., Ran]) -> None:
    """Its comments stay."""
    ran = mm("set", "pair.btc.params.bid_spread_bps", "5.5", "--config", "mm.toml")
    assert (ran.code, ran.said[0]) == (0, "pair.btc.params.bid_spread_bps = 5.5: at the next start")
    assert file.read_text() == TEXT.replace("bid_spread_bps = 4 #", "bid_spread_bps = 5.5 #")
    ran = mm("set", "pair.btc.params.bid_spread_bps", "5.5", "--config", "mm.toml", "--json")
    assert (ran.code, ran.result["applies"], ran.result["running"]) == (0, None, False)
    ran = mm("set", "risk.session_loss_quote", "40", "--config", "mm.toml", "--json")
    assert (ran.result["applies"], ran.result["changes"][0]["old"]) == ("now", "50")
    assert mm("set", "risk.session_loss_quote", "30", "--config", "mm.toml", "-q").said == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("risk.session_loss_quote", "80"), "that loosens risk.session_loss_quote: nothing is changed"),
        (("risk.session_loss_quote", "off"), "that loosens risk.session_loss_quote"),
        (("risk.session_loss_quote", "lots"), 'mm.toml:15: risk.session_loss_quote: was "lots"'),
        (("risk.sesion_loss_quote", "3"), "mm.toml:16: risk.sesion_loss_quote: unknown key"),
        (("mode", "live"), "it is set in the file alone"),
        (("Nonsense", "1"), "is no key"),
    ],
)
def test_what_is_refused_leaves_the_file_as_it_was(
    file: Path, mm: Callable[..., Ran], arguments: Sequence[str], told: str
) -> None:
    """With exit code 4 and the place."""
    ran = mm("set", *arguments, "--config", "mm.toml")
    assert ran.code == 4
    assert told in ran.told
    assert file.read_text() == TEXT


def test_a_confirmation_loosens(file: Path, mm: Callable[..., Ran]) -> None:
    """It is what it is for."""
    assert mm("set", "risk.session_loss_quote", "80", "--confirm", "--config", "mm.toml").code == 0
    assert file.read_text() == LOOSER


def test_a_byte_order_mark_and_a_broken_file(file: Path, mm: Callable[..., Ran]) -> None:
    """The first is kept; the second has to be mended by hand, and its line is told."""
    file.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert mm("set", "risk.session_loss_quote", "40", "--config", "mm.toml").code == 0
    assert file.read_bytes().startswith(b"\xef\xbb\xbf# of")
    file.write_text(TEXT + "[ris")
    ran = mm("set", "risk.session_loss_quote", "30", "--config", "mm.toml")
    assert (ran.code, "mm.toml:16: not valid TOML" in ran.told) == (4, True)


def test_history_diff_and_rollback_work_from_the_directory_alone(
    file: Path, folder: Path, mm: Callable[..., Ran]
) -> None:
    """The last run says which file it was; the text comes back with its comments."""
    noted(folder, TEXT, LOOSER)
    where = ("--data-dir", "data")
    assert [one["revision"] for one in mm("history", *where, "--json").result["revisions"]] == [1, 2]
    assert any("risk.session_loss_quote" in line for line in mm("history", *where).said)
    assert mm("diff", "1", "2", *where, "--json").result["lines"][-2:] == [
        "-session_loss_quote = 50",
        "+session_loss_quote = 80",
    ]
    assert mm("diff", *where, "--json").result["from"] == "revision 2"
    assert mm("diff", "1", *where).said == [f"revision 1 and {file} are the same"]
    refused = mm("rollback", "2", *where)
    assert (refused.code, "--confirm" in refused.told, file.read_text()) == (4, True, TEXT)
    assert mm("rollback", "2", "--confirm", *where).code == 0
    assert file.read_text() == LOOSER
    assert mm("rollback", "1", *where, "--json").result["changes"][0]["new"] == "50"
    assert file.read_text() == TEXT
    missing = mm("rollback", "9", *where)
    assert (missing.code, "there is no revision 9" in missing.told) == (3, True)


def test_a_broken_file_is_rolled_back_against_what_was_in_force(
    file: Path, folder: Path, mm: Callable[..., Ran]
) -> None:
    """Where nobody can tell what it was, only with a confirmation."""
    noted(folder, TEXT)
    file.write_text("[broken")
    assert mm("rollback", "1", "--data-dir", "data").code == 0
    assert file.read_text() == TEXT
    (folder / "data" / "config" / "0001.toml").write_text("[broken")
    file.write_text("[broken")
    ConfigHistory(folder / "data").keep(TEXT)
    refused = mm("rollback", "2", "--data-dir", "data")
    assert (refused.code, "nobody can tell" in refused.told) == (4, True)
    assert mm("rollback", "2", "--confirm", "--data-dir", "data").code == 0
    assert file.read_text() == TEXT


@pytest.mark.parametrize("left", [None, b"\xff\xfe"])
def test_a_file_that_is_gone_or_no_text_comes_back_by_a_rollback(
    file: Path, folder: Path, mm: Callable[..., Ran], left: bytes | None
) -> None:
    """That is when it is needed most; a folder in its place is left alone."""
    noted(folder, TEXT)
    file.unlink()
    if left is not None:
        file.write_bytes(left)
    assert mm("rollback", "1", "--data-dir", "data").code == 0
    assert file.read_text() == TEXT
    file.unlink()
    file.mkdir()
    refused = mm("rollback", "1", "--data-dir", "data")
    assert (refused.code, "cannot be read: Is a directory" in refused.told) == (4, True)
    file.rmdir()
    folder.joinpath("data", "config", "history.jsonl").write_text(
        folder.joinpath("data", "config", "history.jsonl").read_text().replace("mm.toml", "gone/mm.toml")
    )
    refused = mm("rollback", "1", "--data-dir", "data")
    assert (refused.code, "gone/mm.toml: cannot be written" in refused.told) == (4, True)


def test_what_needs_a_daemon_says_so(file: Path, folder: Path, mm: Callable[..., Ran]) -> None:
    """With the code for not running; so does a directory in which none ever ran."""
    for verb in ("plan", "apply"):
        assert mm(verb, "--config", "mm.toml").code == 3
    assert mm("get", "--data-dir", "nowhere").code == 3
    assert mm("history").code == 3
    assert mm("history", "--config", "mm.toml").said == ["nothing was in force yet"]
    assert mm("diff", "--config", "mm.toml").code == 3


# ---- with a daemon


class Run:
    """Plays the daemon's side. Fields: asked: what came; told: the answers to `config.apply`, by turn."""

    def __init__(self, path: Path, **changes: object) -> None:
        self.path, self.changes = path, changes
        self.confirm: list[str] = []
        self.source = f"{path}:15"
        self.refusal: dict[str, object] | None = None
        self.applied: list[str] = []

    def __call__(self, request: dict[str, object]) -> dict[str, object] | None:
        """Answer."""
        facts: dict[str, object] = {"ok": True, "path": str(self.path), "revision": 3}
        if request["do"] == "config.get":
            row = {"key": request["key"], "value": "50", "source": self.source, "applies": "now"}
            return {**facts, "values": [{**row, "after_restart": {"value": "60"}}]}
        change = {"key": "risk.session_loss_quote", "old": "50", "new": "40", "source": "mm.toml:15"}
        plan = {
            **facts,
            "digest": "d",
            "changes": [{**change, "applies": "now", "loosens": bool(self.confirm)}],
            "confirm": self.confirm,
            "restart": [],
            "halts": "stop_loss.session",
            "counts": {"kept": 1, "moved": 1},
            "orders": [
                {"session": "btc", "side": "buy", "level": 0, "fate": "kept", "price": "1", "size_base": "2"},
                {
                    "session": "btc",
                    "side": "sell",
                    "level": 0,
                    "fate": "moved",
                    "price": "3",
                    "size_base": "2",
                    "new_price": "4",
                    "new_size_base": "1",
                },
            ],
            "sessions": [
                {
                    "session": "btc",
                    "base": "BTC",
                    "quote": "USDT",
                    "worst_quote": "100",
                    "new_worst_quote": "90",
                    "max_notional_quote": "500",
                    "new_max_notional_quote": "500",
                }
            ],
        }
        if request["do"] == "config.plan":
            return plan
        assert (request["do"], request["digest"]) == ("config.apply", "d")
        self.applied.append(self.path.read_text())
        if self.refusal is not None:
            return self.refusal or None
        return {**plan, "revision": 4, "applied": True}


@pytest.fixture
def run(file: Path) -> Run:
    """Return the daemon's side on the file."""
    return Run(file)


WHERE = ("--data-dir", "data")


def test_set_plans_writes_and_applies_in_that_order(file: Path, run: Run, mm: Callable[..., Ran]) -> None:
    """The daemon is told of the file when it is written, and of which text is meant."""
    with FakeDaemon(Path("data"), run) as daemon:
        ran = mm("set", "risk.session_loss_quote", "40", *WHERE)
    assert (ran.code, ran.said[0]) == (0, "risk.session_loss_quote = 40: now (revision 4)")
    asked = [request["do"] for request in daemon.asked]
    assert asked == ["config.get", "config.get", "config.plan", "config.apply"]
    wanted = TEXT.replace("session_loss_quote = 50", "session_loss_quote = 40")
    assert daemon.asked[2]["text"] == wanted == run.applied[0] == file.read_text()
    shown = "\n".join(ran.said)
    assert "100 -> 90 USDT" in shown
    assert "trading would halt: stop_loss.session" in shown
    assert "1 kept, 1 moved" in shown


def test_without_a_confirmation_nothing_is_written(file: Path, run: Run, mm: Callable[..., Ran]) -> None:
    """The plan says what needs one."""
    run.confirm = ["risk.session_loss_quote"]
    with FakeDaemon(Path("data"), run) as daemon:
        ran = mm("set", "risk.session_loss_quote", "80", *WHERE)
        assert (ran.code, "add --confirm" in ran.told) == (4, True)
        assert (file.read_text(), run.applied) == (TEXT, [])
        ran = mm("set", "risk.session_loss_quote", "80", "--confirm", *WHERE, "--json")
    assert (ran.code, ran.result["applies"], ran.result["revision"]) == (0, "now", 4)
    assert daemon.asked[-1]["confirm"] is True
    assert file.read_text() == LOOSER


def test_a_refusal_after_the_writing_takes_it_back(file: Path, run: Run, mm: Callable[..., Ran]) -> None:
    """What runs and what the file says stay the same."""
    run.refusal = {"ok": False, "error": "no", "hint": "", "exit_code": 4}
    with FakeDaemon(Path("data"), run):
        assert mm("set", "risk.session_loss_quote", "40", *WHERE).code == 4
    assert len(run.applied) == 1
    assert file.read_text() == TEXT


@pytest.mark.parametrize(("left", "stays"), [(b"\xff", b"\xff"), (None, TEXT.encode())])
def test_a_rollback_that_is_refused_at_the_end_puts_back_what_there_was(
    file: Path, run: Run, mm: Callable[..., Ran], left: bytes | None, stays: bytes
) -> None:
    """Byte by byte; a file that was gone is there again, with a text that was in force once."""
    noted(file.parent, TEXT)
    run.refusal = {"ok": False, "error": "no", "hint": "", "exit_code": 4}
    file.unlink()
    if left is not None:
        file.write_bytes(left)
    with FakeDaemon(Path("data"), run):
        assert mm("rollback", "1", *WHERE).code == 4
    assert file.read_bytes() == stays


def test_a_daemon_that_goes_away_leaves_the_file_for_its_next_start(
    file: Path, run: Run, mm: Callable[..., Ran]
) -> None:
    """And the error says so."""
    run.refusal = {}
    with FakeDaemon(Path("data"), run):
        ran = mm("set", "risk.session_loss_quote", "40", *WHERE)
    assert (ran.code, "holds at the next start" in ran.told) == (3, True)
    assert "session_loss_quote = 40" in file.read_text()


def test_a_key_that_comes_from_elsewhere_is_not_set_in_the_file(
    file: Path, run: Run, mm: Callable[..., Ran]
) -> None:
    """It would have no effect, and look as if it had."""
    for source in ("--set", "env MM__RISK__SESSION_LOSS_QUOTE"):
        run.source = source
        with FakeDaemon(Path("data"), run):
            ran = mm("set", "risk.session_loss_quote", "40", *WHERE)
        assert (ran.code, f"comes from {source}" in ran.told) == (4, True)
    assert file.read_text() == TEXT


def test_plan_and_apply_ask_the_daemon(file: Path, run: Run, mm: Callable[..., Ran]) -> None:
    """A plan with keys is one of a text that stands nowhere; an apply is one of the file."""
    with FakeDaemon(Path("data"), run) as daemon:
        ran = mm("plan", "--set", "risk.session_loss_quote=80", *WHERE, "--json")
        assert (ran.code, ran.result["applies"]) == (0, "now")
        assert daemon.asked[-1]["text"] == LOOSER
        assert "looser" not in "\n".join(mm("plan", *WHERE).said)
        assert "no '=' in it" in mm("plan", "--set", "risk.session_loss_quote", *WHERE).told
        assert mm("apply", *WHERE).said[0] == "the file: now (revision 4)"
        shown = mm("get", "risk.session_loss_quote", *WHERE).said[-1]
        assert "50 (60 after a restart)" in shown
    assert file.read_text() == TEXT


def test_another_file_than_the_daemons_is_refused(file: Path, run: Run, mm: Callable[..., Ran]) -> None:
    """An edit of it would change nothing that runs."""
    other = file.with_name("other.toml")
    other.write_text(TEXT)
    with FakeDaemon(Path("data"), run):
        ran = mm("set", "risk.session_loss_quote", "40", "--config", "other.toml")
        assert (ran.code, "not other.toml" in ran.told) == (4, True)
        assert mm("get", "--config", "mm.toml").code == 0


def test_the_config_that_comes_with_mm_is_never_written(folder: Path, mm: Callable[..., Ran]) -> None:
    """Not even by a daemon's leave."""
    before = DEMO_FILE.read_text()
    with FakeDaemon(Path("data"), Run(DEMO_FILE)):
        ran = mm("set", "risk.session_loss_quote", "40", *WHERE)
    assert (ran.code, "mm run config/demo.toml" in ran.told) == (4, True)
    assert DEMO_FILE.read_text() == before
