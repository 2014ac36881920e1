"""Seeded independent traders: makers, uninformed takers and a few that know the next jump of the price.

Every trader is an owner of its own; none is related to the client's account and none acts for it: they see
the book as anybody does. They live in event time: each has its own next moment, `step` plays the earliest.
Invariants: the same seed gives the same wishes on the same books; no order is wished that would meet another
of its own owner (the venue's self-trade prevention stands behind that as for everybody).
"""

from collections.abc import Sequence
from enum import IntEnum
from heapq import heappop, heappush
from typing import Final, Protocol, TypeAlias

import msgspec

from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.domain.units import NEVER_NS, NS_PER_S
from mm.sim.orders import CancelOrder, NewOrder, Order, OrderType, StpMode
from mm.sim.presets import MakerCrowd, News, Preset, TakerCrowd
from mm.sim.prng import Prng

Action: TypeAlias = NewOrder | CancelOrder
"""What a trader may wish."""

_BPS: Final = 1e-4
_INFORMED_COUNT: Final = 5
_FUNDS_BASE: Final = 10_000
_FUNDS_QUOTE: Final = 1_000_000_000


class Market(Protocol):
    """What a trader can see: the public book and its own open orders."""

    def best_ticks(self, side: Side) -> int | None:
        """Return the best resting price of a side; None if it is empty."""

    def lots_within(self, side: Side, limit_ticks: int) -> int:
        """Return the lots that a taker of `side` finds at `limit_ticks` or better."""

    def open_orders(self, owner: str) -> Sequence[Order]:
        """Return the open orders of an owner."""


class Deposit(msgspec.Struct, frozen=True, kw_only=True):
    """Funds that a trader starts with, in atoms."""

    owner: str
    asset: str
    atoms: int


class _Kind(IntEnum):
    MAKE = 0
    MAKE_ONCE = 1
    TAKE = 2
    NEWS = 3
    INFORMED = 4
    JUMP = 5


class _Maker(msgspec.Struct, frozen=True, kw_only=True):
    owner: str
    crowd: MakerCrowd
    first_bps: float


class _Tip(msgspec.Struct, frozen=True, kw_only=True):
    # What the informed know of one jump: where the price will be, and into how many orders they split.
    side: Side
    target_ticks: float
    orders: int


_Event: TypeAlias = tuple[int, int, _Kind, int, _Tip | None]


class Agents:
    """All simulated traders of one market."""

    def __init__(self, *, preset: Preset, instrument: Instrument, seed: int, start_ns: int) -> None:
        """Prepare the traders; every maker has its first look at `start_ns`, one after the other."""
        self._instrument = instrument
        self._preset = preset
        self._fair_ticks = preset.price_ticks * 1.0
        self._fair_ns = start_ns
        self._price, self._make = Prng(seed, "price"), Prng(seed, "makers")
        self._take, self._tips = Prng(seed, "takers"), Prng(seed, "news")
        self._makers = tuple(
            _Maker(
                owner=f"maker-{group}-{index:02d}",
                crowd=crowd,
                first_bps=crowd.first_bps + index * crowd.spacing_bps,
            )
            for group, crowd in enumerate(preset.crowds)
            for index in range(crowd.count)
        )
        self._takers = _names("taker", preset.takers.count if preset.takers else 0)
        self._informed = _names("informed", _INFORMED_COUNT if preset.news else 0)
        self._events: list[_Event] = []
        self._sequence = 0
        for index in range(len(self._makers)):
            self._at(start_ns, _Kind.MAKE, index)
        if preset.takers:
            self._at(start_ns + self._taker_gap_ns(preset.takers), _Kind.TAKE)
        if preset.news:
            self._at(start_ns + self._news_gap_ns(preset.news), _Kind.NEWS)

    @property
    def owners(self) -> tuple[str, ...]:
        """Every trader's name."""
        return (*(maker.owner for maker in self._makers), *self._takers, *self._informed)

    @property
    def deposits(self) -> tuple[Deposit, ...]:
        """What each trader starts with: enough never to run dry."""
        base, quote = self._instrument.base, self._instrument.quote
        base_atoms = _FUNDS_BASE * 10**self._instrument.base_scale
        quote_atoms = _FUNDS_QUOTE * 10**self._instrument.quote_scale
        return tuple(
            Deposit(owner=owner, asset=asset, atoms=atoms)
            for owner in self.owners
            for asset, atoms in ((base, base_atoms), (quote, quote_atoms))
        )

    @property
    def next_ns(self) -> int:
        """When the next trader acts; far in the future if nobody trades."""
        return self._events[0][0] if self._events else NEVER_NS

    def step(self, market: Market) -> tuple[int, Sequence[Action]]:
        """Play the earliest event; return its time and what its trader wishes, in order.

        There must be one (`next_ns`).
        """
        now_ns, _, kind, index, tip = heappop(self._events)
        self._diffuse(now_ns)
        if kind is _Kind.MAKE or kind is _Kind.MAKE_ONCE:
            return now_ns, self._on_make(now_ns, index, market, again=kind is _Kind.MAKE)
        if kind is _Kind.TAKE:
            return now_ns, self._on_take(now_ns, market)
        if kind is _Kind.NEWS:
            return now_ns, self._on_news(now_ns)
        assert tip is not None  # the two kinds that are left carry one
        if kind is _Kind.INFORMED:
            return now_ns, self._on_informed(market, tip, index)
        return now_ns, self._on_jump(now_ns, tip)

    def _at(self, ts_ns: int, kind: _Kind, index: int = 0, tip: _Tip | None = None) -> None:
        self._sequence += 1
        heappush(self._events, (ts_ns, self._sequence, kind, index, tip))

    def _diffuse(self, now_ns: int) -> None:
        if self._preset.sigma_bps:
            elapsed_s = (now_ns - self._fair_ns) / NS_PER_S
            shock_bps = self._preset.sigma_bps * elapsed_s**0.5 * self._price.gauss()
            self._fair_ticks *= 1.0 + shock_bps * _BPS
        self._fair_ns = now_ns

    def _on_make(self, now_ns: int, index: int, market: Market, *, again: bool) -> list[Action]:
        maker = self._makers[index]
        if again:
            pause_s = self._make.exponential(maker.crowd.wake_s)
            self._at(now_ns + int(pause_s * NS_PER_S), _Kind.MAKE, index)
        open_orders = market.open_orders(maker.owner)
        cancels: list[Action] = []
        places: list[Action] = []
        for side in Side:
            wanted = self._wanted_ticks(maker, side, market)
            tolerance = self._fair_ticks * maker.crowd.tolerance_bps * _BPS
            for order in open_orders:
                if order.side is not side:
                    continue
                near = [ticks for ticks in wanted if abs(ticks - order.price_ticks) <= tolerance]
                if near:
                    wanted.remove(near[0])
                else:
                    cancels.append(CancelOrder(owner=maker.owner, order_id=order.order_id))
            places += [self._quote(maker, side, ticks) for ticks in wanted]
        return cancels + places

    # Makers never take: where a price would cross what is left of the other side after a jump, they wait
    # for it to go, or join at one tick before it.
    def _wanted_ticks(self, maker: _Maker, side: Side, market: Market) -> list[int]:
        best = market.best_ticks(side.opposite)
        crowd = maker.crowd
        wanted: list[int] = []
        for level in range(crowd.levels):
            distance = self._fair_ticks * (maker.first_bps + level * crowd.step_bps) * _BPS
            ticks = int(self._fair_ticks - side.sign * distance) + (side is Side.SELL)
            if best is not None and (best - ticks) * side.sign <= 0:
                if not crowd.joins:
                    continue
                ticks = best - side.sign
            if ticks not in wanted:
                wanted.append(ticks)
        return wanted

    def _quote(self, maker: _Maker, side: Side, price_ticks: int) -> NewOrder:
        return NewOrder(
            owner=maker.owner,
            side=side,
            order_type=OrderType.LIMIT_MAKER,
            price_ticks=price_ticks,
            size_lots=self._make.integer(maker.crowd.lots_min, maker.crowd.lots_max),
            stp_mode=StpMode.EXPIRE_MAKER,
        )

    def _on_take(self, now_ns: int, market: Market) -> list[Action]:
        crowd = self._preset.takers
        assert crowd is not None  # only they are woken here
        self._at(now_ns + self._taker_gap_ns(crowd), _Kind.TAKE)
        side = Side.BUY if self._take.chance(0.5) else Side.SELL
        owner = self._take.pick(self._takers)
        reach_bps = self._take.between(crowd.reach_bps_min, crowd.reach_bps_max)
        wish_lots = self._take.integer(crowd.lots_min, crowd.lots_max)
        best = market.best_ticks(side.opposite)
        if best is None:
            return []
        reach_ticks = int(self._fair_ticks * (1.0 + side.sign * reach_bps * _BPS))
        limit_ticks = max(best, reach_ticks) if side is Side.BUY else min(best, reach_ticks)
        return [_market_order(owner, side, min(wish_lots, market.lots_within(side, limit_ticks)))]

    def _on_news(self, now_ns: int) -> list[Action]:
        news = self._preset.news
        assert news is not None  # only it is woken here
        self._at(now_ns + self._news_gap_ns(news), _Kind.NEWS)
        side = Side.BUY if self._tips.chance(0.5) else Side.SELL
        jump_bps = self._tips.exponential(news.jump_bps)
        orders = min(news.orders_max, int(jump_bps / news.bps_per_order + self._tips.between(0.0, 1.0)))
        target_ticks = self._fair_ticks * (1.0 + side.sign * jump_bps * _BPS)
        tip = _Tip(side=side, target_ticks=target_ticks, orders=orders)
        lead_ns = int(news.lead_s * NS_PER_S)
        for index in range(orders):
            self._at(now_ns + index * lead_ns // orders, _Kind.INFORMED, index, tip)
        self._at(now_ns + lead_ns, _Kind.JUMP, 0, tip)
        return []

    def _on_informed(self, market: Market, tip: _Tip, index: int) -> list[Action]:
        lots = market.lots_within(tip.side, int(tip.target_ticks))
        share_lots = lots // (tip.orders - index)
        if not share_lots:
            return []
        return [_market_order(self._tips.pick(self._informed), tip.side, share_lots)]

    def _on_jump(self, now_ns: int, tip: _Tip) -> list[Action]:
        news = self._preset.news
        assert news is not None
        self._fair_ticks = tip.target_ticks
        for index in range(len(self._makers)):
            delay_ns = int(self._tips.between(0.0, news.reaction_s) * NS_PER_S)
            self._at(now_ns + delay_ns, _Kind.MAKE_ONCE, index)
        return []

    def _taker_gap_ns(self, crowd: TakerCrowd) -> int:
        return int(self._take.between(crowd.gap_s_min, crowd.gap_s_max) * NS_PER_S)

    def _news_gap_ns(self, news: News) -> int:
        return int(self._tips.exponential(news.gap_s) * NS_PER_S)


def _names(kind: str, count: int) -> tuple[str, ...]:
    return tuple(f"{kind}-{index:02d}" for index in range(count))


def _market_order(owner: str, side: Side, size_lots: int) -> NewOrder:
    return NewOrder(
        owner=owner,
        side=side,
        order_type=OrderType.MARKET,
        size_lots=size_lots,
        stp_mode=StpMode.EXPIRE_TAKER,
    )
