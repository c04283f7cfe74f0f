"""The catalogue of procedures: what owners told us, and what each holder was last given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, func, select

from hub.canonical.procedure import CatalogueMessage, Procedure
from hub.ledger.tables import holdings, messages, procedures


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
