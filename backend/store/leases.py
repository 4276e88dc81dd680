"""When it is fair to call a lease ended.

A lease that ends says nothing if the one who looks was itself asleep: after a laptop wakes, every lease
looks ended although each worker slept as well. So leases are expired only by a process that has itself
ticked regularly for as long as a lease lasts. The same holds where the database's clock was set: leases are told
by it, so a step of it counts as sleep as well.
"""

import time
from collections.abc import Callable

from sqlalchemy.orm import Session

from backend.store import attempts, clock
from backend.store.session import Database


def seconds_awake_or_asleep() -> float:
    """Return seconds that go on while the machine is suspended, unlike time.monotonic on Linux."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


LARGEST_STEP_SECONDS = 2.0
"""By so much the database's clock may differ from ours between two ticks; more, and it was set."""


class LeaseWatch:
    """Expires leases, if it was called often enough to know. Call `tick` at least every `interval_seconds`."""

    def __init__(
        self,
        lease_seconds: float,
        backoff_seconds: float,
        interval_seconds: float,
        clock: Callable[[], float] = seconds_awake_or_asleep,
    ) -> None:
        self._lease_seconds = lease_seconds
        self._backoff_seconds = backoff_seconds
        # A tick may come late by a slow disk; three intervals and a second are no sleep.
        self._longest_gap = 3 * interval_seconds + 1.0
        self._clock = clock
        self._last_tick: tuple[float, float] | None = None
        self._steady_since = 0.0

    def tick(self, database: Database) -> int:
        """Expire the leases that have ended; return how many runs that freed."""
        with database.write() as session:
            if not self._is_steady(session):
                return 0
            attempts.cap_waits(
                session, lease_seconds=self._lease_seconds, backoff_seconds=self._backoff_seconds
            )
            return attempts.expire(session, backoff_seconds=self._backoff_seconds)

    def _is_steady(self, session: Session) -> bool:
        now, told = self._clock(), clock.read_now(session)
        if self._last_tick is None:
            steady = False
        else:
            passed, told_passed = now - self._last_tick[0], told - self._last_tick[1]
            steady = passed <= self._longest_gap and abs(told_passed - passed) <= LARGEST_STEP_SECONDS
        if not steady:
            self._steady_since = now
        self._last_tick = (now, told)
        return now - self._steady_since >= self._lease_seconds
