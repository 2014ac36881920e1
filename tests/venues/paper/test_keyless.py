"""No key is read and no signer exists: the object graphs of the paper venue and of a bot that runs on it."""

import asyncio
import hmac
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from mm.domain.commands import Report
from mm.engine.engine import Engine
from mm.engine.session import SessionState
from mm.engine.setup import EngineSetup
from mm.errors import ProtocolViolation
from mm.risk.rules import make_rules
from mm.runtime.clock import AnchoredClock
from mm.runtime.live import LiveRuntime
from mm.runtime.simulate.plan import LIMITS
from mm.strategies.pure_market_making import PureMarketMaking
from mm.venues.binance import BinanceMarketData, BinancePublicSettings, BinanceUrls
from mm.venues.binance.public import BinancePublic
from mm.venues.paper import PaperVenue
from tests.builders.engine_rig import EPOCH, IDS, make_session
from tests.builders.heard import DEADLINE_S
from tests.builders.object_graph import of_kinds, reachable, secrets_in, signers_in
from tests.builders.paper_bench import bench_settings
from tests.builders.paper_rig import CLOSE
from tests.builders.scripted_binance import ScriptedBinance

KEYS = (hmac.HMAC, Ed25519PrivateKey, EllipticCurvePrivateKey, RSAPrivateKey)
WIDE = replace(
    CLOSE, bid_spread_bps=Decimal(90), ask_spread_bps=Decimal(90), order_amount_base=Decimal("0.1")
)


@pytest.fixture
async def bot(server: ScriptedBinance) -> AsyncIterator[tuple[LiveRuntime, PaperVenue, ScriptedBinance]]:
    """A bot that quotes on paper, by the clock, on the public data of a scripted venue."""
    clock = AnchoredClock()
    public = BinanceMarketData(
        BinancePublicSettings(clock=clock, urls=BinanceUrls(server.url), loopback_only=True)
    )
    venue = PaperVenue(
        public, bench_settings(balances={"BTC": Decimal(10), "USDT": Decimal(10_000)}, latency_mean_ms=1)
    )
    (instrument,) = await venue.instruments(("BTC/USDT",))
    session = make_session(
        PureMarketMaking(WIDE, instrument),
        rules=make_rules(replace(LIMITS, order_lots_max=10**6, stale_ns_max=10**12)),
        instrument=instrument,
        band_lots_max=10**6,
    )
    setup = EngineSetup(ids=IDS, epoch=EPOCH, caps=venue.caps, sessions=(session,))
    active = asyncio.Event()

    def look(report: Report) -> None:
        if report.code == "session.state":
            active.set()

    runtime = LiveRuntime(Engine(setup), venue, clock, (look,))
    running = asyncio.create_task(runtime.run())
    async with asyncio.timeout(DEADLINE_S):
        await active.wait()
    yield runtime, venue, server
    runtime.stop("test")
    async with asyncio.timeout(DEADLINE_S):
        assert (await running).clean


async def test_a_running_paper_bot_holds_no_key_and_no_signer(
    bot: tuple[LiveRuntime, PaperVenue, ScriptedBinance],
) -> None:
    """Every object that the runtime holds, its loop and what is under way in it among them."""
    runtime, venue, _ = bot
    assert runtime.engine.state.sessions[0].state is SessionState.ACTIVE
    for root in (runtime, venue):
        held = list(reachable(root))
        assert len(held) > 1_000
        assert any(isinstance(thing, BinancePublic) for thing in held)
        assert signers_in(root) == []
        assert of_kinds(root, *KEYS) == []
        assert secrets_in(root) == []


async def test_nothing_but_public_data_is_asked_for(
    bot: tuple[LiveRuntime, PaperVenue, ScriptedBinance],
) -> None:
    """No request has a signature, a key or a private path; no user stream is subscribed to."""
    _, _, server = bot
    assert {asked.route for asked in server.asked} <= {"GET time", "GET exchangeInfo", "GET depth"}
    assert not any("signature" in asked.raw or "x-mbx-apikey" in asked.headers for asked in server.asked)
    assert {row["method"] for row in server.subscribed} == {"SUBSCRIBE"}


async def test_what_the_bot_holds_cannot_be_brought_to_sign(
    bot: tuple[LiveRuntime, PaperVenue, ScriptedBinance],
) -> None:
    """Every client of the library in reach refuses."""
    runtime, _, _ = bot
    clients = [thing for thing in reachable(runtime) if hasattr(thing, "sign_params")]
    assert len(clients) == 1
    for client in clients:
        with pytest.raises(ProtocolViolation, match="nothing signs here"):
            client.sign("order", "private", "POST", {})
        with pytest.raises(ProtocolViolation, match="nothing signs here"):
            client.sign_params({})


def test_the_paper_venue_brings_no_adapter() -> None:
    """It knows the port alone: neither a sibling, nor the library, nor the network."""
    code = (
        "import sys\n"
        "import mm.venues.paper\n"
        "print([name for name in sys.modules if name.startswith(('mm.venues.binance', 'mm.venues.edge',"
        " 'ccxt', 'aiohttp'))])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
