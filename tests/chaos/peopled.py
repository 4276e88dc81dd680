"""A service over a store that holds something of everything, so that hostile questions reach more than "there is none"."""

import math
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI

from backend.app import create_app
from backend.broker import Broker
from backend.catalog.reports import REPORT
from backend.checkpoints import SUFFIXES
from backend.contract import RunState
from backend.queue import Bell
from backend.references.reading import read_reference
from backend.references.template import CSV
from backend.settings import Settings
from backend.store import chunks, own_reports, predictions, references, replicates, workers
from backend.store.attempts import Claimed
from backend.store.predictions import NewMistakes
from backend.store.session import Database
from tests.chaos.described import Samples
from tests.conftest import TOKEN
from tests.store import scenes

NOBODY = "redis://127.0.0.1:1/0"
TEST_SET = "7" * 64
PNG = b"\x89PNG\r\n\x1a\n not looked into"
RUNS = 8

_PRESET = {"preset": "softmax-original", "overrides": {"dataset": {"name": "shapes"}}}
_SPEC = {"dataset": {"name": "shapes"}, "model": {"arch": "softmax-regression"}, "epochs": 1}
_LAUNCH = {"": _PRESET, " spec": {"spec": _SPEC}, " clone": {"confirm": True}}


EXPORTS = ("compare/export", "compare/points", "reports/{name}/export")
"""Operations that are asked for a form."""


COMPARED = ("", "/curves", "/pair", "/export", "/points")
"""Operations that are asked for runs or for recipes."""

OTHER_EPOCHS = 7
OTHER = scenes.a_spec(epochs=OTHER_EPOCHS).recipe_hash()
"""The recipe of a run that none has taken."""


@dataclass(frozen=True)
class Peopled:
    app: FastAPI
    samples: Samples
    """What fits this store. Run and path are those of the completed run."""


def peopled(settings: Settings, database: Database) -> Peopled:
    """Return a service with runs in most states, one of which has all that a completed run can have.

    It is not among the first: what hostile numbers mean by accident is mostly a small one.
    """
    runs = scenes.launch(database, RUNS)
    scenes.launch(database, 1, epochs=OTHER_EPOCHS)
    failed, with_checkpoint, deleted, training, completed = (scenes.claim(database) for _ in range(5))
    with database.write() as session:
        predictions.describe_test_set(session, TEST_SET, ["cat", "dog", "frog"], bytes([0, 1, 2, 2]))
    said = (TEST_SET, bytes([0, 1, 2, 0]))
    assert scenes.report(database, with_checkpoint, 1, {"test_acc": 0.5}, scenes.pointer(1), said)
    for one in (failed, with_checkpoint, deleted):
        assert scenes.end(database, one, RunState.FAILED)
    _train(database, completed)
    _put_checkpoint(settings.runs_folder / str(completed.run_id))
    assert scenes.end(database, completed, RunState.COMPLETED)
    with database.write() as session:
        workers.register(
            session, training.owner, host="here", device="cpu", device_name="a processor", version="0.1.0"
        )
    of = {"retry": failed.run_id, "resume": with_checkpoint.run_id, "cancel": runs[-1], "priority": runs[-2]}
    own = _write_reports(database, completed.run_id)
    app = create_app(settings, database, Bell(Broker(NOBODY)))
    return Peopled(app, _samples(completed.run_id, deleted.run_id, of, training.owner, own))


def _write_reports(database: Database, run_id: int) -> list[int]:
    """Store two references and some reports of a person, one of each to be deleted; return the reports' ids."""
    with database.write() as session:
        for name in ("ours", "theirs"):
            made = read_reference(name, "csv", CSV)
            tables, points = made.as_json(), made.tolerance_points
            references.create(session, name=name, title=made.title, tolerance_points=points, tables=tables)
        row = {"recipe": replicates.recipes_of(session, [run_id])[run_id], "runs": [run_id], "label": None}
        bound = {**row, "reference": "ours", "experiment": "vgg16-fine-tuned"}
        return [
            own_reports.create(session, title="Mine", notes="# Why", content={"rows": [bound]})
            for _ in range(RUNS)
        ]


def _samples(completed: int, deleted: int, of: dict[str, int], worker: str, own: list[int]) -> Samples:
    """Return samples of all fields; `of` says which run each action is for."""
    return Samples(
        parameters={
            "run_id": str(completed),
            "run": str(completed),
            "after": "0",
            "arch": "softmax-regression",
            "test_set": TEST_SET,
            "number": "3",
            "GET /api/reports/{name} name": REPORT,
            "GET /api/reports/{name}/export name": REPORT,
            **{f"GET /api/{path} format": "csv" for path in EXPORTS},
            "POST /api/reports/{name}/launch name": REPORT,
            **{f"GET /api/compare{part} run": str(completed) for part in COMPARED},
            "a": str(completed),
            "b": str(of["resume"]),
            "GET /api/compare/pair recipe": OTHER,
            "first": scenes.a_spec().recipe_hash(),
            "second": OTHER,
            "GET /api/references/{name} name": "ours",
            "DELETE /api/references/{name} name": "theirs",
            "GET /api/reference-templates/{format} format": "csv",
            "report_id": str(own[-2]),
            "DELETE /api/own-reports/{report_id} report_id": str(own[-1]),
            "reference": "ours:0.5",
            "GET /api/runs/{run_id}/series/values name": "step_loss",
            "DELETE /api/runs/{run_id} run_id": str(deleted),
            **{f"POST /api/runs/{{run_id}}/{action} run_id": str(run) for action, run in of.items()},
        },
        bodies={
            **{f"POST /api/launches{field}": body for field, body in _LAUNCH.items()},
            **{f"POST /api/launches/preview{field}": body for field, body in _LAUNCH.items()},
            "POST /api/reports/{name}/launch": {"size": "quick"},
            "POST /api/references": {"name": "new", "format": "csv", "text": CSV},
            "POST /api/own-reports": {"title": "New", "runs": [completed]},
            "POST /api/own-reports/{report_id}/edit": {"title": "New", "runs": [completed], "version": 1},
            "POST /api/queue/move": {"run": of["priority"], "before": None},
            "POST /api/runs/{run_id}/priority": {"priority": 1},
            "POST /api/workers/drain": {"worker": worker, "drain": False},
            "POST /api/login": {"token": TOKEN},
        },
    )


def _train(database: Database, claimed: Claimed) -> None:
    with database.write() as session:
        chunks.append_steps(session, claimed.run_id, 1, 1, {"step_loss": [1.0, math.nan, math.inf]})
    said = (TEST_SET, bytes([0, 2, 2, 0]))
    metrics = {"train_loss": math.nan, "train_acc": 0.25, "test_loss": -math.inf, "test_acc": 0.5}
    mistakes = NewMistakes([3, 1], [0.98, 0.4], {3: PNG})
    assert scenes.report(database, claimed, 1, metrics, scenes.pointer(1), said, mistakes)


def _put_checkpoint(folder: Path) -> None:
    folder.mkdir(parents=True)
    for suffix in SUFFIXES.values():
        (folder / f"{scenes.pointer(1)['name']}{suffix}").write_bytes(b"not looked into")
