"""The servers and workers of a home, which supervisord keeps running."""
