"""Commands survive the journal's codec, every one of them, and say what they are."""

import msgspec
import pytest

from mm.domain.commands import AnyCommand, Command, Report
from tests.builders.examples import example_structs, tag_of

EXAMPLES: list[Command] = example_structs(AnyCommand)
ENCODER = msgspec.msgpack.Encoder()
DECODER: msgspec.msgpack.Decoder[AnyCommand] = msgspec.msgpack.Decoder(AnyCommand)


def named(example: object) -> str:
    """Return the name of an example's type."""
    return type(example).__name__


@pytest.mark.parametrize("command", EXAMPLES, ids=named)
def test_each_command_survives_the_codec(command: Command) -> None:
    """What is read back is equal, of the same type, and encodes to the same bytes."""
    written = ENCODER.encode(command)

    read = DECODER.decode(written)

    assert type(read) is type(command)
    assert read == command
    assert ENCODER.encode(read) == written


@pytest.mark.parametrize("command", EXAMPLES, ids=named)
def test_each_command_is_frozen_tagged_and_documented(command: Command) -> None:
    """An intent does not change after it was written down; its tag is the name of its type."""
    fields = command.__struct_fields__
    if fields:
        with pytest.raises(AttributeError):
            setattr(command, fields[0], None)
    assert tag_of(type(command)) == type(command).__name__
    assert (type(command).__doc__ or "") not in ("", Command.__doc__)


def test_every_command_type_is_in_the_closed_union() -> None:
    """A subclass that is not in the union would be routed nowhere."""
    assert sorted(cls.__name__ for cls in Command.__subclasses__()) == sorted(map(named, EXAMPLES))
    assert "Report" in map(named, EXAMPLES)


def test_facts_of_a_report_keep_their_order() -> None:
    """Reports are read by people: facts come in the order in which they were said."""
    report = Report(ts_ns=1, code="halt", session="", facts=(("b", "1"), ("a", "2")))

    read = DECODER.decode(ENCODER.encode(report))

    assert isinstance(read, Report)
    assert read.facts == (("b", "1"), ("a", "2"))
