"""The plain kernel stops where `Stop` says: each cause by itself, with the news until then."""

import pytest

from mm.domain.book import Level
from mm.domain.events import AnyEvent, BookDelta, BookLost, BookSnapshot, PublicTrade, TopOfBook
from mm.domain.seen import Known
from mm.domain.sides import BUY, SELL, Side
from mm.domain.tape import Chunk, TapeWriter
from mm.domain.units import NEVER_NS, PPM
from mm.kernel.plain import PlainKernel
from mm.kernel.types import KernelMarket, Stop, Watch
from mm.sim.places import Place, Places, QueueSettings
from mm.sim.queue import QueueModel
from tests.builders.sim import make_order

SYMBOL, STRANGER = "AAA/BBB", "CCC/BBB"
LOT = 10
STALE_NS = 1_000


class Facts(Known):
    """What engine and venue know beside the books."""

    def __init__(self) -> None:
        """Know of a mid, and of a print."""
        super().__init__()
        self.heard_ns, self.mid_half_ticks = 100, 200
        self.last_trade_id = 5


class Bench:
    """A plain kernel over one market, whose book is 99 at 101, 50 atoms each."""

    def __init__(self, *, participation_ppm: int = PPM) -> None:
        """Show the book."""
        self.facts = Facts()
        queue = QueueSettings(
            model=QueueModel.RISK_AVERSE, shape=1.0, lot_atoms=LOT, participation_ppm=participation_ppm
        )
        self.kernel = PlainKernel([KernelMarket(SYMBOL, STALE_NS, self.facts, self.facts, queue)])
        self.own = {side: Places(side, queue) for side in (BUY, SELL)}
        self.book, self.feed = self.kernel.book(0), self.kernel.feed(0, self.own)
        bids, asks = [Level(99, 50), Level(98, 50)], [Level(101, 50), Level(102, 50)]
        self.book.apply_snapshot(100, 10, bids, asks)
        self.feed.snapshot(bids, asks, seq=10)

    def rests(self, side: Side, price_ticks: int, front_atoms: int = 0, live_ns: int = 0) -> None:
        """Let an own order rest."""
        order = make_order(1, "client", side, price_ticks, 3)
        self.own[side].add(Place(order=order, front_atoms=front_atoms, credit_atoms=0, live_ns=live_ns))

    def advance(
        self,
        *events: AnyEvent,
        limit_ns: int = NEVER_NS,
        watches: tuple[Watch, ...] = (),
        keyframe: bool = False,
    ) -> tuple[Stop, int]:
        """Load the events, and advance over them."""
        self.kernel.load(tape(*events))
        return self.kernel.advance(0, limit_ns, watches, wants_keyframe=keyframe)


def tape(*events: AnyEvent) -> Chunk:
    """Return the rows of events; a whole book is a keyframe."""
    writer = TapeWriter((SYMBOL, STRANGER))
    for event in events:
        if isinstance(event, BookSnapshot) and event.seq == 0:
            writer.add_keyframe(event)
        else:
            writer.add(event)
    return writer.take()


def top(bid: int, ask: int, *, ts_ns: int = 110, seq: int = 11, atoms: int = 50) -> TopOfBook:
    """Return a top."""
    return TopOfBook(ts_ns=ts_ns, symbol=SYMBOL, seq=seq, bid=Level(bid, atoms), ask=Level(ask, atoms))


def delta(*bids: tuple[int, int], ts_ns: int = 110, seq: int = 11, venue_ms: int = 0) -> BookDelta:
    """Return changes of bids."""
    levels = tuple(Level(*one) for one in bids)
    return BookDelta(ts_ns=ts_ns, symbol=SYMBOL, seq=seq, venue_ms=venue_ms, bids=levels, asks=())


def trade(price: int, atoms: int, *, sold: bool = True, number: int = 6, symbol: str = SYMBOL) -> PublicTrade:
    """Return a print."""
    return PublicTrade(
        ts_ns=110,
        symbol=symbol,
        trade_id=number,
        price_ticks=price,
        size_atoms=atoms,
        aggressor=SELL if sold else BUY,
        venue_ms=7,
    )


def whole(seq: int) -> BookSnapshot:
    """Return a whole book, a keyframe if it has no number."""
    return BookSnapshot(ts_ns=110, symbol=SYMBOL, seq=seq, bids=(Level(9, 1),), asks=(Level(11, 1),))


def test_messages_that_need_nobody_are_applied_to_the_end() -> None:
    """Both views have them; news tell each change of the best prices and each print, and are told once."""
    bench = Bench()
    assert bench.advance(delta((100, 20), venue_ms=3), trade(100, 5), top(99, 101, ts_ns=120, seq=12)) == (
        Stop.END,
        4,
    )
    told = bench.kernel.news(0)
    assert told.tops == [(0, 110, 100, 20, 101, 50, 201), (2, 120, 99, 50, 101, 50, 200)]
    assert told.trades == [(1, 110, 100, 5, -1, 7, 6)]
    assert (told.heard_ns, told.venue_ms, told.stands) == (120, 3, False)
    assert bench.feed.sides[BUY].best_ticks == bench.book.bid_ticks == 99
    assert (bench.kernel.now_ns, bench.kernel.messages) == (120, 3)
    assert bench.kernel.news(0).tops == []


def test_sizes_are_told_to_whom_it_may_concern() -> None:
    """Not otherwise: most tops change nothing else."""
    bench = Bench()
    assert bench.advance(top(99, 101, atoms=40))[0] is Stop.END
    assert bench.kernel.news(0).tops == []
    bench.facts.wants_tops = True
    assert bench.advance(top(99, 101, atoms=30, seq=12))[0] is Stop.END
    assert bench.kernel.news(0).tops == [(0, 110, 99, 30, 101, 30, 200)]


def test_what_is_due_at_or_before_a_message_comes_first() -> None:
    """The limit itself is due; a keyframe that nobody waits for is no message."""
    bench = Bench()
    assert bench.advance(whole(0), delta((99, 1)), limit_ns=110) == (Stop.DUE, 2)
    assert bench.book.bid_atoms(99) == 50
    assert bench.kernel.now_ns == 0


@pytest.mark.parametrize(
    "event", [whole(12), BookLost(ts_ns=110, symbol=SYMBOL, reason="gap"), top(200, 201), top(30, 50)]
)
def test_whole_books_strange_events_and_tops_far_off_go_through_the_objects(event: AnyEvent) -> None:
    """Nothing of them is applied."""
    bench = Bench()
    assert bench.advance(event) == (Stop.BEFORE, 0)
    assert (bench.book.bid_ticks, bench.book.ask_ticks, bench.kernel.messages) == (99, 101, 0)


def test_a_keyframe_stops_whoever_waits_for_one() -> None:
    """And only then."""
    assert Bench().advance(whole(0), keyframe=True) == (Stop.BEFORE, 0)
    assert Bench().advance(whole(0)) == (Stop.END, 2)


def test_a_book_that_is_lost_or_was_silent_for_too_long_is_the_objects_affair() -> None:
    """In either view; prints pass all the same."""
    bench = Bench()
    bench.book.lose()
    assert bench.advance(trade(99, 5), delta((99, 1))) == (Stop.BEFORE, 1)
    bench = Bench()
    bench.feed.is_believed = False
    assert bench.advance(top(99, 101)) == (Stop.BEFORE, 0)
    assert Bench().advance(delta((99, 1), ts_ns=100 + STALE_NS)) == (Stop.BEFORE, 0)


def test_a_print_that_fills_an_own_order_stops() -> None:
    """Through its price with a lot, at its price where a lot reaches beyond what is in front."""
    bench = Bench()
    bench.rests(BUY, 99, front_atoms=50)
    assert bench.advance(trade(99, 50 + LOT - 1), trade(99, 50, number=7)) == (Stop.BEFORE, 1)
    bench = Bench()
    bench.rests(BUY, 99, front_atoms=50)
    assert bench.advance(trade(98, LOT - 1), trade(98, LOT, number=7)) == (Stop.BEFORE, 1)
    assert bench.advance(trade(98, LOT, number=5), trade(98, 0), trade(101, 99, sold=False))[0] is Stop.END


def test_what_a_print_has_shown_before_it_came_does_not_reach_an_own_order() -> None:
    """At the price as far as it counted for the order already, beyond it if the order came afterwards."""
    bench = Bench()
    bench.rests(BUY, 99, front_atoms=50)
    assert bench.advance(delta((99, 20), ts_ns=105), trade(99, 30 + LOT)) == (Stop.END, 2)
    assert bench.advance(trade(99, 10 + LOT - 1, number=7), trade(99, LOT, number=8)) == (Stop.BEFORE, 1)
    early, late = Bench(), Bench()
    early.rests(BUY, 99)
    late.rests(BUY, 99, live_ns=106)
    fell = delta((98, 20), ts_ns=105)
    assert early.advance(fell, trade(98, 30)) == (Stop.BEFORE, 1)
    assert late.advance(fell, trade(98, 30), trade(98, LOT, number=7)) == (Stop.BEFORE, 2)


def test_a_print_of_which_less_than_a_lot_is_ours_fills_nothing() -> None:
    """The part that own fills may be of a print is counted in whole lots."""
    bench = Bench(participation_ppm=PPM // 2)
    bench.rests(BUY, 99)
    assert bench.advance(trade(98, 2 * LOT - 1), trade(98, 2 * LOT, number=7)) == (Stop.BEFORE, 1)


def test_a_level_through_an_own_order_stops_and_so_does_every_change_while_it_stays() -> None:
    """One at its price does not."""
    bench = Bench()
    bench.rests(SELL, 101)
    assert bench.advance(delta((101, 0)), delta((101, 5), seq=12), delta((102, 5), seq=13)) == (
        Stop.BEFORE,
        2,
    )
    assert bench.advance(top(102, 103, seq=14)) == (Stop.BEFORE, 0)
    bench.feed.depth([Level(102, 5)], [], ts_ns=110, seq=15)
    assert bench.advance(delta((90, 5), seq=16)) == (Stop.BEFORE, 0)


@pytest.mark.parametrize(
    ("watch", "stops"),
    [
        (Watch(0, 200, 1), True),
        (Watch(0, 200, 2), False),
        (Watch(0, 200, 0), False),
        (Watch(0, 0, 0), True),
        (Watch(1, 0, 0), False),
    ],
)
def test_a_move_that_makes_a_decision_due_ends_the_advance_behind_it(watch: Watch, stops: bool) -> None:
    """By the threshold, where there was no mid at the last decision, or where there is none any more."""
    bench = Bench()
    found = bench.advance(delta((100, 5)), trade(100, 1), watches=(watch,))
    assert found == ((Stop.AFTER, 1) if stops else (Stop.END, 2))
    lost = Bench()
    assert lost.advance(delta((99, 0), (98, 0)), trade(100, 1), watches=(Watch(0, 200, 0),)) == (
        Stop.AFTER,
        2,
    )
    assert lost.kernel.news(0).tops == [(0, 110, 0, 0, 101, 50, 0)]


def test_messages_of_markets_that_nobody_knows_pass_with_their_time() -> None:
    """Nothing else comes of them."""
    bench = Bench()
    assert bench.advance(trade(99, 5, symbol=STRANGER)) == (Stop.END, 1)
    assert bench.kernel.now_ns == 110
    assert bench.kernel.news(0).trades == []


def test_two_changes_of_one_time_of_the_venue_make_the_clock_stand() -> None:
    """What came then is not taken for fresh."""
    bench = Bench()
    bench.advance(delta((99, 9), venue_ms=4), delta((99, 8), seq=12, venue_ms=4, ts_ns=130))
    told = bench.kernel.news(0)
    assert (told.heard_ns, told.venue_ms, told.stands) == (110, 4, True)


def test_a_clock_that_stands_behind_a_top_is_a_matter_of_the_engine() -> None:
    """What was heard of the top was no news then, and a book may be stale by that."""
    before, again = delta((99, 9), venue_ms=4), delta((99, 8), seq=13, venue_ms=4, ts_ns=130)
    assert Bench().advance(before, top(99, 101, ts_ns=120, seq=12), again)[0] is Stop.BEFORE
    assert Bench().advance(before, top(99, 101, ts_ns=110, seq=12), again)[0] is Stop.END


def test_what_was_done_by_the_objects_is_passed_over() -> None:
    """An advance begins where it is told to."""
    bench = Bench()
    bench.kernel.load(tape(whole(12), delta((99, 9), seq=13)))
    assert bench.kernel.advance(0, NEVER_NS, ()) == (Stop.BEFORE, 0)
    assert bench.kernel.advance(2, NEVER_NS, ()) == (Stop.END, 3)
    assert bench.book.bid_atoms(99) == 9
