"""Other backtesters on the bench's tape: scripts that run in environments of their own and import no `mm`."""
