"""Random walks of a mid with own fills in them, for whoever measures what came after the fills."""

from random import Random
from typing import NamedTuple

from mm.domain.sides import Side


class Move(NamedTuple):
    """The mid from a time on, half ticks."""

    ts_ns: int
    mid_half: int


class Deal(NamedTuple):
    """An own fill: fields of `mm.analytics.horizons.Fill`, and its fee in atoms with the asset."""

    ts_ns: int
    side: Side
    price_ticks: int
    size_lots: int
    level: int
    age_ns: int
    queue_atoms: int
    fee_asset: str
    fee_atoms: int


class Tape(NamedTuple):
    """A walk. Fields: steps: in order of time, several at one time; end_ns: after the last."""

    steps: tuple[Move | Deal, ...]
    end_ns: int


def random_tape(seed: int, deals: int, *, unit_ns: int = 1, start_ns: int = 0) -> Tape:
    """Return a walk with so many fills, some at the same time as moves. Args: unit_ns: of all times."""
    dice, ts, mid = Random(seed), start_ns, 200_001
    steps: list[Move | Deal] = [Move(ts, mid)]
    done = 0
    while done < deals:
        ts += dice.choice((0, 0, 1, 1, 2, 7, 40)) * unit_ns
        if dice.random() < 0.5:
            mid = max(1_000, mid + dice.randint(-9, 9))
            steps.append(Move(ts, mid))
            continue
        done += 1
        side = dice.choice((Side.BUY, Side.SELL))
        price = max(1, mid // 2 - side.sign * dice.randint(-2, 6))
        fee = dice.choice((("BBB", 1_000), ("AAA", 13), ("CCC", 5), ("BBB", -700), ("AAA", -3)))
        age, queue = dice.choice((-1, 0, 1, 3, 10, 50)), dice.choice((-1, 0, 1, 8, 10**9))
        size, level = dice.randint(1, 50), dice.randint(-2, 14)
        steps.append(Deal(ts, side, price, size, level, age * 10**9 if age > 0 else age, queue, *fee))
    return Tape(tuple(steps), ts + 3 * unit_ns)
