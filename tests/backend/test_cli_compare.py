"""`runyard recipes` and `runyard compare`."""

import pytest

from backend.cli import exits
from backend.contract import RunState
from backend.store.session import Database
from tests.backend.served import run, run_json
from tests.store import scenes

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("service")]


def trained(database: Database, lr: float, *accuracies: float) -> list[int]:
    """Return completed runs of one recipe, a seed for each accuracy."""
    ids = scenes.launch(database, len(accuracies), optimizer={"lr": lr})
    for accuracy in accuracies:
        claimed = scenes.claim(database)
        metrics = {"train_loss": 1.0 - accuracy, "test_acc": accuracy, "epoch_seconds": 2.0}
        assert scenes.report(database, claimed, 1, metrics)
        assert scenes.end(database, claimed, RunState.COMPLETED)
    return ids


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_recipes_are_listed_with_their_accuracy_over_seeds(sqlite_database: Database) -> None:
    assert run("recipes")[1] == "No recipes yet.\n"
    trained(sqlite_database, 0.1, 0.60, 0.62, 0.64)
    trained(sqlite_database, 0.2, 0.70, 0.71)
    lines = [cells(line) for line in run("recipes")[1].splitlines()]
    assert lines[0] == ["recipe", "name", "what it trains", "state", "runs", "test acc", "95 %", "n", "best"]
    assert [line[2].split(",")[:2] for line in lines[1:]] == [["lr 0.2", " shapes"], ["lr 0.1", " shapes"]]
    # By hand: the mean 62 %, the deviation 2 points, and 4.303 * 2 / sqrt(3) = 4.97 points to both sides.
    assert lines[2][3:] == ["3 completed", "3 2 1", "62.0 %", "57.0 to 67.0 %", "3", "64.0 %"]
    assert lines[1][3:] == ["2 completed", "5 4", "70.5 %", "70.0 and 71.0 %", "2", "71.0 %"]
    assert [one["total"] for one in run_json("recipes")["recipes"]] == [2, 3]


def test_recipes_are_found_by_words_and_states(sqlite_database: Database) -> None:
    trained(sqlite_database, 0.1, 0.6)
    scenes.launch(sqlite_database, optimizer={"lr": 0.3})
    assert len(run_json("recipes", "shapes")["recipes"]) == 2
    assert len(run_json("recipes", "--state", "queued")["recipes"]) == 1
    assert run("recipes", "no-such-word")[1] == "No such recipes.\n"
    assert len(run_json("recipes", "--limit", "1")["recipes"]) == 1


def test_a_comparison_says_what_differs_how_good_each_is_and_which_is_better(
    sqlite_database: Database,
) -> None:
    first = trained(sqlite_database, 0.1, 0.60, 0.61, 0.62)
    second = trained(sqlite_database, 0.2, 0.80, 0.81, 0.82)
    status, said, told = run("compare", *first, *second)
    assert (status, told) == (0, "")
    lines = [cells(line) for line in said.splitlines()]
    found = run_json("compare", *first, *second)
    assert lines[0] == [one["label"] for one in found["items"]]
    assert lines[1] == ["Learning rate", "0.1", "0.2"] or lines[1][1:] == ["0.1", "0.2"]
    rows = {line[0]: line[1:] for line in lines if line}
    assert rows["runs"] == [", ".join(map(str, first)), ", ".join(map(str, second))]
    assert rows["test accuracy"] == ["61.0 %", "81.0 %"]
    # By hand: 4.303 * 1 point / sqrt(3) = 2.48 points to both sides.
    assert rows["95 % interval"] == ["58.5 to 63.5 %", "78.5 to 83.5 %"]
    assert rows["training time"] == ["2 s", "2 s"]
    assert found["verdict"]["text"] in said
    assert found["verdict"]["separated"] is True
    assert all(warning in said for warning in found["warnings"])
    assert found["series"] == {}


def test_a_run_that_is_not_there_cannot_be_compared(sqlite_database: Database) -> None:
    (run_id,) = scenes.launch(sqlite_database)
    assert run("compare", run_id, 99) == (exits.REFUSED, "", "There is no run 99.\n")
    assert run("compare")[0] == exits.WRONG_USAGE
    assert run("compare", run_id)[0] == 0
