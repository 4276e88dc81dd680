"""The wish to stop, from a terminal or a service manager, remembered and heard at once.

It must not know what is stopped.
"""

import select
import signal
import socket
from types import FrameType

WISHES = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """While entered, Ctrl-C, TERM and HUP only set `asked_to_stop`, however often they come, and end a pause.

    Not a threading.Event: setting one in a handler can deadlock with a wait for it in the same thread.
    """

    def __init__(self) -> None:
        self.asked_to_stop = False

    def __enter__(self) -> "StopSignals":
        self._reading, self._writing = socket.socketpair()
        self._reading.setblocking(False)
        self._writing.setblocking(False)
        self._old_fd = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        self._old = {number: signal.signal(number, self._handle) for number in WISHES}
        return self

    def __exit__(self, *problem: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_fd)
        self._reading.close()
        self._writing.close()

    def pause(self, seconds: float) -> None:
        """Sleep, but not past the next signal."""
        ready, _, _ = select.select([self._reading], [], [], seconds)
        if ready:
            self._reading.recv(4096)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.asked_to_stop = True
