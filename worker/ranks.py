"""Several processes that train one run together, seen from the training process, which keeps the store to itself.

They are started by torchrun's agent; the first of them reports, and what it tells is handed to the recorder here.
All of them are in the group of the training process, and end with it.
"""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from backend.errors import RunyardError
from worker.rank_messages import Line, Message

if TYPE_CHECKING:
    # Not at run time: the worker's own process imports this module too, and loads no torch.
    from worker.engine.recorder import Recorder
    from worker.engine.train import Outcome
    from worker.rank_job import Job

LOOK_SECONDS = 0.1
"""How soon a wish to stop is passed on."""
LOSS_SECONDS = 5.0
"""After an error it shows within this time whether it only came of the loss of another process."""
END_SECONDS = 5.0
KILLED_STATUS = 128
"""Above it the agent's exit status tells, as a shell's does, by which signal a process was ended."""


class RankLost(Exception):
    """A process ended without a word: killed, out of the machine's memory, or crashed."""


class RankFailed(Exception):
    """A process told of an error that is nobody's mistake but the code's, or the memory's."""

    def __init__(self, text: str, traceback: str, *, out_of_memory: bool) -> None:
        super().__init__(text)
        self.traceback = traceback
        self.out_of_memory = out_of_memory


class Ranks:
    """`count` processes, each for one device. Make them before this process has threads, and from its main thread."""

    def __init__(self, count: int) -> None:
        # Once, for all that are forked from here.
        from worker.torchrun import run

        pairs = [multiprocessing.Pipe() for _ in range(count)]
        ours, theirs = ([pair[side] for pair in pairs] for side in (0, 1))
        self._lines: dict[Connection, Line] = {connection: Line(connection) for connection in ours}
        self._speaker = self._lines[ours[0]]
        self._stop_told = False
        self._completed = False
        self._agent = multiprocessing.get_context("fork").Process(
            target=run, args=(count, theirs, ours, os.getpid()), name="torchrun"
        )
        self._agent.start()
        for connection in theirs:
            connection.close()

    def train(self, job: "Job", recorder: "Recorder", wants_stop: Callable[[], bool]) -> "Outcome":
        """Have them train; return how it ended. After BrokenCheckpoint they can be asked again.

        `wants_stop` is asked all the time: unlike the recorder's `should_stop`, it is no sign of life.

        Raises:
            RunyardError: they refused; BrokenCheckpoint where it is that, and nothing was trained; NoRoom for a full disk.
            RankFailed: one of them told of an error.
            RankLost: one of them was lost.
        """
        from worker.engine.checkpoint import BrokenCheckpoint
        from worker.engine.disk import NoRoom
        from worker.engine.train import Outcome
        from worker.rank_job import BROKEN_CHECKPOINT, ENDED, NO_ROOM, REFUSED

        self._tell_all("job", job.to_json())
        ended = self._ended(recorder, wants_stop)
        if ended.kind == BROKEN_CHECKPOINT:
            for _ in list(self._lines)[1:]:  # the others found the same
                self._ended(recorder, wants_stop)
            raise BrokenCheckpoint(ended.values["text"])
        if ended.kind == ENDED:
            outcome = Outcome(ended.values["outcome"])
            self._completed = outcome is Outcome.COMPLETED
            return outcome
        if ended.kind == NO_ROOM:
            raise NoRoom(ended.values["text"])
        if ended.kind == REFUSED:
            raise RunyardError(ended.values["text"])
        if wait([self._agent.sentinel], LOSS_SECONDS):
            raise RankLost(self._how_lost())
        raise RankFailed(
            ended.values["text"], ended.values["traceback"], out_of_memory=ended.values["out_of_memory"]
        )

    def close(self) -> None:
        """End them: in good order where they are done, else at once, as one may wait for another that has stopped."""
        if self._completed:
            self._tell_all("over", {})
            self._agent.join(END_SECONDS)
        self._agent.kill()  # and the others with it
        self._agent.join()
        for line in self._lines.values():
            line.close()

    def _ended(self, recorder: "Recorder", wants_stop: Callable[[], bool]) -> Message:
        """Hand on what is told until one of them says that it ended, and how."""
        from worker.rank_job import ENDINGS
        from worker.rank_reports import hand_on

        while True:
            ready = wait([*self._lines, self._agent.sentinel], LOOK_SECONDS)
            self._pass_on_stop(wants_stop)
            if ready == [self._agent.sentinel]:  # and all that was told is read
                raise RankLost(self._how_lost())
            for line in [one for one in self._lines.values() if one.connection in ready]:
                message = self._received(line)
                if message is None:
                    continue
                if message.kind not in ENDINGS:
                    waits = hand_on(message, recorder)
                    self._pass_on_stop(wants_stop)  # before it goes on
                    if waits:
                        self._tell(line, "stored", {})
                elif line is self._speaker or not _is_completed(message):
                    return message

    def _received(self, line: Line) -> Message | None:
        try:
            return line.receive()
        except (EOFError, OSError):  # all of them are gone
            del self._lines[line.connection]
            line.close()
            return None

    def _pass_on_stop(self, wants_stop: Callable[[], bool]) -> None:
        if not self._stop_told and wants_stop():
            self._stop_told = True
            self._tell_all("stop", {})

    def _tell_all(self, kind: str, values: dict[str, Any]) -> None:
        for line in self._lines.values():
            self._tell(line, kind, values)

    def _tell(self, line: Line, kind: str, values: dict[str, Any]) -> None:
        # Nobody at the other end: the agent's end, which follows, says so.
        with contextlib.suppress(OSError):
            line.send(kind, values)

    def _how_lost(self) -> str:
        self._agent.join()
        status = self._agent.exitcode or 0
        if status > KILLED_STATUS:
            name = signal.Signals(status - KILLED_STATUS).name
            return f"One of the processes that trained together was ended by {name}."
        return f"The processes that trained together ended without a word, with status {status}."


def _is_completed(message: Message) -> bool:
    # The one that speaks for all says so when its last epoch is stored.
    return message.values.get("outcome") == "completed"
