"""The reconciler: a thread of the API that brings back what was lost.

It expires leases, moves runs that wait for a parent which is over, and rings for runs that have become claimable. Idle workers do the same by polling, so
nothing depends on it alone; it only makes things quicker. It also proves the database, for whoever asks whether the service
is ready, and forgets workers that were lost long ago.
"""

import structlog

from backend.loops import Rounds, surviving
from backend.queue import Bell
from backend.store import clock, families, runs, workers
from backend.store.leases import LeaseWatch
from backend.store.proof import StoreProof
from backend.store.session import Database

log = structlog.get_logger()


class Reconciler(Rounds):
    """Ticks every `interval_seconds` until it is closed."""

    def __init__(self, database: Database, bell: Bell, leases: LeaseWatch, interval_seconds: float) -> None:
        super().__init__("reconciler", interval_seconds)
        self._database = database
        self._bell = bell
        self._leases = leases
        self._claimable = 0
        self.proof = StoreProof(database)

    def _round(self) -> None:
        # Apart: where the proof cannot be made, leases are to expire all the same.
        with surviving("proof of the database"):
            self.proof.look()
        with surviving("reconciler"):
            self.tick()
            self.pulse.beat()

    def tick(self) -> None:
        """Expire what has ended, move what waits for it, and ring once for each run that has become claimable since the last tick."""
        expired = self._leases.tick(self._database)
        if expired:
            log.info("leases ended", runs=expired)
        with self._database.write() as session:
            moved = families.release_ready(session)
            workers.forget_long_lost(session)
        if moved:
            log.warning("runs waited for a parent that was over", runs=moved)
        with self._database.read() as session:
            claimable = runs.claimable(session, clock.read_now(session))
        if claimable > self._claimable:
            self._bell.ring(claimable - self._claimable)
        self._claimable = claimable
