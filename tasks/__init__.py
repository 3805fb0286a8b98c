"""Thin Prefect tasks: what each step is cached by, what it retries, what it logs."""
