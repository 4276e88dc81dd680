"""Alembic's entry: runs the migrations on the connection that `backend.store.migrate` hands over."""

from alembic import context

from backend.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
