"""How far from its wanted price a working order may stand before it is moved, where the user says nothing.

    the decay of fills is known (k, an aversion g)     0.3 / max(k, 0.9 (k + g))
    it is not                                          0.3 of what half the width is beyond the costs,
                                                       at least 0.1 of half the width

The second is the first for the decay that a width implies: who gains most per time with fills that thin out
like exp(-k * d) stands at costs + 1 / k, so that half the width less the costs is his 1 / k. Where the costs
are the width there is nothing to lose by standing off, and a tenth keeps the messages down.

Pure. Invariant: what is returned is 0 or more, and never beyond the mid.
"""

from typing import Final

from mm.quoting.about import BPS_MAX

HYSTERESIS: Final = 0.3
"""Tolerance times the decay of fills (k): a quarter of the messages for a little of the utility.

On the market of Avellaneda and Stoikov, with a linear ladder of the width and lean that are best there, an
aversion of 0.1, and the tolerance a share of half the width less the fee (exactly, as `mm bench quoting`
computes it): certainty equivalent in percent of that without tolerance, messages per fill.

    share     no fee          fee 0.45 / k    fee 1 / k
    0         100     10.6    100     15.0    100     24.1
    0.15       99.9    7.6     99.9   11.8    100.0   20.7
    0.25       98.7    3.4     98.8    4.5     98.8    6.9
    0.3        98.6    2.8     98.8    4.5     98.7    6.5
    0.4        98.3    2.4     98.4    3.4     98.5    5.6
    0.5        96.8    1.7     97.1    2.4     96.7    3.3

It costs less than 2 % (2.4 % at an aversion of 1) and saves seven messages in ten. 0.3 of the whole half
width, fee and all, would keep 98.6, 97.2 and 96.3 %, and 90.6 % with a fee of 2 / k, where this keeps 98.8 %.
"""

LEAST_SHARE: Final = 0.1
"""Of half the width, whatever the costs are."""

AVERSE: Final = 0.9
"""A maker with an aversion to risk (g) gains exp(-(k + g) * d) of what a quote at the mid would: beyond k / 9
this share of k + g takes the place of k.

On the market of Avellaneda and Stoikov (k = 1.5) the default keeps 98.63, 98.46, 98.03 and 99.30 % of the
best at an aversion of 0.01, 0.1, 0.5 and 1, exactly, with 2.7, 2.8, 3.1 and 9.6 messages per fill (`mm bench
quoting`); without tolerance 99.9, 99.9, 99.7 and 99.3 % with about 10. With 0.3 / k alone it would be 97.15 %
with 3.0 messages at an aversion of 1: that market moves by 0.21 / k at once, and there is nothing in between.
"""


def falloff(decay_per_bps: float, risk_factor: float = 0.0) -> float:
    """Return how fast what a quote is worth falls off with distance, per bps, as far as a tolerance goes.

    Args: decay_per_bps: of fills, k > 0; risk_factor: aversion per bps and order amount, g >= 0.
    """
    return max(decay_per_bps, AVERSE * (decay_per_bps + risk_factor))


def by_falloff(decay_per_bps: float) -> float:
    """Return the tolerance in bps of a model that knows its falloff, > 0; infinity allows none."""
    return min(BPS_MAX, HYSTERESIS / decay_per_bps)


def by_width(half: float, costs: float) -> float:
    """Return the tolerance of quotes that know no decay, in the unit of the arguments.

    Args: half: half the width from bid to ask, >= 0; costs: of a fill (maker fee, adverse selection), may be
    negative: a rebate.
    """
    return max(0.0, min(half, max(HYSTERESIS * (half - costs), LEAST_SHARE * half)))
