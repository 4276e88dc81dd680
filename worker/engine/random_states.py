"""The random numbers that a training draws while it trains: dropout's and the like, from torch's generators.

Order and augmentation are drawn from (seed, epoch) alone, and need no state.
"""

from typing import Any

import torch

from worker.engine.group import Group


def random_states(device: torch.device, group: Group) -> list[dict[str, Any]]:
    """Return the states of the generators of all processes, in types that `weights_only` loads."""
    of_torch = group.joined(torch.get_rng_state()[None])
    of_cuda = group.joined(torch.cuda.get_rng_state(device)[None]) if device.type == "cuda" else None
    return [
        {"torch": of_torch[rank].clone(), "cuda": None if of_cuda is None else of_cuda[rank].clone()}
        for rank in range(group.size)
    ]


def restore_random_states(states: list[dict[str, Any]], device: torch.device, group: Group) -> None:
    """Put this process' generators back. Resumed on another kind of device: the numbers differ there anyway."""
    own = states[group.rank]
    torch.set_rng_state(own["torch"])
    if own["cuda"] is not None and device.type == "cuda":
        torch.cuda.set_rng_state(own["cuda"], device)
