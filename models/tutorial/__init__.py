"""The published baseline: the tutorial's networks, and the repairs that lead from them to ours, one at a time."""
