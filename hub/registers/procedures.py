"""The catalogue of procedures: what owners told us, and what each holder was last given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, func, select

from hub.canonical.procedure import CatalogueMessage, Procedure
from hub.ledger.catalogue_tables import holder_records, procedure_records, procedure_versions
from hub.ledger.tables import holdings, messages, procedures
from hub.ledger.values import ProcedureRow


def fingerprint(procedure: Procedure) -> str:
    """Name a procedure's content: SHA-256 of its canonical JSON with sorted names."""
    tree = procedure.model_dump(mode="json")
    return hashlib.sha256(json.dumps(tree, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def owned(conn: Connection, owner: str) -> dict[str, Procedure]:
    """Give an owner's procedures as the hub was told, by code."""
    rows = conn.execute(select(procedures.c.code, procedures.c.record).where(procedures.c.owner == owner))
    return {code: Procedure.model_validate_json(record) for code, record in rows}


def owners(conn: Connection) -> list[str]:
    """List the owners of catalogues."""
    return list(conn.execute(select(procedures.c.owner).distinct().order_by(procedures.c.owner)).scalars())


def received(conn: Connection, subject: str) -> int:
    """Count the catalogues that were accepted for a subject."""
    query = select(func.count()).where((messages.c.subject == subject) & messages.c.accepted)
    return int(conn.execute(query).scalar_one())


def given(conn: Connection, holder: str) -> dict[str, str]:
    """Give the fingerprints of what a holder was last given, by code."""
    rows = conn.execute(select(holdings.c.code, holdings.c.fingerprint).where(holdings.c.holder == holder))
    return {code: print_ for code, print_ in rows}


def whole(message: CatalogueMessage, before: dict[str, Procedure]) -> tuple[Procedure, ...]:
    """Complete a catalogue: what a whole list no longer names is no longer in use.

    Also what it has not named for long: a holder may not have been given that, or not yet be a holder then.
    """
    named = {procedure.code for procedure in message.procedures}
    gone = (
        procedure.model_copy(update={"active": False})
        for code, procedure in before.items()
        if message.complete and code not in named
    )
    return (*message.procedures, *gone)


def changed(listed: Iterable[Procedure], before: Mapping[str, str]) -> tuple[Procedure, ...]:
    """Choose the procedures whose content is not what the holder was last given."""
    return tuple(procedure for procedure in listed if before.get(procedure.code) != fingerprint(procedure))


def row_of(owner: str, procedure: Procedure) -> ProcedureRow:
    """Write a procedure as a row of its owner's catalogue."""
    return ProcedureRow(owner=owner, code=procedure.code, fingerprint=fingerprint(procedure), record=procedure.model_dump_json())


def one(conn: Connection, owner: str, code: str) -> Procedure | None:
    """Give one procedure as its owner says it now; None where there is none."""
    here = (procedures.c.owner == owner) & (procedures.c.code == code)
    record = conn.execute(select(procedures.c.record).where(here)).scalar()
    return Procedure.model_validate_json(record) if record else None


def levels(conn: Connection, owner: str) -> dict[str, int | None]:
    """Give the service level that an owner says of each of its procedures in use."""
    return {code: procedure.level for code, procedure in owned(conn, owner).items() if procedure.active}


def versions_since(conn: Connection, owner: str, moment: float) -> dict[str, int]:
    """Count the versions that an owner told after a moment, by code; procedures without any are not named."""
    mine = (procedure_versions.c.owner == owner) & (procedure_versions.c.told_at > moment)
    query = select(procedure_versions.c.code, func.count()).where(mine).group_by(procedure_versions.c.code)
    return {code: int(count) for code, count in conn.execute(query)}


def held(conn: Connection, holder: str) -> dict[str, Procedure]:
    """Give what a holder was last seen to hold, under the codes that it uses itself."""
    record = procedure_records.c.record
    query = select(holder_records.c.code, record).join(procedure_records, procedure_records.c.digest == holder_records.c.digest)
    rows = conn.execute(query.where(holder_records.c.holder == holder))
    return {code: Procedure.model_validate_json(text) for code, text in rows}


def held_levels(conn: Connection, holder: str) -> dict[str, int | None]:
    """Give the service level of each procedure that a holder was last seen to hold; None: it does not say."""
    rows = conn.execute(select(holder_records.c.code, holder_records.c.level).where(holder_records.c.holder == holder))
    return {code: level for code, level in rows}
