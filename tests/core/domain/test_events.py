"""Events survive the journal's codec, every one of them, and say what they are."""

import msgspec
import pytest

from mm.domain.commands import AnyCommand
from mm.domain.events import AnyEvent, BookDelta, Event, OrderFilled
from mm.domain.units import ATOMS_MAX
from tests.builders.examples import example_structs, tag_of

EXAMPLES: list[Event] = example_structs(AnyEvent)
ENCODER = msgspec.msgpack.Encoder()
DECODER: msgspec.msgpack.Decoder[AnyEvent] = msgspec.msgpack.Decoder(AnyEvent)


def named(example: object) -> str:
    """Return the name of an example's type."""
    return type(example).__name__


@pytest.mark.parametrize("event", EXAMPLES, ids=named)
def test_each_event_survives_the_codec(event: Event) -> None:
    """What is read back is equal, of the same type, and encodes to the same bytes."""
    written = ENCODER.encode(event)

    read = DECODER.decode(written)

    assert type(read) is type(event)
    assert read == event
    assert ENCODER.encode(read) == written


@pytest.mark.parametrize("event", EXAMPLES, ids=named)
def test_each_event_is_frozen_timed_and_tagged_by_its_name(event: Event) -> None:
    """Facts do not change, have a time, and are written under the name of their type."""
    with pytest.raises(AttributeError):
        event.ts_ns = 0  # type: ignore[misc] # that it is refused is the point
    assert "ts_ns" in event.__struct_fields__
    assert tag_of(type(event)) == type(event).__name__


@pytest.mark.parametrize("event", EXAMPLES, ids=named)
def test_each_event_is_documented(event: Event) -> None:
    """A type without a docstring of its own would inherit that of the root."""
    assert (type(event).__doc__ or "") not in ("", Event.__doc__)


def test_no_two_types_of_the_journal_share_a_tag() -> None:
    """Events and commands lie in one journal: a tag names exactly one of them."""
    tags = [tag_of(type(example)) for example in (*EXAMPLES, *example_structs(AnyCommand))]

    assert len(tags) == len(dict.fromkeys(tags))


def test_every_event_type_is_in_the_closed_union() -> None:
    """A subclass that is not in the union could never be read back."""
    assert sorted(cls.__name__ for cls in Event.__subclasses__()) == sorted(map(named, EXAMPLES))


def test_the_largest_amounts_can_be_written() -> None:
    """What passes the checks on amounts fits into the file."""
    filled = next(event for event in EXAMPLES if isinstance(event, OrderFilled))
    for amount in (ATOMS_MAX, -ATOMS_MAX):
        event = msgspec.structs.replace(filled, fee_atoms=amount)
        assert DECODER.decode(ENCODER.encode(event)) == event


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"\xc1",
        ENCODER.encode({"type": "NoSuchEvent", "ts_ns": 1}),
        ENCODER.encode({"type": "Advanced"}),
        ENCODER.encode({"type": "Advanced", "ts_ns": "1"}),
    ],
    ids=["nothing", "no msgpack", "unknown tag", "missing field", "wrong type"],
)
def test_what_is_no_event_is_refused(written: bytes) -> None:
    """A record that cannot be an event is an error and not a guess."""
    with pytest.raises(msgspec.DecodeError):
        DECODER.decode(written)


def test_levels_are_levels_again() -> None:
    """A pair in the file is a level with named parts in memory."""
    delta = next(event for event in EXAMPLES if isinstance(event, BookDelta))

    read = DECODER.decode(ENCODER.encode(delta))

    assert isinstance(read, BookDelta)
    assert read.bids[0].price_ticks == delta.bids[0].price_ticks
    assert read.asks[1].size_atoms == delta.asks[1].size_atoms
