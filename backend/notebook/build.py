"""From a run, and the trainings that it started from, to a notebook: a dictionary in the form of nbformat 4.5."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from backend.catalog.models import SOFTMAX_REGRESSION
from backend.notebook.literals import literal, plain
from backend.notebook.refusal import check_repeatable
from backend.spec import Spec

NUMBERS = ("train_loss", "train_acc", "test_loss", "test_acc")
"""The numbers of an epoch that are repeated, in the order in which `Repeated.numbers` has them."""

Cell = dict[str, Any]


@dataclass(frozen=True)
class MadeWith:
    """What decides how the numbers of a training are rounded, and on which images; None where it is not known."""

    data_hash: str | None = None
    device: str | None = None
    threads: int | None = None
    torch: str | None = None
    precision: str | None = None
    """fp32 or bf16, as it was decided where it was trained."""
    compiled: bool | None = None

    @classmethod
    def of(cls, environment: Mapping[str, Any] | None) -> "MadeWith":
        """Return it out of the facts that an attempt recorded."""
        facts = environment or {}
        plain = {name: facts.get(name) for name in ("data_hash", "device", "threads", "torch")}
        decided = {name: (facts.get(name) or {}).get("used") for name in ("precision", "compile")}
        compiled = None if decided["compile"] is None else decided["compile"] == "on"
        return cls(**plain, precision=decided["precision"], compiled=compiled)


@dataclass(frozen=True)
class Training:
    """One training that the notebook repeats."""

    spec: Spec
    made_with: MadeWith = MadeWith()


@dataclass(frozen=True)
class Repeated:
    """A run, with what it started from (`ancestors`, the oldest first) and its stored numbers by epoch."""

    run_id: int
    name: str
    training: Training
    ancestors: Sequence[Training]
    numbers: Mapping[int, Sequence[float]]


def notebook(run: Repeated) -> dict[str, Any]:
    """Return the notebook that repeats a run.

    Raises:
        NotRepeatable: something in its spec is unknown to the cells.
    """
    check_repeatable(run.run_id, run.training.spec, [one.spec for one in run.ancestors])
    return {
        "cells": [*_opening(run), *_definitions(run), *_repetitions(run), *_comparison(run)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _opening(run: Repeated) -> Iterator[Cell]:
    parents = " What it starts from is trained first, in the same way." if run.ancestors else ""
    yield _markdown(
        "opening",
        f"# Run {run.run_id}: {plain(run.name)}\n\n"
        f"This notebook repeats the training of {_title(run.training.spec)}, and holds its numbers against those that "
        f"Runyard stored.{parents}{_compiled(run)}",
    )


def _compiled(run: Repeated) -> str:
    """Say so where the network was compiled: the same sums, in another order."""
    if not any(one.made_with.compiled for one in (*run.ancestors, run.training)):
        return ""
    return " The stored numbers were made with a compiled network, which rounds differently; here it is not compiled."


def _definitions(run: Repeated) -> Iterator[Cell]:
    """Yield the cells that define what the trainings use, and no more than they use."""
    on_cpu = run.training.made_with.device == "cpu"
    yield from _cells("setup", "device_cpu" if on_cpu else "device_any")
    specs = [training.spec for training in (*run.ancestors, run.training)]
    if any(spec.weights.source == "file" for spec in specs):
        yield from _cells("weights_file")
    yield from _cells("data", "subset", "images")
    wanted = {part for spec in specs for part in _parts(spec)}
    yield from _cells(*(part for part in _PARTS if part in wanted))


_PARTS = (
    "output_layer",
    "network_torchvision",
    "network_softmax",
    "network_xavier",
    "network_start",
    "features",
    "standardize",
    "loss",
    "loss_of_probabilities",
    "order",
    "augment",
    "validation",
    "optimizer",
    "optimizer_adam",
    "schedule",
    "schedule_step",
    "schedule_cosine",
    "schedule_onecycle",
    "evaluate",
    "train",
)
"""Definitions that some trainings need and others do not, in the order in which they stand."""


def _parts(spec: Spec) -> Iterator[str]:
    """Yield what one training needs of `_PARTS`."""
    yield from ("loss", "order", "optimizer", "schedule", "evaluate", "train")
    if spec.optimizer.name != "sgd":
        yield "optimizer_adam"
    if spec.schedule.name != "constant":
        yield f"schedule_{spec.schedule.name}"
    if spec.dataset.validation:
        yield "validation"
    is_softmax = spec.model.arch == SOFTMAX_REGRESSION
    if is_softmax:
        yield "network_softmax"
    if not is_softmax or (spec.features and spec.weights.source != "parent"):
        yield from ("output_layer", "network_torchvision")
    if spec.model.init == "xavier_uniform":
        yield "network_xavier"
    if spec.model.weights.source != "none" or spec.weights.source in ("imagenet", "file"):
        yield from ("output_layer", "network_start")
    if spec.features:
        yield "features"
        if spec.features.standardize:
            yield "standardize"
    if spec.loss.name == "cross_entropy_of_probabilities":
        yield "loss_of_probabilities"
    if spec.dataset.augment != "none":
        yield "augment"


def _repetitions(run: Repeated) -> Iterator[Cell]:
    count = len(run.ancestors) + 1
    for number, parent in enumerate(run.ancestors, start=1):
        yield from _repetition(f"parent-{number}", f"Training {number} of {count}", parent)
    yield from _repetition(
        "run", f"Training {count} of {count}, the run itself" if count > 1 else "The run", run.training
    )


def _repetition(prefix: str, heading: str, training: Training) -> Iterator[Cell]:
    """Yield the cells that train once, each under an id of its own."""
    spec = training.spec
    yield _markdown(f"{prefix}-opening", f"## {heading}: {_title(spec)}")
    values = {"SPEC": spec.model_dump(mode="json"), "MADE_WITH": asdict(training.made_with)}
    yield _code(f"{prefix}-spec", "\n".join(f"{name} = {literal(value)}" for name, value in values.items()))
    yield from _cells(*_steps(training), prefix=f"{prefix}-")


def _steps(training: Training) -> Iterator[str]:
    spec = training.spec
    if spec.features:
        yield from ("run_images", *_feature_steps(spec))
    elif spec.model.arch == SOFTMAX_REGRESSION:
        yield "run_pixels"
    else:
        yield "run_images"
    if spec.dataset.augment != "none":
        yield "run_augment"
    if spec.dataset.validation:
        yield "run_validation_vectors" if spec.features else "run_validation"
    # After the features: they are made with as many threads as the network that makes them was trained with.
    if training.made_with.device == "cpu" and training.made_with.threads:
        yield "run_threads"
    yield from _network_steps(spec)
    yield "run_train"


def _feature_steps(spec: Spec) -> Iterator[str]:
    assert spec.features
    source = spec.weights.source
    if source in ("imagenet", "file"):
        yield from (f"run_from_{source}", "run_frozen_weights")
    else:
        yield "run_frozen_parent" if source == "parent" else "run_frozen_random"
    yield "run_features"
    if spec.features.standardize:
        yield "run_standardize"


def _network_steps(spec: Spec) -> Iterator[str]:
    model = spec.model
    if model.weights.source != "none":
        yield f"run_from_{model.weights.source}"
    if spec.features:
        yield "run_vectors"
    else:
        yield "run_softmax" if model.arch == SOFTMAX_REGRESSION else "run_network"
    if model.init == "xavier_uniform":
        yield "run_xavier"
    if model.weights.source != "none":
        yield "run_start"
    if model.trained == "head":
        yield "run_head"


def _comparison(run: Repeated) -> Iterator[Cell]:
    yield _markdown(
        "comparison",
        "## The numbers beside the stored ones\n\n"
        f"By epoch: {', '.join(f'`{name}`' for name in NUMBERS)}, as Runyard stored them of run {run.run_id}.",
    )
    rows = (
        f"    {epoch}: ({', '.join(literal(float(value)) for value in row)}),\n"
        for epoch, row in sorted(run.numbers.items())
    )
    yield _code("stored", f"STORED = {{\n{''.join(rows)}}}")
    yield from _cells("compare", "sentence")


def _title(spec: Spec) -> str:
    features = f" on features of {spec.features.arch} at {spec.features.node}" if spec.features else ""
    return f"`{spec.model.arch}{features}`, data set `{spec.dataset.name}`, seed {spec.seed}"


def _cells(*names: str, prefix: str = "") -> Iterator[Cell]:
    """Yield what stands in `cells/` under these names: the words, then the code."""
    for name in names:
        identity = prefix + name.replace("_", "-")
        words = _template(f"{name}.md")
        if words:
            yield _markdown(f"{identity}-words", words)
        yield _code(identity, _template(f"{name}.py.txt"))


@cache
def _template(name: str) -> str:
    place = files("backend.notebook") / "cells" / name
    return place.read_text("utf-8").strip() if place.is_file() else ""


def _markdown(identity: str, source: str) -> Cell:
    return {"cell_type": "markdown", "id": identity, "metadata": {}, "source": source}


def _code(identity: str, source: str) -> Cell:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": identity,
        "metadata": {},
        "outputs": [],
        "source": source,
    }
