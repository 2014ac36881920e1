"""How the clients that nobody here wrote are imported: late, as they are slow, and without their warnings.

python-binance and binance-connector both live in the package `binance` and differ in its `__init__` alone:
whichever was installed last owns it. So nothing is taken from the package itself, only from its modules.
"""

import importlib
import warnings
from typing import Any


def binance_module(name: str) -> Any:
    """Return a module of either client, by its name below `binance`."""
    with warnings.catch_warnings():
        # python-binance imports a name that `websockets` has deprecated: its affair, and only at its import.
        warnings.filterwarnings(
            "ignore", message=r"websockets\..* is deprecated", category=DeprecationWarning
        )
        return importlib.import_module(f"binance.{name}")


def sdk_module(name: str) -> Any:
    """Return a module of binance-sdk-spot (`binance_sdk_spot...`, `binance_common...`)."""
    return importlib.import_module(name)
