"""What a backtest is asked for: plain frozen data that goes to another process and into a file as it is.

Nothing is opened or decided here. Invariant: equal jobs on the same files give the same result but for how
long it took.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, Self

from mm.domain.units import NS_PER_S
from mm.errors import ConfigError
from mm.store.recordings.facts import Facts

OFFSET_NS_MAX: Final = 366 * 86_400 * NS_PER_S
"""A time below this counts from the first row of the data; no recording is of 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestJob:
    """One backtest.

    Fields:
        config: a config of any mode; it is never traded with, and no key is read.
        data: recordings, in any order of symbols; parts of one symbol in the order of their time.
        overrides: `KEY=VALUE` as of `--set`. text: the config's text in place of what is in the file, ""
            for that.
        from_ns, to_ns: local time of receipt, UTC; below `OFFSET_NS_MAX` from the data's begin; 0: all of it.
        queue: "" for the config's ([paper] queue), else as of `--queue`: risk_averse, power:3, log2.
        latency: "" for the config's, else as of `--latency`: "constant:80,80", "sampled:80,250" in
            milliseconds, "measured:PATH". seed: of sampled latencies, None for the config's.
        reference: every event through Python, although a compiled kernel could do it.
        out_dir: where the run leaves its journal and its result, in a directory made for it; None: nothing
            is left.
        funding: file of funding rates (`funding_file.py`), in place of the recorded marks; None: by those.
        aversion: of the certainty equivalent, per unit of the quote asset; 0: the usual one.
        facts: what files of the venue that is traded on do not say themselves.
    """

    config: Path
    data: tuple[Path, ...]
    overrides: tuple[str, ...] = ()
    text: str = ""
    from_ns: int = 0
    to_ns: int = 0
    queue: str = ""
    latency: str = ""
    seed: int | None = None
    reference: bool = False
    out_dir: Path | None = None
    funding: Path | None = None
    aversion: float = 0.0
    facts: Facts = field(default_factory=Facts)

    def __post_init__(self) -> None:
        """Check what needs no file; raises ConfigError."""
        if not self.data:
            raise ConfigError("a backtest was given no data", hint="mm backtest CONFIG --data FILES")
        if self.from_ns < 0 or self.to_ns < 0:
            raise ConfigError("a backtest cannot begin or end before 1970")
        if self.aversion < 0:
            raise ConfigError(f"aversion was {self.aversion}, expected 0 or more")

    def placed(self) -> Self:
        """Return the same job for whoever works in another directory."""
        info = self.facts.exchange_info
        kind, _, measured = self.latency.partition(":")
        return replace(
            self,
            config=self.config.absolute(),
            data=tuple(_absolute(path) for path in self.data),
            funding=None if self.funding is None else self.funding.absolute(),
            out_dir=None if self.out_dir is None else self.out_dir.absolute(),
            latency=f"{kind}:{Path(measured).absolute()}" if kind == "measured" else self.latency,
            facts=replace(self.facts, exchange_info=None if info is None else info.absolute()),
        )

    def as_dict(self) -> dict[str, object]:
        """Return all fields by name, ready for JSON."""
        fields = asdict(self)
        fields["config"], fields["data"] = str(self.config), [str(path) for path in self.data]
        fields["out_dir"] = None if self.out_dir is None else str(self.out_dir)
        fields["funding"] = None if self.funding is None else str(self.funding)
        fields["overrides"] = list(self.overrides)
        facts = asdict(self.facts)
        fields["facts"] = {name: None if value is None else str(value) for name, value in facts.items()}
        return fields

    @classmethod
    def from_dict(cls, fields: dict[str, object]) -> Self:
        """Return the job that `as_dict` told of; raises ConfigError if it is none."""
        try:
            values = dict(fields)
            out_dir, data, overrides = values["out_dir"], values["data"], values["overrides"]
            if not isinstance(data, list) or not isinstance(overrides, list):
                raise TypeError("no lists")
            values["config"] = Path(str(values["config"]))
            values["data"] = tuple(Path(str(path)) for path in data)
            values["overrides"] = tuple(str(text) for text in overrides)
            values["out_dir"] = None if out_dir is None else Path(str(out_dir))
            funding = values.get("funding")
            values["funding"] = None if funding is None else Path(str(funding))
            values["facts"] = _facts(values.get("facts", {}))
            return cls(**values)  # type: ignore[arg-type]  # what has another form is refused as it is used
        except (KeyError, TypeError, InvalidOperation) as error:
            raise ConfigError(f"no job of a backtest: {error}") from None


# NAME=FILE is a file of another venue: what is relative stands behind the sign.
def _absolute(path: Path) -> Path:
    name, sign, rest = str(path).partition("=")
    if sign and "/" not in name and not path.exists():
        return Path(f"{name}={Path(rest).absolute()}")
    return path.absolute()


# A job that was left before there were any has none.
def _facts(told: object) -> Facts:
    if not isinstance(told, Mapping):
        raise TypeError("no facts")
    values: dict[str, object] = {name: value for name, value in told.items() if value is not None}
    for name in ("tick_size", "lot_size"):
        if name in values:
            values[name] = Decimal(str(values[name]))
    if "exchange_info" in values:
        values["exchange_info"] = Path(str(values["exchange_info"]))
    return Facts(**values)  # type: ignore[arg-type]  # what has another form is refused as it is used
