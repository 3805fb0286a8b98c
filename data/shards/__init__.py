"""Data sets on disk: shards in two formats, and the manifest that is written last."""
