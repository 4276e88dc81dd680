"""What a training process and those that train for it tell each other: JSON, with raw bytes behind it; never pickled.

A message is one frame for its header and one for each of its parts.
"""

import json
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

_PARTS = "parts"


class Message(NamedTuple):
    """`kind` names what is told; NaN and infinities pass unharmed, as do all 64 bits of a number."""

    kind: str
    values: dict[str, Any]
    parts: Sequence[bytes] = ()


class Line:
    """One end of the line between two processes. Several threads may send, one receives."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._sending = threading.Lock()

    def send(self, kind: str, values: dict[str, Any] | None = None, parts: Sequence[bytes] = ()) -> None:
        """Raises OSError where nobody is at the other end any more."""
        header = {"kind": kind, "values": values or {}, _PARTS: len(parts)}
        with self._sending:
            for frame in (json.dumps(header).encode(), *parts):
                self.connection.send_bytes(frame)

    def receive(self) -> Message:
        """Wait for the next message. Raises EOFError or OSError once the other end is gone."""
        header = json.loads(self.connection.recv_bytes())
        parts = [self.connection.recv_bytes() for _ in range(header[_PARTS])]
        return Message(header["kind"], header["values"], parts)

    def close(self) -> None:
        self.connection.close()
