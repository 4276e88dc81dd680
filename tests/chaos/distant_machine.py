"""A machine elsewhere, for tests to kill: workers that claim runs and renew their leases, and train nothing.

    python -m tests.chaos.distant_machine DATABASE_URL LEASE_SECONDS WORKERS

Its owners' names tell another place than this one, so that nobody here can look whether they are dead: after `kill -9`
only the ends of their leases tell, as after a power cut. Says "claimed" once each worker holds a run.
"""

import sys
import threading
import time

from backend.store import attempts
from backend.store.attempts import Claimed
from backend.store.session import Database


def main(url: str, lease_seconds: float, workers: int) -> None:
    database = Database(url)
    # As a recorder does; and each at a time of its own.
    pause_seconds = min(1.0, lease_seconds / 4)
    for number in range(workers):
        with database.write() as session:
            claimed = attempts.claim(session, f"worker-{number}@elsewhere:1-00000000-00000000", lease_seconds)
        assert claimed is not None, "there was nothing to claim"
        work = threading.Thread(
            target=renew_for_ever, args=(database, claimed, lease_seconds, pause_seconds), daemon=True
        )
        work.start()
        time.sleep(pause_seconds / workers)
    print("claimed", flush=True)  # noqa: T201 -- the test waits for it
    threading.Event().wait()


def renew_for_ever(database: Database, claimed: Claimed, lease_seconds: float, pause_seconds: float) -> None:
    while True:
        with database.write() as session:
            renewed = attempts.renew(session, claimed.run_id, claimed.attempt, claimed.owner, lease_seconds)
        if renewed is None:
            return
        time.sleep(pause_seconds)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
