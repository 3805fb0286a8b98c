"""The networks: the generator with its motion network and decoders, and the discriminators."""
