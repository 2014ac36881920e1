"""mm: a market maker for one account. README.md shows how to run it, the tree and the recipes."""

__version__ = "0.1.0"
