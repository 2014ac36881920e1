"""What a strategy sees and what it answers is frozen: there is no way back into the engine's state."""

import copy
import pickle

import msgspec
import pytest

from mm.domain.capabilities import Capabilities
from mm.domain.quotes import Quote, Quotes
from mm.domain.sides import Side
from mm.domain.view import LastFill, OwnQuote, Reading, View

STRUCTS: list[type[msgspec.Struct]] = [View, OwnQuote, LastFill, Reading, Capabilities]


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_each_struct_is_frozen(struct: type[msgspec.Struct]) -> None:
    """Neither side can change what it was given."""
    assert struct.__struct_config__.frozen


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_each_field_is_documented(struct: type[msgspec.Struct]) -> None:
    """The docstring names every field of what strategies are written against, apart from bare sides."""
    text = struct.__doc__ or ""

    for field in struct.__struct_fields__:
        assert field in text or field in ("side", "price_ticks"), field


@pytest.mark.parametrize("name", Quote.__match_args__)
def test_nothing_of_a_quote_changes(name: str) -> None:
    """Neither by name, nor does it take anything else in."""
    quote = Quote(1, 2, 3, 4, 5, 6)
    with pytest.raises(AttributeError):
        setattr(quote, name, 7)
    with pytest.raises(AttributeError):
        setattr(quote, "more", 7)  # noqa: B010 - it has none of that name
    assert quote.as_tuple() == (1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize("name", Quotes.__match_args__)
def test_nothing_of_an_answer_changes(name: str) -> None:
    """What is wanted next is another answer."""
    quotes = Quotes((Quote(1, 2),), (), "quoting", None)
    with pytest.raises(AttributeError):
        setattr(quotes, name, ())
    assert quotes == Quotes((Quote(1, 2),), (), "quoting", None)


@pytest.mark.parametrize("kind", [Quote, Quotes])
def test_each_part_of_an_answer_is_documented(kind: type[Quote | Quotes[None]]) -> None:
    """Strategies are written against them."""
    assert all(getattr(kind, name).__doc__ for name in kind.__match_args__)


@pytest.mark.parametrize("name", Quote.__match_args__)
def test_another_quote_is_made_of_one_by_what_differs(name: str) -> None:
    """What is not named stays, a 0 is a value; two that differ in anything are two."""
    quote = Quote(1, 2, 3, 4, 5, 6)
    assert quote.but() == quote
    place = Quote.__match_args__.index(name)
    for value in (0, 9):
        changed = quote.but(**{name: value})
        assert changed.as_tuple() == (*range(1, place + 1), value, *range(place + 2, 7))
        assert changed != quote


def test_what_is_no_quote_equals_none() -> None:
    """Neither the tuple that one is made of."""
    quote = Quote(1, 2, 3, 4, 5, 6)
    assert quote != quote.as_tuple()
    assert Quotes((quote,), (), "quoting", None) != ((quote,), (), "quoting", None)


def test_a_quote_is_taken_apart_by_place_and_copied_and_kept_in_files() -> None:
    """What a strategy of the user's may do with one, and with a whole answer."""
    quotes = Quotes((Quote(1, 2, 3, 4, 5, 6),), (), "quoting", (7, 8))
    for made in (copy.copy(quotes), copy.deepcopy(quotes), pickle.loads(pickle.dumps(quotes))):
        assert made == quotes
    match quotes:
        case Quotes((Quote(price_ticks, size_lots),), ()):
            assert (price_ticks, size_lots) == (1, 2)
        case _:
            pytest.fail("it was not taken apart")


def test_a_quote_says_what_it_is_made_of() -> None:
    """As code would write it."""
    quote = Quote(1, 2, 3, 4, 5, 6)
    assert repr(quote) == "Quote(1, 2, 3, 4, 5, 6)"
    assert repr(Quotes((quote,), (), "quoting", None)) == f"Quotes(({quote!r},), (), 'quoting', None)"


def test_quotes_compare_by_value() -> None:
    """Equal ladders are equal whoever made them: replay and rules rely on it."""
    first = Quotes((Quote(1, 2),), (), "quoting", None)
    second = Quotes((Quote(1, 2),), (), "quoting", None)

    assert first == second
    assert first != Quotes((Quote(1, 3),), (), "quoting", None)
    assert Quote(1, 2) == Quote(1, 2, 0, 0, 0, 0)


def test_a_signal_that_is_ready_waits_for_nothing() -> None:
    """The default of a reading is that nothing is missing; an own quote says what it is."""
    assert Reading(1.5, ready=True).waits_for == ""
    assert OwnQuote(Side.BUY, 0, 1, 2, 3, certain=True).certain
    assert LastFill(1, 2, 3).size_lots == 3


def test_capabilities_have_careful_defaults() -> None:
    """Absence is proven after a minute at the earliest, and own orders are in the public book."""
    caps = Capabilities(orders_per_10s=10, weight_per_minute=100)

    assert caps.absence_proof_ns >= 60 * 10**9
    assert caps.own_orders_in_book
