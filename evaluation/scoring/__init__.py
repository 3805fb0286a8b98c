"""Scores of clips, computed from their pixels."""
