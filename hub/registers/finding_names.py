"""Finds things by what names them: numbers of dossiers, applicants' numbers, codes, identifiers; each is a range of an index."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select

from hub.canonical.national_message import NUMBERINGS
from hub.ledger.tables import deliveries, dossier_codes, dossiers, identities, messages, procedures
from hub.ledger.working_tables import finding_keys
from hub.registers import cursors, scopes, trade
from hub.registers.found import AFTER_ALL, Hit, Place, Sought

#: Letters of a number's beginning, and of an identifier's, at least.
SHORTEST_NUMBER, SHORTEST_IDENTIFIER = 3, 6
#: Rows that one page looks at, at most, where only some of them are in a person's scope.
LOOKED = 500
_IDENTIFIER = re.compile(r"[0-9a-fA-F-]{6,36}")
#: Entries of catalogues shown of one code.
_ENTRIES = 10


# --- dossiers ----------------------------------------------------------------------------------------------------


def by_number(conn: Connection, sought: Sought, after: str, limit: int) -> tuple[tuple[Hit, ...], str]:
    """Find dossiers by the beginning of any of their numbers, with or without the numbering."""
    if len(sought.text) < SHORTEST_NUMBER:
        return (), ""
    place = cursors.read(after, str)
    behind = place[0] if place else ""
    looked = limit if sought.scope is None else LOOKED
    whole = set(_beginnings(sought))
    codes = _codes(conn, sorted(whole), behind, looked + 1)
    why = "mã hồ sơ bắt đầu bằng nội dung tìm", "its number begins so"
    exact = "đúng mã hồ sơ", "it is its number"
    reasons: dict[str, tuple[str, str]] = {}
    for code, key in codes[:looked]:
        if key not in reasons or code in whole:
            reasons[key] = exact if code in whole else why
    hits, cut = _page(conn, sought, codes[:looked], reasons, limit)
    hits = (*hits, *_joined(conn, sought, [key for key, reason in reasons.items() if reason is exact], hits))
    more = cut or (codes[looked - 1][0] if len(codes) > looked else "")
    return hits, cursors.written(more) if more else ""


def _joined(conn: Connection, sought: Sought, keys: Sequence[str], hits: Sequence[Hit]) -> Iterable[Hit]:
    """Find with a trade dossier the one that it replaces, and the one that replaces it."""
    rows = _dossiers(conn, sought, keys[:_ENTRIES])
    others = {key: row.key for row in rows.values() for key in trade.joined(row.trade_course)}
    for key, row in sorted(_dossiers(conn, sought, others.keys() - {hit.id for hit in hits}).items()):
        number = others[key].partition(":")[2]
        yield _dossier(row, (f"thay thế hoặc được thay thế: {number}", f"replaces, or is replaced by, {number}"))


def _beginnings(sought: Sought) -> Iterable[str]:
    for text in sought.spellings:
        numbering = text.partition(":")[0].lower()
        yield f"{numbering}:{text.partition(':')[2]}" if numbering in NUMBERINGS and ":" in text else text
        yield from (f"{each}:{text}" for each in NUMBERINGS)


def _codes(conn: Connection, beginnings: Sequence[str], behind: str, limit: int) -> list[tuple[str, str]]:
    """Read numbers that begin so, one range after the other, in their order."""
    found: list[tuple[str, str]] = []
    columns = select(dossier_codes.c.code, dossier_codes.c.key).order_by(dossier_codes.c.code)
    for beginning in beginnings:
        if len(found) >= limit or behind >= beginning + AFTER_ALL:
            continue
        here = (dossier_codes.c.code >= beginning) & (dossier_codes.c.code < beginning + AFTER_ALL)
        if behind:
            here &= dossier_codes.c.code > behind
        rows = conn.execute(columns.where(here).limit(limit - len(found)))
        found += [(row.code, row.key) for row in rows if row.code.startswith(beginning)]
    return list(dict.fromkeys(found))


def _page(
    conn: Connection,
    sought: Sought,
    places: Sequence[tuple[str, str]],
    reasons: dict[str, tuple[str, str]],
    limit: int,
) -> tuple[tuple[Hit, ...], str]:
    """Make hits of dossiers that may be seen; give the place of the last one, where there are more than fit."""
    rows = _dossiers(conn, sought, [key for _, key in places])
    hits: dict[str, Hit] = {}
    for place, key in places:
        if key not in rows or key in hits:
            continue
        hits[key] = _dossier(rows[key], reasons[key])
        if len(hits) == limit:
            rest = places[places.index((place, key)) + 1 :]
            return tuple(hits.values()), place if rest else ""
    return tuple(hits.values()), ""


def _dossiers(conn: Connection, sought: Sought, keys: Collection[str]) -> dict[str, Any]:
    if not keys:
        return {}
    query = select(dossiers).where(dossiers.c.key.in_(sorted(set(keys))) & scopes.of_dossiers(sought.scope))
    return {row.key: row for row in conn.execute(query)}


def _dossier(row: Any, why: tuple[str, str]) -> Hit:
    return Hit(
        kind="dossier",
        id=row.key,
        title=row.key.partition(":")[2],
        endpoint=row.origin,
        at=row.updated_at,
        state=row.status,
        why_vi=why[0],
        why_en=why[1],
    )


def by_person(conn: Connection, sought: Sought, after: str, limit: int) -> tuple[tuple[Hit, ...], str]:
    """Find the dossiers of an applicant, by the keyed hash of a number."""
    if sought.key is None or not sought.number:
        return (), ""
    here = finding_keys.c.hash == sought.key.hashed(sought.number)
    place = cursors.read(after, str)
    if place:
        here &= finding_keys.c.subject > place[0]
    query = select(finding_keys.c.subject).where(here).order_by(finding_keys.c.subject).limit(LOOKED + 1)
    keys = [str(key) for key in conn.execute(query).scalars()]
    why = "số định danh hoặc mã số thuế của người nộp", "a number of its applicant"
    hits, cut = _page(conn, sought, [(key, key) for key in keys[:LOOKED]], dict.fromkeys(keys, why), limit)
    more = cut or (keys[LOOKED - 1] if len(keys) > LOOKED else "")
    return hits, cursors.written(more) if more else ""


# --- procedures and agencies -------------------------------------------------------------------------------------


def by_procedure(conn: Connection, sought: Sought, after: str, limit: int) -> tuple[tuple[Hit, ...], str]:
    """Find a procedure in the catalogues, and the last messages about it."""
    listed = _entries(conn, sought) if not after else ()
    room = max(1, limit - len(listed))
    received, identifier = messages.c.received_at, messages.c.id
    query = select(messages).where(messages.c.procedure == sought.text)
    if (place := cursors.before(cursors.read(after, float, str), received, identifier)) is not None:
        query = query.where(place)
    looked = room if sought.scope is None else LOOKED
    rows = conn.execute(query.order_by(received.desc(), identifier.desc()).limit(looked + 1)).fetchall()
    why = "thông điệp về thủ tục này", "a message about this procedure"
    seen = _messages_in_scope(conn, sought, [row.id for row in rows[:looked]])
    shown = [row for row in rows[:looked] if row.id in seen][:room]
    last = shown[-1] if len(shown) == room else rows[looked - 1] if len(rows) > looked else None
    more = last is not None and last is not rows[-1]
    following = cursors.written(last.received_at, last.id) if more and last is not None else ""
    return (*listed, *(_message(row, why) for row in shown)), following


def _entries(conn: Connection, sought: Sought) -> tuple[Hit, ...]:
    """Give what catalogues have under a code that begins so; catalogues are small."""
    here = (procedures.c.code >= sought.text) & (procedures.c.code < sought.text + AFTER_ALL)
    codes = select(procedures.c.owner, procedures.c.code).where(here).order_by(procedures.c.code).limit(_ENTRIES)
    hits = []
    for row in conn.execute(codes).all():
        same = (procedures.c.owner == row.owner) & (procedures.c.code == row.code)
        entry = conn.execute(select(procedures.c.record, procedures.c.updated_at).where(same)).one()
        why = f"danh mục của {row.owner}", f"in the catalogue of {row.owner}"
        title = str(json.loads(entry.record).get("name", "")) or row.code
        hits.append(Hit(kind="procedure", id=row.code, title=title, at=entry.updated_at, why_vi=why[0], why_en=why[1]))
    return tuple(hits)


def by_agency(_conn: Connection, sought: Sought, after: str, limit: int) -> tuple[tuple[Hit, ...], str]:
    """Find endpoints by their agency's code, their name, or words of their title."""
    if after or len(sought.text) < SHORTEST_NUMBER:
        return (), ""
    words = sought.text.casefold()
    hits = [
        Hit(kind="endpoint", id=name, title=place.title, endpoint=name, why_vi=why[0], why_en=why[1])
        for name, place in sorted(sought.places.items())
        if (why := _why_place(name, place, words)) and (sought.scope is None or name in sought.scope)
    ]
    return tuple(hits[:limit]), ""


def _why_place(name: str, place: Place, words: str) -> tuple[str, str] | None:
    if place.agency_code and place.agency_code.casefold().startswith(words):
        return f"mã cơ quan {place.agency_code}", f"code of the agency {place.agency_code}"
    if words in (name.casefold(), *name.casefold().split("_")) or words in place.title.casefold():
        return "tên điểm kết nối", "name of the endpoint"
    return None


# --- identifiers -------------------------------------------------------------------------------------------------


def by_message(conn: Connection, sought: Sought, after: str, limit: int) -> tuple[tuple[Hit, ...], str]:
    """Find messages by the beginning of the hub's identifier, or by the sender's own."""
    listed: tuple[Hit, ...] = ()
    if not after:
        same = identities.c.endpoint.in_(sorted(sought.places)) & (identities.c.identity == sought.text)
        own = list(conn.execute(select(identities.c.message_id).where(same).limit(limit)).scalars())
        rows = conn.execute(select(messages).where(messages.c.id.in_(own))).fetchall() if own else []
        seen = _messages_in_scope(conn, sought, own)
        why = "mã thông điệp của bên gửi", "the sender's identifier"
        listed = tuple(_message(row, why) for row in rows if row.id in seen)
    ids, following = _identified(conn, messages.c.id, sought, after, limit)
    seen = _messages_in_scope(conn, sought, ids)
    rows = conn.execute(select(messages).where(messages.c.id.in_(ids)).order_by(messages.c.id)).fetchall() if ids else []
    why = "mã thông điệp", "identifier of the message"
    return (*listed, *(_message(row, why) for row in rows if row.id in seen)), following


def by_delivery(conn: Connection, sought: Sought, after: str, limit: int) -> tuple[tuple[Hit, ...], str]:
    """Find deliveries by the beginning of their identifier."""
    ids, following = _identified(conn, deliveries.c.id, sought, after, limit)
    if not ids:
        return (), following
    query = select(deliveries).where(deliveries.c.id.in_(ids) & scopes.of_deliveries(sought.scope)).order_by(deliveries.c.id)
    why = "mã lượt chuyển", "identifier of the delivery"
    return tuple(delivery(row, why) for row in conn.execute(query)), following


def by_native(conn: Connection, sought: Sought, after: str, limit: int) -> tuple[tuple[Hit, ...], str]:
    """Find deliveries by the identifier that the partner knows them by."""
    if after:
        return (), ""
    same = deliveries.c.endpoint.in_(sorted(sought.places)) & (deliveries.c.native_id == sought.text)
    query = select(deliveries).where(same & scopes.of_deliveries(sought.scope)).order_by(deliveries.c.created_at).limit(limit)
    why = "mã phía đối tác", "the partner's identifier"
    return tuple(delivery(row, why) for row in conn.execute(query)), ""


def _identified(conn: Connection, column: Any, sought: Sought, after: str, limit: int) -> tuple[list[str], str]:
    """Read identifiers that begin so."""
    text = sought.text.lower()
    if not _IDENTIFIER.fullmatch(text):
        return [], ""
    here = (column >= text) & (column < text + "z")
    if place := cursors.read(after, str):
        here &= column > place[0]
    ids = [str(each) for each in conn.execute(select(column).where(here).order_by(column).limit(limit + 1)).scalars()]
    return ids[:limit], cursors.written(ids[limit - 1]) if len(ids) > limit else ""


def _messages_in_scope(conn: Connection, sought: Sought, ids: Collection[str]) -> set[str]:
    if sought.scope is None or not ids:
        return set(ids)
    query = select(messages.c.id).where(messages.c.id.in_(list(ids)) & scopes.of_messages(sought.scope))
    return set(conn.execute(query).scalars())


def _message(row: Any, why: tuple[str, str]) -> Hit:
    title = row.subject.partition(":")[2] if row.accepted else row.id
    state = "accepted" if row.accepted else "refused"
    return Hit(
        kind="message",
        id=row.id,
        title=title,
        endpoint=row.endpoint,
        at=row.received_at,
        state=state,
        why_vi=why[0],
        why_en=why[1],
    )


def delivery(row: Any, why: tuple[str, str]) -> Hit:
    """Make a hit of a delivery's row."""
    return Hit(
        kind="delivery",
        id=row.id,
        title=row.subject.partition(":")[2],
        endpoint=row.endpoint,
        at=row.updated_at,
        state=row.state,
        why_vi=why[0],
        why_en=why[1],
    )


def messages_named(conn: Connection, sought: Sought, ids: Collection[str], why: tuple[str, str]) -> tuple[Hit, ...]:
    """Make hits of messages that may be seen, the newest first."""
    seen = _messages_in_scope(conn, sought, ids)
    if not seen:
        return ()
    rows = conn.execute(select(messages).where(messages.c.id.in_(sorted(seen))).order_by(messages.c.received_at.desc()))
    return tuple(_message(row, why) for row in rows)
