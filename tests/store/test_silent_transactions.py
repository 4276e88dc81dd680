"""A process that hangs within a transaction, or whose machine is gone: Postgres lets go of what it held."""

import pytest

from backend.contract import RunState
from backend.processes import wait_until
from backend.store import attempts, clock, session
from backend.store.session import STORE_AWAY, Database
from tests.servers import TestPostgres
from tests.store import scenes

pytestmark = pytest.mark.postgres

LIMIT_SECONDS = 60


def test_a_run_is_taken_from_a_worker_that_hangs_within_a_transaction(
    postgres: TestPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SILENT_MS", 500)
    with postgres.fresh_database() as url:
        hanging, other = Database(url), Database(url)
        (run_id,) = scenes.launch(other)
        claimed = scenes.claim(other)
        with other.read() as reading:
            after_its_lease = clock.read_now(reading) + 10 * scenes.LEASE
        # The answer to what hung is one of a store that was away: its recorder tries again, and meets the fence.
        with pytest.raises(STORE_AWAY), hanging.write() as held:
            assert attempts.renew(held, run_id, claimed.attempt, claimed.owner, scenes.LEASE)
            assert wait_until(lambda: scenes.expire_at(other, after_its_lease), LIMIT_SECONDS)
        assert not scenes.report(hanging, claimed, 1, {"test_acc": 0.5})
        assert scenes.state(other, run_id) == RunState.QUEUED
        hanging.dispose()
        other.dispose()
