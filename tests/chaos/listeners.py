"""Pages that listen to the live stream, many in one thread: bare sockets, so that they cost the machine little.

Each does what a browser's EventSource does: reads events, and once its connection has ended, however that came, asks
again from the last one it has heard. It must not know what happens on the other side.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from tests.chaos.api_process import BEARER

LONGEST_PAUSE_SECONDS = 0.3
"""Before a page asks again. A browser waits for some seconds, during which nothing is tested."""


@dataclass
class Listener:
    """One page: what it has heard, in order, and how late each event was that happened while it listened."""

    port: int
    cursor: str
    run_id: int | None
    chance: random.Random
    drops_after: int = -1
    """It breaks its connection by itself once it has heard so many events; -1: never."""
    heard: list[int] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    """Seconds from the time of an event to its arrival, of those that happened while it was connected."""
    resets: int = 0
    ends: int = 0
    """Streams that had begun and ended, by itself or by the other side."""
    is_connected: bool = False

    async def listen(self) -> None:
        """Hear events until cancelled."""
        while True:
            with suppress(OSError, EOFError, ValueError):
                await self._hear()
            self.ends += self.is_connected
            self.is_connected = False
            await asyncio.sleep(self.chance.uniform(0, LONGEST_PAUSE_SECONDS))

    async def _hear(self) -> None:
        """Hear events over one connection until it ends; raise OSError or EOFError where it breaks."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
        try:
            writer.write(self._request())
            status = await reader.readline()
            if b" 200 " not in status:
                return
            while (await reader.readline()).strip():
                pass
            # What happened before this moment may have been waiting for us: its age says nothing of the stream.
            connected_at = time.time()
            self.is_connected = True
            async for block in _blocks(reader):
                self._take(block, connected_at)
                if len(self.heard) == self.drops_after:
                    self.drops_after = -1
                    return
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _request(self) -> bytes:
        of_run = "" if self.run_id is None else f"&run={self.run_id}"
        lines = [f"GET /api/events?after={self.cursor}{of_run} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name}: {value}" for name, value in BEARER.items()]
        if self.heard:
            store = self.cursor.rpartition("-")[0]
            lines.append(f"Last-Event-ID: {store}-{self.heard[-1]}")
        return "\r\n".join([*lines, "", ""]).encode()

    def _take(self, block: str, connected_at: float) -> None:
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields.get("event") == "reset":
            self.resets += 1
        if "id" not in fields:
            return
        self.heard.append(int(fields["id"].rpartition("-")[2]))
        happened_at = datetime.fromisoformat(json.loads(fields["data"])["at"]).timestamp()
        if happened_at > connected_at:
            self.lags.append(time.time() - happened_at)


async def _blocks(reader: asyncio.StreamReader) -> AsyncIterator[str]:
    """Yield the whole events of an answer that comes in chunks; half a one at its end is none."""
    left = ""
    while (size := int(await reader.readline(), 16)) > 0:
        left += (await reader.readexactly(size + 2))[:-2].decode()
        *whole, left = left.split("\n\n")
        for block in whole:
            yield block
