"""Candles out of trades, and those that a venue made, to hold one against the other."""
