"""One training step: parts, clipping, mixing, out of memory."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from worker.engine.device import OutOfMemory
from worker.engine.group import ALONE
from worker.engine.losses import Loss
from worker.engine.mixup import Mix
from worker.engine.step import TrainingStep


class OnASmallMachine(nn.Module):
    """A network whose machine has memory for `most` images at once."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)
        self.most = most
        self.seen: list[int] = []

    def forward(self, batch: Tensor) -> Tensor:
        if len(batch) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        self.seen.append(len(batch))
        return self.layer(batch)


def stepper(
    network: nn.Module,
    *,
    loss_of: Loss = functional.cross_entropy,
    gradient_clip: float | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> TrainingStep:
    return TrainingStep(
        network,
        torch.optim.SGD(network.parameters(), lr=0.5),
        loss_of,
        device=torch.device("cpu"),
        group=ALONE,
        bf16=False,
        gradient_clip=gradient_clip,
        average=None,
        tell=tell,
    )


def drawn(count: int = 10) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    return torch.randn(count, 6, generator=generator), torch.randint(3, (count,), generator=generator)


def network(most: int = 1_000) -> OnASmallMachine:
    torch.manual_seed(1)
    return OnASmallMachine(most)


def test_a_step_is_that_of_plain_torch() -> None:
    ours, plain = network(), network()
    batch, labels = drawn()
    stepped = stepper(ours)(batch, labels, whole=10)
    loss = functional.cross_entropy(plain(batch), labels)
    loss.backward()
    torch.optim.SGD(plain.parameters(), lr=0.5).step()
    assert torch.equal(ours.layer.weight, plain.layer.weight)
    assert stepped.loss_sum.item() == pytest.approx(10 * loss.item())
    assert stepped.gradient_norm is None


def test_out_of_memory_halves_the_batch_once_says_so_and_learns_the_same() -> None:
    small, large = network(most=6), network()
    batch, labels = drawn()
    lines: list[str] = []
    step, whole = stepper(small, tell=lines.append), stepper(large)
    for _ in range(3):
        ours, theirs = step(batch, labels, whole=10), whole(batch, labels, whole=10)
        assert ours.loss_sum.item() == pytest.approx(theirs.loss_sum.item())
        assert ours.correct.item() == theirs.correct.item()
    assert small.seen == [5, 5] * 3
    assert step.part_size == 5
    torch.testing.assert_close(small.layer.weight, large.layer.weight)
    assert lines == [
        "warning: out of memory with 10 images at once. From here on each batch goes through in parts of 5, "
        "whose gradients are added up."
    ]


def test_a_second_time_out_of_memory_ends_with_the_sizes() -> None:
    step = stepper(network(most=4))
    with pytest.raises(OutOfMemory, match="each batch of 10 images went through in parts of 5"):
        step(*drawn(), whole=10)
        step(*drawn(), whole=10)
    assert step.part_size == 5


def test_a_single_image_that_does_not_fit_says_so() -> None:
    with pytest.raises(OutOfMemory, match="Out of memory with a single image"):
        stepper(network(most=0))(*drawn(1), whole=1)


def test_parts_are_as_equal_as_can_be_and_a_small_batch_stays_whole() -> None:
    small = network()
    step = stepper(small)
    step.part_size = 4
    for count in (9, 4, 3):
        step(*drawn(count), whole=count)
    assert small.seen == [3, 3, 3, 4, 3]


def test_another_error_is_not_taken_for_one_of_memory() -> None:
    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, batch: Tensor) -> Tensor:
            raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        stepper(Broken())(*drawn(), whole=10)


def test_a_gradient_is_clipped_to_the_norm_and_told_as_it_was() -> None:
    free, clipped = network(), network()
    before = free.layer.weight.detach().clone(), free.layer.bias.detach().clone()
    batch, labels = drawn()
    stepper(free)(batch, labels, whole=10)
    told = stepper(clipped, gradient_clip=0.01)(batch, labels, whole=10).gradient_norm
    moved = [
        torch.cat([(one.layer.weight - before[0]).flatten(), one.layer.bias - before[1]]).norm().item() / 0.5
        for one in (free, clipped)
    ]
    assert told is not None
    assert told.item() == pytest.approx(moved[0], rel=1e-4)
    assert moved[1] == pytest.approx(0.01, rel=1e-3)


def test_a_mixed_batch_asks_for_both_of_what_it_holds() -> None:
    ours, plain = network(), network()
    batch, labels = drawn(4)
    mix = Mix(0.75, torch.tensor([1, 0, 3, 2]))
    mixed = 0.75 * batch + 0.25 * batch[[1, 0, 3, 2]]
    stepped = stepper(ours)(batch.clone(), labels, whole=4, mix=mix)
    logits = plain(mixed)
    wanted = 0.75 * functional.cross_entropy(logits, labels) + 0.25 * functional.cross_entropy(
        logits, labels[[1, 0, 3, 2]]
    )
    assert stepped.loss_sum.item() == pytest.approx(4 * wanted.item(), rel=1e-5)


def test_a_mixed_batch_in_parts_learns_the_same() -> None:
    whole, parted = network(), network()
    mix = Mix.drawn(10, torch.Generator().manual_seed(2))
    in_parts = stepper(parted)
    in_parts.part_size = 3
    for step in (stepper(whole), in_parts):
        batch, labels = drawn()
        step(batch, labels, whole=10, mix=mix)
    torch.testing.assert_close(whole.layer.weight, parted.layer.weight)


def test_the_larger_part_of_a_mixed_image_is_its_own() -> None:
    shares = [Mix.drawn(2, torch.Generator().manual_seed(seed)).share for seed in range(200)]
    assert 0.5 <= min(shares) < 0.52
    assert 0.98 < max(shares) <= 1
