"""Parameters from recorded data: what is proposed, what is refused, and what becomes of the file."""

from dataclasses import replace
from pathlib import Path

import pytest

from mm.analytics.fit_intensity import Band
from mm.bootstrap.calibrate.estimates import Estimate, Question, estimates
from mm.bootstrap.calibrate.markets import Calibration, Order, calibrate, write
from mm.bootstrap.calibrate.proposals import Proposal
from mm.bootstrap.calibrate.state import save_state, tell
from mm.bootstrap.viability.tape import read_tape
from mm.errors import ConfigError, RecordingUnusable
from mm.settings.loader import DEMO_FILE, load_settings
from mm.signals.base import spec_text
from mm.signals.volatility import VolatilitySpec
from mm.store.signal_state import read_signal_state
from tests.builders.market_tapes import long_recording
from tests.builders.tapes import Hit, S, calm, exponential_flow, random_tape

CONFIG = """# a person's file
mode = "paper"
data_dir = "{data}"
[paper]
maker_fee_bps = 0   # a rebate programme

[pair.btc]
symbol = "BTC/USDT"
strategy = "glft"     # the model
[pair.btc.params]
risk_factor = 0.01
order_amount_base = 0.01
arrival_rate_per_s = 7.0   # A: guessed
fill_decay_per_bps = 0.3   # k: guessed
volatility_bps_per_sqrt_s = 9.0
[pair.btc.inventory]
max_base = 0.05
"""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four minutes of a spot market whose mid moves at random."""
    return long_recording(seconds=240).save(tmp_path_factory.mktemp("data") / "tape.gz")


def config(folder: Path, text: str = CONFIG) -> Path:
    """Write a config and return its path."""
    path = folder / "c.toml"
    path.write_text(text.replace("{data}", str(folder / "data")), encoding="utf-8")
    return path


def found_in(path: Path, recording: Path, **asked: object) -> Calibration:
    """Calibrate in a band near the mid, unless another is asked for."""
    fields: dict[str, object] = {"band": Band(0.0, 1.0), **asked}
    return calibrate(
        Order(path=path, files=[recording], **fields),  # type: ignore[arg-type]  # the caller names the fields
        lambda done: None,
    )


def by_name(found: Calibration) -> dict[str, Proposal]:
    """Return the proposals by the last part of their key."""
    return {one.key.rpartition(".")[2]: one for one in found.proposals}


def test_what_the_strategy_has_is_proposed_from_the_data(tmp_path: Path, recording: Path) -> None:
    """Rate and decay of the band, the volatility that is fixed in the file; each with its error."""
    found = found_in(config(tmp_path), recording)
    proposed = by_name(found)
    both = found.found.fit.both
    assert both is not None
    assert float(proposed["fill_decay_per_bps"].new) == pytest.approx(both.decay_per_bps, rel=1e-3)
    assert float(proposed["arrival_rate_per_s"].new) == pytest.approx(both.rate_per_s, rel=1e-3)
    assert float(proposed["volatility_bps_per_sqrt_s"].new) == pytest.approx(
        found.found.volatility.value, rel=1e-3
    )
    assert proposed["fill_decay_per_bps"].old == "0.3"
    assert proposed["fill_decay_per_bps"].estimate.n == both.orders
    assert found.fee_bps == 0
    assert any("--maker-fee-bps" in note for note in found.notes)


def test_writing_changes_single_lines_and_keeps_every_comment(tmp_path: Path, recording: Path) -> None:
    """What the loader then reads is what was proposed; a second time nothing is left to write."""
    path = config(tmp_path)
    before = path.read_text(encoding="utf-8").splitlines()
    found = found_in(path, recording)
    assert path.read_text(encoding="utf-8").splitlines() == before
    written = [one for one in found.proposals if one.new]
    assert write(found) == len(written) >= 3
    after = path.read_text(encoding="utf-8").splitlines()
    names = [one.key.rpartition(".")[2] for one in written]
    changed = [line for line in before if line not in after]
    assert sorted(line.split(" ")[0] for line in changed) == sorted(
        name for name in names if any(line.startswith(name) for line in before)
    )
    assert any(line.endswith("# k: guessed") for line in after)
    assert load_settings(path).pair["btc"].params is not None
    again = found_in(path, recording)
    assert all(one.new == one.old for one in again.proposals if one.new)
    assert write(again) == 0


def test_what_is_not_known_well_enough_is_refused_with_the_reason(tmp_path: Path, recording: Path) -> None:
    """Too few orders that far from the mid: neither rate nor decay, and nothing of them is written."""
    path = config(tmp_path)
    found = found_in(path, recording, band=Band(7.0, 20.0))
    proposed = by_name(found)
    for name in ("arrival_rate_per_s", "fill_decay_per_bps"):
        assert proposed[name].new == ""
        assert "of 100 that are needed" in proposed[name].refused
    write(found)
    assert "fill_decay_per_bps = 0.3   # k: guessed" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("estimate", "doubt"),
    [
        (Estimate(value=1.0, error=0.1, n=100), ""),
        (Estimate(value=1.0, error=0.1, n=99), "not known well enough: 99 of 100 that are needed"),
        (Estimate(value=1.0, error=0.3, n=500), "not known well enough: to 30 %, needed 25 %"),
        (
            Estimate(value=1.0, error=0.1042, n=500, error_max=0.1),
            "not known well enough: to 10.4 %, needed 10 %",
        ),
        (Estimate(value=1.0, error=0.3, n=500, rejected="no law"), "no law"),
        (
            Estimate(value=1.0, error=0.3, n=99, rejected="no law"),
            "not known well enough: 99 of 100 that are needed",
        ),
    ],
)
def test_an_estimate_is_known_by_count_and_error(estimate: Estimate, doubt: str) -> None:
    """Both, each with its reason; an estimate of what is not there is none."""
    assert estimate.doubt == doubt


def test_the_usual_band_lies_around_the_costs() -> None:
    """Half to twice the fee plus adverse selection; at least ten ticks where there are none."""
    tape = random_tape(2, seconds=60)
    found = estimates(tape, Question(fee_bps=40.0, horizon_ns=S))
    half = 40.0 + max(0.0, found.adverse.value)
    assert tuple(found.fit.band) == pytest.approx((half / 2, 2 * half))
    free = estimates(
        exponential_flow(1, orders=500, rate=0.9, decay=0.3), Question(fee_bps=-9.0, horizon_ns=S)
    )
    assert free.fit.band.low_bps == 0
    assert free.fit.band.high_bps == pytest.approx(10 * 10 / 100_005 * 1e4)


def test_what_a_person_has_to_know_is_said() -> None:
    """Flow that is not exponential, sides that differ, no fit, makers who were not hurt."""
    near = [Hit(1 + number / 10, 100_010, 1) for number in range(300)]
    far = [Hit(40 + number / 10, 100_010 + 10 * (5 + number % 9), 1) for number in range(60)]
    sells = [Hit(60 + number / 10, 100_000 - 10 * (number % 14), -1) for number in range(200)]
    band = Band(0.0, 20.0)
    found = estimates(calm(120, [*near, *far, *sells]), Question(fee_bps=0, horizon_ns=S, band=band))
    said = " ".join(found.notes)
    assert "do not thin out exponentially" in found.decay.doubt
    assert found.rate.doubt == found.decay.doubt
    assert "no exponential 0 to 20 bps from the mid, so 6 parts of it were searched" in said
    assert "the sides differ" in said
    assert "did not move against makers" in said
    none = estimates(calm(120, near), Question(fee_bps=0, horizon_ns=200 * S, band=Band(50.0, 60.0)))
    assert "no decay can be fitted 50 to 60 bps from the mid: 0 market orders" in " ".join(none.notes)
    assert none.touch is None
    assert none.decay.doubt == none.adverse.doubt == "not known well enough: 0 of 100 that are needed"


def test_the_session_is_found_by_the_symbol_of_the_data(tmp_path: Path, recording: Path) -> None:
    """None, several or another one is told; a name settles it."""
    _, _, params = CONFIG.partition("[pair.btc]")
    second = f"{CONFIG}[pair.two]{params}".replace("[pair.btc.", "[pair.two.", 4).replace(
        "[pair.two.", "[pair.btc.", 2
    )
    path = config(tmp_path, second)
    with pytest.raises(ConfigError, match="2 sessions trade that"):
        found_in(path, recording)
    assert found_in(path, recording, pair="two").pair == "two"
    with pytest.raises(ConfigError, match=r"there is no \[pair.three\]"):
        found_in(path, recording, pair="three")
    other = config(tmp_path, CONFIG.replace("BTC/USDT", "ETH/USDT"))
    with pytest.raises(ConfigError, match="0 sessions trade that"):
        found_in(other, recording)
    with pytest.raises(ConfigError, match=r"the data are of BTCUSDT, \[pair.btc\] trades ETH/USDT"):
        found_in(other, recording, pair="btc")


def test_a_strategy_without_such_parameters_is_told(tmp_path: Path, recording: Path) -> None:
    """A plain ladder has a least distance; without any of them nothing can be calibrated."""
    plain = CONFIG.partition("[pair.btc.params]")[0].replace('"glft"', '"pure_market_making"')
    params = "[pair.btc.params]\nbid_spread_bps = 4\nask_spread_bps = 4\norder_amount_base = 0.01\n"
    path = config(tmp_path, f"{plain}{params}order_refresh_time_ms = 1000\nminimum_spread_bps = 1\n")
    found = by_name(found_in(path, recording, maker_fee_ppm=1000))
    assert list(found) == ["minimum_spread_bps"]
    assert found["minimum_spread_bps"].estimate.value == pytest.approx(
        10 + max(0.0, found_in(path, recording).found.adverse.value)
    )
    mine = tmp_path / "mine.py"
    mine.write_text(OWN, encoding="utf-8")
    own = CONFIG.partition("[pair.btc.params]")[0].replace('"glft"', '"./mine.py"')
    with pytest.raises(ConfigError, match="has no parameter that is estimated"):
        found_in(config(tmp_path, own), recording)


OWN = """
from dataclasses import dataclass
from mm.domain.quotes import Quotes
from mm.strategies.base import Wake

class Mine:
    @dataclass(frozen=True, kw_only=True)
    class Params:
        adverse_selection_horizon_ms: int = 500

    needs, wake = (), Wake()

    def __init__(self, params, instrument): ...

    def initial_memory(self): ...

    def quotes(self, view):
        return Quotes((), (), "nothing", None)
"""


def test_a_volatility_that_is_measured_stays_measured_unless_asked_for(
    tmp_path: Path, recording: Path
) -> None:
    """A number knows the hour of the data alone."""
    path = config(tmp_path, CONFIG.replace("volatility_bps_per_sqrt_s = 9.0\n", ""))
    left = by_name(found_in(path, recording))["volatility_bps_per_sqrt_s"]
    assert (left.old, left.new, left.refused) == ("off", "", "")
    assert left.stays
    asked = by_name(found_in(path, recording, fix_volatility=True))["volatility_bps_per_sqrt_s"]
    assert float(asked.new) > 0


def test_a_file_that_was_changed_meanwhile_or_is_ours_is_left_alone(tmp_path: Path, recording: Path) -> None:
    """Nothing of another's edit is lost; the demo's own file is nobody's to change."""
    path = config(tmp_path)
    found = found_in(path, recording)
    path.write_text(path.read_text(encoding="utf-8") + "# later\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="was changed while the data were read"):
        write(found)
    assert "0.3   # k: guessed" in path.read_text(encoding="utf-8")
    demo = by_name_of_demo(found)
    with pytest.raises(ConfigError, match="comes with mm"):
        write(demo)


def by_name_of_demo(found: Calibration) -> Calibration:
    """Return a calibration of the demo's own file."""
    return replace(found, settings=found.settings.model_copy(update={"path": DEMO_FILE.absolute()}))


def test_a_result_that_the_loader_refuses_is_not_written(tmp_path: Path, recording: Path) -> None:
    """The file stays as it was."""
    path = config(tmp_path)
    found = found_in(path, recording)
    wrong = replace(found.proposals[0], new='"nonsense"')
    with pytest.raises(ConfigError, match=r"c\.toml"):
        write(replace(found, proposals=(wrong,)))
    assert path.read_text(encoding="utf-8") == found.settings.text


def test_a_byte_order_mark_is_kept(tmp_path: Path, recording: Path) -> None:
    """Whoever's editor put it there gets it back."""
    path = config(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert write(found_in(path, recording)) > 0
    assert path.read_bytes().startswith(b"\xef\xbb\xbf# a person's file")


def test_too_little_data_are_refused_before_anything_is_estimated(tmp_path: Path) -> None:
    """By name."""
    short = long_recording(seconds=10).save(tmp_path / "short")
    with pytest.raises(RecordingUnusable, match="short: it is"):
        found_in(config(tmp_path), short)


def test_what_signals_learn_is_saved_as_a_start_takes_it(tmp_path: Path, recording: Path) -> None:
    """The signals that the strategy wants, told the data; their numbers in the file of the session."""
    text = CONFIG.replace("volatility_bps_per_sqrt_s = 9.0\n", "")
    found = found_in(config(tmp_path, text), recording)
    saved = save_state(found)
    assert saved.path == tmp_path / "data" / "signals" / "btc.json"
    assert saved.names == ("VolatilitySpec",)
    (left,) = read_signal_state(saved.path).signals
    assert left.symbol == "BTC/USDT"
    assert left.ts_ns >= found.heard.tape.top_ns[-1]
    spec = VolatilitySpec()
    assert left.spec == spec_text(spec)
    signal = spec.start()
    signal.restore(left.numbers)
    reading = signal.reading(left.ts_ns)
    assert reading.ready
    # Variance in half ticks squared, lately; the same order as that of the whole.
    mid_half_ticks = 2 * 6_100_000
    assert reading.value**0.5 / mid_half_ticks * 1e4 == pytest.approx(found.found.volatility.value, rel=0.5)
    assert any("in ticks of 0.01" in note for note in saved.notes)
    assert any("max_age_s" in note for note in saved.notes)


def test_what_learns_from_own_fills_is_not_saved_from_a_tape(tmp_path: Path, recording: Path) -> None:
    """There are none in it: a start would take an empty estimate for what it had learnt itself."""
    text = CONFIG.replace("volatility_bps_per_sqrt_s = 9.0\n", 'flow_from = "own"\n')
    text = "\n".join(line for line in text.splitlines() if not line.startswith("fill_decay_per_bps"))
    saved = save_state(found_in(config(tmp_path, text), recording))
    assert saved.names == ("VolatilitySpec", "IntensitySpec")


def test_state_of_another_market_or_of_no_signal_is_not_saved(tmp_path: Path, recording: Path) -> None:
    """Ticks of a contract are not those of the spot market."""
    found = found_in(config(tmp_path, CONFIG), recording)
    with pytest.raises(ConfigError, match="wants no signal"):
        save_state(found)
    linear = long_recording(seconds=60, linear=True).save(tmp_path / "linear")
    contract = found_in(config(tmp_path, CONFIG), linear)
    assert any("futures contract" in note for note in contract.notes)
    with pytest.raises(ConfigError, match="their ticks differ"):
        save_state(contract)


def test_signals_hear_a_tape_in_order_of_time(tmp_path: Path) -> None:
    """Mids and tops as they change, prints between them, the last ones too."""
    heard: list[tuple[str, int]] = []

    class Listener(type(VolatilitySpec().start())):  # type: ignore[misc]  # any signal
        """Writes down what it hears."""

        def on_mid(self, ts_ns: int, mid_half_ticks: int) -> None:
            heard.append(("mid", ts_ns))

        def on_top(self, ts_ns: int, *rest: int) -> None:
            heard.append(("top", ts_ns))

        def on_trade(self, ts_ns: int, *rest: object) -> None:
            heard.append(("trade", ts_ns))

    tape = random_tape(9, seconds=20)
    tell(tape, [Listener(VolatilitySpec())])
    assert [at for _, at in heard] == sorted(at for _, at in heard)
    assert sum(kind == "trade" for kind, _ in heard) == len(tape.price)
    assert sum(kind == "top" for kind, _ in heard) == len(tape.top_ns)
    changes = sum(
        tape.bid[at] + tape.ask[at] != tape.bid[at - 1] + tape.ask[at - 1] for at in range(1, len(tape.bid))
    )
    assert sum(kind == "mid" for kind, _ in heard) == changes + 1


def test_a_market_with_few_prices_has_no_known_tick(tmp_path: Path, recording: Path) -> None:
    """Its numbers would be in wrong units."""
    found = found_in(config(tmp_path, CONFIG), recording)
    few = replace(found, heard=replace(found.heard, tape=calm(60, [Hit(1, 100_000, -1)])))
    with pytest.raises(ConfigError, match="to tell the tick by"):
        save_state(few)
    assert read_tape([recording], lambda done: None).tape.tick == 10**6
