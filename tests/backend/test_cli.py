"""What holds of every command: its help, --json, its exit code, and how it ends early."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from backend.cli import exits
from backend.cli.commands import app
from backend.cli.tables import number, plain_lines
from backend.processes import wait_until
from backend.store.session import Database
from tests.backend.served import Served, run, run_json
from tests.servers import free_port
from tests.store import scenes

PRINTS_NO_DATA = {
    "up": "runs until it is stopped",
    "login": "one link, and nothing around it",
    "token create": "one token, and nothing around it",
    "token revoke": "one sentence",
    "db upgrade": "one sentence",
    "report export": "a file, and one sentence",
    "reference remove": "one sentence",
    "reference template": "an example of a file",
    "backup": "one sentence, and one for each thing that is not in it",
    "restore": "one sentence, and where it put what was there",
    "data import": "the worker's code prints a sentence",
    "data fetch": "the worker's code prints a sentence",
    "weights import": "the worker's code prints a sentence",
    "weights fetch": "the worker's code prints a sentence",
}

ON_THIS_HOST = {*PRINTS_NO_DATA, "token list", "doctor"} - {"login", "reference remove"}
"""Commands that speak to no service."""

ARGUMENTS = {
    "launch": ["softmax-original"],
    "compare": ["1"],
    "queue move": ["1", "--last"],
    "queue priority": ["1", "5"],
    "workers drain": ["x"],
    "workers undrain": ["x"],
    "workers forget": ["x"],
    **{name: ["1"] for name in ("run", "watch", "log", "curves", "checkpoint", "notebook")},
    "reference remove": ["x"],
    **{name: ["1"] for name in ("cancel", "retry", "resume", "delete")},
}


def every_command(group: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield all commands with their names, and the groups that do something by themselves."""
    for name, command in group.commands.items():
        full = f"{above}{name}"
        if hasattr(command, "commands"):
            if command.invoke_without_command:
                yield full, command
            yield from every_command(command, f"{full} ")
        else:
            yield full, command


ALL = dict(every_command(typer.main.get_command(app)))
# A file comes first: `reference import` is refused before it speaks where there is none.
SPEAK = sorted(ALL.keys() - ON_THIS_HOST - {"reference import"})


def test_there_are_all_commands() -> None:
    assert ALL.keys() >= {
        *(
            "up",
            "login",
            "launch",
            "runs",
            "run",
            "watch",
            "log",
            "curves",
            "checkpoint",
            "recipes",
            "compare",
        ),
        *("cancel", "retry", "resume", "delete", "notebook", "presets", "models", "status"),
        *("queue", "queue pause", "queue resume", "queue move", "queue priority"),
        *("workers", "workers drain", "workers undrain", "workers forget", "report run", "report show"),
        *("data list", "data import", "data fetch", "weights list", "token create", "db upgrade"),
        *("backup", "restore", "doctor"),
    }
    assert PRINTS_NO_DATA.keys() <= ALL.keys()


@pytest.mark.parametrize("name", ALL)
def test_every_command_says_what_it_does_and_what_each_option_means(name: str) -> None:
    command = ALL[name]
    assert (command.help or "").strip().endswith(".")
    unsaid = [p.name for p in command.params if not getattr(p, "help", "")]
    assert not unsaid


@pytest.mark.parametrize("name", sorted(ALL.keys() - PRINTS_NO_DATA.keys()))
def test_every_command_that_prints_data_has_json(name: str) -> None:
    assert "--json" in [option for p in ALL[name].params for option in p.opts]


def test_a_service_that_is_not_there_is_exit_code_3(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("RUNYARD_PORT", str(port))
    monkeypatch.setenv("RUNYARD_TOKEN", "x" * 40)
    sentence = (
        f"No Runyard answers at http://127.0.0.1:{port}: "
        "start it with `runyard up`, or set RUNYARD_HOST and RUNYARD_PORT.\n"
    )
    for name in SPEAK:
        assert run(*name.split(), *ARGUMENTS.get(name, [])) == (exits.UNREACHABLE, "", sentence), name


@pytest.mark.usefixtures("service")
def test_who_is_not_logged_in_gets_exit_code_4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNYARD_TOKEN", "x" * 40)
    for name in SPEAK:
        status, said, problem = run(*name.split(), *ARGUMENTS.get(name, []))
        assert (status, said) == (exits.NOT_LOGGED_IN, ""), name
        assert "lets nobody in without a token it knows" in problem, name
        assert problem.count("\n") == 1, name


@pytest.mark.usefixtures("service")
def test_a_refusal_is_one_sentence_and_exit_code_1() -> None:
    for name in sorted(ARGUMENTS.keys() - {"launch"}):
        status, said, problem = run(*name.split(), *ARGUMENTS[name])
        assert (status, said) == (exits.REFUSED, ""), name
        assert problem in (
            "There is no run 1.\n",
            "No worker begins with 'x'. There are: none.\n",
            "There is no reference 'x'.\n",
        ), name


@pytest.mark.parametrize(
    "words",
    [
        ["runz"],
        ["run"],
        ["run", "abc"],
        ["runs", "--state", "unknown"],
        ["queue", "move", "3"],
        ["queue", "move", "3", "--last", "--before", "4"],
        ["queue", "--json", "pause"],
        ["launch", "x", "--set", "lr"],
        ["launch", "x", "--grid", "=1"],
        ["launch", "x", "--seeds", "a"],
        ["launch", "--clone", "3", "--quick"],
        ["token", "create", "x", "--role", "king"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_exit_code_2(words: list[str]) -> None:
    status, said, problem = run(*words)
    assert (status, said) == (exits.WRONG_USAGE, "")
    assert "Error" in problem


def test_help_ends_with_the_exit_codes() -> None:
    status, said, _ = run("--help")
    assert status == 0
    flat = " ".join(said.split())
    for code, meaning in (
        ("0", "done"),
        ("1", "refused"),
        ("3", "the service cannot be reached"),
        ("130", "stopped by Ctrl-C"),
    ):
        assert f"{code} {meaning}" in flat


def started(*words: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "backend.cli", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.thorough
def test_ctrl_c_ends_a_watch_quietly_with_130(service: Served, sqlite_database: Database) -> None:
    (run_id,) = scenes.launch(sqlite_database)
    watching = started("watch", run_id)
    assert watching.stdout is not None
    assert watching.stdout.readline().startswith(f"run {run_id} · ".encode())
    assert wait_until(lambda: service.looks, 120)
    watching.send_signal(signal.SIGINT)
    rest, problems = watching.communicate(timeout=120)
    assert (watching.returncode, rest, problems) == (exits.INTERRUPTED, b"", b"")


@pytest.mark.thorough
@pytest.mark.parametrize("words", [["presets", "--json"], ["runs"], ["status"]], ids=" ".join)
@pytest.mark.usefixtures("service")
def test_a_pipe_that_is_closed_early_ends_a_command_quietly(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)  # as `| true` does
    done = subprocess.run(
        [sys.executable, "-m", "backend.cli", *words], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (exits.PIPE_CLOSED, b"")


@pytest.mark.usefixtures("service")
def test_what_is_there_is_listed() -> None:
    presets = run_json("presets")
    assert "softmax-original" in [one["name"] for one in presets]
    assert {"published", "quick"} == presets[0]["sizes"].keys()
    assert "resnet18" in [one["name"] for one in run_json("models")]
    status = run_json("status")
    assert (status["workers"], status["paused_at"]) == ([], None)
    assert "resnet18-fine-tuned" in run("presets")[1]
    assert "11,689,512" in run("models")[1]
    assert run("status")[1].splitlines()[1] == "No workers."
    assert [one["name"] for one in run_json("data", "list")] == ["shapes", "glyphs"]
    assert run_json("weights", "list") == []


def test_a_table_for_another_program_is_never_cut() -> None:
    lines = plain_lines(("id>", "name"), [("7", "x" * 300), ("12", "\x1b[31mred\n")])
    assert lines == ["id  name", f" 7  {'x' * 300}", "12  \ufffd[31mred\ufffd"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "—"), (0.123456, "0.1235"), (1e-5, "1e-05"), (11122.4, "11,122"), (638_900_000, "638,900,000")],
)
def test_numbers_are_short(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_the_command_line_starts_without_what_it_rarely_needs() -> None:
    heavy = {"torch", "numpy", "scipy", "celery", "fastapi", "uvicorn", "sqlalchemy", "alembic"}
    code = f"import backend.cli, sys; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_database_that_is_away_is_told_by_its_upgrade(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNYARD_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    status, said, told = run("db", "upgrade")
    assert (status, said) == (exits.REFUSED, "")
    assert told.startswith("The database of RUNYARD_DATABASE_URL does not answer: connection failed")
    assert told.count("\n") == 1
