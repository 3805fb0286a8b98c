"""The training: the loop, its steps, losses and schedules, and what becomes of its checkpoints."""
