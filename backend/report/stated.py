"""Where a recipe differs from what a reference says of how its numbers were made. What it does not say is not compared."""

from typing import Any

from backend.catalog.presets import planned, presets
from backend.launching import Images
from backend.references.tables import ReferenceTable
from backend.report.protocol import method
from backend.spec import Spec

STARTS = {"none": "random", "imagenet": "ImageNet weights", "parent": "a run trained here", "file": "a file"}


def stated_differences(
    table: ReferenceTable, spec: Spec, images: Images | None, *, is_published: bool = False
) -> list[dict[str, str]]:
    """Return field, published and here of all that differs.

    `images` is the data set of the spec, None where it is not there. Of the published report more is known than its tables
    print: which network, how it was trained, and from which start.
    """
    dataset = spec.dataset
    here: dict[str, tuple[str, Any]] = {
        "dataset": ("data set", dataset.name),
        "train_images": ("training images", _limited(dataset.train_limit, images and images.train_count)),
        "test_images": ("test images", _limited(dataset.test_limit, images and images.test_count)),
        "image_size": ("image size", dataset.image_size or (images.pixels if images else None)),
        "learning_rate": ("learning rate", spec.optimizer.lr),
        "num_epochs": ("epochs", spec.epochs),
        "batch_size": ("batch size", spec.batch_size),
    }
    found = [
        (field, _shown(table.facts[name]), _shown(value))
        for name, (field, value) in here.items()
        if name in table.facts and value is not None and table.facts[name] != value
    ]
    if is_published and table.experiment in presets():
        found += _of_preset(table.experiment, spec)
    return [{"field": field, "published": there, "here": value} for field, there, value in found]


def _of_preset(name: str, spec: Spec) -> list[tuple[str, str, str]]:
    published = planned(name, "published").spec
    pairs = [
        ("network", published.model.arch, spec.model.arch),
        ("loss", published.loss.name, spec.loss.name),
        ("starting weights", STARTS[published.weights.source], STARTS[spec.weights.source]),
        *method(spec),
    ]
    return [(field, there, value) for field, there, value in pairs if there != value]


def _limited(limit: int | None, there: int | None) -> int | None:
    """Return how many images a recipe uses; None where all of a set that is not there."""
    return limit if there is None else there if limit is None else min(limit, there)


def _shown(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
