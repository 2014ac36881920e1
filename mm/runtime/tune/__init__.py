"""Searching parameters: workers, spaces, windows, scores, studies, and what a best result is worth.

Knows no venue and composes no backtest: what a trial runs comes from whoever starts the search.
"""
