"""Parameters measured: of a market from its recording, of the fill model from own orders."""
