"""A report over several seeds: every cell traced to stored points, verdicts, both tests, the seeds to add, references."""

import math
import statistics
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from backend.app import create_app
from backend.broker import Broker
from backend.catalog.references import COLUMNS
from backend.contract import RunState
from backend.launching import Shelf, new_run
from backend.queue import Bell
from backend.reporting import Variant, plan_report
from backend.settings import Settings
from backend.spec import parse_spec
from backend.store import attempts, launches, predictions
from backend.store.session import Database
from tests.backend import clients
from tests.backend.report_views import NAME, blocks, experiment, view_of
from tests.store import scenes

pytestmark = pytest.mark.thorough

PLAN = plan_report(Variant(NAME, "quick", "shapes", "glyphs"))
NOBODY = "redis://127.0.0.1:1/0"
CLASSES = [f"class {number}" for number in range(10)]
LABELS = bytes(image % 10 for image in range(200))
TEST_SET = "7" * 64
T2 = 4.302652729911275
SCRATCH, TUNED = "alexnet-from-scratch", "alexnet-fine-tuned"
LAST = {SCRATCH: [0.38, 0.40, 0.42], TUNED: [0.88, 0.90, 0.92]}

CSV = """experiment,epoch,test_acc,train_loss
alexnet-from-scratch,10,0.45,
alexnet-fine-tuned,,0.5,
"""


@pytest.fixture
def client(settings: Settings, sqlite_database: Database) -> Iterator[TestClient]:
    app = create_app(settings, sqlite_database, Bell(Broker(NOBODY)))
    with clients.operator(app) as client:
        yield client


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


def value_of(name: str | None, seed: int, epoch: int, metric: str) -> float:
    """Return what a run is told to have: its last test accuracy is that of LAST."""
    if name not in LAST:
        return 0.5
    last = LAST[name][seed]
    return last - (10 - epoch) / 100 if metric == "test_acc" else 0.3 + seed / 100 + epoch / 1000


def train(database: Database, names: list[str], seeds: list[int]) -> dict[int, tuple[str | None, int]]:
    """Launch recipes of the quick report with what they start from, and complete all; return name and seed by run."""
    wanted = [new_run(PLAN.cells[name], seed, Shelf()) for seed in seeds for name in names]
    with database.write() as session:
        accepted = launches.accept(session, wanted, body_sha256="0" * 64)
    by_recipe = {PLAN.cells[name].spec.recipe_hash(): name for name in names}
    found = {}
    for _ in (*accepted.run_ids, *accepted.parent_ids):
        claimed = scenes.claim(database)
        spec = parse_spec(claimed.spec)
        name = by_recipe.get(spec.recipe_hash())
        # All right but for as many images as the seed tells, none of them the same for the two experiments.
        wrong = range(10) if name == TUNED else range(100, 130)
        predicted = bytes((one + 1) % 10 if place in wrong else one for place, one in enumerate(LABELS))
        with database.write() as session:
            predictions.describe_test_set(session, TEST_SET, CLASSES, LABELS)
            for epoch in range(1, spec.epochs + 1):
                metrics = {metric: value_of(name, spec.seed, epoch, metric) for metric in COLUMNS}
                pointer = scenes.pointer(epoch) if epoch == spec.epochs else None
                attempts.report_epoch(
                    session, claimed.run_id, claimed.attempt, epoch, metrics, pointer, (TEST_SET, predicted)
                )
        assert scenes.end(database, claimed, RunState.COMPLETED)
        if name:
            found[claimed.run_id] = (name, spec.seed)
    return found


def claim(view: dict[str, Any]) -> dict[str, Any]:
    return blocks(view, "comparison")[0]["items"][0]


def load(client: TestClient, name: str = "mine", text: str = CSV, **more: Any) -> None:
    answer = client.post("/api/references", json={"name": name, "format": "csv", "text": text, **more})
    assert answer.status_code == 201, answer.text


def test_every_cell_is_the_mean_and_half_width_of_stored_points(
    client: TestClient, database: Database
) -> None:
    runs = train(database, [SCRATCH, TUNED], [0, 1, 2])
    view = view_of(client)
    for section, name in (("1.1", SCRATCH), ("1.2", TUNED)):
        block = experiment(view, section)
        assert sorted(block["seeds"]["runs"]) == sorted(run for run, (of, _) in runs.items() if of == name)
        for row in block["rows"]:
            for metric in COLUMNS:
                values = [value_of(name, seed, row["epoch"], metric) for seed in range(3)]
                cell = row["cells"][metric]
                assert (cell["n"], cell["kind"]) == (3, "t")
                assert cell["mean"] == pytest.approx(statistics.mean(values), rel=1e-12)
                half = T2 * statistics.stdev(values) / math.sqrt(3)
                assert cell["half"] == pytest.approx(half, rel=1e-9)
                judged = row["judged"][0][metric]
                there = row["published"][metric]
                assert (judged is None) == (there is None)
                if judged:
                    scale = 100 if metric.endswith("acc") else 1
                    assert judged["published"] == there
                    assert judged["delta"] == pytest.approx(scale * (cell["mean"] - there))
                    # The quick size is not the published protocol, and says by which fields.
                    assert judged["outcome"] == "protocol differs"
                    assert "data set" in judged["text"]
        band, mean = (
            next(
                trace
                for trace in block["figure"]["data"]
                if trace["meta"] == {"metric": "test_acc", "source": source}
            )
            for source in ("band", "measured")
        )
        assert mean["y"] == [row["cells"]["test_acc"]["mean"] for row in block["rows"]]
        highs = [row["cells"]["test_acc"]["high"] for row in block["rows"]]
        lows = [row["cells"]["test_acc"]["low"] for row in block["rows"]]
        assert band["y"] == highs + lows[::-1]


def test_a_reference_that_somebody_brought_is_judged_by_the_interval_of_one_run(
    client: TestClient, database: Database
) -> None:
    train(database, [SCRATCH, TUNED], [0, 1, 2])
    load(client)
    view = view_of(client, reference=["published", "mine"])
    assert [one["name"] for one in view["references"]["shown"]] == ["published", "mine"]
    first = experiment(view, "1.1")
    last, before = first["rows"][9]["judged"][1], first["rows"][8]["judged"][1]
    # 0.40 ± 4.3027 x 0.02 x sqrt(4/3) = 0.40 ± 0.0994: 0.45 lies within it.
    assert last["test_acc"]["outcome"] == "reproduced"
    assert last["test_acc"]["delta"] == pytest.approx(-5.0)
    assert last["train_loss"] is before["test_acc"] is None
    # Without an epoch it stands beside the last one: 0.9 ± 0.0994 does not reach down to 0.5.
    second = experiment(view, "1.2")["rows"]
    assert second[9]["judged"][1]["test_acc"]["outcome"] == "better"
    assert second[8]["judged"][1]["test_acc"] is None
    # A tolerance of 35 points makes it one that was reproduced, and changes no other reference.
    wide = view_of(client, reference=["published", "mine:35"])
    assert experiment(wide, "1.2")["rows"][9]["judged"][1]["test_acc"]["outcome"] == "reproduced"
    shown = wide["references"]["shown"]
    assert [one["tolerance_points"] for one in shown] == [0.05, 35.0]
    assert shown[1]["own_tolerance_points"] == 0.05
    assert experiment(wide, "2.1")["references"][1]["there"] is False


def test_what_a_reference_says_of_its_protocol_is_compared_and_nothing_else(
    client: TestClient, database: Database
) -> None:
    train(database, [SCRATCH], [0, 1, 2])
    load(client, text="experiment,num_epochs,batch_size,epoch,test_acc\nalexnet-from-scratch,10,7,10,0.4\n")
    block = experiment(view_of(client, reference="mine"), "1.1")
    here = str(PLAN.cells[SCRATCH].spec.batch_size)
    assert block["references"][0]["protocol"] == [{"field": "batch size", "published": "7", "here": here}]
    assert block["verdict"] == "The protocol differs: batch size."


def test_fewer_than_three_seeds_are_no_verdict_and_the_missing_ones_can_be_launched(
    client: TestClient, database: Database
) -> None:
    load(client)
    assert experiment(view_of(client, reference="mine"), "1.1")["seeds"]["add"] is None
    (run_id,) = train(database, [SCRATCH], [0])
    block = experiment(view_of(client, reference="mine"), "1.1")
    cell = block["rows"][9]["cells"]["test_acc"]
    assert (cell["n"], cell["kind"], cell["half"]) == (1, "wilson", None)
    assert cell["low"] < 0.38 < cell["high"]
    assert block["verdict"] == "Not enough seeds: 1 of 3."
    wanted = block["seeds"]["add"]
    assert (wanted["clone"], wanted["seeds"]) == (run_id, [1, 2])
    answer = client.post(
        "/api/launches",
        json={"clone": wanted["clone"], "seeds": wanted["seeds"]},
        headers={"Idempotency-Key": "once"},
    )
    assert answer.status_code == 201
    # What is on its way is not asked for twice.
    assert experiment(view_of(client, reference="mine"), "1.1")["seeds"]["add"] is None


def test_two_seeds_show_both_values(client: TestClient, database: Database) -> None:
    train(database, [SCRATCH], [0, 1])
    cell = experiment(view_of(client), "1.1")["rows"][9]["cells"]["test_acc"]
    assert (cell["kind"], cell["values"], cell["half"]) == ("two", [0.38, 0.40], None)


def test_a_comparison_has_both_tests_the_stated_gain_and_the_seeds_to_add(
    client: TestClient, database: Database
) -> None:
    train(database, [SCRATCH, TUNED], [0, 1])
    few = claim(view_of(client))["tests"]
    assert few["recipes"]["text"].startswith("No judgement of the recipes: 3 seeds of each are needed.")
    assert [len(one["seeds"]) for one in few["more"]["launches"]] == [1, 1]
    train(database, [SCRATCH, TUNED], [2])
    item = claim(view_of(client))
    # 0.9 / 0.4 = 2.25: the means are in the published ratio.
    assert item["measured"] == (
        "0.900 against 0.400: 2.25 times, +125%, +50.0 points (means over 3 and 3 seeds)"
    )
    assert (
        item["otherwise"]
        == "The report says 225% greater; measured it is 125% greater: −100 percentage points."
    )
    models, recipes = item["tests"]["models"], item["tests"]["recipes"]
    assert models["table"] == {"both_right": 160, "only_first": 30, "only_second": 10, "both_wrong": 0}
    # Two-sided: twice the sum of C(40, k) for k up to 10, over 2^40.
    exact = 2 * sum(math.comb(40, k) for k in range(11)) / 2**40
    assert models["p"] == pytest.approx(exact, rel=1e-9)
    assert "30 that run" in models["text"]
    # t = 0.5 / sqrt(2 x 0.0004 / 3) = 30.6 with four degrees of freedom.
    t = 0.5 / math.sqrt(2 * 0.0004 / 3)
    df4_tail = 2 * (0.5 - (t / math.sqrt(4 + t * t)) * (1 + 2 / (4 + t * t)) / 2)
    assert recipes["p"] == pytest.approx(df4_tail, rel=1e-4)
    assert "the recipes differ" in recipes["text"]
    assert item["tests"]["more"]["kind"] == "enough"
    assert item["tests"]["more"]["launches"] == []


def test_equal_seeds_are_counted_once_and_said_to_be_left_out(client: TestClient, database: Database) -> None:
    runs = train(database, [SCRATCH], [0])
    (again,) = train(database, [SCRATCH], [0])
    seeds = experiment(view_of(client), "1.1")["seeds"]
    assert (seeds["n"], seeds["runs"]) == (1, [again])
    assert seeds["run_ids"] == sorted([*runs, again])
    assert seeds["left_out"].startswith("1 completed run does not count")


@pytest.mark.parametrize(
    ("reference", "status", "says"),
    [
        ("nobody", 404, "There is no reference 'nobody'."),
        ("published:101", 422, "tolerance_points is 101.0; it must be a number from 0 to 100."),
        ("published:-1", 422, "reference"),
        ("published:nan", 422, "reference"),
        (["a", "b", "c", "d", "e"], 422, "reference"),
    ],
)
def test_a_reference_that_cannot_be_is_refused(
    client: TestClient, reference: Any, status: int, says: str
) -> None:
    answer = client.get(f"/api/reports/{NAME}", params={"reference": reference})
    assert answer.status_code == status
    assert says in answer.json()["error"]["message"]
