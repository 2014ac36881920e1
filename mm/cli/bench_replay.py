"""The verb `mm bench replay`: how fast recordings go through the whole production path."""

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import typer

from mm.cli.machine_code import by_machine_code
from mm.cli.terminal import Terminal, verb
from mm.errors import EXIT_CHECK_FAILED, UsageError

COLUMNS: Final = (
    ("rows", "rows"),
    ("events_per_s", "rows/s"),
    ("events_per_s_fixed", "rows/s, 100 ms"),
    ("events_per_cpu_s", "rows/CPU s"),
    ("kernel_events_per_s", "rows/s, kernel"),
    ("floor_events_per_s", "strategy alone"),
    ("decisions", "decisions"),
    ("decision_us_p50", "us each"),
    ("orders", "orders"),
    ("fills", "fills"),
)
"""Figures of a tape that are printed, and how they are called there."""

PEER_TITLES: Final = ("rows/s", "rows/s, 100 ms", "we: times", "100 ms", "requests", "fills")
"""Of the table of other backtesters; requests (orders and cancels) and fills are of decisions on moves."""


@verb
def replay(
    terminal: Terminal,
    *,
    data: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A recording, measured as well; repeatable.", exists=True),
    ] = None,
    rows: Annotated[int, typer.Option(min=10_000, max=50_000_000, help="Generated rows.")] = 3_000_000,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Of the generated rows.")] = 1,
    turns: Annotated[int, typer.Option(min=1, max=20, help="Runs of each kind; the median counts.")] = 3,
    peers: Annotated[
        bool, typer.Option(help="Other backtesters on the same rows, if they are installed.")
    ] = True,
    install_peers: Annotated[
        bool,
        typer.Option(help="Install them first, each in an environment of its own (uv, a package index)."),
    ] = False,
    compile_: Annotated[
        bool,
        typer.Option("--compile/--no-compile", help="Do first what `mm compile` does, if it was not yet."),
    ] = True,
) -> None:
    """Measure how fast recordings go through the whole production path: rows a second, on one core.

    Measured is what `mm compile` makes; where it can make nothing, the sources as they stand. Three million
    generated rows take about a minute, other backtesters some more. Decisions every 100 ms and whenever the
    mid moves. NautilusTrader is played twice: `nautilus` with single deltas, as its own loaders yield them,
    `nautilus_batched` with those of each message in one batch, its fastest form. `agreement` is whether our
    fills are those of hftbacktest, order by order, where its own are right.
    Example: mm bench replay --data recorded.parquet --json
    """
    # Where nothing can be measured nobody waits for a compiler to be told so.
    core = by_machine_code(terminal, make=compile_ and find_spec("numpy") is not None)
    try:
        from mm.bench.replay import ReplayOptions, measured
        from mm.bench.replay_peers import install
    except ModuleNotFoundError as missing:
        raise UsageError(
            f"this needs {missing.name}, which is not installed",
            hint="uv run --extra research mm bench replay; or pip install 'mm[research]'",
        ) from None

    def tell(what: str) -> None:
        if not terminal.quiet:
            print(f"measuring: {what}", file=sys.stderr, flush=True)

    if install_peers:
        install(tell)
    options = ReplayOptions(rows=rows, seed=seed, turns=turns, data=tuple(data or ()), peers=peers)
    figures = {"core": core, **measured(options, tell)}
    if not terminal.as_json:
        _print(figures)
    terminal.result(figures)
    if figures.get("peers_broke"):
        raise typer.Exit(EXIT_CHECK_FAILED)


def _print(figures: Mapping[str, object]) -> None:
    tapes = figures["tapes"]
    print(f"decided by {figures['core']} modules")
    assert isinstance(tapes, Mapping)
    print(f"{'':<36}" + "".join(f"{title:>16}" for _, title in COLUMNS))
    for name, tape in tapes.items():
        print(f"{name[:36]:<36}" + "".join(f"{tape[key]:>16}" for key, _ in COLUMNS))
    for name, tape in tapes.items():
        if not tape["profile"]:
            continue
        parts = ", ".join(f"{part} {share:.0%}" for part, share in tape["profile"].items())
        print(f"time of {name[:36]}, under a profiler: {parts}")
    for name, tape in tapes.items():
        if "peers" in tape:
            _print_peers(name, tape)
    beside = figures.get("agreement")
    if isinstance(beside, Mapping) and "same" in beside:
        _print_agreement(beside)


def _print_peers(name: str, tape: Mapping[str, object]) -> None:
    from mm.bench.replay_ratios import RATIOS, WAYS

    rows: list[tuple[str, list[object]]] = [
        ("mm, the whole production path", [*map(tape.get, ("events_per_s", "events_per_s_fixed")), 1, 1])
    ]
    rows[0][1].extend((tape["requests"], tape["fills"]))
    peers = tape["peers"]
    assert isinstance(peers, Mapping)
    for key, peer, way in RATIOS:
        moves = peers[peer].get(f"{way}_on_moves", {})
        names = (f"{key}_events_per_s", f"{key}_events_per_s_fixed", f"ratio_{key}", f"ratio_{key}_fixed")
        rows.append((WAYS[key], [*map(tape.get, names), moves.get("requests"), moves.get("fills")]))
    print(f"\n{f'beside us, {name[:36]}':<60}" + "".join(f"{title:>16}" for title in PEER_TITLES))
    for title, cells in rows:
        print(f"{title:<60}" + "".join(f"{'-' if cell is None else cell:>16}" for cell in cells))


def _print_agreement(beside: Mapping[str, object]) -> None:
    print(f"\nfills beside hftbacktest: {beside['same']} of {beside['scenarios']} orders ended the same way")
    single = beside["single_orders"]
    assert isinstance(single, Mapping)
    print(f"  among single orders (L3): {single['same']} of {single['scenarios']}")
    wrong = beside["defects"]
    assert isinstance(wrong, Mapping)
    for name, one in wrong.items():
        there = f"{one['there_whole_fills']}, in parts {one['there_partial_fills']}"
        here = f"right {one['right_lots']} lots, ours {one['ours_lots']}"
        print(f"  {name.replace('_', ' ')}: {here}, there {there}")
