"""Where requests may go: the addresses that the settings name, and for a demo only this machine.

Must never look a name up by itself: a demo that was pointed at a foreign name sends nothing, not even that
question. Invariant: nothing is signed for, and no connection is opened to, an address that is not listed.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from mm.errors import ConfigError, ForeignAddress

_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_HINT: Final = "point it at the local exchange (mm exchange), on 127.0.0.1"


def is_loopback(address: str) -> bool:
    """Return whether `address` is an IP address of this machine alone; a name never is."""
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def endpoint(url: str) -> tuple[str, int]:
    """Return host and port of `url`; raises ConfigError if it is no http, https, ws or wss address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in _PORTS or not host:
        raise ConfigError(f"address was {url!r}, expected http(s):// or ws(s):// with a host")
    return host, port or _PORTS[parts.scheme]


class Egress:
    """The addresses that one venue may reach.

    Fields: loopback_only: whether each of them has to be on this machine.
    """

    def __init__(self, urls: Iterable[str], *, loopback_only: bool) -> None:
        """Keep the hosts and ports of `urls`.

        Raises: ForeignAddress if `loopback_only` and one is neither a loopback address nor `localhost`.
        """
        self.loopback_only = loopback_only
        self._listed = frozenset(endpoint(url) for url in urls)
        for host, _ in sorted(self._listed):
            if loopback_only and host != "localhost" and not is_loopback(host):
                raise ForeignAddress(
                    f"a demo key was pointed at {host}, expected this machine; nothing was sent", hint=_HINT
                )

    def check_endpoint(self, host: str, port: int) -> None:
        """Raise ForeignAddress unless the host and port are listed."""
        if (host, port) not in self._listed:
            raise ForeignAddress(
                f"a request was headed for {host}:{port}, which is not listed; nothing was sent"
            )

    def check_url(self, url: str) -> None:
        """Raise ForeignAddress unless the host and port of `url` are listed."""
        self.check_endpoint(*endpoint(url))

    def check_resolved(self, host: str, addresses: Iterable[str]) -> None:
        """Raise ForeignAddress if `host` led to an address that is not loopback although it has to be."""
        if self.loopback_only:
            for address in addresses:
                if not is_loopback(address):
                    raise ForeignAddress(
                        f"{host} led to {address}, expected this machine; nothing was sent", hint=_HINT
                    )
