"""Two evaluations side by side: what differs, and which model is better."""
