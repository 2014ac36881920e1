"""A config while it runs: planned, confirmed, kept, put in force; whatever is wrong, the old one runs on."""

from pathlib import Path
from typing import Any

import pytest

from mm.domain.commands import Cancel, Place
from mm.errors import ConfigError, NotConfirmed, StateCorrupt, TimedOut
from mm.runtime import reconfigure
from mm.settings.loader import DEMO_FILE, FILE_BYTES_MAX
from mm.store.config_history import ConfigHistory, text_digest
from mm.store.journal.entries import ConfigVersion
from tests.builders.live_configs import TEXT, ConfiguredRun
from tests.builders.shapes import documented


@pytest.fixture
def run(tmp_path: Path) -> ConfiguredRun:
    """Return a run about to begin."""
    return ConfiguredRun(tmp_path)


def rows(answer: dict[str, object], name: str) -> list[dict[str, Any]]:
    """Return a list of tables of an answer."""
    found = answer[name]
    assert isinstance(found, list)
    return found


def test_what_is_in_force_is_told_with_its_place_and_when_it_applies(run: ConfiguredRun) -> None:
    """All of it, a table, or one key; a key that is none is refused."""

    def look() -> None:
        answer = run.config.values()
        assert not documented().differences(answer, "config_get")
        (row,) = rows(run.config.values("risk.max_notional_quote"), "values")
        assert (row["value"], row["applies"], row["source"]) == ("5000", "now", f"{run.path}:21")
        (row,) = rows(run.config.values("data_dir"), "values")
        assert (row["source"], row["applies"]) == ("--set", "restart")
        assert len(rows(run.config.values("pair.main.inventory"), "values")) == 5
        with pytest.raises(ConfigError, match=r"there is no key 'risk.max'"):
            run.config.values("risk.max")

    run.at(3, look)
    run.go()


def test_a_plan_tells_what_becomes_of_orders_and_limits_and_does_nothing(run: ConfiguredRun) -> None:
    """Also of a text that stands in no file yet."""

    def plan() -> None:
        sent = len(run.venue.sent)
        text = TEXT.replace("max_base = 100", "max_base = 50").replace(
            "order_amount_base = 1 ", "order_amount_base = 2 "
        )
        answer = run.config.plan(text)
        assert not documented().differences(answer, "config_plan")
        assert [(row["key"], row["applies"]) for row in rows(answer, "changes")] == [
            ("pair.main.params.order_amount_base", "next_quote"),
            ("pair.main.inventory.max_base", "now"),
        ]
        assert answer["counts"] == {"kept": 2, "moved": 0, "cancelled": 0, "new": 0, "pending": 0}
        (stake,) = rows(answer, "sessions")
        assert (stake["inventory_max_base"], stake["new_inventory_max_base"]) == ("100", "50")
        assert run.config.is_announced(text_digest(text))
        assert rows(run.config.plan(), "changes") == []
        assert (len(run.venue.sent), run.engine.state.revision) == (sent, 1)

    run.at(3, plan)
    run.go()


def test_a_tighter_limit_is_applied_in_one_step_and_kept(run: ConfiguredRun) -> None:
    """Orders that break it go at once, however young; text and line are on the disk."""

    def tighten() -> None:
        cancels = len(run.venue.commands(Cancel))
        text = run.write("max_order_notional_quote = 500", "max_order_notional_quote = 50")
        answer = run.apply()
        assert not documented().differences(answer, "config_apply")
        assert (answer["applied"], answer["revision"], run.engine.state.revision) == (True, 2, 2)
        assert answer["counts"] == {"kept": 0, "moved": 2, "cancelled": 0, "new": 0, "pending": 0}
        assert len(run.venue.commands(Cancel)) == cancels + 2
        assert ConfigHistory(run.data_dir).text(2) == text
        assert run.apply()["applied"] is False

    run.at(3, tighten)
    run.go()
    newest = ConfigHistory(run.data_dir).newest()
    assert newest is not None
    assert (newest.revision, newest.who, newest.origin) == (2, "tester", "cli")
    assert newest.changed == ("risk.max_order_notional_quote",)
    sizes = [place.size_lots for place in run.venue.commands(Place)]
    assert sizes[0] == 1_000
    assert max(sizes[-2:]) < 510


def test_a_looser_limit_needs_a_confirmation_of_exactly_that_text(run: ConfiguredRun) -> None:
    """Neither an edit nor a confirmation of something else will do."""

    def loosen() -> None:
        text = run.write("max_notional_quote = 5_000", "max_notional_quote = 6_000")
        with pytest.raises(NotConfirmed, match=r"mm.toml:21: it loosens risk.max_notional_quote") as refused:
            run.apply()
        assert "mm config apply --confirm" in refused.value.hint
        with pytest.raises(ConfigError, match="changed since it was planned"):
            run.apply(confirm=True, digest=text_digest(text + "#"))
        assert run.engine.state.revision == 1
        assert run.config.running.risk.max_notional_quote == 5_000
        assert run.apply(confirm=True, digest=text_digest(text))["applied"] is True
        assert run.config.running.risk.max_notional_quote == 6_000

    run.at(3, loosen)
    run.go()
    assert [config.risk.max_notional_quote for config in run.config.seen] == [5_000, 6_000]


def test_what_takes_a_restart_is_kept_reported_and_not_applied(run: ConfiguredRun) -> None:
    """The rest is; a restart key alone reaches no engine, and is not told as news again."""

    def restart_key() -> None:
        run.path.write_text(TEXT + "[log]\nlevel = 'debug'\n")
        answer = run.apply()
        assert (answer["restart"], answer["revision"], answer["applied"]) == (["log.level"], 2, True)
        assert run.engine.state.revision == 1
        assert run.config.running.log.level == "info"
        (row,) = rows(run.config.values("log.level"), "values")
        assert (row["value"], row["after_restart"]) == ("info", {"value": "debug"})
        assert run.apply()["applied"] is False
        run.write("bid_spread_bps = 20", "bid_spread_bps = 30")
        answer = run.apply()
        assert (answer["restart"], run.engine.state.revision) == (["log.level"], 3)
        newest = ConfigHistory(run.data_dir).newest()
        assert newest is not None
        assert newest.changed == ("pair.main.params.bid_spread_bps",)

    run.at(3, restart_key)
    run.go()


STRATEGY = """\
from dataclasses import dataclass
from mm.domain.quotes import Quotes
from mm.strategies.base import Wake

class Mine:
    @dataclass(frozen=True, kw_only=True)
    class Params:
        bad: str = ""

    needs, wake = (), Wake()

    def __init__(self, params, instrument):
        self.params = params

    def initial_memory(self):
        return None

    def quotes(self, view):
        if self.params.bad == "quotes":
            raise ArithmeticError("bad parameters")
        return Quotes((), (), "waits", None)
"""


def test_parameters_with_which_the_strategy_fails_are_refused(tmp_path: Path) -> None:
    """It failed on a copy: trading goes on."""
    (tmp_path / "mine.py").write_text(STRATEGY)
    text = TEXT[: TEXT.index("[pair.main.params]")] + TEXT[TEXT.index("[pair.main.inventory]") :]
    text = text.replace('symbol = "AAA/BBB"', 'symbol = "AAA/BBB"\nstrategy = "./mine.py"')
    run = ConfiguredRun(tmp_path, text)

    def edit() -> None:
        run.path.write_text(text + '[pair.main.params]\nbad = "quotes"\n')
        with pytest.raises(ConfigError, match="the strategy or a rule fails"):
            run.apply()
        assert (run.engine.state.halt_code, run.engine.state.revision) == ("", 1)
        (tmp_path / "mine.py").write_text(STRATEGY + "# edited\n")
        answer = run.apply()
        assert answer["restart"] == ["pair.main.strategy", "pair.main.params.bad"]
        assert run.engine.state.revision == 1

    run.at(3, edit)
    assert not run.go().halted


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("max_notional_quote = 5_000", "max_notional_quote = ", "mm.toml:21: not valid TOML"),
        ("max_notional_quote", "max_notionl_quote", "mm.toml:21: risk.max_notionl_quote: unknown key"),
        ("max_base = 100", "max_base = 0.5", "makes an order of 1, larger than inventory.max_base"),
        (
            "[risk]",
            "[risk]\nprice_collar_bps = 10",
            "mm.toml:21: risk.price_collar_bps: was 10, expected at least max_slippage_bps, 15",
        ),
        (
            "order_amount_base = 1 ",
            "order_amount_base = 0.0001 ",
            "mm.toml:14: pair.main.params.order_amount_base",
        ),
    ],
)
def test_an_edit_that_is_wrong_is_refused_with_its_place(
    run: ConfiguredRun, old: str, new: str, told: str
) -> None:
    """By the file, by the models, by the instrument: nothing of it is kept."""

    def edit() -> None:
        run.write(old, new)
        with pytest.raises(ConfigError) as refused:
            run.apply()
        assert told in str(refused.value)
        assert run.config.values()["revision"] == 1

    run.at(3, edit)
    run.go()
    assert len(ConfigHistory(run.data_dir).revisions()) == 1


def test_a_disk_that_is_full_keeps_the_old_config(
    run: ConfiguredRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be kept, or whose bringer cannot be noted, is not applied."""

    def fail(*_: object) -> None:
        raise StateCorrupt("disk full")

    def edit() -> None:
        run.write("bid_spread_bps = 20", "bid_spread_bps = 30")
        with monkeypatch.context() as patch:
            patch.setattr(ConfigHistory, "keep", fail)
            with pytest.raises(StateCorrupt):
                run.apply()
        assert run.engine.state.revision == 1
        with monkeypatch.context() as patch:
            patch.setattr(ConfigHistory, "note", fail)
            with pytest.raises(StateCorrupt):
                run.apply()
        assert run.engine.state.revision == 1
        assert run.apply()["applied"] is True

    run.at(3, edit)
    run.go()


def test_a_crash_while_a_change_is_handed_over_does_not_hide_who_brought_it(
    run: ConfiguredRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start finds the text in the file: it is the same revision, in the same name."""

    def die(_: object) -> None:
        raise KeyboardInterrupt

    def edit() -> None:
        run.write("bid_spread_bps = 20", "bid_spread_bps = 30")
        monkeypatch.setattr(run.runtime, "sink", die)
        with pytest.raises(KeyboardInterrupt):
            run.apply()
        monkeypatch.undo()

    run.at(3, edit)
    run.go()
    again = ConfiguredRun(run.path.parent, run.path.read_text())
    again.go()
    newest = ConfigHistory(run.data_dir).revisions()[-1]
    assert (again.engine.state.revision, newest.revision, newest.who, newest.origin) == (
        2,
        2,
        "tester",
        "cli",
    )


@pytest.mark.parametrize(
    "line", [("bid_spread_bps = 20", "bid_spread_bps = 30"), ("[risk]", "[demo]\nseed = 8\n[risk]")]
)
def test_every_revision_is_in_the_journal_too(
    run: ConfiguredRun, monkeypatch: pytest.MonkeyPatch, line: tuple[str, str]
) -> None:
    """Also one that only waits for a restart: with its text, and who brought it."""
    kept: list[ConfigVersion] = []

    def edit() -> None:
        monkeypatch.setattr(run.runtime, "record_config", kept.append)
        run.write(*line)
        run.apply()

    run.at(3, edit)
    run.go()
    (version,) = kept
    newest = ConfigHistory(run.data_dir).revisions()[-1]
    assert (version.digest, version.who) == (newest.digest, newest.who)
    assert version.text == run.path.read_text()


def test_a_text_that_is_too_large_for_a_config_is_not_planned(run: ConfiguredRun) -> None:
    """The loop would wait for it to be read."""

    def edit() -> None:
        with pytest.raises(ConfigError, match="larger than 256000 bytes"):
            run.config.plan(TEXT + "#" * FILE_BYTES_MAX)

    run.at(3, edit)
    run.go()


def test_a_run_that_broke_or_does_not_take_the_event_says_so(
    run: ConfiguredRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is claimed to be in force that is not."""

    def edit() -> None:
        run.write("bid_spread_bps = 20", "bid_spread_bps = 30")
        with monkeypatch.context() as patch:
            patch.setattr(run.runtime, "sink", lambda event: None)
            with pytest.raises(TimedOut):
                run.apply()
        run.runtime.failure = "engine.failed"
        with pytest.raises(ConfigError, match=r"the run is ending: engine.failed"):
            run.apply()
        run.runtime.failure = ""
        assert run.config.running.pair["main"].params == run.config.seen[0].pair["main"].params

    run.at(3, edit)
    run.go()


def test_what_cannot_be_copied_cannot_be_planned(run: ConfiguredRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """A strategy of a user may remember anything: then nothing is changed while it runs."""

    def fail(*_: object) -> None:
        raise TypeError("cannot copy that")

    def edit() -> None:
        run.write("bid_spread_bps = 20", "bid_spread_bps = 30")
        monkeypatch.setattr(reconfigure, "preview", fail)
        with pytest.raises(ConfigError, match="cannot be tried: TypeError: cannot copy that"):
            run.apply()

    run.at(3, edit)
    run.go()


def test_the_config_that_comes_with_mm_is_not_edited(run: ConfiguredRun) -> None:
    """It is part of the program."""

    def edit() -> None:
        run.config.running = run.config.running.model_copy(update={"path": DEMO_FILE})
        for attempt in (run.config.plan, run.apply):
            with pytest.raises(ConfigError, match="comes with mm"):
                attempt()
        run.watch.look()

    run.at(3, edit)
    run.go()


def test_the_same_text_at_the_next_start_is_the_same_revision(tmp_path: Path) -> None:
    """And what waited for a restart is in force then."""
    first = ConfiguredRun(tmp_path)
    first.at(3, lambda: (first.path.write_text(TEXT + "[log]\nlevel = 'debug'\n"), first.apply()))
    first.go()
    second = ConfiguredRun(tmp_path, first.path.read_text())
    second.go(2)
    assert second.engine.state.revision == 2
    assert second.config.running.log.level == "debug"
    assert len(ConfigHistory(tmp_path / "data").revisions()) == 2


def test_of_many_configs_the_newest_are_remembered(run: ConfiguredRun) -> None:
    """A life that is reconfigured every minute does not grow."""
    run.at(3, lambda: run.config.seen.extend([run.config.running] * (reconfigure.SEEN_MAX + 5)))
    run.go()
    assert len(run.config.seen) == reconfigure.SEEN_MAX
