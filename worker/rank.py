"""One of the processes that train a run together, each on a device of its own: what torchrun's agent starts.

Forked from a process that has imported torch and used nothing. It needs no store and no Celery.
"""

import os
import signal
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection

import torch
from torch import distributed

from backend.processes import die_with_parent
from worker.engine.device import choose_device
from worker.engine.group import TIMEOUT, Together
from worker.rank_job import Job, trained
from worker.rank_messages import Line
from worker.remote_recorder import Parent, RemoteRecorder, SilentRecorder


def main(connections: Sequence[Connection], agent_pid: int) -> None:
    """Train what this rank's connection says. Torchrun tells rank and meeting place by the environment."""
    # The agent's handlers came along with the fork.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(signal.SIGKILL, agent_pid)
    rank = int(os.environ["RANK"])
    parent = Parent(Line(_own(connections, rank)))
    there = (
        torch.get_num_threads()
    )  # before any job sets it: a second one must train with as many as the first
    while job := parent.next_job():
        _train(job, parent, rank, there)
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _own(connections: Sequence[Connection], rank: int) -> Connection:
    """Return the connection of a rank, and close the others: the copies would keep lines open whose owner is gone."""
    for other, connection in enumerate(connections):
        if other != rank:
            connection.close()
    return connections[rank]


def _train(job: Job, parent: Parent, rank: int, threads_there: int) -> None:
    threads = max(1, (job.threads or threads_there) // int(os.environ["WORLD_SIZE"]))
    torch.set_num_threads(threads)
    recorder = RemoteRecorder(parent) if rank == 0 else SilentRecorder(parent)
    ended = trained(job, recorder, lambda: _joined(job.device, rank), threads if job.threads else 0)
    parent.tell(ended.kind, ended.values)


def _joined(wanted: str, rank: int) -> Together:
    """Return the group of this training's processes, once all of them are there.

    Raises:
        InvalidSpec: there is no device for this rank.
    """
    device = choose_device(wanted, rank)
    # It is initialized where an earlier checkpoint is tried after one that is broken.
    if not distributed.is_initialized():
        # All are on this machine: nothing goes over a network, and no name is looked up.
        loopback = "lo0" if sys.platform == "darwin" else "lo"
        for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
            os.environ.setdefault(variable, loopback)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    return Together()
