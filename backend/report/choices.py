"""What a person can choose for a report: size, images, and what the networks are pretrained on."""

from typing import Any

from backend.catalog.datasets import BUILTIN, FETCHABLE
from backend.launching import Shelf
from backend.reporting import FINE_TUNED, IMAGENET, PHOTOGRAPHS, PUBLISHED_IMAGES, has_imagenet_weights

SIZES = (
    (
        "quick",
        "Quick",
        "Small images, few of them: minutes on two cores. A first look, not the published accuracies.",
    ),
    ("published", "As published", "All images at 224 pixels, batch size 256: hours on a GPU, days on a CPU."),
)


def choices(shelf: Shelf) -> dict[str, list[dict[str, Any]]]:
    """Return all choices; of those that are not ready, `help` names the command that brings them."""
    return {
        "sizes": [{"name": name, "title": title, "about": about} for name, title, about in SIZES],
        "datasets": [_images(name, shelf) for name in _names(shelf, PUBLISHED_IMAGES)],
        "pretraining": [_imagenet(shelf), *(_images(name, shelf) for name in _names(shelf, PHOTOGRAPHS))],
    }


def _names(shelf: Shelf, wished: str) -> list[str]:
    """Return the wished set first, there or not, then the others that are there."""
    return list(dict.fromkeys([wished, *shelf.images, *BUILTIN]))


def _images(name: str, shelf: Shelf) -> dict[str, Any]:
    title = BUILTIN[name].title if name in BUILTIN else FETCHABLE.get(name, name)
    if name in shelf.all_images():
        return {"name": name, "title": title, "ready": True, "help": None}
    command = f"runyard data fetch {name}" if name in FETCHABLE else f"runyard data import {name} PATH"
    return {
        "name": name,
        "title": title,
        "ready": False,
        "help": f"{title} is not here: `{command}` brings it in.",
    }


def _imagenet(shelf: Shelf) -> dict[str, Any]:
    ready = has_imagenet_weights(shelf)
    command = f"runyard weights fetch {' '.join(FINE_TUNED)}"
    return {
        "name": IMAGENET,
        "title": "ImageNet weights of torchvision",
        "ready": ready,
        "help": None if ready else f"The ImageNet weights are not all here: `{command}` brings them.",
    }
