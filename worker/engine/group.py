"""The processes that train one run together, each on a device of its own; most often one alone.

Each takes its share of every batch; gradients, sums and decisions are the same in all of them. This module
knows nothing of networks, and not who started the processes.
"""

from datetime import timedelta
from typing import Protocol

import torch
from torch import Tensor, distributed, nn

TIMEOUT = timedelta(hours=12)
"""How long a process waits for the others: one of them may make features, or test, for long. Ends are seen otherwise."""


class Group(Protocol):
    """`rank` 0 speaks for all: to the recorder, and to the disk."""

    rank: int
    size: int

    def share(self, picked_B: Tensor) -> Tensor:
        """Return this process' part of a batch or of a test set; the parts in order make the whole."""
        ...

    def sum(self, value: Tensor) -> None:
        """Put the sum over all processes in place of `value`."""

    def share_buffers(self, network: nn.Module) -> None:
        """Put the buffers of rank 0 (as those of batch norm) in place of a network's own: each process has seen other images."""

    def told(self, *flags: bool) -> tuple[bool, ...]:
        """Return the flags as rank 0 has them."""
        ...

    def joined(self, values_N: Tensor) -> Tensor:
        """Return the values of all processes, one after the other, on the CPU."""
        ...


class Alone:
    """One process: nothing is to be agreed on."""

    rank = 0
    size = 1

    def share(self, picked_B: Tensor) -> Tensor:
        return picked_B

    def sum(self, value: Tensor) -> None:
        pass

    def share_buffers(self, network: nn.Module) -> None:
        pass

    def told(self, *flags: bool) -> tuple[bool, ...]:
        return flags

    def joined(self, values_N: Tensor) -> Tensor:
        return values_N.cpu()


class Together:
    """The processes of torch.distributed's default group, over whichever backend it was set up with.

    Decisions and joined values go through gloo, on the CPU, so that no GPU is waited for.
    """

    def __init__(self) -> None:
        self.rank = distributed.get_rank()
        self.size = distributed.get_world_size()
        on_cpu = distributed.new_group(backend="gloo", timeout=TIMEOUT)
        assert isinstance(on_cpu, distributed.ProcessGroup)
        self._on_cpu = on_cpu

    def share(self, picked_B: Tensor) -> Tensor:
        return picked_B.tensor_split(self.size)[self.rank]

    def sum(self, value: Tensor) -> None:
        distributed.all_reduce(value)

    def share_buffers(self, network: nn.Module) -> None:
        for buffer in network.buffers():
            distributed.broadcast(buffer, src=0)

    def told(self, *flags: bool) -> tuple[bool, ...]:
        spoken = torch.tensor(flags, dtype=torch.uint8)
        distributed.broadcast(spoken, src=0, group=self._on_cpu)
        return tuple(bool(flag) for flag in spoken.tolist())

    def joined(self, values_N: Tensor) -> Tensor:
        own_N = values_N.cpu()
        counts = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        distributed.all_gather(counts, torch.tensor([len(own_N)]), group=self._on_cpu)
        longest = max(int(count) for count in counts)
        padded_L = torch.zeros((longest, *own_N.shape[1:]), dtype=own_N.dtype)
        padded_L[: len(own_N)] = own_N
        all_L = [torch.zeros_like(padded_L) for _ in counts]
        distributed.all_gather(all_L, padded_L, group=self._on_cpu)
        return torch.cat([part_L[: int(count)] for part_L, count in zip(all_L, counts, strict=True)])


ALONE = Alone()
