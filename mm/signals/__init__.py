"""Estimators, one per file: plain scalar update functions."""
