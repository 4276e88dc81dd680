"""`runyard report run --watch`, and the line of a watched run, over a real service and a real store."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from typer.testing import CliRunner

from backend.app import create_app
from backend.broker import Broker
from backend.catalog.reports import REPORT
from backend.cli import report_watch
from backend.cli.commands import app as commands
from backend.cli.report_watch import chosen_variant, ending, is_complete, watch
from backend.cli.watch_views import standing_line
from backend.client import Client
from backend.launching import Shelf
from backend.queue import Bell
from backend.reporting import default_variant, plan_report
from backend.settings import Settings
from backend.store import attempts, weights
from backend.store.session import Database
from backend.store.weights import NewWeights
from tests.backend import clients
from tests.store import scenes

pytestmark = pytest.mark.thorough

NOBODY = "redis://127.0.0.1:1/0"
ALL = len(plan_report(default_variant(Shelf(), None, None, None)).runs())


class Service:
    """The service on a port of its own. `at_look` hears of each look at the report, counted from 1, before its answer.

    What it returns True for is answered as by a proxy whose service is away.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.port = 0
        self.looks = 0
        self.at_look: Callable[[int], bool | None] = lambda _number: None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"].startswith("/api/reports/"):
            self.looks += 1
            if self.at_look(self.looks):
                return await PlainTextResponse("away", 502)(scope, receive, send)
        return await self._app(scope, receive, send)


@pytest.fixture
def service(
    settings: Settings, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    made = Service(create_app(settings, sqlite_database, Bell(Broker(NOBODY))))
    monkeypatch.setattr(report_watch, "LOOK_SECONDS", 0.01)
    clients.found_by_client(monkeypatch)
    with clients.serving(made) as made.port:
        monkeypatch.setenv("RUNYARD_PORT", str(made.port))
        yield made


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with Client(f"http://127.0.0.1:{service.port}") as opened:
        yield opened


def complete(database: Database, at_most: int) -> None:
    """Train as many runs as can be claimed."""
    for _ in range(at_most):
        with database.write() as session:
            claimed = attempts.claim(session, "worker-a", scenes.LEASE)
        if claimed is None:
            return
        scenes.complete(database, claimed)


def test_each_seed_is_watched_to_its_end_and_printed(service: Service, sqlite_database: Database) -> None:
    service.at_look = lambda number: complete(sqlite_database, 8) if number > 1 else None
    done = CliRunner().invoke(commands, ["report", "run", "--seeds", "3,5", "--watch"])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == f"Queued {2 * ALL} runs; 0 were there already."
    ended = [line for line in lines if line.startswith(f"{ALL} of {ALL} runs completed")]
    assert len(ended) == 2  # each on a line of its own
    headings = [line for line in lines if line.startswith("quick on shapes")]
    assert headings == [f"quick on shapes, pretrained on glyphs, seed {seed}" for seed in (3, 5)]


def test_how_long_a_report_took_is_told_in_the_unit_that_fits() -> None:
    standing = {"states": {"completed": 3}, "runs": 4, "seconds": 9000.0}
    assert ending({"standing": standing}) == "3 of 4 runs completed in 2.5 h."
    assert ending({"standing": {**standing, "seconds": None}}) == "3 of 4 runs completed."


def test_with_json_a_watched_report_is_one_object_a_line(service: Service, sqlite_database: Database) -> None:
    service.at_look = lambda number: complete(sqlite_database, 8) if number > 1 else None
    done = CliRunner().invoke(commands, ["report", "run", "--watch", "--json"])
    assert done.exit_code == 0, done.output
    launched, view = [json.loads(line) for line in done.stdout.splitlines()]
    assert (len(launched["runs"]), launched["reused"]) == (ALL, 0)
    assert view["standing"]["states"] == {"completed": ALL}


def test_one_seed_that_did_not_complete_makes_the_exit_status_1(
    service: Service, sqlite_database: Database, client: Client
) -> None:
    client.launch_report(REPORT, seeds=[0, 1])
    pixels = next(run for run in client.runs()["runs"] if run["preset"] == "softmax-original")
    client.cancel(pixels["id"])
    complete(sqlite_database, 2 * ALL)
    views = [watch(client, REPORT, {"seed": seed}) for seed in (0, 1)]
    assert sorted(is_complete(view) for view in views) == [False, True]


def test_weights_that_come_meanwhile_do_not_change_which_report_is_watched(
    service: Service, sqlite_database: Database, client: Client
) -> None:
    client.launch_report(REPORT)

    def at_look(number: int) -> None:
        if number == 2:
            with sqlite_database.write() as session:
                for arch in ("alexnet", "resnet18", "vgg16"):
                    assert weights.register(session, NewWeights("imagenet", "", arch, "a" * 64, 1000))
        complete(sqlite_database, 8)

    service.at_look = at_look
    view = watch(client, REPORT, {})
    assert chosen_variant(view)["pretraining"] == "glyphs"
    assert is_complete(view)
    assert client.report(REPORT)["variant"]["pretraining"] == "imagenet"


def test_a_lost_connection_is_taken_up_again(
    service: Service, sqlite_database: Database, client: Client
) -> None:
    client.launch_report(REPORT)

    def at_look(number: int) -> bool:
        complete(sqlite_database, 8)
        return number in (2, 3)

    service.at_look = at_look
    assert is_complete(watch(client, REPORT, {}))
    assert service.looks > 3


def test_what_comes_before_the_first_epoch_is_told_with_its_numbers(
    client: Client, sqlite_database: Database
) -> None:
    (run_id,) = scenes.launch(sqlite_database)
    scenes.claim(sqlite_database)
    run = client.run(run_id)

    def line(doing: str | None, done: int, total: int) -> str:
        progress: dict[str, Any] = {"epoch": 0, "epochs": 5, "images_per_second": None, "seconds_left": None}
        said = {"doing": doing, "done": done, "total": total} if doing else {"epoch": 2}
        return standing_line({**run, "progress": progress | said})

    start = f"run {run_id} · [blue]running[/blue] · "
    assert line("fetching weights", 1200, 46_830_571) == f"{start}fetching weights 1,200 of 46,830,571"
    assert line("waiting for features that another run makes", 0, 0) == (
        f"{start}waiting for features that another run makes"
    )
    assert line(None, 0, 0) == f"{start}epoch 2 of 5"


@pytest.mark.usefixtures("service")
def test_a_launch_names_its_runs_and_what_they_start_from(sqlite_database: Database) -> None:
    with sqlite_database.write() as session:
        assert weights.register(session, NewWeights("imagenet", "", "resnet18", "a" * 64, 1000))

    def said(preset: str, seeds: str) -> str:
        options = ["--quick", "--set", "dataset.name=shapes", "--seeds", seeds]
        done = CliRunner().invoke(commands, ["launch", preset, *options])
        assert done.exit_code == 0, done.output
        return done.stdout.partition(". ")[0]

    preset = "softmax-resnet18-last"
    assert said(preset, "0,1") == "Queued runs 2, 4, and what they start from: runs 1, 3"
    assert said(preset, "2") == "Queued run 6, and what it starts from: run 5"
    assert said(preset, "0,1") == "Queued runs 7 to 8"
    assert said("softmax-original", "0") == "Queued run 9"
