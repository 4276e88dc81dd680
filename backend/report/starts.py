"""What a training starts from, in words: a random start, weights made elsewhere, or a run trained here."""

from typing import Any

from backend.analysis.numerals import counted, percent
from backend.catalog.presets import Planned
from backend.contract import RunState
from backend.report.material import Ancestor, Material
from backend.spec import Spec
from backend.store.reports import StoredRun

RANDOM = {
    "default": "random start, as the library draws it",
    "xavier_uniform": "random start, Xavier uniform",
}


def start(planned: Planned, material: Material) -> str:
    """Return what a training starts from, along the whole chain of its parents."""
    run = material.run_of(planned)
    spec = planned.spec
    if spec.weights.source != "parent":
        return _without_parent(spec, run, material)
    sentence = ""
    for parent in material.ancestors(planned):
        verb = "features of" if planned.spec.features else "starts from"
        sentence += f"{', which ' if sentence else ''}{verb} {material.title(parent.planned)} ({about(parent, material)})"
        planned, run = parent.planned, parent.run
    if planned.spec.weights.source == "none":
        return sentence
    return f"{sentence}, which starts from {_made_elsewhere(planned.spec, run)}"


def parents(planned: Planned, material: Material) -> list[dict[str, Any]]:
    """Return what a training starts from, the nearest first, with the runs that are it."""
    return [
        {
            "title": material.title(parent.planned),
            "run": None if parent.run is None else {"id": parent.run.id, "state": parent.run.state},
            "about": about(parent, material),
        }
        for parent in material.ancestors(planned)
    ]


def about(parent: Ancestor, material: Material) -> str:
    """Return how a parent was trained and how good it is: what its children can be expected to gain from it."""
    run = parent.run
    if run is None:
        return parent.lost or "not launched"
    images = material.train_images(parent.planned)
    trained = counted(run.epochs, "epoch") + (f" of {counted(images, 'image')}" if images else "")
    if run.state != RunState.COMPLETED:
        return f"run {run.id}, {run.state}, {trained}"
    accuracy = run.value("test_acc", run.epoch)
    own = "" if accuracy is None else f", its own test accuracy {percent(accuracy)}"
    return f"run {run.id}, {trained}{own}"


def kind_of_start(planned: Planned, material: Material) -> str:
    """Return what a training starts from in a few words that do not change with its runs, to be compared."""
    spec = planned.spec
    if planned.parent is not None:
        before = kind_of_start(planned.parent, material)
        after = "" if planned.parent.spec.weights.source == "none" else f", from {before}"
        return f"{material.title(planned.parent)}{after}"
    return {"none": "random", "imagenet": "ImageNet weights"}.get(
        spec.weights.source, f"the file '{spec.weights.name}'"
    )


def _without_parent(spec: Spec, run: StoredRun | None, material: Material) -> str:
    if spec.weights.source == "none":
        return RANDOM[spec.model.init]
    verb = "starts from"
    if spec.features:
        verb = f"features of {material.architecture(spec.features.arch)} with"
    return f"{verb} {_made_elsewhere(spec, run)}"


def _made_elsewhere(spec: Spec, run: StoredRun | None) -> str:
    told = ((run.environment if run else None) or {}).get("weights") or {}
    if told.get("about"):
        return told["about"]
    return "ImageNet weights" if spec.weights.source == "imagenet" else f"the file '{spec.weights.name}'"
