"""The read model and what is told from it: status, metrics, `why`, reports, comparisons, safety sheets."""
