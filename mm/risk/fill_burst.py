"""So much is not filled within a minute, unless something is wrong.

Holds a count of fills and an amount of value, 0 = no such limit. Value is what was bought less what was sold:
a maker who is hit on both sides trades much and moves little. A burst is somebody who knows more than the
quotes do, or quotes that are wrong; the longer they stay, the more it costs. All are pulled, and trading
stays off until a person has looked and lifts the halt; then the count begins anew. Invariant: from the event
on that shows a burst, nothing but what reduces is placed. Source: RTS 6 Art. 15(3) (repeated execution
throttle); market maker protection of derivatives venues; quant.md section 3.

Codes (of the alarm, and of the refusal of what would still be placed):
    fill_burst.count: more fills of the session within a minute than allowed.
    fill_burst.value: more value, net, moved by them.
"""

from typing import ClassVar, Final

from mm.domain.commands import Place
from mm.risk.base import Alarm, AlarmAction, Refusal, RiskView, Rule

COUNT: Final = "fill_burst.count"
VALUE: Final = "fill_burst.value"


class FillBurst(Rule):
    """Raises the alarm on a burst of fills, and refuses everything that does not reduce while it lasts."""

    codes: ClassVar[tuple[str, ...]] = (COUNT, VALUE)

    def __init__(self, *, fills_max: int, filled_atoms_max: int) -> None:
        """Keep how many fills, and how much net value (quote atoms), a minute may have; 0 = any."""
        self._fills_max = fills_max
        self._filled_atoms_max = filled_atoms_max

    def watch(self, view: RiskView) -> Alarm | None:
        """Return the alarm of the first limit that is exceeded, or None."""
        code = self._breach(view)
        return None if code is None else Alarm(AlarmAction.HALT, code, _facts(view))

    def admit(self, place: Place, view: RiskView) -> Refusal | None:
        """Refuse what does not reduce while a limit is exceeded."""
        if place.reduces:
            return None
        code = self._breach(view)
        return None if code is None else Refusal(code, _facts(view))

    def _breach(self, view: RiskView) -> str | None:
        if 0 < self._fills_max < view.fills_minute:
            return COUNT
        return VALUE if 0 < self._filled_atoms_max < abs(view.filled_minute_atoms) else None


def _facts(view: RiskView) -> tuple[tuple[str, str], ...]:
    return (
        ("fills_minute", str(view.fills_minute)),
        ("filled_minute_atoms", str(view.filled_minute_atoms)),
    )
