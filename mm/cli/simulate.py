"""The verb `mm simulate`: the real engine against a venue that fails in every way, judged by its truth.

Exit code 9 if an invariant broke, if a large run left a row of the order table unvisited, if a soak grew.
"""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from mm.cli.progress import counting_bar
from mm.cli.terminal import Terminal, verb
from mm.errors import EXIT_CHECK_FAILED

if TYPE_CHECKING:
    from mm.runtime.simulate.runner import Total
    from mm.runtime.simulate.story import Failure

NO_KINDS: Final = "none"

Seeds = Annotated[int, typer.Option(min=1, max=1_000_000, help="How many seeds.")]
Steps = Annotated[int, typer.Option(min=20, max=100_000_000, help="Steps of the engine under faults, each.")]
First = Annotated[int, typer.Option(min=0, max=1_000_000_000, help="The first seed.")]
Profile = Annotated[
    str,
    typer.Option(help="Faults: all, network, venue, crash, disk, market, operator or calm."),
]
Jobs = Annotated[int, typer.Option(min=1, max=256, help="Processes.")]
Only = Annotated[str, typer.Option(metavar="KINDS", help="Leave only these kinds of what is drawn, or none.")]
Strength = Annotated[int, typer.Option(min=1, max=100, help="Percent of the intensities that are drawn.")]
Long = Annotated[
    str, typer.Option(metavar="DAYS", help="Instead: one calm life of so long, as 7d; what grows in it?")
]


@verb
def simulate(
    terminal: Terminal,
    *,
    seeds: Seeds = 60,
    steps: Steps = 5_000,
    first: First = 1,
    profile: Profile = "all",
    jobs: Jobs = 1,
    only: Only = "",
    strength: Strength = 100,
    soak: Long = "",
) -> None:
    """Simulate engine, journal and recovery under drawn faults, and check every invariant at each step."""
    if soak:
        if (seeds, steps, profile, jobs, only, strength) != (60, 5_000, "all", 1, "", 100):
            raise typer.BadParameter("--soak is one calm life: only --first goes with it")
        from mm.cli.soak import soak as long_run

        long_run(terminal, soak, seed=first)
        return
    from mm.runtime.simulate.faults import KINDS, PROFILES
    from mm.runtime.simulate.runner import Order, Total, running

    if profile not in PROFILES:
        raise typer.BadParameter(f"{profile}: expected one of {', '.join(PROFILES)}")
    kinds = tuple(kind for kind in only.split(",") if kind and kind != NO_KINDS) if only else None
    unknown = [kind for kind in kinds or () if kind not in KINDS]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]}: no kind of fault; there are {', '.join(KINDS)}")
    never = [kind for kind in kinds or () if kind not in PROFILES[profile]]
    if never:
        raise typer.BadParameter(f"{never[0]} is in no seed of --profile {profile}")
    order = Order(
        seeds=seeds, steps=steps, first=first, profile=profile, jobs=jobs, only=kinds, strength=strength
    )
    total = Total(order=order)
    with counting_bar(terminal, "seeds", seeds) as tell, running(order) as all_done:
        try:
            for done in all_done:
                total.add(done)
                tell(total.seeds, f"seeds, {len(total.broken)} broken")
        except KeyboardInterrupt:
            total.is_cut = True
    _finish(terminal, total)


def _finish(terminal: Terminal, total: "Total") -> None:
    fields = total.fields()
    failure = None
    if total.failed is not None:
        terminal.say(f"seed {total.failed} broke an invariant: looking for its shortest history")
        failure = total.failure()
    fields["failure"] = None if failure is None else _failure_fields(failure)
    if not terminal.as_json and not terminal.quiet:
        print(_words(total, failure), flush=True)
    terminal.result(fields)
    if not total.is_good:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _failure_fields(failure: "Failure") -> dict[str, object]:
    return {
        "seed": failure.plan.seed,
        "invariant": failure.invariant,
        "text": failure.text,
        "step": failure.step,
        "command": failure.command,
        "tries": failure.tries,
        "history": list(failure.history),
    }


def _looks(total: "Total") -> str:
    shares = [f"{name} {100 * away / due:.1f} % of {due}" for name, (due, away) in total.looks.items()]
    return ", ".join(shares) or "nothing was due"


def _words(total: "Total", failure: "Failure | None") -> str:
    fields = total.fields()
    rows, all_rows = fields["state_rows_visited"], fields["state_rows"]
    lines = [
        f"seeds       {total.seeds}{' (broken off)' if total.is_cut else ''}, {total.lives} lives,"
        f" {total.crashes} crashes",
        f"steps       {total.steps}, {fields['steps_per_s']} a second of one core",
        f"faults      {total.faults} of {len(total.kinds)} kinds, and {total.slow_trips} slow trips",
        f"looked away {_looks(total)}",
        f"exposure    at most {total.worst_ppm / 10_000:.1f} % of what is allowed",
        f"order rows  {rows} of {all_rows} visited",
        f"digest      {total.digest}",
    ]
    if total.lacks_rows:
        lines.append(f"not visited {', '.join(total.rows.missing())}")
    lines.append(f"violations  {len(total.broken) or 'none'}")
    if failure is not None:
        lines += [
            f"  {failure.text}",
            f"  again: {failure.command}",
            *(f"  {one}" for one in failure.history),
        ]
    return "\n".join(lines)
