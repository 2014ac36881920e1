"""Finds modules that were compiled beforehand before their sources are found.

Imports nothing of `mm`: it has to run before any module that was compiled is imported. Invariant: a module
that was imported from its source stays what it is.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final

GROUP: Final = "__mypyc"
"""End of the name of the library that the compiled modules share."""


class CompiledFinder(MetaPathFinder):
    """Finds what lies in one folder. Fields: folder."""

    def __init__(self, folder: Path) -> None:
        """Look in `folder`, laid out as the package is."""
        self.folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a compiled module is, None for any other."""
        del path, target
        if not (fullname.startswith("mm.") or fullname.endswith(GROUP)):
            return None
        file = self.folder.joinpath(*fullname.split("."))
        file = file.with_name(file.name + EXTENSION_SUFFIXES[0])
        if not file.is_file():
            return None
        return spec_from_file_location(fullname, file, loader=ExtensionFileLoader(fullname, str(file)))


def install(folder: Path) -> None:
    """Look in `folder` first from now on."""
    sys.meta_path.insert(0, CompiledFinder(folder))


def installed() -> bool:
    """Return whether compiled modules are looked for."""
    return any(isinstance(one, CompiledFinder) for one in sys.meta_path)
