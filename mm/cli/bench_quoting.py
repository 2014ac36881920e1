"""The verb `mm bench quoting`: how well strategies quote where the best that can be done is known."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mm.cli.progress import counting_bar
from mm.cli.terminal import Terminal, verb
from mm.errors import EXIT_CHECK_FAILED, UsageError

if TYPE_CHECKING:
    from mm.bench.quoting.contenders import Scene

MARKETS: Final = ("as", "continuous", "adverse", "grid")
CAPS: Final = ((0.03, 60), (0.3, 40), (0.7, 20))
"""Inventory limits by aversion, as in the tables that the figures are compared with; 12 lots above."""

CAP_LEAST: Final = 12
DEFAULT: Final = (
    "glft",
    "glft_production",
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

TICK: Final = Decimal("0.001")
COARSE_TICK: Final = Decimal("0.1")
COLUMNS: Final = ("mean", "sd", "sd_q", "fills", "messages_per_fill", "ce_percent")
NAME_WIDTH: Final = 31


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
        int, typer.Option("--latency-steps", min=0, max=50, help="Steps until a request arrives.")
    ] = 0,
    impact: Annotated[float, typer.Option(min=0.0, max=1.0, help="What a fill moves the mid by.")] = 0.4,
) -> None:
    """Compare strategies where exact figures exist: each as computed, and as the whole engine plays it.

    as: the market of Avellaneda and Stoikov (volatility 2, 140 exp(-1.5 d) fills a second, 200 steps);
    continuous: fills at any time; adverse: each moves the mid by --impact; grid: a tick of 0.1, a latency
    of a step. NAME quotes without hysteresis, NAME_production with every default, an order's tolerance among
    them. Ends with 9 if a simulated figure lies more than 4 standard errors from the exact one.
    Example: mm bench quoting --market as --gamma 0.1 --sims 1000 --jobs 2 --json
    """
    if market not in MARKETS:
        raise UsageError(f"--market was {market[:40]!r}, expected one of {', '.join(MARKETS)}")
    try:
        from mm.bench.quoting.compare import Asked, compared, far_off, why_inexact
        from mm.bench.quoting.contenders import CONTENDERS, UNPAIRED
    except ModuleNotFoundError as missing:
        raise UsageError(
            f"this needs {missing.name}, which is not installed",
            hint="uv run --extra research mm bench quoting; or pip install 'mm[research]'",
        ) from None
    names = tuple(strategy or DEFAULT)
    unknown = [name for name in names if name not in CONTENDERS]
    if unknown:
        raise UsageError(f"--strategy was {unknown[0][:40]!r}, expected one of {', '.join(CONTENDERS)}")
    scene = _scene(market, gamma, tick, latency, impact)
    inexact = {name: why for name in names if (why := why_inexact(name, scene))}
    if not sims and all(name in inexact for name in names):
        raise UsageError(
            f"--sims was 0, but {names[0]} has no exact figures here: {inexact[names[0]]}",
            hint="say how many sessions are simulated, as --sims 200",
        )
    asked = Asked(scene=scene, names=names, sims=sims, seed=seed, jobs=jobs)
    with counting_bar(terminal, "playing", max(1, len(names) * sims)) as counted:
        found = compared(asked, lambda what, done: counted(done, what))
    wrong = far_off(found)
    unpaired = {name: why for name, why in UNPAIRED.items() if name in names}
    if not terminal.as_json:
        _print(found, inexact)
        _say(unpaired, wrong)
    told = {"market": market, "gamma": gamma, "seed": seed, "tick": float(scene.tick), "cap": scene.cap}
    without = {"without_exact": inexact, "without_production": unpaired}
    terminal.result({**told, "strategies": found, **without, "far_off": wrong})
    if wrong:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _scene(market: str, gamma: float, tick: str | None, latency: int, impact: float) -> "Scene":
    from mm.bench.quoting.contenders import Scene
    from mm.bench.quoting.exact import Market

    is_grid = market == "grid"
    played = Market(
        volatility=2.0,
        arrival_rate=140.0,
        decay=1.5,
        step_s=0.005,
        steps=200,
        impact=impact if market == "adverse" else 0.0,
    )
    return Scene(
        market=played,
        risk_factor=gamma,
        tick=_tick(tick) if tick is not None else COARSE_TICK if is_grid else TICK,
        cap=next((cap for most, cap in CAPS if gamma < most), CAP_LEAST),
        latency_steps=latency or int(is_grid),
        continuous=market == "continuous",
    )


def _tick(text: str) -> Decimal:
    try:
        tick = Decimal(text)
    except ArithmeticError:
        tick = Decimal(0)
    if not (tick.is_finite() and Decimal("0.0001") <= tick <= 1):
        raise UsageError(f"--tick was {text[:40]!r}, expected 0.0001 to 1")
    return tick


def _print(found: dict[str, dict[str, float | None]], inexact: dict[str, str]) -> None:
    width = NAME_WIDTH
    print(f"{'':<{width}}{'':<10}" + "".join(f"{name.replace('_', ' '):>18}" for name in COLUMNS))
    for name, row in found.items():
        worth, error = row.get("ce_percent"), row.get("ce_percent_se")
        exact = [row.get(f"exact_{column}") for column in COLUMNS[:-1]] + [None if error else worth]
        told = "".join(map(_cell, exact)) if name not in inexact else f"  none: {inexact[name]}"
        print(f"{name:<{width}}{'exact':<10}{told}")
        if "mean" not in row:
            continue
        played = [row.get(column) for column in COLUMNS[:-1]] + [worth if error else None]
        print(f"{'':<{width}}{'simulated':<10}" + "".join(map(_cell, played)))
        errors = "".join(_cell(row.get(f"z_{column}"), "+.2f") for column in COLUMNS[:-1]) + (
            f"{f'+- {error:.3f}':>18}" if error else ""
        )
        print(f"{'':<{width}}{'off by SE':<10}{errors}".rstrip())


def _say(unpaired: dict[str, str], wrong: list[str]) -> None:
    for name, why in unpaired.items():
        print(f"{name} has no twin with production's defaults: {why}")
    for words in wrong:
        print(f"wrong: {words}")


def _cell(value: float | None, form: str = ".3f") -> str:
    return f"{'' if value is None else format(value, form):>18}"
