"""Whether a market can be made at a profit: its tape collected, read, and judged."""
