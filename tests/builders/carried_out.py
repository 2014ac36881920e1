"""A command line that is carried out in this process, with all that it said."""

import json
from typing import Any, NamedTuple

import pytest
import structlog

from mm.cli.main import carry_out


class Carried(NamedTuple):
    """A command that ended. Fields: code; said: standard output; told: standard error."""

    code: int
    said: str
    told: str

    @property
    def result(self) -> dict[str, Any]:
        """The JSON object at the end."""
        found: dict[str, Any] = json.loads(self.said.splitlines()[-1])
        return found


def carried_out(capsys: pytest.CaptureFixture[str], *arguments: object) -> Carried:
    """Carry a command out; what was said before does not count, and what it made of the logs is undone."""
    capsys.readouterr()
    try:
        code = carry_out([str(one) for one in arguments])
    finally:
        structlog.reset_defaults()
    return Carried(code, *capsys.readouterr())
