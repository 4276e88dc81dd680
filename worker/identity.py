"""Who a worker is: a name never used twice, from which another worker on this machine can tell whether it is dead.

It must not know the store.
"""

import hashlib
import os
import re
import secrets
import socket
from pathlib import Path

from backend.processes import is_alive

_OWNER = re.compile(r".*:(?P<pid>\d+)-(?P<place>[0-9a-f]{8})-[0-9a-f]{8}")


def given_name() -> str:
    """Return the name that whoever starts a worker gives it; one on its own is just the worker."""
    return os.environ.get("RUNYARD_WORKER_NAME", "worker")


def new_owner(name: str) -> str:
    """Return the id of this process as a worker: name, host, process, place, and a random end.

    Never the same twice: a worker that comes back must not pass for the one that was lost.
    """
    return f"{owners_begin(name)}{os.getpid()}-{place()}-{secrets.token_hex(4)}"


def owners_begin(name: str) -> str:
    """Return what the ids of all workers of this name on this host begin with."""
    return f"{name}@{socket.gethostname()}:"


def is_dead_here(owner: str) -> bool:
    """Return whether this worker ran in our place and its process is gone; False where that cannot be known."""
    found = _OWNER.fullmatch(owner)
    return found is not None and found["place"] == place() and not is_alive(int(found["pid"]))


def place() -> str:
    """Return what tells where a process id means anything: this boot of this machine, and our namespace of ids.

    A host name does not: two containers may share it, and each has a process 7.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:  # no Linux: then nobody is ever known to be dead, and leases decide
        return secrets.token_hex(4)
    return hashlib.sha256(f"{boot}{namespace}".encode()).hexdigest()[:8]
