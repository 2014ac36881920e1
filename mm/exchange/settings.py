"""What a local exchange is started with, and the instrument that follows from it.

Plain data, validated here: a wrong value is a `ConfigError` before anything listens.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from ipaddress import ip_address

from mm.domain.instrument import Instrument, InstrumentSpec, make_instrument
from mm.domain.units import NS_PER_S
from mm.errors import ConfigError
from mm.exchange.connection_rules import SocketRules
from mm.sim.presets import PRESETS


@dataclass(frozen=True, kw_only=True)
class ExchangeSettings:
    """Everything that `LocalExchange` needs.

    Fields:
        seed: of the simulated traders. preset: a name of `mm.sim.presets.PRESETS`.
        host: an IPv4 loopback address. port: 0 for any free one.
        api_key, api_secret: the HMAC key pair of the account; not shown by repr.
        ed25519_api_key, ed25519_public_key_pem: a second key of the same account, optional: its name and its
            public half (PEM, or 32 raw bytes in base64); it alone may log on to a WebSocket session.
        client_base_atoms, client_quote_atoms: what the account starts with (10^-8 of BTC and USDT).
        base, quote: the traded pair. tick_size, lot_size, notional_min: its grid and smallest value.
        weight_per_minute, orders_per_10s, orders_per_day: the venue's limits.
        pump_ms: how often time passes for the traders when nobody asks anything.
        tls: whether it also serves the real names of the venue, over TLS with a throw-away certificate.
        ping_every_s, pong_within_s, connection_life_s: when a WebSocket is pinged, given up, shut down.
        socket_messages_per_s, streams_max: what a stream socket may send and subscribe to.
        tape_max, orders_max, requests_max: how many trades, closed orders and requests are remembered.
    """

    seed: int
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    ed25519_api_key: str = field(default="", repr=False)
    ed25519_public_key_pem: str = field(default="", repr=False)
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
    tls: bool = False
    ping_every_s: int = 20
    pong_within_s: int = 60
    connection_life_s: int = 86_400
    socket_messages_per_s: int = 5
    streams_max: int = 1_024
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

    def socket_rules(self) -> SocketRules:
        """Return the rules of its WebSockets."""
        return SocketRules(
            ping_every_ns=self.ping_every_s * NS_PER_S,
            pong_within_ns=self.pong_within_s * NS_PER_S,
            life_ns=self.connection_life_s * NS_PER_S,
            messages_per_s=self.socket_messages_per_s,
            streams_max=self.streams_max,
        )

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
