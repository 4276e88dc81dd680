"""Whether the parts of a spec are there and fit each other: network and images, node, weights and parent.

What a field may be by itself is checked by `backend.spec`; what depends on the pixels, by the worker.
"""

from collections.abc import Mapping
from typing import Any

from backend.catalog.models import SOFTMAX_REGRESSION, check_image_size, check_node, models
from backend.errors import InvalidSpec, UnknownName
from backend.readiness import Images, Shelf, missing_file, missing_images
from backend.spec import Spec, WeightsSpec


def check(spec: Spec, shelf: Shelf, parent: Spec | None = None, *, must_be_there: bool = True) -> None:
    """Refuse a spec whose parts are not there, or do not fit each other. `parent` is one that is planned with it."""
    name = spec.dataset.name
    if must_be_there and missing_images(name, shelf):
        missing = missing_images(name, shelf)
        assert missing
        unknown = UnknownName("data set", name, shelf.all_images())
        raise InvalidSpec(f"{unknown} To bring it in, run `{missing.command}`.")
    images = shelf.known_images(name)
    _check_network(spec, images)
    where = "features" if spec.features else "model"
    arch = spec.features.arch if spec.features else spec.model.arch
    if must_be_there and (missing := missing_file(spec, shelf)):
        raise InvalidSpec(f"{missing.sentence} `{missing.command}` brings it in.")
    classes = _classes_of_weights(where, arch, spec.weights, shelf, parent)
    _check_output_layer(spec)
    kept = where == "model" and spec.model.output_layer == "kept"
    if kept and images and classes not in (None, images.classes):
        raise InvalidSpec(
            f"model.output_layer is 'kept'; these weights tell {classes} classes apart, and {name} has "
            f"{images.classes}: use 'new'."
        )


def _check_output_layer(spec: Spec) -> None:
    # The worker refuses it too: it knows of every network what it is made of.
    if (
        not spec.features
        and spec.model.arch == SOFTMAX_REGRESSION
        and spec.model.weights.source != "none"
        and spec.model.output_layer == "new"
    ):
        raise InvalidSpec(
            "model.output_layer is 'new'; softmax-regression is nothing but its output layer, so that none of "
            "the weights would be used: it must be 'kept'."
        )


def _check_network(spec: Spec, images: Images | None) -> None:
    arch = spec.features.arch if spec.features else spec.model.arch
    if arch not in models():
        raise UnknownName("model", arch, models())
    pixels = spec.dataset.image_size or (images.pixels if images else None)
    if pixels:
        check_image_size(arch, pixels)
    if spec.features:
        check_node(arch, spec.features.node)


def _classes_of_weights(
    where: str, arch: str, weights: WeightsSpec, shelf: Shelf, parent: Spec | None
) -> int | None:
    """Return how many classes the weights tell apart; None where nobody knows before they are opened."""
    if weights.source == "parent":
        assert weights.parent
        known = parent.recipe() if parent else shelf.recipe(weights.parent)
        if known is None:
            raise InvalidSpec(
                f"{where}.weights.parent is {weights.parent[:12]}…; no run has this recipe, or it was deleted."
            )
        return _check_parent(where, arch, known, shelf)
    if weights.source == "file":
        assert weights.name
        return _check_file(where, arch, weights.name, shelf)
    return 1000 if weights.source == "imagenet" else None


def _check_parent(where: str, arch: str, recipe: Mapping[str, Any], shelf: Shelf) -> int | None:
    made = "softmax-regression on features" if "features" in recipe else recipe["model"]["arch"]
    if made != arch:
        raise InvalidSpec(f"{where}.arch is '{arch}'; its parent trained {made}: they must be the same.")
    images = shelf.known_images(recipe["dataset"]["name"])
    return images.classes if images else None


def _check_file(where: str, arch: str, name: str, shelf: Shelf) -> int | None:
    files = {
        made: classes
        for (source, known, made), classes in shelf.weights.items()
        if source == "file" and known == name
    }
    if files and arch not in files:
        raise InvalidSpec(
            f"{where}.weights.name is '{name}'; these weights are of {' and '.join(sorted(files))}, not of {arch}."
        )
    return files.get(arch)
