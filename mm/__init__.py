"""mm: a market maker for one account. README.md shows how to run it, the tree and the recipes."""

import os

__version__ = "0.1.0"

# A worker of a process that uses compiled modules uses them too, and has to know before it imports any other.
if _folder := os.environ.get("MM_COMPILED_FOLDER"):
    from pathlib import Path

    from mm.native.finder import install

    install(Path(_folder))
