"""Client order ids: identity, ownership and life of an order in 32 hexadecimal digits.

128 bits, laid out as a version-4 UUID (six bits are fixed) so that every venue takes one form of it:
tag 16 | session 10 | epoch 24 | sequence 36 | flags 4 | keyed checksum 32. The tag tells our orders from
foreign ones, the epoch this life of the daemon from earlier ones, the checksum ours from forged ones. The
same intent always has the same id, so a retry can never become a second order.
"""

from hashlib import blake2b
from typing import Final, NoReturn

import msgspec

TAG_BITS: Final = 16
SESSION_BITS: Final = 10
EPOCH_BITS: Final = 24
SEQUENCE_BITS: Final = 36
FLAG_BITS: Final = 4
CHECKSUM_BITS: Final = 32
_PAYLOAD_BITS: Final = TAG_BITS + SESSION_BITS + EPOCH_BITS + SEQUENCE_BITS + FLAG_BITS


class OrderId(msgspec.Struct, frozen=True):
    """What a client order id of ours says.

    Fields: tag: deployment, 16 bits; session: index of the session, 10 bits; epoch: life of the daemon, 24
    bits, grows with each start; sequence: number of the intent in that life, 36 bits; flags: 4 bits.
    """

    tag: int
    session: int
    epoch: int
    sequence: int
    flags: int = 0


FLAG_EXIT: Final = 1
"""Set in the ids of orders that only reduce a position."""


class OrderIds:
    """Encodes and decodes the client order ids of one deployment."""

    def __init__(self, *, tag: int, key: bytes) -> None:
        """Keep the 16-bit tag and the checksum key (at most 64 bytes)."""
        if not 0 <= tag < 1 << TAG_BITS:
            raise ValueError(f"tag was {tag}, expected 0 to {(1 << TAG_BITS) - 1}")
        self.tag = tag
        self._key = key

    @property
    def key(self) -> bytes:
        """The key of the checksum."""
        return self._key

    def encode(self, order_id: OrderId) -> str:
        """Return the 32 lowercase hexadecimal digits of `order_id`; raises ValueError if a part overflows."""
        tag, session, epoch = order_id.tag, order_id.session, order_id.epoch
        sequence, flags = order_id.sequence, order_id.flags
        # All at once: every placement asks for one.
        if (
            (tag >> TAG_BITS)
            | (session >> SESSION_BITS)
            | (epoch >> EPOCH_BITS)
            | (sequence >> SEQUENCE_BITS)
            | (flags >> FLAG_BITS)
        ):
            _refuse(order_id)
        head = (tag << SESSION_BITS | session) << EPOCH_BITS | epoch
        payload = (head << SEQUENCE_BITS | sequence) << FLAG_BITS | flags
        return _as_uuid(payload << CHECKSUM_BITS | self._checksum(payload))

    def decode(self, text: str) -> OrderId | None:
        """Return what `text` says if it is an id of this deployment, else None."""
        bits = _from_uuid(text)
        if bits is None:
            return None
        payload, checksum = bits >> CHECKSUM_BITS, bits & ((1 << CHECKSUM_BITS) - 1)
        if checksum != self._checksum(payload):
            return None
        values = []
        rest = payload
        for width in (FLAG_BITS, SEQUENCE_BITS, EPOCH_BITS, SESSION_BITS, TAG_BITS):
            values.append(rest & ((1 << width) - 1))
            rest >>= width
        flags, sequence, epoch, session, tag = values
        if tag != self.tag:
            return None
        return OrderId(tag, session, epoch, sequence, flags)

    def _checksum(self, payload: int) -> int:
        digest = blake2b(payload.to_bytes(_PAYLOAD_BITS // 8 + 1, "big"), key=self._key, digest_size=4)
        return int.from_bytes(digest.digest(), "big")


def _refuse(order_id: OrderId) -> NoReturn:
    parts = (
        (order_id.tag, TAG_BITS),
        (order_id.session, SESSION_BITS),
        (order_id.epoch, EPOCH_BITS),
        (order_id.sequence, SEQUENCE_BITS),
        (order_id.flags, FLAG_BITS),
    )
    wrong = [(value, bits) for value, bits in parts if not 0 <= value < 1 << bits]
    value, bits = wrong[0]
    raise ValueError(f"part of an order id was {value}, expected below 2^{bits}")


# A version-4 UUID fixes four bits (0100) at position 48 and two bits (10) at position 64.
_HIGH, _MIDDLE, _LOW = 48, 12, 62


def _as_uuid(bits: int) -> str:
    low = bits & ((1 << _LOW) - 1)
    middle = bits >> _LOW & ((1 << _MIDDLE) - 1)
    high = bits >> (_LOW + _MIDDLE)
    return f"{high << 80 | 0x4 << 76 | middle << 64 | 0b10 << _LOW | low:032x}"


def _from_uuid(text: str) -> int | None:
    if len(text) != 32 or text.strip("0123456789abcdef"):
        return None
    value = int(text, 16)
    if value >> 76 & 0xF != 0x4 or value >> _LOW & 0b11 != 0b10:
        return None
    low = value & ((1 << _LOW) - 1)
    middle = value >> 64 & ((1 << _MIDDLE) - 1)
    return (value >> 80) << (_LOW + _MIDDLE) | middle << _LOW | low
