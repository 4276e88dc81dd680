"""All that changes while a network trains, as one thing that can be kept and put back."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from worker.engine.average import Average
from worker.engine.group import Group
from worker.engine.random_states import random_states, restore_random_states
from worker.engine.step import TrainingStep
from worker.engine.stopping import EarlyStopping
from worker.engine.weights import copy_into


@dataclass(frozen=True)
class Trained:
    """The network and what belongs to it. Put back on a CPU, it goes on bit for bit as if it had never stopped."""

    device: torch.device
    group: Group
    network: nn.Module
    average: Average | None
    optimizer: Optimizer
    step: TrainingStep
    stopping: EarlyStopping

    @property
    def tested_network(self) -> nn.Module:
        """The network that is tested and that others start from: with averaged weights where there are some."""
        return self.average.network if self.average else self.network

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of the tested network, as safetensors takes them."""
        return _on_cpu(self.tested_network)

    def state(self) -> dict[str, Any]:
        """Return all the rest. All processes must ask for it, and one of them keeps it."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "random": random_states(self.device, self.group),
            "average": self.average and {**self.average.state(), "followed": _on_cpu(self.network)},
            "part_size": self.step.part_size,
            "stopping": self.stopping.state(),
        }

    def load(self, weights: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Put all of it back. What a state of an earlier format lacks stays at its start."""
        copy_into(self.tested_network, weights)
        if self.average and state.get("average"):
            self.average.load(state["average"])
            copy_into(self.network, state["average"]["followed"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step.part_size = state.get("part_size")
        if state.get("stopping"):
            self.stopping.load(state["stopping"])
        restore_random_states(state["random"], self.device, self.group)


def _on_cpu(network: nn.Module) -> dict[str, Tensor]:
    # safetensors takes no channels_last; loading copies into the layout that the network has.
    return {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
