"""No more placements per minute than allowed; the last few are kept for exits.

Holds a count and a reserve inside it. A loop that places and cancels without end is how a bug becomes a
loss, and a venue bans for it. It never touches quotes that rest: only placing costs. Invariant: placements in
any minute <= the limit; placements of quotes <= the limit less the reserve, or one. Source: controls R3 (RTS
6 Art. 15(1)(d)), R14, fault B35.

Codes:
    message_rate: the placements of this minute are used up.
"""

from typing import ClassVar, Final

from mm.domain.commands import Place
from mm.risk.base import Refusal, RiskView, Rule

MESSAGE_RATE: Final = "message_rate"


class MessageRate(Rule):
    """Refuses placements beyond the rate."""

    codes: ClassVar[tuple[str, ...]] = (MESSAGE_RATE,)

    def __init__(self, *, minute_max: int, exit_reserve: int) -> None:
        """Keep the placements per minute of the account, > 0, and how many of them only exits may use."""
        self._minute_max = minute_max
        self._quotes_max = max(1, minute_max - exit_reserve)

    def admit(self, place: Place, view: RiskView) -> Refusal | None:
        """Refuse a placement beyond the rate of its kind."""
        minute_max = self._minute_max if place.reduces else self._quotes_max
        if view.placed_minute < minute_max:
            return None
        return Refusal(
            MESSAGE_RATE, (("placed_minute", str(view.placed_minute)), ("minute_max", str(minute_max)))
        )
