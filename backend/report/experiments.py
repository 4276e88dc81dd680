"""The block of one experiment: its published table beside what was measured, and what is to be said of both."""

import math
from dataclasses import asdict
from typing import Any

from backend.analysis.chance import chance_limit
from backend.analysis.comparisons import compared
from backend.analysis.numerals import counted, percent
from backend.analysis.published import remarks
from backend.catalog.presets import Planned, preset
from backend.catalog.references import COLUMNS, PublishedTable
from backend.catalog.reports import ExperimentPart, WrittenNote
from backend.contract import RunState
from backend.report.beside import figure_beside, references_beside, seeds_wire
from backend.report.cells import (
    cells_of_row,
    references_wire,
)
from backend.report.diagnosis import diagnosis
from backend.report.layers import replaced_output
from backend.report.material import Material
from backend.report.outcomes import Outcome
from backend.report.protocol import differences, hyper_parameters
from backend.report.starts import parents, start
from backend.store.points import Series
from backend.store.reports import StoredRun

Note = dict[str, str]


def experiment_block(part: ExperimentPart, material: Material) -> dict[str, Any]:
    """Return the block of one experiment."""
    planned = material.plan.cells[part.preset]
    table, run = material.tables[part.preset], material.run_of(planned)
    known = preset(part.preset)
    epochs, seeds = planned.spec.epochs, material.replicates_of(planned)
    held = references_beside(part, planned, material)
    shown = rows(table, run, epochs)
    for row in shown:
        row |= cells_of_row(
            row["epoch"],
            seeds,
            held,
            is_last=row["epoch"] == epochs,
            images=material.test_images(planned),
        )
    ending = next((row for row in shown if row["epoch"] == epochs), None)
    references = references_wire(held, shown, ending)
    return {
        "kind": "experiment",
        "id": part.id,
        "title": known.title,
        "preset": part.preset,
        "about": known.about,
        "faithful": asdict(known.faithful) if known.faithful else None,
        "run": brief(run),
        "recipe": planned.spec.recipe_hash()[:12],
        "parents": parents(planned, material),
        "start": start(planned, material),
        "hyper": hyper_parameters(table, planned),
        "changed": changed_layers(planned, run, material),
        "protocol": differences(part, table, planned, material),
        "columns": list(COLUMNS),
        "rows": shown,
        "references": references,
        "seeds": seeds_wire(planned, seeds, material),
        "notes": notes(part, planned, run, material),
        "figure": figure_beside(table, run, seeds, held, epochs),
        "twin": twin(part.preset, run, material),
        "output": f"/api/runs/{run.id}/output" if run and run.epoch else None,
        "notebook": f"/api/runs/{run.id}/notebook" if run else None,
        "verdict": references[0]["verdict"]["text"] if references and references[0]["verdict"] else None,
        "interval": ending["cells"]["test_acc"] if ending and seeds.n else None,
    }


def brief(run: StoredRun | None) -> dict[str, Any] | None:
    """Return what a page shows of a run beside its numbers."""
    if run is None:
        return None
    return {
        "id": run.id,
        "name": run.name,
        "state": run.state,
        "reason": run.reason,
        "detail": run.detail,
        "attempt": run.attempt,
        "epoch": run.epoch,
        "epochs": run.epochs,
        "progress": run.progress,
    }


def rows(table: PublishedTable, run: StoredRun | None, epochs: int) -> list[dict[str, Any]]:
    """Return a row for each epoch that was published or is to be trained."""
    return [_row(epoch, table, run) for epoch in range(1, max(epochs, table.epochs) + 1)]


def _row(epoch: int, table: PublishedTable, run: StoredRun | None) -> dict[str, Any]:
    published = dict(table.rows.get(epoch) or dict.fromkeys(COLUMNS))
    series = {name: (run.series if run else {}).get(name, Series()) for name in COLUMNS}
    told = run is not None and any(epoch in one.epochs for one in series.values())
    measured = {name: run.value(name, epoch) for name in COLUMNS} if told and run else None
    here, there = (measured or {}).get("test_acc"), published["test_acc"]
    return {
        "epoch": epoch,
        "published": published,
        "measured": measured,
        "nonfinite": {name: one.nonfinite[epoch] for name, one in series.items() if epoch in one.nonfinite},
        "delta_points": None if here is None or there is None else 100 * (here - there),
    }


def changed_layers(planned: Planned, run: StoredRun | None, material: Material) -> list[dict[str, str]]:
    """Return the layers that were replaced: as the worker told it, else as the catalog knows it."""
    told = ((run.environment if run else None) or {}).get("model")
    if told:
        return told["changes"]
    images = material.images.get(planned.spec.dataset.name)
    expected = replaced_output(planned.spec.model.arch, images.classes if images else None)
    return [expected] if expected else []


def notes(part: ExperimentPart, planned: Planned, run: StoredRun | None, material: Material) -> list[Note]:
    """Return what is to be said: of the start, of the features, of the outcome, of the published table."""
    table = material.tables[part.preset]
    said = [
        _start_note(part, planned, material),
        _features_note(planned, run, material),
        outcome_note(planned, run, material),
        _diagnosis_note(planned, run, material),
        *(Note(kind="reference", text=text) for text in remarks(table, material.tables.values())),
        *(Note(kind="reference", text=_written(note, table, material)) for note in part.notes),
    ]
    return [note for note in said if note]


def _diagnosis_note(planned: Planned, run: StoredRun | None, material: Material) -> Note | None:
    if planned.spec.loss.name != "cross_entropy_of_probabilities":
        return None
    known = material.outcome_of(planned)
    twin = next((one for one in material.plan.cells if preset(one).corrects == planned.preset), None)
    twin_run = material.run_of(material.plan.cells[twin]) if twin else None
    text = diagnosis(run, twin_run, known.classes if known else None)
    return Note(kind="diagnosis", text=text) if text else None


def outcome_note(planned: Planned, run: StoredRun | None, material: Material) -> Note | None:
    """Return why an accuracy means nothing: collapsed to one class, or no better than guessing."""
    found = material.outcome_of(planned)
    if run is None or run.state != RunState.COMPLETED or found is None:
        return None
    if found.collapsed and found.most:
        text = f"collapsed: {percent(found.most.share)} of its predictions are '{found.most.name}'"
        return Note(kind="collapsed", text=text)
    if not found.at_chance or found.accuracy is None:
        return None
    steps = _steps(planned, run, material)
    after = f" {counted(steps, 'step')};" if steps else ""
    limit = percent(chance_limit(found.guess, found.images))
    uneven = found.guess > 1 / found.classes
    average = f"{percent(found.guess)} {'for the most frequent class' if uneven else 'on average'}"
    loss = "" if found.loss is None else f"; the training loss is {found.loss:.3f}"
    one_class = (
        f"; {percent(found.most.share)} of its predictions are '{found.most.name}'"
        if found.most and found.most.is_nearly_all
        else ""
    )
    return Note(
        kind="chance",
        text=f"{_cause(planned, found, material)}:{after} accuracy {percent(found.accuracy)} is not above the {limit} that "
        f"guessing gives on {counted(found.images, 'test image')} ({average}, more than {limit} one time "
        f"in twenty){loss}{one_class}",
    )


def _cause(planned: Planned, found: Outcome, material: Material) -> str:
    """Blame the few steps only where more of them could help: a saturated softmax applied twice learns no more."""
    stuck = planned.spec.loss.name == "cross_entropy_of_probabilities" and found.is_saturated
    quick = material.plan.variant.size == "quick" and not stuck
    return "too few steps" if found.knows_nothing or quick else "no better than guessing"


def twin(name: str, run: StoredRun | None, material: Material) -> dict[str, Any] | None:
    """Return the corrected twin of an experiment; None where it has none."""
    found = next((one for one in material.plan.cells if preset(one).corrects == name), None)
    if found is None:
        return None
    twin_run = material.run_of(material.plan.cells[found])
    return {
        "title": preset(found).title,
        "preset": found,
        "run": brief(twin_run),
        "last": _last(twin_run),
        "best_test_acc": _best(twin_run),
        "text": _twin_text(found, twin_run, run),
    }


def _last(run: StoredRun | None) -> dict[str, Any] | None:
    if run is None or not run.epoch:
        return None
    return {"epoch": run.epoch, **{name: run.value(name, run.epoch) for name in COLUMNS}}


def _best(run: StoredRun | None) -> float | None:
    values = run.series.get("test_acc", Series()).values if run else []
    return max((value for value in values if value is not None), default=None)


def _twin_text(name: str, twin_run: StoredRun | None, run: StoredRun | None) -> str:
    corrected, as_published = final_accuracy(twin_run), final_accuracy(run)
    if corrected is None or as_published is None:
        return preset(name).about
    return f"Corrected against as published: {compared(corrected, as_published)}."


def final_accuracy(run: StoredRun | None) -> float | None:
    """Return the test accuracy of the last epoch of a completed run."""
    return run.value("test_acc", run.epoch) if run and run.state == RunState.COMPLETED else None


def _start_note(part: ExperimentPart, planned: Planned, material: Material) -> Note | None:
    table = material.tables[part.preset]
    changed = [
        one for one in differences(part, table, planned, material) if one["field"] == "starting weights"
    ]
    if not changed:
        return None
    return Note(
        kind="start",
        text=f"The report starts from {changed[0]['published']}; here it is {changed[0]['here']}, "
        "so its accuracy cannot be held against the published one.",
    )


def _features_note(planned: Planned, run: StoredRun | None, material: Material) -> Note | None:
    wanted = planned.spec.features
    if wanted is None:
        return None
    place = f"{wanted.node} of {material.architecture(wanted.arch)}"
    average = ", averaged over the image" if wanted.pooling == "average" else ""
    told = ((run.environment if run else None) or {}).get("features")
    if not told:
        return Note(kind="features", text=f"Features: the output of {place}{average}.")
    shape = " × ".join(str(size) for size in told["shape"])
    origin = {"made": f"made in {told['seconds']:.1f} s", "found": "found as an earlier run made them"}
    return Note(
        kind="features",
        text=f"Features: the output of {place}{average}, {shape}: {counted(told['dimension'], 'number')} an image, "
        f"{origin.get(told['origin'], told['origin'])}.",
    )


def _written(note: WrittenNote, table: PublishedTable, material: Material) -> str:
    last = {
        one.table: percent(value)
        for one in material.tables.values()
        if (value := one.last("test_acc")) is not None
    }
    text = note.text.format(last=last)
    if note.same_hyper_parameters_as is None:
        return text
    other = material.tables[note.same_hyper_parameters_as]
    mine, theirs = _hyper(table), _hyper(other)
    return (
        f"{text} The values are the same: {mine}."
        if mine == theirs
        else f"{text} The values differ: {mine}, not {theirs}."
    )


def _hyper(table: PublishedTable) -> str:
    return f"learning rate {table.learning_rate:g}, {table.epochs} epochs, batch size {table.batch_size}"


def _steps(planned: Planned, run: StoredRun, material: Material) -> int | None:
    images = material.train_images(planned)
    return run.epoch * math.ceil(images / planned.spec.batch_size) if images else None
