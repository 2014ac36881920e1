"""Every key describes itself."""

from mm.settings.catalogue import settings_keys, strategy_keys
from mm.strategies.base import Applies
from mm.strategies.pure_market_making import PureMarketMaking


def test_every_key_says_what_it_does_and_when_a_change_applies() -> None:
    """A sentence and one of three words, for each of them."""
    keys = settings_keys()

    assert len({key.name for key in keys}) == len(keys)
    for key in keys:
        assert key.text.endswith("."), key.name
        assert key.hot in tuple(Applies), key.name


def test_defaults_are_told_without_a_path_of_this_machine() -> None:
    """Off, a value, or nothing where it has to be given."""
    told = {key.name: key.default for key in settings_keys()}

    assert told["data_dir"] == "./var"
    assert told["mode"] == ""
    assert told["risk.max_order_base"] == "off"
    assert told["pair.NAME.inventory.max_ratio"] == "0.10"
    assert told["venue.NAME.market"] == "spot"


def test_limits_apply_at_once() -> None:
    """A tightened limit does not wait for a restart."""
    limits = [key for key in settings_keys() if key.name.startswith("risk.") and "reference" not in key.name]

    assert {key.hot for key in limits} == {"now"}


def test_parameters_of_a_strategy_are_listed_the_same_way() -> None:
    """Each with its text, its default and when it applies."""
    keys = {key.name: key for key in strategy_keys(PureMarketMaking.Params)}

    assert keys["order_levels"].default == "1"
    assert keys["bid_spread_bps"].default == ""
    assert keys["max_order_age_ms"].default == "off"
    assert keys["add_transaction_costs"].default == "false"
    assert all(key.text for key in keys.values())
    assert strategy_keys(int) == ()
