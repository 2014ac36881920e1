"""`mm import hummingbot`: what it prints and writes, and that nothing is overwritten."""

import json
from pathlib import Path

import pytest

from mm.cli.main import carry_out
from mm.errors import EXIT_CONFIG, EXIT_OK
from mm.settings.hummingbot_sheet import Kind

CONF = """\
template_version: 24
strategy: pure_market_making
exchange: binance_paper_trade
market: BTC-USDT
bid_spread: 0.1
ask_spread: 0.1
order_refresh_time: 30.0
order_amount: 0.002
take_if_crossed: true
mine: 1
"""


@pytest.fixture(autouse=True)
def conf(folder: Path) -> Path:
    """A file of theirs in the working directory."""
    path = folder / "conf_pure_mm_1.yml"
    path.write_text(CONF, encoding="utf-8")
    return path


def test_it_writes_a_config_that_loads_and_prints_what_became_of_each_key(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The table of translation, what has no equal, what is unknown, and the next commands."""
    assert carry_out(["import", "hummingbot", "conf_pure_mm_1.yml"]) == EXIT_OK

    told = capsys.readouterr().out
    assert "bid_spread_bps = 10" in told
    assert "percent x 100 = bps" in told
    assert "has no equal here" in told
    assert "every order is post-only here: none ever takes" in told
    assert "mine = 1" in told
    assert "written: conf_pure_mm_1.toml (paper mode)" in told
    assert told.splitlines()[-3:] == [
        "  mm check conf_pure_mm_1.toml",
        "  mm doctor conf_pure_mm_1.toml --online",
        "  mm run conf_pure_mm_1.toml",
    ]
    assert carry_out(["check", "conf_pure_mm_1.toml"]) == EXIT_OK
    text = Path("conf_pure_mm_1.toml").read_text()
    assert "# bid_spread = 0.1" in text
    assert "# take_if_crossed = true: every order is post-only" in text


def test_json_tells_the_same_by_kind(capsys: pytest.CaptureFixture[str]) -> None:
    """One object; every key of the file is in it."""
    assert (
        carry_out(["import", "hummingbot", "conf_pure_mm_1.yml", "--out", "mine.toml", "--json"]) == EXIT_OK
    )

    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["file"]) == (True, "mine.toml")
    assert (told["strategy"], told["symbol"]) == ("pure_market_making", "BTC/USDT")
    rows = [row for kind in Kind for row in told[kind.value]]
    assert {row["key"] for row in rows if row["line"]} == {
        line.partition(":")[0] for line in CONF.splitlines()
    }
    assert {"key": "mine", "value": "1", "line": 10}.items() <= told["unknown"][0].items()
    assert Path("mine.toml").is_file()


def test_what_is_there_stays_unless_force_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Then it is replaced whole; a link that leads nowhere counts as there."""
    Path("conf_pure_mm_1.toml").write_text("mine")
    Path("link.toml").symlink_to("nowhere")
    for name in ("conf_pure_mm_1.toml", "link.toml"):
        assert carry_out(["import", "hummingbot", "conf_pure_mm_1.yml", "--out", name]) == EXIT_CONFIG
        assert f"{name}: is there already; nothing was written" in capsys.readouterr().err
    assert Path("conf_pure_mm_1.toml").read_text() == "mine"

    assert carry_out(["import", "hummingbot", "conf_pure_mm_1.yml", "--force"]) == EXIT_OK
    assert carry_out(["check", "conf_pure_mm_1.toml"]) == EXIT_OK
    assert (
        carry_out(["import", "hummingbot", "conf_pure_mm_1.yml", "--out", "new.toml", "--force"]) == EXIT_OK
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing.yml"], "nothing.yml: no such file"),
        (["conf_pure_mm_1.yml", "--out", "missing/x.toml"], "missing/x.toml: cannot be written"),
        (["conf_pure_mm_1.yml", "--out", "conf_pure_mm_1.yml", "--force"], "that is the file to be read"),
        (["bad.yml"], "bad.yml:2: a is there twice"),
    ],
)
def test_what_cannot_be_done_is_told_and_leaves_all_as_it_was(
    arguments: list[str], said: str, conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the exit code of a wrong config."""
    Path("bad.yml").write_text("a: 1\na: 2\n")
    before = sorted(path.name for path in conf.parent.iterdir())

    assert carry_out(["import", "hummingbot", *arguments]) == EXIT_CONFIG

    assert said in capsys.readouterr().err
    assert sorted(path.name for path in conf.parent.iterdir()) == before
    assert conf.read_text() == CONF


def test_another_exchange_is_told_on_the_screen_and_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Beside what was written: nobody takes the config for one of that exchange."""
    Path("kucoin.yml").write_text(CONF.replace("binance_paper_trade", "kucoin"))

    assert carry_out(["import", "hummingbot", "kucoin.yml"]) == EXIT_OK

    told = capsys.readouterr()
    assert "ATTENTION: exchange = kucoin is not supported. This config is for binance, spot" in told.err
    assert "written: kucoin.toml (paper mode, for binance)" in told.out
    assert carry_out(["import", "hummingbot", "kucoin.yml", "--force", "--json"]) == EXIT_OK
    answer = json.loads(capsys.readouterr().out)
    assert answer["venue"] == "binance"
    assert answer["warning"].startswith("ATTENTION: exchange = kucoin")
    assert carry_out(["import", "hummingbot", "conf_pure_mm_1.yml", "--json"]) == EXIT_OK
    assert json.loads(capsys.readouterr().out)["warning"] == ""
