"""How well a strategy quotes: exact recursions and the whole engine on simulated markets, side by side."""
