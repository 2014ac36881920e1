"""The loops that drive the engine: the only callers of `Engine.step`."""
