"""Watching runs: several, over a service that goes away and comes back, as a table, as lines, as JSON."""

import io
import threading

import pytest
from rich.console import Console

from backend.cli import exits, watching
from backend.cli.watch_views import LINES_AROUND, LiveView, standing_line
from backend.client import Unreachable
from backend.contract import RunState
from backend.processes import wait_until
from backend.store import runs as run_store
from backend.store.attempts import Claimed
from backend.store.session import Database
from tests.backend.served import Served, client_of, json_lines, run
from tests.store import scenes

pytestmark = pytest.mark.thorough


@pytest.fixture
def service(service: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """A service that is asked more often than people would."""
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.05)
    return service


class Watching:
    """A command in a thread of its own. Until it ends no other may be run: there is one standard output to catch."""

    def __init__(self, *words: object) -> None:
        self.outcome: tuple[int, str, str] | None = None
        self._thread = threading.Thread(target=self._run, args=words)
        self._thread.start()

    def _run(self, *words: object) -> None:
        self.outcome = run(*words)

    def end(self) -> tuple[int, str, str]:
        self._thread.join(30)
        assert self.outcome is not None, "it did not end"
        return self.outcome


def is_looking(service: Served) -> bool:
    """Wait until somebody asks what is new, from now on."""
    before = service.looks
    return wait_until(lambda: service.looks > before, 120)


def watch(service: Served, *words: object) -> Watching:
    """Start to watch; return once it looks on."""
    started = Watching(*words)
    assert is_looking(service)
    return started


def train(database: Database, claimed: Claimed, epochs: int, state: RunState = RunState.COMPLETED) -> None:
    for epoch in range(1, epochs + 1):
        assert scenes.report(database, claimed, epoch, {"test_acc": 0.1 * epoch}, scenes.pointer(epoch))
    assert scenes.end(database, claimed, state)


def test_several_runs_are_followed_to_their_ends(service: Served, sqlite_database: Database) -> None:
    first, second = scenes.launch(sqlite_database, 2)
    watched = watch(service, "watch", first, second)
    for _ in range(2):
        train(sqlite_database, scenes.claim(sqlite_database), 2)
    status, said, told = watched.end()
    assert (status, told) == (exits.DONE, "")
    lines = said.splitlines()
    assert lines[:2] == [f"run {first} · run 0, seed 0 · queued", f"run {second} · run 1, seed 1 · queued"]
    for run_id in (first, second):
        assert f"run {run_id} · epoch 2 of 5 · test accuracy 20.0 %" in lines
        assert any(line.startswith(f"run {run_id} ·") and line.endswith("· completed") for line in lines)
    assert lines[-1] == "2 of 2 runs completed."
    assert lines[-2].split()[0] == str(second)


def test_one_that_does_not_complete_makes_the_exit_code_1(service: Served, sqlite_database: Database) -> None:
    first, second = scenes.launch(sqlite_database, 2)
    watched = watch(service, "watch", first, second)
    train(sqlite_database, scenes.claim(sqlite_database), 1)
    with client_of(service) as client:
        client.cancel(second)
    status, said, _ = watched.end()
    assert status == exits.REFUSED
    assert said.splitlines()[-1] == "1 of 2 runs completed."


@pytest.mark.usefixtures("service")
def test_a_run_that_is_over_is_told_at_once_with_its_epochs(sqlite_database: Database) -> None:
    (run_id,) = scenes.launch(sqlite_database)
    train(sqlite_database, scenes.claim(sqlite_database), 2)
    assert run("watch", run_id) == (
        exits.DONE,
        f"run {run_id} · run 0, seed 0 · completed\nepoch  test_acc\n    1       0.1\n    2       0.2\n"
        f"Run {run_id} is completed.\n",
        "",
    )


def test_json_is_one_object_a_line_from_the_state_to_the_end(
    service: Served, sqlite_database: Database
) -> None:
    (run_id,) = scenes.launch(sqlite_database)
    watched = watch(service, "watch", run_id, "--json")
    train(sqlite_database, scenes.claim(sqlite_database), 2)
    status, said, told = watched.end()
    assert (status, told) == (exits.DONE, "")
    lines = json_lines(said)
    assert {line["run"] for line in lines} == {run_id}
    assert next(line["state"] for line in lines if line["kind"] == "state") == "queued"
    assert [line["epoch"] for line in lines if line["kind"] == "epoch"] == [1, 2]
    end = lines[-1]
    assert (end["kind"], end["state"], end["epoch"]) == ("end", "completed", 2)
    assert end["metrics"]["test_acc"] == pytest.approx(0.2)


def test_a_service_that_goes_away_is_waited_for(
    service: Served, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "RECONNECTS", 5000)
    (run_id,) = scenes.launch(sqlite_database)
    claimed = scenes.claim(sqlite_database)
    watched = watch(service, "watch", run_id)
    service.stop()
    assert scenes.report(sqlite_database, claimed, 1, {"test_acc": 0.1})
    service.start()
    assert is_looking(service)
    assert scenes.report(sqlite_database, claimed, 2, {"test_acc": 0.2})
    assert scenes.end(sqlite_database, claimed, RunState.COMPLETED)
    status, said, told = watched.end()
    assert status == exits.DONE
    told_epochs = [line for line in said.splitlines() if " · epoch " in line]
    assert told_epochs == [
        f"run {run_id} · epoch {epoch} of 5 · test accuracy {epoch}0.0 %" for epoch in (1, 2)
    ], "the one that came meanwhile is told, too"
    assert said.endswith(f"    2       0.2\nRun {run_id} is completed.\n")
    assert all(line.endswith("Trying again ...") for line in told.splitlines())
    assert told


def test_a_service_that_does_not_come_back_is_given_up_with_exit_code_3(
    service: Served, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "RECONNECTS", 2)
    (run_id,) = scenes.launch(sqlite_database)
    watched = watch(service, "watch", run_id)
    service.stop()
    status, _, told = watched.end()
    assert status == exits.UNREACHABLE
    lines = told.splitlines()
    assert [line.endswith("Trying again ...") for line in lines] == [True, True, False]
    assert lines[-1].startswith("No Runyard answers at ")


@pytest.mark.parametrize("whole_look_every", [2, 5])
def test_a_run_that_is_deleted_meanwhile_ends_the_watch(
    service: Served, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, whole_look_every: int
) -> None:
    monkeypatch.setattr(watching, "WHOLE_LOOK_EVERY", whole_look_every)
    first, second = scenes.launch(sqlite_database, 2)
    watched = watch(service, "watch", first, second)
    with client_of(service) as client:
        client.cancel(first)
        client.delete(first)
    train(sqlite_database, scenes.claim(sqlite_database), 1)
    status, said, _ = watched.end()
    assert status == exits.REFUSED
    assert said.splitlines()[-1] == "1 of 2 runs completed."


def test_everything_on_its_way_is_watched_until_nothing_is(
    service: Served, sqlite_database: Database
) -> None:
    assert run("runs", "--watch") == (0, "No run is on its way.\n", "")
    (first,) = scenes.launch(sqlite_database)
    watched = watch(service, "runs", "--watch")
    (second,) = scenes.launch(sqlite_database)
    train(sqlite_database, scenes.claim(sqlite_database), 1)
    train(sqlite_database, scenes.claim(sqlite_database), 1, RunState.FAILED)
    status, said, _ = watched.end()
    assert status == exits.REFUSED, "one of them failed"
    assert f"run {second} · epoch 1 of 5" in said
    assert said.splitlines()[-1] == "1 of 2 runs completed."
    assert first != second
    watched = watch_a_new_run(service, sqlite_database)
    assert watched.end()[0] == exits.DONE


def watch_a_new_run(service: Served, database: Database) -> Watching:
    scenes.launch(database)
    watched = watch(service, "runs", "--watch")
    train(database, scenes.claim(database), 1)
    return watched


@pytest.mark.parametrize(
    "words", ["--state queued", "--limit 20", "--preset softmax-original", "--experiment a", "--name a"]
)
def test_what_filters_a_list_cannot_go_with_watching(words: str) -> None:
    status, said, told = run("runs", "--watch", *words.split())
    assert (status, said) == (2, "")
    assert f"cannot go with {words.split()[0]}" in " ".join(told.replace("│", " ").split())


def test_a_launch_follows_all_its_runs_and_what_came_along(
    service: Served, sqlite_database: Database
) -> None:
    words = (
        "launch",
        "softmax-original",
        "--quick",
        "--set",
        "dataset.name=shapes",
        "--seeds",
        "0,1",
        "--watch",
    )
    watched = watch(service, *words)
    for _ in range(2):
        train(sqlite_database, scenes.claim(sqlite_database), 1)
    status, said, _ = watched.end()
    assert status == exits.DONE
    assert said.startswith("Queued runs 1 to 2. Follow with: runyard watch 1\n")
    assert said.splitlines()[-1] == "2 of 2 runs completed."


def test_a_launch_with_json_is_one_object_a_line_as_well(service: Served, sqlite_database: Database) -> None:
    words = ("launch", "softmax-original", "--quick", "--set", "dataset.name=shapes", "--watch", "--json")
    watched = watch(service, *words)
    train(sqlite_database, scenes.claim(sqlite_database), 1)
    status, said, _ = watched.end()
    lines = json_lines(said)
    assert (status, lines[0]["kind"], lines[0]["runs"]) == (exits.DONE, "launched", [1])
    assert lines[-1]["kind"] == "end"


# On a terminal.


def drawn(service: Served, ids: list[int], height: int = 24) -> str:
    """Return what a terminal shows of runs."""
    console = Console(file=io.StringIO(), force_terminal=True, width=100, height=height, color_system=None)
    with client_of(service) as client, LiveView(console) as view:
        view.show([client.run(run_id) for run_id in ids])
        view.tell("epoch", client.run(ids[0]), {})
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_shows_one_run_as_a_line_and_several_as_a_table(
    service: Served, sqlite_database: Database
) -> None:
    ids = scenes.launch(sqlite_database, 8)
    claimed = scenes.claim(sqlite_database)
    assert scenes.report(sqlite_database, claimed, 1, {"test_acc": 0.25})
    assert f"run {ids[0]} · running · test accuracy 25.0 %" in drawn(service, ids[:1])
    table = drawn(service, ids)
    assert "images/s" in table
    assert "25.0 %" in table
    assert all(f"run {place}" in table for place in range(8))
    few = drawn(service, ids, height=LINES_AROUND + 3)
    assert "and 5 more" in few
    assert "run 0" in few, "what runs stands before what waits"


def test_long_times_are_told_in_the_unit_that_fits_them() -> None:
    progress = {"doing": None, "epoch": 1, "epochs": 9, "images_per_second": None, "seconds_left": 7200.0}
    told = {"id": 1, "state": "running", "ahead": None, "progress": progress, "last": None}
    assert standing_line(told).endswith("epoch 1 of 9 · 2.0 h left")


def test_a_terminal_says_that_the_service_is_away() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    with LiveView(console) as view:
        view.away(Unreachable("Nobody answers [here]."))
    assert isinstance(console.file, io.StringIO)
    assert "Nobody answers [here]. Trying again ..." in console.file.getvalue()


def test_names_cannot_colour_or_break_the_table(service: Served, sqlite_database: Database) -> None:
    ids = scenes.launch(sqlite_database, 2)
    with sqlite_database.write() as session:
        run_store.get(session, ids[0]).run.name = "[red]x[/red] \x1b[2J"
    assert "[red]x[/red] \ufffd[2J" in drawn(service, ids)
