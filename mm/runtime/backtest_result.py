"""How a backtest went: frozen, JSON-ready, the same for the same job but for the time that it took.

Nothing is computed here. Invariant: what depends on the machine (`wall_s`, `events_per_s`, `run_dir`,
`kernel`) is not in the digest.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Final, Self

from mm.errors import ConfigError

UNCALIBRATED: Final = "uncalibrated"
"""What every result says whose fill model nobody held against own fills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestResult:
    """One backtest.

    Fields:
        rows, messages: of the tape that were taken in; decisions: how often a strategy was asked; commands:
            that the engine gave, reports included; fills: own executions.
        wall_s: how long it took; events_per_s: rows per second of it.
        began_ns, ended_ns: of the data, local time of receipt.
        sessions: what was measured of each, in the order of the config (`mm.observe.report_figures`).
        digest: SHA-256 over every command and every outcome, in order, with its time.
        data_digest: of what the data hold. config_digest: of the config's text and what was laid over it.
        fills_by_cause: by symbol and cause (`mm.sim.causes.FillCause`) how many `fills` and `lots` came of
            it; empty in results of earlier versions.
        fill_model: how fills were made, in words; calibration: "uncalibrated", or on how many own fills.
        funding: by symbol that was traded: whether it was applied, by what, how often (`times` that passed,
            `payments` on a position) and what it brought; empty in results of earlier versions.
        kernel: what did the work: "reference", "interpreted" or "compiled".
        participation: own filled over traded volume, by symbol; None where nothing was traded.
        partial: "" or why it ended before the data did.
        halted: "" or the code of the halt that it ended in.
        same_as: "" or the id of the recorded run whose very decisions were asked for.
        notes: what a reader has to know: gaps, missing filters, a kernel that is not there.
        run_dir: where its journal lies, "" where none was kept.
    """

    rows: int
    messages: int
    decisions: int
    commands: int
    fills: int
    wall_s: float
    events_per_s: float
    began_ns: int
    ended_ns: int
    sessions: tuple[Mapping[str, object], ...]
    digest: str
    data_digest: str
    config_digest: str
    fill_model: str
    calibration: str = UNCALIBRATED
    kernel: str = "reference"
    participation: Mapping[str, float | None]
    partial: str = ""
    halted: str = ""
    same_as: str = ""
    notes: tuple[str, ...] = ()
    run_dir: str = ""
    fills_by_cause: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    funding: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def span_s(self) -> float:
        """Seconds of the data that were played."""
        return (self.ended_ns - self.began_ns) / 1e9

    def session(self, name: str) -> Mapping[str, object]:
        """Return what was measured of a session; raises KeyError if there is none of that name."""
        for figures in self.sessions:
            if figures["session"] == name:
                return figures
        raise KeyError(name)

    def as_dict(self) -> dict[str, object]:
        """Return all fields by name, ready for JSON."""
        found = asdict(self)
        found["sessions"], found["notes"] = list(found["sessions"]), list(self.notes)
        return found

    @classmethod
    def from_dict(cls, found: Mapping[str, object]) -> Self:
        """Return the result that `as_dict` told of; raises ConfigError if it is none."""
        names = {one.name for one in fields(cls)}
        values = {name: value for name, value in found.items() if name in names}
        sessions, notes = values.get("sessions"), values.get("notes", [])
        if not isinstance(sessions, list) or not isinstance(notes, list):
            raise ConfigError("no result of a backtest")
        values["sessions"], values["notes"] = tuple(sessions), tuple(notes)
        try:
            return cls(**values)  # type: ignore[arg-type]  # what was written by `as_dict`
        except TypeError as error:
            raise ConfigError(f"no result of a backtest: {error}") from None
