"""The bench's maker on hftbacktest: run by the Python of its own environment, never imported by `mm`.

python hftbacktest_maker.py TAPE.npz JOB.json: reads the columns of a tape and prints one JSON object: rows
second, orders and fills of the strategy in plain Python and compiled, at fixed decisions and on moves.
Each is called once on a few rows before it is timed, so that nothing is compiled then.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    GTX,
    LIMIT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    ROIVectorMarketDepthBacktest,
    event_dtype,
)
from numba import njit

WARM_ROWS = 20_000
BID, ASK = 1, 2
EVERY_NS = 100_000_000
ENDED, ORDER_TOLD = 1, 3  # what a step of the library returns: the end; beyond the last good word, an error
SNAPSHOT, DELTA, TOP, TRADE = 1, 2, 3, 4


def events_of(tape, job):
    """Return the tape as the library's events: the same rows, best prices as changes of their level."""
    kind, side = tape["kind"], tape["side"]
    rows = np.zeros(len(kind), event_dtype)
    flags = np.where(kind == TRADE, TRADE_EVENT, DEPTH_EVENT) | EXCH_EVENT | LOCAL_EVENT
    rows["ev"] = flags | np.where(side > 0, BUY_EVENT, SELL_EVENT)
    rows["exch_ts"] = rows["local_ts"] = tape["ts_ns"]
    rows["px"] = tape["price_ticks"] * float(job["tick"])
    rows["qty"] = tape["size_atoms"] / job["unit_atoms"]
    return rows[(kind != 5) & (kind != 6) & (side != 0)]


def market_of(rows, job):
    """Return a backtest over `rows`, with room for every price near them."""
    middle = float(rows["px"][0])
    asset = (
        BacktestAsset()
        .data([rows])
        .linear_asset(1.0)
        .constant_order_latency(job["latency_ns"], job["latency_ns"])
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(float(job["tick"]))
        .lot_size(float(job["lot"]))
        .roi_lb(middle * 0.8)
        .roi_ub(middle * 1.2)
        .last_trades_capacity(0)
    )
    return ROIVectorMarketDepthBacktest([asset])


def maker(hbt, on_moves, away, tolerance, size, most):  # noqa: PLR0913, PLR0917 - compiled code takes no object
    """Quote every 100 ms, and with `on_moves` whenever the mid moves; return how many requests were sent."""
    sent, working_bid, working_ask, last_mid, due = 0, 0, 0, 0, 0
    while True:
        told = hbt.wait_next_feed(False, EVERY_NS) if on_moves else hbt.elapse(EVERY_NS)
        if told == ENDED or told > ORDER_TOLD:
            return sent
        depth = hbt.depth(0)
        bid, ask = depth.best_bid_tick, depth.best_ask_tick
        if bid <= 0 or ask <= bid or ask > 1 << 40:
            continue
        if on_moves:
            now = hbt.current_timestamp
            if bid + ask == last_mid and now < due:
                continue
            last_mid, due = bid + ask, now + EVERY_NS
        hbt.clear_inactive_orders(0)
        orders, held = hbt.orders(0), hbt.position(0)
        wanted_bid, wanted_ask = (bid + ask) // 2 - away, -(-(bid + ask) // 2) + away
        is_bid, is_ask = BID in orders, ASK in orders
        if is_bid and abs(wanted_bid - working_bid) > tolerance and orders.get(BID).cancellable:
            hbt.cancel(0, BID, False)
            sent += 1
        if is_ask and abs(wanted_ask - working_ask) > tolerance and orders.get(ASK).cancellable:
            hbt.cancel(0, ASK, False)
            sent += 1
        if not is_bid and held + size <= most:
            hbt.submit_buy_order(0, BID, wanted_bid * depth.tick_size, size, GTX, LIMIT, False)
            working_bid = wanted_bid
            sent += 1
        if not is_ask and held - size >= -most:
            hbt.submit_sell_order(0, ASK, wanted_ask * depth.tick_size, size, GTX, LIMIT, False)
            working_ask = wanted_ask
            sent += 1


def timed(play, rows, job, *, on_moves):
    """Return how a play went."""
    settings = (job["away_ticks"], job["tolerance_ticks"], float(job["size"]), float(job["most"]))
    hbt = market_of(rows, job)
    began = time.perf_counter()
    sent = play(hbt, on_moves, *settings)
    took = time.perf_counter() - began
    state = hbt.state_values(0)
    told = {
        "events_per_s": round(len(rows) / took),
        "requests": int(sent),
        "fills": int(state.num_trades),
        "position": float(state.position),
    }
    hbt.close()
    return told


def main():
    """Play the tape in each way."""
    tape, job = np.load(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    rows = events_of(tape, job)
    told, compiled, few = {}, njit(maker), rows[:WARM_ROWS].copy()
    for name, moves in (("every_100ms", False), ("on_moves", True)):
        for way, play in (("njit", compiled), ("python", maker)):
            timed(play, few, job, on_moves=moves)
            told[f"{way}_{name}"] = timed(play, rows, job, on_moves=moves)
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
