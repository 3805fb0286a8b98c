"""Configuration of the pipeline: its models, its presets, and the layers that override them."""
