"""Our fills beside those of another simulator: scenarios, both played, and the differences."""
