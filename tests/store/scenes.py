"""What store tests begin with: launched runs, and a clock that they move."""

from sqlalchemy.orm import Session

from backend.contract import RunState
from backend.spec import Spec, parse_spec
from backend.store import attempts, events, launches, pointers, runs
from backend.store.attempts import Claimed
from backend.store.predictions import NewMistakes
from backend.store.session import Database

LEASE = 60.0


def a_spec(**changes) -> Spec:
    return parse_spec(
        {"dataset": {"name": "shapes"}, "model": {"arch": "softmax-regression"}, "epochs": 5, **changes}
    )


def launch(database: Database, count: int = 1, **changes) -> list[int]:
    wanted = [launches.NewRun(a_spec(seed=seed, **changes), f"run {seed}") for seed in range(count)]
    with database.write() as session:
        return launches.accept(session, wanted, body_sha256="0" * 64).run_ids


def launch_child(database: Database, parent_id: int) -> int:
    """Launch a run that starts from another, which must be the newest of its recipe and not be lost."""
    with database.write() as session:
        parent = Spec.model_validate(run(session, parent_id).spec)
        weights = {"source": "parent", "parent": parent.recipe_hash()}
        spec = a_spec(seed=parent.seed, model={"arch": "softmax-regression", "weights": weights})
        wanted = launches.NewRun(spec, f"child of {parent_id}")
        (child_id,) = launches.accept(session, [wanted], body_sha256="0" * 64).run_ids
        assert run(session, child_id).parent_run_id == parent_id
    return child_id


def claim(database: Database, owner: str = "worker-a", at: float | None = None) -> Claimed:
    """Claim the best run, as if the time were `at`."""
    with database.write() as session:
        if at is not None:
            session.info["clock"] = lambda: at
        claimed = attempts.claim(session, owner, LEASE)
    assert claimed is not None
    return claimed


def report(
    database: Database,
    claimed: Claimed,
    epoch: int,
    metrics: dict,
    checkpoint: dict | None = None,
    predictions: tuple[str, bytes] | None = None,
    mistakes: NewMistakes | None = None,
) -> bool:
    """Report an epoch as a recorder does; return whether the fence let it through."""
    with database.write() as session:
        renewed = attempts.renew(session, claimed.run_id, claimed.attempt, claimed.owner, LEASE)
        if renewed is None:
            return False
        attempts.report_epoch(
            session, claimed.run_id, claimed.attempt, epoch, metrics, checkpoint, predictions, mistakes
        )
        return True


def end(database: Database, claimed: Claimed, state: RunState) -> bool:
    with database.write() as session:
        return attempts.finish(session, claimed.run_id, claimed.attempt, claimed.owner, state)


def pointer(epoch: int, digit: str = "a") -> dict:
    """Return a checkpoint's pointer, as a worker reports it."""
    return {"epoch": epoch, "name": f"attempt-1-epoch-{epoch}", "sha256": digit * 64}


def pointer_within(epoch: int, step: int, steps: int, before: dict | None = None) -> dict:
    """Return a pointer to a checkpoint that was made within an epoch of so many steps, as a recorder stores it."""
    name = f"attempt-1-epoch-{epoch}-step-{step}"
    made = {
        "epoch": epoch,
        "step": step,
        "global_step": epoch * steps + step,
        "name": name,
        "sha256": "b" * 64,
    }
    return pointers.chained(made, before)


def step_back(database: Database, claimed: Claimed, why: str = "It is broken.") -> dict | None:
    """Leave the checkpoint of an attempt for the one before it, as a recorder does; return that one."""
    assert claimed.checkpoint
    earlier = pointers.before(claimed.checkpoint)
    with database.write() as session:
        assert attempts.renew(session, claimed.run_id, claimed.attempt, claimed.owner, LEASE)
        attempts.step_back(session, claimed.run_id, claimed.attempt, earlier, why)
    return earlier


def complete(database: Database, claimed: Claimed, digit: str = "a") -> None:
    """Report one epoch with its checkpoint, and end the run as completed."""
    assert report(database, claimed, 1, {"test_acc": 0.5}, pointer(1, digit))
    assert end(database, claimed, RunState.COMPLETED)


def expire_at(database: Database, time: float, backoff_seconds: float = 0.0) -> int:
    """Expire leases as if the time were `time`."""
    with database.write() as session:
        session.info["clock"] = lambda: time
        return attempts.expire(session, backoff_seconds=backoff_seconds)


def state(database: Database, run_id: int) -> str:
    with database.read() as session:
        return runs.get(session, run_id).run.state


def run(session: Session, run_id: int):
    return runs.get(session, run_id).run


def kinds(database: Database, run_id: int) -> list[str]:
    with database.read() as session:
        return [event.kind for event in events.after(session, 0, run_id=run_id)]
