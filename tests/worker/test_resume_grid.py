"""Killed at random batches, again and again, and resumed: every point and every step as if uninterrupted, bit for bit.

On a CPU, over optimizers x schedules x augmentations, with averaged weights, clipping, validation and all the rest.
The grids count what they reached, and controls show that they would notice.
"""

import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

from backend.contract import TIMING_METRICS
from backend.spec import Spec
from tests.worker.tiny import OPTIONS, tiny_dataset, tiny_spec, trained
from worker.engine.average import Average
from worker.engine.checkpoint import CheckpointPointer
from worker.engine.data import Dataset
from worker.engine.recorder import MemoryRecorder
from worker.engine.stopping import EarlyStopping
from worker.engine.totals import EpochTotals
from worker.engine.train import Outcome

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"lr": 0.05},
    "nesterov": {"lr": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-3},
    "adam": {"name": "adam", "lr": 1e-3},
    "adamw": {"name": "adamw", "lr": 1e-3, "weight_decay": 0.05, "beta2": 0.99},
}
SCHEDULES: dict[str, dict[str, Any]] = {
    "constant": {},
    "step": {"name": "step", "step_epochs": 1, "gamma": 0.5},
    "cosine": {"name": "cosine", "warmup_epochs": 0.5},
    "onecycle": {"name": "onecycle"},
}
AUGMENTATIONS = ("none", "flip", "crop_flip", "cutout", "mixup")

# A checkpoint at every step: a kill then leaves two of them, and the test goes on from either.
ALL_THE_TIME = replace(OPTIONS, within_epoch_seconds=0.0)


class Killed(Exception):
    """Stands for a kill -9: nothing is done after it."""


@dataclass
class Story:
    """What a run's record would hold after all its attempts, and what befell it."""

    points: dict[int, dict[str, float]] = field(default_factory=dict)
    steps: dict[int, dict[str, float]] = field(default_factory=dict)
    resumes: int = 0
    within_epochs: int = 0
    repeated_steps: int = 0

    def add(self, recorder: MemoryRecorder) -> None:
        for one in recorder.epochs:
            assert one.epoch not in self.points
            self.points[one.epoch] = {
                name: value for name, value in one.metrics.items() if name not in TIMING_METRICS
            }
        for first_step, series in recorder.chunks:
            for name, values in series.items():
                for step, value in enumerate(values.tolist(), start=first_step):
                    row = self.steps.setdefault(step, {})
                    assert name not in row, f"step {step} is told twice"
                    row[name] = value

    def rewind(self, pointer: CheckpointPointer | None) -> None:
        epoch, step = (pointer.epoch, pointer.global_step) if pointer else (0, 0)
        self.resumes += pointer is not None
        self.within_epochs += pointer is not None and pointer.step > 0
        self.repeated_steps += max(self.steps, default=0) > step
        self.points = {one: values for one, values in self.points.items() if one <= epoch}
        self.steps = {one: values for one, values in self.steps.items() if one <= step}


def killing_after(batches: int) -> MemoryRecorder:
    asked = 0

    def stop_when(_: MemoryRecorder) -> bool:
        nonlocal asked
        asked += 1
        if asked > batches:
            raise Killed
        return False

    return MemoryRecorder(stop_when=stop_when)


def uninterrupted(spec: Spec, dataset: Dataset, folder: Path) -> Story:
    story = Story()
    outcome, recorder = trained(spec, dataset, folder)
    assert outcome is Outcome.COMPLETED
    story.add(recorder)
    return story


def killed_and_resumed(spec: Spec, dataset: Dataset, folder: Path, chance: random.Random) -> Story:
    """Train in attempts that are killed after one to twelve batches, evaluation's too, until one gets through."""
    story, checkpoints, attempt = Story(), [], 0
    while True:
        attempt += 1
        recorder = killing_after(chance.randint(1, 12))
        there = [one for one in checkpoints[-2:] if (folder / f"{one.name}.pt").exists()]
        resume = chance.choice(there) if there else None
        if attempt > 1:
            story.rewind(resume)
        # What was made after it belongs to no attempt any more.
        checkpoints = checkpoints[: checkpoints.index(resume) + 1] if resume else []
        try:
            outcome, _ = trained(
                spec,
                dataset,
                folder,
                recorder=recorder,
                attempt=attempt,
                resume=resume,
                options=ALL_THE_TIME,
            )
        except Killed:
            outcome = None
        story.add(recorder)
        checkpoints += recorder.checkpoints
        if outcome is Outcome.COMPLETED:
            return story
        assert attempt < 60, "it does not get ahead"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return tiny_dataset(tmp_path_factory.mktemp("data"), train=120, test=30)


@pytest.fixture(scope="module")
def dataset_32(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return tiny_dataset(tmp_path_factory.mktemp("data"), pixels=32, train=40, test=10)


def layer(optimizer: str, schedule: str, augment: str, **changes: Any) -> Spec:
    """A single layer with everything switched on that a checkpoint must hold."""
    return tiny_spec(
        dataset={"augment": augment, "validation": 0.1},
        optimizer=OPTIMIZERS[optimizer],
        schedule=SCHEDULES[schedule],
        loss={"label_smoothing": 0.1},
        gradient_clip=0.5,
        ema=0.9,
        early_stopping={"patience": 2},
        step_series=True,
        **changes,
    )


def network(optimizer: str, schedule: str, augment: str, **changes: Any) -> Spec:
    """A network with dropout and batch norm."""
    return tiny_spec(
        model={"arch": "mobilenet_v3_small"},
        dataset={"augment": augment},
        optimizer=OPTIMIZERS[optimizer],
        schedule=SCHEDULES[schedule],
        epochs=2,
        batch_size=10,
        step_series=True,
        **changes,
    )


@pytest.mark.thorough
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_single_layer_resumed_is_the_uninterrupted_one_over_the_whole_grid(
    optimizer: str, dataset: Dataset, tmp_path: Path
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201 - shown where it fails
    chance = random.Random(seed)
    stories = []
    for number, (schedule, augment) in enumerate(product(SCHEDULES, AUGMENTATIONS)):
        spec = layer(optimizer, schedule, augment, seed=number)
        whole = uninterrupted(spec, dataset, tmp_path / f"{number}-whole")
        cut = killed_and_resumed(spec, dataset, tmp_path / f"{number}-cut", chance)
        assert cut.points == whole.points, (seed, schedule, augment)
        assert cut.steps == whole.steps, (seed, schedule, augment)
        assert sorted(cut.steps) == list(range(1, 13))
        stories.append(cut)
    assert len(stories) == 20
    resumes, within, repeated = (
        sum(getattr(story, name) for story in stories)
        for name in ("resumes", "within_epochs", "repeated_steps")
    )
    print(f"{resumes} resumes, {within} within an epoch, {repeated} of which repeated steps")  # noqa: T201
    assert (resumes >= 30, within >= 20, repeated >= 5) == (True, True, True), (
        seed,
        resumes,
        within,
        repeated,
    )


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("optimizer", "schedule", "augment", "more"),
    [
        ("sgd", "constant", "none", {}),
        ("nesterov", "cosine", "crop_flip", {"ema": 0.9}),
        ("adam", "onecycle", "cutout", {"gradient_clip": 1.0}),
        ("adamw", "step", "mixup", {"ema": 0.5, "dataset": {"augment": "mixup", "validation": 0.25}}),
    ],
)
def test_a_network_with_dropout_and_batch_norm_resumed_is_the_uninterrupted_one(
    optimizer: str, schedule: str, augment: str, more: dict[str, Any], dataset_32: Dataset, tmp_path: Path
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201 - shown where it fails
    spec = network(optimizer, schedule, augment)
    spec = Spec.model_validate({**spec.model_dump(), **_merged(spec, more)})
    whole = uninterrupted(spec, dataset_32, tmp_path / "whole")
    cut = killed_and_resumed(spec, dataset_32, tmp_path / "cut", random.Random(seed))
    assert cut.points == whole.points, seed
    assert cut.steps == whole.steps, seed


def _merged(spec: Spec, more: dict[str, Any]) -> dict[str, Any]:
    dataset = spec.dataset.model_dump() | more.get("dataset", {})
    return {**more, "dataset": dataset}


# What a checkpoint must hold, one by one: without it the numbers differ, so the grids would notice.


def forget_random_states(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.engine.trained.restore_random_states", lambda *_: None)


def forget_the_optimizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.optim.SGD, "load_state_dict", lambda *_: None)


def forget_the_average(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Average, "load", lambda *_: None)


def forget_the_totals(monkeypatch: pytest.MonkeyPatch) -> None:
    real = EpochTotals.going_on.__func__

    def going_on(cls: type[EpochTotals], state: dict[str, Any], *rest: Any) -> EpochTotals:
        return real(cls, {**state, "loss_sum": 0.0}, *rest)

    monkeypatch.setattr(EpochTotals, "going_on", classmethod(going_on))


def forget_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EarlyStopping, "load", lambda *_: None)


def that_ends_early() -> Spec:
    """A training that is over after four epochs: nothing gets better by more than a hundred."""
    return tiny_spec(
        dataset={"validation": 0.1},
        early_stopping={"patience": 3, "min_delta": 100.0},
        epochs=9,
        step_series=True,
    )


CONTROLS: list[tuple[Callable[[pytest.MonkeyPatch], None], Callable[[], Spec]]] = [
    (forget_random_states, lambda: network("sgd", "constant", "none")),
    (forget_the_optimizer, lambda: network("nesterov", "constant", "none")),
    (forget_the_average, lambda: network("sgd", "constant", "none", ema=0.5)),
    (forget_the_totals, lambda: network("sgd", "constant", "none")),
]


@pytest.fixture
def forgetful() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield monkeypatch


@pytest.mark.thorough
@pytest.mark.parametrize(("forget", "spec_of"), CONTROLS, ids=[control.__name__ for control, _ in CONTROLS])
def test_a_checkpoint_without_one_of_its_parts_is_noticed(
    forget: Callable[[pytest.MonkeyPatch], None],
    spec_of: Callable[[], Spec],
    dataset_32: Dataset,
    tmp_path: Path,
    forgetful: pytest.MonkeyPatch,
) -> None:
    spec = spec_of()
    whole = uninterrupted(spec, dataset_32, tmp_path / "whole")
    forget(forgetful)
    cut = killed_and_resumed(spec, dataset_32, tmp_path / "cut", random.Random(1))
    assert cut.resumes > 0
    assert (cut.points, cut.steps) != (whole.points, whole.steps)


@pytest.mark.thorough
def test_a_resumed_training_ends_early_in_the_same_epoch_and_without_its_count_it_would_not(
    dataset: Dataset, tmp_path: Path, forgetful: pytest.MonkeyPatch
) -> None:
    spec = that_ends_early()
    whole = uninterrupted(spec, dataset, tmp_path / "whole")
    assert sorted(whole.points) == [1, 2, 3, 4]
    cut = killed_and_resumed(spec, dataset, tmp_path / "cut", random.Random(2))
    assert cut.points == whole.points
    forget_the_waiting(forgetful)
    control = killed_and_resumed(spec, dataset, tmp_path / "control", random.Random(2))
    assert len(control.points) > len(whole.points)


def test_a_kill_between_the_last_epoch_and_the_verdict_completes_without_training(
    dataset: Dataset, tmp_path: Path
) -> None:
    _, first = trained(that_ends_early(), dataset, tmp_path)
    outcome, second = trained(that_ends_early(), dataset, tmp_path, attempt=2, resume=first.pointer())
    assert outcome is Outcome.COMPLETED
    assert second.epochs == []
    assert second.lines[-1].startswith("stopped early: val_loss was best in epoch")
