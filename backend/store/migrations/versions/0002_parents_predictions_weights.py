"""Parents of runs, predictions with their test sets, imported weights, curves set aside by a retry."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    # Never by Alembic's batch mode: on SQLite it drops the old table, and with it, by cascade, every point.
    if op.get_bind().dialect.name == "sqlite":
        if not _has_parent_run_id():  # it is there after a downgrade
            op.execute("ALTER TABLE run ADD COLUMN parent_run_id INTEGER REFERENCES run (id)")
    else:
        op.add_column("run", sa.Column("parent_run_id", ID, nullable=True))
        op.create_foreign_key("run_parent_run_id", "run", "run", ["parent_run_id"], ["id"])
    op.add_column("run", sa.Column("parent_sha256", sa.String(length=64), nullable=True))
    op.create_index("run_parent", "run", ["parent_run_id"], unique=False)
    op.add_column("attempt", sa.Column("points", JSON, nullable=True))
    op.add_column("launch", sa.Column("answer", JSON, nullable=True))
    op.create_table(
        "test_set",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("classes", JSON, nullable=False),
        sa.Column("labels", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "prediction",
        sa.Column("run_id", ID, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("test_set", sa.String(length=64), nullable=False),
        sa.Column("classes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["test_set"], ["test_set.hash"]),
        sa.PrimaryKeyConstraint("run_id", "epoch"),
    )
    op.create_table(
        "weights",
        sa.Column("id", ID, nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("arch", sa.String(length=100), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("classes", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source", "name", "arch"),
    )


def downgrade() -> None:
    op.drop_table("weights")
    op.drop_table("prediction")
    op.drop_table("test_set")
    op.drop_column("launch", "answer")
    op.drop_column("attempt", "points")
    op.drop_index("run_parent", table_name="run")
    op.drop_column("run", "parent_sha256")
    # SQLite drops no column that refers to another table: it stays, emptied, for the next upgrade to find.
    if op.get_bind().dialect.name == "sqlite":
        op.execute("UPDATE run SET parent_run_id = NULL")
    else:
        op.drop_column("run", "parent_run_id")


def _has_parent_run_id() -> bool:
    return any(column["name"] == "parent_run_id" for column in sa.inspect(op.get_bind()).get_columns("run"))
