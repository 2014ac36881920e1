"""The words for what is wrong, and what they never show."""

from decimal import Decimal

import pytest

from mm.errors import ConfigError
from mm.settings.models import FileSettings
from mm.settings.problems import Origins, Problem, known_keys, raise_problems, shown_value, wrong_value


def test_no_problem_raises_nothing() -> None:
    """An empty list is a good outcome."""
    raise_problems([], Origins("a.toml", {}))


def test_a_place_is_that_of_the_key_or_of_what_it_belongs_to() -> None:
    """A missing key is told at its table; one of nowhere at the file's first line."""
    origins = Origins("a.toml", {("risk",): 4, ("risk", "x"): 5})

    assert origins.nearest(("risk", "x")) == "a.toml:5"
    assert origins.nearest(("risk", "absent")) == "a.toml:4"
    assert origins.nearest(("nowhere",)) == "a.toml:1"
    assert origins.exact(("risk", "absent")) == "default"


def test_what_is_laid_over_replaces_all_that_was_below() -> None:
    """A table that is set whole leaves no old place behind."""
    origins = Origins("a.toml", {("demo",): 1, ("demo", "seed"): 2, ("demo", "preset"): 3})

    origins.set(("demo",), "--set", {"seed": 1})

    assert origins.exact(("demo", "seed")) == "--set"
    assert origins.exact(("demo", "preset")) == "default"


def test_problems_are_told_once_and_sorted_by_line() -> None:
    """Line 10 comes after line 9; the same thing is not said twice."""
    origins = Origins("a.toml", {("b",): 10, ("a",): 9})
    problem = Problem(path=("b",), message="wrong")

    with pytest.raises(ConfigError) as caught:
        raise_problems([problem, problem, Problem(path=("a",), message="wrong", hint="right")], origins)

    assert str(caught.value) == "a.toml:9: a: wrong\n  hint: right\na.toml:10: b: wrong"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("short", '"short"'),
        ("a" * 64, "a text"),
        ("bad\nline", "a text"),
        (7, "7"),
        (10**40, "a huge number"),
        (True, "true"),
        (False, "false"),
        (Decimal("1.50"), "1.50"),
        ({}, "a table"),
        ([], "a list"),
        (None, ""),
    ],
)
def test_values_are_shown_briefly_and_printably(value: object, shown: str) -> None:
    """Long texts could be keys; control characters could forge lines."""
    assert shown_value(("risk", "x"), value) == shown


def test_nothing_below_venue_is_shown() -> None:
    """That is where keys live."""
    assert shown_value(("venue", "main", "id"), "abc") == ""
    assert wrong_value(("venue", "main", "id"), "5%", "expected a number").hint == ""


@pytest.mark.parametrize(
    ("path", "some"),
    [
        ((), "risk"),
        (("risk",), "max_open_orders"),
        (("risk", "reference"), "window_ms"),
        (("pair", "btc"), "symbol"),
        (("pair", "risk", "inventory"), "max_base"),
        (("venue", "main"), "url"),
    ],
)
def test_known_keys_follow_tables_and_names(path: tuple[str, ...], some: str) -> None:
    """A pair may have the name of one of its own tables."""
    assert some in known_keys(FileSettings, path)


@pytest.mark.parametrize("path", [("pair",), ("mode",), ("nowhere",), ("risk", "on_breach")])
def test_where_no_table_is_there_are_no_known_keys(path: tuple[str, ...]) -> None:
    """Names of the user's own, single values and nonsense have none."""
    assert known_keys(FileSettings, path) == ()
