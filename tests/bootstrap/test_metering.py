"""The metrics of a whole run: off unless asked for, served beside the trading, the same by both doors."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mm.bootstrap import run
from mm.bootstrap.metering import Meter
from mm.errors import ConfigError
from mm.runtime import live
from mm.runtime.control import ControlServer
from mm.runtime.metrics_endpoint import MetricsEndpoint
from mm.settings.options import RunOptions
from tests.builders.configs import SMALL, loaded
from tests.builders.live_configs import ConfiguredRun
from tests.builders.openmetrics import Found, fallen, parsed

WIDER = ("bid_spread_bps = 20", "bid_spread_bps = 30")
LOOSER = ("session_loss_quote = 100", "session_loss_quote = 200")


@pytest.fixture
def configured(tmp_path: Path) -> ConfiguredRun:
    """Return a run about to begin, whose config can be edited."""
    return ConfiguredRun(tmp_path)


def look(run: ConfiguredRun) -> dict[str, Found]:
    """Return the metrics of a run that goes on."""
    return parsed(Meter(run.config, run.runtime, lambda: 5).text())


def test_nothing_is_opened_unless_the_config_names_a_place(configured: ConfiguredRun) -> None:
    """Off is the default; what is named is what is opened."""
    seen: list[MetricsEndpoint | None] = []

    def meter() -> None:
        seen.append(Meter(configured.config, configured.runtime, lambda: 0).endpoint())
        there = configured.config.running.metrics.model_copy(update={"http": "127.0.0.1:9464"})
        configured.config.running = configured.config.running.model_copy(update={"metrics": there})
        seen.append(Meter(configured.config, configured.runtime, lambda: 0).endpoint())

    configured.at(2, meter)
    configured.go(3)
    assert seen[0] is None
    assert isinstance(seen[1], MetricsEndpoint)


def test_how_the_last_reload_went_is_told(configured: ConfiguredRun) -> None:
    """Well at the start; not while an edit waits or is refused; well again with its time once it is taken."""
    found: dict[str, dict[str, Found]] = {}

    def go(name: str) -> None:
        found[name] = look(configured)

    def edit(old: str, new: str) -> None:
        configured.write(old, new)
        configured.watch.look()
        configured.watch.look()

    configured.at(1, lambda: go("start"))
    configured.at(2, lambda: edit(*LOOSER))
    configured.at(2.5, lambda: go("waits"))
    configured.at(3, lambda: configured.apply(confirm=True))
    configured.at(3.5, lambda: go("confirmed"))
    configured.at(4, lambda: edit("order_amount_base = 1", "order_amount_base = what"))
    configured.at(4.2, lambda: go("refused"))
    configured.go(5)

    assert {
        name: int(metrics["mm_config_last_reload_successful"].at()) for name, metrics in found.items()
    } == {"start": 1, "waits": 0, "confirmed": 1, "refused": 0}
    times = [metrics["mm_config_last_reload_success_timestamp_seconds"].at() for metrics in found.values()]
    assert times[0] == times[1] < times[2] == times[3]


def test_limits_are_those_in_force(configured: ConfiguredRun) -> None:
    """A limit that an edit widens is used half as much at once."""
    found: list[dict[str, Found]] = []

    def fill() -> None:
        configured.venue.fill(next(iter(configured.venue.open)), 100)

    def widen() -> None:
        found.append(look(configured))
        configured.write("max_base = 100", "max_base = 50")
        configured.apply()
        found.append(look(configured))

    configured.at(2, fill)
    configured.at(3, widen)
    configured.go(5)
    before, after = (
        metrics["mm_risk_limit_used_ratio"].at(session="main", limit="inventory") for metrics in found
    )
    assert after == 2 * before > 0


def test_the_control_socket_tells_the_same_text(configured: ConfiguredRun) -> None:
    """Under its own verb; a server that was given no metrics knows no such verb."""
    answers: list[dict[str, object]] = []

    def ask() -> None:
        runtime, config = configured.runtime, configured.config
        request = b'{"do": "metrics"}'
        meter = Meter(config, runtime, lambda: 5)
        answers.append(ControlServer(Path("unused"), runtime, dict, config, meter.text).answer(request))
        answers.append({"text": meter.text()})
        answers.append(ControlServer(Path("unused"), runtime, dict, config).answer(request))

    configured.at(2, ask)
    configured.go(3)
    assert answers[0] == {"ok": True, **answers[1]}
    assert (answers[2]["ok"], answers[2]["exit_code"]) == (False, 2)


@contextmanager
def a_free_port() -> Iterator[int]:
    """Yield a port of this machine that is free a moment before it is needed."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    yield port


async def scraped(port: int) -> dict[str, Found]:
    """Return the metrics that are served there."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    return parsed(body.decode())


def test_a_demo_is_scraped_while_it_trades(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counters rise and never fall, the journal grows, and the port is free again in the end."""
    looks: list[dict[str, Found]] = []
    whole = live.LiveRuntime.run
    with a_free_port() as port:

        async def watched(runtime: live.LiveRuntime, duration_ns: int = 0) -> live.Outcome:
            ending = asyncio.ensure_future(whole(runtime, duration_ns))
            while not ending.done():
                looks.append(await scraped(port))
                await asyncio.wait([ending], timeout=0.3)
            return await ending

        monkeypatch.setattr(live.LiveRuntime, "run", watched)
        monkeypatch.setattr("mm.runtime.metrics_endpoint.FRESH_S", 0.0)
        settings = loaded(
            tmp_path, SMALL, [f"data_dir={tmp_path / 'data'}", f'metrics.http="127.0.0.1:{port}"']
        )
        report = run(RunOptions(settings=settings, duration_ns=2 * 10**9))
        with socket.socket() as again, pytest.raises(ConnectionRefusedError):
            again.connect(("127.0.0.1", port))

    assert (report.exit_code, report.exit_reason) == (0, "duration")
    assert len(looks) >= 3
    for before, after in pairwise(looks):
        assert fallen(before, after) == []
    last = looks[-1]
    assert any(one["mm_session_state"].at(session="btc", state="active") for one in looks)
    placed = last["mm_orders_submitted_total"].samples
    assert 0 < sum(placed.values()) <= report.orders_placed
    assert last["mm_risk_limit_used_ratio"].at(session="btc", limit="inventory") < 1
    (run_dir,) = (tmp_path / "data" / "runs").iterdir()
    on_disk = sum(path.stat().st_size for path in run_dir.rglob("*") if path.is_file())
    assert 0 < last["mm_journal_written_bytes_total"].at() <= on_disk


def test_a_port_that_is_taken_does_not_keep_a_demo_from_trading(tmp_path: Path) -> None:
    """It is told as an error; recovery may be waiting for that start."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        settings = loaded(tmp_path, SMALL, [f"data_dir={tmp_path / 'data'}", f'metrics.http="{where}"'])
        with capture_logs() as logs:
            report = run(RunOptions(settings=settings, duration_ns=10**9))
    assert report.exit_code == 0
    assert [line["where"] for line in logs if line["event"] == "metrics.not_served"] == [where]


def test_an_address_that_others_reach_keeps_a_run_from_starting(tmp_path: Path) -> None:
    """By variable or by option as in the file; nothing is made."""
    with pytest.raises(ConfigError, match=r"0\.0\.0\.0 can be reached from other machines"):
        loaded(tmp_path, SMALL, ['metrics.http="0.0.0.0:9464"'])
    with pytest.raises(ConfigError, match=r"metrics\.http"):
        loaded(tmp_path, SMALL, environ={"MM__METRICS__HTTP": json.dumps("10.1.1.1:80")})
    assert not (tmp_path / "data").exists()
