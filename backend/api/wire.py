"""The shapes of answers: from stored rows to JSON. Times become ISO 8601 in UTC."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from backend.analysis.findings.finding import Severity
from backend.contract import MAX_LOSSES, RunState
from backend.store import pointers
from backend.store.families import Relative, Sibling
from backend.store.points import Series
from backend.store.runs import RunRow
from backend.store.staleness import Stale
from backend.store.tables import Attempt, DatasetRow, WeightsRow
from backend.stored_spec import whole_spec


class Wire(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LastEpoch(Wire):
    epoch: int
    metrics: dict[str, float | None]


class RelativeWire(Wire):
    """A run that this one starts from, or that starts from it."""

    run: int
    name: str
    state: RunState


class ParentWire(RelativeWire):
    changed: bool
    """Whether its checkpoint is no longer the one that this run began on."""


class SiblingWire(RelativeWire):
    """Another run of the same recipe."""

    seed: int


class PlaceWire(Wire):
    """How far a checkpoint had come: so many steps after the end of an epoch."""

    epoch: int
    step: int


class StaleWire(Wire):
    """A run in training that is not heard of since `heard_at`. At `until` it is taken back, unless it is heard of."""

    heard_at: str
    until: str


class StaleRunWire(StaleWire):
    run: int


class MarkWire(Wire):
    """That a rule holds of a run from an epoch on, in short; GET /api/runs/{id}/findings says all of it."""

    rule: str
    title: str
    severity: Severity
    epoch: int


class BetweenWire(Wire):
    """`runs` are those that it is about; `evidence` are the numbers that the rule went by."""

    rule: str
    title: str
    severity: Severity
    meaning: str
    runs: list[int]
    evidence: dict[str, Any]
    sentence: str
    advice: str


class RunWire(Wire):
    """A run as lists and pages show it."""

    id: int
    name: str
    recipe: str
    preset: str | None
    size: str | None
    experiment: str | None
    spec: dict[str, Any]
    seed: int
    state: RunState
    reason: str | None
    detail: str | None
    priority: int
    attempt: int
    losses: int
    """Workers that it lost since its last checkpoint."""
    max_losses: int
    """At so many it is given up."""
    retry_at: str | None
    """When a queued run whose worker was lost may be tried again; null once it may."""
    progress: dict[str, Any] | None
    last: LastEpoch | None
    best_test_acc: float | None
    best_epoch: int | None
    checkpoint: PlaceWire | None
    """Where a resume would begin."""
    curve: list[tuple[int, float | None]]
    """Test accuracy as (epoch, value), thinned where there are many epochs; null is a gap."""
    ahead: int | None
    parent: ParentWire | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    seconds: float | None
    """Time in all of its attempts, the one under way up to `told_at`; not what it waited in between."""
    told_at: str
    findings: list[MarkWire]
    """As it was last examined, which lags behind its epochs by seconds; the sick ones first."""


class AttemptWire(Wire):
    number: int
    worker: str
    started_at: str
    ended_at: str | None
    reason: str | None
    detail: str | None
    resumed_from_epoch: int | None
    resumed_from_step: int | None
    """Steps that were done of the epoch after that one."""
    environment: dict[str, Any] | None
    has_points: bool
    """Whether a retry from the start set its curves aside: `/points?attempt=` gives them."""


class RunDetailWire(RunWire):
    """`siblings` are the other runs of its recipe: the newest, no more than can be compared with it."""

    stale: StaleWire | None
    attempts: list[AttemptWire]
    children: list[RelativeWire]
    siblings: list[SiblingWire]
    cursor: str


class RunPageWire(Wire):
    runs: list[RunWire]
    next: int | None
    counts: dict[str, int]
    cursor: str


class LaunchWire(Wire):
    launch: int
    experiment: int | None
    runs: list[int]
    parents: list[int]


class ReportLaunchWire(Wire):
    """`launch` is null where nothing was missing; `reused` counts what was completed or on its way."""

    launch: int | None
    experiment: int | None
    runs: list[int]
    reused: int


class SeriesWire(Wire):
    epochs: list[int]
    values: list[float | None]
    nonfinite: dict[int, str]


class PointsWire(Wire):
    run: int
    cursor: str
    series: dict[str, SeriesWire]


class DeletedWire(Wire):
    deleted: int


class LargestShareWire(Wire):
    """The class that is predicted most often, and its share of all predictions."""

    class_: str = Field(serialization_alias="class")
    share: float


class PredictionsWire(Wire):
    """`confusion` has a row for each true class and a column for each predicted one, in the order of `classes`."""

    epoch: int
    count: int
    classes: list[str]
    confusion: list[list[int]]
    per_class_accuracy: list[float | None]
    largest_share: LargestShareWire | None


class LogLineWire(Wire):
    line: int
    at: str
    text: str


class LogWire(Wire):
    lines: list[LogLineWire]
    more: bool


class FiguresWire(Wire):
    cursor: str
    figures: dict[str, dict[str, Any]]


class DatasetWire(Wire):
    name: str
    title: str
    hash: str | None
    classes: list[str]
    train_count: int
    test_count: int
    pixels: int
    builtin: bool


class WeightsWire(Wire):
    """Weights to start from. `source` is imagenet or file; `classes` counts their output units."""

    source: str
    name: str
    arch: str
    sha256: str
    classes: int
    at: str


class WorkerWire(Wire):
    id: str
    host: str
    device: str
    device_name: str
    state: str
    takes_runs: bool
    last_seen: str
    run: int | None


class StatusWire(Wire):
    """`stale` are the runs in training that are not heard of."""

    counts: dict[str, int]
    paused_at: str | None
    workers: list[WorkerWire]
    stale: list[StaleRunWire]
    version: str
    store_id: str
    at: str


class HealthWire(Wire):
    status: str
    database: str
    sqlite_version: str | None
    warnings: list[str]


class ReadyWire(Wire):
    """The service can serve. Seconds are since each last worked: a write to the database, and two threads of the service."""

    status: str
    database: str
    revision: str
    written_seconds_ago: float
    reconciler_seconds_ago: float
    stream_seconds_ago: float


class ProblemWire(Wire):
    kind: str
    message: str


class ErrorWire(Wire):
    error: ProblemWire


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def maybe_iso(seconds: float | None) -> str | None:
    return None if seconds is None else iso(seconds)


def cursor(store_id: str, event_id: int) -> str:
    """Return the place in the stream of events, bound to this store: a restore moves ids back."""
    return f"{store_id}-{event_id}"


def run_fields(
    row: RunRow,
    *,
    curve: list[tuple[int, float | None]],
    ahead: int | None,
    seconds: float | None,
    now: float,
    spec: dict[str, Any] | None = None,
    marks: Sequence[MarkWire] = (),
) -> dict[str, Any]:
    """Return the fields of RunWire; `spec` is its `whole_spec`, where the caller has it."""
    run = row.run
    summary = run.summary or {}
    return {
        "id": run.id,
        "name": run.name,
        "recipe": row.recipe_hash[:12],
        "preset": run.preset,
        "size": run.size,
        "experiment": row.experiment,
        "spec": whole_spec(run.spec) if spec is None else spec,
        "seed": run.seed,
        "state": run.state,
        "reason": run.reason,
        "detail": run.detail,
        "priority": run.priority,
        "attempt": run.attempt,
        "losses": run.losses,
        "max_losses": MAX_LOSSES,
        "retry_at": iso(run.not_before) if run.state == RunState.QUEUED and run.not_before > now else None,
        "progress": run.progress,
        "last": {"epoch": summary["epoch"], "metrics": summary["metrics"]} if summary else None,
        "best_test_acc": summary.get("best_test_acc"),
        "best_epoch": summary.get("best_epoch"),
        "checkpoint": run.checkpoint and _place_fields(run.checkpoint),
        "curve": curve,
        "ahead": ahead,
        "parent": row.parent and _parent_wire(row.parent, changed=row.parent_changed),
        "created_at": iso(run.created_at),
        "started_at": maybe_iso(run.started_at),
        "finished_at": maybe_iso(run.finished_at),
        "seconds": seconds,
        "told_at": iso(now),
        "findings": marks,
    }


def _place_fields(pointer: pointers.Pointer) -> dict[str, int]:
    place = pointers.place(pointer)
    return {"epoch": place.epoch, "step": place.step}


def stale_wire(stale: Stale) -> StaleWire:
    return StaleWire(heard_at=iso(stale.heard_at), until=iso(stale.until))


def relative_wire(relative: Relative) -> RelativeWire:
    return RelativeWire(run=relative.run_id, name=relative.name, state=RunState(relative.state))


def sibling_wire(sibling: Sibling) -> SiblingWire:
    return SiblingWire(**relative_wire(sibling).model_dump(), seed=sibling.seed)


def _parent_wire(parent: Relative, *, changed: bool) -> ParentWire:
    return ParentWire(**relative_wire(parent).model_dump(), changed=changed)


def attempt_wire(attempt: Attempt, *, has_points: bool) -> AttemptWire:
    resumed_from = pointers.place(attempt.resumed_from) if attempt.resumed_from else None
    return AttemptWire(
        number=attempt.number,
        worker=attempt.worker_id,
        started_at=iso(attempt.started_at),
        ended_at=maybe_iso(attempt.ended_at),
        reason=attempt.reason,
        detail=attempt.detail,
        resumed_from_epoch=resumed_from.epoch if resumed_from else None,
        resumed_from_step=resumed_from.step if resumed_from else None,
        environment=attempt.environment,
        has_points=has_points,
    )


def series_wire(series: Series) -> SeriesWire:
    return SeriesWire(epochs=series.epochs, values=series.values, nonfinite=series.nonfinite)


def dataset_wire(row: DatasetRow) -> DatasetWire:
    return DatasetWire(
        name=row.name,
        title=row.name,
        hash=row.hash,
        classes=row.classes,
        train_count=row.train_count,
        test_count=row.test_count,
        pixels=row.pixels,
        builtin=False,
    )


def weights_wire(row: WeightsRow) -> WeightsWire:
    return WeightsWire(
        source=row.source,
        name=row.name,
        arch=row.arch,
        sha256=row.sha256,
        classes=row.classes,
        at=iso(row.at),
    )
