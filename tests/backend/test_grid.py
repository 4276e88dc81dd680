"""A grid: every combination in a stable order, refusals before thousands of runs, short names."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import InvalidSpec
from backend.grid import (
    MAX_RUNS,
    checked_grid,
    combinations,
    laid_over,
    short_name,
    stands_at,
    told,
    value_at,
    varied,
)


def refusal(grid: dict, seeds: int = 1) -> str:
    with pytest.raises(InvalidSpec) as refused:
        checked_grid(grid, seeds)
    return str(refused.value)


def test_the_last_field_changes_fastest() -> None:
    assert combinations({"optimizer.lr": [0.1, 0.05], "batch_size": [64, 32]}) == [
        {"optimizer.lr": 0.1, "batch_size": 64},
        {"optimizer.lr": 0.1, "batch_size": 32},
        {"optimizer.lr": 0.05, "batch_size": 64},
        {"optimizer.lr": 0.05, "batch_size": 32},
    ]


def test_an_empty_grid_has_the_one_combination_of_nothing() -> None:
    assert combinations({}) == [{}]
    assert checked_grid({}, MAX_RUNS) == {}


@given(
    st.dictionaries(
        st.sampled_from(["epochs", "batch_size", "optimizer.lr", "dataset.train_limit"]),
        st.lists(st.integers(), min_size=1, max_size=5, unique=True),
    )
)
def test_there_are_as_many_combinations_as_the_product_of_the_lists(grid: dict) -> None:
    made = combinations(checked_grid(grid))
    assert len(made) == math.prod(map(len, grid.values()))
    assert len({tuple(one.items()) for one in made}) == len(made)
    assert set(varied(grid)) == {path for path, values in grid.items() if len({*values}) > 1}


@pytest.mark.parametrize(
    ("lists", "seeds", "said"),
    [
        ((3, 4), 100, "3 x 4 values x 100 seeds are 1,200 runs; a launch may have 1000."),
        ((1001,), 1, "1001 values are 1,001 runs; a launch may have 1000."),
        ((40, 1, 40), 1, "40 x 40 values are 1,600 runs; a launch may have 1000."),
    ],
)
def test_more_runs_than_a_launch_may_have_are_refused_with_their_count(
    lists: tuple[int, ...], seeds: int, said: str
) -> None:
    paths = ("batch_size", "epochs", "eval_batch_size")
    grid = {path: list(range(1, length + 1)) for path, length in zip(paths, lists, strict=False)}
    assert refusal(grid, seeds) == said


def test_exactly_as_many_runs_as_a_launch_may_have_are_taken() -> None:
    grid = {"batch_size": list(range(10)), "epochs": list(range(10))}
    assert checked_grid(grid, 10) == grid
    assert "1,100 runs" in refusal(grid, 11)


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({"seed": [1, 2]}, "grid names seed; give the seeds as `seeds`."),
        (
            {"step_series": [False, True]},
            "grid names step_series; no number changes by it, so that runs would be the same: give it in overrides.",
        ),
        ({"optimizer.lrr": [1]}, "There is no field 'optimizer.lrr'. Did you mean optimizer.lr"),
        ({"optimizer": [1]}, "There is no field 'optimizer'."),
        ({"": [1]}, "There is no field ''."),
        ({"optimizer.lr": []}, "grid.optimizer.lr holds no value; it must hold one at least."),
        ({"optimizer.lr": [0.1, 0.1]}, "grid.optimizer.lr holds 0.1 twice"),
        ({"batch_size": [64, 64.0]}, "grid.batch_size holds 64.0 twice"),
        (
            {"model.weights": [{"source": "none"}], "model.weights.source": ["none"]},
            "grid names model.weights and model.weights.source, which is a part of it; name one of the two.",
        ),
    ],
)
def test_what_is_no_grid_is_refused_in_one_sentence(grid: dict, said: str) -> None:
    assert refusal(grid).startswith(said)


def test_one_and_true_are_two_values() -> None:
    assert checked_grid({"features.standardize": [True, 1]})


def test_values_are_laid_over_a_table_that_stays_as_it_was() -> None:
    table = {"optimizer": {"lr": 0.1, "momentum": 0.9}, "features": None}
    laid = laid_over(table, {"optimizer.lr": 0.5, "features.node": "layer1", "epochs": 3})
    assert laid == {
        "optimizer": {"lr": 0.5, "momentum": 0.9},
        "features": {"node": "layer1"},
        "epochs": 3,
    }
    assert table == {"optimizer": {"lr": 0.1, "momentum": 0.9}, "features": None}


def test_a_table_of_weights_takes_the_whole_place_of_the_old_one() -> None:
    table = {"model": {"weights": {"source": "file", "name": "mine"}}}
    laid = laid_over(table, {"model.weights": {"source": "none"}})
    assert laid == {"model": {"weights": {"source": "none"}}}


def test_what_stands_at_a_path_is_found_and_what_does_not_is_not() -> None:
    table = {"optimizer": {"lr": 0.1}, "features": None}
    assert value_at(table, "optimizer.lr") == 0.1
    assert value_at(table, "features.node") is None
    assert stands_at(table, "optimizer.lr")
    assert stands_at(table, "features.node"), "no features at all is a choice of the node as well"
    assert not stands_at(table, "optimizer.momentum")
    assert not stands_at(table, "epochs")


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"optimizer.lr": 0.1, "batch_size": 64}, "lr 0.1, batch size 64"),
        ({"optimizer.lr": 1e-5, "epochs": 2.0}, "lr 1e-05, 2 epochs"),
        (
            {"dataset.train_limit": None, "features.standardize": True},
            "training images: all, standardized: yes",
        ),
        ({"dataset.name": "shapes", "loss.name": "cross_entropy"}, "shapes, cross_entropy"),
        ({"model.arch": "vit_b_16", "features.arch": "resnet18"}, "vit_b_16, features of resnet18"),
        ({"model.weights": {"source": "none"}}, "weights none"),
        ({"model.weights": {"source": "parent", "preset": "a-preset"}}, "weights a-preset"),
        ({"model.weights": {"run": 7}}, "weights run 7"),
        ({"features.weights": {"source": "imagenet"}}, "feature weights imagenet"),
        ({"model.weights": {"source": "file", "name": "mine"}}, "weights mine"),
    ],
)
def test_values_are_short_in_a_name(values: dict, name: str) -> None:
    assert short_name(values) == name


def test_values_are_told_with_their_whole_paths() -> None:
    assert told({"optimizer.lr": 0.1, "batch_size": 64}) == "optimizer.lr 0.1, batch_size 64"
    assert len(told({"dataset.name": "x\n" * 5000})) < 100
    assert "\n" not in told({"dataset.name": "x\n"})
