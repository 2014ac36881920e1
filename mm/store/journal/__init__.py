"""The journal: what came in, what was decided, in order, so that a run can be recovered, re-run and audited.

A run has two families of segments with one sequence: `own` (kept for ever) and `market` (dropped by whole
segments when old). What is not in the journal has not left: a command is handed to the kernel before it is
sent. Damage is an error with file and offset, never skipped; only the torn end of a last segment is cut.

- entries: what a record can be      - codec: structs to bytes, with a version per type
- frames: bytes on the disk          - disk: the file operations, where faults are injected
- appender, journal, syncing: writing    - segment, family, gaps, reader, verify: reading
- recovery: the end of a crashed run     - sealed, retention: dropping old market segments
- layout: where runs lie
"""
