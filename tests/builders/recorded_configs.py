"""Configs for paper mode on recorded markets of BTC, and nothing else."""

from typing import Final

RECORDED: Final = """\
mode = "paper"

[venue.main]
url = "http://127.0.0.1:1"

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]
bid_spread_bps = 0.3
ask_spread_bps = 0.3
order_amount_base = 0.002
order_levels = 2
order_level_spread_bps = 0.4
order_refresh_time_ms = 1_000
order_refresh_tolerance_bps = 0.1

[pair.btc.inventory]
max_base = 0.05

[risk]
max_notional_quote = 6_000
max_order_notional_quote = 500
session_loss_quote = 500
open_loss_quote = 300
max_drawdown_ratio = 0.5

[paper]
maker_fee_bps = 0
latency_mean_ms = 20
latency_p99_ms = 60
"""

COIN: Final = """\
mode = "paper"

[pair.btc]
symbol = "BTC/USD"

[pair.btc.params]
bid_spread_bps = 0.3
ask_spread_bps = 0.3
order_amount_base = 1
order_levels = 2
order_level_spread_bps = 0.4
order_refresh_time_ms = 1_000
order_refresh_tolerance_bps = 0.1

[pair.btc.inventory]
max_base = 30

[risk]
max_notional_quote = 10_000_000
max_order_notional_quote = 100_000
session_loss_quote = 500_000
open_loss_quote = 300_000
max_drawdown_ratio = 0.9

[paper]
start_base = 1_000
start_quote = 100_000_000
maker_fee_bps = 0
latency_mean_ms = 20
latency_p99_ms = 60
"""
"""Contracts settled in coins, as if one were a whole coin: enough to compare loops by."""
