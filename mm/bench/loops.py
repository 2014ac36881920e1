"""The two trading loops that are measured beside each other on the same exchange.

Ours is what `mm run` runs: adapter, live runtime, engine, `pure_market_making`, every rule, the journal. With
each frame it places an order on the other side; the one before was filled, or else it is taken away first.
Theirs is what people write on ccxt.pro: watch the book, create an order. Neither has a throttle. Invariant:
an order counts for the frame that caused it.
"""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Final

from mm.bench.journalled import JournalledVenue
from mm.bench.market import HIGH_MID, LOW_MID
from mm.bench.responder import Stamps
from mm.bench.rig import SYMBOL, make_engine
from mm.domain.commands import Cancel
from mm.domain.orders import OrderState
from mm.domain.units import NS_PER_S
from mm.engine.setup import Deadlines
from mm.errors import VenueUnreachable
from mm.runtime.clock import AnchoredClock
from mm.runtime.live import LiveRuntime
from mm.strategies.pure_market_making import PureMarketMaking
from mm.venues.binance import BinanceSettings, BinanceUrls, BinanceVenue
from mm.venues.binance.plain import PlainClient

API_KEY: Final = "k" * 64
API_SECRET: Final = "s" * 64
START_PATIENCE_S: Final = 10.0
_LOOK_S: Final = 0.01

_WAIT: Final = Deadlines(stale=60 * NS_PER_S, reconnect=120 * NS_PER_S)
"""The market stands still while the other loop is measured: that is no reason to dial anew."""


class OwnLoop:
    """Our production path. Fields: cancelled: frame by client order id of each cancel."""

    def __init__(self, url: str, directory: Path) -> None:
        """Trade on the exchange at `url`; the journal goes to `directory`."""
        clock = AnchoredClock()
        settings = BinanceSettings(
            clock=clock,
            api_key=API_KEY,
            api_secret=API_SECRET,
            urls=BinanceUrls(url),
            loopback_only=True,
        )
        self._clock = clock
        self._venue = JournalledVenue(BinanceVenue(settings), directory, now_ns=clock.now_ns())
        self._run: asyncio.Task[object] | None = None

    async def start(self) -> None:
        """Begin to quote; raises VenueUnreachable if no order is working soon."""
        try:
            (instrument,) = await self._venue.instruments((SYMBOL,))
        except BaseException:
            await self._venue.close()
            raise
        engine = make_engine(_params(), instrument, _WAIT)
        self._run = asyncio.create_task(LiveRuntime(engine, self._venue, self._clock).run())
        orders = engine.state.orders.live
        for _ in range(round(START_PATIENCE_S / _LOOK_S)):
            if any(order.state is OrderState.WORKING for order in orders.values()) or self._run.done():
                break
            await asyncio.sleep(_LOOK_S)
        else:
            await self.close()
            raise VenueUnreachable("our loop did not begin to quote on the bench's exchange")

    async def close(self) -> None:
        """End it at once."""
        if self._run is not None:
            self._run.cancel()
            await asyncio.gather(self._run, return_exceptions=True)

    def cancel(self, cid: str) -> None:
        """Ask for a cancel that no decision led to, as an operator's halt would."""
        self._venue.submit(Cancel(cid=cid, symbol=SYMBOL))

    def orders_ns(self, stamps: Stamps) -> dict[int, int]:
        """Return by frame how long it took from its leaving the exchange to an order's arriving there."""
        return _caused(self._venue.placed, stamps.orders, stamps)

    def cancels_ns(self, stamps: Stamps) -> dict[int, int]:
        """Return the same of cancels."""
        return _caused(self._venue.cancelled, stamps.cancels, stamps)

    def decided_ns(self, stamps: Stamps) -> dict[str, int]:
        """Return by client order id how long a cancel took from being submitted to its arrival."""
        known = self._venue.decided_ns
        return {cid: read_ns - known[cid] for cid, read_ns in stamps.cancels.items() if cid in known}


class PlainLoop:
    """`watch_order_book` and `create_order` of ccxt.pro. Fields: errors: what the loop met and went over."""

    def __init__(self, url: str) -> None:
        """Trade on the exchange at `url`."""
        self.errors = 0
        self._client = PlainClient(url, SYMBOL, api_key=API_KEY, api_secret=API_SECRET)
        self._run: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load the markets and begin to watch."""
        try:
            await self._client.load()
        except BaseException:
            await self._client.close()
            raise
        self._run = asyncio.create_task(self._trade())

    async def close(self) -> None:
        """End it at once."""
        if self._run is not None:
            self._run.cancel()
            await asyncio.gather(self._run, return_exceptions=True)
        await self._client.close()

    def orders_ns(self, stamps: Stamps) -> dict[int, int]:
        """Return by frame how long it took from its leaving the exchange to an order's arriving there."""
        return _caused({cid: int(cid) for cid in stamps.orders}, stamps.orders, stamps)

    async def _trade(self) -> None:
        client = self._client
        while True:
            try:
                seq, bid = await client.next_book()
                await client.order(round(bid * 0.999, 2), str(seq))
            except Exception:  # noqa: BLE001 - as such loops do: whatever it was, watch again
                self.errors += 1
                await asyncio.sleep(_LOOK_S)


def _caused(frame_of: dict[str, int], read_ns: dict[str, int], stamps: Stamps) -> dict[int, int]:
    # The first message of a frame counts.
    took: dict[int, int] = {}
    for cid, arrived_ns in read_ns.items():
        frame = frame_of.get(cid)
        if frame in stamps.frames and frame not in took:
            took[frame] = arrived_ns - stamps.frames[frame]
    return took


def _params() -> PureMarketMaking.Params:
    # Above one mid nothing is bought, below the other nothing is sold: each flip turns the quote around.
    return PureMarketMaking.Params(
        bid_spread_bps=Decimal(4),
        ask_spread_bps=Decimal(4),
        order_amount_base=Decimal("0.01"),
        order_refresh_time_ms=0,
        # A fill is followed by an order with the next frame, not before.
        filled_order_delay_ms=1,
        price_ceiling_quote=Decimal(HIGH_MID) / 100,
        price_floor_quote=Decimal(LOW_MID) / 100,
    )
