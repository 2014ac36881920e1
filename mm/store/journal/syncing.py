"""How a journal is written, and the part of a sync that may run in another thread."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

GROUP_NS: Final = 10_000_000
"""How long after the first unsynced record a group is due to be synced, in ns of the core's time."""


SEGMENT_BYTES: Final = 64_000_000
BLOCK_RECORDS: Final = 256


class SyncPolicy(StrEnum):
    """GROUP: whoever runs the journal syncs it when it is due; STRICT: a command is on the disk when its
    append returns.
    """

    GROUP = "group"
    STRICT = "strict"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalSettings:
    """How a journal is written.

    Fields: policy; group_ns: from the first unsynced record to `Journal.due_ns`; segment_bytes: at which a
    sync begins the next segment; block_records: that a block of the chain covers at least.
    """

    policy: SyncPolicy = SyncPolicy.GROUP
    group_ns: int = GROUP_NS
    segment_bytes: int = SEGMENT_BYTES
    block_records: int = BLOCK_RECORDS


class SyncJob:
    """What has to reach the disk, apart from the journal: `run` it in any thread, then hand it to
    `Journal.finish_sync` in the journal's own.

    Fields: seq: of the newest record that it covers; error: why it failed, None while it has not.
    """

    def __init__(self, files: tuple[int, ...], seq: int, sync: Callable[[int], None]) -> None:
        """Take over the handles, which are the job's own to close."""
        self.seq = seq
        self.error: OSError | None = None
        self._files = files
        self._sync = sync

    def run(self) -> None:
        """Wait for the disk. Never raises: what went wrong is in `error`. May be called once."""
        files, self._files = self._files, ()
        for file in files:
            try:
                if self.error is None:
                    self._sync(file)
            except OSError as error:
                self.error = error
            finally:
                os.close(file)
