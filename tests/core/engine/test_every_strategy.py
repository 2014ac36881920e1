"""Every strategy inside the engine, with its example parameters: markets that are no markets.

What a strategy is asked with is a view of two sides; that nothing else reaches it the engine sees to.
"""

import pytest
from msgspec.structs import replace

from mm.domain.book import Level
from mm.domain.events import PublicTrade, TopOfBook
from mm.domain.sides import BUY
from mm.strategies.base import watches_of
from tests.builders.any_params import NAMES, started
from tests.builders.engine_rig import MID, MS, Rig, make_session
from tests.builders.instruments import INSTRUMENT, OTHER


def bench(name: str) -> Rig:
    """Return a session of that strategy, active; what it watches is there but silent."""
    strategy = started(name, INSTRUMENT)
    watched = tuple(replace(OTHER, symbol=watch.symbol) for watch in watches_of(strategy))
    rig = Rig(make_session(strategy, band_lots_max=1_000), watched=watched)
    rig.activate()
    assert rig.session().state == "active"
    return rig


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sides", [(MID - 10, 0), (0, MID + 10), (0, 0)])
def test_a_book_without_a_side_is_not_quoted_on(name: str, sides: tuple[int, int]) -> None:
    """Nothing breaks, nothing is wanted, and it says so; when the side comes back it goes on."""
    rig = bench(name)
    before = rig.session().reason
    rig.move(*sides)
    rig.advance(300 * MS)

    assert rig.engine.state.halt_code == ""
    assert rig.session().reason == "waits for a two-sided book"
    rig.move(MID - 10, MID + 10)
    rig.advance(300 * MS)
    assert rig.session().reason.startswith(before.split("for ")[0])


@pytest.mark.parametrize("name", NAMES)
def test_a_market_without_trades_or_moves_halts_nothing(name: str) -> None:
    """Ten seconds of the same best prices, then one print: no signal breaks, and it says what it does."""
    rig = bench(name)
    for number in range(100):
        rig.advance(100 * MS)
        rig.seq += 1
        bid, ask = Level(MID - 10, 10 + number), Level(MID + 10, 10)
        rig.feed(TopOfBook, symbol=INSTRUMENT.symbol, seq=rig.seq, bid=bid, ask=ask)
    rig.feed(
        PublicTrade, symbol=INSTRUMENT.symbol, trade_id=1, price_ticks=MID + 10, size_atoms=5, aggressor=BUY
    )
    rig.advance(2_000 * MS)

    assert rig.engine.state.halt_code == ""
    assert rig.session().reason
