"""One run from the lock to its last word: signals, latches, what is written down, and every exit code."""

import asyncio
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from mm.bootstrap import trade as trade_module
from mm.bootstrap.trade import Bot, in_loop, trade
from mm.domain.commands import Cancel, ListOrders, Place
from mm.domain.events import ListedOrder
from mm.domain.ids import OrderId, OrderIds
from mm.domain.sides import Side
from mm.engine.engine import Engine
from mm.errors import AlreadyRunning, ConfigError, StateCorrupt
from mm.runtime.config_watch import ConfigWatch
from mm.runtime.live import LiveRuntime
from mm.settings.loader import load_settings
from mm.settings.models import Settings
from mm.settings.options import Show
from mm.store import paths
from mm.store.lock import DirectoryLock, holder
from mm.store.runstate import RunState
from tests.builders.configs import loaded
from tests.builders.fake_venue import FakeVenue
from tests.builders.instruments import make_test_instrument
from tests.builders.virtual_time import VirtualClock, run_virtual

TEXT = """\
mode = "live"

[venue.main]
key = "env:KEY"
secret = "env:SECRET"

[pair.main]
symbol = "AAA/BBB"

[pair.main.params]
bid_spread_bps = 2
ask_spread_bps = 2
order_amount_base = 1
order_refresh_time_ms = 1_000

[risk]
max_notional_quote = 5_000
max_order_notional_quote = 500
session_loss_quote = 100
"""


class Stage:
    """A run about to begin. Fields: venue; settings; shown: every status that a view was given."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self.settings: Settings = loaded(folder, TEXT, [f"data_dir={self.data_dir}"])
        self.venue = FakeVenue(VirtualClock())
        self.shown: list[dict[str, object]] = []
        self._planned: list[tuple[float, Callable[[], object]]] = []

    def at(self, seconds: float, call: Callable[[], object]) -> None:
        """Let `call` happen at a time of the run."""
        self._planned.append((seconds, call))

    def go(self, duration_s: float = 0.0, *, show: Show | None = None) -> Bot:
        """Trade to the end."""

        async def run() -> Bot:
            for seconds, call in self._planned:
                asyncio.get_running_loop().call_later(seconds, call)
            return await trade(
                self.settings, self.venue, VirtualClock(), duration_ns=round(duration_s * 1e9), show=show
            )

        return run_virtual(run)

    def kept(self) -> RunState:
        """Return what is on the disk."""
        return RunState.open(self.data_dir)

    def earlier_cid(self, sequence: int) -> str:
        """Return the id of an order that an earlier life on this directory placed."""
        kept = self.kept()
        if kept.epoch == 0:
            kept.begin_life()
            kept.end_life(open_orders=0, reason="as far as it knew")
        ids = OrderIds(tag=kept.tag, key=kept.id_key)
        return ids.encode(OrderId(kept.tag, 0, 1, sequence))


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Return a run about to begin in a directory of its own."""
    return Stage(tmp_path)


def test_a_run_ends_clean_and_says_so_on_the_disk(stage: Stage) -> None:
    """Orders were placed, none is left, the lock is free, the next life has the next number."""
    bot = stage.go(duration_s=5)
    assert (bot.exit_code, bot.outcome.reason) == (0, "duration")
    assert stage.venue.commands(Place)
    assert not stage.venue.open
    life = stage.kept().life
    assert life is not None
    assert (life.epoch, life.ended, life.open_orders, life.reason) == (1, True, 0, "duration")
    assert holder(stage.data_dir) is None
    assert not paths.control_socket(stage.data_dir).exists()
    stage.venue = FakeVenue(VirtualClock())
    assert stage.go(duration_s=1).runtime.engine.state.setup.epoch == 2


def test_the_report_of_a_run_is_made_of_the_bots_own_books(stage: Stage) -> None:
    """Where a venue has no truth door."""
    stage.at(3, lambda: stage.venue.fill(next(iter(stage.venue.open)), 100))
    report = stage.go(duration_s=5).report(5.0)
    assert report.orders_placed == len(stage.venue.commands(Place))
    assert report.orders_cancelled == len(stage.venue.commands(Cancel))
    assert (report.fills, report.open_orders_at_exit, report.pnl_residual) == (1, 0, 0)
    assert report.first_fill_s == pytest.approx(3, abs=0.1)
    assert report.messages_per_fill == report.orders_placed + report.orders_cancelled
    assert report.pnl_quote
    assert report.exit_code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_run_in_order(stage: Stage, number: signal.Signals) -> None:
    """Cancelled, confirmed, exit code 0; the reason names the signal. A second one harms nothing."""
    stage.at(3, lambda: signal.raise_signal(number))
    stage.at(3, lambda: signal.raise_signal(number))
    bot = stage.go()
    assert (bot.exit_code, bot.outcome.reason) == (0, number.name)
    assert not stage.venue.open


def test_a_stop_that_is_not_confirmed_ends_with_the_code_for_orders_that_may_remain(stage: Stage) -> None:
    """And the disk says that it is not known how many."""
    stage.at(3, lambda: setattr(stage.venue, "deaf_to", (Cancel, ListOrders)))
    bot = stage.go(duration_s=4)
    assert bot.exit_code == 8
    assert bot.report(1.0).open_orders_at_exit > 0
    life = stage.kept().life
    assert life is not None
    assert (life.ended, life.open_orders) == (True, -1)


class Lost:
    """A terminal that hung up."""

    def is_lost(self) -> bool:
        """Return that it did."""
        return True


def test_a_terminal_that_is_closed_takes_an_unattended_run_with_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order: cancelled and confirmed."""
    monkeypatch.setattr(trade_module, "TERMINAL", Lost())
    stage.at(3, lambda: signal.raise_signal(signal.SIGHUP))
    bot = stage.go()
    assert (bot.exit_code, bot.outcome.reason) == (0, "SIGHUP")
    assert not stage.venue.open


def test_before_the_trading_a_terminal_that_is_closed_unwinds_and_a_reload_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is no config to read again yet: it is about to be read."""
    heard: list[str] = []

    async def begin() -> None:
        loop = asyncio.get_running_loop()
        signal.raise_signal(signal.SIGHUP)
        for _ in range(3):
            await asyncio.sleep(0)
        heard.append("goes on")
        monkeypatch.setattr(trade_module, "TERMINAL", Lost())
        loop.call_soon(signal.raise_signal, signal.SIGHUP)
        await loop.create_future()

    with pytest.raises(KeyboardInterrupt):
        in_loop(begin)
    assert heard == ["goes on"]


def test_a_hang_up_without_a_lost_terminal_reads_the_config_again(stage: Stage) -> None:
    """Also under `nohup`: the run goes on, with what the file says now."""
    text = stage.settings.text.replace("bid_spread_bps = 2", "bid_spread_bps = 3")

    def edit() -> None:
        stage.settings.path.write_text(text)
        signal.raise_signal(signal.SIGHUP)

    stage.at(3, edit)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        bot = stage.go(duration_s=5)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (bot.outcome.reason, bot.state.revision) == ("duration", 2)
    assert [config.text for config in bot.configs] == [stage.settings.text, text]


def test_an_edit_that_stands_is_taken_over_by_itself(stage: Stage) -> None:
    """By the second look at it, not by the first: an editor may be in the middle of it."""
    text = stage.settings.text.replace("bid_spread_bps = 2", "bid_spread_bps = 3")
    seen: list[str] = []
    stage.at(3.5, lambda: stage.settings.path.write_text(text))
    stage.at(4.5, lambda: seen.append(str(len(list((stage.data_dir / "config").glob("*.toml"))))))
    bot = stage.go(duration_s=7)
    assert seen == ["1"]
    assert bot.state.revision == 2
    stage.settings, stage.venue = (
        load_settings(stage.settings.path, stage.settings.overrides),
        FakeVenue(VirtualClock()),
    )
    assert stage.go(duration_s=1).state.revision == 2


def test_a_watch_that_breaks_is_told_and_goes_on(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an edit does to us is not to end a run."""
    looks: list[int] = []

    def look(self: object) -> None:
        looks.append(1)
        raise ArithmeticError("broken")

    monkeypatch.setattr(ConfigWatch, "look", look)
    assert stage.go(duration_s=5).exit_code == 0
    assert len(looks) > 2


def test_a_signal_that_comes_again_after_a_while_ends_without_the_venues_word(stage: Stage) -> None:
    """Whoever wants out gets out, with the code for orders that may remain; twice at once is one stop."""
    stage.at(3, lambda: setattr(stage.venue, "deaf_to", (Cancel, ListOrders)))
    ends_s: list[float] = []
    for seconds in (4, 4.1, 9):
        stage.at(seconds, lambda: signal.raise_signal(signal.SIGINT))
    stage.at(8.9, lambda: ends_s.append(8.9))
    stage.at(10, lambda: ends_s.append(10))
    bot = stage.go()
    assert (bot.exit_code, bot.outcome.reason) == (8, "SIGINT")
    assert ends_s == [8.9]


def test_a_halted_run_ends_with_the_code_for_halts(stage: Stage) -> None:
    """Asked for over the socket; the latch is on the disk."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:

        def ask() -> None:
            client.connect(str(paths.control_socket(stage.data_dir)))
            client.sendall(b'{"do": "halt", "reason": "drill"}\n')

        stage.at(3, ask)
        stage.at(5, lambda: signal.raise_signal(signal.SIGTERM))
        bot = stage.go()
        assert b'"ok":true' in client.recv(2**16)
    assert (bot.exit_code, bot.outcome.reason) == (6, "halted: drill")
    latch = stage.kept().latched
    assert latch is not None
    assert latch.code == "drill"


def test_a_latched_directory_starts_nothing_and_clears_what_is_left(stage: Stage) -> None:
    """Leftovers of ours are cancelled, others are not touched, nothing is placed, and the latch stays."""
    RunState.open(stage.data_dir).latch("drill", "by hand", 5)
    ours = [stage.earlier_cid(number) for number in (1, 2)]
    for cid in ours:
        stage.venue.leave(cid)
    stage.venue.foreign.append(ListedOrder("by-hand", "7", Side.BUY, 9_000, 5, 0))
    bot = stage.go(duration_s=60)
    assert (bot.exit_code, bot.outcome.reason) == (6, "halted: drill")
    assert sorted({command.cid for command in stage.venue.commands(Cancel)}) == sorted(ours)
    assert not stage.venue.commands(Place)
    assert not stage.venue.open
    assert stage.kept().latched is not None


def test_what_an_earlier_life_left_is_gone_before_anything_is_placed(stage: Stage) -> None:
    """A life that was killed said nothing; the next one cleans up first, then quotes."""
    ours = stage.earlier_cid(1)
    stage.venue.leave(ours)
    assert stage.go(duration_s=5).exit_code == 0
    sent = [type(command) for command in stage.venue.sent if isinstance(command, Cancel | Place)]
    assert sent[0] is Cancel
    assert Place in sent


def test_a_broken_core_is_told_in_the_status(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks sees that it is on its way out, not the last thing that the core believed."""
    step = Engine.step
    broken: list[bool] = []

    def failing(self: Engine, event: object) -> object:
        if broken:
            raise ArithmeticError("the core is broken")
        return step(self, event)  # type: ignore[arg-type] # whatever comes is handed on

    monkeypatch.setattr(Engine, "step", failing)
    stage.at(3, lambda: broken.append(True))
    bot = stage.go(show=lambda told: stage.shown.append(dict(told)))
    assert (bot.exit_code, bot.outcome.reason) == (6, "halted: engine.failed")
    assert bot.state.orders.live
    assert bot.report(1.0).open_orders_at_exit == 0
    assert {"active", "halting"} <= {str(told["state"]) for told in stage.shown}
    assert stage.shown[-1]["reason"] == "engine.failed"


def _with_least_value(stage: Stage, notional_min: str) -> None:
    instrument = make_test_instrument(notional_min=notional_min)
    stage.venue = FakeVenue(VirtualClock(), instrument=instrument)


def test_a_ladder_that_the_venue_cannot_take_is_a_mistake_of_the_config(stage: Stage) -> None:
    """An order of 1 at 100 is worth too little: told with its place, nothing placed, leftovers cleared."""
    _with_least_value(stage, "150")
    stage.venue.leave(stage.earlier_cid(1))
    with pytest.raises(
        ConfigError, match=r"order_amount_base: an order of 1 AAA at .* is worth 99\.98"
    ) as error:
        stage.go(duration_s=60)
    assert error.value.exit_code == 4
    assert "1.5" in error.value.hint
    assert not stage.venue.commands(Place)
    assert not stage.venue.open
    life = stage.kept().life
    assert life is not None
    assert (life.ended, life.open_orders) == (True, 0)


def test_a_ladder_that_does_not_fit_is_not_told_while_orders_may_remain(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A venue that never confirms the stop weighs more than the config."""
    _with_least_value(stage, "150")
    stop = LiveRuntime.stop

    def stop_unheard(self: LiveRuntime, reason: str) -> None:
        stage.venue.deaf_to = (ListOrders,)
        stop(self, reason)

    monkeypatch.setattr(LiveRuntime, "stop", stop_unheard)
    assert stage.go().exit_code == 8


def test_too_little_money_is_no_mistake_of_the_config(stage: Stage) -> None:
    """The order as configured would do; the run goes on, says why it does not quote, and ends as asked."""
    _with_least_value(stage, "50")
    stage.venue.held = (0, 10 * 10**8)
    bot = stage.go(duration_s=10, show=lambda told: stage.shown.append(dict(told)))
    assert (bot.exit_code, bot.outcome.reason) == (0, "duration")
    assert not stage.venue.commands(Place)
    assert any("filters" in str(told["reason"]) or "funds" in str(told["reason"]) for told in stage.shown)


def test_a_view_is_shown_what_happens_and_is_let_go_in_the_end(stage: Stage) -> None:
    """A few times a second; no task of it is left."""
    stage.go(duration_s=5, show=lambda told: stage.shown.append(dict(told)))
    assert 15 <= len(stage.shown) <= 25
    assert stage.shown[-1]["mode"] == "live"


def test_a_second_run_on_one_directory_is_refused(stage: Stage) -> None:
    """Before the venue is asked anything."""
    with DirectoryLock(stage.data_dir), pytest.raises(AlreadyRunning) as error:
        stage.go(duration_s=5)
    assert error.value.exit_code == 4
    assert not stage.venue.sent
    assert not stage.venue.started


def test_a_damaged_state_file_is_never_replaced(stage: Stage) -> None:
    """Trading does not start on it, and it is as it was."""
    stage.go(duration_s=1)
    stage.venue = FakeVenue(VirtualClock())
    file = stage.data_dir / paths.STATE_NAME
    file.write_bytes(file.read_bytes()[:-9])
    damaged = file.read_bytes()
    with pytest.raises(StateCorrupt) as error:
        stage.go(duration_s=1)
    assert error.value.exit_code == 4
    assert file.read_bytes() == damaged
    assert not stage.venue.sent


def test_how_a_run_ended_is_told_even_if_it_cannot_be_written_down(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk at the very end does not hide that orders may remain."""

    def full(self: RunState, **_: object) -> None:
        raise StateCorrupt("runstate.json: cannot be written: No space left on device")

    monkeypatch.setattr(RunState, "end_life", full)
    stage.at(3, lambda: setattr(stage.venue, "deaf_to", (Cancel, ListOrders)))
    assert stage.go(duration_s=4).exit_code == 8


def test_a_start_that_fails_closes_the_venue(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A symbol that does not trade, or a socket that cannot be made: no connection is left open."""

    async def refuse(symbols: tuple[str, ...]) -> None:
        raise ConfigError("it does not trade")

    monkeypatch.setattr(stage.venue, "instruments", refuse)
    with pytest.raises(ConfigError, match="does not trade"):
        stage.go()
    assert stage.venue.closed == 1
    monkeypatch.undo()

    def unmade(data_dir: Path) -> Path:
        raise StateCorrupt("the socket cannot be made")

    monkeypatch.setattr(trade_module, "made_control_socket", unmade)
    with pytest.raises(StateCorrupt, match="socket"):
        stage.go()
    assert stage.venue.closed == 2
    assert not stage.venue.started


def test_a_directory_whose_path_is_too_long_for_a_socket_still_gets_one(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lies in a short place that is made for it, and commands look for it there."""
    monkeypatch.setattr(paths, "SHORT_ROOT", tmp_path / "s")
    deep = stage.data_dir / ("d" * 60) / ("e" * 60)
    stage.settings = stage.settings.model_copy(update={"data_dir": deep})
    short = paths.control_socket(deep)
    assert short.is_relative_to(tmp_path / "s")
    there: list[bool] = []
    stage.at(2, lambda: there.append(short.is_socket()))
    assert stage.go(duration_s=3).exit_code == 0
    assert there == [True]
    assert not short.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_nobody_attends_to_unwinds(number: signal.Signals) -> None:
    """Before the trading begins and after it ended: what was begun is undone, then the process ends."""
    undone: list[bool] = []

    async def begin() -> None:
        try:
            asyncio.get_running_loop().call_soon(signal.raise_signal, number)
            await asyncio.get_running_loop().create_future()
        finally:
            undone.append(True)

    with pytest.raises(KeyboardInterrupt):
        in_loop(begin)
    assert undone == [True]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_after_the_trading_a_signal_unwinds_again(stage: Stage, number: signal.Signals) -> None:
    """The demo still has an exchange to end then."""

    async def run() -> None:
        await trade(stage.settings, stage.venue, VirtualClock(), duration_ns=10**9, show=None)
        signal.raise_signal(number)
        await asyncio.get_running_loop().create_future()

    with pytest.raises(asyncio.CancelledError):
        run_virtual(run)
