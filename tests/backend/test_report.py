"""The report over a real store: every measured number is a stored one, every published one printed, gaps stay gaps."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from backend.app import create_app
from backend.broker import Broker
from backend.catalog.presets import presets
from backend.catalog.references import COLUMNS, published_tables
from backend.cli.report_text import report_text
from backend.contract import RunState
from backend.launching import Shelf, new_run
from backend.queue import Bell
from backend.report.material import wanted_runs
from backend.reporting import Variant, plan_report, report_runs
from backend.settings import Settings
from backend.spec import Spec, parse_spec
from backend.store import attempts, launches, predictions, reports, revive
from backend.store.attempts import Claimed
from backend.store.session import Database
from backend.store.tables import Run
from tests.backend import clients
from tests.backend.report_views import NAME, blocks, experiment, view_of
from tests.store import scenes

pytestmark = pytest.mark.thorough

QUICK = Variant(NAME, "quick", "shapes", "glyphs")
NOBODY = "redis://127.0.0.1:1/0"
CLASSES = [f"class {number}" for number in range(10)]
LABELS = bytes(image % 10 for image in range(200))
TEST_SET = "7" * 64
COLLAPSED = bytes([3] * 200)


def invented(run_id: int, epoch: int, metric: str) -> float:
    """Return a value that no other run, epoch or metric has."""
    return 0.5 + run_id / 1000 + epoch / 100_000 + COLUMNS.index(metric) / 10_000_000


@dataclass
class Told:
    """What the stored runs said, by run."""

    specs: dict[int, Spec] = field(default_factory=dict)
    points: dict[int, dict[str, dict[int, float]]] = field(default_factory=dict)

    def run_of(self, recipe: str) -> int:
        (found,) = [run_id for run_id, spec in self.specs.items() if spec.recipe_hash() == recipe]
        return found


def environment(spec: Spec) -> dict[str, Any]:
    changes = [{"path": "fc", "before": "Linear(512, 1000)", "after": "Linear(512, 10)"}]
    facts: dict[str, Any] = {"model": {"changes": [] if spec.features else changes}}
    if spec.features:
        norm = {"layer1": 40_000.0, "layer2": 4_000.0, "layer3": 600.0, "layer4": 40.0}[spec.features.node]
        facts["features"] = {
            "origin": "made",
            "shape": [64, 8, 8],
            "dimension": 4096,
            "seconds": 1.5,
            "mean_square_norm": norm,
        }
    return facts


def collapses(spec: Spec) -> bool:
    """The two lower layers collapse as published; so does the regression on pixels."""
    node = spec.features.node if spec.features else "pixels"
    return spec.loss.name == "cross_entropy_of_probabilities" and node in ("layer1", "layer2", "pixels")


def train(database: Database, claimed: Claimed, told: Told, *, epochs: int | None = None) -> None:
    """Report invented epochs of a claimed run, as a recorder does, and complete it."""
    spec = parse_spec(claimed.spec)
    run_id, last = claimed.run_id, epochs or spec.epochs
    told.specs[run_id] = spec
    points = told.points.setdefault(run_id, {name: {} for name in COLUMNS})
    predicted = COLLAPSED if collapses(spec) else LABELS
    with database.write() as session:
        attempts.describe(session, run_id, claimed.attempt, environment(spec))
        predictions.describe_test_set(session, TEST_SET, CLASSES, LABELS)
        for epoch in range(1, last + 1):
            metrics = {name: invented(run_id, epoch, name) for name in COLUMNS}
            if collapses(spec):
                metrics |= {"train_loss": 2.361 + run_id / 1_000_000, "test_acc": 0.1 + run_id / 1_000_000}
            for name, value in metrics.items():
                points[name][epoch] = value
            pointer = scenes.pointer(epoch) if epoch == last else None
            attempts.report_epoch(
                session, run_id, claimed.attempt, epoch, metrics, pointer, (TEST_SET, predicted)
            )
    if last == spec.epochs:
        assert scenes.end(database, claimed, RunState.COMPLETED)


def launch_all(database: Database, seed: int = 0) -> list[int]:
    wanted = report_runs(plan_report(QUICK), Shelf(), [seed])
    with database.write() as session:
        return launches.accept(session, wanted, body_sha256="0" * 64).run_ids


def train_all(database: Database) -> Told:
    """Store a whole quick report, each run claimed when what it starts from is done."""
    told = Told()
    for _ in launch_all(database):
        train(database, scenes.claim(database), told)
    return told


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, migrated_file: Path) -> str:
    """SQLite alone: what is read from the store is read on both databases by the tests marked so."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres").emptied_database()
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'store.db')}"


ON_BOTH = pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[TestClient]:
    app = create_app(settings, database, Bell(Broker(NOBODY)))
    with clients.operator(app) as client:
        yield client


def notes(block: dict[str, Any], kind: str) -> list[str]:
    return [note["text"] for note in block["notes"] if note["kind"] == kind]


def test_a_report_that_never_ran_shows_its_whole_outline_and_the_published_numbers(
    client: TestClient,
) -> None:
    view = view_of(client)
    assert [section["id"] for section in view["sections"]] == ["0", "1", "2", "3", "S", "R"]
    ids = [block["id"] for section in view["sections"] for block in section["blocks"] if block.get("id")]
    assert ids == ["0.1", "0.2", "1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "3.1", "3.2", "3.3", "3.4", "S"]
    for block in blocks(view, "experiment"):
        table = published_tables()[block["preset"]]
        assert {row["epoch"]: row["published"] for row in block["rows"]} == table.rows
        assert {row["measured"] for row in block["rows"]} == {None}
        assert block["run"] is block["output"] is block["notebook"] is block["interval"] is None
        assert block["verdict"] == "Not run yet."
        for row in block["rows"]:
            judged = row["judged"][0]
            assert {name: one["published"] if one else None for name, one in judged.items()} == row[
                "published"
            ]
            assert {one["outcome"] for one in judged.values() if one} <= {"not run yet"}
    assert view["standing"]["missing"] == view["standing"]["runs"] == len(plan_report(QUICK).runs())
    assert view["standing"]["budget_seconds"] == 300
    assert view["standing"]["estimate_seconds"] > 0
    assert view["standing"]["seconds"] is None
    assert view["standing"]["summary"] == "7 tables · 7 not launched"
    assert len(blocks(view, "references")[0]["items"]) == 8


@ON_BOTH
def test_every_measured_number_is_a_stored_point_of_the_run_beside_it(
    client: TestClient, database: Database
) -> None:
    told = train_all(database)
    view = view_of(client)
    for block in blocks(view, "experiment"):
        recipe = plan_report(QUICK).cells[block["preset"]].spec.recipe_hash()
        assert block["recipe"] == recipe[:12]
        run_id = block["run"]["id"]
        assert run_id == told.run_of(recipe)
        for row in block["rows"]:
            assert row["measured"] == {name: told.points[run_id][name][row["epoch"]] for name in COLUMNS}
            there = row["published"]["test_acc"]
            assert row["delta_points"] == pytest.approx(100 * (row["measured"]["test_acc"] - there))
        for trace in block["figure"]["data"]:
            if trace["meta"]["source"] == "measured":
                assert trace["y"] == list(told.points[run_id][trace["meta"]["metric"]].values())
        assert block["output"] == f"/api/runs/{run_id}/output"
        twin = block["twin"]
        if twin:
            of_twin = told.points[twin["run"]["id"]]
            assert twin["last"] == {"epoch": 10, **{name: of_twin[name][10] for name in COLUMNS}}
            assert twin["best_test_acc"] == max(of_twin["test_acc"].values())
    for row in blocks(view, "sweep")[0]["rows"]:
        for corrected in (False, True):
            cell = row["corrected" if corrected else "published"]
            run_id = told.run_of(plan_report(QUICK).sweep[row["node"], corrected].spec.recipe_hash())
            assert cell["run"]["id"] == run_id
            assert cell["train_loss"] == told.points[run_id]["train_loss"][10]
            assert cell["test_acc"] == told.points[run_id]["test_acc"][10]


def test_a_published_gap_stays_null_in_table_figure_and_difference(client: TestClient) -> None:
    block = experiment(view_of(client), "2.1")
    row = block["rows"][1]
    assert row["published"] == {"train_loss": None, "train_acc": None, "test_acc": 0.927}
    (dashed,) = [
        trace
        for trace in block["figure"]["data"]
        if (trace["meta"]["metric"], trace["meta"]["source"]) == ("train_acc", "published")
    ]
    assert dashed["y"][1] is None
    assert dashed["line"]["dash"] == "dash"
    assert not dashed["connectgaps"]


def test_a_finished_report_says_what_it_is_made_of(client: TestClient, database: Database) -> None:
    told = train_all(database)
    view = view_of(client)
    standing = view["standing"]
    assert standing["states"] == {"completed": standing["runs"]}
    assert standing["missing"] == 0
    assert standing["estimate_seconds"] == 0
    assert standing["run_ids"] == sorted(told.specs)
    assert standing["seconds"] > 0
    assert standing["summary"] == "7 tables · 7 complete"
    assert view["variant"]["seeds"] == [0]
    fine_tuned = experiment(view, "1.2")
    (parent,) = fine_tuned["parents"]
    accuracy = told.points[parent["run"]["id"]]["test_acc"][5]
    assert parent["about"].endswith(f"its own test accuracy {100 * accuracy:.1f}%")
    assert fine_tuned["start"] == f"starts from {parent['title']} ({parent['about']})"
    assert fine_tuned["changed"] == [
        {"path": "fc", "before": "Linear(512, 1000)", "after": "Linear(512, 10)"}
    ]
    assert [one["field"] for one in fine_tuned["protocol"]] == [
        "data set",
        "training images",
        "test images",
        "image size",
        "batch size",
        "starting weights",
    ]
    assert fine_tuned["hyper"][2] == {"name": "Batch size", "published": "256", "here": "32"}
    assert len(notes(fine_tuned, "start")) == 1
    assert experiment(view, "1.1")["start"] == "random start, Xavier uniform"
    on_features = experiment(view, "3.1")
    assert [one["title"] for one in on_features["parents"]] == [
        "ResNet-18 fine-tuned",
        "ResNet-18 pretrained in Runyard on glyphs",
    ]
    assert "4,096 numbers an image, made in 1.5 s" in notes(on_features, "features")[0]


def test_the_changed_output_layers_are_those_of_the_catalog(client: TestClient) -> None:
    (block,) = blocks(view_of(client), "changes")
    shown = {
        row["arch"]: (row["path"], row["before"], row["after"], row["sections"]) for row in block["rows"]
    }
    assert shown == {
        "alexnet": ("classifier.6", "Linear(4096, 1000)", "Linear(4096, 10)", ["1.1", "1.2"]),
        "resnet18": ("fc", "Linear(512, 1000)", "Linear(512, 10)", ["2.1"]),
        "vgg16": ("classifier.6", "Linear(4096, 1000)", "Linear(4096, 10)", ["2.2"]),
    }


def test_comparisons_come_from_the_last_epochs_or_say_what_is_missing(
    client: TestClient, database: Database
) -> None:
    (claim,) = blocks(view_of(client), "comparison")[0]["items"]
    assert claim["published"] == "0.897 against 0.399: 2.25 times, +125%, +49.8 points"
    assert (
        claim["remark"]
        == "The report says 225% greater; 2.25 times is 125% greater: it took the ratio for the gain."
    )
    assert claim["measured"] == "not measured yet: neither is launched"
    told = train_all(database)
    view = view_of(client)
    (claim,) = blocks(view, "comparison")[0]["items"]
    better, worse = (
        told.points[experiment(view, section)["run"]["id"]]["test_acc"][10] for section in ("1.2", "1.1")
    )
    assert claim["measured"].startswith(f"{better:.3f} against {worse:.3f}: ")
    last, pixels = blocks(view, "comparison")[2]["items"]
    assert "Table 3.3 contradicts it" in pixels["remark"]
    assert pixels["remark"].endswith(
        "the collapsed model of Table 3.2, which ends at 0.100, and Table 3.3 is a copying error in the report."
    )
    assert "implies" not in last["remark"]
    assert [item["remark"] for item in blocks(view, "comparison")[1]["items"]] == [
        "1.4% is right, as a relative gain.",
        "5.9% is right, as a relative gain.",
    ]
    assert "no better than guessing" in last["note"]


def test_a_collapsed_run_is_told_from_one_that_took_too_few_steps(
    client: TestClient, database: Database
) -> None:
    train_all(database)
    view = view_of(client)
    assert notes(experiment(view, "3.3"), "collapsed") == [
        "collapsed: 100.0% of its predictions are 'class 3'"
    ]
    assert not notes(experiment(view, "3.1"), "collapsed")
    assert not notes(experiment(view, "3.1"), "chance")


def test_an_accuracy_at_chance_that_is_spread_over_classes_says_too_few_steps(
    client: TestClient, database: Database
) -> None:
    (run_id, *_) = launch_all(database)
    claimed = scenes.claim(database)
    assert claimed.run_id == run_id
    with database.write() as session:
        predictions.describe_test_set(session, TEST_SET, CLASSES, LABELS)
    metrics = {"train_loss": 2.3, "train_acc": 0.1, "test_acc": 0.13}
    assert scenes.report(database, claimed, 10, metrics, scenes.pointer(10), (TEST_SET, LABELS))
    assert scenes.end(database, claimed, RunState.COMPLETED)
    block = experiment(view_of(client), "1.1")
    (text,) = notes(block, "chance")
    # 0.1 + 1.645 sqrt(0.09 / 200) = 0.1349
    assert "accuracy 13.0% is not above the 13.5% that guessing gives on 200 test images" in text
    steps = 10 * -(-claimed.spec["dataset"]["train_limit"] // claimed.spec["batch_size"])
    assert text.startswith(f"too few steps: {steps} steps;")


def test_the_sweep_gives_a_reason_from_stored_numbers(client: TestClient, database: Database) -> None:
    train_all(database)
    rows = {row["node"]: row for row in blocks(view_of(client), "sweep")[0]["rows"]}
    assert list(rows) == ["layer1", "layer2", "layer3", "layer4"]
    first = rows["layer1"]
    assert (first["published"]["collapsed"], first["published"]["largest_share"]) == (True, 1.0)
    assert (first["corrected"]["collapsed"], first["corrected"]["largest_share"]) == (False, 0.1)
    assert (first["shape"], first["dimension"], first["mean_square_norm"]) == ([64, 8, 8], 4096, 40_000.0)
    assert "lr × ‖x‖² = 0.05 × 40,000 = 2,000" in first["reason"]
    # 2000 * 0.09 / 10 = 18 nats in one step; 4000 gives 1.8, 600 and 40 far below 1.
    assert "move their logit by at most about 18 in one step" in first["reason"]
    assert "So the first steps can saturate" in first["reason"]
    assert "= 2.3612" in first["reason"]
    assert "a few that go the same way are" in rows["layer2"]["reason"]
    assert "leave the inner softmax soft" in rows["layer3"]["reason"]
    assert not rows["layer4"]["published"]["collapsed"]


def test_numbers_that_are_none_are_null_and_named(client: TestClient, database: Database) -> None:
    launch_all(database)
    claimed = scenes.claim(database)
    values = {"train_loss": float("nan"), "train_acc": 0.1, "test_loss": float("inf"), "test_acc": 0.2}
    assert scenes.report(database, claimed, 1, values)
    view = view_of(client)
    row = experiment(view, "1.1")["rows"][0]
    assert row["measured"] == {"train_loss": None, "train_acc": 0.1, "test_acc": 0.2}
    assert row["nonfinite"] == {"train_loss": "nan"}
    assert experiment(view, "1.1")["rows"][1]["measured"] is None
    assert experiment(view, "1.1")["run"]["state"] == "running"
    assert view["standing"]["summary"] == "7 tables · 1 running · 1 queued · 5 waiting"
    json.dumps(view, allow_nan=False)
    assert "NaN" in report_text(view)


@ON_BOTH
def test_the_newest_completed_run_is_shown_else_the_newest_on_its_way_else_the_newest_failed(
    database: Database,
) -> None:
    wanted = plan_report(QUICK).cells["alexnet-from-scratch"]
    key = (wanted.spec.recipe_hash(), 0)
    with database.write() as session:
        runs = [new_run(wanted, 0, Shelf())] * 6
        ids = launches.accept(session, runs, body_sha256="0" * 64).run_ids
        for run_id, state in zip(
            ids, ("failed", "completed", "completed", "running", "queued", "failed"), strict=True
        ):
            run = session.get(Run, run_id)
            assert run
            run.state = state
            run.attempt = 1

    def shown() -> int | None:
        with database.read() as session:
            found = reports.read(session, [key]).shown.get(key)
        return found.id if found else None

    def delete(run_id: int) -> None:
        with database.write() as session:
            run = session.get(Run, run_id)
            assert run
            run.deleted_at = 1.0

    for expected in (ids[2], ids[1], ids[4], ids[3], ids[5], ids[0]):
        assert shown() == expected
        delete(expected)
    assert shown() is None


def test_the_parent_named_is_the_one_that_the_child_began_on(client: TestClient, database: Database) -> None:
    told = train_all(database)
    old = experiment(view_of(client), "1.2")["parents"][0]["run"]["id"]
    wanted = plan_report(QUICK).cells["alexnet-fine-tuned"].parent
    assert wanted
    with database.write() as session:
        (newer,) = launches.accept(session, [new_run(wanted, 0, Shelf())], body_sha256="1" * 64).run_ids
    train(database, scenes.claim(database), told)
    view = view_of(client)
    assert newer in view["standing"]["run_ids"]
    assert experiment(view, "1.2")["parents"][0]["run"]["id"] == old != newer


def test_a_parent_that_was_deleted_since_is_not_replaced_by_another_run_of_its_recipe(
    client: TestClient, database: Database
) -> None:
    told = train_all(database)
    wanted = plan_report(QUICK).cells["resnet18-fine-tuned"]
    assert wanted.parent
    assert len(experiment(view_of(client), "3.1")["parents"]) == 2
    with database.write() as session:
        revive.purge(session, told.run_of(wanted.spec.recipe_hash()))
        (newer,) = launches.accept(session, [new_run(wanted, 0, Shelf())], body_sha256="1" * 64).run_ids
    view = view_of(client)
    assert newer in view["standing"]["run_ids"]
    on_features = experiment(view, "3.1")
    assert [(one["run"], one["about"]) for one in on_features["parents"]] == [
        (None, "deleted since"),
        (None, "its run is not known any more"),
    ]
    assert (
        "ResNet-18 fine-tuned (deleted since), which starts from ResNet-18 pretrained" in on_features["start"]
    )
    pretrained = told.run_of(wanted.parent.spec.recipe_hash())
    assert experiment(view, "2.1")["parents"][0]["run"]["id"] == pretrained


@ON_BOTH
def test_a_run_that_went_on_tells_the_weights_that_its_first_attempt_began_with(database: Database) -> None:
    (run_id,) = scenes.launch(database)
    key = (scenes.a_spec(seed=0).recipe_hash(), 0)
    first = scenes.claim(database)
    with database.write() as session:
        attempts.describe(session, run_id, first.attempt, {"weights": {"about": "ImageNet"}, "device": "old"})
    assert scenes.report(database, first, 1, {"test_acc": 0.5}, scenes.pointer(1))
    assert scenes.end(database, first, RunState.FAILED)
    with database.write() as session:
        revive.resume(session, run_id)
    second = scenes.claim(database)
    with database.write() as session:
        attempts.describe(session, run_id, second.attempt, {"weights": None, "device": "new"})
    with database.read() as session:
        told = reports.read(session, [key]).shown[key].environment
    assert told == {"weights": {"about": "ImageNet"}, "device": "new"}


def test_another_seed_and_another_size_are_other_reports(client: TestClient, database: Database) -> None:
    launch_all(database, seed=4)
    view = view_of(client)
    assert (view["variant"]["seed"], view["variant"]["seeds"]) == (4, [4])
    other = view_of(client, seed=0)
    assert (other["variant"]["seed"], other["variant"]["seeds"]) == (0, [4])
    assert other["standing"]["missing"] == other["standing"]["runs"]
    published = view_of(client, size="published")
    assert published["standing"]["budget_seconds"] is None
    assert "confirm" in published["standing"]["confirmation"]
    assert experiment(published, "1.1")["hyper"][2]["here"] == "256"


def test_failed_and_cancelled_runs_count_as_missing(client: TestClient, database: Database) -> None:
    launch_all(database)
    claimed = scenes.claim(database)
    with database.write() as session:
        assert attempts.cancel(session, claimed.run_id + 1)
    assert scenes.end(database, claimed, RunState.FAILED)
    standing = view_of(client)["standing"]
    states = standing["states"]
    assert standing["missing"] == states["failed"] + states["cancelled"] >= 2
    assert sum(states.values()) == standing["runs"]


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("size=huge", 422, "size"),
        ("dataset=nothing", 422, "There is no data set 'nothing'"),
        ("pretraining=nothing", 422, "There is no set to pretrain on 'nothing'"),
        ("dataset=glyphs&pretraining=glyphs", 422, "must be pretrained on other images"),
        ("dataset=%00", 422, "dataset"),
        ("seed=-1", 422, "seed"),
        ("seed=2147483648", 422, "seed"),
    ],
)
def test_a_variant_that_cannot_be_is_refused_in_one_sentence(
    client: TestClient, query: str, status: int, said: str
) -> None:
    answer = client.get(f"/api/reports/{NAME}?{query}")
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]


def test_the_reports_are_listed_and_an_unknown_one_is_404(client: TestClient) -> None:
    assert [one["name"] for one in client.get("/api/reports").json()["reports"]] == [NAME]
    assert client.get("/api/reports/other").status_code == 404


def test_choices_that_are_not_here_name_the_command_that_brings_them(client: TestClient) -> None:
    choices = view_of(client)["variant"]["choices"]
    ready = {one["name"]: one["ready"] for one in choices["datasets"]}
    assert ready == {"cifar10": False, "shapes": True, "glyphs": True}
    (cifar,) = [one for one in choices["datasets"] if one["name"] == "cifar10"]
    assert "`runyard data fetch cifar10`" in cifar["help"]
    assert not {one["name"]: one for one in choices["pretraining"]}["imagenet"]["ready"]
    missing = view_of(client, dataset="cifar10")["standing"]
    assert "runyard data fetch cifar10" in missing["problem"]
    assert missing["estimate_seconds"] is None


def test_the_text_of_a_report_holds_its_seven_tables_and_its_comparisons(
    client: TestClient, database: Database
) -> None:
    told = train_all(database)
    view = view_of(client)
    text = report_text(view)
    for block in blocks(view, "experiment"):
        assert (
            f"{block['id']}  {presets()[block['preset']].title} (run {block['run']['id']}, completed)" in text
        )
    for block in blocks(view, "comparison"):
        assert all(item["published"] in text and item["measured"] in text for item in block["items"])
    run_id = experiment(view, "1.1")["run"]["id"]
    row = next(line for line in text.splitlines() if line.startswith("      1      2.302"))
    assert f"{told.points[run_id]['train_loss'][1]:.3f}" in row


def test_every_recipe_of_the_plan_is_wanted_once_parents_first() -> None:
    wanted = list(wanted_runs(plan_report(QUICK), 7))
    assert [recipe for recipe, _ in wanted] == [one.spec.recipe_hash() for one in plan_report(QUICK).runs()]
    assert {seed for _, seed in wanted} == {7}
