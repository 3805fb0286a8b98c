"""Two evaluations side by side: what differs, and which is better."""
