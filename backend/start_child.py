"""Becomes another command whose life is tied to its parent's.

    python -m backend.start_child PARENT_PID LOCK COMMAND...

Not done between fork and exec (`preexec_fn`), which can hang where the parent has threads.
LOCK is a file, or - for none: the command holds its lock for as long as it lives, and starts only once the
one before it has let go. It must not know what the command is.
"""

import fcntl
import os
import signal
import sys

from backend.processes import die_with_parent


def main(arguments: list[str]) -> None:
    parent_pid, lock, *command = arguments
    die_with_parent(parent_pid=int(parent_pid))
    if lock != "-":
        # Never closed: the lock ends with the process. Without it, the broker of an owner that was killed
        # would, as it goes, delete the socket that the next broker has just made.
        held = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
        os.set_inheritable(held, True)
        fcntl.flock(held, fcntl.LOCK_EX)
    # Python ignores it, and exec would pass that on.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
