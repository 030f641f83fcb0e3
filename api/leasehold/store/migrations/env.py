"""Runs migrations on the connection and in the transaction that `store.migrate` brings."""

from alembic import context
from sqlmodel import SQLModel

from leasehold.store import lease_rows, rows

__all__ = ["lease_rows", "rows"]  # imported for the tables that they add to the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
