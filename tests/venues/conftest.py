"""Fixtures of the tests of venues: a scripted exchange on loopback and an adapter at it."""

from collections.abc import AsyncIterator

import pytest

from mm.venues.binance.venue import BinanceAdapter
from tests.builders.heard import Heard
from tests.builders.scripted_binance import ScriptedBinance
from tests.builders.venue_setup import running, settings


@pytest.fixture
async def server() -> AsyncIterator[ScriptedBinance]:
    """A scripted venue."""
    started = await ScriptedBinance().start()
    yield started
    await started.close()


@pytest.fixture
async def pair(server: ScriptedBinance) -> AsyncIterator[tuple[BinanceAdapter, Heard]]:
    """An adapter of BTC/USDT that was started, and its events."""
    async with running(settings(server.url)) as both:
        yield both
