"""Orders in small markets on hftbacktest: run by the Python of its own environment, never imported by `mm`.

python hftbacktest_orders.py JOB.json: plays each scenario of the job and prints one JSON object with a list
of answers: per order how it ended, when it was filled and with how many lots, and the position; or the error
that the library gave.
"""

import json
import sys
from pathlib import Path

import numpy as np
from hftbacktest import (
    ADD_ORDER_EVENT,
    BUY_EVENT,
    CANCEL_ORDER_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    FILL_EVENT,
    GTX,
    LIMIT,
    LOCAL_EVENT,
    MODIFY_ORDER_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
    event_dtype,
)

KINDS = {
    4: TRADE_EVENT,
    10: ADD_ORDER_EVENT,
    11: CANCEL_ORDER_EVENT,
    12: MODIFY_ORDER_EVENT,
    13: FILL_EVENT,
}  # others are levels
FAR_ID = 10**9
STATES = {1: "open", 2: "rejected", 3: "filled", 4: "canceled", 5: "open"}  # expired: it would have taken
FILLED = 3
GOOD = (0, 1)  # what a step of the library returns: went on, or the end of the data
QUEUES = {
    "risk_averse": ("risk_adverse_queue_model", ()),
    "power": ("power_prob_queue_model", (2.0,)),
    "power2": ("power_prob_queue_model2", (2.0,)),
    "power3": ("power_prob_queue_model3", (3.0,)),
    "log": ("log_prob_queue_model", ()),
    "log2": ("log_prob_queue_model2", ()),
    "l3": ("l3_fifo_queue_model", ()),
}


def events_of(scenario, job):
    """Return a market as the library's events, with one behind its end that changes nothing near."""
    rows = scenario["rows"]
    events = np.zeros(len(rows) + 1, event_dtype)
    for event, row in zip(events, rows, strict=False):
        kind = KINDS.get(row["kind"], DEPTH_EVENT)
        event["ev"] = kind | EXCH_EVENT | LOCAL_EVENT | (BUY_EVENT if row["side"] > 0 else SELL_EVENT)
        event["exch_ts"] = event["local_ts"] = row["ts_ns"]
        event["px"] = row["price_ticks"] * job["tick"]
        event["qty"] = row["size_lots"] * job["lot"]
        event["order_id"] = row["order_id"]
    last = events[-1]
    far = ADD_ORDER_EVENT if scenario["queue"] == "l3" else DEPTH_EVENT
    last["ev"], last["order_id"] = far | EXCH_EVENT | LOCAL_EVENT | BUY_EVENT, FAR_ID
    last["exch_ts"] = last["local_ts"] = scenario["end_ns"] + 1
    last["px"], last["qty"] = job["tick"], job["lot"]
    return events


def market_of(events, scenario, job):
    """Return a backtest over the events."""
    name, shape = QUEUES[scenario["queue"]]
    asset = BacktestAsset().data([events]).linear_asset(1.0)
    asset = asset.constant_order_latency(job["latency_ns"], job["latency_ns"])
    asset = getattr(asset, name)(*shape)
    asset = asset.partial_fill_exchange() if scenario["partial"] else asset.no_partial_fill_exchange()
    asset = asset.trading_value_fee_model(0.0, 0.0).tick_size(job["tick"]).lot_size(job["lot"])
    return HashMapMarketDepthBacktest([asset.last_trades_capacity(0)])


def played(scenario, job):
    """Return the answer to one scenario."""
    events = events_of(scenario, job)
    hbt = market_of(events, scenario, job)
    acts = []
    for number, order in enumerate(scenario["orders"], 1):
        acts.append((order["sent_ns"], number, order, False))
        if order["cancel_ns"]:
            acts.append((order["cancel_ns"], number, order, True))
    acts.sort(key=lambda act: act[:2])
    code = hbt.elapse(1)
    for ts_ns, number, order, cancels in [*acts, (scenario["end_ns"], 0, None, False)]:
        if code in GOOD and ts_ns > hbt.current_timestamp:
            code = hbt.elapse(ts_ns - hbt.current_timestamp)
        if code not in GOOD:
            break
        if order is None:
            continue
        if cancels:
            hbt.cancel(0, number, False)
        else:
            submit = hbt.submit_buy_order if order["side"] > 0 else hbt.submit_sell_order
            price, size = order["price_ticks"] * job["tick"], order["size_lots"] * job["lot"]
            submit(0, number, price, size, GTX, LIMIT, False)
    told = {"position_lots": round(float(hbt.position(0)) / job["lot"])}
    if code not in GOOD:
        told = {"error": f"ended with code {int(code)}"}
    else:
        known = hbt.orders(0)
        told["orders"] = [
            ended(known.get(number), order["size_lots"]) for number, order in enumerate(scenario["orders"], 1)
        ]
    hbt.close()
    return told


def ended(order, lots):
    """Return how an order ended, when it was filled, and with how many lots."""
    filled = int(order.status) == FILLED
    return [STATES.get(int(order.status), "none"), int(order.exch_timestamp) if filled else 0, lots * filled]


def main():
    """Play every scenario."""
    job = json.loads(Path(sys.argv[1]).read_text())
    answers = [played(scenario, job) for scenario in job["scenarios"]]
    sys.stdout.write(json.dumps({"answers": answers}) + "\n")


if __name__ == "__main__":
    main()
