"""A queue that people order and pause, workers that they drain, tokens, wrongly classified images."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.add_column("store", sa.Column("paused_at", sa.Double(), nullable=True))
    op.add_column("run", sa.Column("place", sa.Double(), nullable=True))
    op.add_column(
        "worker", sa.Column("drain_requested", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("prediction", sa.Column("mistakes", JSON, nullable=True))
    op.create_index("prediction_test_set", "prediction", ["test_set"])
    op.create_table(
        "test_image",
        sa.Column("test_set", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["test_set"], ["test_set.hash"]),
        sa.PrimaryKeyConstraint("test_set", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "token",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("prefix", sa.String(length=12), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("last_used_at", sa.Double(), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("sha256"),
    )
    _carry_weights_over()


def _carry_weights_over() -> None:
    """Let attempts that went on from a checkpoint say what the run began with, as `attempts.describe` does by now."""
    columns = (
        sa.column("run_id"),
        sa.column("number"),
        sa.column("resumed_from", JSON),
        sa.column("environment", JSON),
    )
    attempt = sa.table("attempt", *columns)
    connection = op.get_bind()
    told = sa.select(*columns).where(attempt.c.environment.is_not(None)).order_by("run_id", "number")
    rows: Sequence[Any] = connection.execute(told).all()
    begun_with: dict[int, dict[str, Any] | None] = {}
    for run_id, number, resumed_from, environment in rows:
        weights = environment.get("weights")
        if weights is None and resumed_from is not None and begun_with.get(run_id) is not None:
            weights = begun_with[run_id]
            this = sa.and_(attempt.c.run_id == run_id, attempt.c.number == number)
            changed = environment | {"weights": weights}
            connection.execute(attempt.update().where(this).values(environment=changed))
        begun_with[run_id] = weights


def downgrade() -> None:
    op.drop_table("token")
    op.drop_table("test_image")
    op.drop_index("prediction_test_set", table_name="prediction")
    op.drop_column("prediction", "mistakes")
    op.drop_column("worker", "drain_requested")
    op.drop_column("run", "place")
    op.drop_column("store", "paused_at")
