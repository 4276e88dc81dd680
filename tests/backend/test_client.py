"""The Python client against a service that is really served: every endpoint, refusals, downloads, the stream."""

import hashlib
import re
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.calls import checkpoints
from backend.calls.checkpoints import DownloadProblem
from backend.client import Client, NotLoggedIn, ServiceProblem, Unreachable
from backend.settings import Settings
from backend.store import logs
from backend.store.session import Database
from tests.backend.served import Served, put_checkpoint
from tests.servers import free_port
from tests.store import scenes

SHAPES = {"preset": "softmax-original", "size": "quick", "overrides": {"dataset": {"name": "shapes"}}}

NOT_FOR_PROGRAMS = {
    "POST /api/login",  # makes a cookie for a browser
    "POST /api/logout",
}


def calls(client: Client, run_id: int, folder: Path) -> list[Callable[[], Any]]:
    """Return one call of each method. What comes of it does not matter here."""
    return [
        lambda: client.launch(**SHAPES),
        lambda: client.preview(**SHAPES),
        client.presets,
        client.models,
        lambda: client.nodes("resnet18"),
        client.datasets,
        client.weights,
        client.runs,
        lambda: client.run(run_id),
        lambda: client.points(run_id),
        lambda: client.figures(run_id),
        lambda: client.series(run_id),
        lambda: client.series_values(run_id, "step_loss"),
        lambda: client.log(run_id),
        lambda: client.cancel(run_id),
        lambda: client.retry(run_id),
        lambda: client.resume(run_id),
        lambda: client.delete(run_id),
        lambda: client.predictions(run_id),
        lambda: client.mistakes(run_id),
        lambda: client.findings(run_id),
        client.rules,
        lambda: client.test_image("a" * 64, 1),
        lambda: client.output(run_id),
        lambda: client.notebook(run_id),
        lambda: client.checkpoints(run_id),
        lambda: client.checkpoint(run_id, folder / "weights"),
        client.recipes,
        lambda: client.compare([run_id]),
        lambda: client.compare_curves([run_id]),
        lambda: client.compare_models(run_id, run_id),
        lambda: client.compare_pair([run_id], "a" * 64, "b" * 64),
        lambda: client.export_comparison([run_id], "csv"),
        lambda: enter(client.export_points([run_id], "csv")),
        client.references,
        lambda: client.reference("published"),
        lambda: client.import_reference("mine", "csv", "experiment,epoch,test_acc\n"),
        lambda: client.remove_reference("nothing"),
        client.reference_template,
        client.own_reports,
        lambda: client.own_report(1),
        lambda: client.create_own_report("Mine", runs=[run_id]),
        lambda: client.edit_own_report(1, 1, title="Ours"),
        lambda: client.delete_own_report(1, 2),
        client.status,
        client.health,
        client.ready,
        client.queue,
        client.pause,
        client.unpause,
        lambda: client.move(run_id, None),
        lambda: client.prioritize(run_id, 1),
        client.workers,
        lambda: client.drain("nobody"),
        lambda: client.forget("nobody"),
        client.reports,
        lambda: client.report("cifar10-transfer"),
        lambda: client.export_report("cifar10-transfer", "csv"),
        lambda: client.launch_report("cifar10-transfer"),
        client.login_link,
        lambda: client.events("0-0"),
        lambda: next(client.follow(run_id, "0-0")),
    ]


def enter(opened: AbstractContextManager[Any]) -> None:
    with opened:
        pass


def test_every_endpoint_has_its_method(
    client: Client, service: Served, settings: Settings, sqlite_database: Database, tmp_path: Path
) -> None:
    claimed = scenes_run(sqlite_database)
    put_checkpoint(settings, claimed, "attempt-1-epoch-1", b"x")
    put_state(settings, claimed, b"y")
    asked: set[str] = set()
    client._http.event_hooks["request"] = [lambda request: asked.add(f"{request.method} {request.url.path}")]
    for call in calls(client, claimed, tmp_path):
        with suppress(ServiceProblem, DownloadProblem):
            call()
    offered = {
        f"{method.upper()} {path}"
        for path, operations in service.app.openapi()["paths"].items()
        for method in operations
    }
    missing = {
        one
        for one in offered - NOT_FOR_PROGRAMS
        if not any(re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(one)), had) for had in asked)
    }
    assert not missing


def scenes_run(database: Database) -> int:
    """Return a run in training that made a checkpoint at its first epoch."""
    (run_id,) = scenes.launch(database)
    claimed = scenes.claim(database)
    assert scenes.report(database, claimed, 1, {"test_acc": 0.5}, scenes.pointer(1))
    return run_id


def put_state(settings: Settings, run_id: int, content: bytes) -> None:
    (settings.runs_folder / str(run_id) / "attempt-1-epoch-1.pt").write_bytes(content)


def test_every_method_says_what_it_returns() -> None:
    methods = [
        getattr(Client, name)
        for name in dir(Client)
        if not name.startswith("_") and callable(getattr(Client, name))
    ]
    assert len(methods) > 35
    assert not [
        method.__name__ for method in methods if not (method.__doc__ or "").strip().endswith((".", ":"))
    ]


def test_a_refusal_is_the_services_own_sentence_with_its_status(client: Client) -> None:
    with pytest.raises(ServiceProblem, match=r"^There is no run 99\.$") as refused:
        client.run(99)
    assert refused.value.status == 404
    assert not isinstance(refused.value, Unreachable | NotLoggedIn)


def test_a_wrong_token_is_told_apart_from_a_refusal(service: Served) -> None:
    with Client(service.address, token="x" * 40) as stranger:
        with pytest.raises(NotLoggedIn):
            stranger.runs()
        with pytest.raises(NotLoggedIn):
            next(stranger.follow(None, "0-0"))
        assert stranger.health()["status"] == "ok"


def test_nobody_at_the_address_is_told_apart_from_a_refusal() -> None:
    with Client(f"http://127.0.0.1:{free_port()}", token="x" * 40) as client:
        for call in (client.runs, lambda: next(client.follow(None, "0-0"))):
            with pytest.raises(Unreachable):
                call()


def answering(status: int, body: bytes, kind: str = "text/html") -> tuple[str, threading.Thread]:
    """Serve one answer to one request; return where."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with listening, listening.accept()[0] as connection:
            connection.recv(10_000)
            head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode() + body)

    thread = threading.Thread(target=answer)
    thread.start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}", thread


@pytest.mark.parametrize(("status", "kind"), [(502, Unreachable), (503, Unreachable), (404, ServiceProblem)])
def test_a_proxy_whose_service_is_away_counts_as_nobody(status: int, kind: type) -> None:
    address, thread = answering(status, b"<html>")
    with (
        Client(address, token="x" * 40) as client,
        pytest.raises(ServiceProblem, match=f"answered {status}") as told,
    ):
        client.runs()
    assert type(told.value) is kind
    thread.join()


def test_another_program_at_the_address_is_no_trace() -> None:
    address, thread = answering(200, b"<html>hello")
    with Client(address, token="x" * 40) as client, pytest.raises(ServiceProblem, match="is no Runyard"):
        client.runs()
    thread.join()


def test_runs_are_read_page_by_page(
    client: Client, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = scenes.launch(sqlite_database, 7)
    monkeypatch.setattr("backend.calls.runs.LARGEST_PAGE", 3)
    assert [run["id"] for run in client.each_run()] == sorted(ids, reverse=True)
    client.cancel(ids[0])
    assert [run["id"] for run in client.each_run(state="cancelled")] == [ids[0]]


def test_a_launch_with_a_key_is_done_once(client: Client) -> None:
    first = client.launch(**SHAPES, seeds=[0, 1], idempotency_key="mine")
    assert client.launch(**SHAPES, seeds=[0, 1], idempotency_key="mine") == first
    assert len(client.runs()["runs"]) == 2


def test_a_grid_is_previewed_and_launched(client: Client) -> None:
    wish = {**SHAPES, "grid": {"optimizer.lr": [0.1, 0.05]}, "seeds": [0, 1]}
    previewed = client.preview(**wish)
    assert (previewed["count"], previewed["recipes"], client.runs()["runs"]) == (4, 2, [])
    ids = client.launch(**wish)["runs"]
    assert [client.run(run_id)["spec"]["optimizer"]["lr"] for run_id in ids] == [0.1, 0.1, 0.05, 0.05]


def test_the_stream_of_all_runs_tells_what_happens_after_a_cursor(
    client: Client, sqlite_database: Database
) -> None:
    cursor = client.runs()["cursor"]
    first, second = scenes.launch(sqlite_database, 2)
    claimed = scenes.claim(sqlite_database)
    assert scenes.report(sqlite_database, claimed, 1, {"test_acc": 0.5})
    told = []
    for kind, data in client.follow(None, cursor):
        told.append((kind, data["run"]))
        if kind == "epoch":
            break
    assert told == [("state", first), ("state", second), ("state", first), ("epoch", first)]


def test_a_sign_of_life_in_the_stream_is_no_event() -> None:
    body = (
        b'event: epoch\ndata: {"run": 1}\nid: s-7\n\n: ping\n\n: ping\n\nevent: state\ndata: {"run": 2}\n\n'
    )
    address, thread = answering(200, body, "text/event-stream")
    with Client(address, token="x" * 40) as client:
        assert list(client.follow(None, "s-0")) == [("epoch", {"run": 1}), ("state", {"run": 2})]
    thread.join()


def test_what_happened_since_a_cursor_is_told_at_once(client: Client, sqlite_database: Database) -> None:
    cursor = client.runs()["cursor"]
    (run_id,) = scenes.launch(sqlite_database)
    told = client.events(cursor)
    assert [(event["kind"], event["data"]["run"]) for event in told["events"]] == [("state", run_id)]
    assert client.events(told["cursor"]) == {"events": [], "cursor": told["cursor"]}


def test_log_lines_come_page_by_page_and_by_the_stream(client: Client, sqlite_database: Database) -> None:
    (run_id,) = scenes.launch(sqlite_database)
    lines = [f"line {number}" for number in range(1, 621)]
    with sqlite_database.write() as session:
        logs.append(session, run_id, lines)
    assert [line["text"] for line in client.each_log_line(run_id)] == lines
    assert [line["line"] for line in client.each_log_line(run_id, after=618)] == [619, 620]
    followed = client.follow(run_id, client.run(run_id)["cursor"], log_after=619)
    assert next(data["text"] for kind, data in followed if kind == "log") == "line 620"


# Checkpoints.


@pytest.fixture
def trained(sqlite_database: Database, settings: Settings) -> int:
    run_id = scenes_run(sqlite_database)
    put_checkpoint(settings, run_id, "attempt-1-epoch-1", b"weights" * 300_000)
    put_state(settings, run_id, b"state")
    return run_id


def test_a_checkpoint_is_downloaded_and_checked(client: Client, trained: int, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = tmp_path / "weights.safetensors"
    made = client.checkpoint(trained, path, lambda done, total: told.append((done, total)))
    content = b"weights" * 300_000
    assert path.read_bytes() == content
    assert (made.path, made.epoch, made.bytes) == (path, 1, len(content))
    assert made.sha256 == hashlib.sha256(content).hexdigest()
    assert told[-1] == (len(content), len(content))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert client.checkpoint(trained, tmp_path / "state", part="state").bytes == 5
    assert {found.name for found in tmp_path.glob("*") if found.is_file()} >= {"weights.safetensors", "state"}
    assert not list(tmp_path.glob(".*.part"))


def test_a_file_that_is_there_is_left_as_it_is(client: Client, trained: int, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("precious")
    with pytest.raises(DownloadProblem, match="is there already"):
        client.checkpoint(trained, mine)
    assert mine.read_text() == "precious"


def test_a_folder_that_is_not_there_is_told(client: Client, trained: int, tmp_path: Path) -> None:
    with pytest.raises(DownloadProblem, match="cannot be written: No such file or directory"):
        client.checkpoint(trained, tmp_path / "nowhere" / "file")


def test_a_path_that_no_file_can_have_is_told(client: Client, trained: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for path, why in (
        (tmp_path / "file" / "below", "Not a directory"),
        (tmp_path / ("x" * 300), "name too long"),
    ):
        with pytest.raises(DownloadProblem, match=f"cannot be written: .*{why}"):
            client.checkpoint(trained, path)


def put_mine(path: Path) -> None:
    path.write_text("precious")


def test_a_file_that_appears_meanwhile_is_left_as_it_is(client: Client, trained: int, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    at_each_download(client, lambda: put_mine(mine))
    with pytest.raises(DownloadProblem, match="is there already"):
        client.checkpoint(trained, mine)
    assert mine.read_text() == "precious"
    assert not list(tmp_path.glob(".*.part"))


def test_two_downloads_at_once_write_no_draft_together(client: Client, trained: int, tmp_path: Path) -> None:
    path, drafts = tmp_path / "file", list[Path]()

    def note_and_spoil() -> None:
        drafts.extend(tmp_path.glob(".*.part"))
        client._http.event_hooks["request"] = []
        client.checkpoint(trained, path)  # another one, whole, in the middle of the first

    at_each_download(client, note_and_spoil)
    with pytest.raises(DownloadProblem, match="is there already"):
        client.checkpoint(trained, path)
    assert path.read_bytes() == b"weights" * 300_000
    assert len(drafts) == 1
    assert not list(tmp_path.glob(".*.part"))


def test_a_file_system_without_hard_links_gets_whole_files_and_keeps_those_it_has(
    client: Client, trained: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(checkpoints.os, "link", refuse)
    assert client.checkpoint(trained, tmp_path / "file").path.read_bytes() == b"weights" * 300_000
    mine = tmp_path / "mine"
    at_each_download(client, lambda: put_mine(mine))
    with pytest.raises(DownloadProblem, match="is there already"):
        client.checkpoint(trained, mine)
    assert mine.read_text() == "precious"


def test_a_run_without_a_checkpoint_has_none_to_download(
    client: Client, sqlite_database: Database, tmp_path: Path
) -> None:
    (run_id,) = scenes.launch(sqlite_database)
    with pytest.raises(DownloadProblem, match=f"Run {run_id} has made no checkpoint yet"):
        client.checkpoint(run_id, tmp_path / "file")


def test_what_was_changed_on_its_way_is_not_kept(client: Client, trained: int, tmp_path: Path) -> None:
    def alter(response: httpx.Response) -> None:
        if response.request.url.path.endswith("/checkpoint"):
            response._content = b"X" + response.read()[1:]  # as a faulty disk or proxy would

    client._http.event_hooks["response"] = [alter]
    with pytest.raises(DownloadProblem, match="nothing was kept"):
        client.checkpoint(trained, tmp_path / "file")
    assert not [found for found in tmp_path.iterdir() if "file" in found.name]


def at_each_download(client: Client, act: Callable[[], None]) -> None:
    """Do something between the list of a checkpoint's files and the download of one."""

    def hook(request: httpx.Request) -> None:
        if request.url.path.endswith("/checkpoint"):
            act()

    client._http.event_hooks["request"] = [hook]


def replace_checkpoint(
    database: Database, settings: Settings, run_id: int, epoch: int, content: bytes
) -> None:
    """Make a newer checkpoint, as a run in training does."""
    path = put_checkpoint(settings, run_id, f"attempt-1-epoch-{epoch}", content)
    path.with_suffix(".pt").write_bytes(b"state")
    with database.write() as session:
        scenes.run(session, run_id).checkpoint = scenes.pointer(epoch)


def test_a_checkpoint_that_is_replaced_meanwhile_is_downloaded_anew(
    client: Client, trained: int, settings: Settings, sqlite_database: Database, tmp_path: Path
) -> None:
    at_each_download(client, lambda: replace_checkpoint(sqlite_database, settings, trained, 2, b"newer"))
    made = client.checkpoint(trained, tmp_path / "file")
    assert (made.epoch, (tmp_path / "file").read_bytes()) == (2, b"newer")


def test_a_run_that_replaces_its_checkpoint_all_the_time_is_given_up(
    client: Client, trained: int, settings: Settings, sqlite_database: Database, tmp_path: Path
) -> None:
    epochs = iter(range(2, 100))

    def act() -> None:
        epoch = next(epochs)
        replace_checkpoint(sqlite_database, settings, trained, epoch, f"weights {epoch}".encode())

    at_each_download(client, act)
    with pytest.raises(DownloadProblem, match=f"each of {checkpoints.TRIES} tries"):
        client.checkpoint(trained, tmp_path / "file")
