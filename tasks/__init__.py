"""Prefect tasks, one file per step: what each step is cached by, when it is retried, and what it logs."""
