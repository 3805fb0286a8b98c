"""Reading a data set for training: the clips in memory, and the order in which training sees them."""
