"""What a local exchange is started with, and the instrument that follows from it.

Plain data, validated here: a wrong value is a `ConfigError` before anything listens.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from ipaddress import ip_address

from mm.domain.instrument import Instrument, InstrumentSpec, make_instrument
from mm.errors import ConfigError
from mm.sim.presets import PRESETS


@dataclass(frozen=True, kw_only=True)
class ExchangeSettings:
    """Everything that `LocalExchange` needs.

    Fields:
        seed: of the simulated traders. preset: a name of `mm.sim.presets.PRESETS`.
        host: an IPv4 loopback address. port: 0 for any free one.
        api_key, api_secret: the only key pair that is accepted; not shown by repr.
        client_base_atoms, client_quote_atoms: what the account starts with (10^-8 of BTC and USDT).
        base, quote: the traded pair. tick_size, lot_size, notional_min: its grid and smallest value.
        weight_per_minute, orders_per_10s, orders_per_day: the venue's limits.
        pump_ms: how often time passes for the traders when nobody asks anything.
        tape_max, orders_max, requests_max: how many trades, closed orders and requests are remembered.
    """

    seed: int
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    preset: str = "demo"
    host: str = "127.0.0.1"
    port: int = 0
    client_base_atoms: int = 100_000_000
    client_quote_atoms: int = 6_000_000_000_000
    base: str = "BTC"
    quote: str = "USDT"
    tick_size: Decimal = Decimal("0.01")
    lot_size: Decimal = Decimal("0.00001")
    notional_min: Decimal = Decimal(5)
    weight_per_minute: int = 6_000
    orders_per_10s: int = 100
    orders_per_day: int = 200_000
    pump_ms: int = 20
    tape_max: int = 50_000
    orders_max: int = 10_000
    requests_max: int = 20_000

    def __post_init__(self) -> None:
        """Check what a person can get wrong; raises ConfigError with a hint."""
        if self.preset not in PRESETS:
            raise ConfigError(
                f"exchange preset was {self.preset!r}, expected one of {', '.join(PRESETS)}",
                hint="demo is the market of the first run",
            )
        if not _is_loopback(self.host):
            raise ConfigError(
                f"exchange host was {self.host!r}, expected an IPv4 loopback address",
                hint="the local exchange is a simulation for this computer: use 127.0.0.1",
            )
        if not 0 <= self.port <= 65_535:
            raise ConfigError(
                f"exchange port was {self.port}, expected 0..65535", hint="0 takes any free port"
            )
        if not self.api_key or not self.api_secret:
            raise ConfigError("exchange key pair was empty, expected a key and a secret")

    def instrument(self) -> Instrument:
        """Return the traded symbol with its filters and the preset's fees."""
        preset = PRESETS[self.preset]
        spec = InstrumentSpec(
            symbol=f"{self.base}/{self.quote}",
            venue_symbol=f"{self.base}{self.quote}",
            base=self.base,
            quote=self.quote,
            tick_size=self.tick_size,
            lot_size=self.lot_size,
            size_min=self.lot_size,
            size_max=Decimal(9_000),
            notional_min=self.notional_min,
            price_min=self.tick_size,
            price_max=Decimal(1_000_000),
            maker_fee_ratio=Decimal(preset.maker_fee_ppm) / 1_000_000,
            taker_fee_ratio=Decimal(preset.taker_fee_ppm) / 1_000_000,
        )
        return make_instrument(spec)


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.version == 4 and address.is_loopback
