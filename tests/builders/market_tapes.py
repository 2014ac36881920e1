"""Raw recordings of a made-up market long enough to be judged, written as a receiver would have."""

import random

from tests.builders.recordings import ASKS, BIDS, Tape


def long_recording(
    *, seconds: int = 60, linear: bool = False, symbol: str = "BTCUSDT", with_tickers: bool = True
) -> Tape:
    """Return a market that walks and trades on both sides, a frame each 20 ms.

    Args: with_tickers: False: best prices are told by the book alone.
    """
    dice = random.Random(3)
    tape = Tape(symbol, linear=linear, step_ms=20)
    at = tape.diff((("60980.00000000", "1.00000000"),)).last
    tape.snapshot(last=at)
    bid_cents = 6_100_000
    old: tuple[list[tuple[str, str]], list[tuple[str, str]]] = (list(BIDS), list(ASKS))
    end_ms = tape.now_ms + seconds * 1000
    while tape.now_ms < end_ms:
        if dice.random() < 0.5:
            side = dice.choice((1, -1))
            depth = int(dice.expovariate(0.01))
            cents = bid_cents + 1 + depth if side > 0 else bid_cents - depth
            tape.trade(_price(cents), "0.01000000", buyer_is_maker=side < 0)
            continue
        bid_cents += dice.choice((-300, -1, 0, 1, 300))
        bid, ask = (_price(bid_cents), "1.00000000"), (_price(bid_cents + 1), "2.00000000")
        if with_tickers:
            tape.ticker(bid, ask)
        else:
            gone = [[(price, "0.00000000") for price, _ in side] for side in old]
            tape.diff((*gone[0], bid), (*gone[1], ask))
            old = ([bid], [ask])
    return tape


def _price(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}000000"
