"""The data sets that need no import: a worker makes them when a run first asks for them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BuiltinDataset:
    """A data set that a worker can make by itself, without a network."""

    name: str
    title: str
    classes: tuple[str, ...]
    train_count: int
    test_count: int
    pixels: int


SHAPES = BuiltinDataset(
    name="shapes",
    title="Small coloured shapes, generated",
    classes=(
        "circle",
        "square",
        "triangle",
        "cross",
        "ring",
        "star",
        "diamond",
        "bars",
        "crescent",
        "checker",
    ),
    train_count=10_000,
    test_count=2_000,
    pixels=32,
)

BUILTIN: dict[str, BuiltinDataset] = {SHAPES.name: SHAPES}
