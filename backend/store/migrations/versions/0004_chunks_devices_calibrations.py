"""Packed series of steps and seconds, workers of several devices, what was measured of a kind of device."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "chunk",
        sa.Column("run_id", ID, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("positions", sa.LargeBinary(), nullable=True),
        sa.Column("values", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "name", "attempt", "first"),
        sqlite_with_rowid=False,
    )
    op.add_column("worker", sa.Column("devices", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("worker", sa.Column("device_key", sa.Text(), nullable=True))
    op.add_column("worker", sa.Column("memory_bytes", sa.BigInteger(), nullable=True))
    op.create_table(
        "calibration",
        sa.Column("device_key", sa.Text(), nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("device_key"),
    )


def downgrade() -> None:
    op.drop_table("calibration")
    op.drop_column("worker", "memory_bytes")
    op.drop_column("worker", "device_key")
    op.drop_column("worker", "devices")
    op.drop_table("chunk")
