"""What a venue can do and what it limits, as the engine needs to know it."""

import msgspec


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of one venue.

    Fields:
        orders_per_10s: order placements that the venue accepts in 10 s.
        weight_per_minute: request weight per minute.
        weight_place, weight_cancel, weight_query, weight_orders, weight_fills, weight_balances,
        weight_book: weight of one such request.
        absence_proof_ns: how long after sending "not found" becomes admissible as part of a proof of
            absence: at least the longest life of a request at the venue and 60 s.
        own_orders_in_book: whether the public book shows our orders (False in paper mode).
    """

    orders_per_10s: int
    weight_per_minute: int
    weight_place: int = 1
    weight_cancel: int = 1
    weight_query: int = 4
    weight_orders: int = 6
    weight_fills: int = 20
    weight_balances: int = 20
    weight_book: int = 50
    absence_proof_ns: int = 60_000_000_000
    own_orders_in_book: bool = True
