"""From a model's distances to a ladder: the guards that all strategies share, in their documented order."""
