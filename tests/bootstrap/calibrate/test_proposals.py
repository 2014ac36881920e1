"""What is proposed can be written, and what cannot says which key stands against it."""

from pathlib import Path
from random import Random

import pytest

from mm.analytics.fit_intensity import Band
from mm.bootstrap.calibrate.estimates import Estimate, Question, estimates
from mm.bootstrap.calibrate.markets import Order, calibrate, write
from mm.bootstrap.calibrate.proposals import Proposal, proposals, writable
from mm.settings.loader import load_settings
from tests.builders.recordings import Tape
from tests.builders.tapes import S, random_tape

HEAD = """mode = "paper"
data_dir = "./data"
[paper]
maker_fee_bps = 10
[pair.x]
symbol = "BTC/USDT"
strategy = "{strategy}"
[pair.x.params]
"""
TAIL = "[pair.x.inventory]\nmax_base = 0.05\n"

LADDER = """bid_spread_bps = 5     # too near
ask_spread_bps = 12
order_amount_base = 0.01
order_refresh_time_ms = 1000
minimum_spread_bps = 1   # the fee is more
"""


def config(folder: Path, params: str, strategy: str = "pure_market_making") -> Path:
    """Write a config with these parameters."""
    path = folder / "c.toml"
    path.write_text(HEAD.replace("{strategy}", strategy) + params + TAIL, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of a spot market in which every market order takes the best price and the mid follows it."""
    dice, cents = Random(4), 6_100_000
    tape = Tape(step_ms=20)
    tape.snapshot(last=tape.diff((("60980.00000000", "1.00000000"),)).last)
    for _ in range(1_500):
        side = dice.choice((1, -1))
        tape.ticker((price(cents), "1.00000000"), (price(cents + 1), "1.00000000"))
        tape.trade(price(cents + (side > 0)), "0.01000000", buyer_is_maker=side < 0)
        cents += side * dice.randint(200, 400)
    return tape.save(tmp_path_factory.mktemp("data") / "tape.gz")


def price(cents: int) -> str:
    """Return a price as the venue writes it."""
    return f"{cents // 100}.{cents % 100:02}000000"


def least(path: Path, recording: Path) -> Proposal:
    """Return what is proposed for the least spread."""
    found = calibrate(Order(path=path, files=[recording]), lambda done: None)
    assert found.found.adverse.n >= 1_000
    return next(one for one in found.proposals if one.key.endswith("minimum_spread_bps"))


def test_a_least_spread_above_the_sessions_own_is_refused_with_the_key_to_raise(
    tmp_path: Path, recording: Path
) -> None:
    """Nothing is written then; after the advice was followed it is proposed and the loader takes it."""
    path = config(tmp_path, LADDER)
    refused = least(path, recording)
    assert refused.new == ""
    raised = refused.refused.rpartition(" raise it to ")[2].partition(" ")[0]
    assert float(raised) >= 10
    assert (
        refused.refused
        == f"pair.x.params.bid_spread_bps 5 is below {raised}: raise it to {raised} or more first"
    )
    path = config(tmp_path, LADDER.replace("bid_spread_bps = 5 ", f"bid_spread_bps = {raised} "))
    found = calibrate(Order(path=path, files=[recording]), lambda done: None)
    assert write(found) == 1
    assert f"minimum_spread_bps = {raised}   # the fee is more" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        (LADDER.replace("ask_spread_bps = 12", "ask_spread_bps = 7"), "bid_spread_bps 5, pair.x.params.ask_"),
        (f"{LADDER}bid_order_level_spreads_bps = [4, 20]\n", "bid_order_level_spreads_bps 4 is below"),
        (
            f"{LADDER}[pair.x.params.order_override.one]\nside = 'buy'\nspread_bps = 3\namount_base = 0.01\n",
            "order_override.one.spread_bps 3 is below",
        ),
    ],
    ids=["both sides", "a list", "an override"],
)
def test_every_form_of_a_nearest_order_is_named(
    tmp_path: Path, recording: Path, params: str, said: str
) -> None:
    """With the key as it stands in the file."""
    refused = least(config(tmp_path, params), recording)
    assert refused.new == ""
    assert said in refused.refused


def proposed(key: str, new: str) -> Proposal:
    """Return a proposal that was 1 before."""
    return Proposal(key=f"pair.x.params.{key}", old="1", new=new, estimate=Estimate(value=1, error=0, n=999))


def test_what_the_loader_refuses_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    """Each by itself beside those before it; in the loader's words where no other key is known to be it."""
    params = (
        "risk_factor = 0.01\norder_amount_base = 0.01\narrival_rate_per_s = 1.0\nfill_decay_per_bps = 1.0\n"
        "min_spread_bps = 1\nmax_spread_bps = 40\n"
    )
    settings = load_settings(config(tmp_path, params, "glft"))
    found = writable(
        [
            proposed("min_spread_bps", "49.00"),
            proposed("arrival_rate_per_s", "-1.0"),
            proposed("fill_decay_per_bps", "0.5"),
        ],
        settings,
        settings.pair["x"].params,
    )
    assert [one.new for one in found] == ["", "", "0.5"]
    assert found[0].refused == (
        "pair.x.params.max_spread_bps 40 is below 49.00: raise it to 49.00 or more first"
    )
    assert found[1].refused.startswith("the loader does not take -1.0: ")
    assert "arrival_rate_per_s" in found[1].refused


def test_a_fee_that_is_known_hides_no_adverse_selection_that_is_not(tmp_path: Path) -> None:
    """The doubt is that of the estimated part: of a sum of a hundred a hundredth would be most of it."""
    params = (
        load_settings(config(tmp_path, LADDER.replace("5 ", "95 ").replace("= 12", "= 95"))).pair["x"].params
    )
    tape = random_tape(2, seconds=60)

    def said(fee_bps: float) -> Proposal:
        found = estimates(tape, Question(fee_bps=fee_bps, horizon_ns=S, band=Band(0.0, 10.0)))
        assert found.adverse.n >= 100
        assert found.adverse.error > 0.25
        assert found.adverse_se > 0.01 * 10
        (one,) = proposals("pair.x.params", params, found, fee_bps)
        return one

    refused = said(10.0)
    assert refused.estimate.error < 0.25
    assert refused.new == ""
    assert refused.refused.startswith("not known well enough: adverse selection is ")
    assert "of itself or 1 % of the half-spread" in refused.refused
    assert "that the fee is known says nothing of it" in refused.refused
    # Where the same error is next to nothing of what is written it does no harm.
    assert said(1_000.0).refused == ""
    assert said(1_000.0).made_of.startswith("fee 1000 + adverse selection ")


def test_a_least_spread_that_is_not_above_zero_is_refused(tmp_path: Path) -> None:
    """A rebate that is larger than the costs needs none."""
    params = load_settings(config(tmp_path, LADDER)).pair["x"].params
    found = estimates(random_tape(2, seconds=60), Question(fee_bps=-90.0, horizon_ns=S))
    (one,) = proposals("pair.x.params", params, found, -90.0)
    assert one.refused.startswith("it is not above 0: fee -90 + adverse selection ")
