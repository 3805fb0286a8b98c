"""Data sets on disk: shards in two formats, and a manifest that is written last."""
