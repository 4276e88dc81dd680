"""Starts the processes of one training by torchrun's own agent, and ends with the first of them that is lost.

The agent runs in a process forked from one that has imported torch, and forks the others. The command `torchrun`
would import torch twice in a row, and give its processes sessions of their own, which no signal to the group of
the training reaches. They meet on a port of the loopback.
"""

import os
import secrets
import signal
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection

from torch.distributed.elastic.agent.server.api import RunResult, WorkerSpec
from torch.distributed.elastic.agent.server.local_elastic_agent import LocalElasticAgent
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.rendezvous import RendezvousParameters
from torch.distributed.elastic.rendezvous.registry import get_rendezvous_handler

from backend.processes import die_with_parent
from worker import rank
from worker.ranks import KILLED_STATUS

LOOPBACK = "127.0.0.1"


def run(count: int, theirs: Sequence[Connection], ours: Sequence[Connection], parent_pid: int) -> None:
    """Run `count` processes until all have ended, or one has failed, and exit with a status that tells which.

    `ours` are the ends that belong to the training process `parent_pid`: no copy of them is kept.
    """
    die_with_parent(signal.SIGKILL, parent_pid)
    for connection in ours:
        connection.close()
    meeting = get_rendezvous_handler(
        RendezvousParameters(
            backend="c10d",
            endpoint=f"{LOOPBACK}:0",
            run_id=secrets.token_hex(8),
            min_nodes=1,
            max_nodes=1,
            local_addr=LOOPBACK,
            is_host="true",
        )
    )
    # Not by torch's `elastic_launch`, which asks CUDA for its GPUs: it then works in no process forked from here.
    spec = WorkerSpec(
        role="training",
        local_world_size=count,
        entrypoint=rank.main,
        args=(theirs, os.getpid()),
        rdzv_handler=meeting,
        max_restarts=0,
        monitor_interval=0.1,
    )
    agent = LocalElasticAgent(spec, logs_specs=DefaultLogsSpecs(), start_method="fork")
    try:
        result = agent.run()
    finally:
        meeting.shutdown()
    assert isinstance(result, RunResult)
    sys.exit(_status(result))


def _status(result: RunResult) -> int:
    if not result.is_failed():
        return 0
    killed = [-failure.exitcode for failure in result.failures.values() if failure.exitcode < 0]
    return KILLED_STATUS + killed[0] if killed else 1
