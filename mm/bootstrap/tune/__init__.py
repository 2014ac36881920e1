"""A search for parameters, from a space file to a study, its verdict and its page."""
