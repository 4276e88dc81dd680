from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from backend.catalog.datasets import BUILTIN, GLYPHS, SHAPES
from backend.errors import DataProblem
from tests.worker.tiny import tiny_dataset
from worker.engine import generated
from worker.engine.data import Dataset, dataset_folder, open_dataset, write_dataset
from worker.engine.generated import SOURCES, balanced_labels, draw, ensure_generated


def test_what_was_written_is_read(tmp_path: Path) -> None:
    made = tiny_dataset(tmp_path)
    read = open_dataset(dataset_folder(tmp_path, "tiny", made.hash))
    assert (read.name, read.hash, read.classes) == ("tiny", made.hash, SHAPES.classes)
    assert (read.train_images == draw(balanced_labels(160), 12, 0)).all()
    assert (read.pixels, read.channels) == (12, 3)


def test_the_hash_depends_on_the_content_alone(tmp_path: Path) -> None:
    assert tiny_dataset(tmp_path / "a").hash == tiny_dataset(tmp_path / "b").hash
    assert tiny_dataset(tmp_path / "a").hash != tiny_dataset(tmp_path / "a", train=170).hash


def test_the_hash_of_two_known_images_does_not_change_over_time(tmp_path: Path) -> None:
    image, label = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3), np.zeros(1, dtype=np.int64)
    made = write_dataset(tmp_path, "known", ["a"], image, label, image, label)
    assert made.hash == "19ab08f54f1c7d4def0197d08490e0ac5ea8d18bb8585db9c33903059d5ca0c9"


def test_classes_of_another_name_make_another_hash(tmp_path: Path) -> None:
    image, label = np.zeros((1, 2, 2, 3), dtype=np.uint8), np.zeros(1, dtype=np.int64)
    first, second = (write_dataset(tmp_path, "x", [name], image, label, image, label) for name in "ab")
    assert first.hash != second.hash


def test_mean_and_deviation_are_those_of_the_training_images(tmp_path: Path) -> None:
    made = tiny_dataset(tmp_path)
    scaled = np.asarray(made.train_images, dtype=np.float64) / 255
    assert made.mean == pytest.approx(scaled.mean(axis=(0, 1, 2)))
    assert made.deviation == pytest.approx(scaled.std(axis=(0, 1, 2)))


def test_a_data_set_that_does_not_fit_together_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    image, labels = np.zeros((1, 2, 2, 3), dtype=np.uint8), np.zeros(2, dtype=np.int64)
    with pytest.raises(DataProblem, match="do not fit labels"):
        write_dataset(tmp_path, "x", ["a"], image, labels, image, labels)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_data_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataProblem, match="is missing"):
        open_dataset(tmp_path / "nothing")


def test_a_truncated_array_is_recognised(tmp_path: Path) -> None:
    made = tiny_dataset(tmp_path)
    path = dataset_folder(tmp_path, "tiny", made.hash) / "train_images.npy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataProblem, match="is broken"):
        open_dataset(path.parent)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    """Both generated sets, in one folder."""
    folder = tmp_path_factory.mktemp("data")
    return {name: ensure_generated(folder, name) for name in BUILTIN}


@pytest.mark.parametrize("name", BUILTIN)
def test_every_class_of_a_generated_set_can_be_drawn(name: str) -> None:
    assert tuple(SOURCES[name].drawings) == BUILTIN[name].classes


def test_the_generated_sets_have_no_class_in_common() -> None:
    assert set(SHAPES.classes).isdisjoint(GLYPHS.classes)


def test_a_drawing_depends_on_the_seed_alone() -> None:
    labels = balanced_labels(20)
    assert (draw(labels, 16, 1) == draw(labels, 16, 1)).all()
    assert (draw(labels, 16, 1) != draw(labels, 16, 2)).any()


def test_a_label_is_drawn_as_the_class_of_its_place() -> None:
    labels = np.zeros(4, dtype=np.int64)
    drawings = SOURCES["glyphs"].drawings
    alone = {"heart": drawings["heart"]}
    assert (draw(labels, 16, 1, alone) == draw(labels + 2, 16, 1, drawings)).all()
    assert (draw(labels, 16, 1, alone) != draw(labels + 3, 16, 1, drawings)).any()


def test_of_several_askers_at_once_one_makes_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def draw_few(labels: np.ndarray, pixels: int, seed: int, drawings: object) -> np.ndarray:
        made.append(seed)
        return np.zeros((len(labels), 2, 2, 3), dtype=np.uint8)

    monkeypatch.setattr(generated, "draw", draw_few)
    with ThreadPoolExecutor(4) as pool:
        askers = [pool.submit(ensure_generated, tmp_path, "shapes") for _ in range(4)]
    assert len({asker.result().hash for asker in askers}) == 1
    assert len(made) == 2  # training and test


def test_the_shapes_have_the_content_that_runs_of_the_past_recorded(both: dict[str, Dataset]) -> None:
    """Drawn by version 1: whoever changes what is drawn must raise the version, and this hash with it."""
    assert both["shapes"].hash == "4f5ab0047184a4d27d4e7f7ebd4ad2fe2ad87537d46d6d721d499be0bb538e6f"


@pytest.mark.parametrize("name", BUILTIN)
def test_a_generated_set_is_what_the_catalog_says(name: str, both: dict[str, Dataset]) -> None:
    made, known = both[name], BUILTIN[name]
    assert (made.name, made.classes) == (name, known.classes)
    assert (len(made.train_labels), len(made.test_labels)) == (known.train_count, known.test_count)
    assert (made.pixels, made.channels) == (known.pixels, 3)
    assert set(np.bincount(made.test_labels)) == {known.test_count // len(known.classes)}
