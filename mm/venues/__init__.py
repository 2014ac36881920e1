"""Venues, one per file over `edge/`. The only place that knows ccxt."""
