"""The export endpoints over a real store: what a page shows, as files, in forms that are what they say they are."""

import csv
import io
import json
import math
from itertools import pairwise
from typing import Any

import pytest
from starlette.testclient import TestClient

from backend.app import create_app
from backend.broker import Broker
from backend.catalog.reports import REPORT
from backend.queue import Bell
from backend.settings import Settings
from backend.store import points
from backend.store.session import Database
from backend.version import VERSION
from tests.backend import clients
from tests.backend.documents import read_document
from tests.backend.test_api import NOBODY, message
from tests.backend.test_recipes_api import complete, launch_named
from tests.store import scenes

HOSTILE = '=cmd|"x"!A1</title><script>alert(1)</script>|'
REPORT_PATH = f"/api/reports/{REPORT}/export"
KINDS = {
    "csv": ("text/csv; charset=utf-8", "csv"),
    "json": ("application/json", "json"),
    "latex": ("application/x-tex", "tex"),
    "markdown": ("text/markdown; charset=utf-8", "md"),
    "html": ("text/html; charset=utf-8", "html"),
}


@pytest.fixture
def client(settings: Settings, sqlite_database: Database) -> TestClient:
    # Without its threads: nothing happens between two questions.
    return clients.operator(create_app(settings, sqlite_database, Bell(Broker(NOBODY))))


def epoch(test_acc: float, **others: float) -> dict[str, float]:
    return {
        "test_acc": test_acc,
        "test_loss": 1.0,
        "train_loss": 0.5,
        "train_acc": 0.9,
        "epoch_seconds": 2.0,
        **others,
    }


def asked(client: TestClient, path: str, **query: Any) -> str:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    kind, suffix = KINDS[query["format"]]
    assert answer.headers["content-type"] == kind
    name = answer.headers["content-disposition"]
    assert name.startswith('attachment; filename="runyard-')
    assert name.endswith(f'.{suffix}"')
    return answer.text


def of_json(text: str) -> Any:
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))


@pytest.fixture
def runs(sqlite_database: Database) -> list[int]:
    """Three seeds of one rate, and one run of another, which ended in NaN."""
    three = scenes.launch(sqlite_database, 3, optimizer={"lr": 0.1})
    (one,) = scenes.launch(sqlite_database, optimizer={"lr": 0.2})
    for accuracy in (0.41, 0.4225, 0.436):
        complete(sqlite_database, epoch(0.5), epoch(accuracy), images=10_000)
    complete(
        sqlite_database, epoch(0.1), epoch(0.1225, train_loss=math.nan, test_loss=-math.inf), images=10_000
    )
    return [*three, one]


def test_the_csv_of_a_comparison_is_the_answer_in_full_precision(client: TestClient, runs: list[int]) -> None:
    answer = client.get("/api/compare", params={"run": runs, "curves": False}).json()
    rows = list(csv.DictReader(io.StringIO(asked(client, "/api/compare/export", run=runs, format="csv"))))
    for item, row in zip(answer["items"], rows, strict=True):
        accuracy = item["accuracy"]
        for name in ("mean", "low", "high", "half_width"):
            told = row[f"test_acc_{name}"]
            assert (float(told) if told else None) == accuracy[name]
        assert row["recipe"] == item["recipe"]
        assert row["label"] == item["label"]
        assert row["optimizer.lr"] == answer["differs"][0]["values"][item["recipe"]]
        assert int(row["n"]) == accuracy["n"]
        assert row["seeds"].split() == [str(seed) for seed in accuracy["seeds"]]
        assert row["runs"].split() == [str(run) for run in item["runs"]]
        assert row["verdict"] == answer["verdict"]["text"]
        assert row["is_highest"] == ("true" if item["recipe"] == answer["verdict"]["best"] else "false")
    assert [row["test_acc_mean"] for row in rows] == ["0.42283333333333334", "0.1225"]
    assert [row["final_train_loss"] for row in rows] == ["0.5", "nan"]
    assert [row["final_test_loss"] for row in rows] == ["1.0", "-inf"]


def test_the_json_of_a_comparison_names_what_is_no_number(client: TestClient, runs: list[int]) -> None:
    found = of_json(asked(client, "/api/compare/export", run=runs, format="json"))
    (table,) = found["tables"]
    assert [row["final_train_loss"] for row in table["rows"]] == [0.5, "nan"]
    assert table["rows"][0]["test_acc_mean"] == 0.42283333333333334
    assert (found["version"], found["cursor"]) == (
        VERSION,
        client.get("/api/compare", params={"run": runs}).json()["cursor"],
    )
    assert found["exported_at"].endswith("Z")


def test_the_tables_for_people_are_rounded_as_the_page_rounds(client: TestClient, runs: list[int]) -> None:
    text = asked(client, "/api/compare/export", run=runs, format="latex")
    assert r"42.3 $\pm$ 3.2" in text  # t(2) s / sqrt(3) = 4.303 x 0.0130 / 1.732
    assert "12.3 (11.6--12.9)" in text  # a half goes up, as in the page; Wilson's interval by 10,000 images
    assert r"& $-$$\infty$ & NaN &" in text
    assert text.count(r"\\") == 3
    lines = asked(client, "/api/compare/export", run=runs, format="markdown").splitlines()
    assert lines[2].startswith("| Recipe | Learning rate | Test accuracy, % | n | Seeds |")
    assert "| 42.3 ± 3.2 | 3 | 0, 1, 2 | 1.000 | 0.500 |" in lines[4]
    assert "| 12.3 (11.6–12.9) | 1 | 0 | −∞ | NaN |" in lines[5]


def test_the_epoch_that_stands_for_a_run_is_that_of_the_page(client: TestClient, runs: list[int]) -> None:
    best = of_json(asked(client, "/api/compare/export", run=runs, format="json", value="best"))["tables"][0]
    assert "at the best epoch" in best["caption"]
    assert best["rows"][0]["test_acc_mean"] == 0.5
    timed = of_json(asked(client, "/api/compare/export", run=runs, format="json", target=0.5))["tables"][0]
    assert [(row["target_runs"], row["target_of"], row["target_seconds"]) for row in timed["rows"]] == [
        (3, 3, 2.0),
        (0, 1, None),
    ]
    text = asked(client, "/api/compare/export", run=runs, format="markdown", target=0.5)
    assert "| Time to 50.0% |" in text
    assert "| 2.0 s, epoch 1 |" in text
    assert "| not reached |" in text


def test_two_seeds_have_both_values_and_no_half_width(client: TestClient, sqlite_database: Database) -> None:
    ids = scenes.launch(sqlite_database, 2)
    complete(sqlite_database, epoch(0.3))
    complete(sqlite_database, epoch(0.4))
    assert "| 30.0, 40.0 | 2 |" in asked(client, "/api/compare/export", run=ids, format="markdown")
    (row,) = csv.DictReader(io.StringIO(asked(client, "/api/compare/export", run=ids, format="csv")))
    assert (row["test_acc_half_width"], row["test_acc_low"], row["interval"]) == ("", "", "two")


def test_runs_that_have_not_begun_are_gaps(client: TestClient, sqlite_database: Database) -> None:
    ids = scenes.launch(sqlite_database)
    assert "| — | 0 | — | — | — | — | 0 of 5 | — |" in asked(
        client, "/api/compare/export", run=ids, format="markdown"
    )
    assert (
        asked(client, "/api/compare/points", run=ids, format="csv")
        == "run,recipe,label,seed,metric,epoch,value\r\n"
    )
    assert of_json(asked(client, "/api/compare/points", run=ids, format="json"))["points"] == []


def test_all_points_of_all_runs_come_out_as_they_are_stored(
    client: TestClient, runs: list[int], sqlite_database: Database
) -> None:
    answer = client.get("/api/compare", params={"run": runs}).json()
    labels = {item["recipe"]: item["label"] for item in answer["items"]}
    expected = [
        (run["id"], run["recipe"], labels[run["recipe"]], run["seed"], name, at, value)
        for run in answer["runs"]
        for name, series in sorted(client.get(f"/api/runs/{run['id']}/points").json()["series"].items())
        for at, value in (
            (at, series["nonfinite"].get(str(at), value))
            for at, value in zip(series["epochs"], series["values"], strict=True)
        )
    ]
    assert len(expected) == len(runs) * 2 * 5
    rows = csv.reader(io.StringIO(asked(client, "/api/compare/points", run=runs, format="csv")))
    assert [*rows][1:] == [
        [str(part) if isinstance(part, str | int) else repr(part) for part in one] for one in expected
    ]
    told = of_json(asked(client, "/api/compare/points", run=runs, format="json"))["points"]
    assert [tuple(point.values()) for point in told] == expected
    last = tuple(
        next(
            point["value"]
            for point in told
            if (point["run"], point["metric"], point["epoch"]) == (runs[3], name, 2)
        )
        for name in ("train_loss", "test_loss")
    )
    assert last == ("nan", "-inf")


def test_a_long_run_comes_whole_though_its_curve_is_thinned(
    client: TestClient, sqlite_database: Database
) -> None:
    (run_id,) = scenes.launch(sqlite_database, epochs=2500)
    claimed = scenes.claim(sqlite_database)
    for at in range(1, 2401):
        with sqlite_database.write() as session:
            points.write(session, run_id, at, {"test_acc": at / 10_000})
    assert claimed.run_id == run_id
    rows = list(csv.DictReader(io.StringIO(asked(client, "/api/compare/points", run=run_id, format="csv"))))
    assert [float(row["value"]) for row in rows] == [at / 10_000 for at in range(1, 2401)]


def test_hostile_names_are_texts_in_every_form(client: TestClient, sqlite_database: Database) -> None:
    run_id = launch_named(sqlite_database, HOSTILE)
    complete(sqlite_database, epoch(0.5))
    for path in ("/api/compare/export", "/api/compare/points"):
        rows = list(csv.DictReader(io.StringIO(asked(client, path, run=run_id, format="csv"))))
        assert {row["label"] for row in rows} == {f"'{HOSTILE}"}
    assert (
        of_json(asked(client, "/api/compare/export", run=run_id, format="json"))["tables"][0]["rows"][0][
            "label"
        ]
        == HOSTILE
    )
    row = asked(client, "/api/compare/export", run=run_id, format="markdown").splitlines()[4]
    assert row.replace(r"\|", "").count("|") == 9 + 1
    assert row.count("<") == row.count(r"\<") == 3
    assert r"=cmd\textbar{}''x''!A1\textless{}/title" in asked(
        client, "/api/compare/export", run=run_id, format="latex"
    )


def test_what_cannot_be_exported_is_told_in_a_sentence(client: TestClient, runs: list[int]) -> None:
    for path in ("/api/compare/export", "/api/compare/points"):
        gone = client.get(path, params={"run": [runs[0], 999], "format": "csv"})
        assert (gone.status_code, message(gone)) == (404, "There is no run 999.")
        assert client.get(path, params={"format": "csv"}).status_code == 422
        assert client.get(path, params={"run": runs}).status_code == 422
        assert client.get(path, params={"run": runs, "format": "xlsx"}).status_code == 422
    assert client.get("/api/compare/points", params={"run": runs, "format": "latex"}).status_code == 422
    wrong = client.get(REPORT_PATH, params={"format": "csv", "table": "9.9"})
    assert (wrong.status_code, message(wrong)) == (
        422,
        "There is no table '9.9'. There are: 0.1, 1.1, 1.2, 1.3, 2.1, 2.2, 2.3, 3.1, 3.2, 3.3, 3.4, S.",
    )
    part = client.get(REPORT_PATH, params={"format": "html", "table": "1.1"})
    assert part.status_code == 422
    assert message(part).startswith("table is '1.1', and HTML holds the whole report: leave it out")
    assert client.get("/api/reports/nothing/export", params={"format": "html"}).status_code == 404


def test_each_table_of_a_report_comes_alone_and_all_together(client: TestClient) -> None:
    view = client.get(f"/api/reports/{REPORT}").json()
    whole = of_json(asked(client, REPORT_PATH, format="json"))
    assert whole["cursor"] == view["cursor"]
    names = [table["name"] for table in whole["tables"]]
    assert names == ["0.1", "1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "3.1", "3.2", "3.3", "3.4", "S"]
    for name, table in zip(names, whole["tables"], strict=True):
        assert of_json(asked(client, REPORT_PATH, format="json", table=name))["tables"] == [table]
        rows = list(csv.DictReader(io.StringIO(asked(client, REPORT_PATH, format="csv", table=name))))
        assert len(rows) == len(table["rows"]) > 0
        for form in ("latex", "markdown"):
            assert asked(client, REPORT_PATH, format=form, table=name) != ""
    rows = list(csv.DictReader(io.StringIO(asked(client, REPORT_PATH, format="csv"))))
    blocks = [
        block for section in view["sections"] for block in section["blocks"] if block["kind"] == "experiment"
    ]
    assert [(row["table"], int(row["epoch"])) for row in rows] == [
        (block["id"], row["epoch"]) for block in blocks for row in block["rows"]
    ]
    assert asked(client, REPORT_PATH, format="latex").count(r"\begin{table}") == len(names)


def test_an_unreadable_published_cell_is_empty_for_programs_and_a_dot_for_people(client: TestClient) -> None:
    rows = list(csv.DictReader(io.StringIO(asked(client, REPORT_PATH, format="csv", table="2.1"))))
    assert (rows[1]["published_train_loss"], rows[1]["published_test_acc"]) == ("", "0.927")
    assert "| 2 | · | — |  | · | — |  | 92.7 | — | — | — |" in asked(
        client, REPORT_PATH, format="markdown", table="2.1"
    )


def test_a_report_as_html_is_one_file_that_can_load_and_run_nothing(client: TestClient) -> None:
    text = asked(client, REPORT_PATH, format="html")
    document = read_document(text)
    assert {node.tag for node in document.all()}.isdisjoint(
        {"script", "link", "img", "iframe", "object", "form", "base"}
    )
    for node in document.all():
        assert not any(
            name.startswith("on") or name in ("src", "style", "srcset") for name in node.attributes
        )
        assert node.attributes.get("href", "#").startswith(("#", "https://", "http://"))
    assert "url(" not in text
    assert "@import" not in text
    policy = document.one("meta", http_equiv="Content-Security-Policy").attributes["content"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    ids = [node.attributes["id"] for node in document.all() if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    assert {
        node.attributes["href"][1:] for node in document.all("a") if node.attributes["href"].startswith("#")
    } <= set(ids)


def test_a_report_as_html_says_what_it_is_and_all_that_the_page_says(client: TestClient) -> None:
    view = client.get(f"/api/reports/{REPORT}", params={"seed": 7}).json()
    document = read_document(asked(client, REPORT_PATH, format="html", seed=7))
    shown = document.one("body").text
    for part in (view["title"], view["about"], view["cursor"], VERSION, view["standing"]["summary"]):
        assert part in shown
    assert document.one("html").attributes["lang"] == "en"
    assert document.one("head").one("title").text == view["title"]
    levels = [int(node.tag[1]) for node in document.all() if node.tag in ("h1", "h2", "h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for section in view["sections"]:
        assert section["title"] in shown
        for block in section["blocks"]:
            for one in (block.get("faithful") or {"open": ()})["open"]:
                assert one["chose"] in shown
                assert one["why"] in shown
            for words in (
                block.get("text"),
                block.get("about"),
                *(row["here"] for row in block.get("protocol", ())),
            ):
                assert (words or "").split("\n\n")[0] in shown
            for item in block.get("items", ()):
                assert (item.get("stated") or item.get("text") or "") in shown
            for note in block.get("notes", ()):
                assert note["text"][1:] in shown
    assert len(list(document.all("svg"))) == 7
    for table in document.all("table"):
        assert table.one("caption").text
        assert all(node.attributes.get("scope") for node in table.all("th"))


def test_a_viewer_may_export(settings: Settings, sqlite_database: Database, runs: list[int]) -> None:
    viewer = clients.viewer(create_app(settings, sqlite_database, Bell(Broker(NOBODY))))
    assert viewer.get("/api/compare/points", params={"run": runs, "format": "csv"}).status_code == 200
    assert viewer.get(REPORT_PATH, params={"format": "html"}).status_code == 200
