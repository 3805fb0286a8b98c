"""A page about an imported data set: what is in it, what was left out, and what looks alike."""
