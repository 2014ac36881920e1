"""The scene of the quoting bench that most tests play on."""

from decimal import Decimal
from typing import Any

from mm.bench.quoting.contenders import Scene
from mm.bench.quoting.exact import Market

TICK = Decimal("0.001")


def scene(risk_factor: float = 0.1, *, impact: float = 0.0, steps: int = 200, **fields: Any) -> Scene:
    """Return Avellaneda's and Stoikov's market as a scene, limit 40 lots."""
    market = Market(volatility=2.0, arrival_rate=140.0, decay=1.5, step_s=0.005, steps=steps, impact=impact)
    told: dict[str, Any] = {"market": market, "risk_factor": risk_factor, "tick": TICK, "cap": 40}
    return Scene(**(told | fields))
