"""The text of metrics: read back by a reader that knows nothing of the writer, whatever stands in it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.observe.exposition import LABEL_LENGTH_MAX, Family, exposition
from tests.builders.openmetrics import parsed


def family(*samples: tuple[tuple[str, ...], int | float | str], about: str = "What it is.") -> Family:
    """Return a gauge with one label."""
    return Family(name="mm_x", kind="gauge", labels=("who",), about=about, samples=samples)


def test_the_whole_text_is_as_the_format_wants_it() -> None:
    """Type, help, samples, end; a counter's family has no suffix, its samples do."""
    families = (
        Family(name="mm_n_total", kind="counter", labels=(), about="How many.", samples=(((), 3),)),
        Family(name="mm_b_info", kind="info", labels=("v", "m"), about="It.", samples=((("1", "x"), 1),)),
        family((("a",), "-0.10"), (("b",), 0.5)),
    )

    assert exposition(families) == (
        "# TYPE mm_n counter\n# HELP mm_n How many.\nmm_n_total 3\n"
        '# TYPE mm_b info\n# HELP mm_b It.\nmm_b_info{v="1",m="x"} 1\n'
        '# TYPE mm_x gauge\n# HELP mm_x What it is.\nmm_x{who="a"} -0.10\nmm_x{who="b"} 0.5\n'
        "# EOF\n"
    )
    assert exposition(()) == "# EOF\n"


@given(st.text(max_size=LABEL_LENGTH_MAX), st.text(max_size=60))
def test_whatever_stands_in_a_label_or_a_help_comes_back(label: str, about: str) -> None:
    """Quotes, backslashes, line ends, braces, other lines of the format."""
    found = parsed(exposition([family(((label,), 1), about=about)]))["mm_x"]

    assert (found.about, list(found.samples)) == (about, [frozenset({("who", label)})])


def test_what_no_encoding_has_and_what_is_too_long_is_cut() -> None:
    """A lone half of a pair becomes a question mark; a label ends somewhere."""
    text = exposition([family((("\ud800",), 1), (("y" * 500,), 1))])

    assert text.encode()
    assert set(parsed(text)["mm_x"].samples) == {
        frozenset({("who", "?")}),
        frozenset({("who", "y" * LABEL_LENGTH_MAX)}),
    }


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_left_out(value: float) -> None:
    """Nothing is known then; the family is told all the same."""
    assert parsed(exposition([family((("a",), value), (("b",), 1e-7))]))["mm_x"].samples == {
        frozenset({("who", "b")}): Decimal("1e-7")
    }


@pytest.mark.parametrize(("name", "kind"), [("mm_n", "counter"), ("mm_b", "info")])
def test_a_name_without_the_suffix_of_its_kind_is_a_bug(name: str, kind: str) -> None:
    """Whoever scrapes would read another name."""
    with pytest.raises(AssertionError, match="another suffix"):
        Family(name=name, kind=kind, labels=(), about="", samples=())  # type: ignore[arg-type]  # a text that is a kind
