"""The tables as this program needs them: made, adopted from the first version, or brought forward, before a ledger is used."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, MetaData, inspect, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from hub.errors import BadSettings, Unavailable
from hub.ledger import postgresql
from hub.ledger.engine import writing
from hub.ledger.migrations import HEAD

if TYPE_CHECKING:
    from alembic.config import Config

_VERSION = "SELECT version_num FROM alembic_version"
_LOCK = "hashtextextended('lienthong: revisions of the ledger', 0)"
#: Another process brings the ledger forward: so long it is waited for, and so often it is looked.
WAIT_SECONDS = 600.0
LOOK_SECONDS = 0.2
#: A change that found its table locked is tried again so often.
TRIES = 20


def bring_forward(engine: Engine) -> None:
    """Make the tables what they must be; where they are, that costs one look.

    Safe where several processes start at once. Raises BadSettings where the ledger is a newer program's, or nobody's.
    """
    with engine.connect() as connection:
        if _is_ready(connection):
            return
    if engine.dialect.name == "postgresql":
        with _alone(engine):
            _with_patience(engine)
        return
    with engine.connect() as connection, writing(connection):
        # Said to SQLAlchemy as well: so Alembic knows that the end of it is ours.
        connection.begin()
        _bring_forward(connection)


def _is_ready(connection: Connection) -> bool:
    try:
        return bool(connection.exec_driver_sql(_VERSION).scalar() == HEAD)
    except (ProgrammingError, OperationalError):
        # There is no such table, or whatever it is will show again.
        return False


def _version(connection: Connection) -> str | None:
    """Give the revision that a ledger stands at; None where it has no number."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version = connection.exec_driver_sql(_VERSION).scalar()
    return str(version) if version is not None else None


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Keep other processes out. Nobody waits inside of a statement: an index that is built waits for its end in turn."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        until = time.monotonic() + WAIT_SECONDS
        while not connection.execute(text(f"SELECT pg_try_advisory_lock({_LOCK})")).scalar():
            if time.monotonic() > until:
                raise Unavailable(
                    "another process has been changing the ledger's tables for too long",
                    "một tiến trình khác đang thay đổi bảng của sổ cái quá lâu",
                    where="ledger",
                )
            time.sleep(LOOK_SECONDS)
        try:
            yield
        finally:
            connection.execute(text(f"SELECT pg_advisory_unlock({_LOCK})"))


def _with_patience(engine: Engine) -> None:
    for left in reversed(range(TRIES)):
        try:
            with engine.connect() as connection:
                _bring_forward(connection)
                # Its waiting for locks was set for changing tables: no other may use it.
                connection.invalidate()
            return
        except DBAPIError as error:
            if not left or not postgresql.is_locked_out(error):
                raise
            time.sleep(LOOK_SECONDS)


def _bring_forward(connection: Connection) -> None:
    """Look again, now that nobody else is at it; then do what is left to do."""
    # Loaded only where there is something to do: it costs a tenth of a second.
    from alembic import command  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    from hub.ledger.migrations.versions import r0001_tables as first  # noqa: PLC0415

    config = _config(connection)
    version = _version(connection)
    unnumbered = version is None and inspect(connection).has_table("deliveries")
    if unnumbered:
        _check_fit(connection, first.metadata)
    elif version is not None and version not in {each.revision for each in ScriptDirectory.from_config(config).walk_revisions()}:
        raise _newer(version)
    if connection.dialect.name == "postgresql":
        # From here on each revision has a transaction of its own.
        connection.rollback()
    if unnumbered:
        command.stamp(config, first.revision)
    command.upgrade(config, "head")


def _config(connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "hub.ledger:migrations")
    return config


def _check_fit(connection: Connection, tables: MetaData) -> None:
    """Check that a ledger without a number is one of the first version, by the names of all that it has."""
    seen = inspect(connection)
    for table in tables.tables.values():
        columns = {each["name"] for each in seen.get_columns(table.name)} if seen.has_table(table.name) else set()
        if columns != set(table.columns.keys()):
            raise _unknown(table.name)
        if {each["name"] for each in seen.get_indexes(table.name)} != {index.name for index in table.indexes}:
            raise _unknown(table.name)


def _newer(version: str) -> BadSettings:
    return BadSettings(
        f"the ledger stands at revision {version}, which this program does not know: a newer one has used it. Install that "
        "version again, or open another ledger",
        f"sổ cái đang ở phiên bản bảng {version}, chương trình này không biết: một phiên bản mới hơn đã dùng sổ cái. Hãy cài "
        "lại phiên bản đó, hoặc mở sổ cái khác",
        where="hub.toml [ledger] url",
    )


def _unknown(table: str) -> BadSettings:
    return BadSettings(
        f"the database has a table {table!r} that is not of a ledger of this program: give the ledger a database of its own",
        f"cơ sở dữ liệu có bảng {table!r} không thuộc sổ cái của chương trình này: hãy dành riêng một cơ sở dữ liệu cho sổ cái",
        where="hub.toml [ledger] url",
    )
