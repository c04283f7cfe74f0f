"""How Alembic runs the revisions: on the connection it is given, each in a commit of its own; nothing is said about logging."""

from __future__ import annotations

from alembic import context

from hub.ledger.migrations.online import LOCK_SECONDS
from hub.ledger.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
if connection.dialect.name == "postgresql":
    connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_SECONDS}s'")
    connection.commit()
with context.begin_transaction():
    context.run_migrations()
