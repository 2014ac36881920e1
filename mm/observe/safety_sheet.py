"""A safety sheet: what incidents that cost others money did to a config, as data for people and programs.

Plain data in, rows and fields out; nothing here plays anything or reads a file. Amounts are judged by the
simulated venue's truth. Invariant: a case that was not played is never counted as passed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mm.domain.instrument import Instrument
from mm.domain.units import short_text
from mm.observe.drill_words import Deed, Line, lines_of, seconds_text

ACCOUNT_PPM: Final = 250_000
"""A position of a larger share of the account is remarked on."""

LOSS_PPM: Final = 100_000
"""So is a loss limit of a larger share of it."""

NEVER_MS: Final = 1 << 40
"""Stands for a time that never came where times are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What one session risked, by the venue's truth.

    Fields: worst_lots: the most that it would have held, long or short, had all filled that could; worst_ppm:
    largest share of the limit; worst_quote_atoms: largest worth; loss_atoms: largest fall of the P&L from
    where it stood when the incident began; order_lots, order_quote_atoms: largest order that it sent, and the
    largest worth of one; slots: the largest exposure and the limit of each span, lots.
    """

    session: str
    instrument: Instrument
    worst_lots: int
    worst_ppm: int
    worst_quote_atoms: int
    loss_atoms: int
    order_lots: int = 0
    order_quote_atoms: int = 0
    slots: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """When what happened, milliseconds since the incident began; None for never.

    Fields: before_ms: the run began so long before; slot_ms: length of a track's span; healed_ms: the last
    fault was over; counted_ms: what came later is not counted to it; stopped_ms: it was told to stop at the
    end; halted_ms: first halt; halt_gone_ms, stop_gone_ms: the venue had no order of it after that;
    last_cancel_ms: the last cancel was sent.
    """

    before_ms: int
    slot_ms: int
    healed_ms: int
    counted_ms: int = 0
    stopped_ms: int | None = None
    halted_ms: int | None = None
    halt_gone_ms: int | None = None
    stop_gone_ms: int | None = None
    last_cancel_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One incident and what became of the bot.

    Fields: name, title, story: of the incident; violations: what broke, and what was to be done and was not;
    not_applicable: why it was not played, "" if it was; lives: processes that ran.
    """

    name: str
    title: str
    story: str
    moments: Moments
    not_applicable: str = ""
    violations: tuple[str, ...] = ()
    deeds: tuple[Deed, ...] = ()
    tracks: tuple[Track, ...] = ()
    places: int = 0
    fills: int = 0
    lives: int = 1

    @property
    def passed(self) -> bool:
        """Whether it was played and nothing broke."""
        return not self.not_applicable and not self.violations


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """The simulated market of a symbol.

    Fields: home_ticks: the price that it wanders around; roam_bps: so far from it at most; moves_bps_s:
    standard deviation of what it moves in a second; depth_lots: of others on each level; equity_atoms: what
    the account is worth at that price; grid_from, price_from: in words.
    """

    instrument: Instrument
    home_ticks: int
    depth_lots: int
    roam_bps: int
    moves_bps_s: float
    equity_atoms: int
    grid_from: str
    price_from: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What was drilled, and in which market.

    Fields: config: the file; strategies: by session; holdings: of the account at the start, by asset;
    limits: session, instrument and inventory limit at the start, lots; seed: of everything random;
    loss_atoms: the loss that ends a session, by its name; bursts: the fills within a minute that do, as text.
    watched: markets that are only watched, for which the one that is quoted on stands in.
    """

    config: str
    mode: str
    strategies: Mapping[str, str]
    markets: tuple[Market, ...]
    holdings: Mapping[str, str]
    holdings_from: str
    limits: tuple[tuple[str, Instrument, int], ...]
    seed: int
    loss_atoms: Mapping[str, int] = field(default_factory=dict)
    bursts: Mapping[str, str] = field(default_factory=dict)
    watched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """All of it. Fields: complete: nothing was broken off."""

    setting: Setting
    cases: tuple[Case, ...]
    complete: bool = True

    @property
    def failed(self) -> tuple[Case, ...]:
        """Cases that were played and not passed."""
        return tuple(case for case in self.cases if case.violations)

    @property
    def played(self) -> tuple[Case, ...]:
        """Cases that were played."""
        return tuple(case for case in self.cases if not case.not_applicable)

    @property
    def is_good(self) -> bool:
        """Whether something was played, and nothing broke."""
        return bool(self.played) and not self.failed


def verdict(case: Case) -> str:
    """Return passed, failed or not applicable."""
    if case.not_applicable:
        return "not applicable"
    return "failed" if case.violations else "passed"


def worst_of(case: Case) -> Track | None:
    """Return the session that came nearest to its limit, None if none was played."""
    return max(case.tracks, key=lambda track: (track.worst_ppm, track.worst_quote_atoms), default=None)


def exposure_text(track: Track) -> str:
    """Return the worst exposure of a session in its base asset."""
    return f"{track.instrument.size_text(track.worst_lots)} {track.instrument.base}"


def worth_text(track: Track) -> str:
    """Return the worst exposure of a session in its quote asset."""
    return f"{money(track.worst_quote_atoms, track.instrument)} {track.instrument.quote}"


def share_text(ppm: int) -> str:
    """Return a share for people, with a place after the point where it is small."""
    percent = ppm / 10_000
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %"


def account_ppm(sheet: Sheet, track: Track) -> int:
    """Return the worst exposure of a session as a share of the account at the start, parts per million."""
    for market in sheet.setting.markets:
        if market.instrument.symbol == track.instrument.symbol and market.equity_atoms > 0:
            return track.worst_quote_atoms * 1_000_000 // market.equity_atoms
    return 0


def money(atoms: int, instrument: Instrument) -> str:
    """Return an amount of the quote asset rounded to what people read: two places, or six digits."""
    places = max(0, instrument.quote_scale - 2)
    if abs(atoms) >= 10**places:
        return f"{atoms / 10**instrument.quote_scale:,.2f}"
    return short_text(atoms, instrument.quote_scale)


def loss_text(case: Case) -> str:
    """Return what was lost at worst, each quote asset by itself."""
    sums: dict[str, tuple[int, Instrument]] = {}
    for track in case.tracks:
        atoms, _ = sums.get(track.instrument.quote, (0, track.instrument))
        sums[track.instrument.quote] = atoms + track.loss_atoms, track.instrument
    return " + ".join(f"{money(atoms, one)} {quote}" for quote, (atoms, one) in sums.items())


def cancelled_text(case: Case) -> str:
    """Return how long it took until the venue had no order of ours, in words."""
    moments = case.moments
    if moments.halted_ms is not None:
        return _took("halt", moments.halted_ms, moments.halt_gone_ms)
    if moments.stopped_ms is not None:
        return _took("stop", moments.stopped_ms, moments.stop_gone_ms)
    return "-"


def cancelled_ms(case: Case) -> int | None:
    """Return the milliseconds from the halt, or else the stop at the end, to the venue without our orders."""
    moments = case.moments
    begun, gone = (
        (moments.stopped_ms, moments.stop_gone_ms)
        if moments.halted_ms is None
        else (moments.halted_ms, moments.halt_gone_ms)
    )
    return gone - begun if begun is not None and gone is not None else None


def _took(what: str, begun_ms: int, gone_ms: int | None) -> str:
    if gone_ms is None:
        return f"never after the {what}"
    return f"{seconds_text(gone_ms - begun_ms)} after the {what}"


def deeds_of(case: Case) -> tuple[Line, ...]:
    """Return what the bot did, a line each, in order."""
    deeds = [deed for deed in case.deeds if deed.at_ms <= case.moments.counted_ms]
    lines = lines_of(deeds, [track.instrument for track in case.tracks])
    moments = case.moments
    if moments.halted_ms is not None and moments.halt_gone_ms is not None:
        said = "the venue has no order of ours left"
        if moments.last_cancel_ms is not None and moments.last_cancel_ms <= moments.halt_gone_ms:
            said += f"; the last cancel left at {at_text(moments.last_cancel_ms)}"
        lines.append(Line(at_ms=moments.halt_gone_ms, text=said, weight=1))
    lines.append(Line(at_ms=moments.healed_ms, text="the faults are over", weight=0))
    return tuple(sorted(lines, key=lambda line: line.at_ms))


def at_text(at_ms: int) -> str:
    """Return a moment since the incident began."""
    return f"{'+' if at_ms >= 0 else '-'}{seconds_text(abs(at_ms))}"


def setting_lines(setting: Setting) -> tuple[str, ...]:
    """Return what was drilled and in which market, so that nobody takes it for a prediction."""
    strategies = ", ".join(f"{name}: {what}" for name, what in setting.strategies.items())
    lines = [f"config {setting.config}, mode {setting.mode}; {strategies}"]
    for market in setting.markets:
        one = market.instrument
        lines.append(
            f"{one.symbol}: a simulated market around {plain_price(market)} ({market.price_from}), moving"
            f" {market.moves_bps_s:g} bps in a second, at most {market.roam_bps} bps away: rougher than real"
            f" ones on most days; {one.size_text(market.depth_lots)} {one.base} on each level of others"
        )
        lines.append(
            f"{one.symbol}: tick {one.price_text(1)}, lot {one.size_text(1)}, fees"
            f" {one.maker_fee_ppm / 100:g}/{one.taker_fee_ppm / 100:g} bps; grid {market.grid_from}"
        )
    held = ", ".join(f"{amount} {asset}" for asset, amount in setting.holdings.items())
    lines.append(f"the account starts with {held}: {setting.holdings_from}")
    for name, one, lots in setting.limits:
        burst = f"; at most {setting.bursts[name]} within a minute" if name in setting.bursts else ""
        lines.append(f"{name}: inventory limit {one.size_text(lots)} {one.base}{burst}")
    if setting.watched:
        named = ", ".join(setting.watched)
        lines.append(f"{named}: only watched; the market that is quoted on stands in for it")
    lines.append(
        "exposure, orders, fills and losses are counted from the fault to 30 s after the last one; invariants"
        " are judged to the end, after an orderly stop"
    )
    lines.append(f"seed {setting.seed}; nothing here foretells what a market will do")
    return tuple(lines)


def plain_price(market: Market) -> str:
    """Return the price of a market with its quote asset."""
    return f"{market.instrument.price_text(market.home_ticks)} {market.instrument.quote}"


def summary_lines(sheet: Sheet) -> tuple[str, ...]:
    """Return what the whole sheet comes to: the counts, and the worst of everything with where it was."""
    played, failed = sheet.played, sheet.failed
    aside = len(sheet.cases) - len(played)
    counts = f"{len(played) - len(failed)} of {len(played)} passed"
    lines = [
        counts + (f", {aside} not applicable" if aside else "") + ("" if sheet.complete else ", broken off")
    ]
    tracks = [(case, track) for case in played for track in case.tracks]
    if not tracks:
        return tuple(lines)
    case, track = max(tracks, key=lambda pair: (pair[1].worst_ppm, pair[1].worst_quote_atoms))
    lines.append(
        f"worst exposure {exposure_text(track)} in {case.name}: {share_text(track.worst_ppm)} of the limit,"
        f" worth {worth_text(track)}, {share_text(account_ppm(sheet, track))} of the account"
    )
    case, track = max(tracks, key=lambda pair: pair[1].loss_atoms)
    lost = money(track.loss_atoms, track.instrument)
    lines.append(f"worst loss {lost} {track.instrument.quote} in {case.name}")
    halts = [case for case in played if case.moments.halted_ms is not None]
    if halts:
        slow = max(halts, key=lambda case: NEVER_MS if (ms := cancelled_ms(case)) is None else ms)
        lines.append(f"slowest halt: all cancelled {cancelled_text(slow)} in {slow.name}")
    return tuple(lines)


def warnings(sheet: Sheet) -> tuple[str, ...]:
    """Return what no incident breaks and an owner should know: limits that limit little."""
    told = []
    equities = {market.instrument.symbol: market.equity_atoms for market in sheet.setting.markets}
    for name, one, _ in sheet.setting.limits:
        tracks = [track for case in sheet.played for track in case.tracks if track.session == name]
        share = max((account_ppm(sheet, track) for track in tracks), default=0)
        if share > ACCOUNT_PPM:
            told.append(
                f"{name}: a mistake or a race can leave a position worth {share_text(share)} of the account:"
                " inventory.max_base, inventory.max_ratio and risk.max_notional_quote decide that"
            )
        equity, loss = equities[one.symbol], sheet.setting.loss_atoms.get(name, 0)
        if equity > 0 and loss * 1_000_000 // equity > LOSS_PPM:
            told.append(
                f"{name}: trading ends at a loss of {money(loss, one)} {one.quote},"
                f" {share_text(loss * 1_000_000 // equity)} of the account: risk.session_loss_quote and"
                " risk.open_loss_quote"
            )
    return tuple(told)


def sheet_fields(sheet: Sheet) -> dict[str, object]:
    """Return everything, ready for JSON; amounts are texts, shares and times numbers."""
    return {
        "ok": sheet.is_good and sheet.complete,
        "complete": sheet.complete,
        "config": sheet.setting.config,
        "mode": sheet.setting.mode,
        "setting": list(setting_lines(sheet.setting)),
        "scenarios": len(sheet.cases),
        "passed": len(sheet.played) - len(sheet.failed),
        "failed": len(sheet.failed),
        "not_applicable": len(sheet.cases) - len(sheet.played),
        "summary": list(summary_lines(sheet)),
        "warnings": list(warnings(sheet)),
        "cases": [_case_fields(sheet, case) for case in sheet.cases],
    }


def _case_fields(sheet: Sheet, case: Case) -> dict[str, object]:
    moments = case.moments
    return {
        "name": case.name,
        "title": case.title,
        "story": case.story,
        "verdict": verdict(case),
        "not_applicable": case.not_applicable or None,
        "violations": list(case.violations),
        "deeds": [{"at_ms": line.at_ms, "text": line.text, "count": line.count} for line in deeds_of(case)],
        "all_cancelled_ms": cancelled_ms(case),
        "halted_ms": moments.halted_ms,
        "last_cancel_ms": moments.last_cancel_ms,
        "stopped_ms": moments.stopped_ms,
        "orders": case.places,
        "fills": case.fills,
        "lives": case.lives,
        "sessions": [_track_fields(sheet, track) for track in case.tracks],
    }


def _track_fields(sheet: Sheet, track: Track) -> dict[str, object]:
    one = track.instrument
    return {
        "session": track.session,
        "symbol": one.symbol,
        "worst_exposure_base": one.size_text(track.worst_lots),
        "worst_exposure_ratio": round(track.worst_ppm / 1_000_000, 4),
        "worst_exposure_quote": one.quote_text(track.worst_quote_atoms),
        "worst_account_ratio": round(account_ppm(sheet, track) / 1_000_000, 4),
        "largest_order_base": one.size_text(track.order_lots),
        "largest_order_quote": one.quote_text(track.order_quote_atoms),
        "loss_quote": one.quote_text(track.loss_atoms),
    }
