"""What is written can be read, and a change of a type is a change of its version."""

import hashlib
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from mm.domain.commands import AnyCommand
from mm.domain.estate import Estate
from mm.domain.events import AnyEvent
from mm.errors import JournalForeign
from mm.store.journal.codec import READS, WRITES, Codec, decode_header, encode
from mm.store.journal.entries import (
    CHECKPOINT,
    COMMAND,
    CONFIG,
    EVENT,
    MISSING,
    NOTE,
    OUTCOME,
    ConfigVersion,
    Kind,
    Missing,
    OperatorNote,
    SegmentHeader,
)
from tests.builders.examples import tag_of
from tests.builders.journals import RUN, cancel, moment

OWN: Final = [inspect.type_info(one) for one in (ConfigVersion, OperatorNote, Missing, Estate, SegmentHeader)]


def members(union: object) -> list[inspect.Type]:
    """The types in a union."""
    info = inspect.type_info(union)
    assert isinstance(info, inspect.UnionType)
    return list(info.types)


COMMANDS: Final = members(AnyCommand)
HEADER: Final = OWN[-1]
RECORDS: Final = [*members(AnyEvent), *COMMANDS, *OWN[:-1]]
WRITTEN: Final = [*RECORDS, HEADER]


def values(info: inspect.Type) -> st.SearchStrategy[object]:
    """Everything that a field of this type can hold, as far as the journal has to hold it."""
    match info:
        case inspect.StructType():
            return st.builds(info.cls, **{field.name: values(field.type) for field in info.fields})
        case inspect.NamedTupleType():
            return st.builds(info.cls, *(values(field.type) for field in info.fields))
        case inspect.EnumType():
            return st.sampled_from(list(info.cls))
        case inspect.VarTupleType():
            return st.lists(values(info.item_type), max_size=3).map(tuple)
        case inspect.TupleType():
            return st.tuples(*(values(item) for item in info.item_types))
        case inspect.DictType():
            return st.dictionaries(values(info.key_type), values(info.value_type), max_size=3)
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            return st.integers(-(1 << 63), (1 << 63) - 1)
        case inspect.FloatType():
            return st.floats(allow_nan=False, width=64)
        case inspect.BytesType():
            return st.binary(max_size=40)
        case inspect.UnionType():
            return st.one_of(*map(values, info.types))
        case inspect.NoneType():
            return st.none()
        case _:
            assert isinstance(info, inspect.StrType), info
            return st.text(max_size=20)


def shape(info: inspect.Type) -> str:
    """The fields of a type in words, all the way down."""
    match info:
        case inspect.StructType() | inspect.NamedTupleType():
            inner = ", ".join(f"{field.encode_name}: {shape(field.type)}" for field in info.fields)
            return f"{type(info).__name__}({inner})"
        case inspect.EnumType():
            return "|".join(str(member.value) for member in info.cls)
        case inspect.VarTupleType():
            return f"[{shape(info.item_type)}]"
        case inspect.UnionType():
            return " or ".join(map(shape, info.types))
        case inspect.TupleType():
            return f"({', '.join(map(shape, info.item_types))})"
        case inspect.DictType():
            return f"{{{shape(info.key_type)}: {shape(info.value_type)}}}"
        case _:
            return type(info).__name__


def fingerprint(info: inspect.Type) -> str:
    """A short form of the shape of a type."""
    return hashlib.sha256(shape(info).encode()).hexdigest()[:8]


def kind_of(name: str) -> Kind:
    """The kind that records of a type have."""
    own = {"ConfigVersion": CONFIG, "OperatorNote": NOTE, "Missing": MISSING, "Estate": CHECKPOINT}
    commands = [tag_of(info.cls) for info in COMMANDS if isinstance(info, inspect.StructType)]
    return own.get(name, COMMAND if name in commands else EVENT)


@settings(max_examples=400)
@given(st.one_of(*map(values, RECORDS)))
def test_every_entry_is_read_as_it_was_written(entry: object) -> None:
    """Equal, of the same type, and the same bytes when it is written again."""
    assert isinstance(entry, msgspec.Struct)
    payload = msgspec.msgpack.encode(entry)

    read = Codec(WRITES, "file").decode(kind_of(tag_of(type(entry))), payload, 0)

    assert type(read) is type(entry)
    assert read == entry
    assert encode(read) == payload


@given(values(HEADER))
def test_every_header_is_read_as_it_was_written(header: object) -> None:
    """With its run, its place in the chain and the versions of its types."""
    assert isinstance(header, SegmentHeader)

    assert decode_header(msgspec.msgpack.encode(header), "file") == header


def test_each_type_has_its_version_and_nothing_else_has() -> None:
    """A type that joins a union gets its row in the table."""
    names = [tag_of(info.cls) for info in WRITTEN if isinstance(info, inspect.StructType)]

    assert sorted(names) == list(READS)
    assert all(list(versions) == sorted(set(versions)) for versions in READS.values())


def test_a_type_whose_fields_change_gets_a_new_version() -> None:
    """If this fails: raise the version in READS (keep the old one if only a field with a default was added),
    then put what is printed here.
    """
    found = {
        tag_of(info.cls): (WRITES[tag_of(info.cls)], fingerprint(info))
        for info in WRITTEN
        if isinstance(info, inspect.StructType)
    }

    assert found == SHAPES


def test_a_version_that_is_not_read_here_is_an_error_in_words() -> None:
    """With the type, both versions and the place; other types of the same segment are read."""
    codec = Codec({**WRITES, "Cancel": 2}, "000001.mmj")

    assert codec.decode(EVENT, encode(moment(1)), 0) == moment(1)
    with pytest.raises(
        JournalForeign, match=r"000001.mmj: byte 77: a record Cancel of version 2; .* 1$"
    ) as caught:
        codec.decode(COMMAND, encode(cancel(1)), 77)
    assert "version of mm that wrote it" in caught.value.hint


def test_a_type_that_is_not_known_here_is_an_error_in_words() -> None:
    """As a newer mm would write it."""
    payload = msgspec.msgpack.encode({"type": "Amend", "cid": "x"})

    with pytest.raises(JournalForeign, match=r"a record Amend of version 1; this mm reads: none"):
        Codec({**WRITES, "Amend": 1}, "f").decode(COMMAND, payload, 0)
    with pytest.raises(JournalForeign, match="fields are not read here"):
        Codec(WRITES, "f").decode(COMMAND, payload, 0)


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x90", encode(moment(1))[:-1]])
def test_a_record_that_is_none_is_an_error_in_words(payload: bytes) -> None:
    """Whole by its CRC and yet not a record: written by something else."""
    for types in (WRITES, {**WRITES, "Cancel": 2}):
        with pytest.raises(JournalForeign, match="f: byte 5: a record"):
            Codec(types, "f").decode(OUTCOME, payload, 5)
    with pytest.raises(JournalForeign, match="f: byte 0: a header"):
        decode_header(payload, "f")


def test_an_event_is_no_command() -> None:
    """The kind says what may be in a record."""
    with pytest.raises(JournalForeign):
        Codec(WRITES, "f").decode(COMMAND, encode(moment(1)), 0)
    with pytest.raises(JournalForeign, match="kind 77"):
        Codec(WRITES, "f").decode(77, encode(moment(1)), 0)


def test_a_header_of_another_type_is_refused() -> None:
    """A frame of kind header that holds something else."""
    with pytest.raises(JournalForeign):
        decode_header(encode(moment(1)), "f")
    assert RUN.epoch == 7


SHAPES: Final[dict[str, tuple[int, str]]] = {
    "AccessDenied": (1, "34cde410"),
    "AckMismatch": (1, "154bbdec"),
    "Advanced": (1, "e2102217"),
    "BalanceChanged": (2, "80a2848e"),
    "BalancesListed": (1, "f7235977"),
    "BookDelta": (1, "169c8e50"),
    "BookLost": (1, "e37f6bdd"),
    "BookSnapshot": (1, "d184f265"),
    "Cancel": (1, "26ef3316"),
    "CancelRejected": (1, "e554f2b4"),
    "CancelUnknown": (1, "00ca3139"),
    "ClockDoubted": (1, "e2102217"),
    "ClockMeasured": (1, "fbd989fb"),
    "ConfigApplied": (1, "a93f449e"),
    "ConfigVersion": (1, "d66ee83e"),
    "Connect": (2, "352d8d13"),
    "Estate": (4, "77218afa"),
    "FillsListed": (1, "b551a64c"),
    "ListBalances": (1, "609c5d01"),
    "ListFills": (1, "dc1f70aa"),
    "ListOrders": (1, "f409b71c"),
    "MeasureClock": (1, "609c5d01"),
    "Missing": (1, "1a789b74"),
    "OperatorAsked": (1, "6ae3119a"),
    "OperatorNote": (1, "b3f0f4f6"),
    "OrderAcked": (1, "249375fa"),
    "OrderCanceled": (1, "a107386d"),
    "OrderExpired": (1, "a8bb8b0a"),
    "OrderFilled": (1, "174f1ad5"),
    "OrderNotFound": (1, "50c33ab0"),
    "OrderRejected": (1, "3a20a450"),
    "OrderSeen": (1, "d110b21d"),
    "OrdersListed": (1, "1bee0850"),
    "Place": (1, "806ead3a"),
    "PlaceUnknown": (1, "980e2c1a"),
    "PublicTrade": (2, "58287bc7"),
    "Query": (1, "26ef3316"),
    "RateUsed": (1, "7d609df5"),
    "Report": (1, "72ae9bc8"),
    "RequestFailed": (1, "87987a9e"),
    "SegmentHeader": (1, "d49d5101"),
    "StreamDown": (2, "549a5b9d"),
    "StreamUp": (2, "019dddba"),
    "SyncBook": (1, "f409b71c"),
    "Throttled": (2, "aa6b348b"),
    "TopOfBook": (1, "12b652c8"),
}
"""The version of each type, and a digest of its fields in that version."""
