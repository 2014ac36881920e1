"""Many messages at once: the engine is afterwards as a step for each of them would have left it."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.book import Level
from mm.domain.commands import AnyCommand
from mm.domain.events import BookDelta, PublicTrade
from mm.domain.quotes import Quote
from mm.domain.sides import BUY, SELL
from mm.engine.engine import Engine
from mm.engine.glide import Glided, SeenTop, SeenTrade
from mm.engine.setup import SessionSetup
from mm.strategies.base import Wake, Watch
from tests.builders.engine_ladder import Scripted, Tally, TallySpec
from tests.builders.engine_rig import CAPS, MID, MS, Rig, make_session
from tests.builders.instruments import INSTRUMENT, OTHER

SYMBOL = INSTRUMENT.symbol
PAPER = msgspec.structs.replace(CAPS, own_orders_in_book=False)
SILENT = Wake(move_half_ticks=0, every_ns=0, on_own_fill=False)

Message = tuple[int, str, int, int]
"""Milliseconds since the one before; what; two numbers."""

MESSAGES = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(("move", "move", "resize", "buy", "sell")),
        st.integers(1, 9),
        st.integers(1, 9),
    ),
    max_size=30,
)


class Pair:
    """Two engines of one setup: one steps, the other glides over what the first one saw."""

    def __init__(self, *sessions: SessionSetup) -> None:
        """Bring both to where they quote."""
        self.stepping, self.gliding = Rig(*sessions, caps=PAPER), Rig(*sessions, caps=PAPER)
        self.tops: dict[str, list[SeenTop]] = {name: [] for name in self.stepping.engine.state.books}
        self.trades: dict[str, list[SeenTrade]] = {name: [] for name in self.tops}
        self.row = 0
        for rig in (self.stepping, self.gliding):
            rig.activate()
            rig.advance(MS)
            for symbol in rig.engine.state.books:
                rig.touch_book(symbol=symbol)

    def see(self, messages: Sequence[Message], symbol: str = SYMBOL) -> None:
        """Let both books see messages, and the first engine step with each."""
        for pause_ms, what, one, other in messages:
            self.row += 1
            for rig in (self.stepping, self.gliding):
                rig.now_ns += pause_ms * MS
            if what in ("buy", "sell"):
                self._print(what, one, other, symbol)
            else:
                self._change(what, one, other, symbol)
            market = self.stepping.engine.state.books[symbol]
            (bid,), (ask,) = market.book.bids(1, {}), market.book.asks(1, {})
            top = (self.row, self.stepping.now_ns, *bid, *ask, market.mid_half_ticks)
            if not self.tops[symbol] or self.tops[symbol][-1][2:] != top[2:]:
                self.tops[symbol].append(top)

    def glide(self) -> Sequence[AnyCommand]:
        """Let the second engine take it in; return what it says."""
        told = []
        for symbol, market in self.stepping.engine.state.books.items():
            tops, trades = self.tops[symbol], self.trades[symbol]
            told.append(Glided(symbol, tops, trades, market.heard_ns, market.venue_ms, market.stands))
            self.tops[symbol], self.trades[symbol] = [], []
        self.gliding.last = self.gliding.engine.glide(self.gliding.now_ns, told)
        self.gliding.sent.extend(self.gliding.last)
        return self.gliding.last

    def _print(self, what: str, one: int, other: int, symbol: str) -> None:
        side, rig = BUY if what == "buy" else SELL, self.stepping
        price = MID + side.sign * one
        rig.feed(
            PublicTrade,
            symbol=symbol,
            trade_id=self.row,
            price_ticks=price,
            size_atoms=other,
            aggressor=side,
            venue_ms=self.row,
        )
        self.trades[symbol].append((self.row, rig.now_ns, price, other, side.sign, self.row, self.row))

    def _change(self, what: str, one: int, other: int, symbol: str) -> None:
        rig = self.stepping
        book = rig.engine.state.books[symbol].book
        bid, ask = (MID - one, MID + other) if what == "move" else (book.bid_ticks, book.ask_ticks)
        gone = [Level(price, 0) for price, _ in (*book.bids(50, {}), *book.asks(50, {}))]
        bids = (*[level for level in gone if level.price_ticks < MID], Level(bid, one * 10**9))
        asks = (*[level for level in gone if level.price_ticks > MID], Level(ask, other * 10**9))
        rig.seq += 1
        self.gliding.seq += 1
        rig.feed(BookDelta, symbol=symbol, seq=rig.seq, venue_ms=self.row, bids=bids, asks=asks)
        self.gliding.engine.state.books[symbol].book.apply_delta(rig.now_ns, rig.seq, bids, asks)


def seen(engine: Engine) -> list[object]:
    """Return what the digest does not tell of the markets and sessions."""
    state = engine.state
    markets = [
        (m.bid_ticks, m.ask_ticks, m.mid_half_ticks, m.last_trade_ticks, m.heard_ns, m.venue_ms, m.stands)
        for m in state.books.values()
    ]
    return [
        state.now_ns,
        state.step_ns,
        markets,
        [s.position.mid_half_ticks for s in state.sessions],
        engine.digest(),
    ]


def tally_of(rig: Rig) -> Tally:
    """Return the signal that counts what it is told."""
    tally = rig.session().readers[0]
    assert isinstance(tally, Tally)
    return tally


@given(messages=MESSAGES)
def test_a_glide_leaves_what_a_step_for_each_message_leaves(messages: list[Message]) -> None:
    """Mids, tops, trades, the reference, the position's mark, and everything in the digest."""
    pair = Pair(make_session(Scripted(needs=(TallySpec(),), wake=SILENT)))
    pair.see(messages)
    assert list(pair.glide()) == []
    assert seen(pair.gliding.engine) == seen(pair.stepping.engine)
    stepped, glided = tally_of(pair.stepping), tally_of(pair.gliding)
    assert (glided.tops, glided.lost, glided.state()) == (stepped.tops, stepped.lost, stepped.state())


@settings(max_examples=20, deadline=None)
@given(messages=MESSAGES)
def test_a_market_without_signals_costs_nothing_but_its_mids(messages: list[Message]) -> None:
    """The same state, with two sessions on the symbol."""
    pair = Pair(make_session(Scripted(wake=SILENT)), make_session(Scripted(wake=SILENT), name="b"))
    pair.see(messages)
    pair.glide()
    assert seen(pair.gliding.engine) == seen(pair.stepping.engine)


def test_the_last_message_of_a_glide_makes_the_decision_that_it_would_have_made() -> None:
    """The mid moves far enough with it: the same orders, at its time."""
    wake = Wake(move_half_ticks=4, every_ns=0)
    pair = Pair(make_session(Scripted(bids=(Quote(MID - 20, 10),), wake=wake)))
    pair.see([(1, "move", 9, 9), (1, "resize", 3, 4), (0, "buy", 9, 1), (1, "move", 3, 7)])
    pair.glide()
    assert pair.gliding.sent == pair.stepping.sent
    assert seen(pair.gliding.engine) == seen(pair.stepping.engine)


def test_a_session_that_watches_another_market_decides_by_its_moves() -> None:
    """As a step with the same message would have let it."""
    watcher = make_session(Scripted(bids=(Quote(MID - 20, 10),), watches=(Watch(OTHER.symbol),)))
    pair = Pair(watcher, make_session(Scripted(wake=SILENT), name="other", instrument=OTHER))
    pair.see([(1, "resize", 1, 1)])
    pair.see([(1, "move", 2, 8)], OTHER.symbol)
    pair.glide()
    assert pair.gliding.sent == pair.stepping.sent
    assert seen(pair.gliding.engine) == seen(pair.stepping.engine)


def test_tops_of_a_book_without_a_mid_are_no_tops() -> None:
    """Crossed for a moment: told as lost, and anew when it is right again."""
    pair = Pair(make_session(Scripted(needs=(TallySpec(),), wake=SILENT)))
    rig, market = pair.gliding, pair.gliding.session().market
    now_ns, tally = rig.now_ns, tally_of(pair.gliding)
    rig.engine.glide(now_ns, [Glided(SYMBOL, [(1, now_ns, MID, 5, MID, 5, 0)], [], now_ns, 0, False)])
    assert (tally.lost, market.mid_half_ticks, market.bid_ticks) == ([now_ns], 0, MID)
    told = len(tally.tops)
    top = (2, now_ns, MID - 10, 10**12, MID + 10, 10**12, 2 * MID)
    rig.engine.glide(now_ns, [Glided(SYMBOL, [top], [], now_ns, 0, False)])
    assert tally.tops[told:] == [(MID - 10, 10**12, MID + 10, 10**12)]


@pytest.mark.parametrize("broken", ["mid", "trade"])
def test_a_signal_that_raises_in_a_glide_halts_trading_once(broken: str) -> None:
    """What it says cannot be quoted on; the rest of the messages are taken in."""
    pair = Pair(make_session(Scripted(needs=(TallySpec(broken=broken),))))
    pair.see([(1, "buy", 1, 1), (0, "move", 5, 6), (1, "buy", 2, 1), (1, "move", 9, 7)])
    pair.glide()
    assert [said["error"] for said in pair.gliding.reports("halt")] == ["ArithmeticError"]
    market = pair.gliding.session().market
    assert (market.mid_half_ticks, market.last_trade_ticks) == (2 * MID - 2, MID + 2)


def test_a_market_says_what_it_owes_to_its_signals() -> None:
    """Own quotes that changed, and a top that new signals were not told."""
    rig = Rig(make_session(), caps=PAPER)
    rig.activate()
    market = rig.session().market
    wanted = [market.wants_tops]
    assert not market.owes(rig.now_ns, -2)
    market.signal(TallySpec())
    wanted.append(market.wants_tops)
    assert wanted == [False, True]
    version = rig.engine.state.orders.version
    assert market.owes(rig.now_ns, version)
    rig.touch_book()
    assert not market.owes(rig.now_ns, version)
    assert market.owes(rig.now_ns, version + 1)


def test_a_signal_that_raises_at_sizes_halts_trading_too() -> None:
    """Where only sizes changed, and nothing moved."""
    pair = Pair(make_session(Scripted(needs=(TallySpec(),))))
    tally_of(pair.gliding).broken = "top"
    pair.see([(1, "resize", 3, 4), (0, "resize", 5, 6)])
    pair.glide()
    assert [said["error"] for said in pair.gliding.reports("halt")] == ["ArithmeticError"]
