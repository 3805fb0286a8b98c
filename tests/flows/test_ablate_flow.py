"""The ablation at toy size, on a real Prefect server and MLflow store."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from artifacts import newest_artifact
from tiny import tiny_config

from benchmarks.readme_table import fill
from benchmarks.why_table import BEGIN, END, PAGE, ablation_block
from data.home import Home
from evaluation.ablation import Ablation
from flows.ablate import AblationError, AblationResult, ablate, train_apart
from flows.cli.main import execute
from flows.config.pipeline import PipelineConfig
from flows.config.variants import OURS, PUBLISHED, Variant, VariantError, variants
from flows.dataset import dataset
from models.checkpoint import read_info
from tasks.train import training_artifact
from tracking.lineage import PARENT_TAG
from tracking.store import open_store

MINUTES = 0.005


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ablation")


def some_variants(config: PipelineConfig, **how: Any) -> list[Variant]:
    """The published system, ours, and two variants of it. To train all takes minutes."""
    chosen = (PUBLISHED, OURS, "without clip latent", "without pose")
    return [variant for variant in variants(config, **how) if variant.name in chosen]


@pytest.fixture(scope="module")
def some(shared_home: Home) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.ablate.variants", some_variants)
        yield


@pytest.fixture(scope="module")
def first(some: None, out: Path) -> AblationResult:
    return ablate(tiny_config(), MINUTES, out=out)


def test_each_variant_leaves_one_part_out_of_our_recipe() -> None:
    config = tiny_config()
    found = variants(config, cpu_minutes=6, seed=3)
    published, ours, *lesser = found
    assert (published.name, published.world.laws) == (PUBLISHED, "tutorial")
    assert (ours.name, ours.world, ours.model) == (OURS, config.world, config.model)
    assert {variant.world for variant in lesser} == {config.world}
    for variant in lesser:
        differences = [
            name
            for mine, theirs in ((variant.model, ours.model), (variant.train, ours.train))
            for name in type(mine).model_fields
            if getattr(mine, name) != getattr(theirs, name)
        ]
        three = variant.name in ("without gradient penalty", "without free-term penalty")
        assert len(differences) == (3 if three else 1), variant.name
    assert len({variant.name for variant in found}) == len(found)
    assert {(v.train.cpu_minutes, v.train.threads, v.train.seed, v.train.device) for v in found} == {(6, 1, 3, "cpu")}


def test_each_variant_is_trained_for_its_time_and_measured_on_the_same_prompts(first, shared_home):
    results = first.ablation.results
    assert [result.name for result in results] == [PUBLISHED, OURS, "without clip latent", "without pose"]
    for result in results:
        end = result.curve.points[-1]
        assert end.cpu_minutes >= MINUTES
        assert {tier: rate.n for tier, rate in result.tiers.items()} == {"T0": 12, "T1": 4}
        assert {rate.n for rate in result.parts.values()} == {12}
        assert min(rate.value for rate in result.parts.values()) >= result.tiers["T0"].value
    finals = [read_info(folder) for folder in shared_home.checkpoints.glob("*/final")]
    assert len(finals) == len(results)
    assert {info.step for info in finals} == {result.curve.points[-1].step for result in results}


def test_table_plot_and_figures_lie_in_the_folder_and_in_mlflow(first, shared_home, out, tmp_path):
    client = open_store(shared_home)
    assert sorted(path.name for path in out.iterdir()) == ["ablation.json", "ablation.md", "ablation.png"]
    for path in out.iterdir():
        kept = Path(client.download_artifacts(first.run_id, path.name, str(tmp_path)))
        assert kept.read_bytes() == path.read_bytes()
    assert Ablation.model_validate_json((out / "ablation.json").read_bytes()) == first.ablation
    run = client.get_run(first.run_id)
    assert run.info.status == "FINISHED"
    names = {
        "as published/seed 0/T0_joint_exact",
        "ours/seed 0/T1_joint_exact",
        "as published/seed 0/T0_shape",
    }
    assert names <= set(run.data.metrics)
    for result in first.ablation.results:
        assert client.get_run(result.run_id).data.tags[PARENT_TAG] == first.run_id


def test_prefect_shows_table_and_plot(first):
    page = newest_artifact("ablation")
    assert f"| {OURS} |" in page
    assert "data:image/png;base64," in page


def test_the_same_ablation_again_trains_and_records_nothing(first, shared_home):
    before = {path: path.stat().st_mtime_ns for path in shared_home.checkpoints.rglob("*")}
    again = ablate(tiny_config(), MINUTES)
    assert again == first
    assert {path: path.stat().st_mtime_ns for path in shared_home.checkpoints.rglob("*")} == before


def test_a_training_in_a_process_of_its_own_is_found_by_the_flow(first, shared_home):
    config = tiny_config()
    variant = variants(config, cpu_minutes=2 * MINUTES, seed=0)[1]
    training = training_artifact(variant.model, variant.train, dataset(variant.world, config.data))
    assert not training.is_whole(shared_home)
    train_apart(variant, config.data)
    assert training.is_whole(shared_home)


def test_a_training_that_fails_in_its_process_says_why(first, shared_home):
    config = tiny_config()
    variant = variants(config, cpu_minutes=MINUTES, seed=0)[1]
    absent = replace(variant, train=variant.train.model_copy(update={"device": "cuda:7"}))
    with pytest.raises(AblationError, match=r"(?s)'ours' failed.*cuda:7"):
        train_apart(absent, config.data)


def test_a_recipe_that_cannot_lose_a_part_is_refused_before_any_training() -> None:
    config = tiny_config()
    heads = config.model.model_copy(update={"word_heads": True})
    with pytest.raises(VariantError, match="cannot do without its text in discriminator"):
        variants(config.model_copy(update={"model": heads}), cpu_minutes=1, seed=0)


def test_a_world_that_the_tutorial_has_no_words_for_is_refused_in_a_line(shared_home, capsys):
    assert execute(["ablate", "--set", 'world.shapes=["square"]', "--out", str(shared_home.root / "x")]) == 1
    assert "the shapes circle, not square" in capsys.readouterr().err
    assert not (shared_home.root / "x").exists()


def test_the_docs_have_a_place_for_table_and_plot(first):
    page = fill(PAGE.read_text(encoding="utf-8"), ablation_block(first.ablation), begin=BEGIN, end=END)
    assert "(images/ablation.png)" in page
    assert "| as published |" in page
