"""Words for revisions that hinder nobody who is at work: on PostgreSQL an index is built beside the writers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from alembic import op
from sqlalchemy import Connection, text

#: A change of a table waits so long for its lock, and all who come later behind it; then it is tried again.
LOCK_SECONDS = 3
_STATE = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")


def create_index(name: str, table: str, columns: Sequence[str], *, unique: bool = False, where: str = "") -> None:
    """Create an index, of the rows that ``where`` says; what an interrupted try left is made anew."""
    some = text(where) if where else None
    if not _is_postgresql():
        op.create_index(name, table, list(columns), unique=unique, if_not_exists=True, sqlite_where=some)
        return
    with _beside_writers() as connection:
        if connection.execute(_STATE, {"name": name}).scalar() is False:
            op.drop_index(name, table, postgresql_concurrently=True)
        op.create_index(
            name,
            table,
            list(columns),
            unique=unique,
            if_not_exists=True,
            postgresql_concurrently=True,
            postgresql_where=some,
        )


def drop_index(name: str, table: str) -> None:
    """Drop an index, where it is there."""
    if not _is_postgresql():
        op.drop_index(name, table, if_exists=True)
        return
    with _beside_writers():
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)


def replace_index(name: str, table: str, columns: Sequence[str], *, unique: bool = False) -> None:
    """Give an index other columns: the old one serves until the new one is whole."""
    if not _is_postgresql():
        drop_index(name, table)
        create_index(name, table, columns, unique=unique)
        return
    new = f"{name}__new"
    create_index(new, table, columns, unique=unique)
    drop_index(name, table)
    op.execute(f"ALTER INDEX {new} RENAME TO {name}")


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


@contextmanager
def _beside_writers() -> Iterator[Connection]:
    """Step out of the revision's transaction; such a build waits for the oldest reader, and locks nobody out meanwhile."""
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        connection.execute(text("SET lock_timeout = 0"))
        try:
            yield connection
        finally:
            connection.execute(text(f"SET lock_timeout = '{LOCK_SECONDS}s'"))
