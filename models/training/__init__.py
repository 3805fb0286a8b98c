"""Training: batches, losses, one step of the game, and the loop around it."""
