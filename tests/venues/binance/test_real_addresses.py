"""The real addresses, served on loopback over TLS: all that the adapter would contact."""

from pathlib import Path

import pytest

from mm.domain.commands import (
    Cancel,
    ListBalances,
    ListFills,
    ListOrders,
    MeasureClock,
    Query,
    SyncBook,
)
from mm.domain.events import (
    AnyEvent,
    BalancesListed,
    BookSnapshot,
    CancelUnknown,
    ClockMeasured,
    FillsListed,
    OrderRejected,
    OrdersListed,
    PlaceUnknown,
    RequestFailed,
    Stream,
)
from mm.venues.binance.settings import BinanceSettings
from mm.venues.binance.venue import BinanceAdapter
from mm.venues.edge.session import GuardedSession, open_session
from tests.builders.heard import Heard
from tests.builders.pointing import Pointing, certificate, serving, trusting
from tests.builders.scripted_binance import ScriptedBinance, refusal
from tests.builders.venue_setup import CID, KEY, SECRET, TickingClock, connect, place

HOSTS = ("api.binance.com", "stream.binance.com", "ws-api.binance.com")


class ServedHere(BinanceAdapter):
    """The adapter, with a session that finds every host at one port of this machine."""

    def __init__(self, settings: BinanceSettings, port: int, pair: Path) -> None:
        super().__init__(settings)
        self._port, self._pair = port, pair

    def open_session(self) -> GuardedSession:
        """Return a session for the test's server."""
        resolver = Pointing("127.0.0.1", self._port)
        return open_session(self._egress, resolver=resolver, tls=trusting(self._pair))


@pytest.fixture
def given() -> BinanceSettings:
    """Settings without any address."""
    return BinanceSettings(clock=TickingClock(), api_key=KEY, api_secret=SECRET)


async def test_three_hosts_and_eight_paths_are_all_that_is_contacted(
    tmp_path: Path, given: BinanceSettings
) -> None:
    """Every command once, with the names and ports of the real exchange."""
    pair = certificate(tmp_path, *HOSTS)
    server = await ScriptedBinance(serving(pair)).start()
    venue, heard = ServedHere(given, server.port, pair), Heard()
    try:
        await venue.instruments(("BTC/USDT",))
        await venue.start(heard)
        await connect(venue, heard, Stream.MARKET, Stream.USER)
        for command in (
            SyncBook(symbol="BTC/USDT"),
            MeasureClock(),
            place(),
            Cancel(cid=CID, symbol="BTC/USDT"),
            Query(cid=CID, symbol="BTC/USDT"),
            ListOrders(symbol="BTC/USDT"),
            ListFills(symbol="BTC/USDT", from_trade_id=0),
            ListBalances(),
        ):
            venue.submit(command)
        outcomes: tuple[type[AnyEvent], ...] = (
            BookSnapshot,
            ClockMeasured,
            OrderRejected,
            CancelUnknown,
            RequestFailed,
            OrdersListed,
            FillsListed,
            BalancesListed,
        )
        for kind in outcomes:
            await heard.next(kind)
        assert server.hosts == {
            *(
                ("api.binance.com", f"/api/v3/{path}")
                for path in ("time", "exchangeInfo", "account", "depth", "order", "openOrders", "myTrades")
            ),
            ("stream.binance.com:9443", "/ws/0"),
            ("ws-api.binance.com", "/ws-api/v3"),
        }
    finally:
        await venue.close()
        await server.close()


async def test_a_server_without_the_right_certificate_gets_nothing(
    tmp_path: Path, given: BinanceSettings
) -> None:
    """The handshake fails before the first byte of a request."""
    pair = certificate(tmp_path, "somebody.example")
    server = await ScriptedBinance(serving(pair)).start()
    venue, heard = ServedHere(given, server.port, pair), Heard()
    try:
        await venue.start(heard)
        venue.submit(ListBalances())
        assert (await heard.next(RequestFailed)).reason == "the venue cannot be reached"
        assert server.asked == []
    finally:
        await venue.close()
        await server.close()


async def test_an_overloaded_server_is_judged_by_its_code_and_not_by_its_address(
    tmp_path: Path, given: BinanceSettings
) -> None:
    """The library has other error classes for the real address; the verdict is the same."""
    pair = certificate(tmp_path, *HOSTS)
    server = await ScriptedBinance(serving(pair)).start()
    venue, heard = ServedHere(given, server.port, pair), Heard()
    try:
        await venue.instruments(("BTC/USDT",))
        await venue.start(heard)
        server.then(
            "POST order", refusal(503, -1008, "Server is overloaded"), refusal(503, -1001, "Internal")
        )
        venue.submit(place())
        assert (await heard.next(OrderRejected)).code == -1008
        venue.submit(place())
        await heard.next(PlaceUnknown)
    finally:
        await venue.close()
        await server.close()
