"""`runyard launch`: what is typed becomes the launch that was meant; what is previewed is not launched."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from backend.cli import exits
from backend.cli.fields import grid, overrides
from backend.cli.seeds import parse_seeds
from backend.client import Client
from backend.store.session import Database
from tests.backend.served import run, run_json
from tests.store import scenes

SHAPES = ("--quick", "--set", "dataset.name=shapes")


pytestmark = pytest.mark.thorough


# What is typed.


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("0", [0]),
        ("0,1,2", [0, 1, 2]),
        ("0-4", [0, 1, 2, 3, 4]),
        ("7, 1-2", [7, 1, 2]),
        ("-1", [-1]),
        (None, None),
    ],
)
def test_seeds_are_lists_and_ranges(text: str | None, seeds: list[int] | None) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1-", "3-1", "1,,2", "0-999999999999", "1.5", "1 2", "٣"])
def test_what_is_no_seed_is_refused_before_anything_is_asked(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="--seeds"):
        parse_seeds(text)


def test_fields_become_tables_and_words_what_they_mean() -> None:
    assert overrides(["optimizer.lr=1e-3", "optimizer.momentum=0", "dataset.train_limit=none"]) == {
        "optimizer": {"lr": 0.001, "momentum": 0},
        "dataset": {"train_limit": None},
    }
    assert overrides(["features.standardize=true", "dataset.name=a=b"]) == {
        "features": {"standardize": True},
        "dataset": {"name": "a=b"},
    }
    assert overrides([]) is None


@pytest.mark.parametrize("pairs", [["lr"], ["=1"], ["a=1", "a.b=2"], ["a.b=2", "a=1"]])
def test_what_is_no_field_is_refused(pairs: list[str]) -> None:
    with pytest.raises(typer.BadParameter, match="--set"):
        overrides(pairs)


def test_a_grid_lists_the_values_of_each_field() -> None:
    assert grid(["optimizer.lr=0.1, 0.05", "model.init=default,xavier"]) == {
        "optimizer.lr": [0.1, 0.05],
        "model.init": ["default", "xavier"],
    }
    with pytest.raises(typer.BadParameter, match="twice"):
        grid(["epochs=1", "epochs=2"])


# Launching.


def test_a_grid_times_seeds_is_launched(client: Client) -> None:
    answer = run_json(
        *("launch", "softmax-original", *SHAPES, "--grid", "optimizer.lr=0.1,0.05", "--grid", "epochs=1,2"),
        *("--seeds", "0-1", "--name", "sweep", "--experiment", "which rate"),
    )
    assert len(answer["runs"]) == 8
    found = [client.run(run_id) for run_id in answer["runs"]]
    made = [(one["spec"]["optimizer"]["lr"], one["spec"]["epochs"], one["seed"]) for one in found]
    assert made == [(lr, epochs, seed) for lr in (0.1, 0.05) for epochs in (1, 2) for seed in (0, 1)]
    assert {one["experiment"] for one in found} == {"which rate"}
    assert all(one["name"].startswith("sweep") for one in found)


def test_a_launch_says_what_it_queued_and_how_to_follow(client: Client) -> None:
    said = run("launch", "softmax-original", *SHAPES, "--seeds", "0-2")
    assert said == (0, "Queued runs 1 to 3. Follow with: runyard watch 1\n", "")
    assert {one["size"] for one in client.runs()["runs"]} == {"quick"}


def test_a_clone_is_a_run_again_with_changes(client: Client, sqlite_database: Database) -> None:
    (original,) = scenes.launch(sqlite_database, epochs=7)
    (clone,) = run_json("launch", "--clone", original, "--set", "epochs=3", "--seeds", "5")["runs"]
    found = client.run(clone)
    assert (found["spec"]["epochs"], found["seed"], found["name"]) == (3, 5, client.run(original)["name"])


def spec(**changes: Any) -> dict[str, Any]:
    return {"dataset": {"name": "shapes"}, "model": {"arch": "softmax-regression"}, **changes}


def test_a_spec_is_read_from_a_file_or_from_standard_input(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "spec.json"
    file.write_text(json.dumps(spec(epochs=3)))
    (first,) = run_json("launch", "--spec", file)["runs"]
    assert client.run(first)["spec"]["epochs"] == 3
    status, said, _ = run("launch", "--spec", "-", stdin=json.dumps(spec(epochs=4)))
    assert (status, client.run(2)["spec"]["epochs"]) == (0, 4), said


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "cannot be read: No such file or directory."),
        ("{", "is no JSON: "),
        ("[]", "holds no JSON object; a spec is one"),
        (b"\xff", "is no JSON: "),
    ],
)
def test_a_file_that_is_no_spec_is_refused_in_a_sentence(
    tmp_path: Path, text: str | bytes | None, problem: str
) -> None:
    file = tmp_path / "spec.json"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    status, said, told = run("launch", "--spec", file)
    assert (status, said) == (exits.REFUSED, "")
    assert told.startswith(f"{file} {problem}")
    assert told.count("\n") == 1


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "A launch needs a preset, a run to clone or a spec: exactly one of the three.\n"),
        (
            ["softmax-original", "--clone", "1"],
            "A launch needs a preset, a run to clone or a spec: exactly one",
        ),
        (["softmax-orginal"], "There is no preset 'softmax-orginal'. Did you mean softmax-original"),
        (["--clone", "99"], "There is no run 99.\n"),
        (["softmax-original", *SHAPES, "--set", "optimizer.lr=-1"], "optimizer.lr is -1;"),
        (["softmax-original", *SHAPES, "--grid", "seed=1,2"], "grid names seed;"),
        (["vgg16-fine-tuned", "--set", "dataset.name=shapes"], "confirm to launch."),
    ],
)
def test_what_the_service_refuses_is_told_in_its_words(words: list[str], problem: str) -> None:
    status, said, told = run("launch", *words)
    assert (status, said) == (exits.REFUSED, "")
    assert problem in told


def test_what_takes_hours_is_launched_once_it_is_confirmed(client: Client) -> None:
    words = ("launch", "vgg16-fine-tuned", "--set", "dataset.name=shapes")
    assert run(*words)[0] == exits.REFUSED
    assert client.runs()["runs"] == []
    assert run(*words, "--confirm")[0] == exits.DONE
    assert client.runs()["runs"] != []


# What would be launched.


def test_a_dry_run_says_what_would_be_and_launches_nothing(client: Client) -> None:
    words = (
        "launch",
        "softmax-original",
        *SHAPES,
        "--grid",
        "optimizer.lr=0.1,0.05",
        "--seeds",
        "0-1",
        "--dry-run",
    )
    status, said, told = run(*words)
    assert (status, told) == (0, "")
    lines = said.splitlines()
    assert lines[0].startswith("4 runs of 2 recipes, about ")
    assert [line.split()[0] for line in lines[1:4]] == ["field", "dataset.name", "optimizer.lr"]
    assert sum("optimizer.lr=0.1" in line for line in lines) == 2
    previewed = run_json(*words)
    assert (previewed["count"], previewed["ready"]) == (4, True)
    assert client.runs()["runs"] == []


@pytest.mark.usefixtures("service")
def test_a_dry_run_of_what_cannot_be_launched_yet_says_what_is_missing() -> None:
    words = ("launch", "softmax-original", "--set", "dataset.name=cifar10", "--dry-run")
    status, said, told = run(*words)
    assert status == exits.REFUSED
    assert "missing: The data set cifar10 is not here yet. runyard data fetch cifar10" in said
    assert told == "Nothing could be launched so: The data set cifar10 is not here yet.\n"
    status, said, _ = run(*words, "--json")
    assert (status, json.loads(said)["ready"]) == (exits.REFUSED, False)


@pytest.mark.usefixtures("service")
def test_a_dry_run_names_what_comes_along() -> None:
    said = run("launch", "softmax-resnet18-last", *SHAPES, "--dry-run")[1]
    assert "missing: The ImageNet weights of resnet18 are not here" in said or "brings along: " in said


def test_the_command_that_a_preview_shows_is_that_launch(client: Client) -> None:
    wish = {
        "preset": "softmax-original",
        "size": "quick",
        "overrides": {"dataset": {"name": "shapes"}, "optimizer": {"momentum": 0.9}},
        "grid": {"optimizer.lr": [0.1, 0.05], "epochs": [1, 2]},
        "seeds": [3, 4],
        "name": 'it\'s -- one "of" $MANY',
    }
    snippet = client.preview(**wish)["snippets"]["cli"]
    words = shlex.split(snippet.replace("\\\n", " "))
    (launched,) = [at for at, word in enumerate(words) if word == "launch"]
    ids = run_json(*words[launched:])["runs"]
    meant = client.launch(**wish)["runs"]
    assert [facts(client, one) for one in ids] == [facts(client, one) for one in meant]


def facts(client: Client, run_id: int) -> tuple[Any, ...]:
    found = client.run(run_id)
    return found["recipe"], found["seed"], found["name"], found["preset"], found["size"]


def test_a_spec_on_standard_input_is_what_a_preview_of_one_shows(client: Client) -> None:
    snippet = client.preview(spec=spec(epochs=3), seeds=[1])["snippets"]["cli"]
    command, _, rest = snippet.partition(" <<'SPEC'\n")
    words = shlex.split(command.replace("\\\n", " "))
    status, said, told = run(*words[words.index("launch") :], stdin=rest.removesuffix("\nSPEC"))
    assert (status, told) == (0, ""), said
    assert client.run(1)["spec"]["epochs"] == 3
