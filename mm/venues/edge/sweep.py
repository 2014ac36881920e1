"""Takes every order that bears our mark off a venue, for whoever can do no more than list and cancel.

Knows nothing of sessions, limits or what an order was for. Must never touch an order that is not ours or of
a later life, nor cancel while the venue wants to be left alone. Invariant: what `once` returns was listed by
the venue in that very call.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

from mm.domain.ids import OrderIds
from mm.errors import MMError
from mm.venues.edge.errors import RequestFailure, asked_to_wait

HANDS: Final = 16
"""Connections that cancels are spread over; those of one leave together."""


class Canceller(Protocol):
    """What lists and cancels, from several threads. Fields: offset_ns: the venue's clock minus ours."""

    offset_ns: int

    def open_orders(self, symbol: str) -> tuple[str, ...]:
        """Return the client ids of all open orders on a symbol; raises RequestFailure."""
        ...

    def cancel(self, orders: Sequence[tuple[str, str]]) -> list[RequestFailure]:
        """Cancel orders, each a symbol and our id, at once; return what failed."""
        ...


class Sweep:
    """Takes what is ours off. Fields: open_orders: of ours, as listed last, -1 unknown."""

    def __init__(self, client: Canceller, ids: OrderIds, *, symbols: tuple[str, ...], epoch: int) -> None:
        """Keep where to look and how to tell ours.

        Args: symbols: as the venue names them. epoch: of the last life whose orders have to go.
        """
        self.open_orders = -1
        self._client = client
        self._ids = ids
        self._symbols = symbols
        self._epoch = epoch
        self._hands = ThreadPoolExecutor(HANDS, thread_name_prefix="cancel")
        self._not_before_s = 0.0

    @property
    def waits_s(self) -> float:
        """How long the venue wants nothing from us, 0 if it does not say so."""
        return max(0.0, self._not_before_s - time.monotonic())

    def once(self) -> int:
        """List every symbol and cancel what is ours; return how many orders of ours were listed.

        Cancels that fail show in the next listing. Raises: RequestFailure if a listing failed; what the
        others showed is cancelled all the same.
        """
        self.open_orders = -1
        found: list[tuple[str, str]] = []
        failures: list[RequestFailure] = []
        for listed in self._hands.map(self._listed, self._symbols):
            if isinstance(listed, RequestFailure):
                failures.append(listed)
            else:
                found += listed
        shares = [found[hand::HANDS] for hand in range(min(HANDS, len(found)))]
        for done in [self._hands.submit(self._cancel, share) for share in shares]:
            done.result()
        if failures:
            raise failures[0]
        self.open_orders = len(found)
        return len(found)

    def close(self) -> None:
        """Begin nothing more; what is under way ends by its own deadline."""
        self._hands.shutdown(wait=False, cancel_futures=True)

    def _listed(self, symbol: str) -> list[tuple[str, str]] | RequestFailure:
        # Ours alone, or why the venue did not tell: one symbol that fails keeps no other from being cleared.
        try:
            listed = self._client.open_orders(symbol)
        except RequestFailure as failure:
            self._heed(failure)
            return failure
        except MMError as error:
            return RequestFailure(str(error), sent=False)
        return [(symbol, cid) for cid in listed if self._is_ours(cid)]

    def _is_ours(self, cid: str) -> bool:
        order_id = self._ids.decode(cid)
        return order_id is not None and order_id.epoch <= self._epoch

    def _cancel(self, orders: list[tuple[str, str]]) -> None:
        if self.waits_s:
            return
        try:
            failures = self._client.cancel(orders)
        except (RequestFailure, MMError):
            # They did not leave: they are in the next listing.
            return
        for failure in failures:
            self._heed(failure)

    def _heed(self, failure: RequestFailure) -> None:
        now_ns = time.time_ns()
        wait = asked_to_wait(failure, now_ns=now_ns, offset_ns=self._client.offset_ns)
        if wait is not None:
            until_s = time.monotonic() + (wait.until_ns - now_ns) / 1e9
            self._not_before_s = max(self._not_before_s, until_s)
