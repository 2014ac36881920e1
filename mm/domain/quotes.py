"""What a strategy wants: a ladder on each side, and why.

Classes of their own, not structs: every rule and every step of a decision reads them, which compiled code
does without a look-up where it knows the class. Invariant: nothing of one changes after it was made.
"""

from typing import ClassVar, Generic, TypeVar, final

M_co = TypeVar("M_co", covariant=True)


@final
class Quote:
    """One wanted price level."""

    __slots__ = ("_age_ns_max", "_level", "_life_ns_min", "_price_ticks", "_size_lots", "_tolerance_ticks")
    __match_args__: ClassVar[tuple[str, ...]] = (
        "price_ticks",
        "size_lots",
        "level",
        "tolerance_ticks",
        "age_ns_max",
        "life_ns_min",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - as many as there are fields, in their order
        self,
        price_ticks: int,
        size_lots: int,
        level: int = 0,
        tolerance_ticks: int = 0,
        age_ns_max: int = 0,
        life_ns_min: int = 0,
    ) -> None:
        """Want a level; see the properties."""
        self._price_ticks = price_ticks
        self._size_lots = size_lots
        self._level = level
        self._tolerance_ticks = tolerance_ticks
        self._age_ns_max = age_ns_max
        self._life_ns_min = life_ns_min

    @property
    def price_ticks(self) -> int:
        """Where the order is wanted; > 0."""
        return self._price_ticks

    @property
    def size_lots(self) -> int:
        """How large; > 0."""
        return self._size_lots

    @property
    def level(self) -> int:
        """A name >= 0; one order per side and level. Of a ladder 0 is nearest to the market; an order that
        hangs on keeps the level that it had.
        """
        return self._level

    @property
    def tolerance_ticks(self) -> int:
        """A working order of this level stays while it is at most this far from `price_ticks`."""
        return self._tolerance_ticks

    @property
    def age_ns_max(self) -> int:
        """A working order older than this is renewed even within the tolerance; 0 = never."""
        return self._age_ns_max

    @property
    def life_ns_min(self) -> int:
        """A working order younger than this is not moved for price alone (risk may still cancel)."""
        return self._life_ns_min

    def but(  # noqa: PLR0913 - as many as there are fields
        self,
        *,
        price_ticks: int | None = None,
        size_lots: int | None = None,
        level: int | None = None,
        tolerance_ticks: int | None = None,
        age_ns_max: int | None = None,
        life_ns_min: int | None = None,
    ) -> "Quote":
        """Return the same, but for what is named here."""
        return Quote(
            self._price_ticks if price_ticks is None else price_ticks,
            self._size_lots if size_lots is None else size_lots,
            self._level if level is None else level,
            self._tolerance_ticks if tolerance_ticks is None else tolerance_ticks,
            self._age_ns_max if age_ns_max is None else age_ns_max,
            self._life_ns_min if life_ns_min is None else life_ns_min,
        )

    def as_tuple(self) -> tuple[int, int, int, int, int, int]:
        """Return what it says, in the order in which it is made of it."""
        return (
            self._price_ticks,
            self._size_lots,
            self._level,
            self._tolerance_ticks,
            self._age_ns_max,
            self._life_ns_min,
        )

    def __eq__(self, other: object) -> bool:
        """Return whether `other` wants the same."""
        return isinstance(other, Quote) and self.as_tuple() == other.as_tuple()

    __hash__ = None  # type: ignore[assignment]  # compared, never looked up

    def __repr__(self) -> str:
        """Return what it says, as it is made."""
        return f"Quote{self.as_tuple()}"

    def __reduce__(self) -> tuple[object, tuple[int, ...]]:
        """Return what a copy or a file makes it of: compiled code knows no other way."""
        return Quote, self.as_tuple()


@final
class Quotes(Generic[M_co]):
    """The whole ladder that a strategy wants now."""

    __slots__ = ("_asks", "_bids", "_memory", "_reason")
    __match_args__: ClassVar[tuple[str, ...]] = ("bids", "asks", "reason", "memory")

    def __init__(self, bids: tuple[Quote, ...], asks: tuple[Quote, ...], reason: str, memory: M_co) -> None:
        """Want this; see the properties."""
        self._bids = bids
        self._asks = asks
        self._reason = reason
        self._memory = memory

    @property
    def bids(self) -> tuple[Quote, ...]:
        """At most one quote per level, best price first. Empty: quote nothing on that side."""
        return self._bids

    @property
    def asks(self) -> tuple[Quote, ...]:
        """As `bids`."""
        return self._asks

    @property
    def reason(self) -> str:
        """One short stable word or phrase that says why ("quoting", "waits for volatility", ...)."""
        return self._reason

    @property
    def memory(self) -> M_co:
        """What the strategy wants to see again in its next view; frozen, part of the digest."""
        return self._memory

    def __eq__(self, other: object) -> bool:
        """Return whether `other` wants the same, for the same reason."""
        return isinstance(other, Quotes) and self._all() == other._all()

    __hash__ = None  # type: ignore[assignment]  # compared, never looked up

    def __repr__(self) -> str:
        """Return what it says, as it is made."""
        return f"Quotes{self._all()}"

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Return what a copy or a file makes it of, as for `Quote`."""
        return Quotes, self._all()

    def _all(self) -> tuple[object, ...]:
        return (self._bids, self._asks, self._reason, self._memory)
