"""What a watchdog is told when it is started: one JSON object on its standard input, keys included.

Never on a command line, never in the environment, never on a disk. Printing it shows no secret.
"""

from typing import Final

import msgspec

from mm.errors import ConfigError

VERSION: Final = 1
JOB_BYTES_MAX: Final = 262_144


class WatchJob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One life of a trader, and how to take its orders off the venue.

    Fields:
        data_dir: of the trader. pid, started_ticks: of its process (see `mm.store.heartbeat`).
        rest: address of the REST API, with its path. loopback_only: nothing may leave this machine.
        api_key, api_secret: that list and cancel. recv_window_ms: how old a request may be at the venue.
        symbols: as the venue names them. tag, id_key: of our order ids, the key in hexadecimal digits.
        epoch: number of this life; orders of a later one are not its business.
        silent_ms: without a sign of life for so long the trader is taken as hung.
        patience_s: how long it tries until the venue shows nothing of ours.
    """

    version: int = VERSION
    data_dir: str
    pid: int
    started_ticks: int
    rest: str
    loopback_only: bool
    api_key: str
    api_secret: str
    recv_window_ms: int
    symbols: tuple[str, ...]
    tag: int
    id_key: str
    epoch: int
    silent_ms: int
    patience_s: float

    def __repr__(self) -> str:
        """Return what is watched."""
        return f"WatchJob(data_dir={self.data_dir!r}, pid={self.pid}, epoch={self.epoch})"

    __str__ = __repr__

    def encode(self) -> bytes:
        """Return it as it goes over the pipe, keys included."""
        return msgspec.json.encode(self) + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "WatchJob":
        """Return the job that a line holds; raises ConfigError if it is none, without showing any of it."""
        try:
            job = msgspec.json.decode(line, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise ConfigError("standard input holds no job for a watchdog: the trader starts it") from None
        if job.version != VERSION:
            raise ConfigError(f"the job was of version {job.version}, expected {VERSION}")
        return job
