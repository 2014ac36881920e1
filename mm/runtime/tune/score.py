"""What a trial was worth: outcomes of its backtests, and objectives over windows and worlds.

A world is a way to make fills (queue model, latency). Each objective is taken over all windows asked for in
one world, and the worst world counts. Holds figures, no backtest. Invariant: an outcome goes into a study
and out of it without loss.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Final, Self

from mm.analytics.overfitting import Shape, certain_per_day, pooled, shape
from mm.analytics.performance import Sums
from mm.errors import StateCorrupt

NOTHING: Final = -1e18
"""The certainty equivalent of windows without a whole interval."""


class Objective(StrEnum):
    """What a search can look for.

    certainty: certainty equivalent of a day, quote units. drawdown: deepest fall of the P&L from a peak in a
    window, quote units. presence: share of the time with both sides quoted. messages: orders and cancels in
    an hour. Drawdown and messages are to be small, the others large.
    """

    CERTAINTY = "certainty"
    DRAWDOWN = "drawdown"
    PRESENCE = "presence"
    MESSAGES = "messages"

    @property
    def is_maximised(self) -> bool:
        """Whether more is better."""
        return self in (Objective.CERTAINTY, Objective.PRESENCE)

    @property
    def unit(self) -> str:
        """Of its values."""
        return _UNITS[self]


_UNITS: Final = {
    Objective.CERTAINTY: "quote a day",
    Objective.DRAWDOWN: "quote",
    Objective.PRESENCE: "of the time",
    Objective.MESSAGES: "an hour",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one backtest gave of the session that is tuned.

    Fields: sums: of its intervals; aversion: of their certainty equivalent; drawdown_quote; both_s: both
    sides were quoted; watched_s; messages: orders and cancels; fills; net_quote: P&L; turnover_quote;
    halted: code of a halt that it ended in, or ""; digest: of all that it did; made: how fills were made, in
    words.
    """

    sums: Sums
    aversion: float
    drawdown_quote: float
    both_s: float
    watched_s: float
    messages: int
    fills: int
    net_quote: float
    turnover_quote: float
    halted: str = ""
    digest: str = ""
    made: str = ""

    def row(self) -> dict[str, object]:
        """Return it ready for JSON."""
        return {**asdict(self), "sums": list(self.sums)}

    @classmethod
    def of_row(cls, row: object) -> Self:
        """Return the outcome that `row` told of; raises StateCorrupt if it is none."""
        try:
            assert isinstance(row, dict)
            values = {field.name: row[field.name] for field in fields(cls)}
            values["sums"] = Sums(*row["sums"])
            return cls(**values)
        except (AssertionError, KeyError, TypeError) as error:
            raise StateCorrupt(f"no outcome of a backtest: {error}") from None


def outcome_of(figures: Mapping[str, object], *, halted: str, digest: str, made: str) -> Outcome:
    """Return the outcome that the figures of a session tell (`mm.observe.report_figures`)."""
    performance, pnl = _table(figures, "performance"), _table(figures, "pnl")
    presence, sent = _table(figures, "presence"), _table(figures, "messages")
    sums = performance["sums"]
    assert isinstance(sums, list)
    watched_s = _number(presence["watched_s"])
    return Outcome(
        sums=Sums(*sums),
        aversion=_number(performance["aversion_per_quote"]),
        drawdown_quote=_number(performance["max_drawdown_quote"]),
        both_s=_number(presence["both_ratio"]) * watched_s,
        watched_s=watched_s,
        messages=int(_number(sent["places"]) + _number(sent["cancels"])),
        fills=int(_number(pnl["fills"])),
        net_quote=_number(pnl["net_quote"]),
        turnover_quote=_number(pnl["turnover_quote"]),
        halted=halted,
        digest=digest,
        made=made,
    )


def _table(figures: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = figures[name]
    assert isinstance(table, dict)
    return table


def _number(value: object) -> float:
    # Amounts are texts; what is unknown counts as nothing.
    return float(value) if isinstance(value, int | float | str) else 0.0


class Outcomes:
    """All backtests of a trial. Fields: rows: of each world, an outcome per window."""

    def __init__(self, rows: Sequence[Sequence[Outcome]]) -> None:
        """Take them in: at least one world and one window."""
        assert rows
        assert rows[0]
        self.rows = tuple(tuple(row) for row in rows)

    def value(self, objective: Objective, windows: Sequence[int]) -> float:
        """Return an objective over some windows, of the world in which it is worst."""
        worst = min if objective.is_maximised else max
        return worst(_VALUES[objective]([row[at] for at in windows]) for row in self.rows)

    def worst_world(self, windows: Sequence[int]) -> int:
        """Return the world in which the certainty equivalent of some windows is least."""
        values = [_certainty([row[at] for at in windows]) for row in self.rows]
        return values.index(min(values))

    def shape(self, windows: Sequence[int]) -> Shape | None:
        """Return the shape of the P&L over some windows in the worst world."""
        row = self.rows[self.worst_world(windows)]
        return shape(pooled([row[at].sums for at in windows]))

    def intervals(self, windows: Sequence[int]) -> int:
        """Return how many intervals some windows have, of the world with fewest."""
        return min(sum(row[at].sums.intervals for at in windows) for row in self.rows)

    def fills(self, windows: Sequence[int]) -> int:
        """Return own fills in some windows, of the world with fewest."""
        return min(sum(row[at].fills for at in windows) for row in self.rows)

    def net_quote(self, windows: Sequence[int]) -> float:
        """Return the P&L of some windows, of the world where it is least."""
        return min(sum(row[at].net_quote for at in windows) for row in self.rows)

    def halts(self) -> dict[str, int]:
        """Return how many backtests ended in which halt."""
        found: dict[str, int] = {}
        for row in self.rows:
            for one in row:
                if one.halted:
                    found[one.halted] = found.get(one.halted, 0) + 1
        return found


def _certainty(outcomes: Sequence[Outcome]) -> float:
    value = certain_per_day(pooled([one.sums for one in outcomes]), outcomes[0].aversion)
    return NOTHING if value is None else value


def _drawdown(outcomes: Sequence[Outcome]) -> float:
    return max(one.drawdown_quote for one in outcomes)


def _presence(outcomes: Sequence[Outcome]) -> float:
    return sum(one.both_s for one in outcomes) / max(1e-9, sum(one.watched_s for one in outcomes))


def _messages(outcomes: Sequence[Outcome]) -> float:
    hours = sum(one.watched_s for one in outcomes) / 3_600
    return sum(one.messages for one in outcomes) / max(1e-9, hours)


_VALUES: Final[Mapping[Objective, Callable[[Sequence[Outcome]], float]]] = {
    Objective.CERTAINTY: _certainty,
    Objective.DRAWDOWN: _drawdown,
    Objective.PRESENCE: _presence,
    Objective.MESSAGES: _messages,
}
