"""What we measure ourselves by, runnable by anyone."""
