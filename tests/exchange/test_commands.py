"""The command table as a whole: rows are unique, and every one is strict on both surfaces."""

import pytest

from mm.exchange.command import Command
from mm.exchange.commands import BY_NAME, BY_ROUTE, COMMANDS
from tests.builders.exchange import frames, raw_client, running


def _title(command: Command) -> str:
    return f"{command.method} {command.path}"


def test_every_row_has_a_route_and_a_name_of_its_own() -> None:
    """No row hides another; a row without a name is on REST alone."""
    assert len(BY_ROUTE) == len(COMMANDS)
    assert len(BY_NAME) == sum(1 for command in COMMANDS if command.name)


@pytest.mark.parametrize("command", COMMANDS, ids=_title)
async def test_no_command_takes_a_parameter_that_it_does_not_know(command: Command) -> None:
    """-1104 with both counts, before anything else is looked at, over REST and the WebSocket API."""
    sent, read = (3, 2) if command.signed else (1, 0)
    text = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
    async with running() as exchange, raw_client(exchange) as client:
        if command.signed:
            answer = await client.signed(command.method, command.path, nonsense=1)
        else:
            answer = await client.send(command.method, command.path, "nonsense=1")
        assert (client.status, answer) == (400, {"code": -1104, "msg": text})
        assert exchange.floor.limits.weight.used > 0
        if command.name:
            params = client.socket_params(nonsense=1) if command.signed else {"nonsense": 1}
            async with frames(client, "/ws-api/v3") as ws:
                answer = await ws.ask({"id": 1, "method": command.name, "params": params})
            assert answer["error"]["code"] == -1104
