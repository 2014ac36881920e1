"""Estimates outlive the life that made them: after a crash, a clean end, from a file; never silently."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mm.bootstrap.learnt import signals_before
from mm.bootstrap.records.replay_run import repeat
from mm.domain.book import Level
from mm.domain.estate import Estate, SignalEstate
from mm.domain.events import BookDelta
from mm.signals.base import spec_text
from mm.signals.volatility import VolatilitySpec
from mm.store.journal.entries import CHECKPOINT
from mm.store.journal.reader import read
from mm.store.signal_state import SignalState, signals_directory, write_signal_state
from tests.builders.configs import loaded
from tests.builders.crashed_lives import TEXT, Lives
from tests.builders.fake_venue import MID_TICKS
from tests.builders.virtual_time import START_NS

STRATEGY = '''\
"""Quotes as it is told, and looks at the volatility."""

from mm.domain.instrument import Instrument
from mm.signals.volatility import VolatilitySpec
from mm.strategies.pure_market_making import PureMarketMaking


class Watcher(PureMarketMaking):
    """Pure market making with a signal."""

    def __init__(self, params: PureMarketMaking.Params, instrument: Instrument) -> None:
        """Ask for the volatility."""
        super().__init__(params, instrument)
        self.needs = (VolatilitySpec(),)
'''
SPEC = spec_text(VolatilitySpec())


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Leases of its own.
    monkeypatch.setenv("MM_LEASE_DIR", str(tmp_path / "leases"))


def lives_of(folder: Path, *overrides: str) -> Lives:
    """Lives of a strategy that looks at the volatility."""
    (folder / "watcher.py").write_text(STRATEGY)
    return Lives(folder, 'pair.main.strategy="./watcher.py:Watcher"', *overrides)


def moving(lives: Lives, seconds: int) -> None:
    """Let the mid of the next life move every second, up and down."""
    for second in range(3, seconds):
        lives.at(second, partial(nudge, lives, atoms=10**12 * (second % 2)))


def nudge(lives: Lives, atoms: int) -> None:
    """Put so much before the best bid of the venue."""
    venue = lives.venue
    venue._seq += 1
    venue.tell(
        BookDelta(
            ts_ns=venue._clock.now_ns(),
            symbol="AAA/BBB",
            seq=venue._seq,
            venue_ms=0,
            bids=(Level(MID_TICKS - 9, atoms),),
            asks=(),
        )
    )


def first_checkpoint(lives: Lives) -> Estate:
    """The checkpoint at the head of the newest run."""
    found = next(record.entry for record in read(lives.newest_run().journal) if record.kind is CHECKPOINT)
    assert isinstance(found, Estate)
    return found


def check_repeats(lives: Lives) -> None:
    """Repeat the newest run from its record."""
    _, result = asyncio.run(repeat(lives.newest_run().directory))
    assert result.difference is None
    assert result.checkpoints > 0


def samples(lives: Lives) -> int:
    """How many samples of the volatility were handed on to the newest life."""
    (known,) = first_checkpoint(lives).signals
    assert (known.symbol, known.spec) == ("AAA/BBB", SPEC)
    return int(known.numbers[3])


def test_after_a_clean_end_estimates_alone_are_handed_on(tmp_path: Path) -> None:
    """Sessions and P&L begin anew; the record begins with what was known, and repeats byte by byte."""
    lives = lives_of(tmp_path)
    moving(lives, 30)
    lives.live(30)
    assert "signal.restored" not in lives.codes()
    bot = lives.live(5)

    assert lives.facts("signal.restored")["signal"] == SPEC
    left = bot.state.setup.estate
    assert left is not None
    assert (left.signals, left.orders) == ((), ())
    assert samples(lives) >= 20
    check_repeats(lives)


def test_after_a_crash_they_come_with_the_rest(tmp_path: Path) -> None:
    """As of the last checkpoint, a minute before at most."""
    lives = lives_of(tmp_path)
    moving(lives, 100)
    lives.crash(100)
    bot = lives.live(20)

    assert bot.state.setup.estate is not None
    assert len(bot.state.setup.estate.signals) == 1
    assert "recovered" in lives.codes()
    assert "signal.restored" in lives.codes()
    assert 30 <= samples(lives) <= 100
    check_repeats(lives)


def test_lives_that_see_no_market_hand_on_what_they_were_given(tmp_path: Path) -> None:
    """With the age that it has by then."""
    lives = lives_of(tmp_path)
    moving(lives, 30)
    lives.live(30)
    given = samples_of_last(lives)
    lives.live(0.01)
    lives.live(5)

    assert samples(lives) >= given


def samples_of_last(lives: Lives) -> int:
    """How many samples the newest life left."""
    (known,) = signals_before(lives.settings)
    return int(known.numbers[3])


def test_what_is_too_old_or_not_wanted_is_not_used(tmp_path: Path) -> None:
    """By the config: a second of age, or none at all."""
    strict = lives_of(tmp_path, "signals.max_age_s=1")
    strict.live(30)
    strict.live(5)
    assert "signal.outdated" in strict.codes()
    (tmp_path / "never").mkdir()
    never = lives_of(tmp_path / "never", "signals.max_age_s=0")
    never.live(30)
    never.live(5)
    assert not [code for code in never.codes() if code.startswith("signal.")]


def test_a_file_of_past_data_is_used_if_it_is_newer_than_the_record(tmp_path: Path) -> None:
    """And one that is older is not."""
    lives = lives_of(tmp_path)
    for ts_ns, used in ((START_NS - 60 * 10**9, True), (START_NS - 90 * 10**9, False)):
        known = SignalEstate(symbol="AAA/BBB", spec=SPEC, ts_ns=ts_ns, numbers=(0, 0, 0, 777, 9.5))
        write_signal_state(lives.data_dir, "past", SignalState(source="test", signals=(known,)))
        moving(lives, 20)
        bot = lives.live(30)
        assert "signal.restored" in lives.codes()
        assert (first_checkpoint(lives).signals[0].numbers[3] == 777) is used
        left = bot.state.setup.estate
        assert left is None or (left.signals, left.orders) == ((), ())
    check_repeats(lives)


def test_what_cannot_be_read_is_told_and_costs_nothing_else(tmp_path: Path) -> None:
    """A damaged file, a folder that is none, a damaged record: each start goes on and learns anew."""
    lives = lives_of(tmp_path)
    known = SignalEstate(symbol="AAA/BBB", spec=SPEC, ts_ns=START_NS, numbers=(0, 0, 0, 777, 9.5))
    path = write_signal_state(lives.data_dir, "past", SignalState(source="test", signals=(known,)))
    path.write_bytes(b"{}")
    with capture_logs() as told:
        assert signals_before(lives.settings) == ()
    assert [entry["event"] for entry in told] == ["signals.not_read"]
    path.unlink()
    signals_directory(lives.data_dir).rmdir()
    signals_directory(lives.data_dir).write_text("x")
    with capture_logs() as told:
        assert signals_before(lives.settings) == ()
    assert [entry["event"] for entry in told] == ["signals.not_read"]
    signals_directory(lives.data_dir).unlink()
    lives.live(30)
    assert len(signals_before(lives.settings)) == 1
    segment = lives.newest_run().journal / "own" / "000001.mmj"
    content = segment.read_bytes()
    segment.write_bytes(content[:400] + bytes([content[400] ^ 1]) + content[401:])
    with capture_logs() as told:
        assert signals_before(lives.settings) == ()
    assert [entry["event"] for entry in told] == ["signals.not_read"]
    segment.write_bytes(b"")
    assert signals_before(lives.settings) == ()


def test_the_record_of_another_venue_or_of_a_demo_is_not_used(tmp_path: Path) -> None:
    """Prices of a test venue say nothing of those of the real one."""
    lives = lives_of(tmp_path)
    lives.live(30)
    assert len(signals_before(lives.settings)) == 1
    folder = tmp_path / "other"
    folder.mkdir()
    there = [f"data_dir={lives.data_dir}"]
    other = loaded(folder, TEXT, [*there, 'venue.main.url="http://127.0.0.1:1"'])
    assert signals_before(other) == ()
    demo = loaded(folder, 'mode = "demo"\n[pair.a]\nsymbol = "AAA/BBB"\n[pair.a.params]\n' + PARAMS, there)
    assert signals_before(demo) == ()


PARAMS = "bid_spread_bps = 20\nask_spread_bps = 20\norder_amount_base = 1\norder_refresh_time_ms = 1000\n"
