"""Plans of faults: what they say, and how each mistake in one is told."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.units import NS_PER_S
from mm.errors import EXIT_CONFIG, ConfigError
from mm.exchange.faults.kinds import KINDS, SESSION_METHODS, Group
from mm.exchange.faults.plan import EXAMPLE, FAULTS_MAX, fault_of, plan_of, read_plan
from mm.exchange.server import LocalExchange
from tests.builders.exchange import make_settings

FAULT = "[[fault]]\n"


def test_the_example_says_what_its_comments_say() -> None:
    """It stands in the documentation."""
    plan = plan_of(EXAMPLE, "plan.toml")
    assert plan.seed == 7
    lost, late, banned = plan.faults
    assert (lost.kind.name, lost.target, lost.nth, lost.count) == ("lost_ack", "order.place", 3, 1)
    assert (late.target, late.text("execution"), late.probability) == ("executionReport", "TRADE", 0.25)
    assert (late.number("delay_ms"), late.count) == (800, 0)
    assert (banned.after_ns, banned.duration_ns) == (20 * NS_PER_S, 5 * NS_PER_S)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_can_be_asked_for_with_nothing_but_what_it_needs(name: str) -> None:
    """Once, unless it is one that lasts."""
    kind = KINDS[name]
    raw: dict[str, object] = {field.name: 1 for field in kind.fields if field.default is None}
    if kind.bounded:
        raw["duration_s"] = 2.5
    fault = fault_of({"kind": name, **raw})
    assert fault.target == "*"
    assert set(fault.values) == {field.name for field in kind.fields}
    assert fault.count == (0 if kind.lasts else 1)
    assert fault.duration_ns == (2_500_000_000 if kind.bounded else 0)


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({}, 1),
        ({"count": 3}, 3),
        ({"nth": 4}, 1),
        ({"every": 4}, 0),
        ({"probability": 0.5}, 0),
        ({"duration_s": 5}, 0),
        ({"every": 4, "count": 2}, 2),
    ],
)
def test_a_fault_happens_once_unless_the_plan_says_otherwise(fields: dict[str, object], count: int) -> None:
    """0 = as often as there is something to hit."""
    assert fault_of({"kind": "slow", **fields}).count == count


def test_sockets_are_hit_once_or_again_and_again() -> None:
    """By a pause between two times."""
    assert fault_of({"kind": "abort"}).count == 1
    assert fault_of({"kind": "abort", "every_s": 2}).count == 0
    assert fault_of({"kind": "abort", "every_s": 2, "count": 4}).count == 4


MISTAKES = {
    "": ("p.toml:1: fault: expected 1 to 1000 tables", "[[fault]]"),
    "seed = 1\n": ("p.toml:1: fault: expected 1 to 1000 tables", "[[fault]]"),
    "fault = 3": ("p.toml:1: fault: expected 1 to 1000 tables", "[[fault]]"),
    '[fault]\nkind = "slow"': ("p.toml:1: fault: expected 1 to 1000 tables", "[[fault]]"),
    "fault = [1]": ("p.toml:1: fault.0: was 1, expected a table", "kind ="),
    '[[faults]]\nkind = "slow"': ("p.toml:1: faults: unknown key", "did you mean 'fault'?"),
    "seed = -1\n" + FAULT: ("p.toml:1: seed: was -1, expected a whole number", ""),
    "seed = 1.5\n" + FAULT: ("p.toml:1: seed: was 1.5, expected a whole number", ""),
    FAULT: ("p.toml:1: fault.0: kind is missing", "lost_ack"),
    FAULT + "kind = 3": ("p.toml:2: fault.0.kind: was 3, expected the name", "lost_ack"),
    FAULT + 'kind = "lostack"': ("p.toml:2: fault.0.kind: was 'lostack'", "did you mean 'lost_ack'?"),
    FAULT + 'kind = "slow"\ndelay = 3': ("p.toml:3: fault.0.delay: unknown key", "'delay_ms'?"),
    FAULT + 'kind = "close"\nnth = 2': ("p.toml:3: fault.0.nth: unknown key of a fault close", "'every_s'"),
    FAULT + 'kind = "slow"\ndelay_ms = "3s"': ("was '3s', expected a whole number of 1 to 600000", ""),
    FAULT + 'kind = "slow"\ndelay_ms = 0': ("delay_ms: was 0, expected", ""),
    FAULT + 'kind = "slow"\nafter_s = nan': ("after_s: was nan, expected a number of 0 to 86400", ""),
    FAULT + 'kind = "slow"\nafter_s = 1e999': ("after_s: was inf", ""),
    FAULT + 'kind = "slow"\nafter_s = true': ("after_s: was true", ""),
    FAULT + 'kind = "slow"\nprobability = 1.5': ("was 1.5, expected a number of 0 to 1", ""),
    FAULT + 'kind = "slow"\nnth = 1\nevery = 2': ("p.toml:4: fault.0.every: given beside nth", ""),
    FAULT + 'kind = "slow"\nnth = 1\ncount = 2': ("p.toml:4: fault.0.count: given beside nth", ""),
    FAULT + 'kind = "slow"\n\ntarget = "order.plce"': ("p.toml:4: fault.0.target:", "'order.place'?"),
    FAULT + 'kind = "late"\ntarget = "order.place"': ("what late can be aimed at", "executionReport"),
    FAULT + 'kind = "terminate"\ntarget = "market"': ("what terminate can be aimed at", "'user'"),
    FAULT + 'kind = "banned"': ("p.toml:1: fault.0: duration_s is missing: banned lasts", "duration_s = 5"),
    FAULT + 'kind = "skew"': ("skew_ms is missing, expected a whole number of -86400000 to 86400000", ""),
    FAULT + 'kind = "skew"\nskew_ms = 1.5': ("skew_ms: was 1.5", ""),
    FAULT + 'kind = "garbled"\nform = "htm"': ("form: was 'htm', expected one of", "did you mean 'html'?"),
    FAULT + 'kind = "error"\nprocessed = 1': ("processed: was 1, expected true or false", ""),
    FAULT + 'kind = "error"\ntext = 1': ("text: was 1, expected a text", ""),
    FAULT + f'kind = "slow"\ntarget = "{"x" * 99}"': ("xxx..., expected what slow", ""),
    FAULT + 'kind = "slow': ("p.toml:2: not valid TOML: ", "[[fault]]"),
    "kind =": ("p.toml:1: not valid TOML: ", "[[fault]]"),
    FAULT + "x = " + "[" * 3_000: ("nested too deeply", ""),
    FAULT + 'kind = "slow"\n' + FAULT + 'kind = "late"\nx = 1': ("p.toml:5: fault.1.x: unknown key", ""),
    FAULT + 'kind = "slow"\ndelay_ms = ' + "9" * 5_000: ("beyond all bounds", ""),
}


@pytest.mark.parametrize("text", MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_told_with_its_place_what_was_expected_and_a_hint(text: str) -> None:
    """Exit code 4, and nothing of the plan is used."""
    message, hint = MISTAKES[text]
    with pytest.raises(ConfigError) as caught:
        plan_of(text, "p.toml")
    assert message in str(caught.value)
    assert hint in caught.value.hint
    assert caught.value.exit_code == EXIT_CONFIG


def test_a_plan_has_a_bounded_number_of_faults() -> None:
    """A file with more has one cause."""
    with pytest.raises(ConfigError, match="expected 1 to 1000 tables"):
        plan_of((FAULT + 'kind = "slow"\n') * (FAULTS_MAX + 1), "p.toml")


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "cannot be read: No such file"), (b"\xff", "byte 0 is no UTF-8"), (b"#" * 1_000_001, "at most")],
)
def test_a_file_that_is_no_plan_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    """By its name."""
    path = tmp_path / "plan.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=told) as caught:
        read_plan(path)
    assert str(path) in str(caught.value)


def test_a_plan_is_read_from_a_file(tmp_path: Path) -> None:
    """As the command line names it."""
    path = tmp_path / "plan.toml"
    path.write_text(EXAMPLE)
    assert read_plan(path) == plan_of(EXAMPLE, "x")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_no_value_breaks_the_reader(value: object) -> None:
    """Whatever stands in a field: a fault or an error in words."""
    for name in ("kind", "target", "after_s", "nth", "delay_ms", "form"):
        with suppress(ConfigError):
            fault_of({"kind": "slow", name: value})


def test_what_a_plan_can_be_aimed_at_is_what_the_exchange_serves() -> None:
    """The names of requests that are in no table are the sessions' own."""
    exchange = LocalExchange(make_settings())
    assert set(SESSION_METHODS) == set(exchange._sockets._api._sessions._methods)
    assert {kind.group for kind in KINDS.values()} == set(Group)
