"""Processes that report epochs as training processes do, at a steady pace: `python -m tests.chaos.writers`.

Forked from one that has imported what they need, as trainings are. Each claims a run of its own, proves at each commit
that it owns it, and tells how long each commit took. It must not know what reads meanwhile.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from backend.processes import die_with_parent, wait_until
from backend.store import attempts
from backend.store.attempts import Claimed
from backend.store.session import Database

ROOT = Path(__file__).parents[2]
LEASE_SECONDS = 60.0
START_SECONDS = 120.0


@dataclass(frozen=True)
class Load:
    """What `writers` processes do in a round: commits of `points` values, `rate_hz` a second each, for `seconds`."""

    writers: int
    rate_hz: float
    points: int
    seconds: float


@dataclass
class Written:
    """What the writers did. Seconds are those of each commit, from its beginning until it returned."""

    seconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    cpu_seconds: float = 0.0
    took_seconds: float = 0.0
    """From the first commit to the last one of the slowest writer."""


class Writing:
    """Writers that each own a run. `go` begins a round of the load, `result` waits for its end."""

    def __init__(self, process: "subprocess.Popen[str]", load: Load) -> None:
        self._process = process
        self._limit_seconds = load.seconds * 10 + START_SECONDS
        self._reader = ThreadPoolExecutor(1)
        self._line: Future[str] | None = None

    def go(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        # Read at once: what a round tells is more than a pipe holds.
        self._line = self._reader.submit(self._process.stdout.readline)

    @property
    def is_going_on(self) -> bool:
        return self._line is not None and not self._line.done()

    def result(self) -> Written:
        assert self._line is not None, "no round was begun"
        said = self._line.result(self._limit_seconds)
        assert said, "the writers ended before they told what they did"
        return Written(**json.loads(said))

    def end(self) -> None:
        self._process.kill()  # its children hear of that by the kernel
        self._process.wait()
        self._reader.shutdown()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def writing(database_url: str, load: Load) -> Iterator[Writing]:
    """Yield writers that each own a run, of as many that are queued; they are ended afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.writers", database_url, json.dumps(asdict(load))],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    writers = Writing(process, load)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", "the writers could not begin"
        yield writers
    finally:
        writers.end()


def main() -> None:
    database_url, load = sys.argv[1], Load(**json.loads(sys.argv[2]))
    context = multiprocessing.get_context("fork")
    begins, results = context.Barrier(load.writers + 1), context.SimpleQueue()
    for number in range(load.writers):
        given = (database_url, load, number, begins, results)
        context.Process(target=write, args=given, daemon=True).start()
    assert wait_until(lambda: begins.n_waiting == load.writers, START_SECONDS), "not all own a run"
    print("ready", flush=True)  # noqa: T201 -- the test reads it
    while sys.stdin.readline():
        begins.wait()
        print(json.dumps(asdict(_summed([results.get() for _ in range(load.writers)]))), flush=True)  # noqa: T201


def _summed(parts: list[Written]) -> Written:
    return Written(
        seconds=[one for part in parts for one in part.seconds],
        faults=[one for part in parts for one in part.faults],
        cpu_seconds=sum(part.cpu_seconds for part in parts),
        took_seconds=max(part.took_seconds for part in parts),
    )


def write(database_url: str, load: Load, number: int, begins: Any, results: Any) -> None:
    """Be one writer: own a run, and report epochs in rounds until killed."""
    die_with_parent()
    database = Database(database_url)
    claimed = _claimed(database, number)
    commits = round(load.rate_hz * load.seconds)
    first_epoch = 1
    while True:
        begins.wait()
        # Not all in the same moment: trainings know nothing of one another.
        first_at = time.monotonic() + number / load.writers / load.rate_hz
        results.put(_round(database, claimed, load, range(first_epoch, first_epoch + commits), first_at))
        first_epoch += commits


def _round(database: Database, claimed: Claimed, load: Load, epochs: range, first_at: float) -> Written:
    """Report epochs on time, or as fast as it goes where that is slower."""
    written = Written()
    cpu_before = time.process_time()
    for place, epoch in enumerate(epochs):
        time.sleep(max(0.0, first_at + place / load.rate_hz - time.monotonic()))
        started = time.monotonic()
        try:
            _commit(database, claimed, epoch, load.points)
        except Exception as problem:  # noqa: BLE001 - which fault it was is what the test asks
            written.faults.append(f"{type(problem).__name__}: {problem}"[:200])
        written.seconds.append(time.monotonic() - started)
    written.took_seconds = time.monotonic() - first_at
    written.cpu_seconds = time.process_time() - cpu_before
    return written


def _claimed(database: Database, number: int) -> Claimed:
    with database.write() as session:
        claimed = attempts.claim(session, f"writer-{number}-{os.getpid()}", LEASE_SECONDS)
    assert claimed is not None, "there are fewer runs than writers"
    return claimed


def _commit(database: Database, claimed: Claimed, epoch: int, points: int) -> None:
    """Report an epoch as the recorder of a training does: the fence first, then its points, summary and event."""
    metrics = {"test_acc": epoch % 97 / 97, "train_loss": 1 / epoch}
    metrics |= {f"layer_{number:02}_norm": number + 1 / epoch for number in range(points - len(metrics))}
    pointer = {"epoch": epoch, "name": f"attempt-1-epoch-{epoch}", "sha256": "a" * 64}
    with database.write() as session:
        renewed = attempts.renew(session, claimed.run_id, claimed.attempt, claimed.owner, LEASE_SECONDS)
        assert renewed is not None, f"run {claimed.run_id} was taken from its writer"
        attempts.report_epoch(
            session, claimed.run_id, claimed.attempt, epoch, metrics, pointer if epoch % 10 == 0 else None
        )


if __name__ == "__main__":
    main()
