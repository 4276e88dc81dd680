"""The exponential moving average of the weights: what is tested and kept in place of the last step's."""

from copy import deepcopy
from typing import Any

import torch
from torch import nn


class Average:
    """Follows a network. Parameters are averaged, buffers (as those of batch norm) are the network's own.

    It begins with the weights after the first step. Not torch's AveragedModel, whose counter lies where the network
    does: to read it is to wait for the GPU at each step.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = deepcopy(network)
        """The network with the averaged weights."""
        self._followed = network
        self._decay = decay
        self._steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        share = 1 - self._decay if self._steps else 1.0
        for own, followed in zip(self.network.parameters(), self._followed.parameters(), strict=True):
            own.lerp_(followed, share)
        for buffer, followed in zip(self.network.buffers(), self._followed.buffers(), strict=True):
            buffer.copy_(followed)
        self._steps += 1

    def state(self) -> dict[str, Any]:
        """Return what is no part of `network`: how many steps were taken in."""
        return {"steps": self._steps}

    def load(self, state: dict[str, Any]) -> None:
        self._steps = int(state["steps"])
