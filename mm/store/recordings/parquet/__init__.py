"""Rows in Parquet: the store that `mm data import` fills, and the normalised form."""
