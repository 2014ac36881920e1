"""Where the daemon may be listened to: an address of this machine, or a Unix socket. Nowhere else.

Reads texts and opens nothing. Invariant: what is accepted cannot be reached from another machine; no name is
looked up, so that none can lead elsewhere.
"""

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from pydantic import BeforeValidator

from mm.settings.values import problem

PATH_BYTES_MAX: Final = 100
"""What a system takes for the path of a socket, at least."""

_UNIX: Final = "unix:"
_FORM: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9A-Za-z._-]{1,255})):(\d{1,5})", re.ASCII)


class Listen(NamedTuple):
    """An address. Fields: path: of a Unix socket, None for TCP; host, port: else, the host as a number."""

    path: Path | None
    host: str = ""
    port: int = 0


def listen_of(text: str) -> Listen | None:
    """Return what `text`, which was accepted as `ListenAddress`, says; None for nowhere."""
    if not text:
        return None
    if text.startswith(_UNIX):
        return Listen(Path(text.removeprefix(_UNIX)))
    host, _, port = text.rpartition(":")
    return Listen(None, host.strip("[]"), int(port))


def _address(value: object) -> object:
    if not isinstance(value, str) or not value:
        return value
    if value.startswith(_UNIX):
        return _UNIX + _socket_path(value.removeprefix(_UNIX))
    match = _FORM.fullmatch(value)
    if match is None or not 0 < int(match[3]) < 65_536:
        raise problem(
            "listen", "expected an address and a port", 'as in "127.0.0.1:9464" or "unix:var/metrics.sock"'
        )
    host = match[1] or match[2]
    try:
        inside = ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise problem(
            "listen", f"{host} is a name, expected a number", f"write 127.0.0.1:{match[3]}"
        ) from None
    if not inside:
        raise problem(
            "listen",
            f"{host} can be reached from other machines: nothing is served there without a password",
            f"write 127.0.0.1:{match[3]} and let a proxy of yours guard the way in",
        )
    return f"[{host}]:{match[3]}" if ":" in host else f"{host}:{match[3]}"


def _socket_path(text: str) -> str:
    if not text or not text.isprintable():
        raise problem("listen", "expected the path of a socket", 'as in "unix:var/metrics.sock"')
    try:
        path = Path(text).expanduser().absolute()
    except RuntimeError:
        raise problem("listen", "expected a path whose ~ can be resolved") from None
    if len(os.fsencode(path)) > PATH_BYTES_MAX:
        raise problem("listen", f"expected a path of a socket of at most {PATH_BYTES_MAX} bytes")
    return str(path)


ListenAddress = Annotated[str, BeforeValidator(_address)]
"""Where something is served on this machine: `127.0.0.1:PORT`, `[::1]:PORT`, `unix:PATH`; empty: nowhere."""
