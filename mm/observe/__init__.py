"""The read model and what is told from it: view, metrics, report, notifications."""
