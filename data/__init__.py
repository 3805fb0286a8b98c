"""The synthetic world and its clips: prompts, motions, renderer, shards. Plain numpy, pyarrow and torch."""
