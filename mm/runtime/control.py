"""The control socket: one JSON object per line asked, one answered, over a local Unix socket.

Only the owner of the data directory can connect (mode 0600). It reads the state and hands operators'
requests to the engine as events; it never changes anything by itself. Requests are bounded in size. A client
says who asks; what goes into the record ends with what the kernel says of it: user and process.
"""

import asyncio
import os
import re
import socket
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec
import structlog

from mm.domain.events import Operation
from mm.errors import EXIT_NOT_RUNNING, EXIT_USAGE, MMError, StateCorrupt
from mm.observe.status import fill_row, order_rows, pnl
from mm.runtime.live import LiveRuntime
from mm.runtime.reconfigure import LiveConfig
from mm.runtime.why import why_now

log = structlog.get_logger(__name__)

REQUEST_BYTES_MAX: Final = 1024 * 1024
"""A request may carry the text of a config file."""

VERSION: Final = 1
WHO_LENGTH_MAX: Final = 100
"""Characters of what a client says of itself that are kept."""

CONNECTIONS_MAX: Final = 16
"""So many may be open at once; one more is closed at once, unheard."""

IDLE_S: Final = 30.0
"""A connection that says nothing for this long is closed."""


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """What a client asks.

    Fields: v: version, 1; do: the verb; session: "" for all; who: for the audit. Of `config.*`: key: which
    one, "" for all; text: to plan with in place of the file's; digest: of the text that is meant; confirm: it
    may loosen limits. Of `why`: side: "bid", "ask" or "" for both; level: of the ladder, None for all.
    """

    do: str
    v: int = 1
    session: str = ""
    reason: str = ""
    who: str = ""
    key: str = ""
    text: str | None = None
    digest: str = ""
    confirm: bool = False
    side: Literal["", "bid", "ask"] = ""
    level: int | None = None


READ_VERBS: Final = ("status", "orders", "fills", "pnl", "why")
CONFIG_VERBS: Final = ("config.get", "config.plan", "config.apply", "config.history")
METRICS_VERB: Final = "metrics"

_NOT_PLAIN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f(),]")
# No control characters, and none of those that a verified part is told by.

Answer = dict[str, object]


class ControlServer:
    """Serves the socket at `path` while a run lives."""

    def __init__(
        self,
        path: Path,
        runtime: LiveRuntime,
        status: Callable[[], Mapping[str, object]],
        config: LiveConfig | None = None,
        metrics: Callable[[], str] | None = None,
    ) -> None:
        """Keep the parts.

        Args: status: makes the status object; config: of the run, None if none is kept; metrics: makes their
        text, None if nobody does.
        """
        self._path = path
        self._runtime = runtime
        self._status = status
        self._config = config
        self._metrics = metrics
        self._server: asyncio.Server | None = None
        self._connections = 0

    async def start(self) -> None:
        """Listen; a socket file left by a dead run is replaced (the data directory's lock is held).

        Raises: StateCorrupt if there can be none: nothing is traded that cannot be asked to stop.
        """
        mask = os.umask(0o177)
        try:
            self._path.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(
                self._serve, path=str(self._path), limit=REQUEST_BYTES_MAX
            )
        except OSError as error:
            raise StateCorrupt(
                f"{self._path}: cannot listen there: {error.strerror or error}",
                hint="check the disk and the permissions of its directory",
            ) from None
        finally:
            os.umask(mask)

    async def close(self) -> None:
        """Stop listening and remove the socket file; the next start replaces one that cannot be removed."""
        if self._server is None:
            return
        self._server.close()
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("control.socket_left", path=str(self._path), error=error.strerror)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._connections >= CONNECTIONS_MAX:
            log.debug("control.connection_refused")
            writer.close()
            return
        self._connections += 1
        try:
            await self._answer_all(reader, writer)
        finally:
            self._connections -= 1

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = _peer(writer.get_extra_info("socket"))
        try:
            while line := await asyncio.wait_for(reader.readline(), IDLE_S):
                writer.write(msgspec.json.encode(self.answer(line, peer)) + b"\n")
                await writer.drain()
        except (TimeoutError, ConnectionError, ValueError):
            # Silent, gone or beyond the size limit: the connection ends, the run goes on.
            log.debug("control.connection_ended")
        finally:
            writer.close()

    def answer(self, line: bytes, peer: str = "control") -> Answer:
        """Return the answer to one request line; never raises on what a client sends.

        Args: peer: who it came from, as far as that was verified.
        """
        try:
            request = msgspec.json.decode(line, type=Request)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return _refusal(f"request cannot be read: {error}", "send one JSON object per line")
        request.who = _who(request.who, peer)
        if request.v != VERSION:
            return _refusal(f"version was {request.v}, expected {VERSION}", "use the mm that runs the daemon")
        if request.do in READ_VERBS:
            return self._read(request)
        if request.do in CONFIG_VERBS and self._config is not None:
            try:
                return {"ok": True, **_on_config(self._config, request)}
            except MMError as error:
                return {"ok": False, "error": str(error), "hint": error.hint, "exit_code": error.exit_code}
        if request.do == METRICS_VERB and self._metrics is not None:
            return {"ok": True, "text": self._metrics()}
        if request.do not in tuple(Operation):
            known = ", ".join((*READ_VERBS, METRICS_VERB, *CONFIG_VERBS, *Operation))
            return _refusal(f"unknown request {request.do!r}", f"one of {known}")
        return self._operate(request, Operation(request.do))

    def _read(self, request: Request) -> Answer:
        state = self._runtime.engine.state
        names = [session.name for session in state.sessions]
        if request.session and request.session not in names:
            return _unknown(request.session, names)
        chosen = [s for s in state.sessions if request.session in ("", s.name)]
        if request.do == "status":
            return {"ok": True, **self._status()}
        if request.do == "why":
            # One session at a time, so that the loop goes on in between; the names tell what else there is.
            made = why_now(self._runtime, chosen[0], side=request.side, level=request.level)
            return {"ok": True, "sessions": names, "explained": made}
        if request.do == "pnl":
            analyst = self._runtime.analyst
            return {
                "ok": True,
                "sessions": [
                    {**pnl(session), "figures": analyst.figures(session.name)} for session in chosen
                ],
            }
        if request.do == "orders":
            rows = order_rows(state, self._runtime.now_ns(), self._runtime.queue_ahead())
            return {"ok": True, "orders": [row for row in rows if request.session in ("", row["session"])]}
        fills = [row for row in self._runtime.history.fills if request.session in ("", row.session)]
        return {
            "ok": True,
            "fills": [fill_row(row, state.markets[row.symbol].instrument) for row in fills],
        }

    def _operate(self, request: Request, operation: Operation) -> Answer:
        state = self._runtime.engine.state
        names = [session.name for session in state.sessions]
        if request.session and request.session not in names:
            return _unknown(request.session, names)
        if operation in (Operation.HALT, Operation.UNHALT) and not request.reason:
            return _refusal(f"{operation} needs a reason", f"mm {operation} --reason '...'")
        if operation is Operation.UNHALT and state.halt_code and not state.halt_confirmed:
            return _refusal("the venue has not confirmed yet that nothing is left", "try again in a moment")
        if operation is Operation.STOP and not request.session:
            self._runtime.stop(request.reason or "stopped", who=request.who)
        else:
            self._runtime.operate(operation, session=request.session, reason=request.reason, who=request.who)
        return {"ok": True, **self._status()}


def _on_config(config: LiveConfig, request: Request) -> Answer:
    if request.do == "config.get":
        return config.values(request.key)
    if request.do == "config.plan":
        return config.plan(request.text)
    if request.do == "config.history":
        return config.history()
    return config.apply(who=request.who, origin="cli", confirm=request.confirm, digest=request.digest)


def _who(claimed: str, peer: str) -> str:
    # What was verified comes last: nothing that a client says of itself can stand there.
    said = _NOT_PLAIN.sub("?", claimed[:WHO_LENGTH_MAX])
    return f"{said}, {peer}" if said else peer


def _peer(connection: object) -> str:
    # Elsewhere than on Linux the kernel tells it in another way; then nothing is claimed.
    option = getattr(socket, "SO_PEERCRED", None)
    ask = getattr(connection, "getsockopt", None)
    if option is None or ask is None:
        return "control"
    try:
        process, user, _ = struct.unpack("3i", ask(socket.SOL_SOCKET, option, struct.calcsize("3i")))
    except (OSError, struct.error):
        return "control"
    return f"uid {user} pid {process} (control)"


def _refusal(error: str, hint: str) -> Answer:
    return {"ok": False, "error": error, "hint": hint, "exit_code": EXIT_USAGE}


def _unknown(session: str, names: list[str]) -> Answer:
    return {
        "ok": False,
        "error": f"there is no session {session!r}",
        "hint": f"sessions: {', '.join(names)}",
        "exit_code": EXIT_NOT_RUNNING,
    }
