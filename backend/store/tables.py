"""The tables. Times are seconds since 1970 by the database's clock (see clock.py)."""

from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    false,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite's rowid is an INTEGER; on Postgres ids are 64 bits wide.
Id = BigInteger().with_variant(Integer, "sqlite")
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Base(DeclarativeBase):
    type_annotation_map: ClassVar = {float: Double, dict[str, Any]: Json}


class Store(Base):
    """One row: the identity of this database. Cursors carry it, as a restored backup moves ids back."""

    __tablename__ = "store"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    paused_at: Mapped[float | None]
    """Since when nothing is claimed from the queue; NULL while it flows."""


class Experiment(Base):
    """A named set of runs launched together to answer one question."""

    __tablename__ = "experiment"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    notes: Mapped[str] = mapped_column(Text, default="")


class Launch(Base):
    """One accepted launch. The key makes a repeated request answer as the first did."""

    __tablename__ = "launch"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    idempotency_key: Mapped[str | None] = mapped_column(String(255), unique=True)
    body_sha256: Mapped[str] = mapped_column(String(64))
    experiment_id: Mapped[int | None] = mapped_column(ForeignKey("experiment.id"))
    at: Mapped[float]
    answer: Mapped[dict[str, Any] | None]
    """Fields of `launches.AcceptedLaunch`: which runs were asked for, which came along."""


class Recipe(Base):
    """A spec without its seed."""

    __tablename__ = "recipe"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    spec: Mapped[dict[str, Any]]


class Run(Base):
    """One training of one recipe with one seed. `epochs` and `preset` repeat the spec for lists."""

    __tablename__ = "run"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    recipe_id: Mapped[int] = mapped_column(ForeignKey("recipe.id"))
    launch_id: Mapped[int] = mapped_column(ForeignKey("launch.id"))
    experiment_id: Mapped[int | None] = mapped_column(ForeignKey("experiment.id"))
    seed: Mapped[int] = mapped_column(BigInteger)
    epochs: Mapped[int]
    spec: Mapped[dict[str, Any]]
    name: Mapped[str] = mapped_column(Text)
    preset: Mapped[str | None] = mapped_column(String(100))
    size: Mapped[str | None] = mapped_column(String(20))

    state: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[str | None] = mapped_column(Text)
    priority: Mapped[int] = mapped_column(default=0)
    place: Mapped[float | None]
    """Where a person moved it within its priority; NULL: at its id. Read by `queue_order.PLACE`."""
    attempt: Mapped[int] = mapped_column(default=0)
    losses: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None] = mapped_column(String(255))
    lease_until: Mapped[float | None]
    cancel_requested: Mapped[bool] = mapped_column(Boolean, default=False)
    not_before: Mapped[float] = mapped_column(default=0.0)

    parent_run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    parent_sha256: Mapped[str | None] = mapped_column(String(64))
    """Checkpoint of the parent that this run began on: what a restored or edited store has now may be another."""

    checkpoint: Mapped[dict[str, Any] | None]
    """Where it goes on from, and what it falls back to: see `pointers.py`."""
    progress: Mapped[dict[str, Any] | None]
    summary: Mapped[dict[str, Any] | None]

    created_at: Mapped[float]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]
    deleted_at: Mapped[float | None]

    __table_args__ = (
        # Finds the runs of a state. The queue is in the order of `queue_order.ORDER`, by place instead of id: a claim
        # reads those that are queued and sorts them.
        Index("run_queue", "state", "priority", "id"),
        Index("run_recipe", "recipe_id"),
        Index("run_launch", "launch_id"),
        Index("run_parent", "parent_run_id"),
    )


class Attempt(Base):
    """One try of a run by one worker. Its number is the fencing token of all that it writes."""

    __tablename__ = "attempt"
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    worker_id: Mapped[str] = mapped_column(String(255))
    started_at: Mapped[float]
    ended_at: Mapped[float | None]
    reason: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[str | None] = mapped_column(Text)
    resumed_from: Mapped[dict[str, Any] | None]
    environment: Mapped[dict[str, Any] | None]
    points: Mapped[dict[str, Any] | None]
    """The curves that a retry from the start set aside, as {metric: {"epochs", "values", "nonfinite"}}."""


class Point(Base):
    """One value of one metric of one run at one epoch. A value that is no number is NULL plus its name."""

    __tablename__ = "point"
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    step: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    epoch: Mapped[int]
    value: Mapped[float | None]
    nonfinite: Mapped[str | None] = mapped_column(String(4))
    at: Mapped[float]
    __table_args__ = ({"sqlite_with_rowid": False},)


class Chunk(Base):
    """Successive values of one of `backend.contract.DENSE_SERIES`, packed as little-endian doubles.

    Of a series by step, value i is that of step `first` + i, counted from 1 over the whole run, and `positions` is
    NULL. Of one by second, `first` counts the attempt's values before it, and `positions` are the seconds since the
    attempt began.
    """

    __tablename__ = "chunk"
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    first: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    count: Mapped[int]
    positions: Mapped[bytes | None] = mapped_column(LargeBinary)
    values: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = ({"sqlite_with_rowid": False},)


class TestSet(Base):
    """The true classes of the images that runs are tested on, in the order of their predictions.

    `labels` has one unsigned integer for each image, little-endian, of 1 byte where there are 256 classes at
    most, else of 2. `hash` is over the data's content and the images chosen of it.
    """

    __tablename__ = "test_set"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    classes: Mapped[list[str]] = mapped_column(Json)
    labels: Mapped[bytes] = mapped_column(LargeBinary)


class Prediction(Base):
    """The classes that a run predicted for its test set after an epoch, encoded as `TestSet.labels`.

    Kept of the last and of the best epoch, and of those that were so at the last checkpoint and at the one before it.
    """

    __tablename__ = "prediction"
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    test_set: Mapped[str] = mapped_column(ForeignKey("test_set.hash"))
    classes: Mapped[bytes] = mapped_column(LargeBinary)
    mistakes: Mapped[dict[str, Any] | None]
    """The wrong ones that the network was surest of, as {"images": [...], "probabilities": [...]}."""
    __table_args__ = (Index("prediction_test_set", "test_set"),)


class TestImage(Base):
    """One image of a test set as PNG: only such that some run took for another class."""

    __tablename__ = "test_image"
    test_set: Mapped[str] = mapped_column(ForeignKey("test_set.hash"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    png: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = ({"sqlite_with_rowid": False},)


class WeightsRow(Base):
    """Weights that an operator imported or fetched. `source` is that of `backend.spec.WeightsSpec`: imagenet or file.

    `name` is torchvision's name of its weights (IMAGENET1K_V1), or the operator's of a file.
    """

    __tablename__ = "weights"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    source: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(100))
    arch: Mapped[str] = mapped_column(String(100))
    sha256: Mapped[str] = mapped_column(String(64))
    classes: Mapped[int]
    at: Mapped[float]
    __table_args__ = (UniqueConstraint("source", "name", "arch"),)


class Event(Base):
    """Something that a browser must hear of. Ids rise in the order of commits (see events.py)."""

    __tablename__ = "event"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    payload: Mapped[dict[str, Any]]
    at: Mapped[float]
    __table_args__ = (Index("event_run", "run_id", "id"), {"sqlite_autoincrement": True})


class FindingRow(Base):
    """What a rule of `backend.analysis.findings` found of a run when it was last examined: kept for lists and their filter."""

    __tablename__ = "finding"
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    rule: Mapped[str] = mapped_column(String(100), primary_key=True)
    severity: Mapped[str] = mapped_column(String(20))
    epoch: Mapped[int]
    __table_args__ = (Index("finding_rule", "rule", "run_id"), {"sqlite_with_rowid": False})


class Examination(Base):
    """Up to which event a run was examined, and by which rules: what came later, or other rules, ask for it anew."""

    __tablename__ = "examination"
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    event_id: Mapped[int] = mapped_column(BigInteger)
    rules: Mapped[str] = mapped_column(String(64))
    __table_args__ = ({"sqlite_with_rowid": False},)


class LogLine(Base):
    __tablename__ = "log"
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[float]
    text: Mapped[str] = mapped_column(Text)
    __table_args__ = ({"sqlite_with_rowid": False},)


class Worker(Base):
    """One process that trains on one device, or on several that share each batch.

    Its row goes when it leaves in good order.
    """

    __tablename__ = "worker"
    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    host: Mapped[str] = mapped_column(Text)
    device: Mapped[str] = mapped_column(String(100))
    device_name: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(String(40))
    last_seen: Mapped[float]
    draining: Mapped[bool] = mapped_column(Boolean, default=False)
    """It has been told to go, and says so itself."""
    drain_requested: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    """A person asked that it takes no more runs; the one it has goes on."""
    devices: Mapped[int] = mapped_column(default=1, server_default="1")
    """How many devices it holds: it claims no run that needs more."""
    device_key: Mapped[str | None] = mapped_column(Text)
    """Its kind of device, as `calibration` knows it."""
    memory_bytes: Mapped[int | None] = mapped_column(BigInteger)
    """Of its device; of each, where it holds several."""


class Calibration(Base):
    """What was measured of a kind of device, for estimates of how long a training takes on it."""

    __tablename__ = "calibration"
    device_key: Mapped[str] = mapped_column(Text, primary_key=True)
    facts: Mapped[dict[str, Any]]
    at: Mapped[float]


class Token(Base):
    """A token that opens the gate: known by its SHA-256 alone. `role` is viewer or operator."""

    __tablename__ = "token"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    prefix: Mapped[str] = mapped_column(String(12))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[float]
    last_used_at: Mapped[float | None]
    expires_at: Mapped[float | None]


class ReferenceRow(Base):
    """A published table that a person brought: see `backend.references.tables.Reference`."""

    __tablename__ = "reference"
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    tolerance_points: Mapped[float]
    tables: Mapped[dict[str, Any]]
    at: Mapped[float]


class OwnReport(Base):
    """A selection of runs and recipes under a name, with notes in Markdown. `version` rises with each edit."""

    __tablename__ = "own_report"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    notes: Mapped[str] = mapped_column(Text)
    content: Mapped[dict[str, Any]]
    """`rows`, each with a recipe, the runs of it that were chosen, a label, and the reference it is held against."""
    version: Mapped[int]
    created_at: Mapped[float]
    changed_at: Mapped[float]
    __table_args__ = ({"sqlite_autoincrement": True},)


class DatasetRow(Base):
    """A data set that an operator imported. `is_current` marks the one that the name means now."""

    __tablename__ = "dataset"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    hash: Mapped[str] = mapped_column(String(64))
    classes: Mapped[list[str]] = mapped_column(Json)
    train_count: Mapped[int]
    test_count: Mapped[int]
    pixels: Mapped[int]
    channels: Mapped[int]
    is_current: Mapped[bool] = mapped_column(Boolean)
    at: Mapped[float]
    __table_args__ = (
        UniqueConstraint("name", "hash"),
        Index(
            "dataset_current",
            "name",
            unique=True,
            sqlite_where=is_current == true(),
            postgresql_where=is_current == true(),
        ),
    )
