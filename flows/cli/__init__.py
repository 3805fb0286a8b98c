"""The command line `flipbook`."""
