"""Payload bytes by digest (Claim Check): written once, read by digest, never changed."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, select

from hub.ledger.sql import Statement, insert_new
from hub.ledger.tables import payloads
from hub.ledger.values import digest_of

_PUT = insert_new(payloads, "digest")
_GET = Statement(select(payloads.c.body).where(payloads.c.digest == bindparam("sought")))


def put(conn: Connection, body: bytes, at: float) -> str:
    """Keep bytes under their digest; give the digest, or an empty text for no bytes."""
    return put_all(conn, (body,), at)[0]


def put_all(conn: Connection, bodies: Iterable[bytes], at: float) -> list[str]:
    """Keep several bodies; give their digests in the same order."""
    digests = [(digest_of(body) if body else "", body) for body in bodies]
    rows = {digest: {"digest": digest, "size": len(body), "body": body, "stored_at": at} for digest, body in digests if digest}
    _PUT.run_each(conn, list(rows.values()))
    return [digest for digest, _ in digests]


def get(conn: Connection, digest: str) -> bytes | None:
    """Give the bytes of a digest; None where retention has deleted them or none were kept."""
    return _GET.run(conn, sought=digest).scalar() if digest else None
