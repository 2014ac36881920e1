"""Quoting ideas, one per file: `View -> Quotes`. Never I/O, never order handling."""
