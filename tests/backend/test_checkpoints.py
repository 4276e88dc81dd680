"""Checkpoints for download: what is listed, what is sent, and that nothing else of the disk ever is."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load
from sqlalchemy import update
from starlette.testclient import TestClient

from backend.app import create_app
from backend.broker import Broker
from backend.checkpoints import SUFFIXES, file_of
from backend.queue import Bell
from backend.settings import Settings
from backend.store.session import Database
from backend.store.tables import Run
from tests.backend import clients
from tests.backend.test_api import NOBODY, message
from tests.store import scenes
from worker.engine import checkpoint


@pytest.fixture
def client(settings: Settings, sqlite_database: Database) -> Iterator[TestClient]:
    app = create_app(settings, sqlite_database, Bell(Broker(NOBODY)))
    with clients.operator(app) as client:
        yield client


@pytest.fixture
def network() -> torch.nn.Linear:
    torch.manual_seed(0)
    return torch.nn.Linear(3, 2)


@pytest.fixture
def run_id(settings: Settings, sqlite_database: Database, network: torch.nn.Linear) -> int:
    """A run with the files of a checkpoint after its epoch 2, as its worker writes them."""
    (run_id,) = scenes.launch(sqlite_database)
    claimed = scenes.claim(sqlite_database, "gpu@elsewhere:1-0-0")
    pointer = checkpoint.save(
        settings.runs_folder / str(run_id),
        attempt=claimed.attempt,
        epoch=2,
        step=0,
        global_step=10,
        identity=checkpoint.Identity("data", "recipe", 0),
        weights=dict(network.state_dict()),
        state={},
    )
    assert scenes.report(sqlite_database, claimed, 2, {"test_acc": 0.5}, pointer.to_json())
    return run_id


def point_to(database: Database, run_id: int, name: Any) -> None:
    """Change what the store says of the checkpoint, as nobody but a hostile worker would."""
    pointer = {"epoch": 2, "name": name, "sha256": "0" * 64}
    with database.write() as session:
        session.execute(update(Run).where(Run.id == run_id).values(checkpoint=pointer))


def test_the_parts_are_named_as_the_worker_names_its_files() -> None:
    assert SUFFIXES == {"weights": checkpoint.WEIGHTS_SUFFIX, "state": checkpoint.STATE_SUFFIX}


def test_the_files_of_the_last_checkpoint_are_listed_and_each_comes_as_it_was_listed(
    client: TestClient, run_id: int
) -> None:
    listed = client.get(f"/api/runs/{run_id}/checkpoints").json()
    assert [(one["epoch"], one["part"]) for one in listed] == [(2, "weights"), (2, "state")]
    for one, suffix in zip(listed, (".safetensors", ".pt"), strict=True):
        answer = client.get(one["href"])
        assert answer.headers["content-length"] == str(one["bytes"]) == str(len(answer.content))
        assert hashlib.sha256(answer.content).hexdigest() == one["sha256"]
        wanted = f'attachment; filename="run-{run_id}-epoch-2{suffix}"'
        assert answer.headers["content-disposition"] == wanted
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_weights_that_are_sent_are_those_of_the_network(
    client: TestClient, run_id: int, network: torch.nn.Linear
) -> None:
    weights = load(client.get(f"/api/runs/{run_id}/checkpoint").content)
    assert weights.keys() == {"weight", "bias"}
    assert torch.equal(weights["weight"], network.weight)


def test_a_file_of_many_blocks_is_sent_whole(client: TestClient, settings: Settings, run_id: int) -> None:
    content = os.urandom((3 << 20) + 17)
    (settings.runs_folder / str(run_id) / "attempt-1-epoch-2.safetensors").write_bytes(content)
    assert client.get(f"/api/runs/{run_id}/checkpoint").content == content
    listed = client.get(f"/api/runs/{run_id}/checkpoints").json()
    assert listed[0]["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_run_without_a_checkpoint_lists_none_and_sends_none(
    client: TestClient, sqlite_database: Database
) -> None:
    (run_id,) = scenes.launch(sqlite_database)
    assert client.get(f"/api/runs/{run_id}/checkpoints").json() == []
    answer = client.get(f"/api/runs/{run_id}/checkpoint")
    assert (answer.status_code, message(answer)) == (404, f"Run {run_id} has made no checkpoint yet.")


def test_what_is_not_there_is_404_and_what_is_no_part_422(client: TestClient, run_id: int) -> None:
    for path in ("checkpoint", "checkpoints"):
        assert client.get(f"/api/runs/99/{path}").status_code == 404
    for part in ("", "all", "../weights"):
        assert client.get(f"/api/runs/{run_id}/checkpoint", params={"part": part}).status_code == 422


@pytest.mark.parametrize("path", ["checkpoint", "checkpoint?part=state", "checkpoints"])
def test_a_checkpoint_on_another_machine_is_refused_with_the_worker_that_has_it(
    client: TestClient, settings: Settings, run_id: int, path: str
) -> None:
    for file in (settings.runs_folder / str(run_id)).iterdir():
        file.unlink()
    answer = client.get(f"/api/runs/{run_id}/{path}")
    assert answer.status_code == 404
    assert message(answer) == (
        f"The checkpoint attempt-1-epoch-2 of run {run_id} is not on this machine: "
        "it lies with the worker gpu@elsewhere:1-0-0."
    )


def test_a_checkpoint_within_an_epoch_is_listed_and_sent_with_its_step(
    client: TestClient, settings: Settings, sqlite_database: Database, run_id: int
) -> None:
    pointer = scenes.pointer_within(2, 40, 100)
    for suffix in SUFFIXES.values():
        (settings.runs_folder / str(run_id) / f"{pointer['name']}{suffix}").write_bytes(b"within")
    with sqlite_database.write() as session:
        session.execute(update(Run).where(Run.id == run_id).values(checkpoint=pointer))
    listed = client.get(f"/api/runs/{run_id}/checkpoints").json()
    assert [(one["epoch"], one["step"], one["bytes"]) for one in listed] == [(2, 40, 6)] * 2
    answer = client.get(listed[0]["href"])
    assert answer.content == b"within"
    wanted = f'attachment; filename="run-{run_id}-epoch-2-step-40.safetensors"'
    assert answer.headers["content-disposition"] == wanted


HOSTILE_NAMES = [
    "attempt-1-epoch-2-step-",
    "attempt-1-epoch-2-step-../../secret",
    "attempt-1-epoch-2-step-4-step-5",
    "attempt-1-epoch-2-step--4",
    "../secret",
    "../../secret",
    "../../../../../../etc/passwd",
    "/etc/passwd",
    "..",
    ".",
    "",
    "attempt-1-epoch-2/../../secret",
    "../1/attempt-1-epoch-2",
    "attempt-1-epoch-2\0",
    "attempt-1-epoch-2.safetensors",
    "attempt-1-epoch-2\n",
    "..\\secret",
    "%2e%2e%2fsecret",
    "attempt-\u0661-epoch-2",
    "attempt--1-epoch-2",
    "~/secret",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_no_name_in_the_store_leads_out_of_the_folder_of_the_run(
    client: TestClient, settings: Settings, sqlite_database: Database, run_id: int, name: str
) -> None:
    for folder in (settings.home, settings.runs_folder, settings.runs_folder / str(run_id)):
        for suffix in ("", ".safetensors", ".pt"):
            (folder / f"secret{suffix}").write_text("open sesame")
    if "\0" not in name:  # no database keeps that
        point_to(sqlite_database, run_id, name)
        for path in ("checkpoint", "checkpoint?part=state", "checkpoints"):
            answer = client.get(f"/api/runs/{run_id}/{path}")
            assert answer.status_code == 404
            assert "open sesame" not in answer.text
            assert "no checkpoint has such a name" in message(answer)
    for part in SUFFIXES:
        assert file_of(settings.runs_folder, run_id, name, part) is None


def test_a_link_that_leads_out_of_the_folder_is_not_followed(
    client: TestClient, settings: Settings, run_id: int
) -> None:
    secret = settings.home / "secret"
    secret.write_text("open sesame")
    folder = settings.runs_folder / str(run_id)
    for file in folder.iterdir():
        file.unlink()
        file.symlink_to(secret)
    assert client.get(f"/api/runs/{run_id}/checkpoint").status_code == 404
    assert client.get(f"/api/runs/{run_id}/checkpoints").status_code == 404


def test_a_folder_of_runs_that_is_itself_a_link_is_used(
    client: TestClient, settings: Settings, run_id: int, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "another-disk"
    settings.runs_folder.rename(elsewhere)
    settings.runs_folder.symlink_to(elsewhere)
    assert client.get(f"/api/runs/{run_id}/checkpoint").status_code == 200


def test_the_folder_of_a_run_that_leads_elsewhere_is_not_used(
    client: TestClient, settings: Settings, run_id: int, tmp_path: Path
) -> None:
    folder = settings.runs_folder / str(run_id)
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert client.get(f"/api/runs/{run_id}/checkpoint").status_code == 404


def test_a_folder_of_the_name_of_a_checkpoint_is_none(
    client: TestClient, settings: Settings, run_id: int
) -> None:
    path = settings.runs_folder / str(run_id) / "attempt-1-epoch-2.safetensors"
    path.unlink()
    path.mkdir()
    assert client.get(f"/api/runs/{run_id}/checkpoint").status_code == 404


def test_a_deleted_run_sends_nothing(client: TestClient, sqlite_database: Database, run_id: int) -> None:
    client.post(f"/api/runs/{run_id}/cancel")
    with sqlite_database.write() as session:
        session.execute(update(Run).where(Run.id == run_id).values(state="cancelled"))
    assert client.delete(f"/api/runs/{run_id}").status_code == 200
    assert client.get(f"/api/runs/{run_id}/checkpoint").status_code == 404


def test_who_is_not_logged_in_gets_nothing(client: TestClient, run_id: int) -> None:
    for path in ("checkpoint", "checkpoints"):
        assert clients.anonymous(client.app).get(f"/api/runs/{run_id}/{path}").status_code == 401  # pyright: ignore
