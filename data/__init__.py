"""Where clips and captions come from: synthetic worlds, shards on disk, and reading for training."""
