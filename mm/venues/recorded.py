"""The public venue of a recording: its connections are up at once, its books come from the recording itself.

It stands behind the paper venue in a backtest. Reads no file and no clock; it has no place for a key.
Invariant: what it answers follows from what was asked and from the time that it was told, nothing else; where
the recording tells what was answered then, it answers nothing.
"""

from collections.abc import Callable, Sequence
from typing import Final

from mm.domain.capabilities import Capabilities
from mm.domain.commands import Connect, MeasureClock, SyncBook, VenueCommand
from mm.domain.events import AnyEvent, BookSnapshot, ClockMeasured, Stream, StreamUp
from mm.domain.instrument import Instrument
from mm.domain.watched import split_name
from mm.errors import ConfigError, ProtocolViolation

CAPS: Final = Capabilities(orders_per_10s=100, weight_per_minute=6_000)
"""What the venue that most recordings come from allows an ordinary account."""


class Recorded:
    """Public data of a recording; see `mm.ports.Venue` and `Watches`.

    Fields: now_ns: the time; whoever runs it keeps it. answers: whether it answers by itself. waits_for:
    symbols whose book is to be told with the next whole one of the recording.
    """

    def __init__(
        self, instruments: Sequence[Instrument], *, caps: Capabilities = CAPS, answers: bool = True
    ) -> None:
        """Show `instruments`. Args: answers: False where the recording tells what was answered."""
        self.now_ns = 0
        self.answers = answers
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        # The first book of each is told unasked: who asks for it comes a moment later.
        self.waits_for: set[str] = set(self._instruments) if answers else set()
        self._caps = caps
        self._sink: Callable[[AnyEvent], None] | None = None

    @property
    def caps(self) -> Capabilities:
        """What the venue can do and limits."""
        return self._caps

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return the instruments of `symbols`, in that order; raises ConfigError for one not recorded."""
        for symbol in symbols:
            if symbol not in self._instruments:
                there, venue = ", ".join(self._instruments) or "none", split_name(symbol)[0]
                hint = "the symbol of a [pair.NAME] has to be the recording's: --set pair.NAME.symbol=..."
                if venue:
                    hint = f"say which recording is of [venue.{venue}]: --data {venue}=FILE"
                raise ConfigError(f"{symbol} is not in the recording, which holds {there}", hint=hint)
        return tuple(self._instruments[symbol] for symbol in symbols)

    async def watch(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return the instruments of `symbols`, which are only watched; raises as `instruments`."""
        return await self.instruments(symbols)

    async def start(self, sink: Callable[[AnyEvent], None]) -> None:
        """Begin: what is answered goes to `sink`."""
        self._sink = sink

    def submit(self, command: VenueCommand) -> None:
        """Take a command; raises ProtocolViolation before `start` or for what needs an account."""
        if self._sink is None:
            raise ProtocolViolation("a command came before the recording was started or after it was closed")
        match command:
            case Connect(stream=Stream.MARKET):
                answer: AnyEvent | None = StreamUp(
                    ts_ns=self.now_ns, stream=Stream.MARKET, venue=command.venue
                )
            case MeasureClock():
                answer = ClockMeasured(ts_ns=self.now_ns, offset_ns=0, round_trip_ns=0)
            case SyncBook():
                answer = None
                if self.answers and command.symbol in self._instruments:
                    self.waits_for.add(command.symbol)
            case _:
                raise ProtocolViolation(
                    f"{type(command).__name__} was asked of a recording: it has no account"
                )
        if answer is not None and self.answers:
            self._sink(answer)

    def on_whole_book(self, book: BookSnapshot) -> bool:
        """Take note of a whole book of the recording; return whether somebody waits for it."""
        waited = book.symbol in self.waits_for
        self.waits_for.discard(book.symbol)
        return waited

    async def close(self) -> None:
        """End."""
        self._sink = None
