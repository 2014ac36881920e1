"""Why a recorded run quoted as it did: from the journal of a run on paper, at any moment of it."""

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from mm.bootstrap import run
from mm.bootstrap.recipe import read_recipe
from mm.bootstrap.records.replay_run import repetition
from mm.bootstrap.records.why import Question, Records, span, why_then
from mm.bootstrap.records.why_order import order_life
from mm.cli.main import carry_out
from mm.domain.commands import Cancel, Place
from mm.domain.ids import OrderId, OrderIds
from mm.domain.units import NS_PER_S
from mm.engine.explain import explanation
from mm.engine.trace import Chain, Trace
from mm.errors import EXIT_CONFIG, EXIT_OK, ConfigError, JournalForeign, NotRunning, StateCorrupt
from mm.runtime.rerun import RerunResult
from mm.settings.options import RunOptions
from mm.store.journal.entries import COMMAND, Record
from mm.store.journal.layout import RunPlace, runs
from mm.store.journal.reader import read
from mm.store.journal.retention import drop_market
from mm.store.paths import STATE_NAME
from tests.builders.configs import loaded
from tests.builders.exchange_thread import hosted_replay
from tests.builders.recordings import busy_tape
from tests.builders.why_cases import unlike_its_commands

TEXT = """\
mode = "paper"

[venue.main]
url = "{url}"

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]
bid_spread_bps = 0.1
ask_spread_bps = 0.1
order_amount_base = 0.002
order_levels = 2
order_level_spread_bps = 5
order_refresh_time_ms = 1_000
max_order_age_ms = 1_500

[paper]
latency_mean_ms = 40
latency_p99_ms = 90
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of fifteen seconds on paper, five times as fast; the outer level is not reached."""
    folder = tmp_path_factory.mktemp("why")
    with hosted_replay(busy_tape(40).save(folder / "tape.gz"), speed=5.0) as hosted:
        settings = loaded(folder, TEXT.format(url=hosted.url), [f"data_dir={folder / 'data'}"])
        run(RunOptions(settings=settings, duration_ns=15 * NS_PER_S))
    return folder / "data"


def place_of(data_dir: Path) -> RunPlace:
    """Return the one run."""
    (place,) = runs(data_dir)
    return place


def copied(data_dir: Path, tmp_path: Path) -> Path:
    """Return a copy of a data directory, to be spoilt."""
    return Path(shutil.copytree(data_dir, tmp_path / "copy"))


def asked(directory: Path, **question: Any) -> dict[str, Any]:
    """Return the answer to a question about a run."""
    said: list[tuple[int, int]] = []
    return asyncio.run(why_then(directory, Question(**question), lambda *told: said.append(told)))


def commands(data_dir: Path) -> list[Record]:
    """Return the placements and cancels of the run."""
    own = read(place_of(data_dir).journal, kinds=(COMMAND,), own_only=True)
    return [record for record in own if isinstance(record.entry, Place | Cancel)]


def test_every_decision_is_explained_by_exactly_its_commands_in_the_journal(
    recorded: Path,
) -> None:
    """All of them, one after the other: what the trace says was sent is what was recorded, and no more."""
    directory = place_of(recorded).directory
    wrong: list[str] = []
    said: list[Place | Cancel] = []

    def check(chain: Chain) -> bool:
        live = [order.cid for order in chain.live if order.level >= 0]
        wrong.extend(unlike_its_commands(explanation(chain), live))
        said.extend(command for command in chain.commands if isinstance(command, Place | Cancel))
        return False

    async def again() -> RerunResult:
        records = Records(directory, until_ns=None, progress=lambda ts_ns, count: None)
        engine, rerun = await repetition(records.run)
        engine.state.trace = Trace(check)
        return rerun.run(records, closed=False)

    result = asyncio.run(again())
    assert result.difference is None
    assert wrong == []
    recorded_places = [one.entry for one in commands(recorded) if isinstance(one.entry, Place)]
    assert [command for command in said if isinstance(command, Place)] == recorded_places
    assert len(recorded_places) > 10
    # The end of the run takes its orders away outside of a decision.
    cancels = [one.entry for one in commands(recorded) if isinstance(one.entry, Cancel)]
    assert [command for command in said if isinstance(command, Cancel)] == [
        cancel for cancel in cancels if cancel in said
    ]


def test_the_decision_at_or_before_the_moment_is_the_one_that_was_taken(recorded: Path) -> None:
    """At each placement: the decision that sent it, at its very time, and the record agrees."""
    directory = place_of(recorded).directory
    placed = [record for record in commands(recorded) if isinstance(record.entry, Place)]
    for record in (placed[0], placed[len(placed) // 2], placed[-1]):
        answer = asked(directory, at_ns=record.ts_ns)
        assert isinstance(record.entry, Place)
        assert answer["agrees"]
        (made,) = answer["explained"]
        assert made["decided_ms"] == record.ts_ns // 1_000_000
        sentences = {quote["cid"]: quote["sentence"] for quote in made["quotes"]}
        assert ": placed at" in sentences[record.entry.cid]
        assert any(command.endswith(record.entry.cid) for command in made["commands"])


def test_a_moment_between_two_decisions_gets_the_one_before(recorded: Path) -> None:
    """Never one that was taken later, however late the next event came."""
    directory = place_of(recorded).directory
    header, last_ns = span(directory)
    for share in (3, 5, 8):
        at_ns = header.began_ns + (last_ns - header.began_ns) * share // 10
        answer = asked(directory, at_ns=at_ns, session="btc", side="ask", level=0)
        (made,) = answer["explained"]
        assert made["decided_ms"] * 1_000_000 <= at_ns
        assert at_ns - made["decided_ms"] * 1_000_000 < 2 * NS_PER_S
        assert {quote["side"] for quote in made["quotes"]} == {"ask"}


def test_the_end_is_asked_about_unless_a_moment_is_named(recorded: Path) -> None:
    """As fast as it is said, with since when the session is what it is."""
    answer = asked(place_of(recorded).directory)
    (made,) = answer["explained"]
    assert (made["later"] or made)["state"] in ("stopping", "completed")
    assert answer["agrees"]
    assert answer["records_per_s"] > 1_000
    assert answer["run"] == place_of(recorded).run_id


def test_a_long_repetition_says_how_far_it_is(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that is reached, and the records so far, ever larger."""
    monkeypatch.setattr("mm.bootstrap.records.why.PROGRESS_S", -1.0)
    monkeypatch.setattr("mm.bootstrap.records.why.LOOK_EVERY", 50)
    said: list[tuple[int, int]] = []
    directory = place_of(recorded).directory
    asyncio.run(why_then(directory, Question(), lambda ts_ns, count: said.append((ts_ns, count))))
    assert len(said) > 2
    assert said == sorted(said)
    assert [count for _, count in said[:2]] == [50, 100]


def test_a_life_is_told_from_the_placement_to_its_end_with_its_reasons(recorded: Path) -> None:
    """Placed why, acknowledged, gone: each with time and cause."""
    cancels = [one.entry for one in commands(recorded) if isinstance(one.entry, Cancel)]
    life = asyncio.run(order_life(runs(recorded), cancels[0].cid, lambda ts_ns, count: None))
    what = [one["what"] for one in life["moments"]]  # type: ignore[attr-defined]  # a list of tables, as documented
    assert what[0] == "placed"
    assert "acknowledged" in what
    assert "cancel sent" in what
    # A cancel that loses the race against a fill is refused.
    assert what[-1] in ("cancelled", "filled", "cancel refused")
    assert {"cancelled", "filled"} & set(what)
    assert ": placed at" in str(life["placed"])
    assert life["cancelled"]
    assert life["unexplained"] == ""
    last = asyncio.run(order_life(runs(recorded), cancels[-1].cid, lambda ts_ns, count: None))
    assert "the session is stopping: duration" in str(last["cancelled"])


def test_a_copy_of_a_run_elsewhere_tells_the_same_life(recorded: Path) -> None:
    """Its name does not say which life it was."""
    cid = next(one.entry.cid for one in commands(recorded) if isinstance(one.entry, Place))
    copy = RunPlace(run_id="copy", epoch=0, directory=place_of(recorded).directory)
    life = asyncio.run(order_life([copy], cid, lambda ts_ns, count: None))
    assert life["run"] == "copy"
    assert ": placed at" in str(life["placed"])


def test_what_no_run_knows_is_an_error(recorded: Path, tmp_path: Path) -> None:
    """A session, an id, a directory, a moment before the first decision."""
    directory = place_of(recorded).directory
    with pytest.raises(NotRunning, match="no session 'eth'"):
        asked(directory, session="eth")
    with pytest.raises(NotRunning, match="nothing had been decided"):
        asked(directory, at_ns=1)
    with pytest.raises(StateCorrupt, match=r"no run is recorded|holds no journal"):
        asked(tmp_path)
    with pytest.raises(StateCorrupt, match=r"no run is recorded|holds no journal"):
        span(tmp_path)
    with pytest.raises(ConfigError, match="no order id of this"):
        asyncio.run(order_life(runs(recorded), "f" * 32, lambda ts_ns, count: None))
    with pytest.raises(NotRunning, match="no recorded run"):
        asyncio.run(order_life([], "f" * 32, lambda ts_ns, count: None))
    recipe = read_recipe(span(directory)[0].config_text)
    never = OrderIds(tag=recipe.tag, key=bytes.fromhex(recipe.key)).encode(
        OrderId(recipe.tag, 0, recipe.epoch, 999_999)
    )
    with pytest.raises(NotRunning, match="no record of order"):
        asyncio.run(order_life(runs(recorded), never, lambda ts_ns, count: None))


def test_dropped_market_data_leave_the_life_of_an_order_and_no_why(recorded: Path, tmp_path: Path) -> None:
    """Said with what is still possible."""
    copy = copied(recorded, tmp_path)
    drop_market(place_of(copy).journal, before_ns=2**62)
    with pytest.raises(JournalForeign, match=r"journal\.market_days") as caught:
        asked(place_of(copy).directory)
    assert "--order" in caught.value.hint
    first = commands(recorded)[0].entry
    assert isinstance(first, Place)
    life = asyncio.run(order_life(runs(copy), first.cid, lambda ts_ns, count: None))
    assert "dropped" in str(life["unexplained"])
    assert life["moments"]


def test_a_torn_end_is_explained_as_far_as_it_goes(recorded: Path, tmp_path: Path) -> None:
    """A moment behind it is an error that says where it ends; without one its last decision is told."""
    copy = copied(recorded, tmp_path)
    # As of a crash: nothing says that the run ended.
    (copy / STATE_NAME).unlink()
    place = place_of(copy)
    _, last_ns = span(place.directory)
    (market,) = sorted((place.journal / "market").iterdir())
    os.truncate(market, int(market.stat().st_size * 0.6))
    for file in (place.journal / "own").iterdir():
        os.truncate(file, int(file.stat().st_size * 0.95))
    answer = asked(place.directory)
    assert answer["agrees"]
    assert answer["explained"][0]["decided_ms"] * 1_000_000 < last_ns
    with pytest.raises(JournalForeign, match="torn off"):
        asked(place.directory, at_ns=last_ns - NS_PER_S)


def test_a_run_that_would_not_come_out_the_same_is_said_not_to(
    recorded: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the first difference; the exit code is that of a failed check."""
    wider = loaded(tmp_path, TEXT.format(url="http://127.0.0.1:1"), ["pair.btc.params.ask_spread_bps=3"])
    monkeypatch.setattr("mm.bootstrap.records.replay_run.settings_from", lambda recipe: wider)
    answer = asked(place_of(recorded).directory)
    assert not answer["agrees"]
    assert answer["difference"]["recorded"] != answer["difference"]["computed"]
    assert carry_out(["why", str(recorded)]) == 9
    assert "journal and computation part at" in capsys.readouterr().out


def test_the_verb_takes_a_run_a_data_directory_or_a_config(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says the same about each; `--json` ends with one object."""
    place = place_of(recorded)
    config = recorded.parent / "mm.toml"
    text = f'data_dir = "{recorded}"\n' + TEXT.format(url="http://127.0.0.1:1")
    config.write_text(text, encoding="utf-8")
    said = []
    for where in (place.directory, recorded, config):
        assert carry_out(["why", str(where), "--at", "-5s", "--side", "bid", "--json"]) == 0
        answer = json.loads(capsys.readouterr().out.splitlines()[-1])
        said.append(answer["explained"])
    assert said[0] == said[1] == said[2]
    assert carry_out(["why", str(recorded), "--at", "-5s"]) == 0
    out = capsys.readouterr().out
    assert "bid level 0: " in out
    assert "journal and computation agree" in out
    assert "\x1b[" not in out
    first = commands(recorded)[0].entry
    assert isinstance(first, Place)
    assert carry_out(["why", str(recorded), "--order", first.cid]) == 0
    assert "placed     because bid level 0: placed at" in capsys.readouterr().out


@pytest.mark.parametrize("killed", [False, True])
def test_a_backtest_is_refused_by_name_and_not_taken_for_a_difference(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], killed: bool
) -> None:
    """It keeps no market: what can be asked for instead is named. One that was killed left no result."""
    place = runs(recorded)[0]
    backtest = tmp_path / "backtests" / place.run_id
    shutil.copytree(place.directory, backtest)
    shutil.rmtree(backtest / "journal" / "market")
    if not killed:
        (backtest / "backtest.json").write_text("{}")
        backtest = backtest.rename(tmp_path / place.run_id)
    for words in (["why", str(backtest)], ["why", str(backtest), "--at", "-1s"], ["replay", str(backtest)]):
        assert carry_out(words) == EXIT_CONFIG
        told = capsys.readouterr().err
        assert "a backtest keeps no market data: its journal alone cannot be computed again" in told
        assert f"mm report {backtest}" in told
        assert "part" not in told
    cid = next(
        record.entry.cid
        for record in read(backtest / "journal", types=(Place,), own_only=True)
        if isinstance(record.entry, Place)
    )
    assert carry_out(["why", str(backtest), "--order", cid]) == EXIT_OK
    said = capsys.readouterr().out
    assert "acknowledged" in said
    assert "a backtest keeps no market data" in " ".join(said.split())


def test_the_last_decision_of_a_run_that_was_cut_off_is_not_known(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a moment its end is asked for, and that is gone; a moment before is explained as it was."""
    data = tmp_path / "data"
    shutil.copytree(recorded, data, ignore=shutil.ignore_patterns("*.sock"))
    own = runs(data)[0].journal / "own" / "000001.mmj"
    before = span(runs(data)[0].directory)[1]
    own.write_bytes(own.read_bytes()[:-61])
    assert carry_out(["why", str(data)]) != EXIT_OK
    assert f"{own}: byte {own.stat().st_size}: the run ended in good order" in capsys.readouterr().err
    answer = asyncio.run(
        why_then(runs(data)[0].directory, Question(at_ns=before - 3 * NS_PER_S), lambda ts_ns, count: None)
    )
    assert answer["agrees"]
