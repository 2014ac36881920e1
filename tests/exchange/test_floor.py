"""The floor over either kind of market: funds, time, and what the truth door says of it."""

from pathlib import Path

from mm.exchange.agents_market import AgentsMarket
from mm.exchange.floor import Floor
from mm.exchange.requestlog import RequestLog
from mm.exchange.truth import truth
from mm.sim.world import CLIENT
from tests.builders.exchange import ManualClock, make_settings
from tests.builders.recordings import Tape
from tests.builders.replays import RICH_ATOMS, Played
from tests.builders.sim import START_NS


def test_the_clock_of_simulated_traders_is_told() -> None:
    """It runs as the computer's, nothing is replayed, and it never stood still."""
    clock = ManualClock()
    floor = Floor(make_settings(), AgentsMarket(make_settings(), clock))
    clock.advance(ms=250)
    told = truth(floor, RequestLog(requests_max=1), only="clock")
    assert (told["seed"], told["preset"], told["recording"]) == (1, "empty", None)
    assert (told["time_scale"], told["start_ns"], told["uptime_ns"]) == (1, START_NS, 250_000_000)
    assert told["clock"] == {
        "now_ns": START_NS + 250_000_000,
        "market_ns": START_NS,
        "time_scale": 1,
        "held_ns": 0,
    }
    assert "orders" not in told


def test_simulated_traders_catch_up_in_slices() -> None:
    """After a long sleep of the computer: ten seconds in a call."""
    clock = ManualClock()
    floor = Floor(make_settings(preset="demo"), AgentsMarket(make_settings(preset="demo"), clock))
    clock.advance(ms=25_000)
    seen = []
    for _ in range(4):
        floor.sync()
        seen.append((floor.now_ns - START_NS) // 1_000_000_000)
    assert seen == [10, 20, 25, 25]


def test_funds_are_the_same_amount_in_whatever_atoms_an_asset_is_held(tmp_path: Path) -> None:
    """A tick times a lot of 10^-9 needs nine decimals of the quote asset."""
    tape = (
        Tape("ETHBTC")
        .trade("0.05000", "1.0001", buyer_is_maker=True)
        .trade("0.05001", "1", buyer_is_maker=True)
    )
    played = Played([tape.save(tmp_path / "tape")])
    assert (played.market.instrument.base_scale, played.market.instrument.quote_scale) == (8, 9)
    held = {row.asset: row.free_atoms for row in played.market.world.held(CLIENT)}
    assert held == {"ETH": 100_000_000, "BTC": RICH_ATOMS * 10}
