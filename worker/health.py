"""`python -m worker.health`: whether the worker beside this process is alive, by its heartbeat in the database.

Not by asking the worker: Celery answers nobody while it trains. 0 where it is, 1 with a sentence where it is not.
"""

import os
import sys

from sqlalchemy.exc import SQLAlchemyError

from backend.errors import RunyardError
from backend.settings import read_settings
from backend.store import clock, workers
from backend.store.session import Database
from worker.identity import given_name, is_dead_here, owners_begin


def is_heard_of(database: Database, name: str, within_seconds: float) -> bool:
    """Return whether a worker of this name on this host beat lately, and its process is not known to be gone."""
    with database.read() as session:
        since = clock.read_now(session) - within_seconds
        return any(
            worker.id.startswith(owners_begin(name))
            and worker.last_seen >= since
            and not is_dead_here(worker.id)
            for worker in workers.everyone(session)
        )


def main() -> int:
    name = given_name()
    try:
        settings = read_settings()
        database = Database(settings.resolved_database_url)
        if is_heard_of(database, name, settings.worker_lost_seconds):
            return 0
        problem = f"No worker '{name}' was heard of here for {settings.worker_lost_seconds:g} s."
    except SQLAlchemyError as fault:  # away, or not migrated: each is a worker that cannot work
        problem = f"The database gives no answer: {str(getattr(fault, 'orig', fault)).splitlines()[0]}."
    except RunyardError as refusal:
        problem = str(refusal)
    print(problem, file=sys.stderr)  # noqa: T201 -- whoever asks reads it there
    return 1


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
