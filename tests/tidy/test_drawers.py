"""The rule on drawers refuses every way to import a sibling."""

import pytest

from tests.tidy.drawers import no_sibling_imports
from tests.tidy.source import Source

PLANTED = [
    ("mm/strategies/glft.py", "from mm.strategies.ladder import f", "glft imports ladder"),
    ("mm/strategies/glft.py", "import mm.strategies.ladder", "mm/strategies/base"),
    ("mm/strategies/glft.py", "from mm.strategies import ladder", "glft imports ladder"),
    ("mm/strategies/glft.py", "from . import ladder", "glft imports ladder"),
    ("mm/strategies/glft.py", "from .ladder import f", "glft imports ladder"),
    ("mm/strategies/glft.py", "import mm.strategies", "glft imports the drawer itself"),
    ("mm/strategies/glft.py", "def f():\n    from mm.strategies.ladder import g", "glft imports ladder"),
    ("mm/strategies/base.py", "from mm.strategies.glft import Glft", "base imports glft"),
    ("mm/risk/collar.py", "from mm.risk.exposure import f", "mm/risk/base"),
    ("mm/risk/collar.py", "from mm.risk.rules import f", "collar imports rules"),
    ("mm/signals/rules.py", "from mm.signals.ofi import f", "rules imports ofi"),
    ("mm/signals/ewma.py", "from mm.signals.ofi import f", "or a layer below"),
    ("mm/venues/bybit.py", "from mm.venues.binance import f", "mm/venues/base or mm/venues/edge"),
    ("mm/venues/bybit/orders.py", "from mm.venues.binance.orders import f", "bybit imports binance"),
    ("mm/venues/edge/tap.py", "from mm.venues.binance import f", "edge imports binance"),
    ("mm/signals/base.py", "from mm.signals.mids import f", "base imports mids"),
]

CLEAN = [
    ("mm/strategies/glft.py", "from mm.strategies.base import Wake\nfrom mm.strategies import base"),
    ("mm/strategies/glft.py", "from mm.signals.ewma import f\nfrom mm.domain.book import Book"),
    ("mm/venues/binance.py", "from mm.venues.edge.tap import Tap\nfrom mm.venues.edge import tap"),
    ("mm/venues/binance/orders.py", "from mm.venues.binance.codes import f\nfrom .codes import g"),
    ("mm/venues/edge/tap.py", "from mm.venues.edge.frames import f"),
    ("mm/signals/mids.py", "from mm.signals.base import f"),
    ("mm/risk/__init__.py", "from mm.risk.collar import Collar"),
    ("mm/risk/rules.py", "from mm.risk.collar import Collar"),
    ("mm/engine/engine.py", "from mm.engine.state import State"),
    ("tests/core/risk/test_collar.py", "from mm.risk.collar import Collar"),
]


@pytest.mark.parametrize(("path", "text", "message"), PLANTED)
def test_sibling_import_is_found(path: str, text: str, message: str) -> None:
    """However it is written, the import of a sibling is found; the message says where shared things go."""
    findings = [str(finding) for finding in no_sibling_imports(Source(path, text))]

    assert len(findings) == 1
    assert message in findings[0]


@pytest.mark.parametrize(("path", "text"), CLEAN)
def test_base_and_layers_below_pass(path: str, text: str) -> None:
    """A member imports its base, its own package and the layers below; other packages are no drawers."""
    assert not list(no_sibling_imports(Source(path, text)))
