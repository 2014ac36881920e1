"""Forms of others: hftbacktest's npz and Tardis's CSV."""
