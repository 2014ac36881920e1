"""Binance spot for a recorder of an account: its stream and two listings, handed on before they are read.

It has no way to place, change or cancel an order: it holds none of the parts that do, what signs here signs
two reads and one subscription, and what sends here sends nothing else. Must never hand on a text that holds
the key, its secret or a signature: that one is named and left out. Invariant: every other text of the
account's stream is handed on once, byte for byte, with the number of the attempt to connect that brought it.
Imports ccxt: import this module late.
"""

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, quote, urlsplit
from weakref import WeakKeyDictionary

from mm.domain.commands import Connect, ListBalances, ListOrders, VenueCommand
from mm.domain.events import RequestFailed, Stream, StreamDown
from mm.errors import ConfigError, ProtocolViolation
from mm.venues.binance.answers import failed_read
from mm.venues.binance.feed import BinanceFeed, Work, client_config
from mm.venues.binance.link import Link
from mm.venues.binance.listings import Listings
from mm.venues.binance.settings import BinanceSettings
from mm.venues.binance.user_stream import UserStream
from mm.venues.edge.egress import Egress
from mm.venues.edge.errors import RequestFailure
from mm.venues.edge.signing_tap import SigningTap
from mm.venues.edge.tap import PublicTap

READS: Final = ("account", "openOrders")
"""What is asked for with a signature; nothing else gets one."""

SUBSCRIPTION: Final = "userDataStream.subscribe.signature"
"""The only message that is sent over a socket."""

TOLD: Final = ("symbol",)
"""Parameters of a request that are handed on; a signature, a time and a window are not."""

SIGNATURES_KEPT: Final = 64
"""So many signatures are looked for in what comes back."""


class AccountEar(Protocol):
    """What hears an account."""

    def on_own(self, connection: int, text: str) -> None:
        """A text of the account's stream came. Args: connection: of the attempt to connect, from 1."""
        ...

    def on_body(self, request: str, body: str) -> None:
        """A listing came. Args: request: path and symbol of what was asked, no more; body: as received."""
        ...


class BinanceAccountHeard(BinanceFeed):
    """One account at Binance spot, heard and never acted for.

    Fields: connection: attempts to connect so far.
    """

    def __init__(self, settings: BinanceSettings, ear: AccountEar) -> None:
        """Construct without sending anything; raises ForeignAddress, ConfigError without a key."""
        if not settings.can_sign:
            raise ConfigError("an account is heard with its key and secret, and none were given")
        used, link = settings.addresses, Link(settings)
        egress = Egress((used.rest, used.user), loopback_only=settings.loopback_only)
        tap = _ReadingTap(settings, self, egress, link.venue_ns)
        super().__init__(link, tap, egress)
        tap.urls["api"]["private"] = used.rest
        tap.urls["api"]["ws"] = {"ws-api": {"spot": used.user}}
        self.connection = 0
        self._tap = tap
        self._ear = ear
        self._numbers: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._listings = Listings(link, self._rest)
        self._user = UserStream(link, self._rest, tap, self._background)

    async def account(self) -> Mapping[str, Any]:
        """Return the account's own answer; a key that may only read will do. Raises: RequestFailure."""
        return await self._rest.ask_object("privateGetAccount", {})

    def submit(self, command: VenueCommand) -> None:
        """Send a command; see `mm.ports.Venue`."""
        if isinstance(command, Connect):
            self.connection += 1
        super().submit(command)

    def work_for(self, command: VenueCommand) -> Work:
        """Return what carries a command out; raises ProtocolViolation for what does more than listen."""
        match command:
            case ListOrders():
                return partial(self._listings.orders, command)
            case ListBalances():
                return self._listings.balances
            case Connect(stream=Stream.USER):
                return self._connect
            case _:
                name = type(command).__name__
                raise ProtocolViolation(f"{name} was asked of what only listens to an account")

    async def close(self) -> None:
        """Close every connection, within a few seconds."""
        self._user.close()
        await super().close()

    # ---- what the tap tells

    def on_text(self, client: Any, text: str) -> bool:
        """Hand a text on, then let the adapter read it; see `TapListener`."""
        if self._tap.is_free_of_secrets(text):
            self._ear.on_own(self._numbers.setdefault(client, self.connection), text)
        else:
            self._left_out("a text of the account's stream")
        return False

    def on_frame(self, client: Any, frame: Any) -> bool:
        """A decoded frame came; see `TapListener`."""
        return self._user.on_frame(client, frame) if self._user.owns(client) else True

    def on_lost(self, client: Any, reason: str) -> None:
        """A connection ended; see `TapListener`."""
        self._user.on_lost(client, reason)

    def on_listing(self, request: str, body: str) -> None:
        """A listing came: hand it on, as `on_text` does."""
        if self._tap.is_free_of_secrets(body):
            self._ear.on_body(request, body)
        else:
            self._left_out(request)

    def _left_out(self, what: str) -> None:
        reason = "it held the key, its secret or a signature: it was not handed on"
        self._link.emit(RequestFailed(ts_ns=self._link.now_ns(), what=what, subject="", reason=reason))

    # What is signed states the venue's time: it is measured with each attempt, as months may lie between.
    async def _connect(self) -> None:
        try:
            await self._timing.measured()
        except (RequestFailure, ValueError) as error:
            reason = str(failed_read(error))
            self._link.emit(StreamDown(ts_ns=self._link.now_ns(), stream=Stream.USER, reason=reason))
            return
        await self._user.connect()


class _ReadingTap(SigningTap):
    # The tap of an account with which nothing can be changed, whatever of the library comes to ask for it.
    def __init__(
        self,
        settings: BinanceSettings,
        listener: BinanceAccountHeard,
        egress: Egress,
        venue_ns: Callable[[], int],
    ) -> None:
        config = client_config(settings)
        config["apiKey"], config["secret"] = settings.api_key, settings.api_secret
        config["options"]["recvWindow"] = settings.recv_window_ms
        self._account = listener
        self._given = (settings.api_key, settings.api_secret)
        self._signatures: deque[str] = deque(maxlen=SIGNATURES_KEPT)
        super().__init__(config, listener=listener, egress=egress, venue_ns=venue_ns)

    def is_free_of_secrets(self, text: str) -> bool:
        return not any(secret in text for secret in (*self._given, *self._signatures))

    def sign(self, path: str, api: Any = "public", method: str = "GET", params: Any = None) -> Any:
        section = api if isinstance(api, str) else api[0]
        if section == "public":
            return PublicTap.sign(self, path, api, method, params)
        if section != "private" or method != "GET" or path not in READS:
            raise ProtocolViolation(f"{method} {path} of {section} was to be signed by what only listens")
        made = super().sign(path, api, method, params)
        self._keep(parse_qs(urlsplit(made["url"]).query)["signature"][0])
        return made

    def sign_params(self, params: Any = None) -> Any:
        if params:
            raise ProtocolViolation("a WebSocket request was to be signed by what only listens")
        made = super().sign_params({})
        self._keep(made["signature"])
        return made

    async def fetch(self, url: Any, method: Any = "GET", headers: Any = None, body: Any = None) -> Any:
        if method != "GET" or body:
            raise ProtocolViolation(f"{method} was to be sent by what only listens")
        return await super().fetch(url, method, headers, body)

    async def watch(self, url: Any, message_hash: Any, message: Any = None, *more: Any, **named: Any) -> Any:
        if not isinstance(message, dict) or message.get("method") != SUBSCRIPTION:
            raise ProtocolViolation("something else than a subscription was to be sent by what only listens")
        return await super().watch(url, message_hash, message, *more, **named)

    def on_rest_response(self, *answer: Any) -> Any:
        parts = urlsplit(answer[2])
        path = parts.path
        if path.rpartition("/")[2] in READS:
            asked = parse_qs(parts.query)
            named = "&".join(f"{name}={asked[name][0]}" for name in TOLD if name in asked)
            self._account.on_listing(f"{path}?{named}" if named else path, answer[5])
        return super().on_rest_response(*answer)

    def _keep(self, signature: str) -> None:
        # As it is, and as it stands in an address.
        self._signatures.extend({signature, quote(signature, safe="")})
