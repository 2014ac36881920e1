"""The markets on which the quoting models' published and computed numbers were taken."""

from typing import Final

from hypothesis import strategies as st

from mm.models.glft import Market


def market(risk_factor: float, arrival_rate: float, decay: float, volatility: float) -> Market:
    """A market of unit lots without fee, drift and impact."""
    return Market(risk_factor=risk_factor, arrival_rate=arrival_rate, decay=decay, volatility=volatility)


def stoikov(risk_factor: float, *, fee: float = 0.0, drift: float = 0.0, impact: float = 0.0) -> Market:
    """The market of Avellaneda's and Stoikov's tables."""
    return Market(
        risk_factor=risk_factor,
        arrival_rate=140.0,
        decay=1.5,
        volatility=2.0,
        fee=fee,
        drift=drift,
        impact=impact,
    )


FIG_1: Final = market(0.01, 0.9, 0.3, 0.3)
"""Figure 1 of arXiv 1105.3115."""

FIG_4_LEFT: Final = market(0.01, 0.9, 0.3, 0.4)
FIG_4_RIGHT: Final = market(0.01, 0.2, 0.3, 1.0)
"""Figure 4 there."""

markets: Final = st.builds(
    Market,
    risk_factor=st.just(0.0) | st.floats(1e-6, 10),
    arrival_rate=st.floats(1e-3, 1e3),
    decay=st.floats(1e-2, 1e2),
    volatility=st.just(0.0) | st.floats(1e-3, 1e2),
    lot=st.floats(1e-2, 1e2),
    fee=st.floats(-0.1, 0.1),
    drift=st.just(0.0) | st.floats(-1, 1),
    impact=st.floats(-0.1, 0.1),
)
"""Markets that somebody might trade."""

positive = st.floats(min_value=0, exclude_min=True, allow_infinity=False, allow_nan=False)
real = st.floats(allow_infinity=False, allow_nan=False)
wild_markets: Final = st.builds(
    Market,
    risk_factor=st.just(0.0) | positive,
    arrival_rate=positive,
    decay=positive,
    volatility=st.just(0.0) | positive,
    lot=positive,
    fee=st.just(0.0) | real,
    drift=st.just(0.0) | real,
    impact=st.just(0.0) | real,
)
"""Every market there is."""
