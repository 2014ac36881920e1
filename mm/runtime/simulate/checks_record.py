"""I6, I10, I15, I16: what is written down: before it is done, completely, without secrets, with a name."""

from base64 import b64encode
from collections.abc import Iterable
from json import dumps
from typing import Final
from urllib.parse import quote

from mm.domain.commands import Place, Report, VenueCommand
from mm.domain.events import AnyEvent, ConfigApplied, OperatorAsked
from mm.engine.session import SessionState
from mm.runtime.rerun import RerunResult
from mm.runtime.simulate.checks_scene import Checker, Scene

MIN_SECRET: Final = 6
"""Shorter texts are in anything by chance."""


class IntentBeforeEffect(Checker):
    """I6. Where a journal is kept: every placement that leaves, and every order with our mark that reaches
    the venue, has its intent in the journal by then, under the same id.
    """

    invariant = "I6"

    def __init__(self, scene: Scene) -> None:
        """Start with what is at the venue already."""
        super().__init__(scene)
        self._arrived = len(scene.truth.orders)

    def on_command(self, command: VenueCommand) -> None:
        """Look the placement up."""
        recorded = self.scene.recorded
        if recorded is not None and isinstance(command, Place) and command.cid.encode() not in recorded:
            raise self.broken(f"{command.cid[-6:]} left before it was written down")

    def on_truth(self) -> None:
        """Look up what arrived since."""
        recorded, orders = self.scene.recorded, self.scene.truth.orders
        new, self._arrived = len(orders) - self._arrived, len(orders)
        if recorded is None or new <= 0:
            return
        for cid, _ in zip(reversed(orders), range(new), strict=False):
            decoded = self.scene.ids.decode(cid)
            if (
                decoded is not None
                and decoded.epoch == self.scene.setup.epoch
                and cid.encode() not in recorded
            ):
                raise self.broken(f"the venue saw {cid[-6:]}, which was never written down")


class Replay(Checker):
    """I10. The journal of every life, run again, gives the same commands to the byte."""

    invariant = "I10"

    def judge(self, result: RerunResult) -> None:
        """Judge one repetition."""
        if result.difference is not None:
            first = result.difference
            raise self.broken(
                f"command {first.number}: recorded {first.recorded or 'nothing'}, "
                f"computed {first.computed or 'nothing'}"
            )
        if result.broke:
            raise self.broken(f"the repetition ended in {result.broke}")


def forms_of(secret: bytes) -> tuple[bytes, ...]:
    """Return how a secret can look in a text: raw, for a URL, in base 64, in hexadecimal digits, in JSON."""
    text = secret.decode("latin-1")
    return (
        secret,
        quote(text, safe="").encode(),
        b64encode(secret),
        secret.hex().encode(),
        dumps(text)[1:-1].encode(),
    )


class Secrets(Checker):
    """I15. No canary, in no form, is in any report or in any bytes that were written."""

    invariant = "I15"

    def __init__(self, scene: Scene) -> None:
        """Start without canaries."""
        super().__init__(scene)
        self._forms: tuple[bytes, ...] = ()

    def plant(self, secrets: Iterable[bytes]) -> None:
        """Look for these too from now on; each at least MIN_SECRET long."""
        found = list(self._forms)
        for secret in secrets:
            assert len(secret) >= MIN_SECRET
            found += forms_of(secret)
        self._forms = tuple(dict.fromkeys(found))

    def on_report(self, report: Report) -> None:
        """Look through the facts."""
        if self._forms:
            text = "\n".join([text for _, text in report.facts])
            self.search(f"report {report.code}", text.encode())

    def search(self, where: str, data: bytes) -> None:
        """Look through bytes."""
        for form in self._forms:
            if form in data:
                raise self.broken(f"a secret stands in {where}, {len(form)} bytes long")


class Recorded(Checker):
    """I16. Every request of an operator and every change of the config is reported in its step with what and
    who; and no session changes its state, no halt begins or ends, without a report of it.
    """

    invariant = "I16"
    hears = (OperatorAsked, ConfigApplied)

    def __init__(self, scene: Scene) -> None:
        """Start with the states that the engine starts in."""
        super().__init__(scene)
        self._said: list[Report] = []
        self._asked: list[OperatorAsked | ConfigApplied] = []
        self._states, self._halt_code = self._look()

    def begin_life(self) -> None:
        """Start with the states of the new engine."""
        self._said.clear()
        self._asked.clear()
        self._states, self._halt_code = self._look()

    def on_event(self, event: AnyEvent) -> None:
        """Note what has to be reported."""
        if isinstance(event, OperatorAsked | ConfigApplied):
            self._asked.append(event)

    def on_report(self, report: Report) -> None:
        """Note what was."""
        if report.code in ("operator", "config.applied", "session.state", "halt", "unhalt"):
            self._said.append(report)

    def on_step(self) -> None:
        """Compare."""
        state = self.scene.engine.state
        while self._asked:
            self._judge_asked(self._asked.pop())
        states = tuple([session.state for session in state.sessions])
        if states != self._states:
            for session, before in zip(state.sessions, self._states, strict=False):
                if session.state is not before and not self._is_said(session.name, session.state):
                    raise self.broken(f"{session.name} became {session.state} and nothing was reported")
        if state.halt_code != self._halt_code:
            code = "halt" if state.halt_code else "unhalt"
            if not any(report.code == code for report in self._said):
                raise self.broken(f"{code} of {state.halt_code or self._halt_code} was not reported")
        self._said.clear()
        self._states, self._halt_code = states, state.halt_code

    def _is_said(self, session: str, state: str) -> bool:
        return any(
            report.code == "session.state" and report.session == session and ("state", state) in report.facts
            for report in self._said
        )

    def _judge_asked(self, event: OperatorAsked | ConfigApplied) -> None:
        if isinstance(event, OperatorAsked):
            code = "operator"
            facts = {("operation", str(event.operation)), ("who", event.who), ("reason", event.reason)}
        else:
            code = "config.applied"
            facts = {("revision", str(event.revision)), ("digest", event.digest), ("who", event.who)}
        if not any(report.code == code and facts <= set(report.facts) for report in self._said):
            raise self.broken(f"{code} by {event.who} was not reported whole")

    def _look(self) -> tuple[tuple[SessionState, ...], str]:
        state = self.scene.engine.state
        return tuple([session.state for session in state.sessions]), state.halt_code
