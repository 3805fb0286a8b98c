"""An imported data set in MLflow: a run with its report and its figures."""

from __future__ import annotations

from pathlib import Path

from data.home import Home
from data.importing.summary import ImportSummary
from data.shards.manifest import Manifest
from data.shards.sources import ImportSource
from tracking.lineage import NOTE_TAG, dataset_input, flat_params, log_missing_params, origin_tags
from tracking.store import ensure_experiment, mlflow_lock, open_store, run_with_tags

DATASET_DIGEST_TAG = "flipbook.dataset_digest"


def record_import(
    home: Home, manifest: Manifest, source: ImportSource, summary: ImportSummary, *, files: list[Path]
) -> str:
    """Record an import: its figures as metrics, its options as params, and `files` as artifacts.

    The same data set is not recorded twice. A record that was begun is completed.

    Returns:
        The id of its run.
    """
    from mlflow.entities import Metric

    client = open_store(home)
    experiment = ensure_experiment(client, home).experiment_id
    with mlflow_lock(home):
        run = run_with_tags(client, experiment, {DATASET_DIGEST_TAG: manifest.digest})
        if run is None:
            tags = {
                DATASET_DIGEST_TAG: manifest.digest,
                NOTE_TAG: f"The data set of {source.name} (see the artifacts).",
            }
            run = client.create_run(
                experiment, run_name=f"import-{source.name}", tags=origin_tags("flipbook import") | tags
            )
        if run.info.status != "FINISHED":
            run_id, now = run.info.run_id, run.info.start_time
            log_missing_params(client, run_id, flat_params({"import": source.config}))
            figures = {"accepted": summary.accepted, "rejected": summary.rejected, "duplicates": summary.duplicates}
            figures |= {f"clips_{split}": count for split, count in manifest.splits.items()}
            client.log_batch(run_id, metrics=[Metric(key, value, now, 0) for key, value in figures.items()])
            for file in files:
                client.log_artifact(run_id, str(file))
            client.log_inputs(run_id, [dataset_input(manifest, source.name, context="import")])
            client.set_terminated(run_id, status="FINISHED")
    return str(run.info.run_id)
