"""Kinds of value: bounds, and the hints for a wrong one."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from mm.settings import values
from mm.settings.values import host_is_loopback, plain, shape_hint, unfit, unit_hint


@pytest.mark.parametrize(
    ("key", "text", "hint"),
    [
        ("bid_spread_bps", "0.25%", "write bid_spread_bps = 25 (the unit is in the key's name)"),
        ("bid_spread_bps", "25bps", "write bid_spread_bps = 25 (the unit is in the key's name)"),
        ("bid_spread_bps", "25", "write bid_spread_bps = 25 (no quotes)"),
        (
            "order_refresh_time_ms",
            "30s",
            "write order_refresh_time_ms = 30000 (the unit is in the key's name)",
        ),
        (
            "order_refresh_time_ms",
            "1.5 min",
            "write order_refresh_time_ms = 90000 (the unit is in the key's name)",
        ),
        ("max_ratio", "5%", "write max_ratio = 0.05 (the unit is in the key's name)"),
        ("max_base", "1 BTC", "write a number without a unit: the unit is in the key's name, max_base"),
        ("max_base", "much", ""),
        ("max_base", "", ""),
    ],
)
def test_a_text_with_a_unit_gets_the_converted_number_as_hint(key: str, text: str, hint: str) -> None:
    """The hint says exactly what to write."""
    assert unit_hint(key, text) == hint


@pytest.mark.parametrize(
    ("number", "text"), [("1E+3", "1000"), ("0.5000", "0.5"), ("100", "100"), ("1E-7", "0.0000001")]
)
def test_plain_numbers_have_no_exponent(number: str, text: str) -> None:
    """People do not read 1E+3."""
    assert plain(Decimal(number)) == text


@pytest.mark.parametrize("value", [True, 1, 10**30, Decimal("1.5"), Decimal("1e-30"), "text", None])
def test_ordinary_values_are_fit(value: object) -> None:
    """Whatever its kind, an ordinary value passes on to the models."""
    assert unfit(value) == ""


@pytest.mark.parametrize(
    "value",
    [
        10**31,
        Decimal("nan"),
        Decimal("inf"),
        Decimal("1e31"),
        Decimal("1e-31"),
        date(2026, 1, 1),
        datetime.now(UTC),
    ],
)
def test_values_beyond_all_bounds_are_unfit(value: object) -> None:
    """Numbers that could blow up a conversion, and dates, stop at the door."""
    assert unfit(value)


def outcome(kind: Any, value: object) -> object:
    """What a kind makes of a value; the text of its error if it refuses."""
    try:
        return TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        return error.errors()[0]["msg"]


def test_numbers_stay_exact_and_texts_are_no_numbers() -> None:
    """An integer becomes a decimal, a decimal stays itself, a text or a switch is refused."""
    assert outcome(values.Amount, 3) == Decimal(3)
    assert outcome(values.Amount, Decimal("0.1234567890123456789")) == Decimal("0.1234567890123456789")
    for wrong in ("3", True, 1.5, None, [1]):
        assert "Decimal" in str(outcome(values.Amount, wrong))


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (values.Amount, Decimal("0.1"), Decimal(0)),
        (values.Holding, 0, -1),
        (values.Bps, Decimal("0.01"), Decimal("0.001")),
        (values.Bps, 10_000, 10_001),
        (values.Ratio, 1, Decimal("1.1")),
        (values.Ratio, Decimal("0.000001"), Decimal("0.0000001")),
        (values.Count, 1, 0),
        (values.Milliseconds, 1, 0),
        (values.Seed, 0, -1),
        (values.Name, "btc", "Btc"),
        (values.Name, "a_b-1", "a__b"),
        (values.Name, "a", "a.b"),
        (values.Name, "a" * 32, "a" * 33),
        (values.Symbol, "BTC/USDT", "BTCUSDT"),
        (values.SecretReference, "env:A_B1", "env:A-B"),
        (values.SecretReference, "file:/run/keys/a", "keystore:a"),
        (values.FilePath, "./var", ""),
        (values.FilePath, "./var", 3),
        (values.FilePath, "./var", "~nobody-of-this-name/x"),
        (values.Url, "https://api.example:9443", "ftp://api.example"),
        (values.Url, "http://127.0.0.1:8600/", "http://api.example"),
        (values.Url, "http://localhost:1", "https://user:pw@api.example"),
        (values.Url, "http://[::1]:80", "https://api.example/path"),
        (values.Url, "https://a", "https://a:99999"),
        (values.Url, "https://a", "https://a:0"),
        (values.Url, "https://a", "https://a b"),
        (values.Url, "https://a", "https://"),
        (values.Url, "https://a", 5),
    ],
)
def test_bounds_of_each_kind(kind: Any, good: object, bad: object) -> None:
    """The last good value passes, the first bad one does not."""
    TypeAdapter(kind).validate_python(good, strict=True)

    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(bad, strict=True)


@pytest.mark.parametrize("wrong", ["btc-usdt", "BTC-USDT", "BTC_USDT", "btc/usdt"])
def test_a_symbol_in_another_spelling_gets_the_right_one_as_hint(wrong: str) -> None:
    """Every common spelling is understood, for the hint alone."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(values.Symbol).validate_python(wrong)

    assert caught.value.errors()[0]["ctx"]["hint"] == 'write "BTC/USDT"'


@pytest.mark.parametrize(
    ("url", "is_loopback"),
    [
        ("http://127.0.0.1:1", True),
        ("http://127.9.9.9", True),
        ("http://localhost", True),
        ("http://[::1]:1", True),
        ("http://127.0.0.1.example", False),
        ("http://0.0.0.0", False),
        ("http://10.0.0.1", False),
        ("https://localhost.example", False),
        ("http://[zz]", False),
        ("nonsense", False),
    ],
)
def test_loopback_is_judged_by_the_spelling_alone(url: str, is_loopback: bool) -> None:
    """No name is looked up; only addresses of this machine and `localhost` count."""
    assert host_is_loopback(url) is is_loopback


@pytest.mark.parametrize(
    ("value", "expected", "named", "hint"),
    [
        ([], "expected a table", True, "write [risk.x.NAME] headers, one per entry"),
        ([], "expected a table", False, "write [risk.x] once, in single brackets"),
        (3, "expected a table", True, ""),
        ({}, "expected a number", False, "write a single value: x = ..."),
        ([3], "expected a number", False, "write a single value, without brackets"),
        (3, "expected a list", False, "write x = [3]"),
        (Decimal("0.50"), "expected a list", False, "write x = [0.5]"),
        ("1, 2.5", "expected a list", False, "write x = [1, 2.5]"),
        ("BTC/USDT,ETH/USDT", "expected a list", False, 'write x = ["BTC/USDT", "ETH/USDT"]'),
        ('a"b', "expected a list", False, "write x = [..., ...]"),
        ({}, "expected a list", False, "write x = [..., ...]"),
        (True, "expected a list", False, "write x = [..., ...]"),
        (True, "expected a number", False, ""),
    ],
)
def test_a_value_of_another_shape_gets_the_way_to_write_it(
    value: object, expected: str, named: bool, hint: str
) -> None:
    """A list, a table and a single value are taken for one another; each hint is about what was expected."""
    assert shape_hint(("risk", "x"), value, expected, named=named) == hint


def test_a_list_within_a_list_is_told_as_that() -> None:
    """The key is the list's, not the entry's place in it."""
    told = shape_hint(("pair", "btc", "params", "spreads", "1"), [2], "expected a number", named=False)

    assert told == "spreads is one list of single values, without lists in it"
