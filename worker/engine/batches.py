"""Batches as the network takes them: cut from uint8 images, resized, augmented, scaled and normalised on the device.

Shapes: B images of a batch, N of a data set, C channels, H height, W width.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from backend.errors import InvalidSpec
from backend.spec import DatasetSpec
from worker.engine.augment import Changes
from worker.engine.data import Dataset

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
"""Source: torchvision's own transforms for its ImageNet weights (`torchvision.transforms._presets`)."""

_SHARE_OF_GPU = 0.5
"""A set larger than this share of the free GPU memory stays on the host: the rest is the network's."""

_SUBSET_SEED = 0

_SHIFT = 8
"""An image is shifted by up to one part in so many of its side: four pixels of 32, as is usual for CIFAR-10."""


class Images:
    """One half of a data set (training or test) behind one method: `batch`.

    A batch is valid until the next call: its buffer is used again. What is augmented is so from the first
    `start_epoch` on.
    """

    def __init__(
        self,
        images_NHWC: np.ndarray,
        labels_N: np.ndarray,
        chosen_N: Tensor | None,
        *,
        pixels: int,
        channels: int,
        normalization: tuple[Tensor, Tensor] | None,
        augment: str = "none",
        channels_last: bool,
        largest_batch: int,
        device: torch.device,
    ) -> None:
        self.device = device
        self._augment = augment
        self._changes: Changes | None = None
        self._pixels = pixels
        self._chosen_N = chosen_N
        self._images_NHWC = torch.from_numpy(images_NHWC)
        labels = torch.from_numpy(np.ascontiguousarray(labels_N))
        self._labels_N = (labels if chosen_N is None else labels[chosen_N]).to(device)
        if device.type == "cuda":
            self._move_where_it_fits()
        self._normalization = normalization
        self._buffer_BCHW = torch.empty(
            (min(largest_batch, len(self)), channels, pixels, pixels),
            device=device,
            memory_format=torch.channels_last if channels_last else torch.contiguous_format,
        )

    def __len__(self) -> int:
        return len(self._labels_N)

    def start_epoch(self, seed: int, epoch: int) -> None:
        """Draw how each image is changed in this epoch: from (seed, epoch) alone, so that a resumed run repeats it."""
        if self._augment != "none":
            self._changes = Changes.drawn(
                len(self),
                0 if self._augment == "flip" else self._pixels // _SHIFT,
                generator_for("augment", seed, epoch),
                erased_pixels=self._pixels if self._augment == "cutout" else None,
            )

    def batch(self, picked_B: Tensor) -> tuple[Tensor, Tensor]:
        """Return float images and labels at the positions `picked_B` (on the CPU)."""
        host_picked_B = picked_B if self._chosen_N is None else self._chosen_N[picked_B]
        device_picked_B = picked_B.to(self.device, non_blocking=True)
        on_device = self._images_NHWC.device.type == self.device.type
        if on_device:
            picked_there_B = host_picked_B.to(self.device, non_blocking=True)
            # Not by [...], which takes uint8 element by element on a CPU: 20 times as long.
            raw_BHWC = self._images_NHWC.index_select(0, picked_there_B)
        else:
            raw_BHWC = (
                self._images_NHWC.index_select(0, host_picked_B)
                .pin_memory()
                .to(self.device, non_blocking=True)
            )
        resized_BCHW = resize(raw_BHWC.permute(0, 3, 1, 2), self._pixels)
        if self._changes:
            resized_BCHW = self._changes.of(picked_B).apply(resized_BCHW)
        batch_BCHW = self._buffer_BCHW[: len(picked_B)]
        # Grey images are repeated to the buffer's channels by broadcasting; then division, as in torchvision's ToTensor.
        # Two passes: one that divides uint8 into floats takes five times as long on a CPU.
        batch_BCHW.copy_(resized_BCHW).div_(255)
        if self._normalization:
            mean, deviation = self._normalization
            batch_BCHW.sub_(mean).div_(deviation)
        return batch_BCHW, self._labels_N[device_picked_B]

    def _move_where_it_fits(self) -> None:
        free_bytes, _ = torch.cuda.mem_get_info(self.device)
        # Before any of it is copied: a set in a memory map may be larger than the host's memory as well.
        if len(self) * self._images_NHWC[0].nbytes > free_bytes * _SHARE_OF_GPU:
            return
        chosen = self._images_NHWC
        if self._chosen_N is not None:
            chosen = self._images_NHWC.index_select(0, self._chosen_N)
        self._images_NHWC = chosen.to(self.device)
        self._chosen_N = None


def resize(images_BCHW: Tensor, pixels: int) -> Tensor:
    """Resize as PIL does, bilinear with antialias: on a CPU as uint8 and bit-identical, on a GPU as float.

    Resizing floats on a CPU is no faster than PIL; uint8 in channels_last is about ten times so.
    """
    if images_BCHW.shape[-2:] == (pixels, pixels):
        return images_BCHW
    if images_BCHW.device.type == "cuda":
        images_BCHW = images_BCHW.float()
    return functional.interpolate(
        images_BCHW, size=(pixels, pixels), mode="bilinear", antialias=True, align_corners=False
    )


@dataclass(frozen=True)
class Halves:
    """What is trained on, what is validated on (None where nothing is kept back), and what is tested on."""

    train: Images
    validation: Images | None
    test: Images


def both_halves(
    dataset: Dataset,
    spec: DatasetSpec,
    *,
    channels: int,
    batch_size: int,
    eval_batch_size: int,
    channels_last: bool,
    device: torch.device,
    keep_back: bool = True,
) -> Halves:
    """Return the images, limited and prepared as `spec` says.

    With `keep_back` false all training images stay together, whatever share of them is to be validated on.
    """
    train_N = subset(dataset.train_labels, spec.train_limit)
    validation_N = None
    if keep_back and spec.validation:
        train_N, validation_N = _parted(dataset.train_labels, train_N, spec.validation)
    normalization = _normalization(dataset, spec, device)

    def images(of: str, chosen_N: Tensor | None, augment: str, largest_batch: int) -> Images:
        pictures, labels = {
            "train": (dataset.train_images, dataset.train_labels),
            "test": (dataset.test_images, dataset.test_labels),
        }[of]
        return Images(
            pictures,
            labels,
            chosen_N,
            pixels=spec.image_size or dataset.pixels,
            channels=channels,
            normalization=normalization,
            augment=augment,
            channels_last=channels_last,
            largest_batch=largest_batch,
            device=device,
        )

    return Halves(
        images("train", train_N, spec.augment, batch_size),
        None if validation_N is None else images("train", validation_N, "none", eval_batch_size),
        images("test", subset(dataset.test_labels, spec.test_limit), "none", eval_batch_size),
    )


def _parted(labels_N: np.ndarray, chosen_N: Tensor | None, share: float) -> tuple[Tensor, Tensor]:
    """Return the places of the images to train on and of those to validate on."""
    places_N = torch.arange(len(labels_N)) if chosen_N is None else chosen_N
    train_M, validation_M = validation_split(labels_N[places_N.numpy()], share)
    return places_N[train_M], places_N[validation_M]


def validation_split(labels_N: np.ndarray, share: float) -> tuple[Tensor, Tensor]:
    """Return the positions that stay for training, and those of `share` of them, at least one, to validate on.

    As many of each class as there are. Depends on nothing but the labels.

    Raises:
        InvalidSpec: no image would be left to train on.
    """
    count = len(labels_N)
    kept_back = max(1, round(count * share))
    if kept_back >= count:
        raise InvalidSpec(
            f"dataset.validation is {share}, and there are {count} training images: none would be left to train on."
        )
    validation_M = subset(labels_N, kept_back)
    assert validation_M is not None
    is_train_N = torch.ones(count, dtype=torch.bool)
    is_train_N[validation_M] = False
    return is_train_N.nonzero().squeeze(1), validation_M


def subset(labels_N: np.ndarray, limit: int | None) -> Tensor | None:
    """Return the positions of `limit` images, as many of each class as there are; None for all of them.

    Depends on nothing but the labels, and a smaller subset lies within every larger one.
    """
    count = len(labels_N)
    if limit is None or limit >= count:
        return None
    shuffled_N = torch.randperm(count, generator=torch.Generator().manual_seed(_SUBSET_SEED))
    by_class_N = shuffled_N[torch.from_numpy(np.ascontiguousarray(labels_N))[shuffled_N].argsort(stable=True)]
    sorted_labels_N = torch.from_numpy(np.ascontiguousarray(labels_N))[by_class_N]
    first_of_class_N = torch.searchsorted(sorted_labels_N, sorted_labels_N)
    rank_in_class_N = torch.arange(count) - first_of_class_N
    # First of each class, second of each class, and so on.
    return by_class_N[rank_in_class_N.argsort(stable=True)][:limit].sort().values


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """Return the order of the training images: from (seed, epoch) alone, the same on every device."""
    return torch.randperm(count, generator=generator_for("order", seed, epoch))


def generator_for(purpose: str, seed: int, epoch: int) -> torch.Generator:
    """Return a generator of its own for each purpose and epoch.

    Hashed, because torch's generator uses 32 bits of its seed and sums of both would meet again.
    """
    digest = hashlib.sha256(f"{purpose} {seed} {epoch}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:4], "big"))


def _normalization(dataset: Dataset, spec: DatasetSpec, device: torch.device) -> tuple[Tensor, Tensor] | None:
    if spec.normalize == "none":
        return None
    imagenet = spec.normalize == "imagenet"
    mean = IMAGENET_MEAN if imagenet else dataset.mean
    # A channel that never changes would divide by nothing.
    deviation = IMAGENET_DEVIATION if imagenet else [value or 1.0 for value in dataset.deviation]
    return (
        torch.tensor(mean, device=device).view(1, -1, 1, 1),
        torch.tensor(deviation, device=device).view(1, -1, 1, 1),
    )
