"""The tap of an account: the one place where requests get a signature, for listed addresses alone.

Must never be part of what reads public data or trades on paper. Imports ccxt: import this module late.
"""

from collections.abc import Callable
from typing import Any

import ccxt.pro

from mm.domain.units import NS_PER_MS
from mm.venues.edge.egress import Egress
from mm.venues.edge.tap import PublicTap, TapListener


class SigningTap(PublicTap):
    """The tap with a key: ccxt signs what it sends."""

    def __init__(
        self, config: dict[str, Any], *, listener: TapListener, egress: Egress, venue_ns: Callable[[], int]
    ) -> None:
        """Construct ccxt's client from `config`; `venue_ns` tells the time by the venue's clock."""
        self._venue_ns = venue_ns
        super().__init__(config, listener=listener, egress=egress)

    def nonce(self) -> int:
        """Return the time that a signed request states, in the venue's milliseconds."""
        return self._venue_ns() // NS_PER_MS

    def sign(self, path: str, api: Any = "public", method: str = "GET", params: Any = None) -> Any:
        """Sign a request; raises ForeignAddress instead if its address is not listed."""
        section = api if isinstance(api, str) else api[0]
        self._egress.check_url(self.urls["api"][section])
        # Not the parent's, which refuses: the library's own.
        return ccxt.pro.binance.sign(self, path, api, method, {} if params is None else params)

    def sign_params(self, params: Any = None) -> Any:
        """Sign a WebSocket request; raises ForeignAddress instead if its address is not listed."""
        self._egress.check_url(self.urls["api"]["ws"]["ws-api"]["spot"])
        return ccxt.pro.binance.sign_params(self, {} if params is None else params)
