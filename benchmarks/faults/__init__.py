"""Faults, tried for real: each one provoked on real servers, workers and trainings, and what was seen of it."""
