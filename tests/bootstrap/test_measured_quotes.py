"""Strategies that measure how fills thin out, on the demo's market in virtual time, begin to quote."""

import asyncio
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from mm.domain.events import AnyEvent
from mm.domain.units import NS_PER_S
from tests.builders.configs import loaded
from tests.builders.played_bot import PlayedBot, played_bot
from tests.builders.simulated_markets import START_NS, SimulatedMarket

TEXT: Final = """\
mode = "paper"

[pair.btc]
symbol = "BTC/USDT"
strategy = "{strategy}"

[pair.btc.params]
order_amount_base = 0.004
{params}

[pair.btc.inventory]
max_base = 0.05

[risk]
max_notional_quote = 6_000
max_order_notional_quote = 500
session_loss_quote = 500

[paper]
maker_fee_bps = 0.5
taker_fee_bps = 4
latency_mean_ms = 5
latency_p99_ms = 10
"""

PARAMS: Final = {
    "glft": "",
    "avellaneda_stoikov": "risk_factor = 0.01",
    "cartea_jaimungal": "running_penalty_bps_per_s = 0.001",
}
"""Without a number about fills: those are measured, with every default."""

QUOTES_WITHIN_S: Final = 240
PLAYED_S: Final = 245


class Listened:
    """What the session says while it is played. Fields: said: reasons without numbers; since_s: when each
    first came.
    """

    def __init__(self, bot: PlayedBot) -> None:
        """Listen to every step."""
        self.since_s: dict[str, float] = {}
        bot.heard = self._hear
        self._bot = bot

    def _hear(self, _: AnyEvent) -> None:
        state = self._bot.engine.state
        said = "".join(mark for mark in state.sessions[0].reason if not mark.isdigit())
        self.since_s.setdefault(said, (state.now_ns - START_NS) / NS_PER_S)


@cache
def played(folder: Path, strategy: str, preset: str, seed: int) -> tuple[PlayedBot, Listened]:
    """Return a bot that has lived on the demo's market for some minutes, and what it said."""
    text = TEXT.format(strategy=strategy, params=PARAMS[strategy])
    settings = loaded(folder, text, [f"data_dir={folder / strategy / preset / str(seed)}"])

    async def run() -> tuple[PlayedBot, Listened]:
        bot = await played_bot(settings, SimulatedMarket(preset, seed=seed))
        listened = Listened(bot)
        bot.run(PLAYED_S)
        return bot, listened

    return asyncio.run(run())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: what was played is kept."""
    return tmp_path_factory.mktemp("measured")


@pytest.mark.parametrize(
    ("strategy", "preset", "seed"),
    [
        ("glft", "demo", 7),
        pytest.param("glft", "demo", 8, marks=pytest.mark.proof),
        pytest.param("glft", "btc", 7, marks=pytest.mark.proof),
        pytest.param("avellaneda_stoikov", "demo", 7, marks=pytest.mark.proof),
        pytest.param("cartea_jaimungal", "demo", 7, marks=pytest.mark.proof),
    ],
)
def test_the_defaults_quote_on_what_they_measure_within_minutes(
    folder: Path, strategy: str, preset: str, seed: int
) -> None:
    """In a market six basis points wide as in one of a tick: market orders are counted, k comes to be known,
    then there are quotes and fills, all explained. Until then it says what it waits for.
    """
    bot, said = played(folder, strategy, preset, seed)

    counting = [since_s for words, since_s in said.since_s.items() if "market orders ( of " in words]
    assert counting
    assert max(counting) < said.since_s["quoting"] < QUOTES_WITHIN_S
    assert bot.session.identity.fills > 0
    assert bot.unexplained == {}


def test_before_k_is_known_well_enough_it_says_how_well(folder: Path) -> None:
    """A hundred orders are enough to say something, not to quote on it."""
    _, said = played(folder, "glft", "demo", 7)

    first, *waits = [words for words in said.since_s if words.startswith("waits")]
    assert first == "waits for connections and a book"
    decay, orders = "a fill decay known to  % (now ", "deep enough market orders ( of )"
    assert waits[0] == f"waits for {orders}, {decay}unknown), volatility ( of  samples,  s more)"
    assert f"waits for {decay} %, about  min more), {orders}" in waits
    assert waits[-1] == f"waits for {decay} %, about  s more)"
