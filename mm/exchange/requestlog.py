"""The log of requests: what was asked and how it was answered, bounded, without keys and signatures."""

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

_SECRET = ("signature", "apiKey")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. Fields: surface: "rest" or "ws-api"; code: the venue's error code, 0 if it went well."""

    ts_ns: int
    surface: str
    method: str
    path: str
    params: dict[str, str]
    status: int
    code: int


class RequestLog:
    """The latest requests, and how many there have been."""

    def __init__(self, *, requests_max: int) -> None:
        """Remember up to `requests_max` requests."""
        self._requests: deque[Request] = deque(maxlen=requests_max)
        self.count = 0

    def add(self, request: Request) -> None:
        """Remember a request."""
        self.count += 1
        self._requests.append(request)

    def rows(self) -> list[dict[str, Any]]:
        """Return the remembered requests as JSON objects, oldest first."""
        return [asdict(request) for request in self._requests]


def public_params(params: dict[str, str]) -> dict[str, str]:
    """Return the parameters without what identifies or authorises the caller."""
    return {name: value for name, value in params.items() if name not in _SECRET}
