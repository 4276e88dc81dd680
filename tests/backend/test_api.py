"""The API over a real store, without broker and worker: each endpoint works, and refuses in one sentence."""

import json
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from backend.app import create_app
from backend.broker import Broker
from backend.contract import RunState
from backend.queue import Bell
from backend.settings import Settings
from backend.store import attempts, datasets
from backend.store.session import Database
from tests.backend import clients
from tests.store import scenes

NOBODY = "redis://127.0.0.1:1/0"
"""A broker that is not there: launches are accepted all the same."""


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[TestClient]:
    app = create_app(settings, database, Bell(Broker(NOBODY)))
    with clients.operator(app) as client:
        yield client


@pytest.fixture
def store(database: Database) -> Database:
    return database


def launch(client: TestClient, **changes):
    body = {
        "preset": "softmax-original",
        "size": "quick",
        "overrides": {"dataset": {"name": "shapes"}},
        **changes,
    }
    return client.post("/api/launches", json=body)


def message(answer) -> str:
    return answer.json()["error"]["message"]


def test_a_launch_is_accepted_although_the_broker_is_away(client: TestClient) -> None:
    answer = launch(client, seeds=[0, 1, 2], name="three seeds")
    assert answer.status_code == 201
    page = client.get("/api/runs").json()
    assert [run["id"] for run in page["runs"]] == answer.json()["runs"][::-1]
    assert {run["state"] for run in page["runs"]} == {"queued"}
    assert [run["ahead"] for run in page["runs"]] == [2, 1, 0]
    assert page["counts"]["queued"] == 3


def test_a_repeated_launch_with_its_key_answers_as_the_first_did(client: TestClient) -> None:
    body = {"preset": "softmax-original", "overrides": {"dataset": {"name": "shapes"}}}
    answers = [client.post("/api/launches", json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    other = client.post("/api/launches", json={**body, "size": "quick"}, headers={"Idempotency-Key": "k"})
    assert other.status_code == 409
    assert "'k'" in message(other)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"optimizer": {"lr": 0}}, "optimizer.lr is 0; it must be over 0 and at most 100"),
        ({"optimizer": {"lr": "fast"}}, "optimizer.lr is 'fast'"),
        ({"epochs": 0}, "epochs is 0; it must be at least 1 and at most 10000"),
        ({"epochs": 10**9}, "epochs is 1000000000; it must be at least 1 and at most 10000"),
        ({"epochs": 1.5}, "epochs is 1.5"),
        ({"batch_size": True}, "batch_size is True"),
        ({"optimiser": {"lr": 1}}, "optimiser is not a field of a spec"),
        ({"model": {"arch": "resnet19"}}, "There is no model 'resnet19'. Did you mean resnet18"),
        ({"dataset": {"name": "nothing"}}, "There is no data set 'nothing'"),
        ({"dataset": {"name": "../etc"}}, "dataset.name is '../etc'"),
        ({"model": {"arch": "alexnet"}}, "alexnet needs images of at least 63 pixels"),
        ({"seed": -1}, "seed is -1; it must be at least 0"),
    ],
)
def test_a_value_that_cannot_work_is_refused_in_one_sentence(
    client: TestClient, overrides: dict, says: str
) -> None:
    base = {"dataset": {"name": "shapes"}}
    merged = {**base, **overrides} if "dataset" not in overrides else overrides
    answer = launch(client, overrides=merged)
    assert answer.status_code == 422
    assert says in message(answer)
    assert client.get("/api/runs").json()["runs"] == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_learning_rate_that_is_no_number_is_refused(client: TestClient, number: str) -> None:
    body = '{"preset": "softmax-original", "overrides": {"dataset": {"name": "shapes"}, "optimizer": {"lr": %s}}}'
    answer = client.post("/api/launches", content=body % number, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "optimizer.lr" in message(answer)


def test_an_unknown_preset_names_the_near_ones(client: TestClient) -> None:
    answer = client.post("/api/launches", json={"preset": "softmax-orignal"})
    assert answer.status_code == 422
    assert "softmax-original" in message(answer)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"preset": "softmax-original", "spec": {}},
        {"preset": "softmax-original", "seeds": []},
        {"preset": "softmax-original", "seeds": [1, 1]},
        {"preset": "softmax-original", "size": "huge"},
        {"preset": "softmax-original", "name": "a\u0000b"},
        {"preset": "softmax-original", "name": "x" * 10_000},
        {"preset": "softmax-original", "unknown": 1},
        [],
        "text",
        None,
    ],
)
def test_a_body_that_is_no_launch_is_refused(client: TestClient, body: object) -> None:
    answer = client.post("/api/launches", json=body)
    assert answer.status_code == 422
    assert message(answer)


def test_half_a_character_in_a_name_is_refused(client: TestClient) -> None:
    body = json.dumps({"preset": "softmax-original", "name": "\ud800"})
    answer = client.post("/api/launches", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


def test_a_body_that_is_not_json_is_refused(client: TestClient) -> None:
    answer = client.post("/api/launches", content="{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, message(answer)) == (422, "The body is not valid JSON.")
    plain = client.post("/api/launches", content="{}", headers={"Content-Type": "text/plain"})
    assert plain.status_code == 415
    assert "application/json" in message(plain)


def test_a_body_that_is_too_long_is_refused(client: TestClient) -> None:
    assert client.post("/api/launches", json={"name": "x" * 2_000_000}).status_code == 413


@pytest.mark.parametrize("path", ["", "/points", "/log", "/figures"])
def test_a_run_that_does_not_exist_is_404(client: TestClient, path: str) -> None:
    answer = client.get(f"/api/runs/99{path}")
    assert (answer.status_code, message(answer)) == (404, "There is no run 99.")


@pytest.mark.parametrize("run_id", ["0", "-1", "9223372036854775808", "abc"])
def test_an_id_that_cannot_be_is_422(client: TestClient, run_id: str) -> None:
    assert client.get(f"/api/runs/{run_id}").status_code == 422


def test_cancelling_works_once_and_then_says_what_the_run_is(client: TestClient) -> None:
    run_id = launch(client).json()["runs"][0]
    assert client.post(f"/api/runs/{run_id}/cancel").json()["state"] == "cancelled"
    again = client.post(f"/api/runs/{run_id}/cancel")
    assert (again.status_code, message(again)) == (
        409,
        f"Run {run_id} is cancelled; it must be waiting, queued or running for this.",
    )
    assert client.post("/api/runs/99/cancel").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/points?name=%00",
        "/points?name=%ED%A0%80",
        "/log?after=9007199254740992",
        "/log?after=-1",
        "/log?limit=0",
    ],
)
def test_a_query_that_no_database_can_answer_is_refused(client: TestClient, path: str) -> None:
    run_id = launch(client).json()["runs"][0]
    assert client.get(f"/api/runs/{run_id}{path}").status_code == 422


def test_a_key_that_cannot_be_stored_is_refused(client: TestClient) -> None:
    body = {"preset": "softmax-original", "overrides": {"dataset": {"name": "shapes"}}}
    assert client.post("/api/launches", json=body, headers={"Idempotency-Key": "a\x01b"}).status_code == 422


def test_pages_of_runs_follow_one_another(client: TestClient) -> None:
    ids = launch(client, seeds=list(range(5))).json()["runs"]
    first = client.get("/api/runs?limit=3").json()
    second = client.get(f"/api/runs?limit=3&before={first['next']}").json()
    assert [run["id"] for run in first["runs"] + second["runs"]] == ids[::-1]
    assert second["next"] is None
    assert client.get("/api/runs?limit=501").status_code == 422
    assert client.get("/api/runs?state=imaginary").status_code == 422


def test_numbers_that_are_none_reach_points_and_figures_as_gaps(client: TestClient, store: Database) -> None:
    run_id = launch(client).json()["runs"][0]
    claimed = scenes.claim(store)
    scenes.report(store, claimed, 1, {"train_loss": float("nan"), "test_acc": 0.5})
    series = client.get(f"/api/runs/{run_id}/points").json()["series"]
    assert series["train_loss"] == {"epochs": [1], "values": [None], "nonfinite": {"1": "nan"}}
    assert list(client.get(f"/api/runs/{run_id}/points?name=test_acc").json()["series"]) == ["test_acc"]
    figures = client.get(f"/api/runs/{run_id}/figures").json()["figures"]
    traces = {trace["meta"]["metric"]: trace for trace in figures["loss"]["data"]}
    assert traces["train_loss"]["y"] == [None]
    run = client.get("/api/runs").json()["runs"][0]
    assert (run["last"]["metrics"]["train_loss"], run["best_test_acc"]) == (None, 0.5)


def test_a_run_tells_its_attempts_and_its_log(client: TestClient, store: Database) -> None:
    run_id = launch(client).json()["runs"][0]
    claimed = scenes.claim(store)
    with store.write() as session:
        attempts.lose(session, run_id, claimed.attempt, claimed.owner, "It was killed.", backoff_seconds=0)
    run = client.get(f"/api/runs/{run_id}").json()
    assert [(a["number"], a["reason"], a["detail"]) for a in run["attempts"]] == [
        (1, "worker lost", "It was killed.")
    ]
    log = client.get(f"/api/runs/{run_id}/log").json()
    assert "worker lost" in log["lines"][0]["text"]
    assert client.get(f"/api/runs/{run_id}/log?after=1").json() == {"lines": [], "more": False}


def test_an_imported_data_set_is_listed_and_can_be_launched(client: TestClient, store: Database) -> None:
    new = datasets.NewDataset("birds", "a" * 64, ["x", "y"], 10, 4, 48, 3)
    with store.write() as session:
        datasets.register(session, new)
    assert [found["name"] for found in client.get("/api/datasets").json()["datasets"]] == [
        "shapes",
        "glyphs",
        "birds",
    ]
    assert launch(client, overrides={"dataset": {"name": "birds"}}).status_code == 201


def test_presets_come_with_the_rules_of_their_fields(client: TestClient) -> None:
    answer = client.get("/api/presets").json()
    names = [preset["name"] for preset in answer["presets"]]
    assert {"alexnet-from-scratch", "softmax-original"} <= set(names)
    assert answer["fields"]["optimizer.lr"]["exclusiveMinimum"] == 0


def test_status_counts_runs_and_health_names_the_database(client: TestClient) -> None:
    status = client.get("/api/status").json()
    assert status["counts"]["queued"] == 0
    assert set(status["counts"]) == {str(state) for state in RunState}
    health = client.get("/api/health").json()
    assert health["status"] == "ok"
    assert health["database"] in ("sqlite", "postgresql")


def test_a_foreign_host_or_origin_is_refused(client: TestClient) -> None:
    assert client.get("/api/runs", headers={"Host": "evil.example"}).status_code == 400
    crossed = client.post("/api/launches", json={}, headers={"Origin": "http://evil.example"})
    assert crossed.status_code == 403
    for origin in ("null", "http://[", "http://a]b", "//[x]/", "ftp://127.0.0.1:8420"):
        assert client.post("/api/launches", json={}, headers={"Origin": origin}).status_code == 403
    own = client.post("/api/launches", json={}, headers={"Origin": "http://127.0.0.1:8420"})
    assert own.status_code == 422


def test_every_answer_forbids_foreign_scripts(client: TestClient) -> None:
    for path in ("/", "/runs/1", "/api/runs", "/static/tokens.css", "/nowhere"):
        policy = client.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def test_plotly_is_served_zipped_under_an_address_of_its_version(client: TestClient) -> None:
    answer = client.get("/vendor/plotly.js")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert "plotly.js" in answer.text[:300]
    assert client.get("/vendor/plotly-0.0.0.min.js").status_code == 404


@pytest.mark.parametrize(
    "path", ["/static/../pyproject.toml", "/static/..%2fpyproject.toml", "/static/%2e%2e/x"]
)
def test_nothing_outside_the_frontend_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_openapi_describes_every_endpoint(client: TestClient) -> None:
    paths = client.get("/api/openapi.json").json()["paths"]
    assert {"/api/launches", "/api/runs", "/api/runs/{run_id}/cancel", "/api/events"} <= set(paths)


def test_an_address_that_is_none_is_a_page_for_people_and_json_for_programs(client: TestClient) -> None:
    page = client.get("/nothing", headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.status_code == 404
    assert "There is no such page" in page.text
    for path, accept in (("/nothing", "*/*"), ("/api/nothing", "text/html")):
        answer = client.get(path, headers={"Accept": accept})
        assert answer.status_code == 404
        assert answer.json()["error"]["kind"] == "HttpError"


def test_a_run_that_keeps_images_back_has_its_validation_in_the_figures(
    client: TestClient, store: Database
) -> None:
    kept_back = {"dataset": {"name": "shapes", "validation": 0.1}}
    plain = launch(client).json()["runs"][0]
    validated = launch(client, overrides=kept_back).json()["runs"][0]

    def drawn(run_id: int, figure: str) -> list[str]:
        figures = client.get(f"/api/runs/{run_id}/figures").json()["figures"]
        return [trace["meta"]["metric"] for trace in figures[figure]["data"]]

    assert drawn(plain, "loss") == ["train_loss", "test_loss"]
    assert drawn(validated, "loss") == ["train_loss", "test_loss", "val_loss"]
    assert drawn(validated, "accuracy") == ["train_acc", "test_acc", "val_acc"]
