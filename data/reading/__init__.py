"""Reading a data set for training: clips in memory, and the order in which they are drawn."""
