"""The exported notebook, run without this project, comes to the numbers of the engine."""

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import get_model

from backend.catalog.models import SOFTMAX_REGRESSION, models
from backend.notebook.build import NUMBERS, MadeWith, Repeated, Training, notebook
from backend.spec import Spec
from tests.outside import printed_by
from tests.worker.tiny import OPTIONS, tiny_dataset, tiny_spec, trained
from worker import imagenet
from worker.engine.data import Dataset
from worker.engine.recorder import MemoryRecorder
from worker.engine.weights import StartingWeights, sha256_after

pytestmark = pytest.mark.thorough

TELL = "\nprint('NUMBERS', json.dumps(numbers))\n"


@dataclass(frozen=True)
class Engine:
    """What the engine made of a spec, and where its last checkpoint lies."""

    spec: Spec
    recorder: MemoryRecorder
    folder: Path

    @property
    def training(self) -> Training:
        return Training(self.spec, MadeWith.of(self.recorder.facts))

    @property
    def numbers(self) -> dict[int, list[float]]:
        return {one.epoch: [one.metrics[name] for name in NUMBERS] for one in self.recorder.epochs}

    def as_weights(self) -> StartingWeights:
        pointer = self.recorder.pointer()
        assert pointer
        path = self.folder / f"{pointer.name}.safetensors"
        return StartingWeights(path, sha256_after(path)[0], "parent", "the parent")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return tiny_dataset(tmp_path_factory.mktemp("data"), pixels=20, train=60, test=30)


@pytest.fixture(scope="module")
def data_folder(dataset: Dataset) -> Path:
    return folder_of(dataset).parent


@pytest.fixture(scope="module")
def parent(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A small convolutional network, on images that are resized."""
    spec = tiny_spec(
        model={"arch": "resnet18"},
        dataset={"image_size": 32, "train_limit": 40, "normalize": "imagenet"},
        optimizer={"momentum": 0.9, "weight_decay": 0.001},
        epochs=2,
        seed=3,
    )
    return by_engine(spec, dataset, tmp_path_factory.mktemp("parent"))


class Here:
    """Runs a notebook in this process: another one takes seconds to import torch."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(
        self, engine: Engine, ancestors: list[Engine], data_folder: Path, **environment: str
    ) -> tuple[dict[int, list[float]], str]:
        """Return the numbers that it comes to, and what it printed."""
        for name, value in {"RUNYARD_DATA": str(data_folder), **environment}.items():
            self._monkeypatch.setenv(name, value)
        scope: dict[str, Any] = {}
        exec(code_of(engine, ancestors), scope)
        return dict(enumerate(scope["numbers"], start=1)), self._capsys.readouterr().out


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    return Here(monkeypatch, capsys)


def folder_of(dataset: Dataset) -> Path:
    file = dataset.train_images.filename
    assert file
    return Path(file).parent


def by_engine(
    spec: Spec, dataset: Dataset, folder: Path, weights: StartingWeights | None = None, **options: Any
) -> Engine:
    _, recorder = trained(spec, dataset, folder, weights=weights, options=replace(OPTIONS, **options))
    return Engine(spec, recorder, folder)


def child_of(parent: Engine, **changes: Any) -> Spec:
    weights = {"source": "parent", "parent": parent.spec.recipe_hash()}
    part = changes.pop("part")
    changes.setdefault(part, {})["weights"] = weights
    return tiny_spec(seed=3, **changes)


def code_of(run: Engine, ancestors: list[Engine]) -> str:
    made = notebook(Repeated(1, "a run", run.training, [one.training for one in ancestors], run.numbers))
    return "\n".join(cell["source"] for cell in made["cells"] if cell["cell_type"] == "code")


def by_notebook(
    run: Engine, ancestors: list[Engine], data_folder: Path, scratch: Path
) -> tuple[dict[int, list[float]], str]:
    """Return the numbers that the notebook comes to in a process without this project, and what it printed."""
    printed = printed_by(code_of(run, ancestors) + TELL, scratch, RUNYARD_DATA=str(data_folder))
    text, _, numbers = printed.rpartition("NUMBERS")
    return dict(enumerate(json.loads(numbers), start=1)), text


def agree(run: Engine, numbers: dict[int, list[float]]) -> None:
    assert numbers.keys() == run.numbers.keys()
    for epoch, row in run.numbers.items():
        assert numbers[epoch] == pytest.approx(row, abs=1e-6, nan_ok=True), epoch


@pytest.mark.full
@pytest.mark.processes
def test_it_repeats_softmax_regression_on_pixels(dataset: Dataset, data_folder: Path, tmp_path: Path) -> None:
    spec = tiny_spec(
        loss={"name": "cross_entropy_of_probabilities"},
        model={"init": "xavier_uniform"},
        dataset={"train_limit": 50, "test_limit": 17, "normalize": "dataset"},
        seed=7,
    )
    run = by_engine(spec, dataset, tmp_path / "engine")
    numbers, text = by_notebook(run, [], data_folder, tmp_path)
    agree(run, numbers)
    assert "the training was repeated, number for number" in text


@pytest.mark.processes
def test_it_repeats_a_convolutional_network(parent: Engine, data_folder: Path, tmp_path: Path) -> None:
    numbers, text = by_notebook(parent, [], data_folder, tmp_path)
    agree(parent, numbers)
    assert "fc: Linear(in_features=512, out_features=1000, bias=True) -> Linear(" in text
    assert "the training was repeated, number for number" in text


@pytest.mark.full
@pytest.mark.processes
def test_it_repeats_softmax_regression_on_standardised_features_of_a_parent(
    parent: Engine, dataset: Dataset, data_folder: Path, tmp_path: Path
) -> None:
    features = {"arch": "resnet18", "node": "layer2", "pooling": "average", "standardize": True}
    spec = child_of(parent, part="features", features=features, dataset={"image_size": 32, "test_limit": 25})
    run = by_engine(spec, dataset, tmp_path / "engine", parent.as_weights())
    numbers, text = by_notebook(run, [parent], data_folder, tmp_path)
    agree(run, numbers)
    assert "layer2: 128 features of each image" in text


@pytest.mark.full
@pytest.mark.processes
def test_it_repeats_a_network_fine_tuned_from_a_parent(
    parent: Engine, dataset: Dataset, data_folder: Path, tmp_path: Path
) -> None:
    spec = child_of(
        parent,
        part="model",
        model={"arch": "resnet18"},
        dataset={"image_size": 32, "augment": "crop_flip"},
        epochs=2,
    )
    run = by_engine(spec, dataset, tmp_path / "engine", parent.as_weights())
    numbers, _ = by_notebook(run, [parent], data_folder, tmp_path)
    agree(run, numbers)


def test_it_repeats_a_network_whose_kept_output_layer_alone_is_trained(
    parent: Engine, dataset: Dataset, data_folder: Path, tmp_path: Path, here: Here
) -> None:
    model = {"arch": "resnet18", "output_layer": "kept", "trained": "head"}
    spec = child_of(
        parent, part="model", model=model, dataset={"image_size": 32, "augment": "flip"}, epochs=2
    )
    run = by_engine(spec, dataset, tmp_path / "engine", parent.as_weights())
    numbers, _ = here.run(run, [parent], data_folder)
    agree(run, numbers)


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_it_repeats_features_of_a_file_of_weights(
    dataset: Dataset, data_folder: Path, tmp_path: Path, here: Here, suffix: str
) -> None:
    torch.manual_seed(1)
    state = get_model("squeezenet1_1", weights=None, num_classes=7).state_dict()
    kept, imported = tmp_path / "kept.safetensors", tmp_path / f"mine.{suffix}"
    save_file(state, kept)
    save_file(state, imported) if suffix == "safetensors" else torch.save(state, imported)
    weights = {"source": "file", "name": "mine"}
    spec = tiny_spec(
        features={"arch": "squeezenet1_1", "node": "features.4", "weights": weights},
        dataset={"image_size": 32, "train_limit": 40},
        epochs=2,
    )
    run = by_engine(
        spec, dataset, tmp_path / "engine", StartingWeights(kept, "0" * 64, "file", "the file 'mine'")
    )
    numbers, _ = here.run(run, [], data_folder, RUNYARD_WEIGHTS=str(imported))
    agree(run, numbers)


def test_it_repeats_grey_images_features_at_random_and_losses_that_are_no_numbers(
    tmp_path: Path, here: Here
) -> None:
    grey = tiny_dataset(tmp_path / "data", pixels=32, train=40, test=10, grey=True)
    spec = tiny_spec(
        features={"arch": "squeezenet1_1", "node": "features.2"},
        optimizer={"lr": 100.0, "momentum": 0.99, "weight_decay": 10.0},
        epochs=25,
    )
    run = by_engine(spec, grey, tmp_path / "engine")
    numbers, text = here.run(run, [], tmp_path / "data")
    agree(run, numbers)
    assert math.isnan(numbers[25][0])
    assert "The largest difference is 0.0e+00" in text


OPTIMIZERS: dict[str, dict[str, Any]] = {
    "nesterov": {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.001},
    "adam": {"name": "adam", "lr": 0.01, "beta1": 0.8, "weight_decay": 0.01},
    "adamw": {"name": "adamw", "lr": 0.01, "beta2": 0.99, "weight_decay": 0.1},
}
SCHEDULES: dict[str, dict[str, Any]] = {
    "constant, warmed up": {"warmup_epochs": 1.5},
    "step": {"name": "step", "step_epochs": 1, "gamma": 0.3, "warmup_epochs": 0.5},
    "cosine": {"name": "cosine", "warmup_epochs": 1},
    "onecycle": {"name": "onecycle"},
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_it_repeats_each_optimizer_with_each_schedule(
    dataset: Dataset,
    data_folder: Path,
    tmp_path: Path,
    here: Here,
    optimizer: dict[str, Any],
    schedule: dict[str, Any],
) -> None:
    spec = tiny_spec(optimizer=optimizer, schedule=schedule, batch_size=16, epochs=4)
    run = by_engine(spec, dataset, tmp_path / "engine")
    numbers, text = here.run(run, [], data_folder)
    agree(run, numbers)
    assert "The largest difference is 0.0e+00" in text


def test_a_notebook_of_another_schedule_would_not_agree(
    dataset: Dataset, data_folder: Path, tmp_path: Path, here: Here
) -> None:
    run = by_engine(tiny_spec(schedule={"name": "cosine"}, epochs=4), dataset, tmp_path / "engine")
    numbers, _ = here.run(replace(run, spec=tiny_spec(epochs=4)), [], data_folder)
    with pytest.raises(AssertionError):
        agree(run, numbers)


@pytest.mark.parametrize("loss", ["cross_entropy", "cross_entropy_of_probabilities"])
def test_it_repeats_smoothed_labels_clipped_gradients_and_a_validation_split(
    dataset: Dataset, data_folder: Path, tmp_path: Path, here: Here, loss: str
) -> None:
    spec = tiny_spec(
        dataset={"validation": 0.3, "train_limit": 50, "augment": "crop_flip"},
        loss={"name": loss, "label_smoothing": 0.2},
        gradient_clip=0.05,
        step_series=True,
    )
    run = by_engine(spec, dataset, tmp_path / "engine")
    numbers, text = here.run(run, [], data_folder)
    agree(run, numbers)
    assert "35 of the training images are trained on" in text


def test_it_repeats_a_network_in_bfloat16_with_a_schedule(
    dataset: Dataset, data_folder: Path, tmp_path: Path, here: Here
) -> None:
    spec = tiny_spec(
        model={"arch": "squeezenet1_1"},
        dataset={"image_size": 32, "train_limit": 20, "validation": 0.2},
        optimizer={"name": "adamw", "lr": 0.001},
        schedule={"name": "onecycle"},
        precision="bf16",
        epochs=2,
    )
    run = by_engine(spec, dataset, tmp_path / "engine")
    numbers, _ = here.run(run, [], data_folder)
    agree(run, numbers)
    without = replace(run.recorder, facts={**run.recorder.facts, "precision": {"used": "fp32"}})
    others, _ = here.run(replace(run, recorder=without), [], data_folder)
    with pytest.raises(AssertionError):
        agree(run, others)


def test_it_repeats_standardised_features_of_which_some_are_kept_back(
    dataset: Dataset, data_folder: Path, tmp_path: Path, here: Here
) -> None:
    spec = tiny_spec(
        features={"arch": "squeezenet1_1", "node": "features.4", "standardize": True, "pooling": "average"},
        dataset={"image_size": 32, "train_limit": 40, "validation": 0.25},
        schedule={"name": "cosine"},
    )
    run = by_engine(spec, dataset, tmp_path / "engine")
    numbers, _ = here.run(run, [], data_folder)
    agree(run, numbers)


def test_another_number_than_the_stored_one_is_told_with_its_place(
    dataset: Dataset, data_folder: Path, tmp_path: Path, here: Here
) -> None:
    run = by_engine(tiny_spec(epochs=2), dataset, tmp_path / "engine")
    run.recorder.epochs[1].metrics["test_loss"] += 0.5
    assert "The largest difference is 5.0e-01, in test_loss of epoch 2." in here.run(run, [], data_folder)[1]


def test_a_run_that_never_started_is_trained_on_the_newest_images_of_the_name(
    data_folder: Path, tmp_path: Path, here: Here
) -> None:
    _, text = here.run(Engine(tiny_spec(epochs=1), MemoryRecorder(), tmp_path), [], data_folder)
    assert "epoch 1: loss " in text
    assert "there is nothing to compare" in text


def test_a_missing_folder_of_images_is_one_sentence(dataset: Dataset, tmp_path: Path, here: Here) -> None:
    run = by_engine(tiny_spec(epochs=1), dataset, tmp_path / "engine")
    wanted = f"tiny-{dataset.hash[:12]}"
    with pytest.raises(FileNotFoundError) as raised:
        here.run(run, [], tmp_path / "nowhere")
    assert str(raised.value) == (
        f"There is no folder {tmp_path / 'nowhere' / wanted}: set DATA to the folder that holds {wanted}."
    )


def test_it_names_the_imagenet_weights_that_the_worker_takes() -> None:
    spec = tiny_spec(model={"arch": "alexnet", "weights": {"source": "imagenet"}})
    cells = notebook(Repeated(1, "", Training(spec), [], {}))["cells"]
    (source,) = [cell["source"] for cell in cells if cell["id"] == "run-run-from-imagenet"]

    def get_model(arch: str, weights: str) -> SimpleNamespace:
        """Stand where torchvision would download: the state is what was asked for."""
        return SimpleNamespace(state_dict=lambda: (arch, weights))

    for arch in models().keys() - {SOFTMAX_REGRESSION}:
        scope: dict[str, Any] = {
            "SPEC": {"features": {"arch": arch}},
            "torchvision": SimpleNamespace(models=SimpleNamespace(get_model=get_model)),
        }
        exec(source, scope)
        assert scope["start"] == (arch, imagenet.standard(arch).name)
