"""Tasks that score a model, and that show its scores."""
