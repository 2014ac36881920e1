"""What the paper venue is given: plain data, checked before anything starts. There is no place for a key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from mm.domain.units import NS_PER_MS, PPM
from mm.errors import ConfigError
from mm.sim.latency import Latency, SampledLatency, Spread
from mm.sim.orders import StpMode
from mm.sim.prng import Prng
from mm.sim.queue import QueueModel


@dataclass(frozen=True, kw_only=True)
class PaperVenueSettings:
    """The account of paper mode and how its orders meet the market that is only watched.

    Fields:
        balances: holdings at the start by asset, in whole units, rounded down to atoms; an asset that is not
            named begins empty.
        latency_mean_ms, latency_p99_ms: time from sending a request to its effect in the market that we see;
            both equal: always the same. Its answer takes as long again, drawn anew.
        seed: of the latencies. delays: makes where the delays come from, in place of all that.
        queue: model of the queue in front of an order: a name of `mm.sim.queue.QueueModel`, in any case.
        queue_power: exponent of the power models, their customary one if None.
        maker_fee_ppm, taker_fee_ppm: parts per million of what is received; negative is a rebate.
        stp_mode: what happens before an order of ours would meet another one of ours.
        participation_ppm: own fills of a print, or of a level displayed through our price, are at most this
            part of it, parts per million, > 0.
        compares: whether it is followed beside what a fill model that knows no queue would have claimed.
    """

    balances: Mapping[str, Decimal]
    latency_mean_ms: int = 80
    latency_p99_ms: int = 250
    seed: int = 7
    queue: str = "risk_averse"
    queue_power: float | None = None
    maker_fee_ppm: int = 1_000
    taker_fee_ppm: int = 1_000
    stp_mode: str = "EXPIRE_MAKER"
    participation_ppm: int = PPM
    compares: bool = True
    delays: Callable[[], Latency] | None = None

    def __post_init__(self) -> None:
        """Check the values; raises ConfigError."""
        for asset, amount in self.balances.items():
            if not amount.is_finite() or amount < 0:
                raise ConfigError(f"paper balance of {asset} was {amount}, expected 0 or more")
        for name, fee_ppm in (("maker", self.maker_fee_ppm), ("taker", self.taker_fee_ppm)):
            if abs(fee_ppm) >= PPM:
                raise ConfigError(f"paper {name}_fee_ppm was {fee_ppm}, expected less than the whole value")
        _member(QueueModel.__members__, "queue", self.queue.upper())
        _member(StpMode.__members__, "stp_mode", self.stp_mode)
        if self.stp_mode == StpMode.NONE:
            raise ConfigError("paper stp_mode was NONE, expected a mode that prevents self-trades")
        if not 0 < self.participation_ppm <= PPM:
            raise ConfigError(f"paper participation_ppm was {self.participation_ppm}, expected 1 to {PPM}")
        try:
            self.latency()
        except ValueError as error:
            raise ConfigError(f"paper latency: {error}") from None

    def latency(self) -> Latency:
        """Return where the delays come from, at the begin of its numbers."""
        if self.delays is not None:
            return self.delays()
        spread = Spread(self.latency_mean_ms * NS_PER_MS, self.latency_p99_ms * NS_PER_MS)
        return SampledLatency(entry=spread, answer=spread, prng=Prng(self.seed, "paper latency"))

    @property
    def queue_model(self) -> QueueModel:
        """The model that `queue` names."""
        return QueueModel[self.queue.upper()]

    @property
    def stp(self) -> StpMode:
        """The mode that `stp_mode` names."""
        return StpMode(self.stp_mode)


def _member(known: Mapping[str, object], name: str, value: str) -> None:
    if value not in known:
        raise ConfigError(f"paper {name} was {value!r}, expected one of {', '.join(known)}")
