"""The commands of the queue and of the workers."""

from typing import Any

import pytest

from backend.cli import exits
from backend.cli.worker_commands import NoSuchWorker, full_id
from backend.store import clock, queue_order, workers
from backend.store.session import Database
from tests.backend.served import run, run_json
from tests.store import scenes

FACTS: dict[str, Any] = {"device": "cpu", "device_name": "CPU, 2 cores", "version": "0"}


pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("service")]


def order() -> list[int]:
    return [one["run"] for one in run_json("queue")["runs"]]


def test_the_queue_is_listed_with_why_each_run_waits(sqlite_database: Database) -> None:
    assert run("queue") == (0, "Nothing waits.\n", "")
    first, second = scenes.launch(sqlite_database, 2)
    lines = run("queue")[1].splitlines()
    assert lines[0].split() == ["place", "run", "name", "seed", "priority", "starts", "in", "why"]
    assert [line.split()[:2] for line in lines[1:]] == [["1", str(first)], ["2", str(second)]]
    assert all(run_["why"] for run_ in run_json("queue")["runs"])


def test_the_queue_is_paused_and_resumed(sqlite_database: Database) -> None:
    scenes.launch(sqlite_database, 2)
    assert run("queue", "pause") == (0, "The queue is paused; 2 runs are in it.\n", "")
    assert run_json("queue")["paused_at"]
    assert run("queue")[1].startswith("Paused since ")
    assert "The queue is paused since" in run("status")[1]
    assert run("queue", "resume") == (0, "The queue flows; 2 runs are in it.\n", "")
    assert run_json("queue", "pause")["paused_at"]
    assert run_json("queue", "resume")["paused_at"] is None


def test_runs_are_moved_in_the_queue(sqlite_database: Database) -> None:
    first, second, third = scenes.launch(sqlite_database, 3)
    assert run("queue", "move", third, "--before", first)[0] == 0
    assert order() == [third, first, second]
    moved = run_json("queue", "move", third, "--last")
    assert [one["run"] for one in moved["runs"]] == [first, second, third]
    assert run("queue", "move", first, "--before", first)[0] == exits.REFUSED
    run("cancel", second)
    assert run("queue", "move", second, "--last") == (
        exits.REFUSED,
        "",
        f"Run {second} is cancelled; it must be queued or waiting for this.\n",
    )


def test_the_highest_priority_is_first_and_negative_ones_are_numbers(sqlite_database: Database) -> None:
    first, second = scenes.launch(sqlite_database, 2)
    assert run("queue", "priority", second, 5) == (0, f"Run {second} has priority 5.\n", "")
    assert order() == [second, first]
    assert run("queue", "priority", second, -5) == (0, f"Run {second} has priority -5.\n", "")
    assert order() == [first, second]
    assert run_json("queue", "priority", first, 7)["priority"] == 7
    status, said, told = run("queue", "priority", first, queue_order.HIGHEST_PRIORITY + 1)
    assert (status, said) == (exits.REFUSED, "")
    assert str(queue_order.HIGHEST_PRIORITY) in told


def register(database: Database, *ids: str) -> None:
    with database.write() as session:
        for worker_id in ids:
            workers.register(session, worker_id, host="here", **FACTS)


def test_workers_are_listed_with_what_they_train(sqlite_database: Database) -> None:
    assert run("workers")[1].startswith("No workers. `runyard up` starts one")
    assert run_json("workers") == []
    register(sqlite_database, "worker-0@here:1-a-b", "worker-1@here:2-a-b")
    scenes.launch(sqlite_database)
    claimed = scenes.claim(sqlite_database, "worker-1@here:2-a-b")
    lines = run("workers")[1].splitlines()
    assert lines[1].split()[:6] == ["worker-0@here:1-a-b", "CPU,", "2", "cores", "idle", "—"]
    assert lines[2].split()[4:8] == ["busy", str(claimed.run_id), "run", "0"]
    assert [one["state"] for one in run_json("workers")] == ["idle", "busy"]


def test_a_worker_of_several_devices_says_how_many(sqlite_database: Database) -> None:
    with sqlite_database.write() as session:
        workers.register(session, "worker-0@here:1-a-b", host="here", **FACTS, devices=2)
    assert "CPU, 2 cores, 2 devices" in run("workers")[1]


def test_a_worker_is_drained_by_as_much_of_its_id_as_tells_it(sqlite_database: Database) -> None:
    register(sqlite_database, "worker-0@here:1-a-b", "worker-1@here:2-a-b")
    assert run("workers", "drain", "worker-1") == (0, "worker-1@here:2-a-b takes no more runs.\n", "")
    assert [one["drain_requested"] for one in run_json("workers")] == [False, True]
    assert run("workers", "undrain", "worker-1") == (0, "worker-1@here:2-a-b takes runs again.\n", "")
    assert not any(one["drain_requested"] for one in run_json("workers"))
    status, _, told = run("workers", "drain", "worker-")
    assert status == exits.REFUSED
    assert told.startswith("2 workers begin with 'worker-': worker-0@here:1-a-b, worker-1@here:2-a-b.")


def test_a_drained_worker_that_trains_says_when_it_is_done(sqlite_database: Database) -> None:
    register(sqlite_database, "worker-a")
    scenes.launch(sqlite_database)
    claimed = scenes.claim(sqlite_database)
    said = run("workers", "drain", "worker-a")[1]
    assert said == f"worker-a takes no more runs once run {claimed.run_id} is over.\n"


def test_a_stale_and_a_lost_worker_say_since_when_and_what_of_their_runs(sqlite_database: Database) -> None:
    with sqlite_database.read() as session:
        now = clock.read_now(session)
    for name, age in (("worker-a", 200.0), ("worker-b", 40.0)):
        with sqlite_database.write() as session:
            session.info["clock"] = lambda age=age: now - age
            workers.register(session, name, host="here", **FACTS)
    first, second = scenes.launch(sqlite_database, 2)
    scenes.claim(sqlite_database, "worker-a", at=now - 200)
    assert scenes.expire_at(sqlite_database, now, backoff_seconds=600) == 1
    scenes.claim(sqlite_database, "worker-b", at=now - 40)
    _, lost, stale = run("workers")[1].splitlines()
    assert "lost" in lost
    assert f"had {first} run 0, now queued" in lost
    assert "3 min ago, " in lost
    assert "stale" in stale
    assert f"{second} run 1" in stale
    assert "s ago, " in stale
    assert "its run stale, not heard of since" in stale
    assert "unless it is heard of" in stale
    said = run("runs")[1]
    assert f"{second}  run 1" in said
    assert "running, stale" in said
    waits = run("run", first)[1].splitlines()
    assert waits[1].startswith("queued, waits until ")
    assert waits[1].endswith("UTC, after loss 1 of 3")
    assert any(line.split()[-7:] == ["1", "of", "3", "since", "the", "last", "checkpoint"] for line in waits)
    assert waits[-1].endswith("lost: The worker was not heard of until its lease ended.")
    assert run("run", second)[1].splitlines()[1].startswith("running, stale, not heard of since ")
    assert run("run", second)[1].splitlines()[-1].endswith("goes on")
    assert run("workers", "forget", "worker-b")[0] == exits.REFUSED
    assert run("workers", "forget", "worker-a") == (0, "worker-a is forgotten.\n", "")
    assert [one["id"] for one in run_json("workers")] == ["worker-b"]


def test_an_id_is_found_whole_before_it_is_found_as_a_beginning() -> None:
    assert full_id("w1", ["w1", "w10"]) == "w1"
    assert full_id("w10", ["w1", "w10"]) == "w10"
    with pytest.raises(NoSuchWorker, match="There are: w1, w10"):
        full_id("x", ["w1", "w10"])
