"""Grids and previews over HTTP: what a preview tells is what a launch then does, and the snippets do the same."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

from backend.app import create_app
from backend.broker import Broker
from backend.client import Client
from backend.processes import wait_until
from backend.queue import Bell
from backend.settings import Settings
from backend.store import calibrations, datasets, weights, workers
from backend.store.session import Database
from tests.backend import clients
from tests.backend.test_api import NOBODY, message
from tests.backend.test_estimates import FACTS
from tests.conftest import TOKEN
from tests.servers import free_port

GRID: dict[str, Any] = {
    "preset": "softmax-original",
    "size": "quick",
    "overrides": {"dataset": {"name": "shapes"}},
    "grid": {"optimizer.lr": [0.1, 0.05, 0.02], "batch_size": [64, 32]},
    "seeds": [0, 1],
}


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[TestClient]:
    yield clients.operator(create_app(settings, database, Bell(Broker(NOBODY))))


def preview(client: TestClient, body: dict, status: int = 200) -> dict[str, Any]:
    answer = client.post("/api/launches/preview", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def stored_runs(client: TestClient) -> list[dict[str, Any]]:
    return client.get("/api/runs?limit=500").json()["runs"][::-1]


def worker(database: Database, device: str) -> None:
    with database.write() as session:
        workers.register(session, f"w-{device}", host="here", device=device, device_name=device, version="1")


def test_a_grid_is_stored_as_it_was_previewed(client: TestClient) -> None:
    told = preview(client, GRID)
    assert stored_runs(client) == [], "a preview stores nothing"
    answer = client.post("/api/launches", json=GRID)
    assert answer.status_code == 201
    runs = stored_runs(client)
    assert [run["id"] for run in runs] == answer.json()["runs"]
    assert [(run["name"], run["seed"]) for run in runs] == [
        (one["name"], one["seed"]) for one in told["runs"]
    ]
    for run, one in zip(runs, told["runs"], strict=True):
        assert run["spec"]["optimizer"]["lr"] == one["differs"]["optimizer.lr"]
        assert run["spec"]["batch_size"] == one["differs"]["batch_size"]
    assert (told["count"], told["recipes"]) == (12, 6)
    assert len({run["recipe"] for run in runs}) == 6
    assert told["ready"]


def test_a_repeated_grid_with_its_key_answers_as_the_first_did(client: TestClient) -> None:
    answers = [client.post("/api/launches", json=GRID, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    assert len(stored_runs(client)) == 12
    other = {**GRID, "grid": {"batch_size": [64]}}
    assert client.post("/api/launches", json=other, headers={"Idempotency-Key": "k"}).status_code == 409


@pytest.mark.parametrize("path", ["/api/launches", "/api/launches/preview"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"grid": {"epochs": [1, 2, 3], "batch_size": [1, 2, 3, 4]}, "seeds": list(range(100))},
            "3 x 4 values x 100 seeds are 1,200 runs; a launch may have 1000.",
        ),
        ({"grid": {"batch_size": []}}, "grid.batch_size holds no value; it must hold one at least."),
        (
            {"grid": {"batch_size": [8, 8]}},
            "grid.batch_size holds 8 twice; each value makes runs of its own.",
        ),
        ({"grid": {"seed": [1]}}, "grid names seed; give the seeds as `seeds`."),
        ({"grid": {"optimizer.l": [1]}}, "There is no field 'optimizer.l'. Did you mean optimizer.lr or"),
        ({"grid": {"batch_size": 8}}, "grid.batch_size is 8: input should be a valid list."),
        ({"grid": [1]}, "grid is [1]: input should be a valid dictionary."),
        (
            {"grid": {"optimizer.lr": [0.1, -1], "batch_size": [8, 16]}},
            "optimizer.lr is -1; it must be over 0 and at most 100.",
        ),
        ({"grid": {"dataset.name": ["shapes"]}}, "dataset.name stands in overrides and in grid"),
        ({"clone": 1}, "A launch needs a preset, a run to clone or a spec: exactly one of the three."),
        ({"clone": 0}, "clone is 0: input should be greater than or equal to 1."),
        ({"name": "a\u0007b"}, "name holds a control character; use visible characters only."),
        ({"experiment": "e" * 201}, "experiment has 201 characters; it may have 200 at most."),
        ({"size": "huge"}, "size is 'huge'"),
        (
            {"overrides": {"dataset": {"name": "shapes"}, "model": {"arch": "vgg"}}},
            "There is no model 'vgg'.",
        ),
        ({"nothing": 1}, "nothing is 1: extra inputs are not permitted."),
    ],
)
def test_a_bad_grid_is_refused_in_one_sentence_by_launch_and_preview(
    client: TestClient, path: str, change: dict, said: str
) -> None:
    answer = client.post(path, json={**GRID, **change})
    assert answer.status_code == 422
    assert message(answer).startswith(said)
    assert stored_runs(client) == []


def test_a_run_that_is_not_there_is_not_cloned(client: TestClient) -> None:
    for path in ("/api/launches", "/api/launches/preview"):
        answer = client.post(path, json={"clone": 77})
        assert (answer.status_code, message(answer)) == (404, "There is no run 77.")


def test_a_clone_differs_by_what_was_changed_in_it(client: TestClient) -> None:
    launched = client.post("/api/launches", json={**GRID, "grid": None, "seeds": [5], "name": "the one"})
    (run,) = launched.json()["runs"]
    body = {"clone": run, "overrides": {"optimizer": {"lr": 0.3}}}
    assert preview(client, body)["differs"] == [{"path": "optimizer.lr", "preset": 0.1, "value": 0.3}]
    client.post("/api/launches", json=body)
    before, after = stored_runs(client)
    assert after["spec"] == {**before["spec"], "optimizer": {**before["spec"]["optimizer"], "lr": 0.3}}
    for kept in ("name", "preset", "size", "seed"):
        assert after[kept] == before[kept]


def test_a_preview_tells_which_parents_would_come_along_and_which_are_there(
    client: TestClient, database: Database
) -> None:
    body = {
        "preset": "softmax-resnet18-last",
        "size": "quick",
        "overrides": {"dataset": {"name": "shapes"}, "features": {"weights": {"rule": "same_seed"}}},
        "seeds": [0, 1],
        "confirm": True,
    }
    parent = "ResNet-18 fine-tuned"
    assert preview(client, body)["parents"] == [{"name": parent, "seed": 0}, {"name": parent, "seed": 1}]
    launched = client.post("/api/launches", json={**body, "seeds": [0]}).json()
    assert preview(client, body)["parents"] == [{"name": parent, "seed": 1}]
    client.post(f"/api/runs/{launched['parents'][0]}/cancel")
    assert len(preview(client, body)["parents"]) == 2, "a cancelled run gives no weights"
    # The clone of a child brings what it needs too.
    clone = {"clone": launched["runs"][0], "seeds": [4]}
    told = preview(client, clone)["parents"]
    assert [one["seed"] for one in told] == [4]
    assert len(client.post("/api/launches", json={**clone, "confirm": True}).json()["parents"]) == 1


def test_a_parent_that_several_runs_share_comes_along_once(client: TestClient) -> None:
    overrides = {
        "dataset": {"name": "shapes"},
        "features": {"weights": {"rule": "fixed_seed", "seed": 9}},
    }
    body = {
        "preset": "softmax-resnet18-last",
        "size": "quick",
        "overrides": overrides,
        "grid": {"optimizer.lr": [0.1, 0.2]},
        "confirm": True,
    }
    assert preview(client, body)["parents"] == [{"name": "ResNet-18 fine-tuned", "seed": 9}]
    assert len(client.post("/api/launches", json=body).json()["parents"]) == 1


def test_a_missing_data_set_is_previewed_with_its_command_and_not_launched(
    client: TestClient, database: Database
) -> None:
    body = {"preset": "softmax-original"}
    told = preview(client, body)
    assert told["missing"] == [
        {
            "what": "data set",
            "sentence": "The data set cifar10 is not here yet.",
            "command": "runyard data fetch cifar10",
        }
    ]
    assert not told["ready"]
    assert told["count"] == 1
    assert told["seconds"] > 1, "how large cifar10 is, is known before it is here"
    answer = client.post("/api/launches", json=body)
    assert answer.status_code == 422
    assert message(answer).endswith("run `runyard data fetch cifar10`.")
    with database.write() as session:
        new = datasets.NewDataset("cifar10", "b" * 64, ["a", "b"], 50_000, 10_000, 32, 3)
        datasets.register(session, new)
    assert preview(client, body)["missing"] == []
    assert preview(client, body)["ready"]


def test_a_data_set_that_nobody_knows_is_missing_without_an_estimate(client: TestClient) -> None:
    told = preview(client, {"preset": "softmax-original", "overrides": {"dataset": {"name": "mine"}}})
    assert told["missing"][0]["command"] == "runyard data import mine PATH"
    assert told["seconds"] is None
    assert told["needs_confirmation"] is None


def test_missing_weights_are_told_and_only_a_file_holds_the_launch_up(
    client: TestClient, database: Database
) -> None:
    body = {
        "preset": "resnet18-fine-tuned",
        "size": "quick",
        "overrides": {"dataset": {"name": "shapes"}, "model": {"weights": {"source": "imagenet"}}},
    }
    told = preview(client, body)
    assert [(one["what"], one["command"]) for one in told["missing"]] == [
        ("weights", "runyard weights fetch resnet18")
    ]
    assert told["ready"], "the worker downloads them"
    body["overrides"]["model"]["weights"] = {"source": "file", "name": "mine"}
    told = preview(client, body)
    assert told["missing"][0]["command"] == "runyard weights import resnet18 FILE --name mine"
    assert not told["ready"]
    assert client.post("/api/launches", json=body).status_code == 422
    with database.write() as session:
        weights.register(session, weights.NewWeights("file", "mine", "resnet18", "c" * 64, 10), replace=False)
    assert preview(client, body)["ready"]


def test_what_is_missing_is_told_once_for_a_whole_grid(client: TestClient) -> None:
    body = {**GRID, "overrides": None, "grid": {"dataset.name": ["shapes", "cifar10", "cifar100"]}}
    commands = [one["command"] for one in preview(client, body)["missing"]]
    assert commands == ["runyard data fetch cifar10", "runyard data fetch cifar100"]


def test_the_estimate_is_for_the_devices_that_are_there(client: TestClient, database: Database) -> None:
    body = {"preset": "vgg16-fine-tuned", "overrides": {"dataset": {"name": "shapes"}}, "seeds": [0, 1]}
    nobody = preview(client, body)
    assert nobody["device"] == "a CPU with two cores (no worker is here)"
    assert "These 2 runs take about" in nobody["needs_confirmation"]
    assert client.post("/api/launches", json=body).status_code == 409
    worker(database, "cpu")
    assert preview(client, body)["device"] == "a CPU with two cores"
    worker(database, "GPU-1")
    fast = preview(client, body)
    assert fast["device"] == "one GPU"
    assert fast["needs_confirmation"] is None
    assert fast["seconds"] < nobody["seconds"] / 50


def test_a_machine_that_was_measured_is_named_with_its_memory(client: TestClient, database: Database) -> None:
    body = {"preset": "softmax-original", "overrides": {"dataset": {"name": "shapes"}}, "seeds": [0, 1]}
    rough = preview(client, body)
    assert (rough["basis"], rough["device_memory_bytes"]) == ("rough: from another kind of device", None)
    with database.write() as session:
        told = {"host": "here", "device": "cpu", "device_name": "CPU, 2 cores", "version": "1"}
        workers.register(session, "w", **told, device_key="a kind", memory_bytes=10**6)
        calibrations.keep(session, "a kind", FACTS)
    measured = preview(client, body)
    assert (measured["device"], measured["basis"]) == ("CPU, 2 cores", "measured on this kind of device")
    assert measured["run_seconds"][0] == measured["run_seconds"][1] == measured["seconds"] / 2
    assert measured["memory_bytes"] > FACTS["process_bytes"]
    assert measured["warning"].startswith("About ")
    assert "and the machine has 1 MB" in measured["warning"]


def test_a_confirmed_grid_of_hours_is_launched_once(client: TestClient) -> None:
    body = {
        "preset": "vgg16-fine-tuned",
        "overrides": {"dataset": {"name": "shapes"}},
        "grid": {"optimizer.lr": [0.1, 0.05]},
    }
    headers = {"Idempotency-Key": "k"}
    assert client.post("/api/launches", json=body, headers=headers).status_code == 409
    answers = [
        client.post("/api/launches", json={**body, "confirm": True}, headers=headers) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert len(stored_runs(client)) == 2


def test_a_viewer_may_preview_and_not_launch(settings: Settings, sqlite_database: Database) -> None:
    looking = clients.viewer(create_app(settings, sqlite_database, Bell(Broker(NOBODY))))
    assert preview(looking, GRID)["count"] == 12
    assert looking.post("/api/launches", json=GRID).status_code == 403


def test_a_thousand_runs_are_previewed_and_launched(client: TestClient) -> None:
    body = {**GRID, "grid": {"epochs": list(range(1, 101))}, "seeds": list(range(10)), "confirm": True}
    assert preview(client, body)["count"] == 1000
    assert len(client.post("/api/launches", json=body).json()["runs"]) == 1000


def test_the_rules_of_fields_tell_unit_range_and_meaning(client: TestClient) -> None:
    fields = client.get("/api/presets").json()["fields"]
    assert fields["batch_size"]["unit"] == "images"
    assert fields["dataset.image_size"]["unit"] == "px"
    assert [path for path, rules in fields.items() if not rules.get("description")] == []


@pytest.fixture
def service(
    settings: Settings, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Client]:
    """A client of a service on a port of its own."""
    port = free_port()
    clients.found_by_client(monkeypatch)
    app = create_app(settings, sqlite_database, Bell(Broker(NOBODY)))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    assert wait_until(lambda: server.started, limit_seconds=20)
    with Client(f"http://127.0.0.1:{port}") as client:
        yield client
    server.should_exit = True
    thread.join()


def run_in_shell(snippet: str) -> None:
    """Run a snippet as a person pastes it into a shell that knows `runyard`."""
    script = f'runyard() {{ "{sys.executable}" -m backend.cli "$@"; }}\n{snippet}\n'
    done = subprocess.run(
        ["bash", "-ec", script],
        env={**os.environ, "RUNYARD_TOKEN": TOKEN},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout


def run_in_python(snippet: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", snippet], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def newest(client: Client, count: int) -> list[tuple]:
    runs = client.runs(limit=count)["runs"]
    return [tuple(run[key] for key in ("spec", "name", "preset", "size", "experiment")) for run in runs]


SNIPPED: list[dict[str, Any]] = [
    {**GRID, "name": 'it\'s "mine", $HOME `x` <b>', "experiment": "-dash ünï"},
    {
        "preset": "softmax-resnet18-last-corrected",
        "size": "quick",
        "overrides": {
            "dataset": {"name": "shapes", "train_limit": None},
            "features": {"standardize": False, "weights": {"rule": "fixed_seed", "seed": 3}},
            "optimizer": {"lr": 1e-4},
        },
        "grid": {"features.pooling": ["none", "average"], "dataset.normalize": ["none"]},
        "seeds": [2],
        "confirm": True,
    },
    {
        "spec": {"dataset": {"name": "glyphs"}, "model": {"arch": "softmax-regression"}, "epochs": 2},
        "grid": {"optimizer.momentum": [0.0, 0.5]},
    },
]


@pytest.mark.thorough
@pytest.mark.parametrize("language", ["curl", "cli", "python"])
@pytest.mark.parametrize("body", SNIPPED)
def test_a_snippet_launches_what_its_body_launches(service: Client, body: dict, language: str) -> None:
    if language == "curl" and shutil.which("curl") is None:
        pytest.skip("no curl here")
    snippet = service._json("POST", "/api/launches/preview", json=body)["snippets"][language]
    count = len(service.launch(**body)["runs"])
    launched = newest(service, count)
    (run_in_python if language == "python" else run_in_shell)(snippet)
    total = service.status()["counts"]
    assert sum(total.values()) >= 2 * count
    assert newest(service, count) == launched


@pytest.mark.thorough
@pytest.mark.parametrize("language", ["curl", "cli", "python"])
def test_the_snippet_of_a_clone_launches_the_clone(service: Client, language: str) -> None:
    (run,) = service.launch(**{**GRID, "grid": None, "seeds": [5], "name": "the one"})["runs"]
    body = {"clone": run, "overrides": {"optimizer": {"lr": 0.3}}, "grid": {"epochs": [1, 2]}}
    snippet = service._json("POST", "/api/launches/preview", json=body)["snippets"][language]
    service.launch(**body)
    launched = newest(service, 2)
    assert [spec["optimizer"]["lr"] for spec, *_ in launched] == [0.3, 0.3]
    (run_in_python if language == "python" else run_in_shell)(snippet)
    assert len(service.runs(limit=9)["runs"]) == 5
    assert [spec for spec, *_ in newest(service, 2)] == [spec for spec, *_ in launched]
