"""Files of single orders on the command line: told, checked, imported, converted, played, and refused."""

import json
from pathlib import Path

import pytest

from mm.cli.main import carry_out
from mm.errors import EXIT_CHECK_FAILED, EXIT_CONFIG, EXIT_OK
from tests.builders.order_tapes import ADD, BASE_NS, CANCEL, CLEAR, OrderMarket, Told, write_orders

PAIR = ("--base", "BTC", "--quote", "USDT")
CONFIG = """\
mode = "paper"
[venue.main]
[pair.main]
symbol = "BTC/USDT"
strategy = "queue_holding"
[pair.main.params]
order_amount_base = 0.0001
[paper]
queue = "l3"
"""


@pytest.fixture
def market(tmp_path: Path) -> str:
    """A generated market of 12 s."""
    return str(write_orders(tmp_path / "orders.npz", list(OrderMarket(9).rows(4_000))))


def test_a_file_of_orders_goes_the_way_of_all_recordings(
    market: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it holds is said, and what another form leaves out; a store needs no pair any more."""
    for verb in ("info", "verify"):
        assert carry_out(["data", verb, market, *PAIR]) == EXIT_OK
        assert "of them of single orders" in capsys.readouterr().out
    kept = str(tmp_path / "store")
    assert carry_out(["data", "import", market, "--into", kept, *PAIR]) == EXIT_OK
    assert carry_out(["data", "verify", kept]) == EXIT_OK
    levels, orders = str(tmp_path / "levels.npz"), str(tmp_path / "again.npz")
    assert carry_out(["data", "convert", kept, "--to", "hftbacktest-levels", "-o", levels]) == EXIT_OK
    assert "changes of single orders beside the levels" in capsys.readouterr().err
    assert carry_out(["data", "convert", kept, "--to", "hftbacktest", "-o", orders]) == EXIT_OK
    assert "left out" not in capsys.readouterr().err
    config = tmp_path / "config.toml"
    config.write_text(CONFIG, encoding="utf-8")
    asked = ["backtest", str(config), "--set", f"data_dir={tmp_path}/var", "--json", "--data"]
    found = []
    for data in (kept, orders):
        assert carry_out([*asked, data]) == EXIT_OK
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert "l3 queue" in json.dumps(told)
        found.append((told["digest"], told["fills"], told["rows"]))
    assert found[0] == found[1]
    assert carry_out([*asked, levels]) != EXIT_OK
    assert "no order ids of BTC/USDT" in capsys.readouterr().err


def test_a_row_that_cannot_be_is_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its file and row."""
    rows = [
        Told(CLEAR, BASE_NS, 0),
        Told(ADD, BASE_NS, 1, 100, 5, 1),
        Told(CANCEL, BASE_NS + 1, 1, 100, 5, 2),
    ]
    path = str(write_orders(tmp_path / "orders.npz", rows))
    assert carry_out(["data", "verify", path, *PAIR, "--json"]) == EXIT_CHECK_FAILED
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["fault"], finding["file"], finding["row"]) == ("damaged", path, 3)
    assert "order 2, which is not there" in finding["detail"]


def test_a_search_over_queue_models_needs_order_ids_for_this_one(
    market: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told before any trial; where they are there it counts among the worst cases."""
    levels = str(tmp_path / "levels.npz")
    assert (
        carry_out(["data", "convert", market, *PAIR, "--to", "hftbacktest-levels", "-o", levels]) == EXIT_OK
    )
    config, space = tmp_path / "config.toml", tmp_path / "space.toml"
    config.write_text(CONFIG.replace("l3", "log2"), encoding="utf-8")
    space.write_text("[pair.main.params]\norder_amount_base = { low = 0.0001, high = 0.0002 }\n", "utf-8")
    asked = ["tune", str(config), "--space", str(space), "--set", f"data_dir={tmp_path}/var", "--trials", "1"]
    assert carry_out([*asked, "--queues", "log2,l3", "--data", levels]) == EXIT_CONFIG
    assert "no order ids of BTC/USDT" in capsys.readouterr().err
