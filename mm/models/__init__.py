"""Quoting models as formulas, one paper per file: numbers in, numbers out; no view and no state."""
