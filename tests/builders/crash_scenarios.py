"""What happens to a deployment in which a process is hurt: by name, each a beginning and a course of events.

A course raises `LifeOver` where the life ends under it. Invariant: a course uses nothing but the product's
own commands, signals and files.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.builders.crash_nursery import Life
from tests.builders.crash_room import Room, Style

STEADY_S: Final = 1.5

RECOVERY_S_MAX: Final = 100.0
"""A proof that an order never came takes a minute of silence, and the looks before and after it."""

CALM: Final = Style()
BUSY: Final = Style(spread_bps=3.0, refresh_ms=300)

Course = Callable[[Room, Life], None]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One story.

    Fields: prepare: what came before; course: what happens in the life that is hurt; style: of the trading;
    lives: how many lives in a row are hurt in the same way.
    """

    name: str
    course: Course
    prepare: Callable[[Room], None] = lambda _: None
    style: Style = CALM
    lives: int = 1


def is_active(line: dict[str, Any]) -> bool:
    """Return whether a log line says that a session quotes."""
    return line.get("event") == "session.state" and line.get("state") == "active"


def proofs(life: Life) -> int:
    """Return how many orders of an earlier life were proven never to have come: each takes a minute."""
    found = [line for line in life.told() if line.get("event") == "recovered"]
    return int(found[0]["dead"]) if found else 0


def until_quotes(room: Room, life: Life) -> None:
    """Let it come to quoting: orders that it placed itself rest at the venue."""
    life.wait_for(is_active, deadline_s=RECOVERY_S_MAX)
    before = room.counters()["orders_placed"]
    life.wait_until(lambda: room.counters()["open_orders"] > 0 or room.counters()["orders_placed"] > before)


def steady(room: Room, life: Life) -> None:
    """Let it quote for a while."""
    until_quotes(room, life)
    life.lives_on(STEADY_S)


def filled(room: Room, life: Life) -> None:
    """Let it be filled a few times."""
    until_quotes(room, life)
    before = room.counters()["fills"]
    life.wait_until(lambda: room.counters()["fills"] >= before + 4)


def reloaded(room: Room, life: Life) -> None:
    """Tighten a limit by command, change a parameter by edit; both take effect, or the old ones hold."""
    until_quotes(room, life)
    room.verb("config", "set", "risk.max_order_notional_quote", "400")
    text = room.config.read_text()
    room.config.write_text(text.replace("order_levels = 2", "order_levels = 1"))
    life.wait_for(
        lambda line: (
            line.get("event") == "config.refused"
            or (line.get("event") == "config.applied" and line.get("who") == "file")
        )
    )
    life.lives_on(0.3)


def halted(room: Room, life: Life) -> None:
    """Have an operator halt it."""
    until_quotes(room, life)
    room.verb("halt", "--reason", "a drill")


def stopped(room: Room, life: Life) -> None:
    """Have an operator stop it."""
    until_quotes(room, life)
    room.verb("stop")
    life.wait()


def after_a_crash(room: Room) -> None:
    """A life is killed while it quotes."""
    life = room.start()
    until_quotes(room, life)
    life.kill()


def after_a_stop(room: Room) -> None:
    """A life trades and ends in good order."""
    life = room.start()
    filled(room, life)
    assert room.verb("stop").code == 0
    assert life.wait() == 0


def after_a_halt(room: Room) -> None:
    """A life is halted and killed; the halt is lifted."""
    life = room.start()
    until_quotes(room, life)
    assert room.verb("halt", "--reason", "a drill").code == 0
    life.kill()
    room.lift()


SCENARIOS: Final = (
    Scenario(name="start with nothing", course=until_quotes),
    Scenario(name="start over a crashed life", course=until_quotes, prepare=after_a_crash),
    Scenario(name="start over a finished life", course=until_quotes, prepare=after_a_stop, style=BUSY),
    Scenario(name="steady quoting", course=steady),
    Scenario(name="fills under load", course=filled, style=BUSY),
    Scenario(name="config reload", course=reloaded),
    Scenario(name="halt", course=halted),
    Scenario(name="stop", course=stopped, style=BUSY),
    Scenario(name="unhalt and start", course=until_quotes, prepare=after_a_halt),
    Scenario(
        name="segment rotation",
        course=steady,
        style=Style(spread_bps=3.0, refresh_ms=300, segment_bytes=20_000),
    ),
    Scenario(name="recovery, twice", course=until_quotes, prepare=after_a_crash, lives=2),
    Scenario(
        name="strict journal", course=filled, style=Style(spread_bps=3.0, refresh_ms=300, sync="strict")
    ),
)
"""Every story, in the order in which a life goes through them."""

BY_NAME: Final = {scenario.name: scenario for scenario in SCENARIOS}
