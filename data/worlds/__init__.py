"""Synthetic worlds: their prompts, motions, shapes and the renderer that draws their clips."""
