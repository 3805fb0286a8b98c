"""Synthetic worlds: prompts, motions, shapes, and the renderer that draws the clips."""
