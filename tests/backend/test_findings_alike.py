"""What stands out between runs: repeated curves, other data or versions."""

import math
from typing import Any

import pytest

from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.registry import between
from tests.backend.evidences import SPEC, evidence, spec

LOSSES, ACCURACIES = [2.0, 1.7, 1.5], [0.2, 0.3, 0.4]


def run(made: dict[str, Any] | None = None, losses: list[float] = LOSSES, **others: Any) -> Evidence:
    return evidence(losses, ACCURACIES, [0.25, 0.33, 0.41], spec=made or SPEC, **others)


def rules(*runs: Evidence) -> list[str]:
    return [one.rule for one in between(runs)]


FASTER = spec(optimizer={"lr": 0.1})


def test_two_recipes_with_the_same_curves_are_sick() -> None:
    (one,) = between([run(name="run 4"), run(losses=[2.0, 1.7, 1.4]), run(FASTER, name="run 9")])
    assert (one.rule, one.severity, one.runs) == ("identical-curves", "sick", (0, 2))
    assert one.evidence["values"] == 9
    assert one.sentence.startswith("run 9 repeats run 4 to the last digit, all 9 numbers of epochs 1 to 3")


def test_each_run_is_told_once_with_the_first_that_it_repeats() -> None:
    found = between([run(), run(FASTER), run(spec(optimizer={"lr": 0.2}))])
    assert [one.runs for one in found] == [(0, 1), (0, 2)]


def test_a_repeated_run_and_other_seeds_of_one_recipe_are_not_accused() -> None:
    assert rules(run(), run()) == []
    assert rules(run(), run({**SPEC, "seed": 5})) == []


def test_the_last_digit_decides() -> None:
    assert rules(run(), run(FASTER, [2.0, 1.7, 1.5 + 1e-15])) == []


@pytest.mark.parametrize(
    "same",
    [
        {"epochs": 20},
        {"eval_batch_size": 64},
        {"gradient_clip": 1000.0},
        {"precision": "fp32"},
        {"dataset": {"train_limit": 10_000}},
        {"early_stopping": {"patience": 9, "metric": "train_loss"}},
        {"schedule": {"name": "step", "step_epochs": 5, "gamma": 0.5}},
    ],
)
def test_fields_that_rightly_change_nothing_make_no_second_recipe(same: dict[str, Any]) -> None:
    assert rules(run(), run(spec(**same))) == []


def test_a_schedule_that_should_have_changed_the_rate_is_accused() -> None:
    stepped = spec(schedule={"name": "step", "step_epochs": 1, "gamma": 0.5})
    assert rules(run(), run(stepped)) == ["identical-curves"]
    assert rules(run(), run(spec(schedule={"name": "cosine"}))) == ["identical-curves"]


def test_constant_curves_may_agree_by_rights() -> None:
    stands = {
        "train_loss": [2.361] * 9,
        "train_acc": [0.1] * 9,
        "test_acc": [0.1] * 9,
        "test_loss": [2.362] * 9,
    }
    one, other = (Evidence(10, 9, stands, spec=made) for made in (SPEC, FASTER))
    assert rules(one, other) == []


def test_few_values_may_agree_by_luck() -> None:
    pair = [evidence([0.5], [0.9], [0.8], [0.6], spec=made) for made in (SPEC, FASTER)]
    assert rules(*pair) == []
    four = [evidence([0.5, 0.4], [0.8, 0.9], spec=made) for made in (SPEC, FASTER)]
    assert rules(*four) == []
    still = [evidence([0.001, 0.0, 0.0], [1.0, 1.0, 1.0], spec=made) for made in (SPEC, FASTER)]
    assert rules(*still) == []
    gaps = [evidence([0.5, None, 0.3], [None] * 3, [0.8, None, None], spec=made) for made in (SPEC, FASTER)]
    assert rules(*gaps) == []


def test_not_a_number_equals_itself_and_counts_for_nothing() -> None:
    lost = [2.0, math.nan, math.nan]
    pair = [evidence(lost, [0.2, 0.1, 0.1], [0.2, 0.1, 0.1], spec=made) for made in (SPEC, FASTER)]
    assert rules(*pair) == ["identical-curves"]
    none = [evidence([math.nan] * 9, spec=made) for made in (SPEC, FASTER)]
    assert rules(*none) == []


def test_other_versions_and_other_data_of_one_name_are_a_note() -> None:
    old, new = ({"torch": version, "data_hash": "a"} for version in ("2.6.0", "2.7.0"))
    (one,) = between([run(facts=old), run(losses=[3.0], facts=new)])
    assert (one.rule, one.severity, one.runs) == ("data-or-versions-differ", "note", (0, 1))
    assert "torch (2.6.0 and 2.7.0)" in one.sentence
    assert rules(run(facts={"data_hash": "a"}), run(facts={"data_hash": "b"})) == ["data-or-versions-differ"]


def test_the_same_facts_unknown_ones_and_sets_of_other_names_are_not_told() -> None:
    assert rules(run(facts={"torch": "2.7.0"}), run(facts={"torch": "2.7.0"}), run()) == []
    glyphs = spec(dataset={"name": "glyphs"})
    assert rules(run(facts={"data_hash": "a"}), run(glyphs, [3.0], facts={"data_hash": "b"})) == []


def test_nothing_is_said_between_none_and_one() -> None:
    assert between([]) == []
    assert between([run(facts={"torch": "2.7.0"})]) == []
