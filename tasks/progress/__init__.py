"""The progress of running steps, and where it is shown."""
