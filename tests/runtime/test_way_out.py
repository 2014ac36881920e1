"""The core, an observer or the adapter breaks: trading ends, and what is ours comes off the venue."""

from mm.domain.commands import Cancel, ListOrders, Place, Report, VenueCommand
from mm.domain.events import AnyEvent, ListedOrder, Operation, Throttled
from mm.domain.sides import Side
from mm.domain.units import NS_PER_S
from mm.errors import ProtocolViolation, StateCorrupt
from mm.runtime.emergency import FLIGHT_NS
from mm.runtime.live import STOP_PATIENCE_S
from mm.runtime.simulate.ladder import Ladder
from tests.builders.engine_rig import make_session
from tests.builders.live_runs import LiveRun, earlier_cid
from tests.builders.virtual_time import START_NS

FLIGHT_S = FLIGHT_NS / 1e9


def _break_at(run: LiveRun, seconds: float) -> None:
    def is_late(event: AnyEvent) -> bool:
        return event.ts_ns >= START_NS + round(seconds * 1e9)

    run.engine.breaks_at = is_late


def _sent_after(run: LiveRun, seconds: float) -> list[tuple[float, VenueCommand]]:
    # Notes what is sent from a time on.
    noted: list[tuple[float, VenueCommand]] = []

    def note(command: VenueCommand) -> None:
        if run.seconds >= seconds:
            noted.append((run.seconds, command))

    run.venue.on_submit = note
    return noted


def test_an_error_inside_the_core_takes_every_order_of_ours_off_the_venue() -> None:
    """Listed, cancelled, listed again; also what an earlier life left. The run ends clean and halted."""
    run = LiveRun(latency_s=0.05)
    run.at(4.9, lambda: run.venue.leave(earlier_cid(1)))
    _break_at(run, 5)
    after = _sent_after(run, 5)
    outcome = run.go()
    assert (outcome.reason, outcome.clean, outcome.halted) == ("halted: engine.failed", True, True)
    assert not run.venue.open
    kinds = [type(command) for _, command in after]
    assert set(kinds) == {ListOrders, Cancel}
    assert kinds[0] is ListOrders
    assert kinds[-1] is ListOrders
    assert earlier_cid(1) in {command.cid for _, command in after if isinstance(command, Cancel)}


def test_the_core_is_not_called_again_once_it_broke() -> None:
    """Not by events, not by timers, not by an operator."""
    run = LiveRun()
    _break_at(run, 5)
    run.at(7, lambda: run.runtime.operate(Operation.UNHALT, reason="please"))
    run.go()
    assert [event.ts_ns >= START_NS + 5 * 10**9 for event in run.engine.events].count(True) == 1


def test_the_halt_of_a_broken_core_is_reported() -> None:
    """So that it is latched: a restart does not trade either."""
    run = LiveRun()
    _break_at(run, 5)
    run.go()
    assert [dict(report.facts)["reason"] for report in run.reports if report.code == "halt"] == [
        "engine.failed"
    ]


def test_orders_of_others_are_never_touched() -> None:
    """A person's manual orders stay, and do not keep it from being clean."""
    run = LiveRun()
    run.venue.foreign.append(ListedOrder("by-hand", "7", Side.BUY, 9_000, 5, 0))
    _break_at(run, 5)
    assert run.go().clean
    assert all(command.cid != "by-hand" for command in run.venue.commands(Cancel))


def test_it_is_clean_only_when_nothing_can_be_on_its_way_any_more() -> None:
    """A listing overtakes a placement: an order that shows up seconds later is cancelled as well."""
    run = LiveRun(make_session(Ladder(age_ns_max=NS_PER_S)), latency_s=0.01)
    _break_at(run, 5)
    late = earlier_cid(2)
    run.at(5 + FLIGHT_S - 3, lambda: run.venue.leave(late))
    outcome = run.go()
    assert outcome.clean
    assert not run.venue.open
    assert late in {command.cid for command in run.venue.commands(Cancel)}


def test_a_core_that_broke_long_after_its_last_placement_ends_at_once() -> None:
    """The wait is for requests under way; without any there is nothing to wait for."""
    run = LiveRun()
    run.at(3, lambda: run.runtime.operate(Operation.PAUSE))
    _break_at(run, 60)
    assert run.go().clean
    assert run.ended_s < 62


def test_news_of_the_market_do_not_put_off_the_next_look() -> None:
    """The book goes on twice a second; what a deaf venue did not cancel is seen and cancelled again."""
    run = LiveRun()
    _break_at(run, 5)
    run.at(5.1, lambda: run.venue.leave(earlier_cid(1)))
    run.at(4.9, lambda: setattr(run.venue, "deaf_to", (Cancel,)))
    run.at(30, lambda: setattr(run.venue, "deaf_to", ()))
    after = _sent_after(run, 6)
    assert run.go().clean
    assert run.ended_s < 33
    looks = [seconds for seconds, command in after if isinstance(command, ListOrders) and seconds < 30]
    assert len(looks) >= 20


def test_a_way_out_that_the_venue_never_confirms_ends_after_the_patience() -> None:
    """Not clean, and told so."""
    run = LiveRun()
    _break_at(run, 5)
    run.at(4.9, lambda: setattr(run.venue, "deaf_to", (ListOrders, Cancel)))
    outcome = run.go()
    assert (outcome.clean, outcome.halted) == (False, True)
    assert 5 + STOP_PATIENCE_S <= run.ended_s < 7 + STOP_PATIENCE_S


def test_a_stop_that_was_asked_before_bounds_the_way_out_too() -> None:
    """The patience begins once."""
    run = LiveRun()
    run.at(4, lambda: setattr(run.venue, "deaf_to", (ListOrders, Cancel)))
    run.at(5, lambda: run.runtime.stop("enough"))
    _break_at(run, 20)
    assert not run.go().clean
    assert run.ended_s < 6 + STOP_PATIENCE_S


def test_nothing_is_sent_while_the_venue_has_banned_us() -> None:
    """A request during a ban prolongs it; afterwards the way out goes on."""
    run = LiveRun()
    until_s = 40.0
    ban = Throttled(ts_ns=0, until_ns=START_NS + round(until_s * 1e9), banned=True)
    run.at(5.2, lambda: setattr(run.venue, "deaf_to", (Cancel,)))
    _break_at(run, 5)
    run.at(6.1, lambda: run.venue.tell(ban))
    run.at(39, lambda: setattr(run.venue, "deaf_to", ()))
    after = _sent_after(run, 6.2)
    assert run.go().clean
    assert after
    assert min(seconds for seconds, _ in after) >= until_s


class Unwritable:
    """An observer whose disk is full once it matters."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, report: Report) -> None:
        """Fail to write a halt down."""
        if report.code == "halt":
            self.asked += 1
            raise StateCorrupt("runstate.json: cannot be written: No space left on device")


def test_an_observer_that_cannot_write_a_halt_down_ends_trading() -> None:
    """The orders come off the venue all the same, and it ends as a halt with its own cause."""
    disk = Unwritable()
    run = LiveRun(observers=(disk,))
    run.at(5, lambda: run.runtime.operate(Operation.HALT, reason="test"))
    outcome = run.go()
    assert (outcome.reason, outcome.clean, outcome.halted) == ("halted: runtime.failed", True, True)
    assert not run.venue.open
    assert disk.asked == 2


def test_nothing_of_a_step_leaves_that_could_not_be_told() -> None:
    """A placement whose step was not written down is not sent."""

    def forgetful(report: Report) -> None:
        if report.code == "session.state" and dict(report.facts)["state"] == "active":
            raise StateCorrupt("the disk is full")

    run = LiveRun(observers=(forgetful,))
    assert run.go().clean
    assert not run.venue.commands(Place)


def test_an_adapter_that_fails_to_take_a_command_ends_trading() -> None:
    """What may have been sent is looked for, with the adapter's help as far as it goes."""
    run = LiveRun()
    failed: list[VenueCommand] = []

    def refuse(command: VenueCommand) -> None:
        if run.seconds >= 5 and len(failed) < 3:
            failed.append(command)
            raise ProtocolViolation("the adapter is broken")

    run.venue.on_submit = refuse
    outcome = run.go(duration_s=50)
    assert (outcome.reason, outcome.clean, outcome.halted) == ("halted: runtime.failed", True, True)
    assert not run.venue.open
    assert len(failed) == 3
