"""Telling senders: their notice list, and the callbacks that some of them want."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, insert
from sqlalchemy.engine import Row

from hub.ledger import chains, payloads
from hub.ledger.sql import Statement
from hub.ledger.tables import notices
from hub.ledger.values import Notice

_NOTICE = Statement(
    insert(notices).values(
        {
            name: bindparam(name)
            for name in ("endpoint", "message_id", "delivery_id", "subject", "recipient", "outcome", "code", "vi", "en", "at")
        }
    )
)


def tell(conn: Connection, row: Row[Any], notice: Notice, now: float) -> None:
    """Tell the sender: a row in its notice list, and the callback it asked for, in the same commit."""
    if row.kind == "notice":
        return
    _NOTICE.run(
        conn,
        endpoint=row.origin,
        message_id=row.message_id,
        delivery_id=row.id,
        subject=row.subject,
        recipient=row.endpoint,
        outcome=notice.outcome,
        code=notice.code,
        vi=notice.vi,
        en=notice.en,
        at=now,
    )
    if notice.callback is not None:
        payloads.put(conn, notice.callback.canonical, now)
        chains.add(conn, notice.callback, message_id=row.message_id, origin=row.origin, at=now)
