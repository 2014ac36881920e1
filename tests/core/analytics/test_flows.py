"""The account's holdings: what they were, what moved them, and nothing left over."""

from mm.analytics.flows import ASSETS_MAX, Flows


def test_every_asset_is_explained_to_the_atom() -> None:
    """Trades and fees, what others moved, what rounding explained, funding."""
    flows = Flows()
    flows.trade({"BTC": 5})
    assert flows.residue({"BTC": 5}) == {}
    flows.open({"BTC": 100, "USDT": 1_000})
    flows.trade({"BTC": 7, "USDT": -50, "BNB": -1})
    flows.move("USDT", 500)
    flows.explain("BTC", -1)
    flows.fund("USDT", 3)
    assert flows.residue({"BTC": 106, "USDT": 1_453, "BNB": -1}) == {}


def test_what_is_left_over_is_told_by_asset() -> None:
    """Also an asset that one side alone knows."""
    flows = Flows()
    flows.open({"BTC": 100, "ETH": 3})
    assert flows.residue({"BTC": 99, "DOGE": 4}) == {"BTC": -1, "DOGE": 4, "ETH": -3}


def test_more_assets_than_any_venue_has_are_not_kept() -> None:
    """Memory is bounded."""
    flows = Flows()
    for number in range(ASSETS_MAX + 5):
        flows.move(f"A{number}", 1)
    flows.move("A0", 1)
    assert (len(flows.external), flows.external["A0"]) == (ASSETS_MAX, 2)
