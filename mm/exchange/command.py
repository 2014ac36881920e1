"""What a command is, what a call of one is, and who may make it. The rows are in `commands.py`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mm.exchange.floor import Floor
from mm.exchange.params import Param
from mm.exchange.signing import ApiKey, check_signed, check_time

Handler = Callable[[Floor, dict[str, str]], Any]
"""What answers a command: the floor and the values that were read, to a JSON value or a `Failure`."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One row of the table.

    Fields:
        method, path: on REST. name: on the WebSocket API; empty where it is on REST alone.
        weight: or, where it depends on the parameters, `weigh`.
        signed: whether it needs key and signature. is_order: whether it counts as a new order.
        charges_itself: it is the handler that counts the order, not the table.
    """

    method: str
    path: str
    name: str
    handler: Handler
    weight: int = 1
    weigh: Callable[[dict[str, str]], int] | None = None
    params: tuple[Param, ...] = ()
    signed: bool = True
    is_order: bool = False
    charges_itself: bool = False


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request.

    Fields: params: as sent; payload: what its signature covers; api_key: None if not given; session: the key
    with which its socket has logged on, which stands in for key and signature.
    """

    params: dict[str, str]
    payload: str = ""
    api_key: str | None = None
    session: ApiKey | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back. Fields: body: a JSON value; code: the venue's error code, 0 if all went well."""

    status: int
    body: Any
    code: int = 0
    headers: dict[str, str] = field(default_factory=dict)


def authorise(floor: Floor, call: Call, now_ns: int) -> ApiKey:
    """Return the key by which a call is made; raises VenueRefused unless it may be made now."""
    now_ns += floor.skew_ns
    if call.session is not None and call.api_key is None and "signature" not in call.params:
        check_time(call.params, now_ns, ahead_ns=floor.market.held_ns())
        return call.session
    key = floor.keys.find(call.api_key)
    check_signed(call.params, call.payload, key=key, now_ns=now_ns, ahead_ns=floor.market.held_ns())
    return key
