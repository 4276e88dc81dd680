"""Run as a script: `in_group.py SIZE FOLDER`. Each of SIZE processes takes part in what a group does, and tells.

Forked here and not in a test: a process that has used torch cannot be forked. Results are FOLDER/RANK.json.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from backend.spec import LossSpec
from worker.engine.group import ALONE, Group, Together
from worker.engine.losses import training_loss
from worker.engine.step import TrainingStep

BATCHES = (7, 8, 5)
"""Images of each step: of no step can all processes have the same number."""


def steps(group: Group) -> dict[str, list[float]]:
    """Return the weights of a small network after some clipped steps, and the norms of its gradients."""
    torch.manual_seed(1)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(80, 10)
    )
    images_NCHW, labels_N = torch.rand(sum(BATCHES), 3, 8, 8), torch.arange(sum(BATCHES)) % 10
    step = TrainingStep(
        network if group.size == 1 else DistributedDataParallel(network),
        torch.optim.SGD(network.parameters(), lr=0.5, momentum=0.9),
        training_loss(LossSpec()),
        device=torch.device("cpu"),
        group=group,
        bf16=False,
        gradient_clip=0.5,
        average=None,
        tell=print,
    )
    norms: list[float] = []
    for picked_B in torch.arange(sum(BATCHES)).split(BATCHES):
        mine_B = group.share(picked_B)
        stepped = step(images_NCHW[mine_B], labels_N[mine_B], whole=len(picked_B))
        assert stepped.gradient_norm is not None
        norms.append(float(stepped.gradient_norm))
    return {"weights": nn.utils.parameters_to_vector(network.parameters()).tolist(), "norms": norms}


def taken_part(group: Group) -> dict[str, Any]:
    summed = torch.tensor(group.rank + 1.0, dtype=torch.float64)
    group.sum(summed)
    return {
        "shares": {str(count): _share(group, count) for count in (1, 2, 7)},
        "sum": summed.item(),
        # Only the first one's word counts.
        "told": group.told(group.rank == 0, group.rank != 0, False),
        "joined": group.joined(group.share(torch.arange(7))).tolist(),
        "joined_of_one": group.joined(group.share(torch.arange(1))).tolist(),
        "joined_rows": group.joined(torch.full((1, 2), group.rank, dtype=torch.uint8)).tolist(),
        "buffers": buffers(group),
        **steps(group),
    }


def buffers(group: Group) -> list[list[float]]:
    """Return what batch norm knows after each process has seen other images, before and after it is shared."""
    norm = nn.BatchNorm1d(1)
    norm(torch.tensor([[1.0], [2.0 + group.rank]]))
    before = norm.running_mean.tolist()  # pyright: ignore[reportOptionalMemberAccess] - this one keeps it
    group.share_buffers(norm)
    return [before, norm.running_mean.tolist()]  # pyright: ignore[reportOptionalMemberAccess]


def _share(group: Group, count: int) -> list[int]:
    share: Tensor = group.share(torch.arange(count))
    return share.tolist()


def main(size: int, folder: Path) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo0" if sys.platform == "darwin" else "lo"
    children = [pid for rank in range(size) if (pid := _forked(rank, size, folder))]
    ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    (folder / "alone.json").write_text(json.dumps(steps(ALONE)))
    sys.exit(max(map(abs, ended)))


def _forked(rank: int, size: int, folder: Path) -> int:
    pid = os.fork()
    if pid:
        return pid
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=(folder / "meeting").absolute().as_uri(), rank=rank, world_size=size
    )
    (folder / f"{rank}.json").write_text(json.dumps(taken_part(Together())))
    distributed.destroy_process_group()
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
