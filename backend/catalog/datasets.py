"""The data sets that need no import (a worker makes them when a run first asks for them), and the names of others."""

from dataclasses import dataclass

from backend.errors import DataProblem
from backend.spec import parse_spec


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


def check_importable_name(name: str) -> None:
    """Refuse what cannot be the name of an imported data set.

    Raises:
        DataProblem: it is that of a generated one.
        InvalidSpec: no spec could name it.
    """
    parse_spec({"dataset": {"name": name}, "model": {"arch": "any"}})
    if name in BUILTIN:
        raise DataProblem(f"'{name}' is the name of a generated data set; choose another.")
