"""Wrongly classified images: the surest of them, their numbers in the test set, their pictures."""

import io
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from backend.spec import Spec
from backend.store import predictions
from backend.store.session import Database
from tests.store import scenes
from tests.worker.test_recorder import recording
from tests.worker.tiny import tiny_dataset, tiny_spec, trained
from worker.engine import mistakes as module
from worker.engine.batches import subset
from worker.engine.data import Dataset
from worker.engine.mistakes import MOST, Album, Mistakes, as_png, surest
from worker.engine.recorder import MemoryRecorder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return tiny_dataset(tmp_path_factory.mktemp("data"))


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def opened(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def last_mistakes(recorder: MemoryRecorder) -> Mistakes:
    found = recorder.epochs[-1].mistakes
    assert found is not None
    return found


# Which ones.


def test_the_wrong_ones_are_chosen_the_surest_first() -> None:
    predicted, labels = np.array([0, 1, 2, 0, 1]), np.array([0, 0, 0, 1, 0])
    assert surest(predicted, array(1.0, 0.5, 0.9, 0.4, 0.7), labels).tolist() == [2, 4, 1, 3]


def test_of_equally_sure_ones_the_lower_number_comes_first_and_the_rest_is_left_out() -> None:
    predicted, labels = np.ones(100, dtype=np.int64), np.zeros(100, dtype=np.int64)
    sure = np.full(100, 0.5, dtype=np.float32)
    sure[70] = 0.6
    assert surest(predicted, sure, labels, most=3).tolist() == [70, 0, 1]
    assert len(surest(predicted, sure, labels)) == MOST == 48


def test_without_a_wrong_one_there_is_none() -> None:
    labels = np.arange(5)
    assert surest(labels, array(1, 1, 1, 1, 1), labels).tolist() == []


def test_a_network_that_gives_no_numbers_is_sure_of_nothing() -> None:
    predicted, labels = np.array([0, 0, 0]), np.array([1, 1, 1])
    assert surest(predicted, array(np.nan, 0.2, np.nan), labels).tolist() == [1]


# Their pictures.


def test_a_picture_has_the_very_pixels_of_its_image(dataset: Dataset) -> None:
    assert (opened(as_png(dataset.test_images[3])) == dataset.test_images[3]).all()


def test_a_grey_image_becomes_a_grey_picture() -> None:
    image = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    assert (opened(as_png(image)) == image[:, :, 0]).all()


@pytest.mark.parametrize(("pixels", "shown"), [(32, 32), (96, 96), (97, 96), (224, 96)])
def test_only_what_is_larger_than_96_pixels_is_made_smaller(pixels: int, shown: int) -> None:
    assert opened(as_png(np.zeros((pixels, pixels, 3), dtype=np.uint8))).shape == (shown, shown, 3)


def test_each_picture_is_given_once(dataset: Dataset) -> None:
    positions, labels = np.array([7, 9, 12]), np.array([0, 0, 0])
    album = Album(dataset.test_images, positions, labels, pytest.fail)
    first = album.mistakes(np.array([1, 1, 0]), array(0.5, 0.9, 0.9))
    again = album.mistakes(np.array([1, 1, 1]), array(0.5, 0.9, 0.7))
    assert (first.images, again.images) == ([1, 0], [1, 2, 0])
    assert again.probabilities == pytest.approx([0.9, 0.7, 0.5])
    assert [sorted(one.pictures) for one in (first, again)] == [[0, 1], [2]]
    assert (opened(again.pictures[2]) == dataset.test_images[12]).all()


def test_a_picture_that_cannot_be_made_is_told_once_and_its_mistake_stays() -> None:
    lines: list[str] = []
    no_picture = np.zeros((1, 4, 4, 3), dtype=np.float64)
    album = Album(no_picture, np.array([0]), np.array([0]), lines.append)
    for _ in range(2):
        assert album.mistakes(np.array([1]), array(0.5)) == Mistakes([0], [0.5], {})
    assert len(lines) == 1
    assert lines[0].startswith("warning: test image 0 cannot be shown: ")


# In a training.


def probabilities_by_hand(folder: Path, recorder: MemoryRecorder, images: np.ndarray) -> np.ndarray:
    """Return what softmax regression makes of images, N x K, from the weights of its last checkpoint."""
    pointer = recorder.pointer()
    assert pointer
    weights = load_file(folder / f"{pointer.name}.safetensors")
    pixels = (images.transpose(0, 3, 1, 2) / 255).reshape(len(images), -1)
    powers = np.exp(pixels @ weights["1.weight"].T.astype(np.float64) + weights["1.bias"])
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("loss", ["cross_entropy", "cross_entropy_of_probabilities"])
def test_the_probabilities_are_those_of_the_networks_own_output_whatever_the_loss(
    dataset: Dataset, tmp_path: Path, loss: str
) -> None:
    _, recorder = trained(tiny_spec(loss={"name": loss}), dataset, tmp_path)
    by_hand = probabilities_by_hand(tmp_path, recorder, dataset.test_images)
    wrong = np.flatnonzero(by_hand.argmax(axis=1) != dataset.test_labels)
    expected = wrong[np.argsort(-by_hand.max(axis=1)[wrong], kind="stable")][:MOST]
    found = last_mistakes(recorder)
    assert found.images == expected.tolist()
    assert found.probabilities == pytest.approx(by_hand.max(axis=1)[expected].tolist(), abs=2e-6)
    assert 0 < len(wrong) == round(40 * (1 - recorder.series("test_acc")[-1]))


def test_the_numbers_are_those_of_the_images_that_are_tested_on(dataset: Dataset, tmp_path: Path) -> None:
    _, recorder = trained(tiny_spec(dataset={"test_limit": 15}), dataset, tmp_path)
    assert recorder.tested_on
    _, _, labels = recorder.tested_on
    chosen = subset(dataset.test_labels, 15)
    assert chosen is not None
    assert chosen.tolist() != list(range(15))
    pictures: dict[int, bytes] = {}
    for epoch in recorder.epochs:
        assert epoch.predictions and epoch.mistakes
        wrong = {n for n in range(15) if epoch.predictions[n] != labels[n]}
        assert set(epoch.mistakes.images) == wrong
        pictures |= epoch.mistakes.pictures
        assert wrong <= pictures.keys()
    for number, png in pictures.items():
        assert (opened(png) == dataset.test_images[chosen[number]]).all()


def test_a_network_that_learnt_its_images_by_heart_takes_none_for_another(
    dataset: Dataset, tmp_path: Path
) -> None:
    one_class = Dataset(**{**vars(dataset), "test_labels": np.zeros_like(dataset.test_labels)})
    only = Dataset(**{**vars(one_class), "train_labels": np.zeros_like(dataset.train_labels)})
    _, recorder = trained(tiny_spec(), only, tmp_path)
    assert recorder.series("test_acc")[-1] == 1
    assert last_mistakes(recorder) == Mistakes([], [], {})


def test_a_training_that_diverged_is_wrong_and_shows_nothing(dataset: Dataset, tmp_path: Path) -> None:
    spec = tiny_spec(optimizer={"lr": 100.0, "momentum": 0.99, "weight_decay": 10.0}, epochs=30)
    _, recorder = trained(spec, dataset, tmp_path)
    assert np.isnan(recorder.series("test_loss")[-1])
    assert recorder.series("test_acc")[-1] < 1
    assert last_mistakes(recorder) == Mistakes([], [], {})


@pytest.mark.thorough
def test_on_features_the_pictures_are_those_of_the_data_set(tmp_path: Path) -> None:
    images = tiny_dataset(tmp_path / "data", pixels=32, train=60, test=20)
    features = {"arch": "squeezenet1_1", "node": "features.3"}
    spec = tiny_spec(features=features, dataset={"test_limit": 12}, epochs=1)
    for place in (None, tmp_path / "features"):  # remade at each batch, and stored on the disk
        _, recorder = trained(spec, images, tmp_path / "run", features_folder=place)
        chosen, found = subset(images.test_labels, 12), last_mistakes(recorder)
        assert chosen is not None
        assert found.pictures.keys() == set(found.images)
        assert len(found.images) == round(12 * (1 - recorder.series("test_acc")[-1])) > 0
        for number, png in found.pictures.items():
            assert (opened(png) == images.test_images[chosen[number]]).all()


def random_states() -> tuple[object, bytes, str]:
    return random.getstate(), torch.get_rng_state().numpy().tobytes(), str(np.random.get_state())


def test_no_random_number_is_drawn_for_it(dataset: Dataset) -> None:
    before = random_states()
    count = len(dataset.test_labels)
    album = Album(dataset.test_images, np.arange(count), dataset.test_labels, pytest.fail)
    album.mistakes(np.zeros(count, dtype=np.int64), np.full(count, 0.5, dtype=np.float32))
    assert random_states() == before


def test_a_training_without_a_picture_gives_the_same_numbers(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec: Spec = tiny_spec()
    _, whole = trained(spec, dataset, tmp_path / "whole")

    def fail(_image: np.ndarray) -> bytes:
        raise OSError("no memory for a picture")

    monkeypatch.setattr(module, "as_png", fail)
    _, without = trained(spec, dataset, tmp_path / "without")
    for name in ("train_loss", "test_loss", "test_acc"):
        assert whole.series(name) == without.series(name)
    assert last_mistakes(without).images == last_mistakes(whole).images
    assert any("cannot be shown: OSError: no memory for a picture" in line for line in without.lines)


def test_what_the_training_shows_reaches_the_store(database: Database) -> None:
    scenes.launch(database)
    claimed = scenes.claim(database)
    with recording(database, claimed) as (recorder, _):
        recorder.test_set("d" * 64, ("cat", "dog"), b"\x00\x01\x01")
        recorder.epoch(1, {"test_acc": 0.5}, None, b"\x01\x01\x00", Mistakes([2, 0], [0.9, 0.8], {0: b"png"}))
    with database.read() as session:
        found = predictions.read_mistakes(session, claimed.run_id, "last")
        assert predictions.picture(session, "d" * 64, 0) == b"png"
    assert found
    assert (found.images, found.probabilities, found.pictured) == ([2, 0], [0.9, 0.8], {0})
