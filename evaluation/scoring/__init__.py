"""Scores: tracker, motion fits, shape and colour checks, diversity, Fréchet distance."""
