"""Batches as the network takes them: cut from uint8 images, resized, augmented, scaled and normalised on the device.

Shapes: B images of a batch, N of a data set, C channels, H height, W width.
"""

import hashlib

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

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
            furthest = self._pixels // _SHIFT if self._augment == "crop_flip" else 0
            self._changes = Changes.drawn(len(self), furthest, _generator("augment", seed, epoch))

    def batch(self, picked_B: Tensor) -> tuple[Tensor, Tensor]:
        """Return float images and labels at the positions `picked_B` (on the CPU)."""
        host_picked_B = picked_B if self._chosen_N is None else self._chosen_N[picked_B]
        device_picked_B = picked_B.to(self.device, non_blocking=True)
        on_device = self._images_NHWC.device.type == self.device.type
        if on_device:
            raw_BHWC = self._images_NHWC[host_picked_B.to(self.device, non_blocking=True)]
        else:
            raw_BHWC = self._images_NHWC[host_picked_B].pin_memory().to(self.device, non_blocking=True)
        resized_BCHW = resize(raw_BHWC.permute(0, 3, 1, 2), self._pixels)
        if self._changes:
            resized_BCHW = self._changes.of(picked_B).apply(resized_BCHW)
        batch_BCHW = self._buffer_BCHW[: len(picked_B)]
        # Grey images are repeated to the buffer's channels by broadcasting; division as in torchvision's ToTensor.
        torch.div(resized_BCHW.expand_as(batch_BCHW), 255, out=batch_BCHW)
        if self._normalization:
            mean, deviation = self._normalization
            batch_BCHW.sub_(mean).div_(deviation)
        return batch_BCHW, self._labels_N[device_picked_B]

    def _move_where_it_fits(self) -> None:
        wanted = self._images_NHWC if self._chosen_N is None else self._images_NHWC[self._chosen_N]
        free_bytes, _ = torch.cuda.mem_get_info(self.device)
        if wanted.nbytes <= free_bytes * _SHARE_OF_GPU:
            self._images_NHWC = wanted.to(self.device)
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


def both_halves(
    dataset: Dataset,
    spec: DatasetSpec,
    *,
    channels: int,
    batch_size: int,
    eval_batch_size: int,
    channels_last: bool,
    device: torch.device,
) -> tuple[Images, Images]:
    """Return training and test images, limited and prepared as `spec` says."""
    halves = (
        (dataset.train_images, dataset.train_labels, spec.train_limit, spec.augment, batch_size),
        (dataset.test_images, dataset.test_labels, spec.test_limit, "none", eval_batch_size),
    )
    normalization = _normalization(dataset, spec, device)
    train, test = (
        Images(
            images,
            labels,
            subset(labels, limit),
            pixels=spec.image_size or dataset.pixels,
            channels=channels,
            normalization=normalization,
            augment=augment,
            channels_last=channels_last,
            largest_batch=largest_batch,
            device=device,
        )
        for images, labels, limit, augment, largest_batch in halves
    )
    return train, test


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
    return torch.randperm(count, generator=_generator("order", seed, epoch))


def _generator(purpose: str, seed: int, epoch: int) -> torch.Generator:
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
