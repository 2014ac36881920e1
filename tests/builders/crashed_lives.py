"""Lives of the bot that end without goodbye: the real start, a fake venue, time that jumps.

A life that crashes leaves what a killed process leaves: the files as the kernel has them, the orders as the
venue has them. Invariant: nothing that happens after the crash reaches the next life.
"""

import asyncio
import copy
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from msgspec import structs

from mm.bootstrap.recovery import StartOptions
from mm.bootstrap.trade import Bot, trade
from mm.domain.commands import Cancel, ListFills, Place, Query, Report, VenueCommand
from mm.domain.events import AnyEvent, OrderFilled, OrderSeen, Source
from mm.settings.models import Settings
from mm.store.journal.layout import RunPlace, runs
from mm.store.lease import Account
from mm.store.runstate import RunState
from tests.builders.configs import loaded
from tests.builders.fake_venue import FakeVenue
from tests.builders.virtual_time import VirtualClock, run_virtual

ACCOUNT: Final = Account(venue="binance", key_id="a-key-id-of-a-test")

TEXT: Final = """\
mode = "live"

[venue.main]
key = "env:KEY"
secret = "env:SECRET"

[pair.main]
symbol = "AAA/BBB"

[pair.main.params]
bid_spread_bps = 20
ask_spread_bps = 20
order_amount_base = 1
order_refresh_time_ms = 600_000

[risk]
max_notional_quote = 5_000
max_order_notional_quote = 500
session_loss_quote = 100
"""


class LaterClock(VirtualClock):
    """The virtual clock, begun later. Fields: late_ns: by how much."""

    def __init__(self, late_ns: int) -> None:
        """Begin so much later."""
        super().__init__()
        self.late_ns = late_ns

    def now_ns(self) -> int:
        """Return the time."""
        return super().now_ns() + self.late_ns


class RememberingVenue(FakeVenue):
    """The fake venue, which knows its orders after their end too, and its fills.

    Fields: ended: lots filled by id; fills: in their order; identity: as in `mm.ports.Identified`.
    """

    identity = ""

    def __init__(self, clock: VirtualClock) -> None:
        """Begin without orders."""
        super().__init__(clock)
        self.ended: dict[str, int] = {}
        self.fills: list[OrderFilled] = []

    def fill(self, cid: str, lots: int, *, trade_id: int = 0) -> OrderFilled:
        """Let somebody trade with a resting order, tell it and return what was told."""
        event = super().fill(cid, lots, trade_id=trade_id)
        self.fills.append(event)
        instrument, sign = self._instrument, event.side.sign
        value = event.price_ticks * lots * instrument.tick_lot_atoms
        moved = {instrument.base: sign * lots * instrument.lot_atoms, instrument.quote: -sign * value}
        moved[event.fee_asset] -= event.fee_atoms
        base, quote = self.held
        self.held = (base + moved[instrument.base], quote + moved[instrument.quote])
        return event

    def _answers(self, command: VenueCommand, asked_ns: int) -> Iterator[AnyEvent]:
        if isinstance(command, ListFills):
            now = self._clock.now_ns()
            for fill in self.fills:
                if fill.trade_id >= command.from_trade_id:
                    yield structs.replace(fill, ts_ns=now, source=Source.QUERY)
        yield from super()._answers(command, asked_ns)

    def _order_answers(self, command: Place | Cancel | Query, now: int) -> Iterator[AnyEvent]:
        cid = command.cid
        resting = self.open.get(cid)
        if isinstance(command, Cancel) and resting is not None:
            self.ended[cid] = resting.cum_lots
        if isinstance(command, Query) and cid in self.ended:
            yield OrderSeen(ts_ns=now, cid=cid, venue_order_id="1", open=False, cum_lots=self.ended[cid])
        else:
            yield from super()._order_answers(command, now)


class Lives:
    """Lives on one data directory and one account.

    Fields: data_dir; settings; venue: of the life under way or to come; reports: of the newest life.
    """

    def __init__(self, folder: Path, *overrides: str) -> None:
        """Begin with nothing."""
        folder.mkdir(exist_ok=True)
        self.data_dir = folder / "data"
        self.settings: Settings = loaded(folder, TEXT, [f"data_dir={self.data_dir}", *overrides])
        self.reports: list[Report] = []
        self._image = folder / "image"
        self._passed_ns = 0
        self.venue = RememberingVenue(LaterClock(0))
        self._planned: list[tuple[float, Callable[[], object]]] = []

    def at(self, seconds: float, call: Callable[[], object]) -> None:
        """Let `call` happen at a time of the next life."""
        self._planned.append((seconds, call))

    def live(self, seconds: float = 10.0, *, rebuild: bool = False) -> Bot:
        """Live for so long and end in order."""
        bot = self._live(seconds, rebuild=rebuild)
        self.venue = self._after(self.venue)
        return bot

    def crash(self, seconds: float = 10.0) -> None:
        """Live for so long, then be gone."""
        left: list[RememberingVenue] = []

        def die() -> None:
            left.append(self._after(self.venue))
            shutil.rmtree(self._image, ignore_errors=True)
            shutil.copytree(self.data_dir, self._image, ignore=shutil.ignore_patterns("*.sock"))

        self.at(seconds, die)
        self._live(seconds + 1)
        shutil.rmtree(self.data_dir)
        self._image.rename(self.data_dir)
        self.venue = left[0]

    def kept(self) -> RunState:
        """Return the state on the disk."""
        return RunState.open(self.data_dir)

    def newest_run(self) -> RunPlace:
        """Return where the newest life wrote its journal."""
        return runs(self.data_dir)[0]

    def codes(self) -> list[str]:
        """Return the codes of the newest life's reports."""
        return [report.code for report in self.reports]

    def facts(self, code: str) -> dict[str, str]:
        """Return the facts of the newest life's last report of that code."""
        return dict(next(report for report in reversed(self.reports) if report.code == code).facts)

    def _live(self, seconds: float, *, rebuild: bool = False) -> Bot:
        planned, self._planned = self._planned, []
        clock = LaterClock(self._passed_ns)
        self._passed_ns += round((seconds + 5) * 1e9)

        async def run() -> Bot:
            for at_s, call in planned:
                asyncio.get_running_loop().call_later(at_s, call)
            return await trade(
                self.settings,
                self.venue,
                clock,
                duration_ns=round(seconds * 1e9),
                show=None,
                options=StartOptions(account=ACCOUNT, rebuild=rebuild),
            )

        self.venue._clock = clock
        bot = run_virtual(run)
        self.reports = list(bot.runtime.history.reports)
        return bot

    def _after(self, venue: RememberingVenue) -> RememberingVenue:
        # The venue as the next life finds it.
        made = RememberingVenue(LaterClock(0))
        made.ended, made.fills = dict(venue.ended), list(venue.fills)
        made.open = {cid: copy.copy(resting) for cid, resting in venue.open.items()}
        made.foreign, made.held, made._trades, made._seq = (
            venue.foreign,
            venue.held,
            venue._trades,
            venue._seq,
        )
        return made
