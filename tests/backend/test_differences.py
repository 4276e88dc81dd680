"""What differs between recipes, and the labels made of it."""

from typing import Any

from backend.analysis.differences import FIELDS, differences, fields_of, labels, short, shown
from backend.spec import Spec, field_paths

BASE: dict[str, Any] = {"dataset": {"name": "shapes"}, "model": {"arch": "softmax-regression"}}
ON_FEATURES: dict[str, Any] = {**BASE, "features": {"arch": "resnet18", "node": "layer2"}}


def test_every_field_of_a_spec_has_a_title() -> None:
    assert set(FIELDS) == set(field_paths()) - {"seed"}


def test_only_what_differs_is_told_in_the_order_of_the_spec() -> None:
    one = {**BASE, "batch_size": 64, "optimizer": {"lr": 0.1}, "seed": 1}
    other = {**BASE, "batch_size": 128, "optimizer": {"lr": 0.2}, "seed": 2}
    found = differences([one, other])
    assert [(field.path, field.values) for field in found] == [
        ("optimizer.lr", (0.1, 0.2)),
        ("batch_size", (64, 128)),
    ]
    assert labels(found, 2) == ["lr 0.1 · batch size 64", "lr 0.2 · batch size 128"]


def test_a_field_that_is_left_out_has_its_default() -> None:
    whole = Spec.model_validate(BASE).model_dump(mode="json")
    assert differences([BASE, whole]) == []
    (field,) = differences([BASE, {**BASE, "optimizer": {"momentum": 0.9}}])
    assert (field.path, field.values) == ("optimizer.momentum", (0.0, 0.9))


def test_what_means_nothing_in_a_recipe_is_no_part_of_its_label() -> None:
    momentum = {**BASE, "optimizer": {"momentum": 0.9}}
    adamw = {**BASE, "optimizer": {"name": "adamw", "beta2": 0.99}, "schedule": {"name": "cosine"}}
    found = differences([momentum, adamw])
    assert labels(found, 2) == [
        "SGD · momentum 0.9 · nesterov: no · constant schedule",
        "AdamW · beta1 0.9 · beta2 0.99 · cosine schedule",
    ]
    by_path = {field.path: field.values for field in found}
    assert by_path["optimizer.momentum"] == (0.9, None)
    assert "schedule.gamma" not in {field.path for field in fields_of([momentum, adamw])}


def test_how_a_run_stops_and_steps_is_named() -> None:
    stopped = {
        **BASE,
        "dataset": {"name": "shapes", "validation": 0.1},
        "early_stopping": {"patience": 3},
        "schedule": {"name": "step", "step_epochs": 4, "warmup_epochs": 0.5},
    }
    assert (
        labels(differences([BASE, stopped]), 2)[1]
        == "validation 0.1 · step schedule · warm-up 0.5 epochs · step every 4 epochs · 4 more"
    )


def test_kept_steps_make_no_difference() -> None:
    assert differences([BASE, {**BASE, "step_series": True}]) == []


def test_a_limit_and_no_limit_differ_and_the_label_says_all() -> None:
    limited = {**BASE, "dataset": {"name": "shapes", "train_limit": 4000}}
    found = differences([BASE, limited])
    assert labels(found, 2) == ["training images: all", "4,000 training images"]


def test_a_recipe_on_features_differs_from_one_on_pixels_by_each_of_their_fields() -> None:
    found = differences([BASE, ON_FEATURES])
    assert {field.path for field in found} >= {"features.arch", "features.node", "features.standardize"}
    first, second = labels(found, 2)
    assert first == "no features"
    assert second.startswith("features of resnet18 · ")


def test_what_most_recipes_share_is_left_out_of_labels() -> None:
    others = [
        {**BASE, "optimizer": {"lr": 0.1}},
        {**BASE, "optimizer": {"momentum": 0.9}},
        {**BASE, "epochs": 3},
    ]
    assert labels(differences([BASE, *others]), 4) == [
        "lr 0.05 · momentum 0 · 10 epochs",  # it has nothing of its own
        "lr 0.1",
        "momentum 0.9",
        "3 epochs",
    ]


def test_labels_are_cut_only_as_long_as_they_stay_apart() -> None:
    def far(lr: float, last: int) -> dict[str, Any]:
        changed = {"optimizer": {"lr": lr, "momentum": lr, "weight_decay": lr}, "epochs": 7, "batch_size": 9}
        return {**BASE, **changed, "eval_batch_size": last}

    two = labels(differences([BASE, far(0.1, 100)]), 2)
    assert two[1] == "lr 0.1 · momentum 0.1 · weight decay 0.1 · 7 epochs · 2 more"
    alike = [BASE, {**BASE, "dataset": {"name": "glyphs"}}, far(0.1, 100), far(0.1, 200)]
    found = labels(differences(alike), 4)
    assert len(set(found)) == 4
    assert found[2].endswith("batch size 9 · test batch size 100")


def test_a_parent_is_called_by_its_name_where_one_is_known() -> None:
    digest = "ab" * 32
    weights = {"source": "parent", "parent": digest}
    found = differences([BASE, {**BASE, "model": {**BASE["model"], "weights": weights}}])
    assert labels(found, 2, {digest: "The parent"}) == ["weights: none", "weights: parent · from The parent"]
    assert shown("model.weights.parent", digest) == digest[:12]


def test_what_an_older_version_stored_is_compared_too() -> None:
    found = differences([{**BASE, "clip": 1}, {**BASE, "clip": 2}])
    assert [(field.path, field.title) for field in found] == [("clip", "clip")]


def test_equal_recipes_differ_in_nothing_and_true_is_not_one() -> None:
    assert labels([], 1) == [""]
    assert differences([BASE, {**BASE, "seed": 9}]) == []
    assert len(fields_of([BASE])) > 10
    standardized = {**ON_FEATURES, "features": {**ON_FEATURES["features"], "standardize": True}}
    (field,) = differences([ON_FEATURES, standardized])
    assert [shown(field.path, value) for value in field.values] == ["no", "yes"]


def test_names_and_architectures_stand_as_they_are_typed() -> None:
    assert shown("model.arch", "vit_b_16") == "vit_b_16"
    assert short("features.arch", "convnext_tiny") == "features of convnext_tiny"
    assert shown("dataset.name", "my_set") == "my_set"
    assert shown("model.init", "xavier_uniform") == "xavier uniform"
