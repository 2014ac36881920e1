"""A simulated venue that also funds positions: perpetual contracts pay or receive at their funding times.

It stands before another simulated venue, which does everything else. What funding brings or takes is settled
beside the balances that back orders: it changes no order, and nobody else moved it. Must never look at a
clock. Invariant: a funding time is an event of its own time, before everything else of that time, and happens
once; where no position is held then nothing is told.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol

from mm.domain.capabilities import Capabilities
from mm.domain.commands import VenueCommand
from mm.domain.events import AnyEvent, BalanceChanged
from mm.domain.instrument import Instrument
from mm.ports import SimulatedVenue
from mm.sim.funding import FundingTime, funded_at_mark, funded_at_mid


class Held(NamedTuple):
    """What a session holds. Fields: session: its name; net_lots: what own fills moved, signed;
    mid_half_ticks: the last mid of its market, 0 before the first.
    """

    session: str
    net_lots: int
    mid_half_ticks: int


class Holdings(Protocol):
    """Where it is known what is held."""

    def held(self, symbol: str) -> Sequence[Held]:
        """Return the sessions on a symbol, in order, as own fills that were told have left them."""
        ...

    def instrument(self, symbol: str) -> Instrument:
        """Return what a symbol is."""
        ...

    def balance(self, asset: str) -> tuple[int, int]:
        """Return the free and the locked atoms of an asset, as they were told last."""
        ...


@dataclass(slots=True, kw_only=True)
class Tally:
    """What the funding of one symbol came to. Fields: times: that passed; payments: on a position that was
    held; at_mid: those of them without a mark price; quote_atoms: received, signed.
    """

    times: int = 0
    payments: int = 0
    at_mid: int = 0
    quote_atoms: int = 0


class FundedVenue:
    """See `mm.ports.SimulatedVenue`. Fields: tallies: by symbol."""

    def __init__(self, venue: SimulatedVenue, times: Sequence[FundingTime], holdings: Holdings) -> None:
        """Fund the positions of `holdings` at `times`, which are in order; the rest is left to `venue`."""
        assert all(one.ts_ns <= two.ts_ns for one, two in pairwise(times))
        self.tallies: dict[str, Tally] = {one.symbol: Tally() for one in times}
        self._venue = venue
        self._times = tuple(times)
        self._holdings = holdings
        self._next = 0

    # ---- the port

    @property
    def caps(self) -> Capabilities:
        """What the venue can do and limits."""
        return self._venue.caps

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return the instruments of `symbols`; raises as the venue behind it."""
        return await self._venue.instruments(symbols)

    async def start(self, sink: Callable[[AnyEvent], None]) -> None:
        """Begin: what the venue behind it is told goes to `sink`."""
        await self._venue.start(sink)

    def submit(self, command: VenueCommand) -> None:
        """Send a command."""
        self._venue.submit(command)

    async def close(self) -> None:
        """Close the venue behind it."""
        await self._venue.close()

    # ---- event time

    @property
    def next_due_ns(self) -> int | None:
        """When the next thing happens, None when nothing is under way."""
        due_ns = self._venue.next_due_ns
        if self._next == len(self._times):
            return due_ns
        funding_ns = self._times[self._next].ts_ns
        return funding_ns if due_ns is None else min(due_ns, funding_ns)

    def advance(self, ts_ns: int) -> Sequence[AnyEvent]:
        """Let time pass up to and including `ts_ns`; return the outcomes due, each at its own time.

        What is held is asked as it stands now: who calls steps from one due time to the next.
        """
        times = self._times
        if self._next == len(times) or times[self._next].ts_ns > ts_ns:
            return self._venue.advance(ts_ns)
        told: list[AnyEvent] = []
        while self._next < len(times) and times[self._next].ts_ns <= ts_ns:
            due = times[self._next]
            self._next += 1
            told.extend(self._venue.advance(due.ts_ns - 1))
            told.extend(self._fund(due))
        told.extend(self._venue.advance(ts_ns))
        return told

    def queue_ahead(self) -> Mapping[str, int]:
        """Return how much is estimated to trade before each open order."""
        return self._venue.queue_ahead()

    def witness(self, event: AnyEvent) -> Sequence[AnyEvent]:
        """See an event from outside; return what it does to our orders."""
        return self._venue.witness(event)

    def _fund(self, due: FundingTime) -> list[AnyEvent]:
        tally, instrument = self.tallies[due.symbol], self._holdings.instrument(due.symbol)
        tally.times += 1
        told: list[AnyEvent] = []
        for name, net_lots, mid_half_ticks in self._holdings.held(due.symbol):
            if not net_lots:
                continue
            if due.mark:
                atoms = funded_at_mark(instrument, net_lots, due.mark, due.rate)
            else:
                atoms = funded_at_mid(instrument, net_lots, mid_half_ticks, due.rate)
            tally.payments += 1
            tally.at_mid += not due.mark
            tally.quote_atoms += atoms
            free_atoms, locked_atoms = self._holdings.balance(instrument.quote)
            told.append(
                BalanceChanged(
                    ts_ns=due.ts_ns,
                    asset=instrument.quote,
                    free_atoms=free_atoms,
                    locked_atoms=locked_atoms,
                    funding_atoms=atoms,
                    session=name,
                )
            )
        return told
