import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from backend.contract import METRICS, TIMING_METRICS
from backend.errors import DataProblem, InvalidSpec
from backend.spec import EarlyStoppingSpec, ModelSpec, Spec
from tests.worker.tiny import OPTIONS, tiny_dataset, tiny_spec, trained
from worker.engine import checkpoint
from worker.engine import trained as trained_module
from worker.engine.checkpoint import BrokenCheckpoint, CheckpointPointer
from worker.engine.data import Dataset
from worker.engine.evaluate import encoded
from worker.engine.group import ALONE
from worker.engine.models import build_model
from worker.engine.recorder import MemoryRecorder
from worker.engine.step import TrainingStep
from worker.engine.stopping import EarlyStopping
from worker.engine.train import Outcome
from worker.engine.trained import Trained
from worker.engine.weights import StartingWeights, sha256_after

REPEATED = tuple(name for name in METRICS if name not in TIMING_METRICS)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return tiny_dataset(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def dataset_32(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return tiny_dataset(tmp_path_factory.mktemp("data"), pixels=32, train=48, test=16)


def with_dropout(**changes: object) -> Spec:
    """A network with dropout and batch norm, trained with momentum: all that a resumed run must bring back."""
    return tiny_spec(
        model={"arch": "mobilenet_v3_small"}, optimizer={"momentum": 0.9}, batch_size=16, epochs=4, **changes
    )


def repeated(recorder: MemoryRecorder) -> dict[str, list[float]]:
    return {name: recorder.series(name) for name in REPEATED if name in recorder.epochs[0].metrics}


def weights(folder: Path, pointer: CheckpointPointer | None) -> bytes:
    assert pointer
    return (folder / f"{pointer.name}.safetensors").read_bytes()


def stop_in_epoch(epoch: int):
    """Stop at the second batch of an epoch."""
    return MemoryRecorder(
        stop_when=lambda recorder: len(recorder.epochs) == epoch - 1 and recorder.steps_done % 3 == 1
    )


def test_the_loss_falls(dataset: Dataset, tmp_path: Path) -> None:
    outcome, recorder = trained(tiny_spec(epochs=8, dataset={"normalize": "dataset"}), dataset, tmp_path)
    losses = recorder.series("train_loss")
    assert outcome is Outcome.COMPLETED
    assert losses[-1] < 0.8 * losses[0]
    assert recorder.series("train_acc")[-1] > 0.3


def test_each_epoch_records_all_metrics_of_the_contract(dataset: Dataset, tmp_path: Path) -> None:
    _, recorder = trained(tiny_spec(epochs=1), dataset, tmp_path)
    of_all = (
        set(METRICS) - {"val_loss", "val_acc"} - {"energy_wh"}
    )  # where images are kept back; by the recorder
    assert set(recorder.epochs[0].metrics) == of_all
    assert recorder.steps_done == 5


def test_the_same_seed_gives_the_same_numbers(dataset: Dataset, tmp_path: Path) -> None:
    (_, first), (_, second) = (trained(tiny_spec(seed=3), dataset, tmp_path / str(n)) for n in (1, 2))
    assert repeated(first) == repeated(second)


def test_another_seed_gives_other_numbers(dataset: Dataset, tmp_path: Path) -> None:
    (_, first), (_, second) = (
        trained(tiny_spec(seed=seed), dataset, tmp_path / str(seed)) for seed in (3, 4)
    )
    assert first.series("train_loss") != second.series("train_loss")


def test_the_running_loss_of_one_batch_is_the_loss_before_any_step(dataset: Dataset, tmp_path: Path) -> None:
    """With no step to speak of, training and test loss of the same images are the same number."""
    same = replace(dataset, test_images=dataset.train_images, test_labels=dataset.train_labels)
    spec = tiny_spec(batch_size=160, epochs=1, optimizer={"lr": 1e-12})
    _, recorder = trained(spec, same, tmp_path)
    metrics = recorder.epochs[0].metrics
    assert metrics["train_loss"] == pytest.approx(metrics["test_loss"], rel=1e-6)
    assert metrics["train_acc"] == metrics["test_acc"]


def test_a_loss_that_is_not_finite_is_recorded_and_the_training_goes_on(
    dataset: Dataset, tmp_path: Path
) -> None:
    spec = tiny_spec(optimizer={"lr": 100.0, "momentum": 0.99, "weight_decay": 10.0}, epochs=30)
    outcome, recorder = trained(spec, dataset, tmp_path, options=replace(OPTIONS, checkpoint_seconds=3600.0))
    assert outcome is Outcome.COMPLETED
    assert math.isnan(recorder.series("train_loss")[-1])
    assert len(recorder.epochs) == 30


def test_grey_images_train_a_torchvision_model(tmp_path: Path) -> None:
    grey = tiny_dataset(tmp_path / "data", pixels=32, train=20, test=10, grey=True)
    spec = tiny_spec(
        model={"arch": "squeezenet1_1"}, dataset={"normalize": "imagenet"}, epochs=1, batch_size=10
    )
    outcome, _ = trained(spec, grey, tmp_path)
    assert outcome is Outcome.COMPLETED


def test_grey_images_train_softmax_regression_on_one_channel(tmp_path: Path) -> None:
    grey = tiny_dataset(tmp_path / "data", grey=True)
    _, recorder = trained(tiny_spec(dataset={"normalize": "dataset"}, epochs=1), grey, tmp_path)
    assert "softmax-regression: 1,450 parameters, all trained" in recorder.lines  # 12 * 12 * 10 + 10


def test_the_log_says_what_was_changed_and_how_each_epoch_went(dataset_32: Dataset, tmp_path: Path) -> None:
    spec = tiny_spec(model={"arch": "squeezenet1_1"}, dataset={"train_limit": 99}, epochs=1, batch_size=24)
    _, recorder = trained(spec, dataset_32, tmp_path)
    text = "\n".join(recorder.lines)
    assert "classifier.1: Conv2d(512, 1000) -> Conv2d(512, 10)" in text
    assert dataset_32.hash[:12] in text
    assert "warning: dataset.train_limit is 99, and there are 48 images: all are used" in text
    assert recorder.lines[-1].startswith("epoch 1: loss ")


def test_the_environment_names_data_and_versions_and_no_environment_variables(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNYARD_SECRET", "open sesame")
    _, recorder = trained(tiny_spec(epochs=1), dataset, tmp_path)
    assert recorder.facts["data_hash"] == dataset.hash
    assert recorder.facts["torch"] == torch.__version__
    assert "open sesame" not in str(recorder.facts)


def test_a_resumed_training_equals_the_uninterrupted_one_bit_for_bit(
    dataset_32: Dataset, tmp_path: Path
) -> None:
    spec = with_dropout()
    _, whole = trained(spec, dataset_32, tmp_path / "whole")
    stopped, first = trained(spec, dataset_32, tmp_path / "cut", recorder=stop_in_epoch(3))
    completed, second = trained(spec, dataset_32, tmp_path / "cut", attempt=2, resume=first.pointer())
    assert (stopped, completed) == (Outcome.STOPPED, Outcome.COMPLETED)
    assert [one.epoch for one in second.epochs] == [3, 4]
    assert repeated(whole) == {
        name: values + repeated(second)[name] for name, values in repeated(first).items()
    }
    assert weights(tmp_path / "whole", whole.pointer()) == weights(tmp_path / "cut", second.pointer())


def test_without_the_random_states_a_resumed_training_differs(
    dataset_32: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = with_dropout()
    _, whole = trained(spec, dataset_32, tmp_path / "whole")
    _, first = trained(spec, dataset_32, tmp_path / "cut", recorder=stop_in_epoch(3))
    monkeypatch.setattr(trained_module, "restore_random_states", lambda *_: None)
    _, second = trained(spec, dataset_32, tmp_path / "cut", attempt=2, resume=first.pointer())
    assert second.series("train_loss") != whole.series("train_loss")[2:]


def test_a_training_stopped_before_any_checkpoint_starts_again_the_same(
    dataset: Dataset, tmp_path: Path
) -> None:
    never = replace(OPTIONS, checkpoint_seconds=3600.0)
    _, first = trained(
        tiny_spec(), dataset, tmp_path, recorder=MemoryRecorder(lambda it: len(it.epochs) == 2), options=never
    )
    _, second = trained(tiny_spec(), dataset, tmp_path, attempt=2, resume=first.pointer())
    assert first.pointer() is None
    assert second.series("test_loss")[:2] == first.series("test_loss")


def test_a_stop_is_heard_during_the_evaluation(dataset: Dataset, tmp_path: Path) -> None:
    recorder = MemoryRecorder(stop_when=lambda it: it.steps_done == 5)
    outcome, _ = trained(tiny_spec(), dataset, tmp_path, recorder=recorder)
    assert outcome is Outcome.STOPPED
    assert recorder.epochs == []


def test_a_run_whose_last_epoch_is_committed_is_completed_at_once(dataset: Dataset, tmp_path: Path) -> None:
    _, first = trained(tiny_spec(), dataset, tmp_path)
    outcome, second = trained(tiny_spec(), dataset, tmp_path, attempt=2, resume=first.pointer())
    assert outcome is Outcome.COMPLETED
    assert second.epochs == []


def test_only_the_last_two_checkpoints_are_kept_and_the_last_alone_when_all_is_done(
    dataset: Dataset, tmp_path: Path
) -> None:
    found: list[list[str]] = []

    class Looking(MemoryRecorder):
        def progress(self, **told: object) -> None:
            found.append(sorted(path.name for path in tmp_path.iterdir()))

    trained(tiny_spec(epochs=4), dataset, tmp_path, recorder=Looking())
    assert found[-1] == [
        "attempt-1-epoch-2.pt",
        "attempt-1-epoch-2.safetensors",
        "attempt-1-epoch-3.pt",
        "attempt-1-epoch-3.safetensors",
    ]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["attempt-1-epoch-4.pt", "attempt-1-epoch-4.safetensors"]


def test_no_checkpoint_is_deleted_before_its_successor_is_committed(dataset: Dataset, tmp_path: Path) -> None:
    found: list[bool] = []

    class Looking(MemoryRecorder):
        def epoch(self, epoch, metrics, checkpoint, predictions=None, mistakes=None) -> None:
            last = self.pointer()
            found.append(last is None or (tmp_path / f"{last.name}.pt").exists())
            super().epoch(epoch, metrics, checkpoint, predictions, mistakes)

    trained(tiny_spec(epochs=5), dataset, tmp_path, recorder=Looking())
    assert found == [True] * 5


def test_an_earlier_attempt_deletes_no_checkpoint_of_a_later_one(dataset: Dataset, tmp_path: Path) -> None:
    later = tmp_path / "attempt-2-epoch-1.pt"
    later.write_bytes(b"of the successor")
    trained(tiny_spec(), dataset, tmp_path, attempt=1)
    assert later.exists()


def test_a_checkpoint_waits_until_its_time_has_passed_but_for_the_last_epoch(
    dataset: Dataset, tmp_path: Path
) -> None:
    _, recorder = trained(tiny_spec(), dataset, tmp_path, options=replace(OPTIONS, checkpoint_seconds=3600.0))
    assert [one.checkpoint is not None for one in recorder.epochs] == [False, False, True]


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_a_truncated_checkpoint_is_recognised(dataset: Dataset, tmp_path: Path, suffix: str) -> None:
    pointer = stopped_after_two(dataset, tmp_path)
    path = tmp_path / f"{pointer.name}.{suffix}"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BrokenCheckpoint, match="truncated or changed"):
        trained(tiny_spec(), dataset, tmp_path, attempt=2, resume=pointer)


def test_a_missing_checkpoint_is_named(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(BrokenCheckpoint, match="attempt-1-epoch-2 is missing"):
        trained(tiny_spec(), dataset, tmp_path, resume=CheckpointPointer(2, "attempt-1-epoch-2", "0" * 64))


def test_a_checkpoint_of_other_data_is_refused_with_both_hashes(dataset: Dataset, tmp_path: Path) -> None:
    pointer = stopped_after_two(dataset, tmp_path)
    other = replace(dataset, hash="f" * 64)
    with pytest.raises(DataProblem, match=rf"data {dataset.hash[:12]}.*data f{{12}}"):
        trained(tiny_spec(), other, tmp_path, attempt=2, resume=pointer)


def test_a_checkpoint_of_another_recipe_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    pointer = stopped_after_two(dataset, tmp_path)
    with pytest.raises(DataProblem, match="recipe"):
        trained(tiny_spec(optimizer={"lr": 0.5}), dataset, tmp_path, attempt=2, resume=pointer)


def mnasnet(classes: int, seed: int) -> Trained:
    network, _ = build_model(ModelSpec(arch="mnasnet0_5"), classes=classes, channels=3, pixels=32, seed=seed)
    device = torch.device("cpu")
    optimizer = torch.optim.SGD(network.parameters(), lr=1)
    step = TrainingStep(
        network,
        optimizer,
        functional.cross_entropy,
        device=device,
        group=ALONE,
        bf16=False,
        gradient_clip=None,
        average=None,
        tell=print,
    )
    return Trained(device, ALONE, network, None, optimizer, step, EarlyStopping(EarlyStoppingSpec()))


def saved_mnasnet(folder: Path) -> tuple[Trained, CheckpointPointer]:
    saved = mnasnet(classes=10, seed=1)
    pointer = checkpoint.save(
        folder,
        attempt=1,
        epoch=1,
        step=0,
        global_step=5,
        identity=IDENTITY,
        weights=saved.weights(),
        state=saved.state(),
    )
    return saved, pointer


IDENTITY = checkpoint.Identity("data", "recipe", 1)


def test_a_network_that_asks_for_the_version_of_its_state_goes_on_too(tmp_path: Path) -> None:
    saved, pointer = saved_mnasnet(tmp_path)
    loaded = mnasnet(classes=10, seed=2)
    checkpoint.load(tmp_path, pointer, identity=IDENTITY, trained=loaded)
    assert saved.weights().keys() == loaded.weights().keys()
    assert all(torch.equal(value, loaded.weights()[key]) for key, value in saved.weights().items())


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    _, pointer = saved_mnasnet(tmp_path)
    with pytest.raises(DataProblem, match="attempt-1-epoch-1 does not fit the network"):
        checkpoint.load(tmp_path, pointer, identity=IDENTITY, trained=mnasnet(classes=1, seed=2))


def test_a_checkpoint_of_the_first_format_goes_on(tmp_path: Path) -> None:
    """As it was written before steps within an epoch were kept."""
    saved, pointer = saved_mnasnet(tmp_path)
    path = tmp_path / f"{pointer.name}.pt"
    state = torch.load(path, weights_only=True)
    drawn = torch.Generator().manual_seed(99).get_state()
    old = {
        "identity": state["identity"],
        "epoch": 1,
        "optimizer": state["optimizer"],
        "random": {"python": (3, [1], None), "torch": drawn, "cuda": []},
        "metrics": {},
    }
    torch.save(old, path)
    digest = sha256_after(tmp_path / f"{pointer.name}.safetensors", path)[-1]
    loaded = mnasnet(classes=10, seed=2)
    pointer = CheckpointPointer.from_json({"epoch": 1, "name": pointer.name, "sha256": digest})
    checkpoint.load(tmp_path, pointer, identity=IDENTITY, trained=loaded)
    assert all(torch.equal(value, loaded.weights()[key]) for key, value in saved.weights().items())
    assert torch.equal(torch.get_rng_state(), drawn)
    assert pointer.step == 0


def test_a_pointer_survives_json() -> None:
    pointer = CheckpointPointer(5, "attempt-2-epoch-5-step-3", "ab" * 32, step=3, global_step=48)
    assert CheckpointPointer.from_json(pointer.to_json()) == pointer


def test_images_that_are_too_small_for_the_model_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="12 pixels; alexnet needs images of at least 63"):
        trained(tiny_spec(model={"arch": "alexnet"}), dataset, tmp_path)


def test_a_last_batch_of_one_is_refused_for_batch_norm(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="take 54"):
        trained(tiny_spec(model={"arch": "resnet18"}, batch_size=53), dataset, tmp_path)


@pytest.mark.parametrize(
    ("count", "size", "advice"),
    [
        (7, 2, "leaves a last batch of one of 7 training images; resnet18 .* take 4"),  # 3 leaves one as well
        (160, 1, "needs at least two images in a batch: take 2"),
        (7, 1, "take 4"),
        (2, 1, "take 2"),
        (1, 1, "There is one training image; resnet18 has batch norm and needs at least two"),
        (1, 256, "There is one training image"),
    ],
)
def test_the_batch_size_that_is_advised_leaves_no_batch_of_one(
    dataset: Dataset, tmp_path: Path, count: int, size: int, advice: str
) -> None:
    spec = tiny_spec(model={"arch": "resnet18"}, batch_size=size, dataset={"train_limit": count})
    with pytest.raises(InvalidSpec, match=advice):
        trained(spec, dataset, tmp_path)


@pytest.mark.parametrize(("count", "size"), [(7, 4), (7, 7), (7, 256), (8, 2), (2, 2)])
def test_batches_of_two_and_more_train_batch_norm(
    dataset: Dataset, tmp_path: Path, count: int, size: int
) -> None:
    spec = tiny_spec(
        model={"arch": "shufflenet_v2_x0_5"},
        batch_size=size,
        dataset={"train_limit": count, "test_limit": 2},
        epochs=1,
    )
    assert trained(spec, dataset, tmp_path)[0] is Outcome.COMPLETED


def test_a_gpu_that_is_not_there_is_refused(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InvalidSpec, match="no GPU"):
        trained(tiny_spec(), dataset, tmp_path, options=replace(OPTIONS, device="cuda"))


def stopped_after_two(dataset: Dataset, folder: Path) -> CheckpointPointer:
    _, recorder = trained(
        tiny_spec(), dataset, folder, recorder=MemoryRecorder(lambda it: len(it.epochs) == 2)
    )
    pointer = recorder.pointer()
    assert pointer
    assert pointer.epoch == 2
    return pointer


def test_labels_of_the_memory_map_are_never_written(dataset: Dataset, tmp_path: Path) -> None:
    before = np.array(dataset.train_images)
    trained(tiny_spec(dataset={"normalize": "dataset"}), dataset, tmp_path)
    assert (before == dataset.train_images).all()


# What it is tested on, and what it predicted.


def test_the_predictions_of_each_epoch_make_up_its_accuracy(dataset: Dataset, tmp_path: Path) -> None:
    _, recorder = trained(tiny_spec(dataset={"test_limit": 25}), dataset, tmp_path)
    assert recorder.tested_on
    digest, classes, labels = recorder.tested_on
    assert (len(labels), classes) == (25, dataset.classes)
    assert recorder.facts["test_set"] == digest
    for one in recorder.epochs:
        assert one.predictions
        right = sum(said == true for said, true in zip(one.predictions, labels, strict=True))
        assert right / 25 == one.metrics["test_acc"]


def test_the_test_set_is_known_by_the_data_and_the_images_chosen(dataset: Dataset, tmp_path: Path) -> None:
    def digest(data: Dataset = dataset, **changes: object) -> str:
        _, recorder = trained(tiny_spec(epochs=1, **changes), data, tmp_path)
        return recorder.facts["test_set"]

    whole = digest()
    assert len(whole) == 64
    assert digest(seed=5, dataset={"train_limit": 20, "test_limit": 40}) == whole
    assert digest(dataset={"test_limit": 39}) != whole
    assert digest(replace(dataset, hash="f" * 64)) != whole


@pytest.mark.parametrize(
    ("class_count", "code"), [(256, b"\x01\x00\xff"), (257, b"\x01\x00\x00\x00\xff\x00")]
)
def test_classes_take_one_byte_each_up_to_256_and_two_above(class_count: int, code: bytes) -> None:
    assert encoded(np.array([1, 0, 255]), class_count) == code


# Augmentation and starting weights.


def test_augmented_images_train_to_other_numbers_and_are_tested_as_they_are(
    dataset: Dataset, tmp_path: Path
) -> None:
    plain, flipped = (
        trained(tiny_spec(epochs=1, dataset={"augment": augment}), dataset, tmp_path / augment)[1]
        for augment in ("none", "crop_flip")
    )
    assert plain.series("train_loss") != flipped.series("train_loss")
    still = tiny_spec(epochs=1, optimizer={"lr": 1e-12}, dataset={"augment": "crop_flip"})
    _, untrained = trained(still, dataset, tmp_path / "still")
    _, unchanged = trained(
        tiny_spec(epochs=1, optimizer={"lr": 1e-12}), dataset, tmp_path / "still-and-plain"
    )
    assert untrained.series("test_loss") == pytest.approx(unchanged.series("test_loss"))


def test_resumed_with_augmentation_equals_uninterrupted(dataset: Dataset, tmp_path: Path) -> None:
    spec = tiny_spec(epochs=3, dataset={"augment": "crop_flip"})
    _, whole = trained(spec, dataset, tmp_path / "whole")
    cut = MemoryRecorder(stop_when=lambda it: len(it.epochs) == 1)
    _, first = trained(spec, dataset, tmp_path / "cut", recorder=cut)
    _, second = trained(spec, dataset, tmp_path / "cut", attempt=2, resume=first.pointer())
    assert whole.series("train_loss") == first.series("train_loss") + second.series("train_loss")


def parent_weights(dataset: Dataset, folder: Path) -> StartingWeights:
    """The checkpoint of a short training, as a child begins with it."""
    _, recorder = trained(with_dropout(seed=9), dataset, folder)
    pointer = recorder.pointer()
    assert pointer
    return StartingWeights(folder / f"{pointer.name}.safetensors", "a" * 64, "file", "the file 'mine'")


def from_weights(**model: str) -> Spec:
    return tiny_spec(
        model={"arch": "mobilenet_v3_small", "weights": {"source": "file", "name": "mine"}, **model},
        optimizer={"momentum": 0.9},
        batch_size=16,
    )


def test_resumed_from_starting_weights_equals_uninterrupted(dataset_32: Dataset, tmp_path: Path) -> None:
    start, spec = parent_weights(dataset_32, tmp_path / "parent"), from_weights()
    _, whole = trained(spec, dataset_32, tmp_path / "whole", weights=start)
    _, first = trained(spec, dataset_32, tmp_path / "cut", recorder=stop_in_epoch(3), weights=start)
    # The checkpoint holds all: a run that goes on needs what it began with no more.
    _, second = trained(spec, dataset_32, tmp_path / "cut", attempt=2, resume=first.pointer())
    assert repeated(whole) == {
        name: values + repeated(second)[name] for name, values in repeated(first).items()
    }
    assert weights(tmp_path / "whole", whole.pointer()) == weights(tmp_path / "cut", second.pointer())
    assert whole.facts["weights"] == {"source": "file", "about": "the file 'mine'", "sha256": "a" * 64}


def test_where_the_head_alone_is_trained_nothing_else_moves(dataset_32: Dataset, tmp_path: Path) -> None:
    start = parent_weights(dataset_32, tmp_path / "parent")
    _, recorder = trained(from_weights(trained="head"), dataset_32, tmp_path / "child", weights=start)
    pointer = recorder.pointer()
    assert pointer
    before, after = load_file(start.path), load_file(tmp_path / "child" / f"{pointer.name}.safetensors")
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"classifier.3.weight", "classifier.3.bias"}
    told = recorder.facts["model"]
    assert told["parameters_trained"] == 1024 * 10 + 10
    assert told["parameters_frozen"] > 900_000
    assert told["mega_macs"] == pytest.approx(1.6 + (56.5 - 1.6) / 49, rel=0.01)  # 56.5 at 224 px
    assert told["changes"] == [
        {"path": "classifier.3", "before": "Linear(1024, 1000)", "after": "Linear(1024, 10)"}
    ]
    assert any("10,250 trained, with the file 'mine'" in line for line in recorder.lines)


def test_a_frozen_batch_norm_takes_a_last_batch_of_one(dataset_32: Dataset, tmp_path: Path) -> None:
    start = parent_weights(dataset_32, tmp_path / "parent")
    spec = from_weights(trained="head").model_copy(update={"batch_size": 47, "epochs": 1})
    outcome, _ = trained(spec, dataset_32, tmp_path / "child", weights=start)
    assert outcome is Outcome.COMPLETED


# The parts of a spec, each by what it does to the numbers.


def test_images_that_are_kept_back_are_validated_on_and_the_rest_is_trained_on(
    dataset: Dataset, tmp_path: Path
) -> None:
    _, recorder = trained(tiny_spec(dataset={"validation": 0.25}), dataset, tmp_path)
    assert len(recorder.series("val_loss")) == 3
    assert recorder.steps_done == 3 * 4  # 120 of 160 images, in batches of 32
    assert "160 training (25% of them kept back to validate on)" in "\n".join(recorder.lines)
    assert "val acc" in recorder.lines[-1]


def test_a_training_that_does_not_get_better_ends_early_with_a_checkpoint_and_the_reason(
    dataset: Dataset, tmp_path: Path
) -> None:
    spec = tiny_spec(epochs=9, dataset={"validation": 0.1}, early_stopping={"patience": 2, "min_delta": 50.0})
    never = replace(OPTIONS, checkpoint_seconds=3600.0)
    outcome, recorder = trained(spec, dataset, tmp_path, options=never)
    assert outcome is Outcome.COMPLETED
    assert len(recorder.epochs) == 3
    assert recorder.epochs[-1].checkpoint is not None
    assert recorder.lines[-1].startswith("stopped early: val_loss was best in epoch 1")


def test_what_is_tested_and_kept_is_the_average_of_the_weights(dataset: Dataset, tmp_path: Path) -> None:
    _, plain = trained(tiny_spec(), dataset, tmp_path / "plain")
    _, averaged = trained(tiny_spec(ema=0.9), dataset, tmp_path / "averaged")
    assert plain.series("train_loss") == averaged.series("train_loss")  # it changes nothing of the training
    assert plain.series("test_loss") != averaged.series("test_loss")
    last = averaged.pointer()
    assert last
    kept = load_file(tmp_path / "averaged" / f"{last.name}.safetensors")
    state = torch.load(tmp_path / "averaged" / f"{last.name}.pt", weights_only=True)
    followed = state["average"]["followed"]
    assert kept.keys() == followed.keys()
    assert not torch.equal(kept["1.weight"], followed["1.weight"])


def test_label_smoothing_changes_the_training_and_not_how_the_test_loss_is_told(
    dataset: Dataset, tmp_path: Path
) -> None:
    still = {"optimizer": {"lr": 1e-12}, "epochs": 1}
    _, plain = trained(tiny_spec(**still), dataset, tmp_path / "plain")
    _, smooth = trained(tiny_spec(**still, loss={"label_smoothing": 0.3}), dataset, tmp_path / "smooth")
    assert plain.series("train_loss") != smooth.series("train_loss")
    assert plain.series("test_loss") == pytest.approx(smooth.series("test_loss"), rel=1e-6)


def test_the_learning_rate_that_is_told_is_that_of_the_last_step(dataset: Dataset, tmp_path: Path) -> None:
    spec = tiny_spec(schedule={"name": "step", "step_epochs": 1, "gamma": 0.1}, optimizer={"lr": 0.5})
    _, recorder = trained(spec, dataset, tmp_path)
    assert recorder.series("lr") == pytest.approx([0.5, 0.05, 0.005])


def test_steps_are_kept_where_they_are_asked_for_and_make_up_the_loss_of_the_epoch(
    dataset: Dataset, tmp_path: Path
) -> None:
    spec = tiny_spec(step_series=True, gradient_clip=1.0, batch_size=40)
    _, recorder = trained(spec, dataset, tmp_path)
    losses = recorder.step_series("step_loss")
    assert len(losses) == len(recorder.step_series("step_gradient_norm")) == 12
    for epoch, loss in enumerate(recorder.series("train_loss")):
        assert np.mean(losses[4 * epoch : 4 * epoch + 4]) == pytest.approx(loss)
    _, without = trained(tiny_spec(gradient_clip=1.0, batch_size=40), dataset, tmp_path / "without")
    assert without.chunks == []
    assert repeated(without) == repeated(recorder)


def test_the_run_tells_which_precision_it_took_and_why(dataset: Dataset, tmp_path: Path) -> None:
    _, recorder = trained(tiny_spec(epochs=1), dataset, tmp_path)
    assert recorder.facts["precision"] == {
        "wanted": "auto",
        "used": "fp32",
        "why": "on a CPU bf16 takes longer",
    }
    assert recorder.facts["compile"]["used"] == "off"
    assert recorder.facts["devices"] == 1


def test_bf16_trains_on_a_cpu_where_it_is_asked_for(dataset_32: Dataset, tmp_path: Path) -> None:
    spec = tiny_spec(model={"arch": "squeezenet1_1"}, batch_size=24, epochs=1)
    _, exact = trained(spec, dataset_32, tmp_path / "exact")
    _, coarse = trained(spec.model_copy(update={"precision": "bf16"}), dataset_32, tmp_path / "coarse")
    assert exact.series("train_loss") != coarse.series("train_loss")
    assert exact.series("train_loss") == pytest.approx(coarse.series("train_loss"), rel=0.05)


def test_tf32_is_refused_where_there_is_no_gpu(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="only GPUs have it"):
        trained(tiny_spec(precision="tf32"), dataset, tmp_path)


def test_a_checkpoint_within_an_epoch_waits_for_its_time(dataset: Dataset, tmp_path: Path) -> None:
    _, rare = trained(tiny_spec(), dataset, tmp_path / "rare")
    _, often = trained(
        tiny_spec(), dataset, tmp_path / "often", options=replace(OPTIONS, within_epoch_seconds=0.0)
    )
    assert [one.step for one in rare.checkpoints] == [0, 0, 0]
    assert [(one.epoch, one.step, one.global_step) for one in often.checkpoints][:6] == [
        (0, 1, 1),
        (0, 2, 2),
        (0, 3, 3),
        (0, 4, 4),
        (1, 0, 5),
        (1, 1, 6),
    ]


def test_of_checkpoints_within_an_epoch_the_last_two_stay(dataset: Dataset, tmp_path: Path) -> None:
    cut = MemoryRecorder(stop_when=lambda it: it.steps_done == 4)
    trained(tiny_spec(), dataset, tmp_path, recorder=cut, options=replace(OPTIONS, within_epoch_seconds=0.0))
    assert sorted(path.name for path in tmp_path.glob("*.pt")) == [
        "attempt-1-epoch-0-step-2.pt",
        "attempt-1-epoch-0-step-3.pt",
    ]


def test_what_it_was_resumed_from_and_the_one_before_stay_until_there_is_a_newer_one(
    dataset: Dataset, tmp_path: Path
) -> None:
    spec = tiny_spec(epochs=5)
    _, first = trained(spec, dataset, tmp_path, recorder=MemoryRecorder(lambda it: len(it.epochs) == 2))
    rarely = replace(OPTIONS, checkpoint_seconds=3600.0)
    cut = MemoryRecorder(lambda it: len(it.epochs) == 2)
    trained(spec, dataset, tmp_path, attempt=2, resume=first.pointer(), recorder=cut, options=rarely)
    assert [one.epoch for one in cut.epochs] == [3, 4]
    assert sorted(path.name for path in tmp_path.glob("*.pt")) == [
        "attempt-1-epoch-1.pt",
        "attempt-1-epoch-2.pt",
    ]
