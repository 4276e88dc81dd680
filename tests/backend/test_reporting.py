"""Which recipes a report is made of, and that the quick ones fit the time they were given."""

import pytest

from backend.catalog.presets import presets
from backend.catalog.reports import REPORT
from backend.errors import InvalidSpec
from backend.launching import MAX_RUNS, Images, Shelf
from backend.reporting import (
    FINE_TUNED,
    IMAGENET,
    PHOTOGRAPHS,
    SWEPT_NODES,
    Variant,
    default_variant,
    plan_report,
    problem_of,
    report_runs,
)
from backend.sizing import (
    BATCH_SIZE,
    GENERATED_BUDGET_SECONDS,
    REAL_BUDGET_SECONDS,
    SHARES,
    SPEEDS,
    budget_seconds,
    quick_sizes,
)

CIFAR = Images(pixels=32, classes=10, train_count=50_000, test_count=10_000)
PHOTOS = Images(pixels=48, classes=200, train_count=50_000, test_count=2_000)
EVERYTHING = Shelf(images={"cifar10": CIFAR, PHOTOGRAPHS: PHOTOS})
WITH_WEIGHTS = Shelf(weights={(IMAGENET, "IMAGENET1K_V1", arch): 1000 for arch in FINE_TUNED})

QUICK = Variant(REPORT, "quick", "shapes", "glyphs")
PUBLISHED = Variant(REPORT, "published", "cifar10", IMAGENET)


def test_a_report_is_seven_experiments_their_twins_the_sweep_and_their_parents() -> None:
    plan = plan_report(QUICK)
    seven = [name for name, known in presets().items() if known.section and not known.corrects]
    assert len(seven) == 7
    assert set(plan.cells) == {*seven, *(name for name, known in presets().items() if known.corrects)}
    assert set(plan.sweep) == {(node, corrected) for node in SWEPT_NODES for corrected in (False, True)}
    # 7 experiments, 3 twins, 8 of the sweep of which layer2 is experiment 3.2 and its twin, 3 pretrained networks.
    assert len(plan.runs()) == 7 + 3 + 8 - 2 + 3


def test_every_run_comes_after_the_one_it_starts_from() -> None:
    for variant in (QUICK, PUBLISHED):
        seen = set()
        for one in plan_report(variant).runs():
            assert one.parent is None or one.parent.spec.recipe_hash() in seen
            seen.add(one.spec.recipe_hash())


def test_networks_start_from_imagenet_or_from_one_pretrained_here() -> None:
    for preset in FINE_TUNED.values():
        published = plan_report(PUBLISHED).cells[preset]
        assert (published.spec.weights.source, published.parent) == ("imagenet", None)
        quick = plan_report(QUICK).cells[preset]
        assert quick.parent is not None
        assert quick.parent.spec.dataset.name == "glyphs"


def test_features_come_from_the_fine_tuned_network_of_the_same_report() -> None:
    for variant in (QUICK, PUBLISHED):
        plan = plan_report(variant)
        fine_tuned = plan.cells["resnet18-fine-tuned"].spec
        for cell in (plan.cells["softmax-resnet18-last"], *plan.sweep.values()):
            assert cell.spec.weights.parent == fine_tuned.recipe_hash()
            assert cell.spec.dataset == fine_tuned.dataset


def test_what_was_not_chosen_follows_from_what_is_there() -> None:
    assert default_variant(Shelf(), None, None, None) == QUICK
    assert default_variant(EVERYTHING, None, None, None) == Variant(REPORT, "quick", "cifar10", PHOTOGRAPHS)
    assert default_variant(WITH_WEIGHTS, None, None, None) == Variant(REPORT, "quick", "shapes", IMAGENET)
    assert default_variant(Shelf(), "published", None, None) == PUBLISHED


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        (("huge", None, None), "size is 'huge'"),
        ((None, "cifra10", None), "There is no data set 'cifra10'"),
        ((None, None, "nothing"), "There is no set to pretrain on 'nothing'"),
        ((None, "shapes", "shapes"), "pretrained on other images"),
    ],
)
def test_a_choice_that_names_nothing_is_refused(choices, said: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        default_variant(Shelf(), *choices)
    assert said in str(refused.value)


def test_a_variant_whose_images_are_not_there_says_how_to_bring_them() -> None:
    assert problem_of(QUICK, Shelf()) is None
    said = problem_of(PUBLISHED, Shelf())
    assert said is not None
    assert "runyard data fetch cifar10" in said
    assert problem_of(PUBLISHED, EVERYTHING) is None


def test_each_seed_is_a_whole_report() -> None:
    runs = report_runs(plan_report(QUICK), Shelf(), [0, 5])
    assert len(runs) == 2 * len(plan_report(QUICK).runs())
    assert {run.spec.seed for run in runs} == {0, 5}


def test_the_shares_of_the_time_make_a_whole() -> None:
    assert sum(SHARES.values()) == pytest.approx(1.0)
    assert (budget_seconds(generated=True), budget_seconds(generated=False)) == (
        GENERATED_BUDGET_SECONDS,
        REAL_BUDGET_SECONDS,
    )


@pytest.mark.parametrize("generated", [True, False])
def test_the_quick_sizes_fit_their_time_at_the_measured_speeds(generated: bool) -> None:
    variant = QUICK if generated else Variant(REPORT, "quick", "cifar10", PHOTOGRAPHS)
    seconds = 0.0
    for one in plan_report(variant).runs():
        speed = SPEEDS.get(one.spec.model.arch)
        if speed is None:
            continue  # regressions: seconds in all
        limits = one.spec.dataset
        assert limits.train_limit and limits.test_limit
        assert limits.train_limit % BATCH_SIZE == 0
        per_epoch = limits.train_limit / speed.train + limits.test_limit / speed.evaluate
        seconds += one.spec.epochs * per_epoch + speed.start_seconds
    assert 0.4 * budget_seconds(generated=generated) < seconds < 0.75 * budget_seconds(generated=generated)


def test_all_experiments_are_tested_on_the_same_images() -> None:
    plan = plan_report(QUICK)
    limits = {one.spec.dataset.test_limit for one in (*plan.cells.values(), *plan.sweep.values())}
    assert limits == {quick_sizes(generated=True).test_limit}


def test_each_run_of_a_report_has_a_name_of_its_own() -> None:
    runs = report_runs(plan_report(QUICK), Shelf(), [0])
    names = [run.name for run in runs]
    assert len(set(names)) == len(names)
    assert "Softmax regression on ResNet-18 features, layer3" in names
    assert "Softmax regression on ResNet-18 features, layer3, corrected" in names


def test_more_runs_than_a_launch_may_have_are_refused() -> None:
    plan = plan_report(QUICK)
    most = MAX_RUNS // len(plan.runs())
    assert len(report_runs(plan, Shelf(), range(most))) <= MAX_RUNS
    with pytest.raises(InvalidSpec, match=f"seeds holds {most + 1} values; .* it may hold {most}"):
        report_runs(plan, Shelf(), range(most + 1))
