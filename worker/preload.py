"""What the fork server imports before it forks: torch, torchvision and the engine, imported and not used.

A fork of a process that has *used* torch may hang; one that has only imported it is ready in 0.02 s.
"""

import atexit
import os
import signal
import sys

import torch  # noqa: F401
import torchvision  # noqa: F401

import worker.engine.train  # 1 s of processor time that each training saves
import worker.training  # noqa: F401

# TERM to the whole group means the worker: it tells its training by itself. Trainings inherit this until their
# own handler stands.
signal.signal(signal.SIGTERM, signal.SIG_IGN)

_SERVER = os.getpid()
_IS_FORK_SERVER = any("multiprocessing.forkserver" in word for word in sys.orig_argv)
"""Whoever else imports this module keeps its own end."""


def _end_at_once() -> None:
    """End without taking torch apart module by module, which costs more than a second and frees what ends anyway."""
    if os.getpid() == _SERVER:  # not a training, should a later Python have it run these too
        os._exit(0)


if _IS_FORK_SERVER:
    atexit.register(_end_at_once)
