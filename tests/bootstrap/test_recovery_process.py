"""The real process, killed while it trades on a local exchange, started again, judged by its truth."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mm.bootstrap.records.replay_run import repeat
from mm.domain.estate import Estate
from mm.errors import EXIT_CONFIG, EXIT_HALTED, EXIT_OK
from mm.runtime.live import STOP_PATIENCE_S
from mm.store.journal.entries import Kind
from mm.store.journal.latest import latest
from mm.store.journal.layout import runs
from mm.store.lease import Account, AccountLease
from mm.store.runstate import RunState
from tests.builders.exchange_thread import Hosted, hosted
from tests.builders.processes import until

DEADLINE_S = 60.0

PROVEN_S = DEADLINE_S + STOP_PATIENCE_S
"""A life that ends in good order may have to wait until it is proven that an order of the one before, killed
between its record and its request, was never sent."""

TEXT = """\
mode = "live"
data_dir = "{data_dir}"

[venue.main]
key = "env:MM_TEST_KEY"
secret = "env:MM_TEST_SECRET"
url = "{url}"

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]
bid_spread_bps = 3
ask_spread_bps = 3
order_amount_base = 0.002
order_levels = 2
order_level_spread_bps = 1
order_refresh_time_ms = 500

[pair.btc.inventory]
max_base = 0.05

[risk]
max_notional_quote = 5_000
max_order_notional_quote = 500
session_loss_quote = 100
"""


class Machine:
    """Where the bot runs. Fields: data_dir; environ: of its processes; log: what they all said."""

    def __init__(self, folder: Path, exchange: Hosted, *, leases: str = "leases") -> None:
        """Write its config."""
        folder.mkdir()
        self.exchange = exchange
        self.data_dir = folder / "data"
        self.log = folder / "log"
        self._config = folder / "mm.toml"
        self._config.write_text(TEXT.format(data_dir=self.data_dir, url=exchange.url))
        self.leases = folder.parent / leases
        self.environ = {
            **os.environ,
            "MM_TEST_KEY": exchange.key,
            "MM_TEST_SECRET": exchange.secret,
            "MM_LEASE_DIR": str(self.leases),
        }

    @contextmanager
    def life(self, *more: str) -> Iterator["subprocess.Popen[bytes]"]:
        """Start the bot; it is gone when this is left."""
        command = [sys.executable, "-m", "mm", "run", str(self._config), "--yes-live", "--json", *more]
        with (
            self.log.open("ab") as log,
            subprocess.Popen(command, env=self.environ, stdout=subprocess.PIPE, stderr=log) as process,
        ):
            try:
                yield process
            finally:
                process.kill()

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return what was logged under a name, oldest first."""
        lines = (json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{"))
        return [line for line in lines if line["event"] == event]

    def trades_until(self, placed: int) -> None:
        """Wait until the venue has seen so many more placements, and shows orders."""
        before = self.exchange.truth()["counters"]["orders_placed"]

        def seen() -> bool:
            counters = self.exchange.truth()["counters"]
            return bool(counters["orders_placed"] >= before + placed and counters["open_orders"])

        until(seen, deadline_s=DEADLINE_S)


def left_by(data_dir: Path) -> Estate:
    """What the newest run said last that it leaves."""
    found = latest(runs(data_dir)[0].journal).checkpoint
    assert found is not None
    assert isinstance(found.entry, Estate)
    return found.entry


def agrees(truth: Any, estate: Estate) -> None:
    """Position, number of fills and every atom of the account, fees included, are as the venue has them."""
    owners = [(trade["maker_owner"], trade["taker_owner"]) for trade in truth["tape"]]
    held = {asset: sum(amounts.values()) for asset, amounts in truth["balances"].items()}
    began = {asset: sum(amounts.values()) for asset, amounts in truth["balances_at_start"].items()}
    position = estate.positions[0]
    assert position.fills == sum(truth["client"] in both for both in owners) > 0
    moved_atoms = position.net_lots * truth["instrument"]["lot_atoms"]
    assert moved_atoms - dict(position.fees_atoms).get("BTC", 0) == held["BTC"] - began["BTC"]
    assert dict(estate.holdings) == held
    assert truth["open_orders"] == []
    assert truth["counters"]["self_trades"] == truth["counters"]["prevented_matches"] == 0
    cids = [order["client_id"] for order in truth["orders"]]
    assert len(set(cids)) == len(cids)


def test_killed_in_the_middle_of_trading_it_goes_on_where_it_was(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """No orphan, no lost fill, no double order, by the venue's own word; both runs can be repeated."""
    with hosted() as exchange:
        machine = Machine(tmp_path / "bot", exchange)
        with machine.life() as first:
            machine.trades_until(4)
            refused = Machine(tmp_path / "second", exchange)
            with refused.life() as second:
                assert second.wait(DEADLINE_S) == EXIT_CONFIG
            assert f"pid {first.pid}" in refused.log.read_text()
            machine.trades_until(6)
            first.send_signal(signal.SIGKILL)
            first.wait(DEADLINE_S)
        placed = exchange.truth()["counters"]["orders_placed"]
        with machine.life("--duration", "6s") as again:
            assert again.wait(PROVEN_S) == EXIT_OK
        truth = exchange.truth()
    recovered = machine.said("recovered")
    assert len(recovered) == 1
    record_property("recovered_ms", recovered[0]["took_ms"])
    assert int(recovered[0]["took_ms"]) < 20_000
    assert int(recovered[0]["orders"]) == len(machine.said("order.inherited"))
    assert truth["counters"]["orders_placed"] > placed
    agrees(truth, left_by(machine.data_dir))
    places = runs(machine.data_dir)
    assert len(places) == 2
    for place in places:
        report, result = asyncio.run(repeat(place.directory))
        assert result.difference is None
        assert result.checkpoints == report.counts[Kind.CHECKPOINT] >= 1


@pytest.mark.proof
def test_of_two_machines_the_one_with_the_older_number_halts(tmp_path: Path) -> None:
    """They share an account and nothing else; the newer life trades on, all books are the venue's."""
    with hosted() as exchange:
        newer = Machine(tmp_path / "newer", exchange, leases="leases-1")
        older = Machine(tmp_path / "older", exchange, leases="leases-2")
        ahead = 1_000_000
        account = Account(venue="binance", key_id=exchange.key)
        with AccountLease(account, tmp_path, directory=newer.leases) as lease:
            lease.note(ahead)
        with newer.life("--duration", "15s") as first:
            newer.trades_until(4)
            with older.life() as second:
                until(lambda: older.said("halt.confirmed"), deadline_s=DEADLINE_S)
                second.send_signal(signal.SIGTERM)
                assert second.wait(PROVEN_S) == EXIT_HALTED
                assert first.wait(PROVEN_S) == EXIT_OK
        truth = exchange.truth()
    assert older.said("fenced")
    latched = RunState.open(older.data_dir).latched
    assert latched is not None
    assert latched.code == "fenced"
    assert RunState.open(newer.data_dir).epoch == ahead + 1
    assert not newer.said("fenced")
    agrees(truth, left_by(newer.data_dir))
