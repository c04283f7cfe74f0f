"""Who was shown the content of a border document, why, and for how long."""

from __future__ import annotations

from sqlalchemy import Connection

from hub.ledger import journal, people_verbs


def note(conn: Connection, key: str, *, language: str, until: float, actor: str, why: str, now: float) -> None:
    """Write into the document's own chain who printed it and why, and let that person see it until a moment."""
    people_verbs.reveal(conn, actor, (key,), about=key, until=until, why=why, now=now)
    journal.append(conn, key, "border.printed", at=now, actor=actor, entry={"language": language, "until": until, "why": why})
