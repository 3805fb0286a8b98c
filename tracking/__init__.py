"""Everything that talks to MLflow: runs, lineage, logged models, versions, promotion and results."""
