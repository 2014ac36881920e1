"""Reading what a daemon answers, whatever it lacks."""

from decimal import Decimal

import pytest

from mm.cli import shapes


def test_fields_are_read_by_kind() -> None:
    """What is there is read; what is none of the kind is as if it were absent."""
    fields = {"t": "a\x1b", "n": "1.5", "i": 3, "m": {"x": 1}, "l": [{"a": 1}, 5], "r": [[1, 2], [], 7]}

    assert shapes.text(fields, "t") == "a?"
    assert shapes.text(fields, "absent") == "-"
    assert shapes.text({"x": None, "y": ""}, "x", "none") == "none"
    assert shapes.number(fields, "n") == Decimal("1.5")
    assert shapes.number(fields, "t") is None
    assert shapes.count(fields, "i") == 3
    assert shapes.count(fields, "t") == 0
    assert shapes.table(fields, "m") == {"x": 1}
    assert shapes.table(fields, "i") == {}
    assert shapes.tables(fields, "l") == [{"a": 1}]
    assert shapes.tables(fields, "i") == []
    assert shapes.rows(fields, "r") == [[1, 2]]
    assert shapes.rows(fields, "i") == []
    assert shapes.texts({"x": ["a\x1b", 1, "b"]}, "x") == ["a?", "b"]
    assert shapes.texts(fields, "i") == []


@pytest.mark.parametrize("value", [True, None, "x", "nan", "inf", "1e31", "1e-31", 10**31, [], {}])
def test_what_is_no_number_is_none(value: object) -> None:
    """Switches and not-a-number included."""
    assert shapes.decimal(value) is None


@pytest.mark.parametrize(
    ("milliseconds", "told"),
    [(None, "-"), (0, "0 ms"), (999, "999 ms"), (1_500, "1.5 s"), (240_000, "4 min"), (9_000_000, "2.5 h")],
)
def test_ages_are_told_in_the_unit_that_fits(milliseconds: int | None, told: str) -> None:
    """From milliseconds to hours."""
    assert shapes.age(None if milliseconds is None else Decimal(milliseconds)) == told


def test_times_of_day_and_running_times() -> None:
    """UTC; nonsense shows as absent."""
    assert shapes.clock_time({"t": 1_795_000_000_000}, "t") == "11:06:40"
    assert shapes.clock_time({"t": 10**20}, "t") == "-"
    assert shapes.clock_time({"t": -1}, "t") == "-"
    assert shapes.run_time(Decimal("3723.9")) == "01:02:03"
    assert shapes.run_time(None) == shapes.run_time(Decimal(-1)) == "--:--:--"


@pytest.mark.parametrize(
    ("value", "told"), [("1234.567", "+1,234.57"), ("-0.05", "-0.0500"), ("0", "+0.0000"), ("x", "-")]
)
def test_money_has_a_sign_and_no_needless_digits(value: str, told: str) -> None:
    """Small amounts keep four decimals."""
    assert shapes.money({"m": value}, "m") == told
