"""A space is checked against its config before anything runs, and its points are what is written."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.errors import ConfigError
from mm.runtime.tune.space import Dimension, overrides_of
from mm.runtime.tune.space_file import SpaceFile
from mm.settings.loader import load_settings
from tests.builders.configs import SMALL as SMALLEST
from tests.builders.tune_work import dimensions

SMALL = SMALLEST.replace("order_amount_base", "order_level_spread_bps = 1\norder_amount_base")


def space(folder: Path, text: str) -> SpaceFile:
    """Return the space of a text, for the small config."""
    config, path = folder / "c.toml", folder / "s.toml"
    config.write_text(SMALL, encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    return SpaceFile(path, config)


def refused(folder: Path, text: str) -> str:
    """Return how a space is refused."""
    with pytest.raises(ConfigError) as told:
        space(folder, text)
    return str(told.value).replace(f"{folder}/", "")


def test_ranges_take_the_form_that_the_config_asks_for(tmp_path: Path) -> None:
    """Digits, whole numbers, steps, choices; with tables, dotted keys and keys in quotes."""
    found = space(
        tmp_path,
        """
        pair.btc.params.bid_spread_bps = { low = 1, high = 9, log = true }
        "pair.btc.params.ask_spread_bps" = { low = 0.5, high = 4.0, step = 0.5 }
        "pair.btc".params.order_levels = { low = 1, high = 5 }
        ["pair.btc.params.order_refresh_time_ms"]
        choices = [500, 1_000]
        """.replace("        ", ""),
    )
    bid, ask, levels, refresh = found.dimensions
    assert (bid.key, bid.log, bid.decimals, bid.whole) == ("pair.btc.params.bid_spread_bps", True, 2, False)
    assert bid.origin.endswith("s.toml:2")
    assert (ask.text(1.5000001), ask.text(3.99)) == ("1.5", "4.0")
    assert ask.origin.endswith("s.toml:3")
    assert (levels.whole, levels.text(3.0), levels.origin.endswith("s.toml:4")) == (True, "3", True)
    assert refresh.choices == ("500", "1000")
    assert refresh.origin.endswith("s.toml:5")
    assert [one["key"] for one in found.fields()] == [one.key for one in found.dimensions]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[pair.btc.params]\nbid_spread = {low=1, high=2}",
            "s.toml:2: pair.btc.params.bid_spread: unknown key",
        ),
        (
            "[pair.btc.params]\nbid_spread_bps = {low=-1, high=2}",
            "s.toml:2: pair.btc.params.bid_spread_bps: was",
        ),
        ("[pair.btc.params]\norder_levels = {low=1, high=2.5}", "s.toml:2: pair.btc.params.order_levels"),
        (
            "[pair.btc.params]\norder_levels = {choices=[1, 'x']}",
            's.toml:2: pair.btc.params.order_levels: was "x"',
        ),
        ("[pair.btc.params]\norder_levels = 3", "s.toml:2: pair.btc.params.order_levels: expected a table"),
        (
            "[pair.btc.params]\norder_levels = {low=1}",
            "s.toml:2: pair.btc.params.order_levels: high: is missing",
        ),
        ("[pair.btc.params]\norder_levels = {low='1', high=2}", "low: expected a number"),
        ("[pair.btc.params]\norder_levels = {low=2, high=2}", "low was 2, expected less than high, 2"),
        ("[pair.btc.params]\norder_levels = {low=1, high=3, stop=1}", "stop: unknown"),
        ("[pair.btc.params]\norder_levels = {low=1, high=3, step=7}", "step was 7"),
        ("[pair.btc.params]\norder_levels = {low=0, high=3, log=true}", "low has to be above 0 with log"),
        ("[pair.btc.params]\norder_levels = {low=1, high=3, log=1}", "log: expected true or false"),
        ("[pair.btc.params]\norder_levels = {low=1, high=3, log=true, step=1}", "do not go together"),
        ("[pair.btc.params]\norder_levels = {choices=[]}", "choices: expected a list of 1 to"),
        ("[pair.btc.params]\norder_levels = {choices=[1, 1]}", "choices: one is there twice"),
        ("[pair.btc.params]\norder_levels = {choices=[1, 2], low=1}", "low: choices stand alone"),
        ("[pair.btc.params]\norder_levels = {choices=[[1]]}", "choices: expected numbers, texts"),
        ("[pair.eth.params]\norder_levels = {low=1, high=3}", "there is no [pair.eth]"),
        ("[pair.btc.inventory]\nmax_base = {low=1, high=3}", "limits are set by a person"),
        (
            "[risk]\nmax_open_orders = {low=1, high=3}",
            "s.toml:2: risk.max_open_orders: limits are set by a person",
        ),
        ("[paper]\nseed = {low=1, high=3}", "paper.seed: it is not searched"),
        ("mode = {choices=['live']}", "mode: it is set in the file alone"),
        ("[pair.btc.params\n", "s.toml:1: not valid TOML"),
        ("# empty", "there is nothing to search in it"),
        (
            "[pair.btc.params]\norder_levels = {low=1, high=3}"
            '\n[pair]\n"btc.params.order_levels" = {low=1, high=2}',
            "is there twice",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    """Unknown keys, values that the config does not take, forms that are none, limits and the market."""
    assert said in refused(tmp_path, text)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """As of a config."""
    (tmp_path / "c.toml").write_text(SMALL, encoding="utf-8")
    with pytest.raises(ConfigError, match="no such file"):
        SpaceFile(tmp_path / "none.toml", tmp_path / "c.toml")


def test_an_end_may_need_another_parameter_that_is_searched(tmp_path: Path) -> None:
    """A refresh time above the greatest age is no value by itself, but one where the age is searched too."""
    text = "[pair.btc.params]\norder_refresh_time_ms = {low = 1000, high = 5000}\n"
    with_age = f"{text}max_order_age_ms = {{low = 4000, high = 9000}}\n"
    config = tmp_path / "c.toml"
    found = space(tmp_path, with_age)
    config.write_text(SMALL.replace("2_000", "2_000\nmax_order_age_ms = 3000"), encoding="utf-8")
    again = SpaceFile(found.path, config)
    contradiction = {found.dimensions[0].key: "5000", found.dimensions[1].key: "4000"}
    assert "order_refresh_time_ms" in again.refusal(contradiction)
    assert again.refusal({found.dimensions[0].key: "1000", found.dimensions[1].key: "9000"}) == ""


@given(st.floats(0.0, 1.0))
def test_each_point_is_within_its_range_and_reads_as_it_was_run(part: float) -> None:
    """Whatever is drawn, its text lies between the ends, has few digits, and a point is its own text."""
    for one in dimensions():
        if one.choices:
            assert one.text(one.choices[0]) == one.choices[0]
            continue
        value = float(one.low) + part * float(one.high - one.low)
        text = one.text(value)
        assert float(one.low) <= float(text) <= float(one.high)
        assert one.text(float(text)) == text
        assert len(text) <= 14


def test_a_point_is_laid_over_a_config(tmp_path: Path) -> None:
    """As `--set` does it."""
    (tmp_path / "c.toml").write_text(SMALL, encoding="utf-8")
    point = {"pair.btc.params.order_levels": "3"}
    settings = load_settings(tmp_path / "c.toml", overrides_of(point), {})
    assert getattr(settings.pair["btc"].params, "order_levels") == 3  # noqa: B009 - typed as object


def test_tiny_and_huge_numbers_keep_their_digits() -> None:
    """No exponent where it is short, six digits where it is not."""
    one = Dimension(key="k", origin="o", low=dimensions()[0].low, high=dimensions()[0].high)
    assert one.text(0.123456789) == "0.123457"
    assert one.text(99.0) == "10.0"
