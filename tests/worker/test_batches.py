from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from backend.spec import DatasetSpec
from tests.worker.tiny import tiny_dataset
from worker.engine.batches import both_halves, epoch_order, resize, subset
from worker.engine.data import Dataset

CPU = torch.device("cpu")


def halves(dataset: Dataset, channels: int = 3, **changes: object):
    return both_halves(
        dataset,
        DatasetSpec(name="tiny", **changes),
        channels=channels,
        batch_size=8,
        eval_batch_size=16,
        channels_last=True,
        device=CPU,
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("stored", "wanted"), [(32, 64), (64, 32), (48, 33), (32, 224)])
def test_resizing_gives_the_very_bytes_that_pil_gives(channels: int, stored: int, wanted: int) -> None:
    images_NHWC = np.random.default_rng(0).integers(0, 256, (3, stored, stored, channels), dtype=np.uint8)
    ours = resize(torch.from_numpy(images_NHWC).permute(0, 3, 1, 2), wanted).permute(0, 2, 3, 1).numpy()
    for image_HWC, resized_HWC in zip(images_NHWC, ours, strict=True):
        pil = Image.fromarray(image_HWC.squeeze()).resize((wanted, wanted), Image.Resampling.BILINEAR)
        assert (np.asarray(pil).reshape(resized_HWC.shape) == resized_HWC).all()


def test_a_wide_image_is_resized_though_its_width_is_right() -> None:
    assert resize(torch.zeros(1, 3, 10, 20, dtype=torch.uint8), 20).shape == (1, 3, 20, 20)


def test_a_batch_is_the_images_over_255(tmp_path: Path) -> None:
    dataset = tiny_dataset(tmp_path)
    train, _ = halves(dataset)
    batch_BCHW, labels_B = train.batch(torch.tensor([5, 0, 17]))
    expected = torch.from_numpy(dataset.train_images[[5, 0, 17]]).permute(0, 3, 1, 2).float().div(255)
    assert torch.equal(batch_BCHW, expected)
    assert labels_B.tolist() == [5, 0, 7]


def test_normalised_by_the_data_set_its_images_have_mean_0_and_deviation_1(tmp_path: Path) -> None:
    train, _ = both_halves(
        tiny_dataset(tmp_path),
        DatasetSpec(name="tiny", normalize="dataset"),
        channels=3,
        batch_size=160,
        eval_batch_size=16,
        channels_last=True,
        device=CPU,
    )
    batch_BCHW, _ = train.batch(torch.arange(160))
    assert batch_BCHW.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    assert batch_BCHW.std(dim=(0, 2, 3)).tolist() == pytest.approx([1, 1, 1], abs=1e-3)


def test_a_grey_image_becomes_three_equal_channels(tmp_path: Path) -> None:
    train, _ = halves(tiny_dataset(tmp_path, grey=True))
    batch_BCHW, _ = train.batch(torch.arange(4))
    assert batch_BCHW.shape == (4, 3, 12, 12)
    assert torch.equal(batch_BCHW[:, 0], batch_BCHW[:, 2])


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_alone() -> None:
    torch.manual_seed(1)
    first = epoch_order(100, seed=7, epoch=3)
    torch.manual_seed(2)
    assert torch.equal(first, epoch_order(100, seed=7, epoch=3))
    assert not torch.equal(first, epoch_order(100, seed=7, epoch=4))
    assert not torch.equal(first, epoch_order(100, seed=8, epoch=3))
    assert first.sort().values.tolist() == list(range(100))


def test_a_subset_does_not_depend_on_the_seed_and_holds_as_many_of_each_class() -> None:
    labels = np.random.default_rng(0).permutation(np.arange(1_000) % 10)
    torch.manual_seed(1)
    first = subset(labels, 205)
    torch.manual_seed(2)
    assert torch.equal(first, subset(labels, 205))
    counts = np.bincount(labels[first.numpy()])
    assert counts.min() == 20
    assert counts.max() == 21


def test_a_smaller_subset_lies_within_a_larger_one() -> None:
    labels = np.random.default_rng(0).integers(0, 10, 1_000)
    assert set(subset(labels, 100).tolist()) < set(subset(labels, 333).tolist())


def test_a_subset_of_rare_classes_takes_all_they_have() -> None:
    labels = np.array([0] * 90 + [1] * 10)
    assert np.bincount(labels[subset(labels, 60).numpy()]).tolist() == [50, 10]


def test_no_limit_or_one_beyond_the_set_takes_all_images() -> None:
    assert subset(np.zeros(10), None) is None
    assert subset(np.zeros(10), 10) is None
