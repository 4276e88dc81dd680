"""When runs will start and why they wait: cases solved by hand, and what must hold in every case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.forecast import Facts, Parent, QueuedRun, Taker, deal_out, forecast

CPU = Taker("cpu")


def run(number: int, seconds: float | None = 60.0, **more) -> QueuedRun:
    return QueuedRun(number, {"cpu": seconds, "cuda": None if seconds is None else seconds / 60}, **more)


def child(number: int, of: int, state: str = "queued", seconds: float = 60.0) -> QueuedRun:
    return run(number, seconds, parent=Parent(of, state))


def starts(facts: Facts) -> list[float | None]:
    return [one.starts_in for one in forecast(facts)]


def reasons(facts: Facts) -> list[str]:
    return [one.why for one in forecast(facts)]


# Solved by hand.


def test_one_idle_worker_takes_one_run_after_the_other() -> None:
    facts = Facts([run(1, 100), run(2, 200), run(3, 300)], [CPU], present_workers=1)
    assert starts(facts) == [0, 100, 300]
    assert reasons(facts) == [
        "next",
        "1 ahead, 1 worker on a CPU, about 2 min",
        "2 ahead, 1 worker on a CPU, about 5 min",
    ]


def test_a_busy_worker_comes_when_its_run_is_done() -> None:
    facts = Facts([run(1, 100), run(2)], [Taker("cpu", 40)], present_workers=1)
    assert starts(facts) == [40, 140]
    assert reasons(facts)[0] == "next, about 40 s"


def test_two_workers_share_the_queue_and_each_takes_the_next_when_it_is_free() -> None:
    facts = Facts([run(n, 100) for n in range(1, 6)], [CPU, Taker("cpu", 50)], present_workers=2)
    assert starts(facts) == [0, 50, 100, 150, 200]
    assert reasons(facts)[1] == "1 ahead, 2 workers on CPUs, about 50 s"


def test_a_gpu_is_quicker_and_so_takes_more() -> None:
    facts = Facts([run(n, 600) for n in range(1, 5)], [CPU, Taker("cuda", 5)], present_workers=2)
    assert starts(facts) == [0, 5, 15, 25]  # a GPU takes 10 s where the CPU takes 600
    assert reasons(facts)[3] == "3 ahead, 1 worker on a GPU and 1 on a CPU, about 25 s"


def test_a_child_starts_when_its_parent_in_training_is_done() -> None:
    facts = Facts(
        [child(8, of=7, state="running"), run(9, 100)], [Taker("cpu", 200)], {7: 200}, present_workers=1
    )
    assert starts(facts) == [200, 260]
    assert reasons(facts) == ["waits for run 7, which is running (about 3 min)", "next, about 4 min"]


def test_a_child_that_stands_before_its_parent_waits_for_it_and_lets_others_pass() -> None:
    facts = Facts([child(3, of=1), run(1, 100), run(2, 50)], [CPU, CPU], present_workers=2)
    assert starts(facts) == [100, 0, 0]
    assert reasons(facts) == [
        "waits for run 1, which is queued (about 2 min)",
        "next",
        "1 ahead, 2 workers on CPUs, in a moment",
    ]


def test_grandchildren_follow_their_whole_line() -> None:
    facts = Facts([child(3, of=2, state="waiting"), child(2, of=1), run(1)], [CPU], present_workers=1)
    assert starts(facts) == [120, 60, 0]


def test_a_child_of_a_run_on_a_draining_worker_goes_to_another() -> None:
    facts = Facts([child(8, of=7, state="running")], [CPU], {7: 90}, present_workers=2)
    assert starts(facts) == [90]


def test_a_lost_run_tries_again_after_its_wait_and_lets_others_pass() -> None:
    facts = Facts([run(1, 10, ready_in=3.2, losses=2), run(2, 100)], [CPU], present_workers=1)
    assert starts(facts) == [100, 0]
    assert reasons(facts)[0] == "tries again in 4 s, after loss 2 of 3"
    assert starts(Facts([run(1, ready_in=3.5)], [CPU], present_workers=1)) == [3.5]


def test_what_nobody_can_know_is_not_told() -> None:
    facts = Facts([run(1, None), run(2)], [CPU], present_workers=1)
    assert starts(facts) == [0, None]
    assert reasons(facts) == ["next", "1 ahead, 1 worker on a CPU"]
    assert starts(Facts([run(1)], [Taker("cpu", None)], present_workers=1)) == [None]
    unknown_parent = Facts([child(8, of=7, state="running")], [CPU], {7: None}, present_workers=1)
    assert starts(unknown_parent) == [None]
    assert reasons(unknown_parent) == ["waits for run 7, which is running"]


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"takers": [CPU], "paused_for": 200.0}, "The queue has been paused for 3 min."),
        ({"takers": [CPU], "paused_for": 0.1}, "The queue has been paused for 1 s."),
        ({"present_workers": 0, "last_seen_ago": 180.0}, "No worker has been seen for 3 min."),
        ({"present_workers": 0}, "No worker has been seen yet."),
        ({"present_workers": 2}, "All workers are drained or leaving."),
    ],
)
def test_where_nothing_starts_the_reason_is_told_and_no_time(facts: dict, says: str) -> None:
    told = Facts([run(1), child(3, of=1)], **{"present_workers": 1, **facts})
    assert reasons(told) == [says, "waits for run 1, which is queued"]
    assert starts(told) == [None, None]


# Several devices.


def test_a_run_that_needs_more_devices_than_any_worker_holds_says_so_and_lets_others_pass() -> None:
    facts = Facts([run(1, 100, devices=2), run(2, 50)], [CPU], present_workers=1)
    assert starts(facts) == [None, 0]
    assert reasons(facts) == ["needs 2 devices of one worker; no worker holds so many", "next"]


def test_where_the_worker_that_holds_enough_takes_no_runs_that_is_said() -> None:
    facts = Facts([run(1, devices=2)], [CPU], present_workers=2, most_devices=4)
    assert reasons(facts) == ["needs 2 devices of one worker; the workers that hold so many take no runs"]


def test_a_large_run_waits_for_the_large_worker_and_small_ones_go_to_whoever_is_free() -> None:
    takers = [CPU, Taker("cpu", 30.0, devices=2)]
    queue = [run(1, 100, devices=2), run(2, 10), run(3, 40)]
    facts = Facts(queue, takers, present_workers=2, most_devices=2)
    assert starts(facts) == [30, 0, 10]
    assert reasons(facts) == [
        "next, about 30 s",
        "1 ahead, 2 workers on CPUs, in a moment",
        "2 ahead, 2 workers on CPUs, about 10 s",
    ]


def test_a_worker_for_which_nothing_is_left_takes_the_small_child_of_a_large_run() -> None:
    large = Taker("cpu", 0.0, devices=2)
    queue = [run(1, 100, devices=2), run(2, 70, devices=2), child(3, of=1)]
    facts = Facts(queue, [CPU, large], present_workers=2, most_devices=2)
    assert starts(facts) == [0, 100, 100]


# What must hold in every case.

TIMES = st.floats(0, 1e5)
TAKERS = st.lists(
    st.builds(Taker, st.sampled_from(["cpu", "cuda"]), TIMES, st.sampled_from([1, 1, 2])),
    min_size=1,
    max_size=4,
)


@st.composite
def queues(draw: st.DrawFn) -> list[QueuedRun]:
    """Runs in any order; some wait for another, some after a loss, some take nobody knows how long."""
    size = draw(st.integers(1, 12))
    runs = []
    for number in range(1, size + 1):
        seconds = draw(st.one_of(st.none(), TIMES))
        of = draw(st.integers(0, number - 1))
        if draw(st.booleans()) and of:
            more: dict = {"parent": Parent(of, "queued")}
        else:
            more = {"ready_in": draw(st.sampled_from([0.0, 0.0, 3.0, 100.0]))}
        runs.append(run(number, seconds, devices=draw(st.sampled_from([1, 1, 1, 2, 4])), **more))
    return draw(st.permutations(runs))


@given(queues(), TAKERS)
def test_no_time_is_negative_and_no_child_starts_before_its_parent_has_ended(
    queue: list[QueuedRun], takers: list[Taker]
) -> None:
    schedule = deal_out(Facts(queue, takers, present_workers=len(takers)))
    for one in queue:
        start = schedule.starts.get(one.run)
        assert start is None or start >= one.ready_in >= 0
        if one.parent is not None and start is not None:
            assert start >= schedule.ends[one.parent.run] >= schedule.starts[one.parent.run]


@given(st.lists(TIMES, min_size=1, max_size=20), TAKERS)
def test_among_runs_that_are_ready_none_starts_before_one_that_is_ahead_of_it(
    seconds: list[float], takers: list[Taker]
) -> None:
    queue = [run(number, time) for number, time in enumerate(seconds, 1)]
    times = starts(Facts(queue, takers, present_workers=len(takers)))
    assert None not in times
    assert times == sorted(times)  # pyright: ignore


@given(queues(), TAKERS)
def test_never_do_more_runs_train_at_once_than_there_are_workers(
    queue: list[QueuedRun], takers: list[Taker]
) -> None:
    schedule = deal_out(Facts(queue, takers, present_workers=len(takers)))
    spans = [(start, schedule.ends.get(number, float("inf"))) for number, start in schedule.starts.items()]
    for moment, _ in spans:
        at_once = sum(start <= moment < end for start, end in spans)
        assert at_once <= len(takers)


@given(queues(), TAKERS, TIMES)
def test_a_further_worker_never_leaves_a_run_without_a_time_that_had_one(
    queue: list[QueuedRun], takers: list[Taker], free_in: float
) -> None:
    few = deal_out(Facts(queue, takers, present_workers=len(takers)))
    more = deal_out(Facts(queue, [*takers, Taker("cpu", free_in)], present_workers=len(takers) + 1))
    known = all(value is not None for one in queue for value in one.seconds.values())
    if known:
        assert set(few.starts) <= set(more.starts)


@given(queues(), TAKERS)
def test_every_run_gets_one_reason_in_the_order_of_the_queue(
    queue: list[QueuedRun], takers: list[Taker]
) -> None:
    told = forecast(Facts(queue, takers, present_workers=len(takers)))
    assert [one.run for one in told] == [one.run for one in queue]
    assert all(one.why for one in told)
