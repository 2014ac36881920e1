"""A soak: one life of the product's own engine, loop, recorder, history and door, days of it in virtual time.

Measured at the end of each virtual day, after a full collection: every object and block that Python holds,
the process's resident memory, and the size of every container that can be reached. What grows, shows.
Invariant: nothing in here keeps more the longer it runs, but a line of figures per day.
"""

import asyncio
import gc
import os
import re
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random
from time import process_time
from typing import Final, cast

import msgspec

from mm.analytics.series import POINTS_MAX
from mm.domain.commands import Report
from mm.domain.units import NS_PER_S
from mm.engine.engine import Engine
from mm.engine.estate import estate_of
from mm.engine.setup import Deadlines, EngineSetup, SessionSetup
from mm.observe import history
from mm.observe.analyst import QUEUES_SPARE
from mm.observe.status import RunFacts, status
from mm.ports import Venue
from mm.risk.rules import make_rules
from mm.runtime.control import ControlServer
from mm.runtime.keeper import Keeper
from mm.runtime.live import LiveRuntime, Outcome
from mm.runtime.recorder import JournalRecorder, Timing
from mm.runtime.resident import give_back_large_blocks
from mm.runtime.simulate import soak_venue
from mm.runtime.simulate.checks_bounds import bounds_of, excess, sizes_of
from mm.runtime.simulate.instruments import EPOCH, FIRST, IDS
from mm.runtime.simulate.ladder import Ladder
from mm.runtime.simulate.lives import Kept
from mm.runtime.simulate.plan import BAND_LOTS, LIMITS, START_NS
from mm.runtime.simulate.soak_venue import Pace, SoakVenue
from mm.runtime.simulate.virtual_time import VirtualClock, VirtualLoop
from mm.store.journal.disk import Disk
from mm.store.journal.entries import Family, RunHeader
from mm.store.journal.journal import Journal
from mm.store.journal.layout import journal_directory, run_id
from mm.store.journal.syncing import JournalSettings
from mm.strategies.base import Strategy
from mm.venues.paper import PaperVenue, PaperVenueSettings, records

DAY_S: Final = 86_400.0

GROWTH_PPM_MAX: Final = 20_000
"""Memory after the last day may differ by this from that after the first."""

TYPE_SLACK: Final = 64
"""Objects of one type that may have come on top, day after day, before that counts as a leak."""

MARKET_NS: Final = 6 * 3_600 * NS_PER_S
"""Market data are dropped at this age, so that dropping goes on all the time."""

SEGMENT_BYTES: Final = 2_000_000
GROUP_S: Final = 5.0
LOOK_S: Final = 600.0
"""How often somebody looks at the run through its door."""

LOOKS: Final = (b'{"do":"status"}', b'{"do":"orders"}', b'{"do":"fills"}', b'{"do":"pnl"}', b'{"do":"why"}')

_REPEATED: Final = re.compile(r"(runtime|door\._runtime)\.engine\.|door\._runtime\.")

DEADLINES: Final = Deadlines(
    stale=10 * NS_PER_S, reconnect=30 * NS_PER_S, sweep=NS_PER_S, stall=60 * NS_PER_S
)
"""A calm venue is quiet for seconds; looking at open ends once a second is a tenth of the product's pace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """What is to be run.

    Fields: days: of `day_s` virtual seconds each; seed; pace: of the venue; paper: trade on paper over what
    the venue shows.
    """

    days: int = 7
    day_s: float = DAY_S
    seed: int = 1
    pace: Pace = field(default_factory=Pace)
    paper: bool = False


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """What there was at the end of a day.

    Fields: day: from 1; events: that the venue handed out so far; records: in the journal; orders, fills: so
    far; objects: that the collector tracks; blocks: of memory that Python holds; rss_bytes: resident memory,
    0 where the system does not tell; disk_bytes: of the journal that is kept; cpu_s: of this process.
    """

    day: int
    events: int
    records: int
    orders: int
    fills: int
    objects: int
    blocks: int
    rss_bytes: int
    disk_bytes: int
    cpu_s: float


class KeptDisk(Disk):
    """The real disk, but without our own family's segments once they are ended: no living process reads
    them, and a soak must fit on a small one. Fields: ages: when each file was written last, virtual time.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        """Take the ages of files from `now_ns`."""
        self.ages: dict[Path, int] = {}
        self.bytes = 0
        self._now_ns = now_ns
        self._paths: dict[int, Path] = {}

    def create(self, path: Path) -> int:
        """Return a new file."""
        file = super().create(path)
        self._paths[file] = path
        self.ages[path] = self._now_ns()
        return file

    def write(self, file: int, content: bytes) -> None:
        """Hand `content` to the kernel."""
        super().write(file, content)
        self.ages[self._paths[file]] = self._now_ns()
        self.bytes += len(content)

    def sync(self, file: int) -> None:
        """Return at once: nothing here has to survive the machine."""
        os.fstat(file)

    def sync_directory(self, path: Path) -> None:
        """Return at once, as `sync`."""
        path.stat()

    def close(self, file: int) -> None:
        """Close a file; one of our own family is gone then."""
        super().close(file)
        path = self._paths.pop(file)
        if path.parent.name == Family.OWN:
            self.remove(path)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        self.bytes -= path.stat().st_size
        super().remove(path)
        del self.ages[path]

    def written_ns(self, path: Path) -> int:
        """Return when a file was written last."""
        return self.ages[path]


class SoakRun:
    """One soak under way, or over.

    Fields: days: figures so far; sizes: of the containers after the first and the newest day, by path;
    beyond: a container that was beyond its bound at the end of a day, "" if none was; reports:
    how often each code was reported; outcome: None before the end.
    """

    def __init__(self, soak: Soak, directory: Path, tell: Callable[[Day], None]) -> None:
        """Build everything. Args: directory: real, private, empty; tell: hears of each day."""
        self.soak = soak
        self.days: list[Day] = []
        self.sizes: list[dict[str, int]] = []
        self.beyond = ""
        self.reports: Counter[str] = Counter()
        self.outcome: Outcome | None = None
        self.venue: SoakVenue
        self._directory = directory
        self._tell = tell
        self._types: list[bytes] = []
        self._began_s = process_time()

    def run(self) -> None:
        """Live all days, then stop in good order."""
        give_back_large_blocks()  # as every life does
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        clock, soak = VirtualClock(), self.soak
        self.venue = SoakVenue(clock, Random(f"{soak.seed}/soak"), soak.pace)
        venue = self._trading_venue()
        await venue.instruments((FIRST.symbol,))
        setup = _setup(venue)
        engine = Engine(setup)
        self.disk = KeptDisk(clock.now_ns)
        self._journal = self._begun(setup)
        self.recorder = JournalRecorder(
            self._journal,
            market_ns=MARKET_NS,
            estate=lambda: estate_of(engine.state),
            timing=Timing(group_s=GROUP_S, steady_s=asyncio.get_running_loop().time, utc_ns=clock.now_ns),
        )
        kept = Kept(epoch=EPOCH, latch="")
        self.runtime = LiveRuntime(engine, venue, clock, (self._heard, Keeper(kept)), self.recorder)
        self.door = ControlServer(self._directory / "door", self.runtime, self._status)
        for number in range(1, soak.days + 1):
            asyncio.get_running_loop().call_later(number * soak.day_s, self._measure, number)
        asyncio.get_running_loop().call_later(LOOK_S, self._look)
        self.outcome = await self.runtime.run(round((soak.days * soak.day_s + 1) * NS_PER_S))
        await self.recorder.close()

    def _trading_venue(self) -> Venue:
        if not self.soak.paper:
            return self.venue
        balances = {FIRST.base: Decimal(10_000), FIRST.quote: Decimal(10_000_000)}
        return PaperVenue(self.venue, PaperVenueSettings(balances=balances))

    def _begun(self, setup: EngineSetup) -> Journal:
        name = run_id(START_NS, setup.epoch)
        header = RunHeader(
            run_id=name,
            epoch=setup.epoch,
            code_version="simulated",
            began_ns=START_NS,
            config_digest="",
            config_text="",
        )
        settings = JournalSettings(segment_bytes=SEGMENT_BYTES)
        return Journal.open(
            journal_directory(self._directory, name), header, settings=settings, disk=self.disk
        )

    def _heard(self, report: Report) -> None:
        self.reports[report.code] += 1

    def _status(self) -> Mapping[str, object]:
        facts = RunFacts(mode="soak", venue="simulated", strategies={"main": "ladder"}, started_ns=START_NS)
        return status(self.runtime.engine.state, self.runtime.history, facts, self.runtime.now_ns())

    def _look(self) -> None:
        asyncio.get_running_loop().call_later(LOOK_S, self._look)
        for asked in LOOKS:
            answer = self.door.answer(asked)
            assert answer["ok"], answer

    # ---- figures

    def _measure(self, number: int) -> None:
        gc.collect()
        objects = gc.get_objects()
        count, types = len(objects), Counter(_name(one) for one in objects)
        del objects
        # As bytes: a table of its own would be among what is counted the next time.
        self._types.append(msgspec.json.encode(types))
        del types
        self.sizes = [*self.sizes[:1], self._sizes()]
        self.beyond = self.beyond or excess(self.sizes[-1].items(), self._bounds())
        gc.collect()
        counts = self.runtime.history
        day = Day(
            day=number,
            events=self.venue.events,
            records=self._journal.next_seq - 1,
            orders=counts.placed,
            fills=counts.fills_total,
            objects=count,
            blocks=sys.getallocatedblocks(),
            rss_bytes=_rss_bytes(),
            disk_bytes=self.disk.bytes,
            cpu_s=round(process_time() - self._began_s, 1),
        )
        self.days.append(day)
        self._tell(day)

    def _sizes(self) -> dict[str, int]:
        parts = (
            ("engine", self.runtime.engine.state),
            ("runtime", self.runtime),
            ("recorder", self.recorder),
            ("door", self.door),
            ("venue", self.venue),
        )
        # What several of them hold is told once, under the first name.
        found = {path: size for name, part in parts for path, size in sizes_of(part, name)}
        return {path: size for path, size in found.items() if not _REPEATED.match(path)}

    def _bounds(self) -> dict[str, int]:
        return bounds_of(self.runtime.engine.state) | {
            "runtime.history.fills": history.FILLS_MAX,
            "runtime.history.reports": history.REPORTS_MAX,
            "analytics.series.points": POINTS_MAX,
            "analyst._queues": FIRST.open_orders_max + QUEUES_SPARE,
            "records._closed": records.ORDERS_MAX,
            "records._orders": records.ORDERS_MAX + 100,
            "records._by_cid": records.ORDERS_MAX + 100,
            "records.fills": records.FILLS_MAX,
            "records._tape": records.FILLS_MAX,
            "venue._ended": soak_venue.ENDED_MAX,
            "venue._fills": soak_venue.FILLS_MAX,
        }

    def growing(self) -> dict[str, list[int]]:
        """Return the types of which there were more after each day than after the one before."""
        counted = [msgspec.json.decode(one, type=dict[str, int]) for one in self._types]
        found = {}
        for name in counted[-1]:
            counts = [one.get(name, 0) for one in counted]
            steady = all(later > before for before, later in pairwise(counts))
            if len(counts) > 2 and steady and counts[-1] - counts[0] > TYPE_SLACK:
                found[name] = counts
        return found

    def growth_ppm(self) -> dict[str, int]:
        """Return by how much the last day's memory differs from the first's, parts per million of that."""
        first, last = self.days[0], self.days[-1]
        pairs = {
            "objects": (first.objects, last.objects),
            "blocks": (first.blocks, last.blocks),
            "rss_bytes": (first.rss_bytes, last.rss_bytes),
        }
        return {name: (b - a) * 1_000_000 // a for name, (a, b) in pairs.items() if a}

    @property
    def problems(self) -> list[str]:
        """What grew, in words."""
        found = [
            f"{name}: {ppm / 10_000:+.2f} % after the last day"
            for name, ppm in self.growth_ppm().items()
            if ppm > GROWTH_PPM_MAX
        ]
        found += [f"{name}: more of them each day: {counts}" for name, counts in self.growing().items()]
        if self.beyond:
            found.append(self.beyond)
        if self.outcome is None or not self.outcome.clean or self.outcome.halted:
            found.append(f"the run ended badly: {self.outcome}")
        return found

    def fields(self) -> dict[str, object]:
        """Return the figures."""
        last = self.days[-1]
        seconds = self.soak.days * self.soak.day_s
        return {
            "days": [msgspec.structs.asdict(day) for day in self.days],
            "events": last.events,
            "events_per_s": round(last.events / seconds, 2),
            "growth_ppm": self.growth_ppm(),
            "growing_types": self.growing(),
            "beyond_bound": self.beyond,
            "containers": {
                name: [self.sizes[0].get(name, 0), size]
                for name, size in sorted(self.sizes[-1].items())
                if max(size, self.sizes[0].get(name, 0)) > 16
            },
            "reports": dict(sorted(self.reports.items())),
            "lost_answers": self.venue.lost,
            "streams_dropped": self.venue.drops,
            "cpu_s": last.cpu_s,
            "problems": self.problems,
        }


def _nobody(day: Day) -> None:
    assert day.day


def soak_run(soak: Soak, tell: Callable[[Day], None] = _nobody) -> SoakRun:
    """Run a soak in a directory of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mm-soak-") as directory:
        run = SoakRun(soak, Path(directory), tell)
        run.run()
        return run


def _setup(venue: Venue) -> EngineSetup:
    limits = replace(LIMITS, stale_ns_max=DEADLINES.stale)
    ladder = Ladder(levels=1, age_ns_max=8 * NS_PER_S, tolerance_ticks=2)
    session = SessionSetup(
        name="main",
        strategy=cast("Strategy[object]", ladder),  # it remembers a number
        rules=make_rules(limits),
        instrument=FIRST,
        band_lots_max=BAND_LOTS,
        band_ratio_ppm=10**9,
    )
    return EngineSetup(ids=IDS, epoch=EPOCH, caps=venue.caps, sessions=(session,), deadlines=DEADLINES)


def _name(one: object) -> str:
    kind = type(one)
    return f"{kind.__module__}.{kind.__qualname__}"


def _rss_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * resource.getpagesize()
