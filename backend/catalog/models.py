"""The models that can be launched, by torchvision's own names, with the image sizes they take.

The list is data (`models.toml`), written by the worker's code (`python -m worker.list_models`), because
this package loads no torch; a test in tests/worker keeps it true.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from backend.errors import InvalidSpec, UnknownName

SOFTMAX_REGRESSION = "softmax-regression"


@dataclass(frozen=True)
class Model:
    """A classification model. It takes square images of `min_pixels` or more; of just that where `exact`."""

    name: str
    min_pixels: int
    exact: bool = False


@cache
def models() -> dict[str, Model]:
    """Return all models by name."""
    table = tomllib.loads((files("backend.catalog") / "models.toml").read_text("utf-8"))
    return {name: Model(name, **facts) for name, facts in table.items()}


def check_image_size(arch: str, pixels: int) -> None:
    """Refuse an unknown model, or a size of image that the model cannot take.

    Raises:
        UnknownName: there is no such model.
        InvalidSpec: with the size that it needs.
    """
    model = models().get(arch)
    if model is None:
        raise UnknownName("model", arch, models())
    if model.exact and pixels != model.min_pixels:
        raise InvalidSpec(
            f"dataset.image_size is {pixels} pixels; {arch} takes images of {model.min_pixels} pixels only."
        )
    if pixels < model.min_pixels:
        raise InvalidSpec(
            f"dataset.image_size is {pixels} pixels; {arch} needs images of at least {model.min_pixels} pixels."
        )
