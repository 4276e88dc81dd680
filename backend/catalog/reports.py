"""The reports: outline and words of a published report, and what binds its tables to presets. One TOML file apiece."""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from backend.errors import NotFound

REPORT = "cifar10-transfer"
"""The report that is shown and run where none is named."""


@dataclass(frozen=True)
class Protocol:
    """What the published trainings had in common, as far as the report tells."""

    dataset: str
    dataset_title: str
    train_images: int
    test_images: int


@dataclass(frozen=True)
class TextPart:
    text: str
    id: str | None = None
    title: str | None = None


@dataclass(frozen=True)
class ChangesPart:
    """The table of replaced output layers."""

    id: str
    title: str
    text: str


@dataclass(frozen=True)
class WrittenNote:
    """A remark on a published table; `{last[2.1]}` in it means the last test accuracy of Table 2.1."""

    text: str
    same_hyper_parameters_as: str | None = None
    """Experiment whose hyper-parameters are to be held against this one's."""


@dataclass(frozen=True)
class ExperimentPart:
    """One table, the preset that repeats it, and the side of the published images in pixels."""

    id: str
    preset: str
    pixels: int
    notes: tuple[WrittenNote, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A sentence of the report: `better` has so many percent greater accuracy than `worse`.

    `percent` is text: its decimals say how exactly it was meant.
    """

    better: str
    worse: str
    stated: str
    percent: str


@dataclass(frozen=True)
class ComparisonPart:
    id: str
    title: str
    items: tuple[Claim, ...]


@dataclass(frozen=True)
class SweepPart:
    id: str
    title: str
    text: str


@dataclass(frozen=True)
class Source:
    label: str
    text: str
    url: str | None = None


@dataclass(frozen=True)
class ReferencesPart:
    items: tuple[Source, ...]


Part = TextPart | ChangesPart | ExperimentPart | ComparisonPart | SweepPart | ReferencesPart

PARTS: dict[str, tuple[type[Part], dict[str, type]]] = {
    "text": (TextPart, {}),
    "changes": (ChangesPart, {}),
    "experiment": (ExperimentPart, {"notes": WrittenNote}),
    "comparison": (ComparisonPart, {"items": Claim}),
    "sweep": (SweepPart, {}),
    "references": (ReferencesPart, {"items": Source}),
}
"""Kind of block: its class, and the class of the tables in its lists."""


@dataclass(frozen=True)
class Section:
    id: str
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Report:
    name: str
    title: str
    about: str
    protocol: Protocol
    architectures: dict[str, str] = field(hash=False)
    """Names of networks as people write them."""
    sections: tuple[Section, ...]

    def experiments(self) -> list[ExperimentPart]:
        """Return the tables in the order of the report."""
        return [
            part for section in self.sections for part in section.parts if isinstance(part, ExperimentPart)
        ]


@cache
def reports() -> dict[str, Report]:
    """Return all reports by name."""
    folder = files("backend.catalog") / "reports"
    found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    names = [name.removesuffix(".toml") for name in found]
    return {name: _report(name, (folder / f"{name}.toml").read_text("utf-8")) for name in names}


def report(name: str) -> Report:
    """Return one report.

    Raises:
        NotFound: there is none of this name.
    """
    if name not in reports():
        raise NotFound("report", name)
    return reports()[name]


def _report(name: str, text: str) -> Report:
    table = tomllib.loads(text)
    return Report(
        name=name,
        title=table["title"],
        about=table["about"],
        protocol=Protocol(**table["protocol"]),
        architectures=table["architectures"],
        sections=tuple(
            Section(section["id"], section["title"], tuple(map(_part, section["blocks"])))
            for section in table["sections"]
        ),
    )


def _part(table: dict[str, Any]) -> Part:
    kind, inner = PARTS[table["kind"]]
    fields = {name: value for name, value in table.items() if name != "kind"}
    for name, made in inner.items():
        fields[name] = tuple(made(**one) for one in fields.get(name, ()))
    return kind(**fields)
