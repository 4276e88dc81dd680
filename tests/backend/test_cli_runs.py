"""The commands that read runs: lists with filters, all about one, log, curves, checkpoint."""

import csv
import io
import json
import threading
from pathlib import Path

import pytest

from backend.cli import exits, run_commands
from backend.client import Client
from backend.contract import RunState
from backend.examiner import Examiner
from backend.processes import wait_until
from backend.settings import Settings
from backend.store import logs
from backend.store.session import Database
from tests.backend.served import json_lines, put_checkpoint, run, run_json
from tests.store import scenes

QUICK = ("--quick", "--set", "dataset.name=shapes")


pytestmark = pytest.mark.thorough


def trained(database: Database, *losses: float) -> int:
    """Return a run that completed after an epoch for each loss."""
    (run_id,) = scenes.launch(database, epochs=len(losses))
    claimed = scenes.claim(database)
    for epoch, loss in enumerate(losses, 1):
        metrics = {"train_loss": loss, "train_acc": 0.5, "test_acc": 0.1 * epoch}
        assert scenes.report(database, claimed, epoch, metrics, scenes.pointer(epoch))
    assert scenes.end(database, claimed, RunState.COMPLETED)
    return run_id


@pytest.mark.usefixtures("service")
def test_an_empty_list_says_how_to_begin() -> None:
    assert run("runs")[1].startswith("No runs yet. Try: runyard launch ")
    assert run("runs", "--state", "failed")[1] == "No such runs.\n"
    assert run_json("runs")["runs"] == []


@pytest.mark.usefixtures("service")
def test_runs_are_listed_and_filtered(sqlite_database: Database) -> None:
    done = trained(sqlite_database, 1.0)
    run("launch", "softmax-original", *QUICK, "--name", "Mine", "--experiment", "why", "--seeds", "0-2")
    assert [one["id"] for one in run_json("runs")["runs"]] == [4, 3, 2, done]
    lines = run("runs")[1].splitlines()
    assert lines[0].split() == ["id", "name", "data", "size", "state", "epoch", "test", "acc", "best", "seed"]
    assert lines[-1].split() == [
        str(done),
        "run",
        "0",
        "shapes",
        "completed",
        "1/1",
        "10.0",
        "%",
        "10.0",
        "%",
        "0",
    ]

    def ids(*words: str) -> list[int]:
        return [one["id"] for one in run_json("runs", *words)["runs"]]

    assert ids("--state", "completed") == [done]
    assert ids("--preset", "softmax-original") == [4, 3, 2]
    assert ids("--experiment", "why", "--limit", "2") == [4, 3]
    assert ids("--name", "mine", "--state", "queued") == [4, 3, 2]
    assert ids("--name", "run") == [done]
    assert ids("--name", "mine", "--experiment", "other") == []


def test_all_about_a_run_is_shown(client: Client, sqlite_database: Database) -> None:
    (parent,) = scenes.launch(sqlite_database)
    child = scenes.launch_child(sqlite_database, parent)
    said = run("run", child)[1]
    for part in (
        f"Run {child}: child of {parent}, seed 0",
        f"run {parent} (run 0, queued)",
        "epochs",
        "waiting",
    ):
        assert part in said
    told = run_json("run", child)
    assert told == {**client.run(child), "findings": [], "told_at": told["told_at"]}
    client.cancel(parent)
    done = trained(sqlite_database, 0.5, float("nan"))
    lines = run("run", done)[1].splitlines()
    assert lines[1] == "completed"
    assert any(
        line.split() == ["best", "test", "accuracy", "20.0", "%", "at", "epoch", "2"] for line in lines
    )
    assert any(line.split() == ["train", "loss", "—"] for line in lines), "a value that is no number is a gap"
    assert any(line.split() == ["optimizer.lr", "0.05"] for line in lines)
    assert lines[-2].split()[:2] == ["attempt", "worker"]
    assert "worker-a" in lines[-1]


@pytest.mark.usefixtures("service")
def test_why_a_run_failed_is_shown(sqlite_database: Database) -> None:
    (parent,) = scenes.launch(sqlite_database)
    child = scenes.launch_child(sqlite_database, parent)
    assert run("cancel", parent) == (0, f"Run {parent} is cancelled.\n", "")
    assert run("run", child)[1].splitlines()[1] == f"failed: Run {parent} (run 0) was cancelled."


# Log.


def write_log(database: Database, run_id: int, *texts: str) -> None:
    with database.write() as session:
        logs.append(session, run_id, list(texts))


@pytest.mark.usefixtures("service")
def test_a_log_is_printed_line_by_line_and_commands_no_terminal(sqlite_database: Database) -> None:
    (run_id,) = scenes.launch(sqlite_database)
    assert run("log", run_id) == (0, "", "")
    write_log(sqlite_database, run_id, *(f"line {number}" for number in range(600)), "\x1b]0;owned\x07")
    said = run("log", run_id)[1].splitlines()
    assert (len(said), said[599], said[600]) == (601, "line 599", "\ufffd]0;owned\ufffd")
    found = json_lines(run("log", run_id, "--json")[1])
    assert [one["line"] for one in found] == list(range(1, 602))


@pytest.mark.usefixtures("service")
def test_a_log_is_followed_until_the_run_is_over(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run_id,) = scenes.launch(sqlite_database)
    claimed = scenes.claim(sqlite_database)
    write_log(sqlite_database, run_id, "first")
    looked = threading.Event()

    def pause(_: float) -> None:
        looked.set()

    monkeypatch.setattr(run_commands.time, "sleep", pause)
    outcome: list[tuple[int, str, str]] = []
    following = threading.Thread(target=lambda: outcome.append(run("log", run_id, "--follow")))
    following.start()
    assert looked.wait(20)
    write_log(sqlite_database, run_id, "second")
    scenes.end(sqlite_database, claimed, RunState.COMPLETED)
    following.join(20)
    assert outcome == [(0, "first\nsecond\n", "")]


# Curves.


@pytest.mark.usefixtures("service")
def test_curves_are_a_table_csv_or_json(sqlite_database: Database) -> None:
    run_id = trained(sqlite_database, 1.25, float("nan"), float("inf"))
    lines = [line.split() for line in run("curves", run_id)[1].splitlines()]
    assert lines == [
        ["epoch", "train_loss", "train_acc", "test_acc"],
        ["1", "1.25", "0.5", "0.1"],
        ["2", "NaN", "0.5", "0.2"],
        ["3", "Inf", "0.5", "0.3"],
    ]
    rows = list(csv.DictReader(io.StringIO(run("curves", run_id, "--csv")[1])))
    assert [float(row["test_acc"]) for row in rows] == [0.1, 0.2, 0.1 * 3]
    assert [row["train_loss"] for row in rows] == ["1.25", "NaN", "Inf"]
    assert run_json("curves", run_id)["series"]["train_loss"]["values"] == [1.25, None, None]
    assert run("curves", run_id, "--metric", "test_acc", "--csv")[1].splitlines()[0] == "epoch,test_acc"


@pytest.mark.usefixtures("service")
def test_a_run_that_measured_nothing_yet_has_no_curves(sqlite_database: Database) -> None:
    (run_id,) = scenes.launch(sqlite_database)
    assert run("curves", run_id)[1] == "Nothing was measured yet.\n"
    assert run("curves", run_id, "--csv")[1] == "epoch\n"


# Checkpoint.


@pytest.mark.usefixtures("service")
def test_a_checkpoint_is_saved_and_never_over_another_file(
    sqlite_database: Database, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = trained(sqlite_database, 1.0)
    put_checkpoint(settings, run_id, "attempt-1-epoch-1", b"weights")
    put_checkpoint(settings, run_id, "attempt-1-epoch-1", b"weights").with_suffix(".pt").write_bytes(b"state")
    monkeypatch.chdir(tmp_path)
    status, said, told = run("checkpoint", run_id)
    assert (status, told) == (0, "")
    assert said.startswith(
        f"run-{run_id}.safetensors has the weights of run {run_id} after epoch 1: 7 bytes, SHA-256 "
    )
    assert Path(f"run-{run_id}.safetensors").read_bytes() == b"weights"
    again = run("checkpoint", run_id)
    assert again[:2] == (exits.REFUSED, "")
    assert "is there already" in again[2]
    for odd, why in (
        (f"run-{run_id}.safetensors/below", "Not a directory"),
        ("x" * 300, "File name too long"),
    ):
        told = run("checkpoint", run_id, "-o", odd)
        assert told == (exits.REFUSED, "", f"{odd} cannot be written: {why}.\n")
    made = run_json("checkpoint", run_id, "-o", "other")
    assert (made["file"], made["bytes"], made["epoch"]) == ("other", 7, 1)
    (without,) = scenes.launch(sqlite_database)
    assert run("checkpoint", without) == (exits.REFUSED, "", f"Run {without} has made no checkpoint yet.\n")


@pytest.mark.usefixtures("service")
def test_a_notebook_is_saved_and_told_as_json(sqlite_database: Database, tmp_path: Path) -> None:
    run_id = trained(sqlite_database, 1.0)
    file = tmp_path / "mine.ipynb"
    assert run_json("notebook", run_id, "-o", file) == {"run": run_id, "file": str(file)}
    assert json.loads(file.read_text())["nbformat"] == 4


@pytest.mark.usefixtures("service")
def test_several_runs_are_moved_and_told_a_line_each(sqlite_database: Database) -> None:
    first, second = scenes.launch(sqlite_database, 2)
    status, said, refused = run("cancel", first, 99, second, "--json")
    assert (status, refused) == (exits.REFUSED, "There is no run 99.\n")
    assert [(one["id"], one["state"]) for one in json_lines(said)] == [
        (first, "cancelled"),
        (second, "cancelled"),
    ]
    assert wait_until(lambda: run_json("status")["counts"]["cancelled"] == 2, 120)


# What was found.


def sick(database: Database) -> int:
    """Return a run whose loss was no number, examined."""
    run_id = trained(database, 1.0, float("nan"), float("nan"))
    one = Examiner(database)
    while not one.is_idle:
        one.tick(0.0)
    return run_id


@pytest.mark.usefixtures("service")
def test_runs_are_listed_by_what_was_found_of_them(sqlite_database: Database) -> None:
    healthy = trained(sqlite_database, 1.0)
    found = sick(sqlite_database)
    assert [one["id"] for one in run_json("runs", "--finding", "diverged")["runs"]] == [found]
    assert [one["id"] for one in run_json("runs", "--finding", "sick", "--name", "run")["runs"]] == [found]
    lines = run("runs")[1].splitlines()
    assert lines[0].endswith("found")
    assert lines[1].endswith("sick: diverged")
    assert lines[2].split()[0] == str(healthy)
    assert "sick" not in lines[2]
    assert run("runs", "--finding", "collapsed")[1] == "No such runs.\n"
    code, _, said = run("runs", "--finding", "colapsed")
    assert code != 0
    assert "finding is 'colapsed'; it must be one of diverged, softmax-twice, collapsed" in said
    assert "--watch" in run("runs", "--watch", "--finding", "sick")[2]


@pytest.mark.usefixtures("service")
def test_a_finding_comes_with_the_command_that_tries_its_change(
    client: Client, sqlite_database: Database
) -> None:
    run_id = sick(sqlite_database)
    (command,) = (line.strip() for line in run("run", run_id)[1].splitlines() if "--clone" in line)
    (finding,) = client.findings(run_id)
    assert finding["change"] == {"optimizer.lr": 0.005}
    assert command == f"runyard launch --clone {run_id} --set optimizer.lr=0.005"
    launched = run_json(*command.split()[1:])["runs"][0]
    assert client.run(launched)["spec"]["optimizer"]["lr"] == 0.005
