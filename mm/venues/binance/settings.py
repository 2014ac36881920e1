"""What the Binance adapter is given: plain data, checked before anything is sent.

Must never import ccxt: settings are read by commands that have to be fast. Keys are not shown by `repr`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias
from urllib.parse import urlsplit

from mm.domain.units import PPM
from mm.errors import ConfigError
from mm.venues.edge.egress import Egress

RECV_WINDOW_MAX_MS: Final = 60_000
"""The venue's longest window."""

SELF_TRADE_MODES: Final = ("EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT")
"""Modes that prevent a self-trade; `NONE` is not among them."""


class Clock(Protocol):
    """Tells the time."""

    def now_ns(self) -> int:
        """Return the core's time: monotonic nanoseconds, anchored to UTC once."""
        ...


@dataclass(frozen=True)
class BinanceUrls:
    """Bases of the addresses, without a path.

    Fields: rest: "http://127.0.0.1:8080". ws: of the market streams, that of `rest` if empty. ws_api: of
    the WebSocket API that carries the user stream, `ws` if empty.
    """

    rest: str
    ws: str = ""
    ws_api: str = ""

    @property
    def rest_api(self) -> str:
        """Address of the REST API."""
        return f"{self.rest.rstrip('/')}/api/v3"

    @property
    def market_stream(self) -> str:
        """Address of the market streams."""
        return f"{self._ws_base}/stream/ws"

    @property
    def user_stream(self) -> str:
        """Address of the WebSocket API."""
        return f"{(self.ws_api or self._ws_base).rstrip('/')}/ws-api/v3"

    @property
    def _ws_base(self) -> str:
        parts = urlsplit(self.rest)
        derived = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"
        return (self.ws or derived).rstrip("/")


@dataclass(frozen=True)
class Addresses:
    """The three full addresses that the adapter uses."""

    rest: str
    market: str
    user: str

    @property
    def keys(self) -> str:
        """Address of the part of the REST API that knows about keys: of the same host."""
        parts = urlsplit(self.rest)
        return f"{parts.scheme}://{parts.netloc}/sapi/v1"


REAL: Final = Addresses(
    rest="https://api.binance.com/api/v3",
    market="wss://stream.binance.com:9443/ws",
    user="wss://ws-api.binance.com:443/ws-api/v3",
)
"""The real exchange; these three hosts are all that is ever contacted."""


@dataclass(frozen=True, kw_only=True)
class _Access:
    # What both kinds of adapters are given; the public names are its two children.
    clock: Clock
    urls: BinanceUrls | None = None
    loopback_only: bool = False
    request_timeout_ms: int = 4_000
    stp_mode: str = "EXPIRE_MAKER"

    def __post_init__(self) -> None:
        if self.request_timeout_ms < 1:
            raise ConfigError(f"request_timeout_ms was {self.request_timeout_ms}, expected above 0")
        if self.stp_mode not in SELF_TRADE_MODES:
            raise ConfigError(
                f"stp_mode was {self.stp_mode!r}, expected one of {', '.join(SELF_TRADE_MODES)}"
            )

    @property
    def addresses(self) -> Addresses:
        """The addresses in use."""
        if self.urls is None:
            return REAL
        return Addresses(self.urls.rest_api, self.urls.market_stream, self.urls.user_stream)


@dataclass(frozen=True, kw_only=True)
class BinancePublicSettings(_Access):
    """Everything that `BinancePublic` needs; there is no place for a key in it.

    Fields:
        clock: the core's clock.
        urls: other addresses than the real ones.
        loopback_only: nothing leaves this machine.
        request_timeout_ms: how long an answer may take.
        stp_mode: the mode of self-trade prevention that a symbol has to know.
        maker_fee_ppm, taker_fee_ppm: what the account would pay; the public interface does not tell.
    """

    maker_fee_ppm: int = 1_000
    taker_fee_ppm: int = 1_000

    def __post_init__(self) -> None:
        """Check the values; raises ConfigError."""
        super().__post_init__()
        for name, fee_ppm in (("maker", self.maker_fee_ppm), ("taker", self.taker_fee_ppm)):
            if abs(fee_ppm) >= PPM:
                raise ConfigError(f"{name}_fee_ppm was {fee_ppm}, expected less than the whole value")

    def egress(self) -> Egress:
        """Return the list of what may be contacted; raises ForeignAddress, ConfigError."""
        return Egress((self.addresses.rest, self.addresses.market), loopback_only=self.loopback_only)


def _always() -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class BinanceSettings(_Access):
    """Everything that `BinanceVenue` needs.

    Fields:
        clock: the core's clock.
        api_key, api_secret: both empty where only market data is read; then nothing can be signed.
        urls: other addresses than the real ones.
        loopback_only: for throw-away keys: nothing leaves this machine.
        recv_window_ms: how long a signed request may be under way before the venue drops it.
        request_timeout_ms: how long an answer may take.
        stp_mode: what the venue does before an order of ours would meet another one of ours.
        may_place: asked before each placement is written to a connection; where it says no, none is.
    """

    api_key: str = field(default="", repr=False)
    api_secret: str = field(default="", repr=False)
    recv_window_ms: int = 5_000
    may_place: Callable[[], bool] = field(default=_always, repr=False)

    def __post_init__(self) -> None:
        """Check the values; raises ConfigError."""
        if bool(self.api_key) != bool(self.api_secret):
            raise ConfigError("only one of key and secret was given, expected both or neither")
        if not 1 <= self.recv_window_ms <= RECV_WINDOW_MAX_MS:
            raise ConfigError(f"recv_window_ms was {self.recv_window_ms}, expected 1 to {RECV_WINDOW_MAX_MS}")
        super().__post_init__()

    @property
    def can_sign(self) -> bool:
        """Whether a key was given."""
        return bool(self.api_key)

    def egress(self) -> Egress:
        """Return the list of what may be contacted; raises ForeignAddress, ConfigError."""
        used = self.addresses
        return Egress((used.rest, used.market, used.user), loopback_only=self.loopback_only)


AnySettings: TypeAlias = BinancePublicSettings | BinanceSettings
"""What the parts that both adapters use are given."""
