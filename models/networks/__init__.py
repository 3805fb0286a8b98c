"""The networks: generator, decoders and discriminators."""
