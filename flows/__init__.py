"""What an operator schedules, and the command line."""
