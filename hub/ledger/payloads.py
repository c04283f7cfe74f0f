"""Payload bytes by digest (Claim Check): written once, read by digest, never changed; only retention deletes them.

Every commit that names bytes stores them. So ``named_at``, moved forward when the same bytes come again, is never more
than ``REFRESH_SECONDS`` behind the last row that names them, and retention need not look for such rows. It also makes
deletion and a new use safe against each other: what is old enough to be deleted is always written to by who stores it
again, so one of the two waits for the other on the row, and bytes that were deleted meanwhile are there again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Double, Integer, LargeBinary, bindparam, case, func, null, select, update

from hub.ledger.sql import Statement, insert_new
from hub.ledger.tables import payloads
from hub.ledger.values import digest_of
from hub.rules.retention import REFRESH_SECONDS, Kept

_PUT = insert_new(payloads, "digest")
_AT = bindparam("new_at", type_=Double)
_KEPT = bindparam("new_kept_for", type_=Integer)
_AGAIN = Statement(
    update(payloads)
    .where(payloads.c.digest == bindparam("sought"))
    .where(
        payloads.c.body.is_(None)
        | (payloads.c.named_at < bindparam("stale", type_=Double))
        | (payloads.c.kept_for < _KEPT)
    )
    .values(
        body=func.coalesce(payloads.c.body, bindparam("new_body", type_=LargeBinary)),
        named_at=case((payloads.c.named_at < _AT, _AT), else_=payloads.c.named_at),
        kept_for=case((payloads.c.kept_for < _KEPT, _KEPT), else_=payloads.c.kept_for),
        deleted_at=null(),
    )
)
_GET = Statement(select(payloads.c.body).where(payloads.c.digest == bindparam("sought")))
_DELETED_AT = Statement(select(payloads.c.deleted_at).where(payloads.c.digest == bindparam("sought")))


def put(conn: Connection, body: bytes, at: float, kept_for: Kept = Kept.PROOF) -> str:
    """Keep bytes under their digest; give the digest, or an empty text for no bytes."""
    return put_all(conn, ((body, kept_for),), at)[0]


def put_all(conn: Connection, bodies: Iterable[tuple[bytes, Kept]], at: float) -> list[str]:
    """Keep several bodies, each for what it is kept for; give their digests in the same order."""
    digests = []
    rows: dict[str, dict[str, Any]] = {}
    for body, kept_for in bodies:
        digest = digest_of(body) if body else ""
        digests.append(digest)
        if digest:
            longest = max(kept_for, rows[digest]["kept_for"]) if digest in rows else kept_for
            rows[digest] = {
                "digest": digest,
                "size": len(body),
                "body": body,
                "stored_at": at,
                "named_at": at,
                "kept_for": int(longest),
                "deleted_at": None,
            }
    if _PUT.run_each(conn, list(rows.values())) < len(rows):
        # In one order, so that two processes never wait for each other crosswise.
        _AGAIN.run_each(conn, [_again(rows[digest], at) for digest in sorted(rows)])
    return digests


def _again(row: dict[str, Any], at: float) -> dict[str, Any]:
    return {
        "sought": row["digest"],
        "new_body": row["body"],
        "new_kept_for": row["kept_for"],
        "new_at": at,
        "stale": at - REFRESH_SECONDS,
    }


def get(conn: Connection, digest: str) -> bytes | None:
    """Give the bytes of a digest; None where retention has deleted them or none were kept."""
    return _GET.run(conn, sought=digest).scalar() if digest else None


def deleted_at(conn: Connection, digest: str) -> float | None:
    """Say when retention deleted the bytes of a digest; None where it did not."""
    found: float | None = _DELETED_AT.run(conn, sought=digest).scalar() if digest else None
    return found
