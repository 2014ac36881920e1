"""The venue's clock against ours. Public: nothing here is signed.

Must never set a clock; what was measured is kept in the link and handed out.
"""

from mm.domain.events import ClockMeasured
from mm.domain.units import NS_PER_MS
from mm.venues.binance.answers import failed_read, text_of
from mm.venues.binance.link import Link
from mm.venues.edge.errors import RequestFailure
from mm.venues.edge.rest import Rest


class Timing:
    """Measures the offset of the venue's clock."""

    def __init__(self, link: Link, rest: Rest) -> None:
        """Ask through `rest`, report through `link`."""
        self._link = link
        self._rest = rest

    async def clock(self) -> None:
        """Measure the venue's clock and hand the offset out."""
        try:
            measured = await self.measured()
        except (RequestFailure, ValueError) as error:
            self._link.read_failed("MeasureClock", "", failed_read(error))
            return
        self._link.emit(measured)

    async def measured(self) -> ClockMeasured:
        """Return the offset of the venue's clock, taken at the middle of the request.

        Raises: RequestFailure, Garbled.
        """
        before_ns = self._link.now_ns()
        answer = await self._rest.ask_object("publicGetTime", {})
        after_ns = self._link.now_ns()
        # The venue states whole milliseconds: on average half of one has passed since.
        server_ns = int(text_of(answer, "serverTime")) * NS_PER_MS + NS_PER_MS // 2
        offset_ns = server_ns - (before_ns + after_ns) // 2
        self._link.offset_ns = offset_ns
        return ClockMeasured(ts_ns=after_ns, offset_ns=offset_ns, round_trip_ns=after_ns - before_ns)
