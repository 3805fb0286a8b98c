"""Measuring a video exactly: tracker, motion fits, metrics, reports, rendered files."""
