"""Payload bytes by digest (Claim Check): written once, read by digest, never changed."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from hub.ledger.tables import payloads
from hub.ledger.values import digest_of


def put(conn: Connection, body: bytes, at: float) -> str:
    """Keep bytes under their digest; give the digest, or an empty text for no bytes."""
    if not body:
        return ""
    digest = digest_of(body)
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    row = {"digest": digest, "size": len(body), "body": body, "stored_at": at}
    conn.execute(dialect.insert(payloads).values(row).on_conflict_do_nothing(index_elements=["digest"]))
    return digest


def get(conn: Connection, digest: str) -> bytes | None:
    """Give the bytes of a digest; None where retention has deleted them or none were kept."""
    if not digest:
        return None
    return conn.execute(select(payloads.c.body).where(payloads.c.digest == digest)).scalar()
