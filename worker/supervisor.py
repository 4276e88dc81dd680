"""The supervisor: claims a run, starts its training process, watches it, and writes how it ended.

It never trains and loads no torch. A run's verdict comes from its process, never from an exception here:
a process that ended without a verdict was lost, and the run goes back to the queue.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

import structlog
from sqlalchemy.orm import Session

from backend.contract import Reason, RunState
from backend.loops import surviving
from backend.processes import is_alive, kill_group, wait_until
from backend.settings import Settings
from backend.store import attempts
from backend.store.attempts import Claimed
from backend.store.session import STORE_AWAY, Database
from backend.store.tables import Run
from worker.forkserver import ForkServer
from worker.training import Verdict

log = structlog.get_logger()

Place = tuple[int | None, int | None, int | None]
"""Where a training is: epoch, step, and how often it asked whether to stop."""

DRAIN_TOO_SLOW = "The worker had to leave and the training did not stop in time."

WATCH_SECONDS = 0.25
LOOK_SECONDS = 1.0
CANCEL_GRACE_SECONDS = 10.0
"""A training that does not stop by itself for so long after a wish to cancel is killed."""


class Supervisor:
    """Owns one device: trains at most one run at a time, whoever asks."""

    def __init__(
        self, settings: Settings, database: Database, fork_server: ForkServer, owner: str, device: str
    ) -> None:
        self._settings = settings
        self._database = database
        self._fork_server = fork_server
        self._owner = owner
        self._device = device
        self.make_way: Callable[[], None] = lambda: None
        """Called before each training: whatever else uses the device ends."""
        self._device_lock = threading.Lock()
        self._drain_since: float | None = None
        self.draining = threading.Event()

    @property
    def is_busy(self) -> bool:
        return self._device_lock.locked()

    def drain(self) -> None:
        """Claim nothing more, and give the training in progress `drain_seconds` to stop."""
        if not self.draining.is_set():
            self._drain_since = time.monotonic()
            self.draining.set()

    def supervise_next(self) -> int:
        """Train queued runs until there is none, or until the drain; return how many.

        Returns 0 at once where this device is busy: whoever is at work there looks again by itself.
        """
        if not self._device_lock.acquire(blocking=False):
            return 0
        try:
            trained = 0
            while not self.draining.is_set() and (claimed := self._claim_when_ready()) is not None:
                self.make_way()
                self._supervise(claimed)
                trained += 1
            return trained
        finally:
            self._device_lock.release()

    def _claim_when_ready(self) -> Claimed | None:
        self._fork_server.make_ready()
        if self.draining.is_set():  # that may have taken a while
            return None
        with self._database.write() as session:
            return attempts.claim(session, self._owner, self._settings.lease_seconds)

    def _supervise(self, claimed: Claimed) -> None:
        log.info("claimed", run=claimed.run_id, attempt=claimed.attempt)
        try:
            process, connection = self._fork_server.start(claimed, self._device)
        except (OSError, EOFError) as problem:
            # No memory, no file handles, or a fork server that died: the run is not to blame more than usual.
            self._conclude(claimed, None, f"The training could not be started: {problem}.", None)
            raise
        killed_because = self._watch(claimed, process)
        # The verdict first: after the process group is gone nothing more can come.
        verdict = Verdict.receive(connection)
        connection.close()
        self._make_sure_it_is_gone(process)
        self._conclude(claimed, verdict, killed_because, process.exitcode)

    def _watch(self, claimed: Claimed, process: BaseProcess) -> str | None:
        """Return when the process has ended; why it was killed, if it was."""
        with _Eye(lambda: self._look(claimed), _Watch(self._settings)) as eye:
            while not wait([process.sentinel], timeout=WATCH_SECONDS):
                if self.draining.is_set():
                    # Again and again: until its handler stands, a young process ignores it.
                    _send(process, signal.SIGTERM)
                if self._drain_is_over():
                    return self._kill(process, DRAIN_TOO_SLOW)
                if eye.problem is not None:
                    return self._kill(process, eye.problem)
        return None

    def _drain_is_over(self) -> bool:
        since = self._drain_since
        # Two seconds are left for the last words to the store.
        allowed = max(self._settings.drain_seconds - 2.0, self._settings.drain_seconds / 2)
        return since is not None and time.monotonic() - since > allowed

    def _look(self, claimed: Claimed) -> "_Seen | None":
        try:
            with self._database.read() as session:
                run = session.get(Run, claimed.run_id)
        except STORE_AWAY:
            return None  # the recorder ends the training if this lasts
        owned = run is not None and run.attempt == claimed.attempt and run.owner == claimed.owner
        if run is None or not owned:
            return _Seen(owned=False)
        progress = run.progress or {}
        place = (progress.get("epoch"), progress.get("step"), progress.get("beats"))
        return _Seen(owned=True, cancelling=run.state == RunState.CANCELLING, place=place)

    def _kill(self, process: BaseProcess, why: str) -> str:
        log.warning("killing the training", pid=process.pid, why=why)
        self._kill_whole(process)
        return why

    def _make_sure_it_is_gone(self, process: BaseProcess) -> None:
        """Nothing of the training may be left before the device is used again."""
        process.join(1.0)
        if not self._kill_whole(process):
            # Whoever starts this worker anew may find the device free by then.
            self.drain()
            os.kill(os.getpid(), signal.SIGTERM)
            raise RuntimeError(f"Process {process.pid} does not end; this worker can use its device no more.")

    @staticmethod
    def _kill_whole(process: BaseProcess) -> bool:
        assert process.pid is not None
        if process.exitcode is None:  # once it was reaped, its id may be another's
            _send(process, signal.SIGKILL)  # it may not lead a group of its own yet
        kill_group(process.pid)
        pid = process.pid
        return wait_until(lambda: not is_alive(pid), limit_seconds=10.0)

    def _conclude(
        self, claimed: Claimed, verdict: Verdict | None, killed_because: str | None, exit_code: int | None
    ) -> None:
        run = (claimed.run_id, claimed.attempt, claimed.owner)
        if verdict is not None and verdict.outcome == "lost":
            killed_because, verdict = killed_because or verdict.detail, None
        drained = killed_because in (None, DRAIN_TOO_SLOW) and self.draining.is_set()
        if verdict is None and drained:
            self._write(lambda session: attempts.release(session, *run))
        elif verdict is None:
            detail = killed_because or _ended_by(exit_code)
            backoff = self._settings.backoff_seconds
            self._write(lambda session: attempts.lose(session, *run, detail, backoff_seconds=backoff))
        elif verdict.outcome == "completed":
            self._write(lambda session: attempts.finish(session, *run, RunState.COMPLETED))
        elif verdict.outcome == "failed":
            reason, detail = Reason(verdict.reason or Reason.CODE_ERROR), verdict.detail
            self._write(lambda session: attempts.finish(session, *run, RunState.FAILED, reason, detail))
        elif verdict.cancelled:
            self._write(lambda session: attempts.finish(session, *run, RunState.CANCELLED, Reason.CANCELLED))
        else:
            self._write(lambda session: attempts.release(session, *run))
        log.info("ended", run=claimed.run_id, attempt=claimed.attempt, verdict=verdict and verdict.outcome)

    def _write(self, move: Callable[[Session], bool]) -> None:
        """Write the end of a run; where the store is away, try until it is back or the lease is surely over."""
        give_up = time.monotonic() + self._settings.lease_seconds
        while True:
            try:
                with self._database.write() as session:
                    accepted = move(session)
            except STORE_AWAY as problem:
                log.warning("the store is out of reach", error=str(problem))
                if time.monotonic() > give_up or self._drain_is_over():
                    return
                time.sleep(0.5)
            else:
                if not accepted:
                    log.warning("another attempt owns the run by now")
                return


class _Eye:
    """Looks into the store every second, in a thread of its own: a store that hangs must not hold up a drain."""

    def __init__(self, look: Callable[[], "_Seen | None"], watch: "_Watch") -> None:
        self.problem: str | None = None
        self._look = look
        self._watch = watch
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="eye", daemon=True)

    def __enter__(self) -> "_Eye":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            with surviving("eye"):
                self.problem = self.problem or self._watch.look(self._look())


class _Seen:
    """What a look into the store showed of a run in training."""

    def __init__(self, *, owned: bool, cancelling: bool = False, place: Place = (None, None, None)) -> None:
        self.owned = owned
        self.cancelling = cancelling
        self.place = place


class _Watch:
    """Decides from what is seen whether a training must be killed, and says why."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._stall_seconds = settings.stall_seconds
        self._clock = clock
        self._place: Place = (None, None, None)
        self._moved_at = clock()
        self._cancelling_since: float | None = None

    def look(self, seen: _Seen | None) -> str | None:
        now = self._clock()
        if seen is None:
            return None
        if not seen.owned:
            return "Another attempt owns the run."
        if seen.place != self._place:
            self._place, self._moved_at = seen.place, now
        if seen.cancelling:
            self._cancelling_since = self._cancelling_since or now
            if now - self._cancelling_since > CANCEL_GRACE_SECONDS:
                return f"It did not stop within {CANCEL_GRACE_SECONDS:.0f} s of being cancelled."
        if now - self._moved_at > self._stall_seconds:
            return f"No step was finished for {self._stall_seconds:.0f} s."
        return None


def _send(process: BaseProcess, number: signal.Signals) -> None:
    assert process.pid is not None
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)


def _ended_by(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        names = {number.value: number.name for number in signal.Signals}
        return f"The training process was ended by {names.get(-exit_code, f'signal {-exit_code}')}."
    if exit_code == 255:
        return "The training process ended together with its fork server."
    return f"The training process ended without a verdict, with status {exit_code}."
