"""The deterministic simulation: the real engine against a venue that fails in every way that it can.

One seed, virtual time, no clock: a run is a function of its plan. What is right is judged by the venue's
truth.
"""
