"""The simulated world: matching book, accounts, filters, traders. Pure integers, no clock, no I/O.

Invariant: everything here is a function of its arguments, the seed and the time that is passed in.
"""
