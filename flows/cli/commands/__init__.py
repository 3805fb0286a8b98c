"""The commands of `flipbook`, a file a topic. What they need is imported when they run."""
