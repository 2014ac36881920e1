"""What the venue remembers of many lives, gathered piece by piece, and what the bot wrote down beside it.

The exchange's memory is bounded; what was gathered is kept. Reads only; decides nothing.
"""

import urllib.request
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from mm.bootstrap.recipe import read_recipe
from mm.domain.commands import Place
from mm.domain.events import OrderFilled
from mm.domain.ids import OrderIds
from mm.observe import judge
from mm.store.journal.layout import runs
from mm.store.journal.reader import read
from tests.builders.crash_decided import Decided, Followed

TIMEOUT_S: Final = 20.0


def ask_truth(url: str, only: str = "") -> dict[str, Any]:
    """Return what the truth door at `url` tells. Args: only: the parts that are wanted, all when empty."""
    asked = f"{url}/_mm/truth" + (f"?only={only}" if only else "")
    with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as answer:
        found: dict[str, Any] = msgspec.json.decode(answer.read())
        return found


def used_weight(url: str) -> int:
    """Return the request weight that the venue at `url` has counted within its minute, this question too."""
    with urllib.request.urlopen(f"{url}/api/v3/ping", timeout=TIMEOUT_S) as answer:
        return int(answer.headers["X-MBX-USED-WEIGHT-1M"])


class Gathered:
    """The venue's memory over a whole test.

    Fields: orders: by number, as last seen; trades: of the account, by trade id; prices: of every trade of
    the market, with its time, by trade id; requests: in order, each once; prevented: matches that the venue
    had to prevent; last: the last answer.
    """

    def __init__(self, url: str) -> None:
        """Remember where the truth is told."""
        self.url = url
        self.orders: dict[int, dict[str, Any]] = {}
        self.trades: dict[int, dict[str, Any]] = {}
        self.prices: dict[int, tuple[int, int]] = {}
        self.requests: list[dict[str, Any]] = []
        self.prevented: list[dict[str, Any]] = []
        self.last: dict[str, Any] = {}
        self._known: set[tuple[object, ...]] = set()

    def look(self) -> None:
        """Take in what the venue tells now."""
        told = self.last = ask_truth(self.url)
        client = told["client"]
        for order in told["orders"]:
            self.orders[order["order_id"]] = order
        for trade in told["tape"]:
            self.prices[trade["trade_id"]] = (trade["ts_ns"], trade["price_ticks"])
            if client in (trade["maker_owner"], trade["taker_owner"]):
                self.trades[trade["trade_id"]] = trade
        self.prevented = told["prevented_matches"]
        for request in told["requests"]:
            key = (request["ts_ns"], request["method"], request["path"], *sorted(request["params"].items()))
            if key not in self._known:
                self._known.add(key)
                self.requests.append(request)

    def as_truth(self) -> judge.Truth:
        """Return all of it in the form in which a run is judged."""
        whole = self.last | {"orders": list(self.orders.values()), "tape": list(self.trades.values())}
        return judge.read_truth(msgspec.json.encode(whole))

    def moved_lots(self, trade_ids: Iterable[int]) -> tuple[int, int]:
        """Return what these trades bought and sold for the account, lots."""
        bought = sold = 0
        for number in trade_ids:
            trade = self.trades[number]
            taker = trade["taker_owner"] == self.last["client"]
            if (trade["taker_side"] == "buy") == taker:
                bought += trade["size_lots"]
            else:
                sold += trade["size_lots"]
        return bought, sold

    def placements(self) -> list[dict[str, Any]]:
        """Return the requests that were meant to place an order, in order."""
        return [request for request in self.requests if is_placement(request)]


def is_placement(request: dict[str, Any]) -> bool:
    """Return whether a request was meant to place an order."""
    is_rest = request["method"] == "POST" and request["path"].endswith("/order")
    return bool(is_rest or request["path"] == "order.place")


def cancels_ns(url: str, *, since_ns: int) -> dict[str, int]:
    """Return when the venue was first asked to cancel each order, by id. Args: since_ns: not earlier."""
    found: dict[str, int] = {}
    for request in ask_truth(url, "requests")["requests"]:
        is_cancel = request["method"] == "DELETE" or request["path"] == "order.cancel"
        if is_cancel and request["ts_ns"] >= since_ns:
            found.setdefault(request["params"].get("origClientOrderId", ""), request["ts_ns"])
    return found


class Written:
    """What the bot wrote down of all its lives.

    Fields: fills: trade ids, each with how many journals hold it; intents: when each order was written down
    as one to be placed, by client id, in nanoseconds; twice: client ids that were written down so again; ids:
    the codec of the deployment's order ids, None before the first life; decided: every placement with the
    market beside it; halts: when and why trading was latched off; lives: when each began; epochs: their
    numbers.
    """

    def __init__(self, data_dir: Path) -> None:
        """Read all journals."""
        self.fills: Counter[int] = Counter()
        self.intents: dict[str, int] = {}
        self.twice: list[str] = []
        self.ids: OrderIds | None = None
        self.decided: list[Decided] = []
        self.halts: list[tuple[int, str]] = []
        self.lives: list[int] = []
        self.epochs: list[int] = []
        for place in reversed(runs(data_dir)):
            reading, followed = read(place.journal), Followed()
            found: set[int] = set()
            for record in reading:
                followed.take(record)
                if isinstance(record.entry, OrderFilled):
                    found.add(record.entry.trade_id)
                elif isinstance(record.entry, Place):
                    if record.entry.cid in self.intents:
                        self.twice.append(record.entry.cid)
                    self.intents.setdefault(record.entry.cid, record.ts_ns)
            self.fills.update(found)
            self.decided += followed.decided
            self.halts += followed.halts
            if reading.run is not None:
                self.lives.append(reading.run.began_ns)
                self.epochs.append(reading.run.epoch)
                recipe = read_recipe(reading.run.config_text)
                self.ids = OrderIds(tag=recipe.tag, key=bytes.fromhex(recipe.key))
