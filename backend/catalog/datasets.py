"""The data sets that a worker makes when a run first asks for them, and those that can be downloaded by name."""

from dataclasses import dataclass

from backend.errors import DataProblem, UnknownName
from backend.spec import parse_spec


@dataclass(frozen=True)
class BuiltinDataset:
    """A data set of colour images that a worker can make by itself, without a network."""

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

GLYPHS = BuiltinDataset(
    name="glyphs",
    title="Small coloured signs, generated: to train on first, before the shapes",
    classes=(
        "arrow",
        "grid",
        "heart",
        "hexagon",
        "house",
        "letter-h",
        "letter-l",
        "letter-t",
        "spiral",
        "wave",
    ),
    train_count=10_000,
    test_count=2_000,
    pixels=32,
)

BUILTIN: dict[str, BuiltinDataset] = {SHAPES.name: SHAPES, GLYPHS.name: GLYPHS}

FETCHABLE: dict[str, str] = {
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "fashionmnist": "FashionMNIST",
}
"""What `runyard data fetch` downloads, by name, with the title that people know it by."""


def check_fetchable_name(name: str) -> None:
    """Refuse what cannot be downloaded by name.

    Raises:
        UnknownName: naming those that can.
    """
    if name not in FETCHABLE:
        raise UnknownName("data set to download", name, FETCHABLE)


def check_importable_name(name: str) -> None:
    """Refuse what cannot be the name of an imported data set.

    Raises:
        DataProblem: it is that of a generated one.
        InvalidSpec: no spec could name it.
    """
    parse_spec({"dataset": {"name": name}, "model": {"arch": "any"}})
    if name in BUILTIN:
        raise DataProblem(f"'{name}' is the name of a generated data set; choose another.")
