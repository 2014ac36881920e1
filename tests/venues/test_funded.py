"""A venue that funds: each time once, before all else of its time, and nothing else is touched."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.capabilities import Capabilities
from mm.domain.commands import ListBalances, VenueCommand
from mm.domain.events import Advanced, AnyEvent, BalanceChanged
from mm.domain.instrument import Instrument
from mm.ports import SimulatedVenue
from mm.sim.funding import FundingTime, funded_at_mark, funded_at_mid
from mm.venues.funded import FundedVenue, Held, Tally
from tests.builders.instruments import INSTRUMENT

SYMBOL = INSTRUMENT.symbol
RATE, MARK = 10**12, 95 * 10**8


class Little:
    """A simulated venue whose outcomes are given. Fields: heard: what it was asked for."""

    caps = Capabilities(orders_per_10s=1, weight_per_minute=1)

    def __init__(self, *due_ns: int) -> None:
        """Have an outcome at each of these times."""
        self.due = sorted(due_ns)
        self.heard: list[object] = []

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return none, and remember."""
        self.heard.append(symbols)
        return ()

    async def start(self, sink: Callable[[AnyEvent], None]) -> None:
        """Remember."""
        self.heard.append(sink)

    def submit(self, command: VenueCommand) -> None:
        """Remember."""
        self.heard.append(command)

    async def close(self) -> None:
        """Remember."""
        self.heard.append("close")

    @property
    def next_due_ns(self) -> int | None:
        """The first outcome."""
        return self.due[0] if self.due else None

    def advance(self, ts_ns: int) -> Sequence[AnyEvent]:
        """Those that are due."""
        told = [Advanced(ts_ns=due_ns) for due_ns in self.due if due_ns <= ts_ns]
        self.due = [due_ns for due_ns in self.due if due_ns > ts_ns]
        return told

    def queue_ahead(self) -> Mapping[str, int]:
        """Something."""
        return {"a": 1}

    def witness(self, event: AnyEvent) -> Sequence[AnyEvent]:
        """The same."""
        return [event]


class Book:
    """What is held, as told. Fields: rows."""

    def __init__(self, *rows: Held) -> None:
        """Hold `rows`."""
        self.rows = list(rows)

    def held(self, symbol: str) -> Sequence[Held]:
        """All of it."""
        assert symbol == SYMBOL
        return self.rows

    def instrument(self, symbol: str) -> Instrument:
        """The one there is."""
        assert symbol == SYMBOL
        return INSTRUMENT

    def balance(self, asset: str) -> tuple[int, int]:
        """A little."""
        assert asset == INSTRUMENT.quote
        return 70, 7


def at(*times: int, mark: int = MARK) -> list[FundingTime]:
    """Return funding times."""
    return [FundingTime(ts_ns, SYMBOL, RATE, mark) for ts_ns in times]


def paid(told: Sequence[AnyEvent]) -> list[tuple[int, str, int]]:
    """Return time, session and amount of what was funded."""
    return [
        (event.ts_ns, event.session, event.funding_atoms)
        for event in told
        if isinstance(event, BalanceChanged)
    ]


def test_every_session_that_holds_something_is_funded_on_its_own() -> None:
    """A long pays, a short receives, rounded apart; who holds nothing hears nothing."""
    venue = FundedVenue(Little(), at(10), Book(Held("a", 7, 0), Held("b", 0, 0), Held("c", -3, 0)))
    one, other = (funded_at_mark(INSTRUMENT, lots, MARK, RATE) for lots in (7, -3))
    assert list(venue.advance(10)) == [
        BalanceChanged(
            ts_ns=10, asset="BBB", free_atoms=70, locked_atoms=7, funding_atoms=atoms, session=name
        )
        for name, atoms in (("a", one), ("c", other))
    ]
    assert venue.tallies == {SYMBOL: Tally(times=1, payments=2, at_mid=0, quote_atoms=one + other)}


def test_a_time_comes_once_and_before_all_else_of_its_time() -> None:
    """However often it is asked, and however far one step goes."""
    venue = FundedVenue(Little(5, 10, 12), at(10, 10, 11), Book(Held("a", 1, 0)))
    assert venue.next_due_ns == 5
    told = venue.advance(12)
    assert [(event.ts_ns, type(event) is Advanced) for event in told] == [
        (5, True),
        (10, False),
        (10, False),
        (10, True),
        (11, False),
        (12, True),
    ]
    assert not venue.advance(20)
    assert venue.next_due_ns is None


def test_without_a_mark_the_mid_stands_in() -> None:
    """And it is counted."""
    venue = FundedVenue(Little(), at(10, mark=0), Book(Held("a", 5, 19_001)))
    assert venue.next_due_ns == 10
    assert paid(venue.advance(10)) == [(10, "a", funded_at_mid(INSTRUMENT, 5, 19_001, RATE))]
    assert venue.tallies[SYMBOL].at_mid == 1


def test_where_nothing_is_held_the_time_passes_without_a_word() -> None:
    """It is counted all the same."""
    venue = FundedVenue(Little(30), at(10, 20), Book())
    assert (venue.advance(9), venue.next_due_ns) == ([], 10)
    assert (venue.advance(25), venue.next_due_ns) == ([], 30)
    assert venue.tallies == {SYMBOL: Tally(times=2)}


@settings(max_examples=80)
@given(
    times=st.lists(st.integers(1, 40), max_size=8).map(sorted),
    path=st.lists(st.tuples(st.integers(0, 5), st.integers(-9, 9)), max_size=20),
)
def test_the_funding_of_any_path_of_positions_is_the_naive_sum(
    times: list[int], path: list[tuple[int, int]]
) -> None:
    """Position by position, as it stood when each time came."""
    book, now_ns, told = Book(Held("a", 0, 0)), 0, list[AnyEvent]()
    venue, expected = FundedVenue(Little(), at(*times), book), 0
    for step_ns, lots in [*path, (50, 0)]:
        until_ns = now_ns + step_ns
        due = [one for one in times if now_ns < one <= until_ns]
        expected += sum(funded_at_mark(INSTRUMENT, book.rows[0].net_lots, MARK, RATE) for _ in due)
        told.extend(venue.advance(until_ns))
        now_ns, book.rows = until_ns, [Held("a", lots, 0)]
    assert (
        sum(amount for _, _, amount in paid(told))
        == venue.tallies.get(SYMBOL, Tally()).quote_atoms
        == expected
    )


def test_everything_else_goes_to_the_venue_behind_it() -> None:
    """Commands, instruments, events from outside, queues, begin and end."""
    little = Little()
    venue: SimulatedVenue = FundedVenue(little, (), Book())
    heard: list[AnyEvent] = []
    assert asyncio.run(venue.instruments((SYMBOL,))) == ()
    asyncio.run(venue.start(heard.append))
    venue.submit(ListBalances())
    asyncio.run(venue.close())
    assert little.heard == [(SYMBOL,), heard.append, ListBalances(), "close"]
    event = Advanced(ts_ns=1)
    assert (venue.witness(event), venue.queue_ahead(), venue.caps) == ([event], {"a": 1}, Little.caps)
