"""The yardstick: the kind of loop that the published report trains with, in the open.

A DataLoader makes each image into a PIL image, resizes it and turns it into floats; loss and accuracy are read back from
the device at every batch; a frozen network sees every image anew in each epoch; plain SGD; nothing else. Only the start is
the engine's: same images, same first weights, same order, so that both learn the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms
from torchvision.models.feature_extraction import create_feature_extractor

from backend.spec import DatasetSpec, OptimizerSpec, Spec
from worker.engine.batches import epoch_order, subset
from worker.engine.data import Dataset
from worker.engine.models import build_frozen, build_model
from worker.engine.weights import StartingWeights


@dataclass(frozen=True)
class Epoch:
    train_loss: float
    train_acc: float
    test_acc: float


class PilImages(TorchDataset[tuple[Tensor, int]]):
    """One half of a data set, an image at a time."""

    def __init__(self, images_NHWC: np.ndarray, labels_N: np.ndarray, limit: int | None, pixels: int) -> None:
        chosen_N = subset(labels_N, limit)
        self._places_N = np.arange(len(labels_N)) if chosen_N is None else chosen_N.numpy()
        self._images_NHWC, self._labels_N = images_NHWC, labels_N
        self._transform = transforms.Compose([transforms.Resize(pixels), transforms.ToTensor()])

    def __len__(self) -> int:
        return len(self._places_N)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        place = self._places_N[number]
        image = cast(Tensor, self._transform(Image.fromarray(self._images_NHWC[place])))
        return image, int(self._labels_N[place])


class OnFeatures(nn.Module):
    """A layer on what a frozen network holds of the images at one node."""

    def __init__(self, frozen: nn.Module, node: str, *, averaged: bool) -> None:
        super().__init__()
        self._frozen = create_feature_extractor(frozen, {node: "out"}, suppress_diff_warning=True)
        self._averaged = averaged
        self.head: nn.Module = nn.Identity()

    def train(self, mode: bool = True) -> "OnFeatures":
        super().train(mode)
        self._frozen.eval()
        return self

    def forward(self, images_BCHW: Tensor) -> Tensor:
        with torch.no_grad():
            values = self._frozen(images_BCHW)["out"]
        if self._averaged:
            values = values.mean(dim=(2, 3))
        return self.head(values.flatten(start_dim=1))


def halves(spec: Spec, dataset: Dataset) -> tuple[PilImages, PilImages]:
    """Return the images to train and to test on."""
    asked, pixels = spec.dataset, spec.dataset.image_size or dataset.pixels
    return (
        PilImages(dataset.train_images, dataset.train_labels, asked.train_limit, pixels),
        PilImages(dataset.test_images, dataset.test_labels, asked.test_limit, pixels),
    )


def build(spec: Spec, dataset: Dataset, weights: StartingWeights | None) -> nn.Module:
    """Return the network with the engine's first weights."""
    pixels, classes = spec.dataset.image_size or dataset.pixels, len(dataset.classes)
    if spec.features is None:
        return build_model(
            spec.model, classes=classes, channels=3, pixels=pixels, seed=spec.seed, weights=weights
        )[0]
    frozen = build_frozen(spec.features.arch, weights, spec.seed)
    network = OnFeatures(frozen, spec.features.node, averaged=spec.features.pooling == "average").eval()
    (values,) = network(torch.zeros(1, 3, pixels, pixels)).shape[1:]
    network.head = build_model(spec.model, classes=classes, channels=values, pixels=1, seed=spec.seed)[0]
    return network


def train(
    spec: Spec,
    dataset: Dataset,
    device: torch.device,
    *,
    loader_workers: int = 0,
    weights: StartingWeights | None = None,
    after_batch: Callable[[], bool] = lambda: False,
) -> list[Epoch]:
    """Train as `spec` says; return what each whole epoch came to. `after_batch` says whether to stop."""
    _refuse_what_the_report_does_not_do(spec)
    train_images, test_images = halves(spec, dataset)
    network = build(spec, dataset, weights).to(device)
    trained = [one for one in network.parameters() if one.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=spec.optimizer.lr)
    epochs = []
    for epoch in range(1, spec.epochs + 1):
        network.train()
        loss_sum, correct, seen = 0.0, 0.0, 0
        order = epoch_order(len(train_images), spec.seed, epoch).tolist()
        for images_BCHW, labels_B in DataLoader(
            train_images, spec.batch_size, sampler=order, num_workers=loader_workers
        ):
            images_BCHW, labels_B = images_BCHW.to(device), labels_B.to(device)
            optimizer.zero_grad()
            outputs_BK = network(images_BCHW)
            loss = loss_of(spec, outputs_BK, labels_B)
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(labels_B)
            correct += (outputs_BK.argmax(dim=1) == labels_B).sum().item()
            seen += len(labels_B)
            if after_batch():
                return epochs
        test_acc = accuracy(
            network, DataLoader(test_images, spec.batch_size, num_workers=loader_workers), device
        )
        epochs.append(Epoch(loss_sum / seen, correct / seen, test_acc))
    return epochs


def accuracy(network: nn.Module, batches: DataLoader[tuple[Tensor, int]], device: torch.device) -> float:
    """Return the share of images that are classified rightly, counted batch by batch."""
    network.eval()
    correct, seen = 0.0, 0
    with torch.no_grad():
        for images_BCHW, labels_B in batches:
            images_BCHW, labels_B = images_BCHW.to(device), labels_B.to(device)
            correct += (network(images_BCHW).argmax(dim=1) == labels_B).sum().item()
            seen += len(labels_B)
    return correct / seen


def loss_of(spec: Spec, outputs_BK: Tensor, labels_B: Tensor) -> Tensor:
    if spec.loss.name == "cross_entropy_of_probabilities":
        outputs_BK = outputs_BK.softmax(dim=1)
    return functional.cross_entropy(outputs_BK, labels_B)


def _refuse_what_the_report_does_not_do(spec: Spec) -> None:
    asked = spec.dataset
    plain_images = DatasetSpec(
        name=asked.name,
        train_limit=asked.train_limit,
        test_limit=asked.test_limit,
        image_size=asked.image_size,
    )
    assert asked == plain_images, asked
    assert spec.optimizer == OptimizerSpec(lr=spec.optimizer.lr), spec.optimizer
    assert spec.model.trained == "all", spec.model
    assert spec.features is None or not spec.features.standardize, spec.features
