"""What outlives a run: journal, projections, latches, secrets, the lease."""
