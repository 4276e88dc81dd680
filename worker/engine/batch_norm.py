"""What batch norm, and several processes, need of the last batch of an epoch: refused before the first one."""

from torch import nn

from backend.errors import InvalidSpec
from backend.spec import Spec
from worker.engine.models import has_batch_norm


def check_last_batch(spec: Spec, network: nn.Module, count: int, processes: int) -> None:
    """Refuse a batch size that leaves too few of `count` training images for the last batch.

    Each process needs one of them, and two where batch norm learns.

    Raises:
        InvalidSpec: naming a batch size that would do.
    """
    norm = spec.model.trained == "all" and has_batch_norm(network)
    each = 2 if norm else 1
    needed = each * processes
    arch, size = spec.model.arch, spec.batch_size
    if _smallest(count, size) >= needed:
        return
    why = f"{arch} has batch norm and needs at least two" if norm else "each needs at least one"
    if processes > 1:
        why += f" on each of {processes} devices"
    if count < needed:
        there = "There is one training image" if count == 1 else f"There are {count} training images"
        raise InvalidSpec(f"{there}; {why} in a batch.")
    better = next(
        larger for larger in range(size + 1, size + count + 1) if _smallest(count, larger) >= needed
    )
    if size < needed:
        raise InvalidSpec(f"batch_size is {size}; {why} images in a batch: take {better}.")
    left = _smallest(count, size)
    raise InvalidSpec(
        f"batch_size is {size} and leaves a last batch of {'one' if left == 1 else left} of {count} training images; "
        f"{why}: take {better}."
    )


def _smallest(count: int, size: int) -> int:
    """Return how many images the smallest batch has."""
    return min(size, count, count % size or size)
