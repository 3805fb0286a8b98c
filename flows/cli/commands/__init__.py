"""The commands of `flipbook`, one file per topic. They import what they need when they run."""
