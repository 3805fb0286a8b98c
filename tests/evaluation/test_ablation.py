"""The table and the plot of an ablation."""

from evaluation.ablation import (
    PARTS,
    Ablation,
    Curve,
    CurvePoint,
    VariantResult,
    ablation_plot,
    ablation_table,
    evenly_spaced,
)
from evaluation.scoring.rates import Rate


def _ablation() -> Ablation:
    def result(name: str, seed: int, hits: int) -> VariantResult:
        points = tuple(
            CurvePoint(cpu_minutes=minutes, step=100 * minutes, joint=Rate.of_counts(hits * minutes // 6, 10))
            for minutes in (2, 4, 6)
        )
        tiers = {"T0": Rate.of_counts(hits, 10), "T1": Rate.of_counts(0, 10)}
        parts = {part: Rate.of_counts(hits, 10) for part in PARTS}
        return VariantResult(name=name, seed=seed, run_id=None, curve=Curve(points=points), tiers=tiers, parts=parts)

    results = [result("as published", 0, 0), result("as published", 1, 0), result("ours", 0, 9), result("ours", 1, 10)]
    return Ablation(cpu_minutes=6, results=tuple(results))


def test_the_table_pools_the_seeds_of_each_variant() -> None:
    lines = ablation_table(_ablation()).splitlines()
    parts = " | ".join(f"{part}, T0" for part in PARTS)
    assert "size, T0 | colour, T0" in parts
    assert lines[0] == f"| the network | joint exact, T0 | joint exact, T1 | {parts} | steps |"
    assert lines[2] == f"| as published | 0.0 % (0.0 to 16.1) | 0.0 % (0.0 to 16.1) |{' 0.0 % |' * len(PARTS)} 600 |"
    assert lines[3] == f"| ours | 95.0 % (76.4 to 99.1) | 0.0 % (0.0 to 16.1) |{' 95.0 % |' * len(PARTS)} 600 |"
    assert "2 trainings with different seeds per variant" in lines[-1]


def test_equal_results_give_the_same_plot() -> None:
    picture = ablation_plot(_ablation())
    assert picture.startswith(b"\x89PNG")
    assert picture == ablation_plot(_ablation())


def test_the_points_of_a_curve_are_spread_over_the_time_and_include_the_end() -> None:
    assert evenly_spaced([1.0, 1.1, 5.0, 9.0, 10.0], points=2) == [2, 4]
    assert evenly_spaced([3.0], points=8) == [0]
    assert evenly_spaced([1.0, 2.0, 3.0, 4.0], points=4) == [0, 1, 2, 3]
