"""Trading ends when it has lost too much.

Holds three amounts and a ratio. Losses are marked to the mid and after fees, as the view states them; a loss
that reaches its limit is a breach. Drawdown = peak of the session's P&L - its P&L now, as a share of the
account's equity at the start; it is not judged while that equity is unknown. Invariant: from the event on
that shows a breach, nothing but what reduces is placed. Source: invariant I19, controls R5, R17, R18.

Codes (of the alarm, and of the refusal of what would still be placed):
    stop_loss.session: the session's P&L.
    stop_loss.account: the P&L of all sessions together.
    stop_loss.open: the loss on the open position.
    stop_loss.drawdown: the fall of the session's P&L from its peak.
"""

from typing import ClassVar, Final

from mm.domain.commands import Place
from mm.domain.units import PPM
from mm.risk.base import Alarm, AlarmAction, Refusal, RiskView, Rule

SESSION: Final = "stop_loss.session"
ACCOUNT: Final = "stop_loss.account"
OPEN: Final = "stop_loss.open"
DRAWDOWN: Final = "stop_loss.drawdown"


class StopLoss(Rule):
    """Raises the alarm on a loss, and refuses everything that does not reduce while it lasts."""

    codes: ClassVar[tuple[str, ...]] = (SESSION, ACCOUNT, OPEN, DRAWDOWN)

    def __init__(
        self,
        *,
        session_atoms_max: int,
        account_atoms_max: int,
        open_atoms_max: int,
        drawdown_ppm_max: int,
        on_breach: AlarmAction,
    ) -> None:
        """Keep the losses (quote atoms, > 0), the drawdown (parts per million) and what a breach asks for."""
        self._session_floor = -session_atoms_max
        self._account_floor = -account_atoms_max
        self._open_floor = -open_atoms_max
        self._drawdown_ppm_max = drawdown_ppm_max
        self._on_breach = on_breach

    def watch(self, view: RiskView) -> Alarm | None:
        """Return the alarm of the first limit that is breached, or None."""
        code = self._breach(view)
        return None if code is None else Alarm(self._on_breach, code, _facts(view))

    def admit(self, place: Place, view: RiskView) -> Refusal | None:
        """Refuse what does not reduce while a limit is breached."""
        if place.reduces:
            return None
        code = self._breach(view)
        return None if code is None else Refusal(code, _facts(view))

    def _breach(self, view: RiskView) -> str | None:
        if view.session_pnl_atoms <= self._session_floor:
            return SESSION
        if view.account_pnl_atoms <= self._account_floor:
            return ACCOUNT
        if view.open_pnl_atoms <= self._open_floor:
            return OPEN
        if view.equity_start_atoms > 0:
            # The limit of whole millions and that of the rest, apart: no product is one of the large numbers
            # that cost several times as much.
            millions, rest = view.equity_start_atoms // PPM, view.equity_start_atoms % PPM
            fall_max = millions * self._drawdown_ppm_max + (rest * self._drawdown_ppm_max + PPM - 1) // PPM
            if view.session_peak_atoms - view.session_pnl_atoms >= fall_max:
                return DRAWDOWN
        return None


def _facts(view: RiskView) -> tuple[tuple[str, str], ...]:
    return (
        ("session_pnl_atoms", str(view.session_pnl_atoms)),
        ("session_peak_atoms", str(view.session_peak_atoms)),
        ("open_pnl_atoms", str(view.open_pnl_atoms)),
        ("account_pnl_atoms", str(view.account_pnl_atoms)),
        ("equity_start_atoms", str(view.equity_start_atoms)),
    )
