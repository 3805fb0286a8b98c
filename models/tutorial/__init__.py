"""The tutorial's networks as published, and the repairs that lead from them to ours, one at a time."""
