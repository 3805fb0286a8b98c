"""Provokes faults on real servers, workers and trainings, and reports what happens."""
