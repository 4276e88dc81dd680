"""A report of a person's own: what is to be stored of it, checked, and its rows with what was measured of each."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import ValidationError

from backend.analysis.intervals import FEWEST_SEEDS
from backend.analysis.recipes import next_seeds
from backend.analysis.replication import measured, replicated
from backend.catalog.references import COLUMNS
from backend.errors import InvalidSpec, NotFound
from backend.launching import Images
from backend.references.tables import PUBLISHED, Reference
from backend.report.cells import judgement_wire, measured_wire
from backend.report.material import ACTIVE, limited
from backend.report.replicates import replicates
from backend.report.stated import stated_differences
from backend.spec import Spec
from backend.store.replicates import Launched, Replicate
from backend.text import is_clean

LONGEST_TITLE = 200
LONGEST_NOTES = 20_000
LONGEST_LABEL = 200
MOST_ROWS = 100
MOST_RUNS = 500
"""Of one row."""


@dataclass(frozen=True)
class Row:
    """A recipe by its whole hash. Without `runs` all of its completed ones count, also those that come later."""

    recipe: str
    runs: tuple[int, ...] = ()
    label: str | None = None
    reference: str | None = None
    experiment: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "runs": list(self.runs)}


@dataclass(frozen=True)
class RecipeNow:
    """A recipe as it stands: what its newest run is called, its stored spec, its runs, and its completed ones."""

    name: str
    spec: Mapping[str, Any]
    launched: Sequence[Launched]
    completed: Sequence[Replicate]


def from_json(stored: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a report as they were stored."""
    return [Row(**{**row, "runs": tuple(row["runs"])}) for row in stored["rows"]]


def checked_title(title: str) -> str:
    """Return what a report is called.

    Raises:
        InvalidSpec: it is empty, too long, or holds characters that nobody sees.
    """
    title = title.strip()
    if not 0 < len(title) <= LONGEST_TITLE or not is_clean(title):
        raise InvalidSpec(
            f"title has {len(title)} characters; it must be 1 to {LONGEST_TITLE} visible characters."
        )
    return title


def checked_notes(notes: str) -> str:
    """Return notes in Markdown, with their line breaks.

    Raises:
        InvalidSpec: they are too long, or hold control characters.
    """
    notes = notes.replace("\r\n", "\n").strip()
    if len(notes) > LONGEST_NOTES:
        raise InvalidSpec(f"notes has {len(notes):,} characters; it may have {LONGEST_NOTES:,} at most.")
    if not is_clean(notes.replace("\n", "").replace("\t", "")):
        raise InvalidSpec("notes holds a control character; use visible characters and line breaks only.")
    return notes


def check_binding(row: Row, references: Mapping[str, Reference]) -> None:
    """Refuse a row that is held against what is not there; `references` are all that rows name.

    Raises:
        NotFound: there is no such reference; InvalidSpec where it has no such experiment, or only one of both is named.
    """
    if row.reference is None and row.experiment is None:
        return
    if row.reference is None or row.experiment is None:
        raise InvalidSpec("A row names a reference and an experiment of it, or neither.")
    if row.reference not in references:
        raise NotFound("reference", row.reference)
    there = references[row.reference].tables
    if row.experiment not in there:
        known = ", ".join(list(there)[:10])
        raise InvalidSpec(
            f"The reference '{row.reference}' has no experiment {row.experiment!r:.120}; it has: {known}."
        )


def row_wire(
    row: Row, now: RecipeNow | None, references: Mapping[str, Reference], images: Mapping[str, Images]
) -> dict[str, Any]:
    """Return a row as a page shows it. `now` is None where all runs of the recipe were deleted."""
    completed = [run for run in (now.completed if now else ()) if not row.runs or run.id in row.runs]
    counted = replicates(completed)
    launched = [run for run in (now.launched if now else ()) if not row.runs or run.id in row.runs]
    ids = {run.id for run in counted.runs}
    spec = _spec(now)
    known = images.get(spec.dataset.name) if spec else None
    tested = limited(spec.dataset.test_limit, known.test_count) if spec and known else None
    found = {
        metric: measured(counted.at_the_end(metric), tested if metric == "test_acc" else None)
        for metric in COLUMNS
    }
    return {
        **row.as_json(),
        "name": now.name if now else None,
        "there": now is not None,
        "members": [
            {"id": run.id, "seed": run.seed, "state": run.state, "counted": run.id in ids} for run in launched
        ],
        "gone": sorted(set(row.runs) - {run.id for run in launched}),
        "n": counted.n,
        "left_out": counted.about_left_out,
        "cells": {metric: measured_wire(one) for metric, one in found.items()},
        "held": _held(row, found, references, spec, known),
        "add": _seeds(row, now, {run.seed for run in counted.runs}) if now else None,
    }


def _held(
    row: Row,
    found: Mapping[str, Any],
    references: Mapping[str, Reference],
    spec: Spec | None,
    images: Images | None,
) -> dict[str, Any] | None:
    """Return the reference of a row with its verdicts; None where it has none."""
    if row.reference is None or row.experiment is None:
        return None
    reference = references.get(row.reference)
    table = reference.tables.get(row.experiment) if reference else None
    if reference is None or table is None:
        return {
            "title": row.reference,
            "there": False,
            "protocol": [],
            "judged": {},
            "tolerance_points": None,
        }
    # What cannot be read is never taken for the same.
    differing = (
        stated_differences(table, spec, images, is_published=reference.name == PUBLISHED)
        if spec
        else [{"field": "the spec", "published": "known", "here": "of another version, and cannot be read"}]
    )
    cells = {
        metric: replicated(
            table.last(metric),
            found[metric],
            metric=metric,
            differing=[one["field"] for one in differing],
            tolerance_points=reference.tolerance_points,
        )
        for metric in COLUMNS
    }
    return {
        "title": reference.title,
        "there": True,
        "protocol": differing,
        "tolerance_points": reference.tolerance_points,
        "judged": {
            metric: {"published": cell.published, **judgement_wire(cell.judgement, metric)}
            if cell.judgement
            else None
            for metric, cell in cells.items()
        },
    }


def _seeds(row: Row, now: RecipeNow, seeds: set[int]) -> dict[str, Any] | None:
    """Return the launch that brings a row to three seeds; a row of chosen runs asks for none: it would not show them."""
    on_their_way = {run.seed for run in now.launched if run.state in ACTIVE} - seeds
    lacking = FEWEST_SEEDS - len(seeds) - len(on_their_way)
    if row.runs or lacking <= 0 or not now.launched:
        return None
    return {
        "recipe": row.recipe[:12],
        "title": row.label or now.name,
        "clone": now.launched[0].id,
        "seeds": next_seeds((run.seed for run in now.launched), lacking),
    }


def _spec(now: RecipeNow | None) -> Spec | None:
    """Return the spec of a recipe; None where a rule has changed since it was stored."""
    if now is None:
        return None
    try:
        return Spec.model_validate(
            {name: value for name, value in now.spec.items() if name != "spec_version"}
        )
    except ValidationError:
        return None
