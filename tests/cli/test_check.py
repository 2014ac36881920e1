"""`mm check`: what a config comes to, where each value is from, what it puts at stake."""

import json
from pathlib import Path

import pytest

from mm.cli.check import resolved, stake_lines, stakes
from mm.cli.main import carry_out
from mm.errors import EXIT_CONFIG, EXIT_OK
from tests.builders.configs import SMALL, loaded

LIVE = (
    SMALL.replace('"demo"', '"live"') + "max_order_notional_quote = 900\nsession_loss_quote = 9\n"
    '[venue.main]\nkey = "env:K"\nsecret = "file:/run/keys/s"\n'
)


def test_every_value_is_shown_with_its_source(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """File and line, flag, or default; what is off only with -v."""
    (folder / "mm.toml").write_text(SMALL)

    assert carry_out(["check", "mm.toml", "--set", "risk.max_open_orders=7"]) == EXIT_OK

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["mode", "demo", "mm.toml:1"] in lines
    assert ["risk.max_open_orders", "7", "--set"] in lines
    assert ["risk.stale_book_ms", "2000", "default"] in lines
    assert ["pair.btc.params.add_transaction_costs", "false", "default"] in lines
    assert not any(line[:1] == ["risk.max_order_base"] for line in lines)
    assert carry_out(["check", "mm.toml", "-v"]) == EXIT_OK
    assert ["risk.max_order_base", "off", "default"] in [
        line.split() for line in capsys.readouterr().out.splitlines()
    ]


def test_the_worst_case_is_told(tmp_path: Path) -> None:
    """Ladder, inventory, position, loss; the exit's slippage where a breach leaves the position."""
    settings = loaded(
        tmp_path,
        SMALL.replace(
            "order_amount_base = 0.01",
            "order_amount_base = 0.01\norder_levels = 3\norder_level_spread_bps = 1",
        ),
        ["risk.on_breach=flatten", "risk.max_filled_quote_per_minute=2000"],
    )

    told = "\n".join(stake_lines(stakes(settings, "btc")))

    assert "6 orders, each up to 0.01 BTC, one side 0.03 BTC" in told
    assert "0.1 BTC, and 0.1 of the equity" in told
    assert "5000 USDT" in told
    assert "price      below 500 USDT the smallest order is worth less than 5 USDT, the least that" in told
    assert "is taken; above 25000 USDT the largest order is cut, to 250 USDT" in told
    assert "100 USDT, then flatten" in told
    assert "600 fills, or 2000 USDT one way, within a minute, then a halt" in told
    assert "up to 7.5 USDT more for slippage" in told


def test_what_cannot_work_as_meant_is_warned_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A ladder beyond the inventory limit, more orders than a minute allows."""
    text = SMALL.replace(
        "order_amount_base = 0.01", "order_amount_base = 0.06\norder_levels = 2\norder_level_spread_bps = 1"
    )
    (folder / "mm.toml").write_text(text + "max_orders_per_minute = 3\n")

    assert carry_out(["check", "mm.toml"]) == EXIT_OK

    told = capsys.readouterr().out
    assert "makes one side of the ladder 0.12 BTC, more than the inventory limit of 0.1" in told
    assert "warning: mm.toml:10: pair.btc.params.order_levels makes 4 orders, more than 3 placements" in told
    assert " a minute" in told


def test_with_json_all_of_it_is_one_object(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Values with sources, and what each session puts at stake."""
    (folder / "mm.toml").write_text(SMALL + "max_order_notional_quote = 900\n")

    assert carry_out(["check", "mm.toml", "--json"]) == EXIT_OK

    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["mode"]) == (True, "demo")
    assert {"key": "mode", "value": "demo", "source": "mm.toml:1"} in told["values"]
    assert told["sessions"]["btc"]["inventory_max_base"] == "0.1"
    assert told["sessions"]["btc"]["warnings"] == []
    assert told["sessions"]["btc"]["order_uncut_to_price_quote"] == "90000"


def test_what_does_nothing_is_told_with_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the screen and in JSON alike; a warning stops nothing."""
    text = SMALL.replace("[pair.btc.inventory]", "hanging_orders_cancel_bps = 50\n\n[pair.btc.inventory]")
    (folder / "mm.toml").write_text(text + "max_order_notional_quote = 900\n")
    said = (
        "mm.toml:12: pair.btc.params.hanging_orders_cancel_bps has no effect: hanging_orders_enabled is off"
    )

    assert carry_out(["check", "mm.toml"]) == EXIT_OK
    assert f"  warning: {said}" in capsys.readouterr().out.splitlines()
    assert carry_out(["check", "mm.toml", "--json"]) == EXIT_OK
    assert json.loads(capsys.readouterr().out)["sessions"]["btc"]["warnings"] == [said]


def test_keys_show_as_where_they_would_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read: a value is not even known here."""
    monkeypatch.setenv("K", "c4n4ry")

    rows = {key: value for key, value, _ in resolved(loaded(tmp_path, LIVE))}

    assert rows["venue.main.key"] == "env:K"
    assert rows["venue.main.secret"] == "file:/run/keys/s"


def test_a_strategy_that_does_not_say_its_sizes_is_told_so(folder: Path) -> None:
    """No guess is made."""
    (folder / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "class Mine:\n"
        "    @dataclass(frozen=True)\n"
        "    class Params:\n"
        "        width_bps: int = 3\n"
        "    def initial_memory(self): return None\n"
        "    def quotes(self, view): return None\n"
    )
    text = 'mode = "paper"\n[pair.btc]\nsymbol = "BTC/USDT"\nstrategy = "./mine.py"\n'

    told = stake_lines(stakes(loaded(folder, text), "btc"))

    assert "do not say" in told[0]
    assert "0.1 of the equity" in told[1]


def test_a_config_that_cannot_be_used_ends_with_4(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With file, line and hint."""
    (folder / "mm.toml").write_text(SMALL + "max_slipage_bps = 1\n")

    assert carry_out(["check", "mm.toml"]) == EXIT_CONFIG

    assert capsys.readouterr().err == (
        "error: mm.toml:17: risk.max_slipage_bps: unknown key\nhint: did you mean 'max_slippage_bps'?\n"
    )
