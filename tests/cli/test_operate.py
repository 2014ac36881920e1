"""The verbs that steer: exit code 0 means that it is so."""

import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from mm.cli import client, operate
from mm.cli.main import carry_out
from mm.domain.ids import OrderId, OrderIds
from mm.errors import (
    EXIT_CONFIG,
    EXIT_HALTED,
    EXIT_NOT_RUNNING,
    EXIT_OK,
    EXIT_ORDERS_MAY_REMAIN,
    EXIT_TIMEOUT,
    EXIT_USAGE,
)
from mm.store.heartbeat import HALT_NAME, Halt, Heartbeat, Watch, Word, halt_asked
from mm.store.lock import DirectoryLock
from mm.store.operator_notes import LATCH_LIFTED, LATCH_SET, act_of, notes
from mm.store.runstate import RunState
from tests.builders.daemon import FakeDaemon, daemon_status, session_status
from tests.builders.exchange_thread import hosted
from tests.builders.processes import until


@pytest.fixture
def data_dir(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory under ./var whose daemon has begun a life; waiting takes no time."""
    monkeypatch.setattr(operate, "PAUSE_S", 0)
    path = Path("var") / "demo"
    RunState.open(path).begin_life()
    return path


class Script:
    """A daemon that carries out a request at the third status after it."""

    def __init__(self, before: Mapping[str, object], after: Mapping[str, object]) -> None:
        """Keep what it tells before and after."""
        self.before, self.after = before, after
        self.looks = 0

    def __call__(self, request: dict[str, object]) -> Mapping[str, object]:
        """Answer one request."""
        if request["do"] != "status":
            return self.before
        self.looks += 1
        return self.after if self.looks >= 3 else self.before


ACTIVE = daemon_status()
PAUSED = daemon_status(
    sessions=[session_status(state="paused", reason="lunch", paused="lunch", open_orders=0)]
)
STOPPED = daemon_status(sessions=[session_status(state="completed", open_orders=0)])
HALTING = daemon_status(latch={"code": "operator", "since_ms": 1, "confirmed": False})
HALTED = daemon_status(
    latch={"code": "operator", "since_ms": 1, "confirmed": True},
    sessions=[session_status(state="halted", reason="operator", open_orders=0)],
)
BOTH = HALTED | {
    "sessions": [session_status(state="halted", reason="operator", paused="lunch", open_orders=0)]
}


@pytest.mark.parametrize(
    ("arguments", "script", "said"),
    [
        (["pause"], (ACTIVE, PAUSED), "all sessions paused; no quote is left"),
        (["pause", "btc"], (ACTIVE, PAUSED), "btc paused; no quote is left"),
        (["stop", "btc"], (ACTIVE, STOPPED), "btc stopped; no order of it is left"),
        (["halt", "--reason", "x"], (HALTING, HALTED), "halted; the venue confirms"),
        (["unhalt", "--reason", "x"], (HALTED, ACTIVE), "lifted"),
        (["unhalt", "--reason", "x"], (HALTED, PAUSED), "lifted\nbtc stays paused (lunch): mm resume\n"),
        (["resume"], (PAUSED, ACTIVE), "all sessions resumed\n"),
        (
            ["pause"],
            (HALTED, BOTH),
            "all sessions paused; no quote is left; a halt that is lifted leaves it so",
        ),
        (["resume"], (BOTH, HALTED), "all sessions resumed; halted: nothing is quoted before `mm unhalt`"),
        (["stop", "btc"], (HALTING, HALTED), "btc stopped; no order of it is left"),
    ],
)
def test_a_verb_waits_until_it_is_so(
    data_dir: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    script: tuple[Mapping[str, object], Mapping[str, object]],
    said: str,
) -> None:
    """Not until it was asked for."""
    with FakeDaemon(data_dir, Script(*script)) as daemon:
        assert carry_out(arguments) == EXIT_OK

    assert capsys.readouterr().out.startswith(said)
    (asked,) = [one for one in daemon.asked if one["do"] == arguments[0]]
    assert str(asked["who"]).endswith("@cli")


def test_a_daemon_that_is_not_halted_has_nothing_to_lift(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told, and not asked: nothing was done."""
    with FakeDaemon(data_dir, lambda _: ACTIVE) as daemon:
        assert carry_out(["unhalt", "--reason", "x"]) == EXIT_NOT_RUNNING

    assert "is not halted: there is nothing to lift" in capsys.readouterr().err
    assert [one["do"] for one in daemon.asked] == ["status"]


@pytest.mark.parametrize("arguments", [["halt", "--reason", "x"], ["stop", "btc"], ["stop"]])
def test_what_does_not_happen_in_time_is_a_timeout(
    data_dir: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """The daemon goes on trying; the hint says how to look."""
    with FakeDaemon(data_dir, lambda _: ACTIVE):
        assert carry_out([*arguments, "--wait", "20ms"]) == EXIT_TIMEOUT

    assert "mm status" in capsys.readouterr().err


def ending(data_dir: Path, *, open_orders: int | None) -> FakeDaemon:
    """A daemon that ends when it is asked to stop; open_orders: what it leaves, None without a word."""

    def answer(request: dict[str, object]) -> Mapping[str, object]:
        if request["do"] == "stop":
            if open_orders is not None:
                RunState.open(data_dir).end_life(open_orders=open_orders, reason="stopped")
            daemon.end()
        return ACTIVE

    daemon = FakeDaemon(data_dir, answer)
    return daemon


@pytest.mark.parametrize(
    ("open_orders", "code", "told"),
    [
        (0, EXIT_OK, "stopped; the venue confirms that no order of ours is left"),
        (2, EXIT_ORDERS_MAY_REMAIN, "without the venue's word"),
        (-1, EXIT_ORDERS_MAY_REMAIN, "without the venue's word"),
        (None, EXIT_ORDERS_MAY_REMAIN, "ended without a word"),
    ],
)
def test_a_stop_is_done_when_the_daemon_has_ended_and_left_nothing(
    data_dir: Path, capsys: pytest.CaptureFixture[str], open_orders: int | None, code: int, told: str
) -> None:
    """Its last word decides: nothing left is 0, anything else is 8."""
    with ending(data_dir, open_orders=open_orders):
        assert carry_out(["stop"]) == code

    out, err = capsys.readouterr()
    assert told in out + err


def test_the_outcome_is_an_object_with_json(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what was done, and the status that showed it."""
    with FakeDaemon(data_dir, Script(ACTIVE, PAUSED)):
        assert carry_out(["pause", "--json"]) == EXIT_OK

    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["session"]) == (True, "")
    assert told["status"]["sessions"][0]["state"] == "paused"


def test_a_halt_without_a_daemon_keeps_the_next_one_from_trading(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The latch is in the data directory; lifting it there works the same way."""
    assert carry_out(["halt", "--reason", "holiday"]) == EXIT_OK
    latched = RunState.open(data_dir).latched
    assert latched is not None
    assert (latched.code, latched.reason) == (operate.OPERATOR_CODE, "holiday")

    assert carry_out(["unhalt", "--reason", "back"]) == EXIT_OK

    state = RunState.open(data_dir)
    assert state.latched is None
    assert [change.reason for change in state.history] == ["holiday", "back"]
    here = f"uid {os.getuid()} pid {os.getpid()} (offline)"
    assert all(change.who.endswith(f"@cli, {here}") for change in state.history)
    acts = [act_of(entry) for _, entry in notes(data_dir)]
    assert [(act.act, act.code, act.reason) for act in acts if act is not None] == [
        (LATCH_SET, operate.OPERATOR_CODE, "holiday"),
        (LATCH_LIFTED, operate.OPERATOR_CODE, "back"),
    ]
    assert carry_out(["unhalt", "--reason", "again"]) == EXIT_NOT_RUNNING
    assert "nothing to lift" in capsys.readouterr().err


def test_a_daemon_that_does_not_answer_is_halted_by_the_word_and_the_file(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that hangs, or starts just now: without anybody's word that nothing is left the code is 8."""
    with DirectoryLock(data_dir):
        beat = Heartbeat.create(data_dir)
        assert carry_out(["halt", "--reason", "x", "--data-dir", str(data_dir)]) == EXIT_ORDERS_MAY_REMAIN
        assert beat.halt is Halt.OPERATOR

    assert "no watchdog tells that nothing is left" in capsys.readouterr().err
    asked = halt_asked(data_dir)
    assert asked is not None
    assert (asked.reason, asked.who.endswith("@cli")) == ("x", True)
    assert RunState.open(data_dir).latched is None


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (Watch.CONFIRMED, EXIT_HALTED),
        (Watch.FAILED, EXIT_ORDERS_MAY_REMAIN),
        (Watch.FIRED, EXIT_ORDERS_MAY_REMAIN),
    ],
)
def test_where_the_daemon_hangs_its_watchdogs_word_decides(
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    state: Watch,
    code: int,
) -> None:
    """It takes connections and says nothing; what it was told before still stands."""
    monkeypatch.setattr(client, "ANSWER_TIMEOUT_S", 0.05)
    with FakeDaemon(data_dir, lambda _: b""):
        beat = Heartbeat.create(data_dir)
        beat.words[Word.WATCHDOG_STATE] = state
        assert carry_out(["halt", "--reason", "x", "--wait", "200ms", "--json"]) == code

    told = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == code
    assert f"kill -9 {beat.words[Word.TRADER_PID]}" in told["hint"]


def test_a_watchdog_that_is_at_work_is_waited_for(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may not have seen the word yet."""
    monkeypatch.setattr(client, "ANSWER_TIMEOUT_S", 0.05)
    with FakeDaemon(data_dir, lambda _: b""):
        beat = Heartbeat.create(data_dir)
        beat.words[Word.WATCHDOG_STATE] = Watch.WATCHING
        beat.words[Word.WATCHDOG_BEAT_NS] = time.monotonic_ns()

        def confirm() -> None:
            until(lambda: beat.halt is Halt.OPERATOR)
            beat.words[Word.WATCHDOG_STATE] = Watch.FIRED
            beat.words[Word.WATCHDOG_STATE] = Watch.CONFIRMED

        confirming = threading.Thread(target=confirm)
        confirming.start()
        assert carry_out(["halt", "--reason", "x"]) == EXIT_HALTED
        confirming.join()
    assert "its watchdog cancelled everything" in capsys.readouterr().err


def test_a_disk_that_is_full_keeps_nobody_from_halting(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The word and the daemon do not need it; it is told."""
    (data_dir / HALT_NAME).mkdir()
    with FakeDaemon(data_dir, Script(HALTING, HALTED)) as daemon:
        assert carry_out(["halt", "--reason", "x"]) == EXIT_OK
    assert "no file HALT" in capsys.readouterr().err
    assert daemon.asked[0]["do"] == "halt"


def test_without_a_daemon_a_halt_file_is_lifted_too(data_dir: Path) -> None:
    """Whoever wrote it."""
    (data_dir / HALT_NAME).write_text("prices are odd\n")
    assert carry_out(["unhalt", "--reason", "fine again"]) == EXIT_OK
    assert halt_asked(data_dir) is None
    assert carry_out(["unhalt", "--reason", "fine again"]) == EXIT_NOT_RUNNING


def test_a_directory_that_a_watchdog_holds_for_a_moment_is_waited_for(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It latches there for a dead trader; whoever lifts the halt is not sent away for that."""
    RunState.open(data_dir).latch("watchdog.silent", "", 1)
    lock = DirectoryLock(data_dir)
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            lock.release()

    monkeypatch.setattr(time, "sleep", sleep)
    assert carry_out(["unhalt", "--reason", "fine again"]) == EXIT_OK
    assert len(looks) == 3
    assert RunState.open(data_dir).latched is None


def test_a_directory_that_stays_held_is_told(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is changed there."""
    monkeypatch.setattr(operate, "LOCK_PATIENCE_S", 0.0)
    monkeypatch.setattr(operate, "LOCK_PAUSE_S", 0.0)
    RunState.open(data_dir).latch("operator", "", 1)
    with DirectoryLock(data_dir):
        assert carry_out(["unhalt", "--reason", "fine again"]) == EXIT_CONFIG
    assert f"held by another process, pid {os.getpid()}" in capsys.readouterr().err
    assert RunState.open(data_dir).latched is not None


LIVE = """\
mode = "live"
data_dir = "{data_dir}"

[venue.main]
url = "{url}"
key = "env:MM_TEST_KEY"
secret = "env:MM_TEST_SECRET"

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]
bid_spread_bps = 20
ask_spread_bps = 20
order_amount_base = 0.002
order_refresh_time_ms = 1_000

[risk]
max_notional_quote = 5_000
max_order_notional_quote = 500
session_loss_quote = 100
"""


def test_with_its_config_a_halt_cancels_what_a_crash_left(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No daemon, no watchdog: ours goes, the order of somebody else stays, the latch is set."""
    kept = RunState.open(data_dir)
    ids = OrderIds(tag=kept.tag, key=kept.id_key)
    with hosted(preset="empty") as exchange:
        for number in range(20):
            exchange.leave(ids.encode(OrderId(kept.tag, 0, 3, number)))
        exchange.leave("by-hand")
        monkeypatch.setenv("MM_TEST_KEY", exchange.key)
        monkeypatch.setenv("MM_TEST_SECRET", exchange.secret)
        Path("live.toml").write_text(LIVE.format(data_dir=data_dir, url=exchange.url))
        assert carry_out(["halt", "--reason", "x", "--config", "live.toml", "--json"]) == EXIT_OK
        assert [order["client_id"] for order in exchange.truth()["open_orders"]] == ["by-hand"]
        told = json.loads(capsys.readouterr().out)
        assert (told["running"], told["cancels"]) == (False, 20)
        monkeypatch.setattr(client, "ANSWER_TIMEOUT_S", 0.05)
        exchange.leave(ids.encode(OrderId(kept.tag, 0, 3, 99)))
        with FakeDaemon(data_dir, lambda _: b""):
            assert carry_out(["halt", "--reason", "x", "--config", "live.toml"]) == EXIT_HALTED
        assert [order["client_id"] for order in exchange.truth()["open_orders"]] == ["by-hand"]
    assert RunState.open(data_dir).latched is not None
    command = ["halt", "--reason", "x", "--config", "live.toml", "--wait", "100ms"]
    assert carry_out(command) == EXIT_ORDERS_MAY_REMAIN
    assert "cannot connect" in capsys.readouterr().err


def test_a_mode_without_an_account_has_nothing_to_cancel(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is halted all the same."""
    text = LIVE.replace('"live"', '"demo"').format(data_dir=data_dir, url="http://127.0.0.1:9")
    Path("demo.toml").write_text(text)
    assert carry_out(["halt", "--reason", "x", "--config", "demo.toml"]) == EXIT_CONFIG
    assert "no account that outlives" in capsys.readouterr().err
    assert RunState.open(data_dir).latched is not None


@pytest.mark.parametrize("verb", ["halt", "unhalt"])
def test_a_halt_and_its_end_need_a_reason(
    data_dir: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    """An empty one is none."""
    assert carry_out([verb]) == EXIT_USAGE
    assert carry_out([verb, "--reason", "  "]) == EXIT_USAGE
    assert f"{verb} needs a reason" in capsys.readouterr().err
    assert RunState.open(data_dir).history == ()


def test_no_directory_is_made_for_a_halt(capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped name must not look as if it had worked."""
    assert carry_out(["halt", "--reason", "x", "--data-dir", "vra"]) == EXIT_NOT_RUNNING

    assert "no data directory of a daemon" in capsys.readouterr().err
    assert not Path("vra").exists()


def test_a_refusal_of_the_daemon_is_told(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its own exit code."""
    refusal = {"ok": False, "error": "there is no session 'x'", "hint": "sessions: btc", "exit_code": 3}

    with FakeDaemon(data_dir, lambda _: refusal):
        assert carry_out(["pause", "x"]) == EXIT_NOT_RUNNING

    assert capsys.readouterr().err == "error: there is no session 'x'\nhint: sessions: btc\n"
