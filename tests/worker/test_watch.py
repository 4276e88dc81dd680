"""When a training is killed: only for a reason that can be told."""

from backend.settings import Settings
from worker.supervisor import CANCEL_GRACE_SECONDS, _Seen, _Watch


def looks(*seen: tuple[float, _Seen | None]) -> list[str | None]:
    """Return what the watch says at each time."""
    times = iter([0.0, *(time for time, _ in seen)])
    watch = _Watch(Settings(stall_seconds=100), clock=lambda: next(times))
    return [watch.look(one) for _, one in seen]


def owned(step: int, *, cancelling: bool = False) -> _Seen:
    return _Seen(owned=True, cancelling=cancelling, place=(1, step, 0))


def test_a_training_that_moves_is_left_alone() -> None:
    assert looks((99, owned(1)), (198, owned(2)), (297, owned(3))) == [None] * 3


def test_a_training_that_finishes_no_step_is_killed() -> None:
    assert looks((10, owned(1)), (110, owned(1)), (111, owned(1)))[-1] == "No step was finished for 100 s."


def test_a_training_that_ignores_a_wish_to_cancel_is_killed() -> None:
    first = 10.0
    late = first + CANCEL_GRACE_SECONDS + 1
    said = looks((first, owned(1, cancelling=True)), (late, owned(2, cancelling=True)))
    assert said[0] is None
    assert "cancelled" in (said[1] or "")


def test_a_training_whose_run_another_attempt_owns_is_killed() -> None:
    assert looks((1, _Seen(owned=False))) == ["Another attempt owns the run."]


def test_a_store_that_is_out_of_reach_kills_nothing() -> None:
    assert looks((1000, None)) == [None]


def test_an_evaluation_that_goes_on_is_no_stall() -> None:
    asking = [_Seen(owned=True, place=(1, 10, beats)) for beats in (1, 2, 3)]
    assert looks((90, asking[0]), (180, asking[1]), (270, asking[2])) == [None] * 3
