"""Hard limits, one rule per file, and the explicit ordered tuple of them."""
