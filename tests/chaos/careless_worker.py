"""A worker that must be caught: nothing fences what it writes, and it forgets random states. For negative controls.

    python -m tests.chaos.careless_worker

A report is let through whoever owns the run, and nobody ends a training whose lease is over; one that goes on from a
checkpoint draws other random numbers than the one before it. All else is as in `python -m worker`.
"""

import sys
from typing import Any

from sqlalchemy import Double, String, bindparam, func, update

from backend.store import attempts
from backend.store.clock import DatabaseNow
from backend.store.tables import Run
from worker.__main__ import main
from worker.recorder import DatabaseRecorder
from worker.supervisor import _Watch


def break_it() -> None:
    # By name: what is to be broken is private, and for good reason.
    setattr(attempts, "_owned_by", lambda run_id, _attempt, _owner: Run.id == run_id)  # noqa: B010
    # An attempt's number only rises, so these let every earlier one through as well.
    run: Any = Run.__table__
    lax = update(run).where(run.c.id == bindparam("of_run"), run.c.attempt >= bindparam("of_attempt"))
    renewing = lax.where(func.length(bindparam("by", type_=String())) > 0).values(
        lease_until=DatabaseNow() + bindparam("seconds", type_=Double())
    )
    setattr(attempts, "_RENEW", renewing.returning(run.c.cancel_requested))  # noqa: B010
    setattr(attempts, "_TELL_EPOCH", lax.returning(run.c.checkpoint))  # noqa: B010
    setattr(attempts, "_TELL_CHECKPOINT", lax.returning(run.c.summary))  # noqa: B010
    setattr(DatabaseRecorder, "_guard_lease", lambda _recorder: None)  # noqa: B010
    setattr(_Watch, "look", lambda *_: None)  # noqa: B010
    if "torch" in sys.modules:  # a training, not the worker, which loads none
        trained: Any = sys.modules["worker.engine.trained"]
        trained.restore_random_states = lambda *_: None


# Not below: multiprocessing imports this module into each training before it begins.
break_it()

if __name__ == "__main__":
    sys.exit(main())
