"""Faults on demand: what a plan may ask for, when it happens, and where it is done to requests and frames.

Nothing in here is part of a real venue. Invariant: without a fault that is planned, no request and no frame
takes another way than in an exchange without faults.
"""
