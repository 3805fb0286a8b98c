"""The published baseline: the tutorial's networks, training and reading of prompts."""
