"""The state machine: one function of events. No clock, no I/O, no randomness, integers."""
