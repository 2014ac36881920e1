"""Recordings of raw Binance market streams: read lazily, checked line by line, summed up in one pass.

`<local time> <JSON>` per line, plain or gzip: combined frames exactly as the venue sent them, and the REST
snapshot of the book, bare, where it was received. Must never guess: what is damaged is an error with its
place, and nothing after it is read.
"""
