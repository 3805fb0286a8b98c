"""Scores, reports, comparisons and pictures of generated clips. This room sees frames and captions, never the model."""
