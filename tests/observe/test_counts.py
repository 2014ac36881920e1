"""What a run did is counted once, by whom and why; counting harms nobody, whatever it meets."""

from structlog.testing import capture_logs

from mm.domain.commands import Place, Report
from mm.domain.events import (
    Advanced,
    ClockMeasured,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    Source,
    Stream,
    StreamDown,
)
from mm.observe import counts as counts_module
from mm.observe.counts import Counts
from tests.builders.live_runs import LiveRun, earlier_cid


def first(run: LiveRun) -> str:
    """Return the oldest order that rests."""
    return next(iter(run.venue.open))


def ended(run: LiveRun) -> Counts:
    """Let the run go for ten seconds, stop it, and return what was counted."""
    run.at(10, lambda: run.runtime.stop("enough"))
    run.go()
    assert run.runtime.counts.failure == ""
    return run.runtime.counts


def test_placements_cancels_and_fills_are_the_venues() -> None:
    """By side; money exactly."""
    run = LiveRun()
    filled = []
    run.at(2, lambda: filled.append(run.venue.fill(first(run), 4)))
    run.at(3, lambda: filled.append(run.venue.fill(list(run.venue.open)[-1], 2)))
    counts = ended(run)

    places = run.venue.commands(Place)
    instrument = run.engine.state.sessions[0].setup.instrument
    assert counts.placed == {
        ("main", side): sum(place.side == side for place in places) for side in ("buy", "sell")
    }
    assert sum(counts.canceled.values()) == run.runtime.history.canceled > 0
    assert {why for _, why in counts.canceled} == {"asked"}
    assert counts.fills == {("main", event.side.value, "maker"): 1 for event in filled}
    for event in filled:
        names = ("main", event.side.value)
        assert counts.base_atoms[names] == event.size_lots * instrument.lot_atoms
        assert counts.quote_atoms[names] == event.size_lots * event.price_ticks * instrument.tick_lot_atoms
    assert counts.connected == {("", "market"): 1, ("", "user"): 1}


def test_a_fill_that_is_told_twice_or_is_none_counts_once_or_not() -> None:
    """The same execution again, one of nothing, and one of an order that is nobody's."""
    run = LiveRun()

    def trouble() -> None:
        event = run.venue.fill(first(run), 1)
        run.venue.tell(event)
        fields = {name: getattr(event, name) for name in event.__struct_fields__}
        for change in ({"size_lots": 0, "trade_id": 901}, {"cid": "strange", "trade_id": 902}):
            run.venue.tell(type(event)(**(fields | change)))

    run.at(2, trouble)
    assert sum(ended(run).fills.values()) == 1


def test_a_fill_of_an_earlier_life_is_the_sessions_that_it_is_booked_to() -> None:
    """It moved the holdings of somebody: that one is named."""
    counts = Counts(LiveRun().engine.state)
    run = LiveRun()
    event = []
    run.at(2, lambda: event.append(run.venue.fill(first(run), 1)))
    ended(run)
    fields = {name: getattr(event[0], name) for name in event[0].__struct_fields__}
    fill = type(event[0])(**(fields | {"cid": earlier_cid(3)}))
    said = Report(ts_ns=0, code="fill.earlier_life", session="main", facts=())
    other = Report(ts_ns=0, code="fill.late", session="main", facts=())

    counts.on_step(fill, (other, said), fresh=True, ended=None)
    counts.on_step(fill, (other,), fresh=True, ended=None)
    assert counts.fills == {("main", fill.side.value, "maker"): 1}


def test_what_the_venue_refuses_and_ends_is_told_apart() -> None:
    """Its cancel is not ours; refusals by what they mean; prevention; a book that was lost."""
    run = LiveRun()
    now_ns = run.clock.now_ns

    def trouble() -> None:
        sent = [place.cid for place in run.venue.commands(Place)]
        run.venue.tell(OrderCanceled(ts_ns=now_ns(), cid=sent[0], cum_lots=0, source=Source.STREAM))
        run.venue.tell(
            OrderExpired(ts_ns=now_ns(), cid=sent[1], cum_lots=0, prevented=True, source=Source.STREAM)
        )
        run.venue.tell(StreamDown(ts_ns=now_ns(), stream=Stream.MARKET, reason="lost"))
        run.venue.tell(ClockMeasured(ts_ns=now_ns(), offset_ns=-25_000_000, round_trip_ns=1))

    run.at(2, trouble)
    counts = ended(run)

    assert counts.canceled["main", "venue"] == 1
    assert counts.prevented == {("main",): 1}
    assert counts.books_lost == {("AAA/BBB",): 1}
    assert counts.connected["", "market"] == 2
    assert counts.clock_offset_ns == -25_000_000


def test_refusals_and_denials_have_few_causes() -> None:
    """What a venue writes is in no name; a rule is, but not without end."""
    counts = Counts(LiveRun().engine.state)
    said = Report(ts_ns=0, code="order.rejected", session="main", facts=())
    for change in ({"crossed": True}, {"funds": True}, {"code": 0}, {}):
        fields: dict[str, object] = {"ts_ns": 0, "cid": "c", "code": -2010, "reason": "written by a venue"}
        counts.on_step(OrderRejected(**(fields | change)), (said,), fresh=False, ended=None)  # type: ignore[arg-type]  # its fields
    for number in range(counts_module.NAMES_MAX + 50):
        denied = Report(ts_ns=0, code="order.denied", session="main", facts=(("rule", f"r{number}"),))
        counts.on_step(Advanced(ts_ns=0), (denied, said), fresh=False, ended=None)

    assert counts.rejected == {("main", why): 1 for why in ("crossed", "funds", "unsent", "other")}
    assert len(counts.denied) == counts_module.NAMES_MAX + 1
    assert counts.denied["main", "other"] == 50
    assert counts.denied["main", "r0"] == 1


def test_a_placement_of_an_order_that_nobody_knows_is_nobodys() -> None:
    """It cannot be; it is no reason to stop counting either."""
    run = LiveRun()
    ended(run)
    counts = Counts(LiveRun().engine.state)
    counts.on_step(Advanced(ts_ns=0), run.venue.commands(Place)[:1], fresh=False, ended=None)
    assert (counts.placed, counts.failure) == ({}, "")


def test_what_breaks_in_the_counting_ends_it_alone() -> None:
    """Told once; the run trades on and ends as it should."""
    run = LiveRun()
    run.at(2, lambda: setattr(run.runtime.counts, "connected", None))
    run.at(2, lambda: run.venue.tell(StreamDown(ts_ns=run.clock.now_ns(), stream=Stream.USER, reason="x")))
    run.at(10, lambda: run.runtime.stop("enough"))
    with capture_logs() as logs:
        outcome = run.go()

    assert [line["event"] for line in logs].count("counts.failed") == 1
    assert run.runtime.counts.failure.startswith("TypeError")
    assert (outcome.reason, outcome.clean, run.runtime.failure) == ("enough", True, "")
