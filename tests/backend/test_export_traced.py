"""Every number of an exported report, traced: rows of the table `point` by plain SQL, the report's JSON, the HTML file."""

import csv
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

import backend.catalog
from backend.app import create_app
from backend.broker import Broker
from backend.catalog.references import COLUMNS
from backend.queue import Bell
from backend.settings import Settings
from backend.store.session import Database
from tests.backend import clients
from tests.backend.by_definition import moments, student_quantile
from tests.backend.documents import Node, read_document
from tests.backend.finished_report import SEEDS, VARIANT, finished_report
from tests.backend.report_views import NAME, blocks, view_of
from tests.backend.test_report import NOBODY

pytestmark = pytest.mark.thorough

REFERENCES = Path(backend.catalog.__file__).parent / "references" / "published_tables.csv"
GAP, UNREADABLE = "—", "·"


@dataclass(frozen=True)
class Stored:
    """What lies in the tables: runs as (id, recipe, seed), and values by run, metric and epoch."""

    runs: list[tuple[int, str, int]]
    points: Mapping[tuple[int, str, int], float]

    def run(self, recipe: str, seed: int = 0) -> int:
        (found,) = [run for run, of, its in self.runs if of.startswith(recipe) and its == seed]
        return found

    def over_seeds(self, recipe: str, metric: str, epoch: int) -> list[float]:
        return [self.points[self.run(recipe, seed), metric, epoch] for seed in SEEDS]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Database]:
    """A quick report with three seeds of each recipe; read only."""
    database = finished_report(tmp_path_factory.mktemp("traced"), migrated_file)
    yield database
    database.dispose()


@pytest.fixture
def client(settings: Settings, trained: Database) -> TestClient:
    return clients.operator(create_app(settings, trained, Bell(Broker(NOBODY))))  # without its threads


@pytest.fixture
def stored(trained: Database) -> Stored:
    with trained.read() as session:
        runs = session.execute(
            text("SELECT run.id, recipe.hash, run.seed FROM run JOIN recipe ON recipe.id = run.recipe_id")
        )
        points = session.execute(text("SELECT run_id, name, epoch, value FROM point"))
        return Stored(
            [(run, recipe, seed) for run, recipe, seed in runs],
            {(run, name, epoch): value for run, name, epoch, value in points},
        )


def published_tables() -> dict[str, dict[int, dict[str, float]]]:
    """Return what the file of the published tables holds, by experiment and epoch; gaps are left out."""
    found: dict[str, dict[int, dict[str, float]]] = {}
    for row in csv.DictReader(REFERENCES.read_text().splitlines()):
        numbers = {metric: float(row[metric]) for metric in COLUMNS if row[metric]}
        found.setdefault(row["experiment"], {})[int(row["epoch"])] = numbers
    return found


def half_width(values: list[float]) -> float:
    _, variance = moments(values)
    return student_quantile(len(values) - 1) * math.sqrt(variance / len(values))


def rounded(value: float, decimals: int) -> str:
    return str(Decimal(value).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


def written(metric: str, value: float | None, missing: str = GAP) -> str:
    if value is None:
        return missing
    return rounded(100 * value, 1) if metric.endswith("acc") else rounded(value, 3)


def spread(metric: str, half: float) -> str:
    if metric.endswith("acc"):
        return rounded(100 * half, 1)
    power = math.floor(math.log10(half))
    return rounded(half, 3) if half >= 0.001 else f"{rounded(half / 10.0**power, 1)}e{power}"


def exported(client: TestClient, **query: str) -> str:
    answer = client.get(f"/api/reports/{NAME}/export", params={**VARIANT, **query})
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_numbers_of_the_json_are_those_of_stored_points(client: TestClient, stored: Stored) -> None:
    view = view_of(client)
    compared = 0
    for block in blocks(view, "experiment"):
        shown = stored.run(block["recipe"])
        assert block["run"]["id"] == shown
        for row in block["rows"]:
            for metric in COLUMNS:
                assert row["measured"][metric] == stored.points[shown, metric, row["epoch"]]
                values = stored.over_seeds(block["recipe"], metric, row["epoch"])
                cell = row["cells"][metric]
                assert cell["n"] == len(SEEDS)
                assert cell["mean"] == pytest.approx(float(moments(values)[0]), abs=1e-12)
                assert cell["half"] == pytest.approx(half_width(values), abs=1e-9)
                compared += 1
    assert compared == 7 * 10 * len(COLUMNS)


def test_the_numbers_of_the_html_are_those_of_stored_points(client: TestClient, stored: Stored) -> None:
    document = read_document(exported(client, format="html"))
    printed = published_tables()
    compared = 0
    for block in blocks(view_of(client), "experiment"):
        table = document.one("table", data_table=block["id"])
        for epoch, cells in enumerate(table.rows(), start=1):
            assert cells == expected_row(block, epoch, stored, printed[block["preset"]])
            compared += sum(any(sign.isdigit() for sign in cell) for cell in cells)
    assert compared > 7 * 10 * 5
    for row in blocks(view_of(client), "sweep")[0]["rows"]:
        (cells,) = [one for one in document.one("table", data_table="S").rows() if one[0] == row["node"]]
        assert cells[5:] == [*expected_arm(row["published"], stored), *expected_arm(row["corrected"], stored)]


def expected_row(
    block: dict[str, Any], epoch: int, stored: Stored, printed: dict[int, dict[str, float]]
) -> list[str]:
    """Return the texts of a row out of stored points and the printed table alone."""
    cells = [str(epoch)]
    for metric in COLUMNS:
        values = stored.over_seeds(block["recipe"], metric, epoch)
        mean, there = float(moments(values)[0]), printed.get(epoch, {}).get(metric)
        # The quick size differs from the published protocol.
        cells += [
            written(metric, there, UNREADABLE),
            f"{written(metric, mean)} ± {spread(metric, half_width(values))}",
            "" if there is None else f"{signed(metric, mean - there)} ≠",
        ]
    return [*cells, str(len(SEEDS))]


def signed(metric: str, delta: float) -> str:
    size = rounded(100 * abs(delta), 1) if metric.endswith("acc") else rounded(abs(delta), 3)
    return size if float(size) == 0 else f"{'−' if delta < 0 else '+'}{size}"


def expected_arm(cell: dict[str, Any], stored: Stored) -> list[str]:
    run = cell["run"]["id"]
    loss, accuracy = (stored.points[run, metric, 10] for metric in ("train_loss", "test_acc"))
    return [
        written("loss", loss),
        written("test_acc", accuracy),
        written("acc", cell["largest_share"]),
        str(run),
    ]


def test_the_curves_of_the_html_stand_at_the_stored_points(client: TestClient, stored: Stored) -> None:
    document = read_document(exported(client, format="html"))
    compared = 0
    for block in blocks(view_of(client), "experiment"):
        figure = document.one("div", id=f"block-{block['id']}").one("svg")
        value_at = vertical_axis(figure)
        for metric, shape, middle in (("test_acc", "circle", 0.0), ("train_acc", "rect", 2.0)):
            (curve,) = figure.all("g", data_metric=metric, data_source="measured")
            heights = [
                float(mark.attributes.get("cy") or mark.attributes["y"]) + middle for mark in curve.all(shape)
            ]
            means = [
                float(moments(stored.over_seeds(block["recipe"], metric, epoch))[0]) for epoch in range(1, 11)
            ]
            assert [value_at(height) for height in heights] == pytest.approx(means, abs=0.002)
            compared += len(heights)
        assert len(list(figure.all("polygon"))) == 2  # the bands
    assert compared == 7 * 2 * 10


def vertical_axis(figure: Node):
    """Return what tells the value at a height, by the numbers that stand at the side of a figure."""
    labels = {}
    for label in figure.all("text", text_anchor="end"):
        number = re.fullmatch(r"([\d.]+)%", label.text)
        assert number
        labels[float(number[1]) / 100] = float(label.attributes["y"]) - 4  # its foot lies below its line
    (low, first), (high, last) = min(labels.items()), max(labels.items())
    return lambda height: low + (height - first) / (last - first) * (high - low)


def test_the_exact_recipes_stand_in_the_html(client: TestClient, stored: Stored) -> None:
    document = read_document(exported(client, format="html"))
    rows = [
        row
        for table in document.all("table")
        for row in table.rows()
        if re.fullmatch("[0-9a-f]{64}", row[-1])
    ]
    assert {row[-1] for row in rows} == {recipe for _, recipe, _ in stored.runs}
    shown = {block["recipe"]: str(block["run"]["id"]) for block in blocks(view_of(client), "experiment")}
    assert {row[-1][:12]: row[2] for row in rows if row[-1][:12] in shown} == shown
