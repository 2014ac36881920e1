"""The P&L explains itself to the last unit, against a book-keeping in fractions."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.estate import PositionEstate
from mm.domain.instrument import Instrument
from mm.domain.position import Position
from mm.domain.sides import Side
from tests.builders.instruments import INSTRUMENT, make_test_instrument

ODD = make_test_instrument(tick_size="0.0000003", lot_size="0.07", size_min="0.07")
"""An instrument on which half a tick times a lot is no whole number of atoms."""

STEPS = st.one_of(
    st.tuples(st.just("mark"), st.integers(1, 40), st.just(0)),
    st.tuples(st.just("buy"), st.integers(1, 20), st.integers(1, 9)),
    st.tuples(st.just("sell"), st.integers(1, 20), st.integers(1, 9)),
)


class NaiveBooks:
    """Every fill and mark kept in a list; every figure computed from the list, in fractions."""

    def __init__(self, instrument: Instrument) -> None:
        """Start without history."""
        self.instrument = instrument
        self.fills: list[tuple[int, Fraction, int]] = []
        self.mids: list[Fraction] = []
        # Average cost: (lots, price) of what is open.
        self.open_lots = 0
        self.open_price = Fraction(0)

    def mark(self, mid_half_ticks: int) -> None:
        """Keep a mid, in ticks."""
        self.mids.append(Fraction(mid_half_ticks, 2))

    def fill(self, sign: int, price_ticks: int, size_lots: int) -> None:
        """Keep a fill with the number of the mid that it met."""
        if not self.mids:
            self.mids.append(Fraction(price_ticks))
        self.fills.append((sign * size_lots, Fraction(price_ticks), len(self.mids) - 1))
        signed = sign * size_lots
        if self.open_lots * signed >= 0:
            held = self.open_price * self.open_lots + signed * price_ticks
            self.open_lots += signed
            self.open_price = held / self.open_lots
        else:
            before = self.open_lots
            self.open_lots += signed
            if before * self.open_lots < 0:
                self.open_price = Fraction(price_ticks)

    @property
    def mid(self) -> Fraction:
        """The last mid."""
        return self.mids[-1] if self.mids else Fraction(0)

    def atoms(self, ticks_lots: Fraction) -> Fraction:
        """Return a value in quote atoms."""
        return ticks_lots * self.instrument.tick_lot_atoms

    def net(self) -> int:
        """What fills moved."""
        return sum(signed for signed, _, _ in self.fills)

    def profit(self) -> Fraction:
        """P&L at the last mid, ticks x lots: each fill is worth what the mid is away from its price."""
        return sum((signed * (self.mid - price) for signed, price, _ in self.fills), Fraction(0))

    def spread(self) -> Fraction:
        """Captured at each fill against the mid that it met, ticks x lots."""
        return sum((signed * (self.mids[at] - price) for signed, price, at in self.fills), Fraction(0))

    def carried(self) -> Fraction:
        """Inventory carried through each later move of the mid, ticks x lots."""
        return sum((signed * (self.mid - self.mids[at]) for signed, _, at in self.fills), Fraction(0))


def apply(position: Position, naive: NaiveBooks, step: tuple[str, int, int]) -> None:
    """Do one step in both books."""
    what, first, second = step
    if what == "mark":
        position.mark(first)
        naive.mark(first)
    else:
        side = Side(what)
        position.fill(side, first, second)
        naive.fill(side.sign, first, second)


def check(position: Position, naive: NaiveBooks, fills_since_flat: int) -> None:
    """Compare every figure; what is rounded is off by less than its rounding."""
    unit = position.instrument.tick_lot_atoms
    assert position.residual_half == 0
    assert position.net_lots == naive.net()
    assert position.spread_half == 2 * naive.spread()
    assert position.revaluation_half == 2 * naive.carried()
    assert naive.profit() == naive.spread() + naive.carried()
    assert position.gross_quote_atoms == naive.atoms(naive.profit()) // 1
    exact_entry = 2 * naive.open_price if naive.open_lots else Fraction(0)
    # Each partial close may round the remaining cost by one half tick x lot, always against us.
    against_us = (position.entry_half_ticks - exact_entry) * (1 if naive.open_lots > 0 else -1)
    assert against_us >= 0
    assert abs(position.entry_half_ticks - exact_entry) <= 1 + fills_since_flat
    exact_open = naive.atoms(naive.open_lots * (naive.mid - naive.open_price))
    assert 0 <= exact_open - position.open_quote_atoms <= 1 + fills_since_flat * unit


@settings(max_examples=80)
@given(st.lists(STEPS, max_size=40), st.sampled_from([INSTRUMENT, ODD]))
def test_every_figure_equals_the_book_keeping_in_fractions(
    steps: list[tuple[str, int, int]], instrument: Instrument
) -> None:
    """After each mark and fill: identity, spread, revaluation, P&L, entry price and open P&L."""
    position, naive, fills_since_flat = Position(instrument), NaiveBooks(instrument), 0
    for step in steps:
        apply(position, naive, step)
        fills_since_flat = 0 if position.net_lots == 0 else fills_since_flat + 1
        check(position, naive, fills_since_flat)


@pytest.mark.parametrize("seed", [1, 2])
def test_three_thousand_fills_leave_no_residue(seed: int) -> None:
    """Over a long walk of the mid every unit of P&L is spread or revaluation, and the ledger agrees."""
    dice = Random(seed)
    position, naive, mid = Position(INSTRUMENT, start_lots=-250), NaiveBooks(INSTRUMENT), 20_000
    fees = {"AAA": 0, "BBB": 0, "CCC": 0}
    for _ in range(3_000):
        mid = max(2, mid + dice.randint(-7, 7))
        apply(position, naive, ("mark", mid, 0))
        side = dice.choice(["buy", "sell"])
        apply(position, naive, (side, max(1, mid // 2 + dice.randint(-9, 9)), dice.randint(1, 50)))
        asset, fee = dice.choice(list(fees)), dice.randint(-40, 900)
        fees[asset] += fee
        position.pay_fee(asset, fee)
        assert position.residual_half == 0

    assert position.gross_quote_atoms == naive.atoms(naive.profit())
    assert position.net_lots == naive.net()
    assert position.inventory_lots == naive.net() - 250
    assert position.fills == 3_000
    bought = [signed for signed, _, _ in naive.fills if signed > 0]
    assert (position.bought_lots, position.bought_lots - position.sold_lots) == (sum(bought), naive.net())
    assert position.turnover_half == sum(2 * abs(signed) * price for signed, price, _ in naive.fills)
    cash = naive.atoms(-sum((signed * price for signed, price, _ in naive.fills), Fraction(0)))
    assert position.ledger_atoms() == {
        "AAA": naive.net() * INSTRUMENT.lot_atoms - fees["AAA"],
        "BBB": cash - fees["BBB"],
        "CCC": -fees["CCC"],
    }


def test_a_new_position_is_worth_nothing() -> None:
    """Without fills every figure is 0, also while there is no mid, and with a start that is not flat."""
    position = Position(INSTRUMENT, start_lots=7)

    assert Position(INSTRUMENT).inventory_lots == 0
    assert (position.inventory_lots, position.entry_half_ticks) == (7, 0)
    position.mark(20_000)
    position.mark(30_000)
    figures = (position.gross_quote_atoms, position.fees_quote_atoms, position.open_quote_atoms)
    assert figures == (0, 0, 0)
    assert position.residual_half == 0
    assert position.ledger_atoms() == {"AAA": 0, "BBB": 0}


def test_a_fill_before_the_first_mark_is_marked_at_its_price() -> None:
    """It captures nothing, and later moves of the mid revalue it."""
    position = Position(INSTRUMENT)

    position.fill(Side.BUY, 100, 3)

    assert (position.mid_half_ticks, position.spread_half, position.cash_half) == (200, 0, -600)
    position.mark(210)
    assert (position.revaluation_half, position.residual_half) == (30, 0)


def test_the_entry_price_is_the_average_of_what_is_open() -> None:
    """Adding averages, reducing keeps the average, passing through 0 begins anew."""
    position = Position(INSTRUMENT)
    position.fill(Side.BUY, 100, 1)
    position.fill(Side.BUY, 110, 1)
    assert position.entry_half_ticks == 210
    position.fill(Side.SELL, 500, 1)
    assert position.entry_half_ticks == 210
    position.fill(Side.SELL, 120, 3)
    assert (position.net_lots, position.entry_half_ticks) == (-2, 240)
    position.fill(Side.BUY, 1, 2)
    assert (position.net_lots, position.entry_half_ticks) == (0, 0)


def test_the_entry_price_is_rounded_against_us() -> None:
    """Up for a long position, down for a short one."""
    long, short = Position(INSTRUMENT), Position(INSTRUMENT)
    for position, side in ((long, Side.BUY), (short, Side.SELL)):
        position.fill(side, 100, 1)
        position.fill(side, 101, 2)

    assert long.entry_half_ticks == 202
    assert short.entry_half_ticks == 201


def test_fees_in_base_are_valued_at_the_mid_against_us() -> None:
    """A fraction of an atom of a fee counts as one; a rebate is rounded down."""
    position = Position(ODD)
    position.mark(7)
    position.pay_fee(ODD.quote, 10)
    assert position.fees_quote_atoms == 10

    position.pay_fee(ODD.base, 1)
    exact = Fraction(7 * ODD.tick_lot_atoms, 2 * ODD.lot_atoms)
    assert exact.denominator > 1
    assert position.fees_quote_atoms == 10 - (-exact // 1)
    position.pay_fee(ODD.base, -2)
    assert position.fees_quote_atoms == 10 - exact // 1
    assert position.net_quote_atoms == -position.fees_quote_atoms


@pytest.mark.parametrize("mid_half_ticks", [0, -1])
def test_a_mid_of_nothing_is_a_bug(mid_half_ticks: int) -> None:
    """A position is marked at a price."""
    with pytest.raises(AssertionError):
        Position(INSTRUMENT).mark(mid_half_ticks)


@pytest.mark.parametrize("size_lots", [0, -1])
def test_a_fill_of_nothing_is_a_bug(size_lots: int) -> None:
    """Fills have a size."""
    with pytest.raises(AssertionError):
        Position(INSTRUMENT).fill(Side.BUY, 100, size_lots)


def test_a_fee_in_a_third_asset_is_exact_in_the_ledger_and_valued_in_the_profit() -> None:
    """The loss limits must see it; base and quote are valued at the mid, whatever the caller says."""
    position = Position(ODD)
    position.mark(7)
    position.pay_fee("CCC", 10**9, value_atoms=30)
    position.pay_fee("CCC", 10**9, value_atoms=12)
    position.pay_fee(ODD.quote, 5, value_atoms=1_000)
    assert position.fees_quote_atoms == 47
    assert position.net_quote_atoms == -47
    assert position.ledger_atoms()["CCC"] == -2 * 10**9


@given(steps=st.lists(STEPS, max_size=20), more=st.lists(STEPS, max_size=10))
def test_a_position_goes_on_from_what_was_left_as_if_nothing_had_happened(
    steps: list[tuple[str, int, int]], more: list[tuple[str, int, int]]
) -> None:
    """Every figure, rounding included."""
    first = Position(INSTRUMENT, 3)
    first.pay_fee("CCC", 7, value_atoms=5)
    play(first, steps)
    names = [name for name in first.__slots__ if name != "instrument"]
    figures = {name: getattr(first, name) for name in names}
    left = PositionEstate(
        session="main",
        symbol=INSTRUMENT.symbol,
        index=0,
        target_lots=0,
        stock_taken=True,
        peak_atoms=0,
        paused="",
        **(figures | {"fees_atoms": tuple(first.fees_atoms.items())}),
    )
    second = Position(INSTRUMENT)
    second.restore(left)
    play(first, more)
    play(second, more)
    assert {name: getattr(second, name) for name in names} == {name: getattr(first, name) for name in names}
    assert second.residual_half == 0


def play(position: Position, steps: list[tuple[str, int, int]]) -> None:
    """Mark and fill a position."""
    for what, price, size in steps:
        if what == "mark":
            position.mark(price)
        else:
            position.fill(Side.BUY if what == "buy" else Side.SELL, price, size)
