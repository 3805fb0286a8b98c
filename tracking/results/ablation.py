"""An ablation in MLflow: a run above the runs of its trainings, with the table, the plot and the curves."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from data.home import Home
from evaluation.ablation import Ablation, VariantResult, ablation_table
from tracking.lineage import NOTE_TAG, PARENT_TAG, origin_tags
from tracking.store import ensure_experiment, mlflow_lock, open_store, run_with_tags

if TYPE_CHECKING:
    from mlflow.entities import Metric

ABLATION_DIGEST_TAG = "flipbook.ablation_digest"
TABLE, PLOT, DATA = "ablation.md", "ablation.png", "ablation.json"
METRICS_PER_BATCH = 1000  # MLflow's limit for one log_batch


def record_ablation(home: Home, ablation: Ablation, files: Mapping[str, bytes]) -> str:
    """Record an ablation: `files` by name as artifacts, and each variant's curve as metrics over CPU seconds.

    The runs of the trainings become children of its run, unless they have a parent already. The same ablation is not
    recorded twice. A record that was begun is completed.

    Returns:
        The id of the ablation's run.
    """
    client = open_store(home)
    experiment = ensure_experiment(client, home).experiment_id
    digest = hashlib.sha256(ablation.model_dump_json().encode()).hexdigest()
    with mlflow_lock(home):
        run = run_with_tags(client, experiment, {ABLATION_DIGEST_TAG: digest})
        if run is None:
            tags = {ABLATION_DIGEST_TAG: digest, NOTE_TAG: ablation_table(ablation)}
            run = client.create_run(experiment, run_name="ablation", tags=origin_tags("flipbook ablate") | tags)
        if run.info.status != "FINISHED":
            run_id, now = run.info.run_id, run.info.start_time
            metrics = [metric for result in ablation.results for metric in _metrics(result, now=now)]
            for start in range(0, len(metrics), METRICS_PER_BATCH):
                client.log_batch(run_id, metrics=metrics[start : start + METRICS_PER_BATCH])
            with tempfile.TemporaryDirectory() as folder:
                for name, content in files.items():
                    path = Path(folder) / name
                    path.write_bytes(content)
                    client.log_artifact(run_id, str(path))
            for result in ablation.results:
                if result.run_id and PARENT_TAG not in client.get_run(result.run_id).data.tags:
                    client.set_tag(result.run_id, PARENT_TAG, run_id)
            client.set_terminated(run_id, status="FINISHED")
    return str(run.info.run_id)


def _metrics(result: VariantResult, *, now: int) -> Iterator[Metric]:
    """The curve over CPU seconds, and the scores of each tier and part at the end."""
    from mlflow.entities import Metric

    name = f"{result.name.removeprefix('+ ').replace(',', '')}/seed {result.seed}"
    for point in result.curve.points:
        yield Metric(f"{name}/T0_while_training", point.joint.value, now, round(60 * point.cpu_minutes))
    end = round(60 * result.curve.points[-1].cpu_minutes)
    for tier, rate in result.tiers.items():
        yield Metric(f"{name}/{tier}_joint_exact", rate.value, now, end)
    for part, rate in result.parts.items():
        yield Metric(f"{name}/T0_{part}", rate.value, now, end)
