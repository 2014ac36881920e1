"""Parameters against a strategy's own dataclass: strict, exact, with places."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Gt, MinLen

from mm.settings.params import validated_params
from mm.settings.problems import Problem


class Mode(StrEnum):
    """An enumeration as a parameter."""

    JOIN = "join"
    TOP = "top"


@dataclass(frozen=True, kw_only=True)
class Inner:
    """A table within the table."""

    spread_bps: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """Every kind of field that a strategy may have."""

    amount: Annotated[Decimal, Ge(0)] = Decimal(1)
    maybe: Decimal | None = None
    gamma: float = 0.5
    levels: int = 1
    on: bool = False
    name: str = "x"
    mode: Mode = Mode.JOIN
    kind: Literal["a", "b"] = "a"
    spreads: tuple[Decimal, ...] = ()
    weights: list[float] = field(default_factory=list)
    bounded: Annotated[tuple[Annotated[Decimal, Gt(0)], ...] | None, MinLen(1)] = None
    inner: Inner | None = None
    named: dict[str, Inner] | None = None
    derived: int = field(default=7, init=False)

    def __post_init__(self) -> None:
        """A check of the strategy's own."""
        if self.levels > 50:
            raise ValueError("levels was above 50")
        if self.levels == 49:
            raise ValueError("no such number of levels")


PATH = ("pair", "btc", "params")


def good(**table: object) -> Params:
    """The parameters of a table that is fine."""
    params, problems = validated_params(Params, table, PATH)
    assert problems == []
    assert isinstance(params, Params)
    return params


def bad(**table: object) -> Problem:
    """The one problem of a table."""
    params, problems = validated_params(Params, table, PATH)
    assert params is None
    assert len(problems) == 1
    return problems[0]


def test_every_kind_of_field_keeps_its_type() -> None:
    """Decimals exactly, floats as floats, lists as tuples, names as members."""
    params = good(
        amount=Decimal("0.12345678901234567890123456789"),
        maybe=3,
        gamma=Decimal("0.25"),
        levels=4,
        on=True,
        name="12",
        mode="top",
        kind="b",
        spreads=[1, Decimal("2.50")],
        weights=[Decimal("0.5"), 1],
        inner={"spread_bps": Decimal("0.12345678901234567890123456789")},
        named={"one": {"spread_bps": 2}, "two": {"spread_bps": Decimal("0.10")}},
    )

    assert params.amount == Decimal("0.12345678901234567890123456789")
    assert params.maybe == Decimal(3)
    assert params.gamma == 0.25
    assert (params.levels, params.on, params.name) == (4, True, "12")
    assert params.mode is Mode.TOP
    assert params.spreads == (Decimal(1), Decimal("2.50"))
    assert params.weights == [0.5, 1.0]
    assert params.inner == Inner(spread_bps=Decimal("0.12345678901234567890123456789"))
    assert params.named == {"one": Inner(spread_bps=Decimal(2)), "two": Inner(spread_bps=Decimal("0.1"))}


def test_an_empty_table_gives_the_defaults() -> None:
    """Nothing stated is fine where everything has a default."""
    assert good() == Params()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"amount": "3"}, 'was "3", expected a number'),
        ({"amount": True}, "was true, expected a number"),
        ({"amount": Decimal(-1)}, "was -1, expected at least 0"),
        ({"maybe": "off"}, 'was "off", expected a number'),
        ({"gamma": "0.5"}, 'was "0.5", expected a number'),
        ({"levels": "3"}, 'was "3", expected a number'),
        ({"levels": Decimal("3.0")}, "was 3.0, expected a whole number"),
        ({"levels": True}, "was true, expected a whole number"),
        ({"on": 1}, "was 1, expected true or false"),
        ({"on": "true"}, 'was "true", expected true or false'),
        ({"name": 3}, "was 3, expected a text in quotes"),
        ({"mode": "far"}, "was \"far\", expected 'join' or 'top'"),
        ({"kind": "c"}, "was \"c\", expected 'a' or 'b'"),
        ({"spreads": Decimal(1)}, "was 1, expected a list"),
        ({"spreads": [1, "2"]}, 'was "2", expected a number'),
        ({"bounded": [1, 0]}, "was 0, expected more than 0"),
        ({"bounded": []}, "was a list, expected at least one entry"),
        ({"inner": 3}, "was 3, expected a table"),
        ({"inner": {"spread_bps": "3"}}, 'was "3", expected a number'),
        ({"named": 3}, "was 3, expected a table"),
        ({"named": {"one": 3}}, "was 3, expected a table"),
        ({"named": {"one": {"spread_bps": True}}}, "was true, expected a number"),
        ({"named": {"one": {"spread_bps": 1, "side": "buy"}}}, "unknown key"),
        ({"named": {"one": {}}}, "missing"),
        ({"levels": 51}, "levels was above 50"),
        ({"levels": 49}, "no such number of levels"),
    ],
)
def test_a_wrong_value_is_refused_as_it_was_written(table: dict[str, object], message: str) -> None:
    """The message shows the value of the file, not what became of it on the way."""
    assert bad(**table).message == message


def test_problems_name_the_deepest_key() -> None:
    """An error in a list or an inner table has its element's path; one of the class that of its field."""
    assert bad(spreads=[1, True]).path == (*PATH, "spreads", "1")
    assert bad(spreads=[1, "2"]).path == (*PATH, "spreads", "1")
    assert (
        bad(spreads=[1, "2bps"]).hint
        == "write a number without a unit: the unit is in the key's name, spreads"
    )
    assert bad(inner={}).path == (*PATH, "inner", "spread_bps")
    assert bad(named={"one": {}}).path == (*PATH, "named", "one", "spread_bps")
    assert bad(named={"one": {}}).hint == "write spread_bps = ... in [pair.btc.params.named.one]"
    assert bad(levels=51).path == (*PATH, "levels")
    assert bad(levels=49).path == PATH


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    """Fields that the class computes cannot be set either."""
    assert bad(amont=1).hint == "did you mean 'amount'?"
    assert bad(derived=1).message == "unknown key"


def test_a_class_that_is_no_dataclass_cannot_be_set() -> None:
    """The strategy is at fault, and the error says so."""
    params, problems = validated_params(int, {}, PATH)

    assert params is None
    assert "no dataclass" in problems[0].message


def test_a_missing_key_says_where_to_write_it() -> None:
    """Required parameters are named with their table."""
    _, problems = validated_params(Inner, {}, PATH)

    assert problems == [
        Problem(
            path=(*PATH, "spread_bps"), message="missing", hint="write spread_bps = ... in [pair.btc.params]"
        )
    ]
