"""The verb `mm bench quoting`: how well strategies quote where the best that can be done is known."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mm.cli.machine_code import by_machine_code
from mm.cli.progress import Counting, counting_bar
from mm.cli.terminal import Terminal, verb
from mm.errors import EXIT_CHECK_FAILED, UsageError

if TYPE_CHECKING:
    from mm.bench.quoting.compare import Asked, Comparison
    from mm.bench.quoting.contenders import Scene

MARKETS: Final = ("as", "continuous", "adverse", "grid")
CAPS: Final = ((0.03, 60), (0.3, 40), (0.7, 20))
"""Inventory limits by aversion, as in the tables that the figures are compared with; 12 lots above."""

CAP_LEAST: Final = 12
DEFAULT: Final = (
    "glft",
    "glft_production",
    "glft_finite",
    "glft_finite_production",
    "cartea_jaimungal",
    "cartea_jaimungal_production",
    "avellaneda_stoikov",
    "avellaneda_stoikov_production",
    "ladder",
    "ladder_production",
    "pure_market_making",
    "pure_market_making_production",
    "symmetric",
)
"""Everybody but one that differs little; each strategy without hysteresis and with production's defaults."""

GRID: Final = ("glft", "glft_production")
"""Who plays the grid: the default strategy, without hysteresis and with every default."""

TICK: Final = Decimal("0.001")
GRID_TICKS: Final = (Decimal("0.02"), Decimal("0.1"), Decimal("0.2"), Decimal("0.4"))
"""0.03, 0.15, 0.3 and 0.6 times the distance in which fills thin out by e."""

GRID_LATENCIES: Final = (0, 1, 2, 4)
"""Steps, in which the mid moves by up to 0.42 times that distance (one deviation)."""


@verb
def quoting(
    terminal: Terminal,
    *,
    market: Annotated[str, typer.Option(help=f"One of {', '.join(MARKETS)}.")] = "as",
    gamma: Annotated[float, typer.Option(min=0.001, max=2.0, help="The maker's aversion to risk.")] = 0.1,
    sims: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Simulated sessions of each; 0: exact figures alone.")
    ] = 200,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of the simulated sessions.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="Processes.")] = 1,
    strategy: Annotated[list[str] | None, typer.Option(help="Only these; may be repeated.")] = None,
    tick: Annotated[str | None, typer.Option(metavar="SIZE", help="Tick, price units.")] = None,
    latency: Annotated[
        int | None, typer.Option("--latency-steps", min=0, max=50, help="Steps until a request arrives.")
    ] = None,
    impact: Annotated[float, typer.Option(min=0.0, max=1.0, help="What a fill moves the mid by.")] = 0.4,
) -> None:
    """Compare strategies where exact figures exist: each as computed, and as the whole engine plays it.

    as: the market of Avellaneda and Stoikov (volatility 2, 140 exp(-1.5 d) fills a second, 200 steps);
    continuous: fills at any time; adverse: each moves the mid by --impact; grid: ticks of 0.02 to 0.4 by
    latencies of 0 to 4 steps (one with --tick, --latency-steps). NAME quotes without hysteresis,
    NAME_production with every default. ce: certainty equivalent; ce %: of the best session on the same
    market without ticks and latency; ce rate %: of the best per second for ever, which no session's end
    blurs. Ends with 9 if a simulated figure lies more than 4 standard errors from the exact one.
    Example: mm bench quoting --market as --gamma 0.1 --sims 1000 --jobs 2 --json
    """
    if market not in MARKETS:
        raise UsageError(f"--market was {market[:40]!r}, expected one of {', '.join(MARKETS)}")
    core = by_machine_code(terminal)
    try:
        from mm.bench.quoting.compare import Asked
        from mm.bench.quoting.contenders import CONTENDERS, UNPAIRED
        from mm.bench.quoting.known import why_inexact
    except ModuleNotFoundError as missing:
        raise UsageError(
            f"this needs {missing.name}, which is not installed",
            hint="uv run --extra research mm bench quoting; or pip install 'mm[research]'",
        ) from None
    names = tuple(strategy or (GRID if market == "grid" else DEFAULT))
    unknown = [name for name in names if name not in CONTENDERS]
    if unknown:
        raise UsageError(f"--strategy was {unknown[0][:40]!r}, expected one of {', '.join(CONTENDERS)}")
    scenes = _scenes(market, gamma, tick, latency, impact)
    if not sims and all(why_inexact(name, scene) for name in names for scene in scenes):
        raise UsageError(
            f"--sims was 0, but {names[0]} has no exact figures here: {why_inexact(names[0], scenes[0])}",
            hint="say how many sessions are simulated, as --sims 200",
        )
    asked = [Asked(scene=scene, names=names, sims=sims, seed=seed, jobs=jobs) for scene in scenes]
    found = _played(terminal, asked)
    unpaired = {name: why for name, why in UNPAIRED.items() if name in names}
    if not terminal.as_json:
        _print(found, unpaired, is_grid=market == "grid")
    told = {"market": market, "gamma": gamma, "seed": seed, "core": core, "without_production": unpaired}
    points = [one.as_json() for one in found]
    terminal.result(told | ({"points": points} if market == "grid" else points[0]))
    if any(one.far_off for one in found):
        raise typer.Exit(EXIT_CHECK_FAILED)


def _played(terminal: Terminal, asked: "list[Asked]") -> "list[Comparison]":
    from mm.bench.quoting.compare import compared

    found = []
    each = len(asked[0].names) * asked[0].sims
    with counting_bar(terminal, "playing", max(1, len(asked) * each)) as counted:
        for number, one in enumerate(asked):
            found.append(compared(one, _from(counted, number * each)))
    return found


def _from(counted: Counting, begun: int) -> Callable[[str, int], object]:
    # What comes after so many sessions.
    return lambda what, done: counted(begun + done, what)


def _scenes(market: str, gamma: float, tick: str | None, latency: int | None, impact: float) -> "list[Scene]":
    from mm.bench.quoting.contenders import Scene
    from mm.bench.quoting.exact import Market

    played = Market(
        volatility=2.0,
        arrival_rate=140.0,
        decay=1.5,
        step_s=0.005,
        steps=200,
        impact=impact if market == "adverse" else 0.0,
    )
    is_grid = market == "grid"
    ticks = (_tick(tick),) if tick is not None else GRID_TICKS if is_grid else (TICK,)
    latencies = (latency,) if latency is not None else GRID_LATENCIES if is_grid else (0,)
    return [
        Scene(
            market=played,
            risk_factor=gamma,
            tick=one,
            cap=next((cap for most, cap in CAPS if gamma < most), CAP_LEAST),
            latency_steps=late,
            continuous=market == "continuous",
        )
        for one in ticks
        for late in latencies
    ]


def _tick(text: str) -> Decimal:
    try:
        tick = Decimal(text)
    except ArithmeticError:
        tick = Decimal(0)
    if not (tick.is_finite() and Decimal("0.0001") <= tick <= 1):
        raise UsageError(f"--tick was {text[:40]!r}, expected 0.0001 to 1")
    return tick


def _print(found: "list[Comparison]", unpaired: dict[str, str], *, is_grid: bool) -> None:
    from mm.cli.bench_quoting_table import print_best, print_table

    for number, one in enumerate(found):
        if is_grid:
            print(
                ("\n" if number else "") + f"tick {one.scene.tick}, latency {one.scene.latency_steps} steps"
            )
        print_table(one)
    # All play the same market.
    print_best(found[0])
    for name, why in unpaired.items():
        print(f"{name} has no twin with production's defaults: {why}")
    for one in found:
        for words in one.far_off:
            print(f"wrong: {words}")
