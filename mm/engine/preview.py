"""What a change of the config would do, found out by doing it to a copy of the engine.

The same code decides, so a plan is no estimate: with no event in between, applying sends exactly `commands`.
What is cancelled first and placed anew once the venue has confirmed is found by confirming it to the copy.
Invariant: the engine itself is as it was, and nothing leaves.
"""

from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mm.domain.commands import AnyCommand, Cancel
from mm.domain.events import ConfigApplied, OrderCanceled, Source
from mm.domain.orders import Order, OrderState
from mm.domain.sides import BUY, Side
from mm.engine.engine import Engine
from mm.engine.risk_view import worst_atoms
from mm.engine.session import Session
from mm.engine.setup import NewSetup

CONFIRMED_MAX: Final = 1_000
"""So many cancels are followed to their end; a strategy that moves its orders for ever is cut off there."""

Place = tuple[str, Side, int]
# Where an order stands: session, side, level.


class Fate(StrEnum):
    """What becomes of an order."""

    KEPT = "kept"
    MOVED = "moved"
    CANCELLED = "cancelled"
    NEW = "new"
    PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFate:
    """One order, before and after.

    Fields: fate: PENDING is left alone, because the venue has yet to tell its fate. price_ticks, size_lots:
    now (what could still fill), 0 for a new one; new_price_ticks, new_size_lots: afterwards, 0 when it is
    gone. why: the refusal that keeps its level empty, "" otherwise.
    """

    session: str
    side: Side
    level: int
    fate: Fate
    price_ticks: int = 0
    size_lots: int = 0
    new_price_ticks: int = 0
    new_size_lots: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """What a session has at stake. Fields: worst_atoms: value of the largest position that its orders could
    make; band_lots: its inventory limit.
    """

    worst_atoms: int
    band_lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would happen.

    Fields: commands: that leave in the very step; orders: all that are live before or after, by session, side
    and level; before, after:
    the stake of each session by name, `after` with every cancel confirmed; halts: "" or why it would halt.
    """

    commands: tuple[AnyCommand, ...]
    orders: tuple[OrderFate, ...]
    before: dict[str, Stake]
    after: dict[str, Stake]
    halts: str


def preview(engine: Engine, event: ConfigApplied, new: NewSetup) -> Preview:
    """Return what the engine would do if `new` came into force by `event`, now."""
    ahead = deepcopy(engine)
    ahead.prepare(event.revision, new)
    commands = tuple(ahead.step(event))
    _confirm(ahead, event.ts_ns, commands)
    halted = ahead.state.halt_code
    return Preview(
        commands=commands,
        orders=_fates(engine, ahead),
        before=_stakes(engine),
        after=_stakes(ahead),
        halts="" if engine.state.halt_code else halted,
    )


def _confirm(ahead: Engine, ts_ns: int, commands: tuple[AnyCommand, ...]) -> None:
    cancels = [command for command in commands if isinstance(command, Cancel)]
    for cancel in cancels:
        order = ahead.state.orders.get(cancel.cid)
        filled = order.cum_lots if order is not None else 0
        confirmed = OrderCanceled(ts_ns=ts_ns, cid=cancel.cid, cum_lots=filled, source=Source.ANSWER)
        later = ahead.step(confirmed)
        if len(cancels) < CONFIRMED_MAX:
            cancels += [command for command in later if isinstance(command, Cancel)]


def _stakes(engine: Engine) -> dict[str, Stake]:
    state = engine.state
    return {
        session.name: Stake(worst_atoms=worst_atoms(state, session), band_lots=session.band_lots)
        for session in state.sessions
    }


def _fates(engine: Engine, ahead: Engine) -> tuple[OrderFate, ...]:
    now, later = engine.state, ahead.state
    sessions = later.sessions
    came = {
        _standing(order, sessions): order
        for cid, order in later.orders.live.items()
        if cid not in now.orders.live
    }
    fates = []
    for cid, order in now.orders.live.items():
        place = _standing(order, sessions)
        if cid in later.orders.live:
            fate = Fate.KEPT if order.state is OrderState.WORKING else Fate.PENDING
            fates.append(_fate(place, fate, order, later.orders.live[cid]))
        elif place in came:
            fates.append(_fate(place, Fate.MOVED, order, came.pop(place)))
        else:
            denied = sessions[order.session].denied.get((order.side, order.level), "")
            fates.append(_fate(place, Fate.CANCELLED, order, None, denied))
    fates += [_fate(place, Fate.NEW, None, order) for place, order in came.items()]
    names = [session.name for session in sessions]
    fates.sort(key=lambda one: (names.index(one.session), one.side is not BUY, one.level))
    return tuple(fates)


def _standing(order: Order, sessions: list[Session]) -> Place:
    return sessions[order.session].name, order.side, order.level


def _fate(place: Place, fate: Fate, before: Order | None, after: Order | None, why: str = "") -> OrderFate:
    session, side, level = place
    return OrderFate(
        session=session,
        side=side,
        level=level,
        fate=fate,
        price_ticks=before.price_ticks if before is not None else 0,
        size_lots=before.left_lots if before is not None else 0,
        new_price_ticks=after.price_ticks if after is not None else 0,
        new_size_lots=after.left_lots if after is not None else 0,
        why=why,
    )
