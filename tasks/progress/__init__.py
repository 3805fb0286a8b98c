"""How far a running step is, for whoever watches it."""
