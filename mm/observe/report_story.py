"""What a report is made of, and what it says in words: before any picture, for whoever reads three lines.

Numbers come from the figures (`report_figures.py`) and the analytics; nothing is measured here. Invariant: a
sample that means nothing is called that, and how its fills were made stands beside every profit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Final

from mm.analytics.flows import Flows
from mm.analytics.horizons import Fill
from mm.analytics.session import Analytics
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.observe.reason_words import reason_text
from mm.observe.report_figures import Figures, figures

FILLS_MAX: Final = 200_000
"""Fills that a report lists one by one; the means are of all."""

ABSENT_SHOWN: Final = 3
"""Reasons that a sentence tells of a missing side."""

ABSENT_RATIO_MIN: Final = 0.001
"""Share of the time from which on one is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How fills came about. Fields: kind: demo, paper, live or backtest; detail: of its model; local: the
    market itself came from this machine, so it was recorded or simulated; calibration: what own fills say of
    the model; causes: what in the market made them, in words: both on paper and in a backtest.
    """

    kind: str
    detail: str
    local: bool = False
    calibration: str = "uncalibrated"
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStory:
    """One session. Fields: residues: what is unexplained, by name; fills: with what came after each, oldest
    settled first; fills_left_out: that are not in the list.
    """

    name: str
    strategy: str
    analytics: Analytics
    residues: dict[str, int]
    fills: tuple[Fill, ...]
    fills_left_out: int

    @property
    def figures(self) -> Figures:
        """Everything that was measured, JSON-ready."""
        return figures(self.name, self.analytics, self.residues)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One run. Fields: closed: its record ended in good order; broke: in which error the core or the
    measuring ended, "" if in none; difference: where the repetition left the record, "" if nowhere; account:
    flows of all its assets; account_residue: what is unexplained of them, atoms by asset; again: the command
    that plays its market again, to which a stretch of time is added, "" if there is none; why: the one that
    tells why it quoted as it did, to which a time is added, likewise; notes: that whoever made it left.
    """

    run_id: str
    mode: str
    made: Made
    code_version: str
    config_digest: str
    began_ns: int
    ended_ns: int
    closed: bool
    broke: str
    difference: str
    sessions: tuple[SessionStory, ...]
    account: Flows
    account_residue: dict[str, int]
    again: str = ""
    why: str = ""
    notes: tuple[str, ...] = ()

    @property
    def unexplained(self) -> int:
        """How many things are unexplained in all."""
        return len(self.account_residue) + sum(len(session.residues) for session in self.sessions)


def story_fields(story: Story) -> Figures:
    """Return the whole report as one JSON-ready object."""
    return {
        "run": story.run_id,
        "mode": story.mode,
        "fills_made_by": made_text(story.made),
        "code_version": story.code_version,
        "config_digest": story.config_digest,
        "began_ms": story.began_ns // 1_000_000,
        "run_s": round((story.ended_ns - story.began_ns) / NS_PER_S, 3),
        "closed": story.closed,
        "broke": story.broke or None,
        "difference": story.difference or None,
        "unexplained": story.unexplained,
        "account_residue_atoms": dict(story.account_residue),
        "external_atoms": dict(story.account.external),
        "sessions": [
            {
                **session.figures,
                "strategy": session.strategy,
                "summary": list(summary(session)),
                "sample": sample_text(session.figures),
                "fills_left_out": session.fills_left_out,
                "worst_replay": worst_commands(story, session.figures),
                "worst_replay_note": REPLAY_NOTE if story.again else "",
            }
            for session in story.sessions
        ],
        "warnings": list(warnings(story)),
        "notes": list(story.notes),
    }


def made_text(made: Made) -> str:
    """Return how the fills were made, and what they are worth as evidence."""
    if made.kind == "demo":
        return (
            f"Fills were made by simulated traders ({made.detail}), friendly by design: this shows how"
            " the bot works, nothing about what a real market pays."
        )
    if made.kind == "backtest":
        return (
            f"Fills were made in a backtest against recorded market data ({made.detail}), {made.calibration}:"
            f" take it as an estimate, and remember that its orders moved nobody.{_causes(made)}"
        )
    if made.kind == "paper":
        market = (
            "a market served from this machine, recorded or simulated" if made.local else "real market data"
        )
        return (
            f"Fills were made on paper against {market} ({made.detail}), {made.calibration}: take it as an"
            f" estimate, and remember that paper orders move nobody.{_causes(made)}"
        )
    where = "a venue on this machine" if made.local else made.detail
    return f"Fills were made by the venue, with money: {where}."


def _causes(made: Made) -> str:
    return "".join(f" {words[0].upper()}{words[1:]}." for words in made.causes)


def sample_text(told: Figures) -> str:
    """Return whether a session's sample means anything."""
    edge = _table(told, "edge")
    fills, needed = edge["fills"], edge["fills_needed"]
    if not fills:
        return "No fill came to its horizon: nothing can be said about what a fill is worth."
    interval = f"a fill was worth {edge['mean_bps']:+.2f} bps {edge['horizon_s']:g} s later, after its fee"
    if edge["low_bps"] is None:
        return f"{fills} fills in one second are one observation: {interval}, which says nothing."
    bounds = f"95 % between {edge['low_bps']:+.2f} and {edge['high_bps']:+.2f}"
    if isinstance(fills, int) and isinstance(needed, int) and fills < needed:
        return f"{fills} fills are too few to mean anything (fewer than {needed}): {interval}, {bounds}."
    if not edge["excludes_zero"]:
        return f"{fills} fills, and the edge cannot be told from nothing: {interval}, {bounds}."
    return f"{fills} fills, and the edge is not chance: {interval}, {bounds}."


def summary(session: SessionStory) -> Iterator[str]:
    """Yield what happened in a session, a sentence each."""
    told = session.figures
    pnl, quote = _table(told, "pnl"), str(told["quote"])
    net, length = Decimal(str(pnl["net_quote"])), lasted(float(str(told["watched_s"] or 0)))
    fills = session.analytics.identity.fills
    if not fills:
        yield f"No fill in {length}: what it quoted was not traded with, or it did not quote."
    else:
        verb = "earned" if net > 0 else "lost" if net < 0 else "made nothing:"
        turnover = Decimal(str(pnl["turnover_quote"]))
        edge = _table(told, "edge")
        yield (
            f"It {verb} {money(abs(net))} {quote} after costs in {length}, on {fills} fills worth"
            f" {money(turnover)} {quote}: {edge['pnl_bps']:+.2f} bps of what was traded."
        )
        yield from _explained(session, pnl, quote)
    presence, inventory = _table(told, "presence"), _table(told, "inventory")
    near = presence["bands"][1]  # type: ignore[index]  # a list of bands, see the figures
    yield (
        f"It stood on both sides {percent(presence['both_ratio'])} of the time,"
        f" within {near['bps']} bps of the mid {percent(near['both_ratio'])}."
    )
    absent = absences(presence)
    if absent:
        yield f"While a side was missing it said: {'; '.join(absent)}."
    if fills:
        back = inventory["half_life_s"]
        yield (
            f"Inventory went as far as {percent(inventory['worst_of_limit_ratio'])} of its limit"
            + ("." if back is None else f" and came back by half in {lasted(float(str(back)))}.")
        )


def absences(presence: Mapping[str, object]) -> list[str]:
    """Return what was said while a side was missing, the longest first, with its share of the time."""
    rows = presence["absent"]
    assert isinstance(rows, list)
    long = [row for row in rows if row["ratio"] >= ABSENT_RATIO_MIN]
    return [f"{reason_text(row['reason'])} ({percent(row['ratio'])})" for row in long[:ABSENT_SHOWN]]


def _explained(session: SessionStory, pnl: Figures, quote: str) -> Iterator[str]:
    analytics = session.analytics
    rows = pnl["horizons"]
    assert isinstance(rows, list)
    row = next((row for row in rows if row["horizon_s"] == 1.0), rows[0])
    spread, adverse, carry = (
        Decimal(str(value)) for value in (pnl["spread_quote"], row["adverse_quote"], row["carry_quote"])
    )
    against = f"the mid took {money(adverse)} back" if adverse >= 0 else f"the mid added {money(-adverse)}"
    held = f"what was held on {'gained' if carry >= 0 else 'lost'} {money(abs(carry))}"
    costs = -Decimal(str(pnl["fees_quote"])) - Decimal(str(pnl["rebates_quote"]))
    paid = f"fees cost {money(costs)}" if costs >= 0 else f"rebates brought {money(-costs)}"
    if not analytics.costs.atoms or not costs:
        paid = "there were no fees"
    funding = Decimal(str(pnl["funding_quote"]))
    last = f"and {paid}"
    if funding:
        last = f"{paid}, and funding {'brought' if funding > 0 else 'cost'} {money(abs(funding))}"
    yield (
        f"Fills captured {money(spread)} {quote} of spread; within {row['horizon_s']:g} s {against},"
        f" after that {held}, {last}."
    )


REPLAY_NOTE: Final = "begins flat and cold: without the inventory, the orders and the estimates of then"
"""What the command that plays a stretch of a market again does not take over; stands beside it."""


def worst_commands(story: Story, told: Figures) -> list[str]:
    """Return the commands that look at a session's worst ten minutes again: that play their market once more,
    and that tell why it quoted as it did; none where the run was shorter than a minute.
    """
    worst = _table(told, "performance")["worst"]
    if not isinstance(worst, dict):
        return []
    began_ms, ended_ms = int(worst["begun_ms"]), int(worst["ended_ms"])
    commands = [f"{story.again} --from {_iso(began_ms)} --to {_iso(ended_ms)}"] if story.again else []
    if story.why:
        commands += [f"{story.why} --at {_iso(ended_ms)}"]
    return commands


def worst_text(story: Story, told: Figures) -> Iterator[str]:
    """Yield what a session's worst ten minutes were, and how to look at them again, a line each."""
    worst = _table(told, "performance")["worst"]
    if not isinstance(worst, dict):
        yield "Shorter than a minute: there is no worst time to tell."
        return
    began_ns, ended_ns = (int(worst[name]) * NS_PER_MS for name in ("begun_ms", "ended_ms"))
    yield (
        f"Worst {lasted((ended_ns - began_ns) / NS_PER_S)} in a row: {clock(began_ns)} to {clock(ended_ns)},"
        f" {money(Decimal(str(worst['net_quote'])))} {told['quote']} on {worst['fills']} fills. Again:"
    )
    first = 0 if story.again else -1
    for number, command in enumerate(worst_commands(story, told)):
        yield f"  {command}" + (f"   ({REPLAY_NOTE})" if number == first else "")


def _iso(ts_ms: int) -> str:
    return f"{datetime.fromtimestamp(ts_ms / 1_000, UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3]


def warnings(story: Story) -> Iterator[str]:
    """Yield what a reader has to know before believing any figure."""
    if story.unexplained:
        found = [f"{session.name}: {session.residues}" for session in story.sessions if session.residues]
        found += [f"account: {story.account_residue}"] if story.account_residue else []
        yield f"The P&L does not add up: {'; '.join(found)}. Do not trust these figures: a defect of mm."
    if story.difference and story.made.kind == "backtest":
        yield f"Run again it did something else ({story.difference}): these figures are of the repetition."
    elif story.difference:
        yield (
            "The record could not be repeated to its end by this version of mm: the figures end there"
            f" ({story.difference[:200]})."
        )
    if story.broke:
        yield f"The run ended in an error: {story.broke[:200]}."
    if not story.closed and story.made.kind == "backtest":
        yield "The backtest was broken off: told as far as it went."
    elif not story.closed:
        yield "The record was not closed in good order (a crash, or it goes on): told as far as it goes."
    for asset, atoms in story.account.external.items():
        yield f"Somebody else moved {atoms} atoms of {asset} in the account: no part of any P&L here."
    for session in story.sessions:
        if session.fills_left_out:
            yield f"{session.name}: {session.fills_left_out} fills are in the means but not in the lists."


def money(amount: Decimal) -> str:
    """Return an amount for people: two decimals, more where it is small."""
    if amount == 0:
        return "0.00"
    # Libraries change the rounding of the whole process.
    with localcontext(rounding=ROUND_HALF_EVEN):
        if abs(amount) >= 1:
            return f"{amount:,.2f}"
        return f"{amount:.4f}" if abs(amount) >= Decimal("0.0005") else f"{amount:.2g}"


def percent(ratio: object) -> str:
    """Return a share for people."""
    return "-" if not isinstance(ratio, int | float) else f"{100 * ratio:.1f} %"


def lasted(seconds: float) -> str:
    """Return a length of time for people."""
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 7_200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


def clock(ts_ns: int) -> str:
    """Return a time of day in UTC."""
    return f"{datetime.fromtimestamp(ts_ns // NS_PER_S, UTC):%H:%M:%S}"


def _table(told: Figures, name: str) -> Figures:
    value = told[name]
    assert isinstance(value, dict)
    return value
