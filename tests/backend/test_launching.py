"""From a wish to runs: parents come along, and what cannot be is refused in one sentence."""

import pytest

from backend.catalog.presets import SIZES, planned, presets
from backend.errors import InvalidSpec, NotFound
from backend.launching import Images, Shelf, Wish, plan
from backend.spec import parse_spec

CIFAR = Images(pixels=32, classes=10, train_count=50_000, test_count=10_000)
SHELF = Shelf(
    images={
        "cifar10": CIFAR,
        "flowers": Images(48, 17, 1000, 300),
        "imagenet200-48px": Images(48, 200, 50_000, 2000),
    },
    weights={("file", "mine", "resnet18"): 17},
)
A_RECIPE = "a" * 64


def shelf_with_parent(arch: str = "resnet18", dataset: str = "cifar10") -> Shelf:
    table = {"spec_version": 1, "dataset": {"name": dataset}, "model": {"arch": arch}}
    return Shelf(
        images=SHELF.images,
        recipe={A_RECIPE: table}.get,
        run={7: (A_RECIPE, 3)}.get,
    )


def fine_tune(**weights) -> dict:
    return {
        "dataset": {"name": "cifar10"},
        "model": {"arch": "resnet18", "weights": weights},
    }


def refusal(wish: Wish, shelf: Shelf = SHELF) -> str:
    with pytest.raises(InvalidSpec) as refused:
        plan(wish, shelf)
    return str(refused.value)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", presets())
def test_every_preset_can_be_launched_in_both_sizes(name: str, size) -> None:
    (run,) = plan(Wish(preset=name, size=size), SHELF)
    assert (run.preset, run.size) == (name, size)
    assert (run.parent is not None) == ("preset" in str(presets()[name].tables[size].get("features")))


def test_a_preset_on_features_brings_the_run_that_its_network_comes_from_on_the_same_images() -> None:
    overrides = {"dataset": {"train_limit": 77}}
    (run,) = plan(Wish(preset="softmax-resnet18-last", size="quick", overrides=overrides, seeds=[4]), SHELF)
    assert run.parent is not None
    assert run.parent.preset == "resnet18-fine-tuned"
    assert run.spec.features and run.spec.features.weights.parent == run.parent.spec.recipe_hash()
    assert run.parent.spec.dataset == run.spec.dataset
    assert (run.spec.seed, run.parent.spec.seed) == (4, 4)


def test_three_seeds_of_a_child_are_one_recipe_on_three_parents() -> None:
    runs = plan(Wish(preset="softmax-resnet18-last", seeds=[0, 1, 2]), SHELF)
    assert len({run.spec.recipe_hash() for run in runs}) == 1
    assert [run.parent.spec.seed for run in runs if run.parent] == [0, 1, 2]


def test_a_fixed_parent_is_the_same_run_for_every_seed() -> None:
    overrides = {"features": {"weights": {"rule": "fixed_seed", "seed": 9}}}
    runs = plan(Wish(preset="softmax-resnet18-last", overrides=overrides, seeds=[0, 1]), SHELF)
    assert [run.parent.spec.seed for run in runs if run.parent] == [9, 9]


def test_a_run_named_as_parent_is_written_down_by_recipe_and_seed() -> None:
    (run,) = plan(Wish(spec=fine_tune(run=7)), shelf_with_parent())
    weights = run.spec.model.weights
    assert (weights.source, weights.parent, weights.rule, weights.seed) == (
        "parent",
        A_RECIPE,
        "fixed_seed",
        3,
    )


def test_another_start_takes_the_place_of_the_one_that_a_preset_names() -> None:
    for start, source in (({"run": 7}, "parent"), ({"source": "imagenet"}, "imagenet")):
        overrides = {"features": {"weights": start}}
        (run,) = plan(Wish(preset="softmax-resnet18-last", overrides=overrides), shelf_with_parent())
        assert (run.spec.weights.source, run.parent) == (source, None)


def test_a_run_that_is_not_there_is_no_parent() -> None:
    with pytest.raises(NotFound, match="There is no run 8"):
        plan(Wish(spec=fine_tune(run=8)), shelf_with_parent())


@pytest.mark.parametrize("number", ["7", True, 0, 2**60, None])
def test_only_the_number_of_a_run_names_one(number: object) -> None:
    assert "model.weights.run is" in refusal(Wish(spec=fine_tune(run=number)), shelf_with_parent())


def test_a_parent_whose_recipe_nobody_knows_is_refused() -> None:
    said = refusal(Wish(spec=fine_tune(source="parent", parent="b" * 64)))
    assert said == "model.weights.parent is bbbbbbbbbbbb…; no run has this recipe, or it was deleted."


def test_a_parent_of_another_architecture_is_refused() -> None:
    said = refusal(Wish(spec=fine_tune(run=7)), shelf_with_parent("vgg16"))
    assert said == "model.arch is 'resnet18'; its parent trained vgg16: they must be the same."


def test_a_kept_output_layer_needs_as_many_classes() -> None:
    spec = fine_tune(run=7)
    spec["model"]["output_layer"] = "kept"
    plan(Wish(spec=spec), shelf_with_parent())
    said = refusal(Wish(spec=spec), shelf_with_parent(dataset="flowers"))
    assert said == (
        "model.output_layer is 'kept'; these weights tell 17 classes apart, and cifar10 has 10: use 'new'."
    )


def test_a_file_of_weights_is_known_by_name_and_architecture() -> None:
    plan(Wish(spec=fine_tune(source="file", name="mine")), SHELF)
    assert "There is no file of weights 'mein'. Did you mean mine?" in refusal(
        Wish(spec=fine_tune(source="file", name="mein"))
    )
    of_another = {"dataset": {"name": "cifar10", "image_size": 64}, "model": {"arch": "alexnet"}}
    of_another["model"]["weights"] = {"source": "file", "name": "mine"}
    assert "are of resnet18, not of alexnet" in refusal(Wish(spec=of_another))


def test_an_unknown_node_names_the_near_ones() -> None:
    said = refusal(Wish(preset="softmax-resnet18-last", overrides={"features": {"node": "layer5"}}))
    assert "There is no node of resnet18 'layer5'. Did you mean layer" in said


def test_features_do_not_go_with_augmentation() -> None:
    said = refusal(Wish(preset="softmax-resnet18-last", overrides={"dataset": {"augment": "flip"}}))
    assert said.startswith("dataset.augment is 'flip'; features are made once for all epochs")


def test_features_need_images_that_their_network_takes() -> None:
    said = refusal(
        Wish(
            preset="softmax-resnet18-last",
            overrides={
                "features": {"arch": "vgg16", "node": "features", "weights": {"preset": "vgg16-fine-tuned"}},
                "dataset": {"image_size": 16},
            },
        )
    )
    assert "needs images of at least" in said


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "fashionmnist"])
def test_a_set_that_can_be_downloaded_is_refused_with_the_command_that_does(name: str) -> None:
    said = refusal(Wish(preset="softmax-original", overrides={"dataset": {"name": name}}), Shelf())
    assert said.endswith(f"To bring it in, run `runyard data fetch {name}`.")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": {"weights": {"source": "parent"}}}, "model.weights.parent is missing"),
        ({"model": {"weights": {"source": "file"}}}, "model.weights.name is missing"),
        ({"model": {"weights": {"name": "x"}}}, "means nothing with model.weights.source none"),
        ({"model": {"weights": {"rule": "fixed_seed"}}}, "means nothing without a parent"),
        ({"model": {"trained": "head"}}, "without weights to start from it must be 'all'"),
        ({"model": {"arch": "softmax-regression", "weights": {"source": "imagenet"}}}, "no such weights"),
        (
            {"features": {"arch": "resnet18", "node": "layer1"}},
            "on features only softmax-regression is trained",
        ),
        ({"features": {"arch": "resnet18", "node": "a b"}}, "features.node is 'a b'"),
        (
            {"features": {"arch": "softmax-regression", "node": "layer1"}},
            "features come from a classification model of torchvision",
        ),
        (
            {
                "model": {
                    "weights": {"source": "imagenet"},
                    "output_layer": "kept",
                    "init": "xavier_uniform",
                }
            },
            "model.init is 'xavier_uniform'; with weights and their output layer kept",
        ),
    ],
)
def test_parts_that_do_not_go_together_are_refused(changes: dict, said: str) -> None:
    base = {"dataset": {"name": "shapes"}, "model": {"arch": "resnet18"}}
    spec = {**base, **{key: {**base.get(key, {}), **value} for key, value in changes.items()}}
    with pytest.raises(InvalidSpec) as refused:
        parse_spec(spec)
    assert said in str(refused.value)


def test_recipes_without_the_new_parts_keep_their_hash() -> None:
    spec = parse_spec({"dataset": {"name": "shapes"}, "model": {"arch": "softmax-regression"}})
    assert spec.recipe() == {
        "spec_version": 1,
        "dataset": {"name": "shapes"},
        "model": {"arch": "softmax-regression"},
    }


def test_the_chain_of_a_plan_runs_from_the_first_trained_to_the_last() -> None:
    start = {"model": {"weights": {"source": "parent", "preset": "resnet18-pretrained"}}}
    wanted = planned("resnet18-fine-tuned", "quick", start)
    assert [one.preset for one in wanted.chain()] == ["resnet18-pretrained", "resnet18-fine-tuned"]
    assert wanted.parent and wanted.parent.spec.dataset.name == "glyphs"
