"""The queue and the workers over HTTP: order, pause, priority, drains, and what /api/status says of them."""

import json
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from backend.api import queue_facts
from backend.api.wire import iso
from backend.app import create_app
from backend.contract import RunState
from backend.processes import wait_until
from backend.queue import Bell
from backend.settings import Settings
from backend.store import attempts, clock, workers
from backend.store.session import Database
from tests.backend import clients
from tests.backend.test_api import message
from tests.backend.test_run_actions import CountingBell
from tests.store import scenes
from tests.store.test_workers_and_datasets import FACTS


@pytest.fixture
def bell() -> CountingBell:
    return CountingBell()


@pytest.fixture
def client(settings: Settings, database: Database, bell: Bell) -> Iterator[TestClient]:
    # Without its threads: the reconciler would ring as well.
    yield clients.operator(create_app(settings, database, bell))


def arrive(database: Database, name: str = "worker-0@here:1", at: float | None = None, **facts: str) -> str:
    """Register a worker, as it was heard of at a time."""
    with database.write() as session:
        if at is not None:
            session.info["clock"] = lambda: at
        workers.register(session, name, **{**FACTS, "device_name": "CPU, 2 cores", **facts})
    return name


def order(answer) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [run["run"] for run in answer.json()["runs"]]


def reasons(client: TestClient) -> list[str]:
    return [run["why"] for run in client.get("/api/queue").json()["runs"]]


def drain(client: TestClient, worker: str, wanted: bool = True):
    return client.post("/api/workers/drain", json={"worker": worker, "drain": wanted})


def states(client: TestClient) -> dict[str, str]:
    return {one["id"]: one["state"] for one in client.get("/api/workers").json()["workers"]}


# The queue.


def test_the_queue_is_listed_in_the_order_of_claims_with_what_names_each_run(
    client: TestClient, database: Database
) -> None:
    arrive(database)
    first, second = scenes.launch(database, 2)
    client.post(f"/api/runs/{second}/priority", json={"priority": 3})
    queue = client.get("/api/queue").json()
    assert queue["paused_at"] is None
    assert queue["total"] == 2
    assert queue["cursor"].rpartition("-")[2].isdigit()
    top, last = queue["runs"]
    assert (top["run"], top["position"], top["priority"], top["seed"]) == (second, 1, 3, 1)
    assert (top["state"], top["name"]) == ("queued", "run 1")
    assert top["recipe"] == last["recipe"]
    assert top["spec"]["model"] == {"arch": "softmax-regression"}
    assert top["spec"]["dataset"] == {"name": "shapes", "image_size": None}
    assert top["spec"]["optimizer"] == {"name": "sgd", "lr": 0.05}
    assert top["spec"]["schedule"] == {"name": "constant"}
    assert (last["run"], last["position"]) == (first, 2)


def test_every_run_is_told_why_it_waits_and_about_when_it_starts(
    client: TestClient, database: Database
) -> None:
    first, _ = scenes.launch(database, 2)
    child = scenes.launch_child(database, first)
    assert reasons(client) == ["No worker has been seen yet."] * 2 + [
        f"waits for run {first}, which is queued"
    ]
    arrive(database)
    queue = client.get("/api/queue").json()["runs"]
    assert [run["why"] for run in queue[:2]] == ["next", "1 ahead, 1 worker on a CPU, in a moment"]
    times = [run["starts_in_seconds"] for run in queue]
    assert times[0] == 0
    assert 0 < times[1] <= times[2]
    assert (queue[2]["run"], queue[2]["state"]) == (child, "waiting")


def test_a_busy_worker_is_free_when_its_run_says_so(client: TestClient, database: Database) -> None:
    worker = arrive(database)
    scenes.launch(database, 2)
    claimed = scenes.claim(database, worker)
    progress = {"epoch": 1, "epochs": 5, "step": 1, "steps": 4, "seconds_left": 120.0}
    with database.write() as session:
        attempts.renew(session, claimed.run_id, claimed.attempt, worker, 60, progress)
    (waiting,) = client.get("/api/queue").json()["runs"]
    assert (waiting["why"], waiting["starts_in_seconds"]) == ("next, about 2 min", 120.0)


def test_a_worker_that_has_not_told_yet_is_free_by_the_estimate(
    client: TestClient, database: Database
) -> None:
    worker = arrive(database)
    scenes.launch(database, 3)
    scenes.claim(database, worker)
    first, second = [run["starts_in_seconds"] for run in client.get("/api/queue").json()["runs"]]
    each = second - first
    assert 0 < first <= each  # it began a moment ago, and the runs are alike


def test_a_lost_run_says_when_it_is_tried_again(client: TestClient, database: Database) -> None:
    worker = arrive(database)
    scenes.launch(database)
    claimed = scenes.claim(database, worker)
    with database.write() as session:
        attempts.lose(session, claimed.run_id, claimed.attempt, worker, "gone", backoff_seconds=100)
    (why,) = reasons(client)
    assert why.startswith("tries again in ")
    assert why.endswith(" min, after loss 1 of 3")


def test_a_run_on_images_that_were_removed_is_listed_without_a_time_for_those_behind_it(
    client: TestClient, database: Database
) -> None:
    arrive(database)
    scenes.launch(database, dataset={"name": "birds"})
    scenes.launch(database)
    assert [run["starts_in_seconds"] for run in client.get("/api/queue").json()["runs"]] == [0, None]


def test_parts_of_a_long_queue_are_asked_for_by_limit_and_offset(
    client: TestClient, database: Database
) -> None:
    ids = scenes.launch(database, 5)
    part = client.get("/api/queue?limit=2&offset=1").json()
    assert [(run["run"], run["position"]) for run in part["runs"]] == [(ids[1], 2), (ids[2], 3)]
    assert part["total"] == 5
    assert client.get("/api/queue?limit=2&offset=9").json()["runs"] == []
    for query in ("limit=0", "limit=501", "offset=-1", "limit=x", f"offset={2**60}"):
        assert client.get(f"/api/queue?{query}").status_code == 422, query


def test_a_recipe_is_estimated_once_for_all_of_its_seeds_and_asks(
    client: TestClient, database: Database
) -> None:
    arrive(database)
    scenes.launch(database, 20)
    scenes.launch(database, 20, epochs=7)
    queue_facts.estimated_once.cache_clear()
    for _ in range(2):
        first, second, *_ = client.get("/api/queue").json()["runs"]
        assert second["starts_in_seconds"] > first["starts_in_seconds"]
    assert queue_facts.estimated_once.cache_info().misses == 2


def test_a_move_answers_with_the_new_order(client: TestClient, database: Database) -> None:
    a, b, c = scenes.launch(database, 3)
    assert order(client.post("/api/queue/move", json={"run": c, "before": a})) == [c, a, b]
    assert order(client.post("/api/queue/move", json={"run": a, "before": None})) == [c, b, a]
    assert order(client.post("/api/queue/move", json={"run": a, "before": None})) == [c, b, a]
    assert order(client.post("/api/queue/move?limit=1", json={"run": a, "before": c})) == [a]


def test_a_move_that_means_nothing_is_refused_in_one_sentence(client: TestClient, database: Database) -> None:
    running, queued = scenes.launch(database, 2)
    scenes.claim(database)
    for body, status, says in (
        ({"run": running, "before": queued}, 409, f"Run {running} is running; it must be queued or waiting"),
        ({"run": queued, "before": running}, 409, f"Run {running} is running; it must be queued or waiting"),
        ({"run": queued, "before": queued}, 422, f"before is {queued}; it must be another run"),
        ({"run": 99, "before": None}, 404, "There is no run 99."),
        ({"run": queued}, 422, "before"),
        ({"run": str(queued), "before": None}, 422, "run is '"),
        ({"run": True, "before": None}, 422, "run is True"),
        ({"run": 2**63, "before": None}, 422, "run is "),
        ({"run": queued, "before": 0}, 422, "before is 0"),
        ({"run": queued, "before": None, "after": 1}, 422, "after"),
        ([], 422, "the body"),
    ):
        answer = client.post("/api/queue/move", json=body)
        assert answer.status_code == status, (body, answer.text)
        assert says in message(answer), body


def test_a_priority_is_a_whole_number_within_its_range(client: TestClient, database: Database) -> None:
    a, b = scenes.launch(database, 2)
    answer = client.post(f"/api/runs/{b}/priority", json={"priority": 1000})
    assert (answer.status_code, answer.json()["priority"], answer.json()["ahead"]) == (200, 1000, 0)
    assert client.post(f"/api/runs/{b}/priority", json={"priority": -1000}).json()["ahead"] == 1
    for wrong in (1001, -1001, 1.5, "5", None, True, 1e400):
        content = json.dumps({"priority": wrong}).replace("Infinity", "1e999")
        headers = {"Content-Type": "application/json"}
        answer = client.post(f"/api/runs/{a}/priority", content=content, headers=headers)
        assert answer.status_code == 422, wrong
        assert "priority is" in message(answer)
    assert client.post("/api/runs/99/priority", json={"priority": 1}).status_code == 404
    scenes.claim(database)
    late = client.post(f"/api/runs/{a}/priority", json={"priority": 1})
    assert (late.status_code, message(late)) == (
        409,
        f"Run {a} is running; it must be queued or waiting for this.",
    )


# Pausing.


def test_a_paused_queue_says_so_everywhere_and_its_resumption_is_rung_for(
    client: TestClient, database: Database, bell: CountingBell
) -> None:
    arrive(database)
    scenes.launch(database, 3)
    first = client.post("/api/queue/pause").json()
    assert first["paused_at"] is not None
    assert client.post("/api/queue/pause").json()["paused_at"] == first["paused_at"]
    assert client.get("/api/status").json()["paused_at"] == first["paused_at"]
    assert {why.partition(" for")[0] for why in reasons(client)} == {"The queue has been paused"}
    assert {run["starts_in_seconds"] for run in client.get("/api/queue").json()["runs"]} == {None}
    assert bell.rung == 0
    assert client.post("/api/queue/resume").json()["paused_at"] is None
    assert bell.rung == 3
    assert client.post("/api/queue/resume").json()["paused_at"] is None
    assert client.get("/api/status").json()["paused_at"] is None
    scenes.claim(database)


def test_an_empty_queue_can_be_paused_and_resumed(
    client: TestClient, database: Database, bell: CountingBell
) -> None:
    assert client.post("/api/queue/pause").json()["runs"] == []
    assert client.post("/api/queue/resume").json()["total"] == 0
    assert bell.rung == 0


def test_the_service_rings_for_no_run_of_a_paused_queue(
    settings: Settings, database: Database, bell: CountingBell
) -> None:
    scenes.launch(database, 2)
    with clients.operator(create_app(settings, database, bell)) as client:  # with its threads
        assert wait_until(lambda: bell.rung == 2, 120)
        client.post("/api/queue/pause")
        scenes.launch(database)
        assert client.get("/api/queue").json()["total"] == 3
        client.post("/api/queue/resume")
        assert wait_until(lambda: bell.rung >= 5, 120)


# Workers.


def test_a_worker_is_told_with_what_it_trains(client: TestClient, database: Database) -> None:
    worker = arrive(database)
    (run_id,) = scenes.launch(database)
    claimed = scenes.claim(database, worker)
    progress = {"epoch": 2, "epochs": 5, "step": 3, "steps": 4, "seconds_left": 9.5}
    scenes.report(database, claimed, 1, {"test_acc": 0.5})
    with database.write() as session:
        attempts.renew(session, run_id, claimed.attempt, worker, 60, progress)
    (told,) = client.get("/api/workers").json()["workers"]
    assert (told["name"], told["host"], told["device_name"]) == ("worker-0", "here", "CPU, 2 cores")
    assert told["devices"] == 1
    assert (told["state"], told["drain_requested"]) == ("busy", False)
    assert told["training"] == {
        "run": run_id,
        "name": "run 0",
        "seed": 0,
        "state": "running",
        "progress": progress,
        "epochs": 5,
        "last_epoch": 1,
        "losses": 0,
        "max_losses": 3,
        "stale": None,
    }


def test_a_drained_worker_finishes_its_run_and_takes_no_other_until_that_is_undone(
    client: TestClient, database: Database, bell: CountingBell
) -> None:
    worker = arrive(database)
    scenes.launch(database, 2)
    claimed = scenes.claim(database, worker)
    answer = drain(client, worker)
    assert (answer.status_code, answer.json()["workers"][0]["state"]) == (200, "draining")
    assert drain(client, worker).json() == answer.json()
    assert reasons(client) == ["All workers are drained or leaving."]
    assert scenes.report(database, claimed, 1, {"test_acc": 0.5})
    scenes.end(database, claimed, RunState.COMPLETED)
    assert states(client) == {worker: "drained"}
    with database.write() as session:
        assert attempts.claim(session, worker, 60) is None
    assert bell.rung == 0
    assert drain(client, worker, wanted=False).json()["workers"][0]["state"] == "idle"
    assert bell.rung == 1
    assert reasons(client) == ["next"]
    assert scenes.claim(database, worker).run_id != claimed.run_id


def test_a_lost_worker_can_be_drained_and_a_leaving_one_is_called_so(
    client: TestClient, database: Database
) -> None:
    lost, leaving = arrive(database, "worker-0@here:1", at=1000.0), "worker-1@here:2"
    with database.write() as session:
        session.info["clock"] = lambda: 1001.0  # not a day later: the lost one would be forgotten
        workers.register(session, leaving, **FACTS)
    with database.write() as session:
        workers.beat(session, leaving, draining=True)
    assert states(client) == {lost: "lost", leaving: "leaving"}
    assert drain(client, lost).status_code == 200
    assert states(client) == {lost: "lost", leaving: "leaving"}
    told = {one["id"]: one["drain_requested"] for one in client.get("/api/workers").json()["workers"]}
    assert told == {lost: True, leaving: False}


def test_a_lost_worker_is_forgotten_and_any_other_is_not(client: TestClient, database: Database) -> None:
    lost, here = arrive(database, "worker-0@here:1", at=1000.0), "worker-1@here:2"
    with database.write() as session:
        session.info["clock"] = lambda: 1001.0
        workers.register(session, here, **FACTS)
    with database.write() as session:
        ahead = clock.read_now(session) + 1000  # however slow this test is, it was heard of
        session.info["clock"] = lambda: ahead
        workers.beat(session, here, draining=False)

    def forget(worker: object):
        return client.post("/api/workers/forget", json={"worker": worker})

    assert [one["id"] for one in forget(lost).json()["workers"]] == [here]
    again, refused = forget(lost), forget(here)
    assert (again.status_code, again.json()["error"]["message"]) == (404, f"There is no worker '{lost}'.")
    assert refused.status_code == 409
    assert refused.json()["error"]["message"] == f"Worker '{here}' is idle; it must be lost for this."
    for wrong in (7, None, "x" * 256, "a\x00"):
        assert forget(wrong).status_code == 422


def test_a_run_that_is_not_heard_of_is_told_with_its_worker_and_in_the_status(
    client: TestClient, database: Database
) -> None:
    (run_id,) = scenes.launch(database)
    with database.read() as session:
        began = clock.read_now(session) - 30
    silent = arrive(database, at=began)
    scenes.claim(database, silent, at=began)
    (told,) = client.get("/api/workers").json()["workers"]
    assert told["state"] == "stale"
    stale = told["training"]["stale"]
    assert stale == {"heard_at": iso(began), "until": iso(began + 60)}
    status = client.get("/api/status").json()
    assert status["stale"] == [{"run": run_id, **stale}]
    assert [(one["state"], one["takes_runs"]) for one in status["workers"]] == [("stale", False)]
    assert client.get(f"/api/runs/{run_id}").json()["stale"] == stale
    assert scenes.expire_at(database, began + 61, backoff_seconds=600) == 1
    (told,) = client.get("/api/workers").json()["workers"]
    assert (told["state"], told["training"]) == ("lost", None)
    assert told["had"] == {"run": run_id, "name": "run 0", "state": "queued"}
    run = client.get(f"/api/runs/{run_id}").json()
    assert (run["stale"], run["losses"], run["max_losses"]) == (None, 1, 3)
    assert run["retry_at"] == iso(began + 61 + 600)
    assert client.get("/api/status").json()["stale"] == []


def test_the_status_calls_every_worker_what_the_list_of_workers_calls_it(
    client: TestClient, database: Database
) -> None:
    busy, drained, idle = (arrive(database, f"worker-{n}@here:{n}") for n in range(3))
    (run_id,) = scenes.launch(database)
    scenes.claim(database, busy)
    drain(client, drained)
    status = {one["id"]: (one["state"], one["run"]) for one in client.get("/api/status").json()["workers"]}
    assert status == {busy: ("busy", run_id), drained: ("drained", None), idle: ("idle", None)}
    assert states(client) == {worker: state for worker, (state, _) in status.items()}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"worker": "nobody", "drain": True}, 404),
        ({"worker": "", "drain": True}, 404),
        ({"worker": "a\u0000b", "drain": True}, 422),
        ({"worker": "\ud800", "drain": True}, 422),
        ({"worker": "x" * 300, "drain": True}, 422),
        ({"worker": 5, "drain": True}, 422),
        ({"worker": "nobody", "drain": "yes"}, 422),
        ({"worker": "nobody"}, 422),
        ({"worker": "nobody", "drain": True, "force": True}, 422),
        (None, 422),
    ],
)
def test_a_drain_that_names_no_worker_is_refused(client: TestClient, body: object, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/workers/drain", content=json.dumps(body), headers=headers)
    assert answer.status_code == status, answer.text
    assert message(answer)


def test_a_viewer_sees_the_queue_and_changes_nothing_of_it(
    settings: Settings, database: Database, bell: CountingBell
) -> None:
    worker = arrive(database)
    a, b = scenes.launch(database, 2)
    viewer = clients.viewer(create_app(settings, database, bell))
    assert order(viewer.get("/api/queue")) == [a, b]
    assert viewer.get("/api/workers").status_code == 200
    for path, body in (
        ("/api/queue/pause", None),
        ("/api/queue/resume", None),
        ("/api/queue/move", {"run": b, "before": a}),
        (f"/api/runs/{b}/priority", {"priority": 1}),
        ("/api/workers/drain", {"worker": worker, "drain": True}),
    ):
        assert viewer.post(path, json=body).status_code == 403, path
    assert order(viewer.get("/api/queue")) == [a, b]
