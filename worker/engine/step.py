"""One training step: forward, loss, backward, clip, update. In parts where the whole batch does not fit into memory.

Shapes: B images of a batch, K classes; what the network takes may have any shape behind B.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from worker.engine.average import Average
from worker.engine.device import OutOfMemory, free_unused_memory, is_out_of_memory, memory_text
from worker.engine.group import Group
from worker.engine.losses import Loss
from worker.engine.mixup import Mix


@dataclass(frozen=True)
class Stepped:
    """What a step showed, with the weights before it: on the device, not read back."""

    loss_sum: Tensor
    """Over the images of this process, double precision."""
    correct: Tensor
    gradient_norm: Tensor | None
    """Before clipping; None where nothing is clipped."""


class TrainingStep:
    """Learns from one batch at a time. `network` is what is called: the network, or what wraps it for several processes."""

    def __init__(
        self,
        network: nn.Module,
        optimizer: Optimizer,
        loss_of: Loss,
        *,
        device: torch.device,
        group: Group,
        bf16: bool,
        gradient_clip: float | None,
        average: Average | None,
        tell: Callable[[str], None],
    ) -> None:
        self._network = network
        self._optimizer = optimizer
        self._loss_of = loss_of
        self._device = device
        self._group = group
        self._bf16 = bf16
        self._gradient_clip = gradient_clip
        self._average = average
        self._tell = tell
        self._parameters = [one for one in network.parameters() if one.requires_grad]
        self.part_size: int | None = None
        """Images that go through the network at once; None for the whole batch. Part of a checkpoint."""

    def __call__(self, batch: Tensor, labels_B: Tensor, *, whole: int, mix: Mix | None = None) -> Stepped:
        """Learn from this process' share of a batch that has `whole` images in all processes.

        Raises:
            OutOfMemory: not even half of the batch fits at once.
        """
        if mix:
            mix = mix.to(self._device)
            mix.apply(batch)
        while (sums := self._tried(batch, labels_B, whole, mix)) is None:
            self._halve(len(labels_B))
        norm = self._clip()
        self._optimizer.step()
        if self._average:
            self._average.update()
        return Stepped(*sums, norm)

    def _tried(
        self, batch: Tensor, labels_B: Tensor, whole: int, mix: Mix | None
    ) -> tuple[Tensor, Tensor] | None:
        """Return what `_backward` does; None where there was not memory enough.

        A method of its own: when it returns, the exception and all tensors that it holds are gone.
        """
        try:
            return self._backward(batch, labels_B, whole, mix)
        except (RuntimeError, MemoryError) as problem:
            if not is_out_of_memory(problem):
                raise
            if self._group.size > 1:
                # The others wait for this one's gradients: no process can begin the batch again by itself.
                raise OutOfMemory(
                    f"Out of memory on one of {self._group.size} devices with {len(labels_B):,} images of each batch."
                    f"{memory_text(self._device)} Take a smaller batch_size or dataset.image_size."
                ) from None
            return None

    def _backward(
        self, batch: Tensor, labels_B: Tensor, whole: int, mix: Mix | None
    ) -> tuple[Tensor, Tensor]:
        """Add up gradients over the parts of the batch; return the sum of the losses and how many were right."""
        self._optimizer.zero_grad()
        loss_sum = torch.zeros((), dtype=torch.float64, device=self._device)
        correct = torch.zeros((), dtype=torch.int64, device=self._device)
        for start, end in self._parts(count := len(labels_B)):
            labels_b = labels_B[start:end]
            with self._without_exchange(until_last=end == count):
                loss, logits_bK = self._loss(
                    batch[start:end], labels_b, labels_B, mix and mix.part(start, end)
                )
                # Several processes average their gradients: each counts by its share of the images.
                share = (end - start) * self._group.size / whole
                (loss if share == 1 else loss * share).backward()
            # While it trains, with the weights before the step: as train_ch6 of d2l counts.
            loss_sum += loss.detach() * (end - start)
            correct += (logits_bK.detach().argmax(dim=1) == labels_b).sum()
        return loss_sum, correct

    def _loss(
        self, part: Tensor, labels_b: Tensor, labels_B: Tensor, mix: Mix | None
    ) -> tuple[Tensor, Tensor]:
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
            logits_bK = self._network(part)
        logits_bK = logits_bK.float()
        loss = self._loss_of(logits_bK, labels_b)
        if mix:
            partners_b = labels_B[mix.partners]
            loss = mix.share * loss + (1 - mix.share) * self._loss_of(logits_bK, partners_b)
        return loss, logits_bK

    def _parts(self, count: int) -> Iterator[tuple[int, int]]:
        """Yield where each part begins and ends: as equal as can be, since batch norm learns nothing from one image."""
        number = -(-count // (self.part_size or count))
        for part in range(number):
            yield part * count // number, (part + 1) * count // number

    def _clip(self) -> Tensor | None:
        if self._gradient_clip is None:
            return None
        return clip_grad_norm_(self._parameters, self._gradient_clip)

    def _without_exchange(self, *, until_last: bool) -> Any:
        """Return a context in which processes keep their gradients to themselves, but for the last part."""
        if until_last or not isinstance(self._network, nn.parallel.DistributedDataParallel):
            return torch.enable_grad()
        return self._network.no_sync()

    def _halve(self, count: int) -> None:
        if self.part_size is not None:
            raise OutOfMemory(
                f"Out of memory, although each batch of {count:,} images went through in parts of {self.part_size:,}."
                f"{memory_text(self._device)} Take a smaller batch_size or dataset.image_size."
            )
        if count == 1:
            raise OutOfMemory(
                f"Out of memory with a single image.{memory_text(self._device)} Take a smaller dataset.image_size."
            )
        self.part_size = -(-count // 2)
        self._optimizer.zero_grad()
        free_unused_memory(self._device)
        self._tell(
            f"warning: out of memory with {count:,} images at once.{memory_text(self._device)} From here on each batch "
            f"goes through in parts of {self.part_size:,}, whose gradients are added up."
        )
