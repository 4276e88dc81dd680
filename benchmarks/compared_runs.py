"""A store with many recipes of long runs, as training would have left it: what a comparison is measured on.

Knows nothing of pages. The curves are made up: they rise, with noise of their own, so that no two are alike.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, update

from backend.contract import RunState
from backend.settings import Settings
from backend.spec import parse_spec
from backend.store import launches, migrate, predictions
from backend.store.launches import NewRun
from backend.store.session import Database
from backend.store.tables import Point, Prediction, Run

IMAGES, CLASSES = 10_000, 10
TEST_SET = "c0" * 32


@dataclass(frozen=True)
class Size:
    """So many recipes, with so many seeds each, of so many epochs."""

    recipes: int = 200
    seeds: int = 1
    epochs: int = 1_000


def store_runs(settings: Settings, size: Size) -> list[int]:
    """Store completed runs into the database of these settings, which may not be there yet; return their ids."""
    database = Database(settings.resolved_database_url)
    try:
        migrate.upgrade(database)
        ids = _launched(database, size)
        labels = bytes(place % CLASSES for place in range(IMAGES))
        with database.write() as session:
            predictions.describe_test_set(session, TEST_SET, [f"class {n}" for n in range(CLASSES)], labels)
        for run_id in ids:
            _complete(database, run_id, size.epochs, labels)
        return ids
    finally:
        database.dispose()


def _launched(database: Database, size: Size) -> list[int]:
    wanted = []
    for recipe in range(size.recipes):
        table = {
            "dataset": {"name": "shapes"},
            "model": {"arch": "softmax-regression"},
            "epochs": size.epochs,
            # Two fields that differ: twenty rates by ten sizes of batches.
            "optimizer": {"lr": round(0.001 * 1.3 ** (recipe % 20), 6)},
            "batch_size": 16 * (1 + recipe // 20),
        }
        wanted += [
            NewRun(parse_spec({**table, "seed": seed}), f"recipe {recipe}") for seed in range(size.seeds)
        ]
    with database.write() as session:
        return launches.accept(session, wanted, body_sha256="0" * 64).run_ids


def _complete(database: Database, run_id: int, epochs: int, labels: bytes) -> None:
    random_ = random.Random(run_id)
    rows = list(_points(run_id, epochs, random_))
    last = {row["name"]: row["value"] for row in rows if row["epoch"] == epochs}
    best = max((row for row in rows if row["name"] == "test_acc"), key=lambda row: row["value"])
    summary = {
        "epoch": epochs,
        "metrics": last,
        "best_test_acc": best["value"],
        "best_epoch": best["epoch"],
    }
    wrong = bytes(label if random_.random() < last["test_acc"] else (label + 1) % CLASSES for label in labels)
    with database.write() as session:
        session.execute(insert(Point), rows)
        session.execute(
            insert(Prediction).values(run_id=run_id, epoch=epochs, test_set=TEST_SET, classes=wrong)
        )
        changes = {"state": RunState.COMPLETED, "summary": summary, "attempt": 1}
        session.execute(update(Run).where(Run.id == run_id).values(**changes))


def _points(run_id: int, epochs: int, random_: random.Random) -> Iterator[dict[str, Any]]:
    height, pace = random_.uniform(0.5, 0.95), random_.uniform(20, 200)
    for epoch in range(1, epochs + 1):
        accuracy = min(0.999, height * (1 - math.exp(-epoch / pace)) + random_.gauss(0, 0.004) + 0.02)
        values = {
            "test_acc": accuracy,
            "test_loss": -math.log(accuracy),
            "train_acc": min(1.0, accuracy + 0.02),
            "train_loss": -math.log(accuracy) * 0.9,
            "epoch_seconds": random_.uniform(1.9, 2.1),
        }
        for name, value in values.items():
            yield {
                "run_id": run_id,
                "name": name,
                "step": epoch,
                "epoch": epoch,
                "value": value,
                "nonfinite": None,
                "at": float(epoch),
            }
