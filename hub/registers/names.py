"""What an operator names: a message, a delivery, a dossier by any of its numbers, or a subject of the journal."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Column, Connection, select

from hub.canonical.national_message import NUMBERINGS
from hub.errors import NotAllowed
from hub.ledger.tables import deliveries, dossier_codes, dossiers, journal_heads, messages

#: So many first characters of an identifier name it, where no other begins so.
SHORTEST_PREFIX = 6
#: Above every character of an identifier (hex digits and dashes), in every collation.
_AFTER_ALL = "z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What an identifier or number names."""

    #: ``message``, ``delivery`` or ``subject``.
    kind: str
    name: str
    messages: tuple[str, ...] = ()
    deliveries: tuple[str, ...] = ()
    subjects: tuple[str, ...] = field(default=())


def resolve(conn: Connection, given: str) -> Named:
    """Find what a name means: message, delivery, dossier number (with or without its numbering), journal subject.

    Raises NotAllowed where nothing has this name, or where a short one names several.
    """
    if (subject := dossier_key(conn, given)) or (subject := _subject(conn, given)):
        return _of_subject(conn, subject)
    if message := by_id(conn, messages.c.id, given):
        return _of_message(conn, message)
    if delivery := by_id(conn, deliveries.c.id, given):
        return _of_delivery(conn, delivery)
    raise NotAllowed(
        f"no message, delivery or dossier is called {given!r}",
        f"không có thông điệp, lượt chuyển hay hồ sơ nào mang mã {given!r}",
        where=given,
    )


def delivery_id(conn: Connection, given: str) -> str:
    """Find the one delivery a name means; where it names a message or dossier, say which deliveries there are."""
    found = by_id(conn, deliveries.c.id, given)
    if found:
        return found
    named = resolve(conn, given)
    if len(named.deliveries) == 1:
        return named.deliveries[0]
    listed = ", ".join(named.deliveries[:10]) or "-"
    raise NotAllowed(
        f"{given!r} names {len(named.deliveries)} deliveries; name one: {listed}",
        f"{given!r} có {len(named.deliveries)} lượt chuyển; hãy nêu một lượt: {listed}",
        where=given,
    )


def dossier_key(conn: Connection, given: str) -> str:
    """Give the key of the dossier that has this number, with its numbering (``vnsw:...``) or without; else an empty text."""
    codes = [given, *(f"{numbering}:{given}" for numbering in NUMBERINGS)]
    keys = sorted(set(conn.execute(select(dossier_codes.c.key).where(dossier_codes.c.code.in_(codes))).scalars()))
    if len(keys) > 1:
        raise NotAllowed(
            f"{given!r} is the number of {len(keys)} dossiers; say which: {', '.join(keys)}",
            f"{given!r} là mã của {len(keys)} hồ sơ; hãy nêu rõ: {', '.join(keys)}",
            where=given,
        )
    return keys[0] if keys else ""


def _subject(conn: Connection, given: str) -> str:
    found = conn.execute(select(journal_heads.c.subject).where(journal_heads.c.subject == given)).scalar()
    return str(found or "")


def by_id(conn: Connection, column: Column[str], given: str) -> str:
    """Find an identifier by itself or by its first characters; a range, since that is what an index can serve."""
    if len(given) < SHORTEST_PREFIX:
        return ""
    query = select(column).where((column >= given) & (column < given + _AFTER_ALL)).order_by(column).limit(2)
    found = [str(each) for each in conn.execute(query).scalars()]
    if len(found) > 1 and found[0] != given:
        raise NotAllowed(
            f"several identifiers begin with {given!r}; give more of it",
            f"nhiều mã bắt đầu bằng {given!r}; hãy ghi dài hơn",
            where=given,
        )
    return found[0] if found else ""


def _of_message(conn: Connection, message: str) -> Named:
    rows = conn.execute(
        select(deliveries.c.id, deliveries.c.subject)
        .where(deliveries.c.message_id == message)
        .order_by(deliveries.c.endpoint, deliveries.c.subject, deliveries.c.place)
    ).fetchall()
    own = conn.execute(select(messages.c.subject).where(messages.c.id == message)).scalar_one()
    subjects = dict.fromkeys((own, *(row.subject for row in rows)))
    return Named(
        kind="message",
        name=message,
        messages=(message,),
        deliveries=tuple(row.id for row in rows),
        subjects=tuple(subjects),
    )


def _of_delivery(conn: Connection, delivery: str) -> Named:
    row = conn.execute(
        select(deliveries.c.message_id, deliveries.c.subject, messages.c.subject.label("first"))
        .join(messages, messages.c.id == deliveries.c.message_id)
        .where(deliveries.c.id == delivery)
    ).one()
    return Named(
        kind="delivery",
        name=delivery,
        messages=(row.message_id,),
        deliveries=(delivery,),
        subjects=tuple(dict.fromkeys((row.first, row.subject))),
    )


def _of_subject(conn: Connection, subject: str) -> Named:
    rows = conn.execute(
        select(deliveries.c.id, deliveries.c.message_id)
        .where(deliveries.c.subject == subject)
        .order_by(deliveries.c.endpoint, deliveries.c.place)
    ).fetchall()
    own = conn.execute(select(messages.c.id).where(messages.c.subject == subject)).scalars()
    # Several dossiers may come in one message, which then stands under the first one's subject.
    last = conn.execute(select(dossiers.c.last_message).where(dossiers.c.key == subject)).scalars()
    return Named(
        kind="subject",
        name=subject,
        messages=tuple(dict.fromkeys((*own, *last, *(row.message_id for row in rows)))),
        deliveries=tuple(row.id for row in rows),
        subjects=(subject,),
    )
