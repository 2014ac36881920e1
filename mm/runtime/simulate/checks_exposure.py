"""I1, I2 and the rules about single levels and exits: what could still fill, by the venue's truth."""

from typing import Final

from mm.domain.commands import Place, VenueCommand
from mm.domain.events import AnyEvent, ConfigApplied, OrderFilled
from mm.domain.sides import Side
from mm.risk.inventory_band import band_lots
from mm.runtime.simulate.checks_scene import Checker, Extremes, Scene
from mm.runtime.simulate.looks import EXCUSED, EXPOSURE

SHARE_MAX_PPM: Final = 10**8
"""A band of so large a share of the equity never is the tighter one."""


class Exposure(Checker):
    """I1. At every change of the venue's truth and after every command: what a session holds by the venue's
    fills, plus everything of it on one side that rests there or is on its way, against its configured band;
    what is held alone, too. A band that was tightened holds once what was there before could be cancelled.
    """

    invariant = "I1"
    hears = (ConfigApplied, OrderFilled)

    def __init__(self, scene: Scene) -> None:
        """Start with the bands of the setup."""
        super().__init__(scene)
        self.worst_lots = 0
        self.worst_ppm = 0
        self._bands: list[int] = []
        self._former: list[tuple[int, int, int]] = []
        self._overfilled: dict[str, tuple[int, tuple[str, int]]] = {}
        self._told: set[tuple[str, int]] = set()
        self._seen = 0
        self._judged: tuple[int, ...] = ()
        self._tightened: list[tuple[int, int]] = []
        # How many sessions had taken stock, and what each held, when that was last looked at.
        self._held: tuple[int, list[int]] = (-1, [])
        self._begin()

    def begin_life(self) -> None:
        """Begin with the bands of the new setup; the config may have become tighter while nothing ran."""
        before = [*enumerate(self._bands), *[(index, band) for index, band, _ in self._former]]
        self._begin()
        self._tightened = [(index, band) for index, band in before if band > self._bands[index]]

    def on_event(self, event: AnyEvent) -> None:
        """Follow a change of the config, and which fills the engine has heard of."""
        if isinstance(event, ConfigApplied):
            self._follow(event.ts_ns)
        elif isinstance(event, OrderFilled):
            self._told.add((event.symbol, event.trade_id))

    def on_truth(self) -> None:
        """Compare."""
        scene = self.scene
        scene.inventory.refresh()
        # What the life before left is taken off from the new one's first moment on.
        self._former += [(index, band, scene.now_ns) for index, band in self._tightened]
        self._tightened = []
        self._see_shares()
        if not scene.bounds_exposure or self._is_judged():
            return
        sums: dict[tuple[int, Side], int] = {}
        for place, left in scene.may_fill():
            key = (scene.session_of[place.cid], place.side)
            sums[key] = sums.get(key, 0) + left
        self._note_deceit()
        over: set[int] = set()
        for (session, side), lots in sums.items():
            held = side.sign * scene.inventory.held(session)
            limit = self._limit(session)
            scene.looks.count(EXPOSURE, away=session in scene.deceived)
            scene.looks.count(EXCUSED, away=session in scene.deceived and held + lots > limit)
            if session in scene.deceived and held + lots > self._band(session):
                # Also while a looser band of before still holds: it may end before the lie is out.
                over.add(session)
            if held + lots <= limit:
                self._note(held + lots, limit)
            elif session not in scene.deceived:
                raise self.broken(f"session {session}: {held} held, {lots} to {side}, limit {limit}")
        self._judge_held()
        if scene.deceived:
            lied = {scene.session_of.get(cid) for cid in scene.lied_about} | self._overfilled_sessions()
            scene.deceived = {session for session in scene.deceived if session in over or session in lied}

    def _is_judged(self) -> bool:
        # Nothing has changed since the last time. While a band is getting tighter, or somebody lies, time
        # alone changes what is right.
        scene = self.scene
        judged = (scene.truth.version, len(scene.placed), len(scene.wire.in_transit), scene.inventory.begun)
        same = judged == self._judged
        self._judged = judged
        doubtful = scene.deceived or scene.lied_about
        return same and not self._shares and not self._former and not doubtful

    def _judge_held(self) -> None:
        # Whether or not anything is open. What is held beyond a band may have been there before the band was:
        # it may not grow.
        scene, before = self.scene, self._held
        begun = scene.inventory.begun
        now = [scene.inventory.held(index) for index in range(len(self._bands))]
        self._held = (begun, now)
        if before[0] != begun:
            return
        for index, (was, held) in enumerate(zip(before[1], now, strict=True)):
            limit = self._limit(index)
            grew = held > max(limit, was) or -held > max(limit, -was)
            if grew and index not in scene.deceived:
                raise self.broken(f"session {index}: {held} held, {was} before, limit {limit}")

    def _note_deceit(self) -> None:
        # Where the venue said that a living order was gone, or filled more than was asked, no engine can hold
        # a limit until what came of that is over.
        scene, fills = self.scene, self.scene.truth.fills
        for cid in scene.lied_about:
            if cid in scene.session_of:
                self.scene.deceived.add(scene.session_of[cid])
        for fill in fills[self._seen :]:
            ours = scene.ids.decode(fill.cid)
            if ours is not None and scene.truth.orders[fill.cid].left_lots < 0:
                self._overfilled[fill.cid] = (ours.session, (fill.symbol, fill.trade_id))
        self._seen = len(fills)
        self.scene.deceived |= self._overfilled_sessions()
        self._overfilled = {
            cid: (session, trade)
            for cid, (session, trade) in self._overfilled.items()
            if not self._is_counted(cid, session, trade)
        }

    def _overfilled_sessions(self) -> set[int]:
        return {session for session, _ in self._overfilled.values()}

    # Until the engine has heard of all of it, it counts with less than there is. What was overfilled of an
    # earlier life may be in its holdings before it hears of it, and then counts twice until they are listed.
    def _is_counted(self, cid: str, session: int, trade: tuple[str, int]) -> bool:
        state, truth = self.scene.engine.state, self.scene.truth
        known = state.orders.get(cid)
        if known is not None:
            return known.cum_lots >= truth.orders[cid].cum_lots
        counted = state.sessions[session].position.inventory_lots
        return trade in self._told and counted == self.scene.inventory.held(session)

    def _note(self, lots: int, limit: int) -> None:
        self.worst_lots = max(self.worst_lots, lots)
        if limit:
            self.worst_ppm = max(self.worst_ppm, lots * 1_000_000 // limit)

    def _limit(self, session: int) -> int:
        # While nobody can have followed a tighter band yet, the one before holds.
        limit = self._band(session)
        for index, band, until_ns in self._former:
            if index == session and self.scene.now_ns < self._free_ns(session, until_ns) + self.scene.kill_ns:
                limit = max(limit, band)
        return limit

    # From when on everything of a session that stood at a time could be cancelled: nothing forbids it, and of
    # what a cancel was sent for in vain it could be learned whether it still stands.
    def _free_ns(self, session: int, since_ns: int) -> int:
        scene = self.scene
        free_ns = max(since_ns, scene.wire.banned_until_ns)
        for cid in scene.in_vain:
            if cid in scene.truth.live and scene.session_of.get(cid) == session:
                free_ns = max(free_ns, scene.asks_again_ns(cid))
        return free_ns

    def _band(self, session: int) -> int:
        band, by_share = self._bands[session], self._shares.get(session)
        return band if by_share is None else min(band or by_share.high, by_share.high)

    def _begin(self) -> None:
        self._bands = [one.band_lots_max for one in self.scene.setup.sessions]
        self._former = []
        self._judged = ()
        self._held = (-1, [])
        # A share of the equity moves with every price: of the last while the loosest holds, because nobody
        # can follow at once.
        self._shares = {
            index: Extremes(self.scene.kill_ns)
            for index, one in enumerate(self.scene.setup.sessions)
            if not one.band_lots_max or one.band_ratio_ppm < SHARE_MAX_PPM
        }

    def _see_shares(self) -> None:
        scene = self.scene
        for index, seen in self._shares.items():
            setup = scene.setup.sessions[index]
            instrument = setup.instrument
            lots = band_lots(
                0,
                setup.band_ratio_ppm,
                equity_atoms=scene.equity_atoms(instrument.quote),
                mid_half_ticks=scene.mid_half_ticks(instrument.symbol),
                instrument=instrument,
            )
            seen.see(scene.now_ns, lots)

    def _follow(self, now_ns: int) -> None:
        long_ago_ns = now_ns - 10 * self.scene.kill_ns
        self._former = [former for former in self._former if former[2] > long_ago_ns]
        for index, one in enumerate(self.scene.setup.sessions):
            if one.band_lots_max != self._bands[index]:
                self._former.append((index, self._bands[index], now_ns))
                self._bands[index] = one.band_lots_max


class SelfTrade(Checker):
    """I2. Every placement against every order with our mark that is not dead by the venue's truth, whatever
    session and life it is of; and the venue's own count of what it prevented, unless it had said of one of
    them that it was gone.
    """

    invariant = "I2"

    def __init__(self, scene: Scene) -> None:
        """Start with none."""
        super().__init__(scene)
        self._met = 0

    def on_command(self, command: VenueCommand) -> None:
        """Compare a placement's price with those on the other side."""
        if not isinstance(command, Place):
            return
        for other in self.scene.own():
            if (
                other.symbol == command.symbol
                and other.side is not command.side
                and other.cid not in self.scene.lied_about
                and (command.price_ticks - other.price_ticks) * command.side.sign >= 0
            ):
                raise self.broken(f"{command.side} at {command.price_ticks} against own {other.price_ticks}")

    def on_truth(self) -> None:
        """Ask the venue."""
        met = self.scene.truth.self_trades
        if met > self._met and not self.scene.lied_about:
            raise self.broken("own orders met at the venue")
        self._met = met


class OneIntent(Checker):
    """B6. No id is ever sent twice."""

    invariant = "B6"

    def on_command(self, command: VenueCommand) -> None:
        """Compare a placement's id with all before."""
        if isinstance(command, Place) and command.cid in self.scene.placed:
            raise self.broken("one intent was sent twice")


class OnePerLevel(Checker):
    """A level has one order, whatever state it is in: compared when a placement leaves."""

    invariant = "one per level"

    def on_command(self, command: VenueCommand) -> None:
        """Compare with what lives at the venue on the same session, side and level."""
        if not isinstance(command, Place):
            return
        known = self.scene.engine.state.orders
        mine = known.get(command.cid)
        if mine is None or mine.level < 0:
            return
        for other in self.scene.own():
            order = known.get(other.cid)
            if (
                order is not None
                and order is not mine
                and order.cid not in self.scene.lied_about
                and (order.session, order.side, order.level) == (mine.session, mine.side, mine.level)
            ):
                raise self.broken(f"a second order on {mine.side} level {mine.level}")


class ReducesOnly(Checker):
    """B36. An exit, together with everything else on its side that could still fill, takes back at most what
    the session holds by the venue's truth; it leaves only after a halt.
    """

    invariant = "B36"

    def on_command(self, command: VenueCommand) -> None:
        """Compare an exit with what is held."""
        if not isinstance(command, Place) or not command.reduces:
            return
        scene = self.scene
        session = scene.session(command.cid)
        held = -command.side.sign * scene.inventory.held(session)
        others = sum(
            left
            for place, left in scene.may_fill()
            if place.cid != command.cid
            and (scene.session_of[place.cid], place.side) == (session, command.side)
        )
        lied = any(scene.session_of.get(cid) == session for cid in scene.lied_about)
        if others + command.size_lots > held and not lied:
            raise self.broken(f"an exit of {command.size_lots} beside {others}, {held} held")
