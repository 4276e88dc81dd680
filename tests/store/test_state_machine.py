"""R10: whatever workers and people do to the store and in whichever order, only legal moves come of it."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import and_

from backend.contract import LEGAL_MOVES, OWNED, RunState
from backend.store import attempts, families
from backend.store.session import Database
from backend.store.tables import Run
from tests.chaos.goals import FULL, Goal, scaled, seeded
from tests.store import walk

pytestmark = [pytest.mark.chaos, pytest.mark.thorough]
if FULL:
    pytestmark.append(pytest.mark.timeout(3600))

STEPS = 50
KINDS = {(before, after) for before, moves in LEGAL_MOVES.items() for after in moves} | {
    (None, RunState.QUEUED),
    (None, RunState.WAITING),
}


def walk_on(database: Database, walks: int, *, shrinks: bool = True) -> walk.Reached:
    """Walk so often; raises AssertionError with the shortest walk that broke a rule (as it is, unless it `shrinks`)."""
    reached = walk.Reached()
    machine: Any = type("Walk", (walk.Walk,), {"database": database, "reached": reached})
    asked = settings(
        # More than asked: some end early, where hypothesis finds that they were walked before.
        max_examples=walks + walks // 10 + 2,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate, *([Phase.shrink] if shrinks else [])],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(seeded()[1])(machine), settings=asked)
    return reached


def test_only_legal_moves_are_made_and_only_the_owner_is_heard(
    database: Database, record_property: Callable[[str, object], None]
) -> None:
    walks, least_kinds = scaled(12, 500), scaled(13, len(KINDS))
    least_of_a_kind, least_late = scaled(1, 5), scaled(20, 1000)
    reached = walk_on(database, walks)
    kinds = {kind for kind in KINDS if reached.moves[kind] >= least_of_a_kind}
    late = reached.seen["a late word refused"]
    Goal(record_property).tell(
        "R10",
        f"{reached.walks} sequences with {reached.steps} steps, {len(kinds)} of {len(KINDS)} kinds of moves, {late} late words "
        f"refused on {database.url.get_backend_name()}",
        f"no violation in {walks} of {STEPS} steps, {least_kinds} kinds at least {least_of_a_kind} times, {least_late} late words",
        held=reached.steps >= walks * STEPS and len(kinds) >= least_kinds and late >= least_late,
    )


def _fence_without_attempt(run_id: int, attempt: int, owner: str) -> Any:
    return and_(Run.id == run_id, Run.owner == owner, Run.state.in_(OWNED))


@pytest.mark.parametrize(
    ("module", "guard", "broken", "said"),
    [
        (attempts, "_owned_by", _fence_without_attempt, "a late word was heard"),
        (attempts, "_rewind", lambda *_: None, "other points than its owners reported"),
        (families, "pass_on", lambda *_: 0, "it waits for one that is"),
        (families, "wait_again", lambda *_: [], "does not wait for it again"),
    ],
)
def test_a_guard_that_is_taken_out_is_missed(
    sqlite_database: Database,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    guard: str,
    broken: Any,
    said: str,
) -> None:
    monkeypatch.setattr(module, guard, broken)
    with pytest.raises(AssertionError, match=said):
        walk_on(sqlite_database, 100, shrinks=False)
