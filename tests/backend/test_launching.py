"""From a wish to runs: parents come along, and what cannot be is refused in one sentence."""

import pytest

from backend.catalog.presets import SIZES, planned, presets
from backend.errors import InvalidSpec, NotFound
from backend.launching import differences, plan, variations
from backend.readiness import Cloned, Images, Shelf
from backend.spec import parse_spec
from backend.store.launches import NewRun
from backend.wishes import Wish

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


def test_softmax_regression_takes_weights_only_by_keeping_its_one_layer() -> None:
    shelf = shelf_with_parent("softmax-regression")
    spec: dict = {
        "dataset": {"name": "cifar10"},
        "model": {"arch": "softmax-regression", "weights": {"run": 7}},
    }
    assert refusal(Wish(spec=spec), shelf).startswith("model.output_layer is 'new'; softmax-regression is")
    spec["model"]["output_layer"] = "kept"
    (run,) = plan(Wish(spec=spec), shelf)
    assert run.spec.model.weights.parent == A_RECIPE


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


@pytest.mark.parametrize("size", SIZES)
def test_weights_that_name_a_preset_start_from_it(size) -> None:
    start = {"preset": "resnet18-pretrained"}
    overrides = {"dataset": {"name": "cifar10"}, "model": {"weights": start}}
    scratch = {**overrides, "model": {"weights": {**start}, "arch": "resnet18"}}
    wishes = [
        Wish(preset="resnet18-fine-tuned", size=size, overrides=overrides),
        Wish(preset="resnet18-fine-tuned", size=size, grid={"model.weights": [start]}),
        Wish(spec=scratch),
    ]
    for wish in wishes:
        (run,) = plan(wish, SHELF)
        assert run.spec.model.weights.source == "parent"
        assert run.parent is not None
        assert run.parent.preset == "resnet18-pretrained"


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ({"preset": "nope"}, "There is no preset 'nope'."),
        ({"preset": ["nope"]}, "model.weights.preset is ['nope']; it must be the name of a preset."),
        (
            {"preset": "resnet18-pretrained", "source": "imagenet"},
            "a preset and the source 'imagenet'; name one",
        ),
        ({"preset": "resnet18-pretrained", "parent": A_RECIPE}, "names a preset and a parent; name one"),
        ({"preset": "resnet18-pretrained", "run": 7}, "names a run and a preset; name one"),
        (
            {"run": 7, "source": "none"},
            "model.weights names a run and the source 'none'; name one of the two.",
        ),
    ],
)
def test_weights_that_name_no_preset_or_two_starts_are_refused(start: dict, said: str) -> None:
    by_overrides = Wish(preset="resnet18-fine-tuned", overrides={"model": {"weights": start}})
    by_grid = Wish(preset="resnet18-fine-tuned", grid={"model.weights": [start]})
    for wish in (by_overrides, by_grid, Wish(spec=fine_tune(**start))):
        assert said in refusal(wish, shelf_with_parent())


def test_the_chain_of_a_plan_runs_from_the_first_trained_to_the_last() -> None:
    start = {"model": {"weights": {"source": "parent", "preset": "resnet18-pretrained"}}}
    wanted = planned("resnet18-fine-tuned", "quick", start)
    assert [one.preset for one in wanted.chain()] == ["resnet18-pretrained", "resnet18-fine-tuned"]
    assert wanted.parent and wanted.parent.spec.dataset.name == "glyphs"


def on_shapes(**wish) -> Wish:
    overrides = {"dataset": {"name": "shapes"}, **wish.pop("overrides", {})}
    return Wish(preset="softmax-original", size="quick", overrides=overrides, **wish)


def test_a_grid_is_every_combination_with_every_seed() -> None:
    runs = plan(on_shapes(grid={"optimizer.lr": [0.1, 0.05], "batch_size": [64, 32]}, seeds=[7, 3]), SHELF)
    assert [(run.spec.optimizer.lr, run.spec.batch_size, run.spec.seed) for run in runs] == [
        *((0.1, 64, 7), (0.1, 64, 3), (0.1, 32, 7), (0.1, 32, 3)),
        *((0.05, 64, 7), (0.05, 64, 3), (0.05, 32, 7), (0.05, 32, 3)),
    ]
    assert {run.spec.dataset.name for run in runs} == {"shapes"}
    assert {(run.preset, run.size) for run in runs} == {("softmax-original", "quick")}


def test_a_grid_over_a_whole_spec_takes_the_place_of_its_values() -> None:
    spec = {"dataset": {"name": "shapes"}, "model": {"arch": "softmax-regression"}, "seed": 9, "epochs": 3}
    runs = plan(Wish(spec=spec, grid={"epochs": [1, 2]}), SHELF)
    assert [(run.spec.epochs, run.spec.seed) for run in runs] == [(1, 9), (2, 9)]


def test_the_runs_of_a_grid_are_named_by_what_differs() -> None:
    grid = {"optimizer.lr": [0.1, 0.05], "batch_size": [64]}
    assert [run.name for run in plan(on_shapes(grid=grid, name="mine"), SHELF)] == [
        "mine, lr 0.1",
        "mine, lr 0.05",
    ]
    (usual, _) = plan(on_shapes(grid=grid), SHELF)
    assert usual.name == "Softmax regression on the pixels, lr 0.1"


def test_a_long_name_is_shortened_before_what_tells_runs_apart() -> None:
    name = "n" * 200
    runs = plan(on_shapes(grid={"optimizer.lr": [0.1, 0.05]}, name=name), SHELF)
    assert [len(run.name) for run in runs] == [200, 200]
    assert runs[0].name.endswith("n…, lr 0.1")
    assert len({run.name for run in runs}) == 2


def test_each_combination_brings_the_parent_that_it_needs() -> None:
    wish = Wish(
        preset="softmax-resnet18-last",
        size="quick",
        overrides={"dataset": {"name": "shapes"}},
        grid={"dataset.train_limit": [50, 60], "optimizer.lr": [0.1, 0.2]},
    )
    runs = plan(wish, SHELF)
    parents = {
        run.parent.spec.dataset.train_limit: run.parent.spec.recipe_hash() for run in runs if run.parent
    }
    assert len(parents) == 2
    for run in runs:
        assert run.spec.features
        assert run.spec.features.weights.parent == parents[run.spec.dataset.train_limit]


def test_weights_can_be_varied_as_whole_tables() -> None:
    starts = [
        {"source": "none"},
        {"source": "imagenet"},
        {"source": "parent", "preset": "resnet18-pretrained"},
    ]
    wish = Wish(preset="resnet18-fine-tuned", size="quick", grid={"model.weights": starts})
    runs = plan(wish, SHELF)
    assert [run.spec.model.weights.source for run in runs] == ["none", "imagenet", "parent"]
    assert [run.parent and run.parent.preset for run in runs] == [None, None, "resnet18-pretrained"]
    assert [run.name.partition(", ")[2] for run in runs] == [
        "weights none",
        "weights imagenet",
        "weights resnet18-pretrained",
    ]
    by_run = Wish(preset="resnet18-fine-tuned", size="quick", grid={"model.weights": [{"run": 7}]})
    (run,) = plan(by_run, shelf_with_parent())
    assert run.spec.model.weights.parent == A_RECIPE


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (
            on_shapes(grid={"optimizer.lr": [0.1, 0]}),
            "optimizer.lr is 0; it must be over 0 and at most 100.",
        ),
        (
            on_shapes(grid={"optimizer.lr": [0.1, 0], "batch_size": [64, 32]}),
            "optimizer.lr is 0; it must be over 0 and at most 100.",
        ),
        (
            on_shapes(grid={"optimizer.lr": [0.1, 0.2]}, overrides={"epochs": 0}),
            "epochs is 0; it must be at least 1 and at most 10000.",
        ),
        (
            on_shapes(grid={"optimizer.lr": [0.1, 0.2], "model.arch": ["softmax-regression", "alexnet"]}),
            "With model.arch alexnet: dataset.image_size is 32 pixels; alexnet needs images of at least 63 pixels.",
        ),
        (
            on_shapes(
                grid={"dataset.image_size": [64, 32], "model.arch": ["softmax-regression", "alexnet"]},
            ),
            "With dataset.image_size 32, model.arch alexnet: dataset.image_size is 32 pixels; ",
        ),
        (on_shapes(grid={"optimizer.lr": [0.1]}, seeds=[-1]), "seed is -1; it must be at least 0"),
        (
            on_shapes(grid={"optimizer.lr": [0.1]}, overrides={"optimizer": {"lr": 0.2}}),
            "optimizer.lr stands in overrides and in grid; name it in one of the two.",
        ),
        (
            on_shapes(grid={"model.weights": [{"source": "none"}, {}]}),
            "model.weights none and model.weights none are the same recipe; leave one of them out.",
        ),
        (
            on_shapes(grid={"epochs": [1, 2], "batch_size": [1, 2]}, seeds=list(range(300))),
            "2 x 2 values x 300 seeds are 1,200 runs; a launch may have 1000.",
        ),
        (Wish(preset="softmax-original", clone=1), "A launch needs a preset, a run to clone or a spec"),
        (Wish(), "A launch needs a preset, a run to clone or a spec: exactly one of the three."),
    ],
)
def test_what_cannot_be_of_a_grid_is_refused_with_its_combination(wish: Wish, said: str) -> None:
    assert refusal(wish).startswith(said)


def cloned_shelf(run: NewRun, weights: dict | None = None) -> Shelf:
    """Return a shelf on which run 5 is there, and with it what it started from."""
    recipes = {}
    one: NewRun | None = run
    while one is not None:
        recipes[one.spec.recipe_hash()] = one.spec.recipe()
        one = one.parent
    cloned = Cloned(run.spec.model_dump(mode="json"), run.name, run.preset, "quick")
    return Shelf(images=SHELF.images, weights=weights or {}, recipe=recipes.get, cloned={5: cloned}.get)


def test_a_clone_is_the_same_recipe_and_keeps_name_preset_and_size() -> None:
    (run,) = plan(on_shapes(seeds=[4], name="the first"), SHELF)
    (clone,) = plan(Wish(clone=5), cloned_shelf(run))
    assert clone.spec == run.spec
    assert (clone.name, clone.preset, clone.size) == ("the first", "softmax-original", "quick")


def test_a_clone_of_a_child_brings_the_parent_of_another_seed_along() -> None:
    (run,) = plan(Wish(preset="softmax-resnet18-last", size="quick"), SHELF)
    assert run.parent
    runs = plan(Wish(clone=5, seeds=[0, 8]), cloned_shelf(run))
    assert {one.spec.recipe_hash() for one in runs} == {run.spec.recipe_hash()}
    assert [one.parent.spec.seed for one in runs if one.parent] == [0, 8]
    assert {one.parent.spec.recipe_hash() for one in runs if one.parent} == {run.parent.spec.recipe_hash()}


def test_another_start_takes_the_whole_place_of_the_one_of_a_cloned_run() -> None:
    (run,) = plan(Wish(preset="softmax-resnet18-last", size="quick"), SHELF)
    for start, source in (({"source": "imagenet"}, "imagenet"), ({"source": "file", "name": "mine"}, "file")):
        overrides = {"features": {"weights": start}}
        (clone,) = plan(Wish(clone=5, overrides=overrides), cloned_shelf(run, dict(SHELF.weights)))
        assert (clone.spec.weights.source, clone.spec.weights.parent) == (source, None)
    preset = {"features": {"weights": {"source": "parent", "preset": "resnet18-pretrained"}}}
    (clone,) = plan(Wish(clone=5, overrides=preset), cloned_shelf(run))
    assert clone.parent and clone.parent.preset == "resnet18-pretrained"


def test_a_run_that_is_not_there_cannot_be_cloned() -> None:
    with pytest.raises(NotFound, match="There is no run 6"):
        plan(Wish(clone=6), SHELF)


def changed(wish: Wish, shelf: Shelf = SHELF) -> list[tuple]:
    return [(one.path, one.base, one.value) for one in differences(wish, variations(wish, shelf), shelf)]


def test_what_differs_from_the_preset_is_told_in_the_order_of_the_spec() -> None:
    wish = on_shapes(overrides={"epochs": 99, "optimizer": {"lr": 0.1}}, grid={"batch_size": [64, 32]})
    assert changed(wish) == [
        ("dataset.name", "cifar10", "shapes"),
        ("epochs", 10, 99),
        ("batch_size", 256, [64, 32]),
    ]
    assert changed(Wish(preset="softmax-original")) == []


def test_the_recipe_of_a_presets_parent_is_no_difference_of_its_own() -> None:
    wish = Wish(preset="softmax-resnet18-last", overrides={"dataset": {"name": "shapes"}})
    assert changed(wish) == [("dataset.name", "cifar10", "shapes")]
    other = {"features": {"weights": {"source": "parent", "preset": "resnet18-pretrained"}}}
    assert changed(Wish(preset="softmax-resnet18-last", overrides=other)) == [
        ("features.weights.parent", "resnet18-fine-tuned", "resnet18-pretrained")
    ]


def test_a_clone_differs_from_the_run_that_it_was_made_of() -> None:
    (run,) = plan(on_shapes(), SHELF)
    assert changed(Wish(clone=5, overrides={"epochs": 2}, seeds=[9]), cloned_shelf(run)) == [
        ("epochs", 10, 2)
    ]


def test_features_that_come_and_go_differ_by_each_of_their_fields() -> None:
    without = Wish(preset="softmax-resnet18-last", overrides={"features": None})
    gone = {path: (base, value) for path, base, value in changed(without)}
    assert gone["features.arch"] == ("resnet18", None)
    assert gone["features.node"] == ("layer4", None)


def test_what_is_not_here_refuses_no_preview_but_what_does_not_fit_does() -> None:
    missing = Wish(preset="alexnet-fine-tuned", overrides={"dataset": {"name": "cifar10"}})
    variations(missing, Shelf(), must_be_there=False)
    for image_size in (16, None):
        small = Wish(preset="alexnet-from-scratch", overrides={"dataset": {"image_size": image_size}})
        with pytest.raises(InvalidSpec, match="alexnet needs images of at least 63 pixels"):
            variations(small, Shelf(), must_be_there=False)  # the images of cifar10 are known to be small
    unheard = {"dataset": {"name": "unheard-of", "image_size": None}}
    variations(Wish(preset="alexnet-from-scratch", overrides=unheard), Shelf(), must_be_there=False)
    with pytest.raises(InvalidSpec, match="There is no model 'alexnett'"):
        variations(
            Wish(preset="alexnet-from-scratch", overrides={"model": {"arch": "alexnett"}}),
            Shelf(),
            must_be_there=False,
        )


def test_another_optimizer_takes_the_place_of_the_momentum_that_a_preset_has() -> None:
    wish = Wish(preset="resnet18-pretrained", overrides={"optimizer": {"name": "adamw", "lr": 0.001}})
    (run,) = plan(wish, SHELF)
    assert (run.spec.optimizer.name, run.spec.optimizer.momentum) == ("adamw", 0.0)
    assert run.spec.optimizer.weight_decay == 0.0005, "it means something with both"
    told = changed(wish)
    assert ("optimizer.momentum", 0.9, 0.0) in told


def test_a_grid_over_optimizers_leaves_each_what_is_its_own() -> None:
    grid = {"optimizer.name": ["sgd", "adam"], "schedule.name": ["constant", "cosine"]}
    runs = plan(Wish(preset="resnet18-pretrained", grid=grid), SHELF)
    assert [(run.spec.optimizer.name, run.spec.optimizer.momentum) for run in runs] == [
        *[("sgd", 0.9)] * 2,
        *[("adam", 0.0)] * 2,
    ]
    assert [run.name for run in runs][1:3] == [
        "ResNet-18 pretrained in Runyard, SGD, cosine schedule",
        "ResNet-18 pretrained in Runyard, Adam, constant schedule",
    ]


@pytest.mark.parametrize("base", ["sgd", "adam"])
def test_a_grid_over_optimizers_gives_an_override_to_those_that_have_it_whatever_it_starts_from(
    base: str,
) -> None:
    spec = {"dataset": {"name": "shapes"}, "model": {"arch": "resnet18"}, "optimizer": {"name": base}}
    shelf = cloned_shelf(NewRun(parse_spec(spec), "it", None, None))
    wish = Wish(clone=5, overrides={"optimizer": {"momentum": 0.9}}, grid={"optimizer.name": ["adam", "sgd"]})
    found = [(run.spec.optimizer.name, run.spec.optimizer.momentum) for run in plan(wish, shelf)]
    assert found == [("adam", 0.0), ("sgd", 0.9)]


def test_what_a_person_names_beside_a_choice_that_it_means_nothing_with_is_refused() -> None:
    overrides = {"optimizer": {"name": "adam", "momentum": 0.5}}
    said = "optimizer.momentum is 0.5; it means nothing with optimizer.name adam: leave it out."
    assert refusal(Wish(preset="resnet18-pretrained", overrides=overrides)) == said
    grid = {"optimizer.momentum": [0.5, 0.9], "optimizer.name": ["sgd", "adam"]}
    assert refusal(Wish(preset="resnet18-pretrained", grid=grid)).startswith(
        "With optimizer.momentum 0.5, optimizer.name adam: optimizer.momentum is 0.5; it means nothing"
    )


def test_a_clone_leaves_out_what_its_schedule_and_its_stopping_had() -> None:
    spec = {
        **fine_tune(),
        "dataset": {"name": "cifar10", "validation": 0.1},
        "schedule": {"name": "step", "step_epochs": 3, "gamma": 0.5, "warmup_epochs": 1},
        "early_stopping": {"patience": 3, "metric": "val_acc", "min_delta": 0.01},
        "step_series": True,
    }
    (first,) = plan(Wish(spec=spec, seeds=[5]), SHELF)
    shelf = cloned_shelf(first)
    (same,) = plan(Wish(clone=5), shelf)
    assert same.spec == first.spec, "with what is kept of its steps"
    overrides = {"schedule": {"name": "onecycle"}, "early_stopping": {"patience": None}}
    (other,) = plan(Wish(clone=5, overrides=overrides), shelf)
    assert other.spec.schedule == parse_spec({**spec, "schedule": {"name": "onecycle"}}).schedule
    assert (other.spec.early_stopping.metric, other.spec.early_stopping.min_delta) == ("val_loss", 0)
    assert other.spec.dataset.validation == 0.1
