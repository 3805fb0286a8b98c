"""Results in MLflow: evaluations, comparisons and ablations."""
