"""Configuration of the pipeline: its models, presets and overrides."""
