from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from backend.errors import InvalidSpec
from backend.spec import DatasetSpec
from tests.worker.tiny import tiny_dataset
from worker.engine.augment import Changes
from worker.engine.batches import both_halves, epoch_order, resize, subset, validation_split
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
    train = halves(dataset).train
    batch_BCHW, labels_B = train.batch(torch.tensor([5, 0, 17]))
    expected = torch.from_numpy(dataset.train_images[[5, 0, 17]]).permute(0, 3, 1, 2).float().div(255)
    assert torch.equal(batch_BCHW, expected)
    assert labels_B.tolist() == [5, 0, 7]


def test_normalised_by_the_data_set_its_images_have_mean_0_and_deviation_1(tmp_path: Path) -> None:
    train = both_halves(
        tiny_dataset(tmp_path),
        DatasetSpec(name="tiny", normalize="dataset"),
        channels=3,
        batch_size=160,
        eval_batch_size=16,
        channels_last=True,
        device=CPU,
    ).train
    batch_BCHW, _ = train.batch(torch.arange(160))
    assert batch_BCHW.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    assert batch_BCHW.std(dim=(0, 2, 3)).tolist() == pytest.approx([1, 1, 1], abs=1e-3)


def test_a_grey_image_becomes_three_equal_channels(tmp_path: Path) -> None:
    train = halves(tiny_dataset(tmp_path, grey=True)).train
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


def changed(mirrored: list[bool], shifts: list[tuple[int, int]], images_BCHW: torch.Tensor) -> torch.Tensor:
    return Changes(torch.tensor(mirrored), torch.tensor(shifts)).apply(images_BCHW)


def test_an_image_is_shifted_down_and_right_and_then_mirrored_with_black_coming_in() -> None:
    image = torch.arange(1, 10, dtype=torch.uint8).view(1, 1, 3, 3)  # 1 2 3 / 4 5 6 / 7 8 9
    both = changed([False, True], [(1, 1), (1, -1)], image.expand(2, 1, 3, 3))
    assert both[0, 0].tolist() == [[0, 0, 0], [0, 1, 2], [0, 4, 5]]
    assert both[1, 0].tolist() == [[0, 0, 0], [0, 3, 2], [0, 6, 5]]


def test_unshifted_and_not_mirrored_an_image_stays_as_it_is_and_mirrored_twice_too() -> None:
    images = torch.randint(
        0, 256, (4, 3, 7, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    still = [(0, 0)] * 4
    assert torch.equal(changed([False] * 4, still, images), images)
    once = changed([True] * 4, still, images)
    assert torch.equal(once, images.flip(-1))
    assert torch.equal(changed([True] * 4, still, once), images)


def test_a_shift_by_the_whole_image_leaves_black() -> None:
    assert changed([True], [(5, 0)], torch.ones(1, 3, 5, 5)).count_nonzero() == 0


def test_half_of_all_images_are_mirrored_and_shifts_reach_just_as_far_as_they_may() -> None:
    drawn = Changes.drawn(4_000, 4, torch.Generator().manual_seed(3))
    assert 0.45 < drawn.mirrored.float().mean() < 0.55
    assert (drawn.shifts.min(), drawn.shifts.max()) == (-4, 4)
    assert Changes.drawn(10, 0, torch.Generator()).shifts.count_nonzero() == 0


def test_an_epoch_repeats_its_augmentation_whatever_was_drawn_before_and_in_any_order(tmp_path: Path) -> None:
    dataset = tiny_dataset(tmp_path)
    first, resumed = halves(dataset, augment="crop_flip").train, halves(dataset, augment="crop_flip").train
    first.start_epoch(7, 1)
    first.start_epoch(7, 2)
    torch.manual_seed(99)
    resumed.start_epoch(7, 2)
    batch = first.batch(torch.tensor([4, 9, 2]))[0].clone()
    again = resumed.batch(torch.tensor([2, 4, 9]))[0]
    assert torch.equal(batch, again[[1, 2, 0]])


def test_augmentation_differs_between_epochs_and_seeds(tmp_path: Path) -> None:
    train = halves(tiny_dataset(tmp_path), augment="crop_flip").train
    seen = []
    for seed, epoch in ((7, 1), (7, 2), (8, 1)):
        train.start_epoch(seed, epoch)
        seen.append(train.batch(torch.arange(8))[0].clone())
    assert not torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])


def test_flip_gives_each_image_or_its_mirror_image(tmp_path: Path) -> None:
    dataset = tiny_dataset(tmp_path)
    train, plain = halves(dataset, augment="flip").train, halves(dataset).train
    train.start_epoch(7, 1)
    picked = torch.arange(8)
    augmented_BCHW, images_BCHW = train.batch(picked)[0], plain.batch(picked)[0]
    mirrored = [
        torch.equal(one, other.flip(-1)) for one, other in zip(augmented_BCHW, images_BCHW, strict=True)
    ]
    same = [torch.equal(one, other) for one, other in zip(augmented_BCHW, images_BCHW, strict=True)]
    assert any(mirrored)
    assert any(same)
    assert all(one or other for one, other in zip(mirrored, same, strict=True))


def test_test_images_are_never_augmented_and_training_images_only_where_it_is_wished(tmp_path: Path) -> None:
    dataset, picked = tiny_dataset(tmp_path), torch.arange(8)
    plain, augmented = halves(dataset), halves(dataset, augment="crop_flip")
    before = plain.train.batch(picked)[0].clone()
    for images in (plain.train, augmented.test):
        images.start_epoch(7, 1)
    assert torch.equal(plain.train.batch(picked)[0], before)
    assert torch.equal(augmented.test.batch(picked)[0], plain.test.batch(picked)[0])


def test_augmented_images_are_normalised_after_the_black_came_in(tmp_path: Path) -> None:
    train = halves(tiny_dataset(tmp_path), augment="crop_flip", normalize="imagenet").train
    train.start_epoch(7, 1)
    batch_BCHW, _ = train.batch(torch.arange(8))
    assert batch_BCHW[:, 0].min().item() == pytest.approx(-0.485 / 0.229)


def test_cutout_blacks_out_a_square_of_half_the_side_that_may_reach_over_an_edge() -> None:
    images = torch.ones(3, 1, 8, 8, dtype=torch.uint8)
    still = torch.zeros(3, 2, dtype=torch.int64)
    middles = torch.tensor([[4, 4], [0, 0], [7, 3]])
    cut = Changes(torch.zeros(3, dtype=torch.bool), still, middles).apply(images)[:, 0]
    assert [(one == 0).sum().item() for one in cut] == [16, 4, 12]
    assert cut[0, 2:6, 2:6].count_nonzero() == 0
    assert cut[2, 5:, 1:5].count_nonzero() == 0


def test_the_older_augmentations_draw_what_they_drew_before_there_was_cutout() -> None:
    without = Changes.drawn(50, 4, torch.Generator().manual_seed(3))
    with_cutout = Changes.drawn(50, 4, torch.Generator().manual_seed(3), erased_pixels=32)
    assert torch.equal(without.mirrored, with_cutout.mirrored)
    assert torch.equal(without.shifts, with_cutout.shifts)
    assert with_cutout.erased is not None
    assert (with_cutout.erased.min() >= 0, with_cutout.erased.max() < 32) == (True, True)


@pytest.mark.parametrize(("share", "kept_back"), [(0.1, 16), (0.25, 40), (0.001, 1), (0.5, 80)])
def test_a_share_is_kept_back_with_as_many_of_each_class_and_no_image_is_in_both(
    share: float, kept_back: int
) -> None:
    labels = np.arange(160) % 10
    train, validation = validation_split(labels, share)
    assert (len(train), len(validation)) == (160 - kept_back, kept_back)
    assert sorted([*train.tolist(), *validation.tolist()]) == list(range(160))
    counts = np.bincount(labels[validation.numpy()], minlength=10)
    assert counts.max() - counts.min() <= 1


def test_a_share_that_leaves_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(InvalidSpec, match=r"dataset.validation is 0.5, and there are 1 training images"):
        validation_split(np.zeros(1, dtype=np.int64), 0.5)


def test_images_that_are_kept_back_come_from_those_that_the_limit_leaves_and_are_not_augmented(
    tmp_path: Path,
) -> None:
    dataset = tiny_dataset(tmp_path)
    parts = halves(dataset, train_limit=40, validation=0.25, augment="mixup")
    assert parts.validation is not None
    assert (len(parts.train), len(parts.validation)) == (30, 10)
    limited = subset(dataset.train_labels, 40)
    assert limited is not None
    _, validation = validation_split(dataset.train_labels[limited.numpy()], 0.25)
    parts.validation.start_epoch(0, 1)
    batch_BCHW, _ = parts.validation.batch(torch.arange(10))
    stored = torch.from_numpy(dataset.train_images[limited[validation].numpy()]).permute(0, 3, 1, 2)
    assert torch.equal(batch_BCHW, stored.float().div(255))
