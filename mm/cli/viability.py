"""The verb `mm viability`: can this market be made at a profit? Costs and reachable edge, and a verdict.

Exit code 0 whatever the verdict is: an analysis that was made is no failure.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mm.cli.progress import counting_bar, progress_bar
from mm.cli.terminal import NS_PER, Terminal, duration_ns, printable, verb
from mm.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from mm.bootstrap.viability.verdict import Judged, Wish
    from mm.observe.viability import Interval, Row

FEE_BPS_MAX: Final = 100
DISTANCES_MAX: Final = 50
REFRESH_NS_MIN: Final = 10 * NS_PER["ms"]
SYMBOL: Final = re.compile(r"[A-Z0-9]{1,20}/[A-Z0-9]{1,20}")

ANSWER_STYLES: Final = {"yes": "green", "no": "red", "not known": "yellow"}

Markets = Annotated[
    list[str],
    typer.Argument(metavar="SYMBOL|FILE...", help="As BTC/USDT, or recordings in order of their time."),
]
Listen = Annotated[
    int, typer.Option("--for", parser=duration_ns, metavar="TIME", help="How long a symbol is listened to.")
]
Url = Annotated[
    str | None, typer.Option(metavar="URL", help="A venue in place of the real one, as a local exchange.")
]
MakerFee = Annotated[
    str | None,
    typer.Option(metavar="BPS", help="Your maker fee, below 0 a rebate; an ordinary account's if absent."),
]
Horizon = Annotated[
    int, typer.Option(parser=duration_ns, metavar="TIME", help="How long after a fill it is judged.")
]
Refresh = Annotated[int, typer.Option(parser=duration_ns, metavar="TIME", help="How often quotes are moved.")]
Distances = Annotated[
    str | None, typer.Option(metavar="BPS,BPS", help="Distances from the mid, as 0.5,1,2; the usual ones.")
]


@verb
def viability(
    terminal: Terminal,
    *,
    markets: Markets,
    listen_ns: Listen = "5m",  # type: ignore[assignment]  # typer parses a default as it parses an argument
    url: Url = None,
    maker_fee_bps: MakerFee = None,
    horizon: Horizon = "5s",  # type: ignore[assignment]  # parsed by typer, as above
    refresh: Refresh = "100ms",  # type: ignore[assignment]  # parsed by typer, as above
    distances: Distances = None,
) -> None:
    """Say whether a market can be made at a profit: fee, impact and reachable edge by distance."""
    from mm.bootstrap.viability.verdict import Wish

    if refresh < REFRESH_NS_MIN:
        raise UsageError("--refresh was below 10ms, expected more: no order is moved as often")
    wish = Wish(maker_fee_ppm=fee_ppm(maker_fee_bps), horizon_ns=horizon, every_ns=refresh)
    named = _distances(distances)
    if named is not None:
        wish = replace(wish, distances_bps=named)
    judged = _judged(terminal, markets, wish, (listen_ns, url))
    if not terminal.as_json:
        _print(terminal, judged)
    terminal.result(_fields(judged))


def _judged(
    terminal: Terminal, markets: Sequence[str], wish: "Wish", listening: tuple[int, str | None]
) -> "Judged":
    from mm.bootstrap.viability.collect import Listening
    from mm.bootstrap.viability.verdict import judge_files, judge_market
    from mm.logs import LogSettings, configure
    from mm.store.recordings.raw.lines import content_bytes

    for_ns, url = listening
    files = [Path(name) for name in markets]
    if len(markets) == 1 and SYMBOL.fullmatch(markets[0]) and not files[0].exists():
        configure(LogSettings(level="debug" if terminal.verbose else "warning", color=terminal.color))
        if for_ns < wish.seconds_min * NS_PER["s"]:
            raise UsageError(f"--for was {for_ns / NS_PER['s']:g}s, expected at least {wish.seconds_min:g}s")
        asked = Listening(symbol=markets[0], for_ns=for_ns, url=_checked_url(url))
        seconds = math.ceil(for_ns / NS_PER["s"])
        terminal.say(f"listening to {markets[0]} for {seconds} s of the market's time")
        with counting_bar(terminal, "listening", seconds) as count:
            return judge_market(asked, wish, lambda done_s: count(int(done_s), "listening, seconds"))
    missing = next((file for file in files if not file.exists()), None)
    if missing is not None:
        raise UsageError(
            f"{missing}: no such file, and no symbol alone", hint="a symbol is written as BTC/USDT"
        )
    if url is not None:
        raise UsageError("--url is where a symbol is listened to: it does not go with files")
    with progress_bar(terminal, "reading", content_bytes(files)) as progress:
        return judge_files(files, wish, progress)


def fee_ppm(text: str | None) -> int | None:
    """Return `--maker-fee-bps` in parts per million, None if it is not there; raises UsageError."""
    if text is None:
        return None
    try:
        fee = Decimal(text)
        if abs(fee) <= FEE_BPS_MAX and fee % Decimal("0.01") == 0:
            return int(fee * 100)
    except InvalidOperation:
        pass
    raise UsageError(f"--maker-fee-bps was {text[:40]!r}, expected {-FEE_BPS_MAX} to {FEE_BPS_MAX} by 0.01")


def _distances(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        found = sorted({float(part) for part in text.split(",")})
    except ValueError:
        found = []
    if not found or len(found) > DISTANCES_MAX or not all(0 <= one < 10_000 for one in found):
        raise UsageError(
            f"--distances was {text[:40]!r}, expected at most {DISTANCES_MAX} numbers of basis points,"
            " as 0.5,1,2"
        )
    return tuple(found)


def _checked_url(url: str | None) -> str | None:
    from mm.settings.values import host_is_loopback

    if url is not None and not (url.startswith("https://") or host_is_loopback(url)):
        raise UsageError(f"--url was {url[:80]!r}, expected https:// or an address of this machine")
    return None if url is None else url.rstrip("/")


def _fields(judged: "Judged") -> dict[str, object]:
    from mm.observe.viability_fields import flow_fields, sheet_fields

    return {
        "ok": True,
        "source": judged.heard.name,
        "symbol": judged.heard.symbol,
        "market": judged.heard.market.value,
        **sheet_fields(judged.told),
        **flow_fields(judged.flow, judged.deciles),
        "cannot_tell": list(judged.unknown),
    }


def _print(terminal: Terminal, judged: "Judged") -> None:
    from mm.observe.viability import words

    console, told, heard = terminal.console, judged.told, judged.heard
    facts = told.facts
    print(
        f"{printable(heard.symbol)} {heard.market.value}: {facts.duration_s / 60:.1f} min, {facts.prints}"
        f" trades in {facts.orders} market orders ({facts.orders_per_s:.1f}/s), {facts.tops} best prices"
    )
    print(
        f"half-spread {facts.half_spread_bps:.4f} bps, tick {facts.tick_bps:.4f} bps,"
        f" volatility {facts.volatility_bps:.2f} bps in a second"
    )
    print()
    console.print(_table(judged))
    print("edge = bps from mid - impact - fee; every figure here and below is rounded by itself\n")
    _print_touch(judged)
    answer, *rest = words(told)
    console.print(answer, style=f"bold {ANSWER_STYLES[told.verdict.value]}")
    for sentence in rest:
        print(sentence)
    print("\nThis cannot tell:")
    for sentence in judged.unknown:
        print(f"- {printable(sentence)}")


def _table(judged: "Judged") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    told = judged.told
    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    horizon = told.terms.horizon_ns / NS_PER["s"]
    titles = ("bps from mid", "fills", "/min", f"impact {horizon:g} s", "fee", "edge", "+/- (SE)", "95 %", "")
    for title in titles:
        made.add_column(title, justify="right" if title else "left", no_wrap=True)
    for row in told.rows:
        made.add_row(*_cells(row, told.terms.maker_fee_bps))
    return made


def _cells(row: "Row", fee_bps: float) -> list[str]:
    answer = row.answer.value
    said = f"[{ANSWER_STYLES[answer]}]{answer}[/]" + ("" if row.is_enough else " (few fills)")
    head = [f"{row.distance_bps:g}", str(row.fills), f"{2 * 60 * row.rate_per_s:.1f}"]
    if not row.fills:
        return [*head, "-", f"{fee_bps:.2f}", "-", "-", "-", said]
    error = row.earned.error
    return [
        *head,
        f"{row.impact_bps:.2f}",
        f"{fee_bps:.2f}",
        f"{row.edge_bps:+.2f}",
        f"{error:.2f}" if math.isfinite(error) else "-",
        f"{row.low_bps:+.2f} .. {row.high_bps:+.2f}" if math.isfinite(row.low_bps) else "-",
        said,
    ]


def _print_touch(judged: "Judged") -> None:
    told = judged.told
    one, need, at_fee = told.judged, told.break_even, told.touch_fee
    if one is None or need is None or at_fee is None:
        return
    clock = "by the venue's clock" if told.by_venue else "by what they hit first"
    before, wide = f"{one.markout.mean:+.3f}", f"{one.markout.half_width:.3f}"
    print(
        f"makers at the touch, {told.orders_known} of {told.facts.orders} market orders, each once, against"
        f" the mid before it ({clock}):"
    )
    print(
        f"  half-spread {one.half_spread.mean:+.3f} bps, impact {one.impact.mean:.3f}: {before} +/- {wide}"
        f" before the fee ({one.weighted.mean:+.3f} by value)"
    )
    fee, kind = f"{told.terms.maker_fee_bps:g}", ", a rebate" if at_fee.bps < 0 else ""
    print(f"  break-even half-spread {need.bps:.2f} bps ({_span(need)}): fee {fee} + impact")
    print(f"  break-even maker fee at the touch {at_fee.bps:+.2f} bps{kind} ({_span(at_fee)})\n")


def _span(found: "Interval") -> str:
    if not math.isfinite(found.low_bps):
        return "no interval: too few"
    return f"95 % between {found.low_bps:+.2f} and {found.high_bps:+.2f}"
