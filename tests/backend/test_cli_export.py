"""`runyard compare --format`, `--points` and `runyard report export`: what the service has, on standard output or in a file."""

import csv
import io
import json
from pathlib import Path

import pytest

from backend.catalog.reports import REPORT
from backend.cli import exits
from backend.store.session import Database
from tests.backend.documents import read_document
from tests.backend.served import Served, client_of, run, run_json
from tests.backend.test_cli_compare import trained
from tests.store import scenes

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("service")]


def without_time(text: str) -> str:
    """Return a text without the moment of its export."""
    return "\n".join(
        line for line in text.splitlines() if "exported_at" not in line and "Runyard 0" not in line
    )


def test_a_comparison_is_printed_in_every_form(service: Served, sqlite_database: Database) -> None:
    runs = [*trained(sqlite_database, 0.1, 0.60, 0.61, 0.62), *trained(sqlite_database, 0.2, 0.8)]
    with client_of(service) as client:
        for form in ("csv", "json", "latex", "markdown"):
            status, said, told = run("compare", *runs, "--format", form)
            assert (status, told) == (0, "")
            assert without_time(said) == without_time(client.export_comparison(runs, form))
        rows = list(csv.DictReader(io.StringIO(client.export_comparison(runs, "csv", value="best"))))
    assert [row["test_acc_mean"] for row in rows] == ["0.61", "0.8"]
    assert r"61.0 $\pm$ 2.5" in run("compare", *runs, "--format", "latex")[1]


def test_all_points_are_printed_as_csv_and_json(sqlite_database: Database) -> None:
    runs = trained(sqlite_database, 0.1, 0.6, 0.7)
    rows = list(csv.DictReader(io.StringIO(run("compare", *runs, "--points", "csv")[1])))
    assert [
        (int(row["run"]), row["metric"], row["value"]) for row in rows if row["metric"] == "test_acc"
    ] == [
        (runs[0], "test_acc", "0.6"),
        (runs[1], "test_acc", "0.7"),
    ]
    points = json.loads(run("compare", *runs, "--points", "json")[1])["points"]
    assert [str(point["value"]) for point in points] == [row["value"] for row in rows]


def test_one_form_at_a_time_is_printed_and_refusals_are_those_of_the_service(
    sqlite_database: Database,
) -> None:
    (run_id,) = scenes.launch(sqlite_database)
    assert run("compare", run_id, "--json", "--format", "csv")[0] == exits.WRONG_USAGE
    assert run("compare", run_id, "--points", "csv", "--format", "csv")[0] == exits.WRONG_USAGE
    assert run("compare", run_id, "--format", "xlsx")[0] == exits.WRONG_USAGE
    for option in ("--format", "--points"):
        assert run("compare", 99, option, "csv") == (exits.REFUSED, "", "There is no run 99.\n")


def test_a_report_is_saved_as_what_its_file_is_called(service: Served, tmp_path: Path) -> None:
    made = {}
    for ending in ("html", "csv", "json", "tex", "md"):
        file = tmp_path / f"report.{ending}"
        assert run("report", "export", file) == (0, f"{file} holds the report.\n", "")
        made[ending] = file.read_text()
    assert len(list(read_document(made["html"]).all("svg"))) == 7
    assert made["csv"].startswith("table,title,recipe,run,epoch,published_train_loss,")
    assert json.loads(made["json"])["tables"][1]["name"] == "1.1"
    assert made["tex"].count(r"\begin{table}") == len(json.loads(made["json"])["tables"])
    assert "| 1 | 2.302 |" in made["md"]
    with client_of(service) as client:
        assert without_time(client.export_report(REPORT, "latex")) == without_time(made["tex"])


def test_one_table_of_a_chosen_variant_is_saved(tmp_path: Path) -> None:
    file = tmp_path / "part"
    told = run_json("report", "export", file, "--format", "markdown", "--table", "2.1", "--seed", "3")
    assert told == {"report": REPORT, "file": str(file), "format": "markdown"}
    assert file.read_text().startswith("**")
    assert file.read_text().count("**") == 2


def test_what_cannot_be_saved_is_told_and_no_file_is_written(tmp_path: Path) -> None:
    nameless = tmp_path / "report"
    status, _, told = run("report", "export", nameless)
    assert status == exits.REFUSED
    assert told.startswith(f"{nameless} does not tell in which form to write: end it in .html, ")
    assert "--format" in told
    there = tmp_path / "there.html"
    there.write_text("mine")
    status, _, told = run("report", "export", there)
    assert (status, there.read_text()) == (exits.REFUSED, "mine")
    assert "is there already" in told
    status, _, told = run("report", "export", tmp_path / "x.csv", "--table", "9")
    assert status == exits.REFUSED
    assert told.startswith("There is no table '9'.")
    assert not (tmp_path / "x.csv").exists()
