"""A sink for a venue's events that a test can wait on: with a deadline, and no longer than needed."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from mm.domain.events import AnyEvent, RateUsed

DEADLINE_S = 60.0
"""How long a test waits for what has to come; reached only when it does not."""

E = TypeVar("E", bound=AnyEvent)


class Heard:
    """Keeps every event in order of arrival."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self._news = asyncio.Event()

    def __call__(self, event: AnyEvent) -> None:
        """Take an event; this is the sink."""
        self.events.append(event)
        self._news.set()

    def all(self, kind: type[E]) -> list[E]:
        """Return all events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def outcomes(self) -> list[str]:
        """The names of all events but those about request weight."""
        return [type(event).__name__ for event in self.events if not isinstance(event, RateUsed)]

    async def next(self, kind: type[E], *, where: Callable[[E], bool] = lambda _: True, count: int = 1) -> E:
        """Return the `count`-th event of a kind that fits, as soon as it is there; raises TimeoutError."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                fitting = [event for event in self.all(kind) if where(event)]
                if len(fitting) >= count:
                    return fitting[count - 1]
                self._news.clear()
                await self._news.wait()

    def forget(self) -> None:
        """Begin anew."""
        self.events.clear()
