"""R4: the broker is a bell. It may be emptied or killed at any time while runs queue and train."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import redis

from backend.broker import EmbeddedBroker, broker_for
from backend.contract import FINAL, RunState
from backend.processes import wait_until
from backend.settings import Settings
from backend.store import events, runs
from backend.store.session import Database
from tests.chaos.backends import Backend, embedded_broker
from tests.chaos.goals import Goal, scaled
from tests.processes.stack import Stack

RUNS = scaled(10, 50)
STRIKES = scaled(4, 20)
LEAST_WAITING = 3
"""So many runs are not over when the broker is struck, on a machine of any speed."""
LIMIT_SECONDS = 300.0


class Striker:
    """Empties the broker and kills it, by turns; it is up again, or will be by itself, when `strike` returns."""

    def __init__(self, backend: Backend, stack: Stack) -> None:
        self._backend = backend
        self._stack = stack
        self.strikes: Counter[str] = Counter()
        self.forgotten = 0
        """Keys that the broker held when it was emptied."""

    def strike(self) -> None:
        if self.strikes.total() % 2 == 0:
            self._flush()
            self.strikes["flushed"] += 1
        else:
            self._kill()
            self.strikes["killed"] += 1

    def _flush(self) -> None:
        with self._connected() as connection:
            self.forgotten += int(connection.dbsize())  # pyright: ignore
            connection.flushall()

    def _kill(self) -> None:
        server = self._backend.redis
        if server is not None:
            server.kill()
            server.start()
        else:
            embedded_broker(psutil.Process(self._stack.process.pid)).kill()

    @contextmanager
    def _connected(self) -> Iterator[redis.Redis]:
        """Yield a connection to the broker, once it answers: the last strike may have killed it."""
        server = self._backend.redis
        if server is not None:
            connection = redis.Redis.from_url(server.url)
        else:
            broker = broker_for(Settings(home=self._stack.home))
            assert isinstance(broker, EmbeddedBroker)
            connection = redis.Redis(unix_socket_path=str(broker.socket_path))
        try:
            assert wait_until(lambda: _answers(connection), LIMIT_SECONDS)
            yield connection
        finally:
            connection.close()


def _answers(connection: redis.Redis) -> bool:
    try:
        return bool(connection.ping())
    except redis.exceptions.ConnectionError:  # also while it reads its file
        return False


def test_runs_are_trained_once_each_whatever_happens_to_the_broker(
    backend: Backend, goal: Goal, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    with Stack(home, poll_seconds=1, **backend.environment) as stack:
        striker = Striker(backend, stack)
        ids: list[int] = []

        def over() -> int:
            return sum(stack.state(run_id) in FINAL for run_id in ids)

        # One half of the strikes while runs are launched, the other while they are trained.
        for number in range(RUNS):
            if number * STRIKES // RUNS > striker.strikes.total() * 2:
                striker.strike()
            ids.append(tiny(stack, number))
        while striker.strikes.total() < STRIKES:
            wanted = (striker.strikes.total() - STRIKES // 2) * RUNS // STRIKES
            stack.until(lambda wanted=wanted: over() >= wanted, LIMIT_SECONDS)
            while over() > len(ids) - LEAST_WAITING:  # a quick machine has trained them all by now
                ids.append(tiny(stack, len(ids)))
            striker.strike()
        stack.until(lambda: over() == len(ids), LIMIT_SECONDS)
        strikes = ", ".join(f"{count} times {what}" for what, count in sorted(striker.strikes.items()))
        completed, once = count(backend.database_url(home), ids)
    goal.tell(
        "R4",
        f"{completed} of {len(ids)} runs completed, {once} of them in one attempt, the broker {strikes} "
        f"({striker.forgotten} keys forgotten), on {backend.kind}",
        f"all, each once; at least {STRIKES} strikes",
        held=completed == once == len(ids) >= RUNS
        and striker.strikes.total() >= STRIKES
        and striker.forgotten > 0,
    )


def tiny(stack: Stack, seed: int) -> int:
    return stack.launch(epochs=1, seed=seed, dataset={"name": "shapes", "train_limit": 64, "test_limit": 20})


def count(database_url: str, ids: list[int]) -> tuple[int, int]:
    """Return how many of the runs are completed, and how many have been claimed and completed exactly once."""
    database = Database(database_url)
    try:
        with database.read() as session:
            completed = [one for one in ids if runs.get(session, one).run.state == RunState.COMPLETED]
            once = 0
            for run_id in completed:
                states = Counter(
                    event.payload["state"]
                    for event in events.after(session, 0, run_id=run_id)
                    if event.kind == "state"
                )
                tries = len(runs.attempts(session, run_id))
                once += tries == states[RunState.RUNNING] == states[RunState.COMPLETED] == 1
            return len(completed), once
    finally:
        database.dispose()
