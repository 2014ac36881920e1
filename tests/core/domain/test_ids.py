"""A client order id says whose it is, and nobody else's says that it is ours."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.ids import (
    EPOCH_BITS,
    FLAG_BITS,
    FLAG_EXIT,
    SEQUENCE_BITS,
    SESSION_BITS,
    TAG_BITS,
    OrderId,
    OrderIds,
)

KEY = bytes(range(32))
TAG = 0xBEEF
IDS = OrderIds(tag=TAG, key=KEY)

ORDER_IDS = st.builds(
    OrderId,
    tag=st.just(TAG),
    session=st.integers(0, 2**SESSION_BITS - 1),
    epoch=st.integers(0, 2**EPOCH_BITS - 1),
    sequence=st.integers(0, 2**SEQUENCE_BITS - 1),
    flags=st.integers(0, 2**FLAG_BITS - 1),
)


@given(ORDER_IDS)
def test_an_id_says_what_was_put_in(order_id: OrderId) -> None:
    """Encoding and decoding are inverse; the text is the same every time."""
    text = IDS.encode(order_id)

    assert IDS.decode(text) == order_id
    assert IDS.encode(order_id) == text


@given(ORDER_IDS)
def test_an_id_is_a_uuid_of_version_4(order_id: OrderId) -> None:
    """Every venue takes this form: 32 lowercase hexadecimal digits with the fixed bits in place."""
    text = IDS.encode(order_id)
    parsed = uuid.UUID(text)

    assert len(text) == 32
    assert text == text.lower()
    assert (parsed.version, parsed.variant, parsed.hex) == (4, uuid.RFC_4122, text)


def test_the_form_never_changes() -> None:
    """An id of an earlier release has to be recognised by a later one."""
    assert IDS.encode(OrderId(TAG, 1, 2, 3, FLAG_EXIT)) == FORM


FORM = "beef0040000048008000003124dab200"


@given(ORDER_IDS, ORDER_IDS)
def test_different_intents_have_different_ids(first: OrderId, second: OrderId) -> None:
    """No two intents of a deployment share an id."""
    assert (IDS.encode(first) == IDS.encode(second)) is (first == second)


def test_an_id_with_any_other_digit_is_foreign() -> None:
    """Whatever single digit is changed to whatever else, the checksum or the fixed bits say no."""
    text = IDS.encode(OrderId(TAG, 513, 70_000, 2**35 + 1, FLAG_EXIT))
    for position in range(32):
        for digit in "0123456789abcdef":
            changed = f"{text[:position]}{digit}{text[position + 1 :]}"
            assert (IDS.decode(changed) is None) is (changed != text)


@given(ORDER_IDS)
def test_an_id_of_another_deployment_is_foreign(order_id: OrderId) -> None:
    """Another key forges nothing, another tag under the same key is not ours."""
    text = IDS.encode(order_id)

    assert OrderIds(tag=TAG, key=KEY[::-1]).decode(text) is None
    assert OrderIds(tag=TAG ^ 1, key=KEY).decode(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "web_3f2a9c",
        "x-R4BD3S82beef004000084000800000",
        "0" * 31,
        "0" * 33,
        "g" * 32,
        "0" * 32,
        "f" * 32,
        "beef0040-0000-4800-8000-003124dab200",
        "BEEF0040000048008000003124DAB200",
        "beef004000004800800000312 4dab200",
    ],
)
def test_what_others_write_is_foreign(text: str) -> None:
    """Manual orders, other bots, other forms and other lengths are not ours."""
    assert IDS.decode(text) is None


@given(st.uuids(version=4))
def test_random_ids_are_foreign(other: uuid.UUID) -> None:
    """The form alone makes nobody's order ours."""
    assert IDS.decode(other.hex) is None


@pytest.mark.parametrize(
    "order_id",
    [
        OrderId(1 << TAG_BITS, 0, 0, 0),
        OrderId(TAG, 1 << SESSION_BITS, 0, 0),
        OrderId(TAG, 0, 1 << EPOCH_BITS, 0),
        OrderId(TAG, 0, 0, 1 << SEQUENCE_BITS),
        OrderId(TAG, 0, 0, 0, 1 << FLAG_BITS),
        OrderId(TAG, -1, 0, 0),
    ],
)
def test_a_part_that_does_not_fit_is_an_error(order_id: OrderId) -> None:
    """A part that overflows may not spill into its neighbour."""
    with pytest.raises(ValueError, match="expected below 2"):
        IDS.encode(order_id)


@pytest.mark.parametrize("tag", [0, (1 << TAG_BITS) - 1])
def test_every_tag_of_16_bits_is_a_deployment(tag: int) -> None:
    """The smallest and the largest tag work like the others; an id bears no flag unless it was given one."""
    ids = OrderIds(tag=tag, key=KEY)
    order_id = OrderId(tag, 1, 2, 3)

    assert order_id.flags == 0
    assert ids.decode(ids.encode(order_id)) == order_id


@pytest.mark.parametrize("tag", [-1, 1 << TAG_BITS])
def test_a_tag_that_does_not_fit_is_an_error(tag: int) -> None:
    """The deployment's tag has 16 bits."""
    with pytest.raises(ValueError, match=f"tag was {tag}, expected 0 to 65535"):
        OrderIds(tag=tag, key=KEY)


def test_ids_can_be_made_again_from_their_tag_and_key() -> None:
    """Another process of the same deployment makes and reads the same ones."""
    again = OrderIds(tag=IDS.tag, key=IDS.key)
    order_id = OrderId(TAG, 1, 2, 3)
    assert again.encode(order_id) == IDS.encode(order_id)
    assert IDS.key == KEY
