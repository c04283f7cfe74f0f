"""Verbs of border documents: what messages change of them, in the message's own commit, and what officers decide.

A document's row is written with a compare of its version, so that of two messages at once the second looks again. Numbers that
dossiers name are met under a lock of the number: of a document and the dossier that names it, which come at once, the later one
always finds the other.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from hub.canonical.border.message import BorderEvent
from hub.canonical.compact_json import compact
from hub.errors import NotAllowed
from hub.ledger import journal, locks
from hub.ledger.acceptance_looks import DossierMoved
from hub.ledger.border_tables import (
    border_documents,
    border_events,
    border_items,
    border_marks,
    border_named,
    border_uses,
)
from hub.ledger.border_values import BorderChange, BorderRow, Naming
from hub.ledger.for_each import insert_each
from hub.ledger.sql import Statement
from hub.ledger.tables import dossiers
from hub.ledger.values import Acceptance
from hub.ledger.works import Commit
from hub.rules.border.axes import Use
from hub.rules.border.marks import Mark
from hub.rules.retention import Kept

_NEW_DOCUMENTS = insert_each(border_documents, *border_documents.c.keys(), new=["key"])
_NEW_ITEMS = insert_each(border_items, *border_items.c.keys(), new=["key", "number"])
_NEW_EVENTS = insert_each(border_events, *(column.name for column in border_events.c if column.name != "id"))
_NEW_NAMES = insert_each(border_named, *border_named.c.keys(), new=["number_key", "document", "dossier"])
_NEW_USES = insert_each(border_uses, *border_uses.c.keys())
_NEW_MARKS = insert_each(border_marks, *border_marks.c.keys())
_FORGET_USE = Statement(
    border_uses.delete().where(
        (border_uses.c.key == bindparam("document"))
        & (border_uses.c.declaration == bindparam("declared"))
        & (border_uses.c.item == bindparam("line"))
    )
)
_MARK = Statement(
    select(border_marks).where((border_marks.c.key == bindparam("document")) & (border_marks.c.mark == bindparam("name")))
)
_FORGET_MARK = Statement(
    border_marks.delete().where((border_marks.c.key == bindparam("document")) & (border_marks.c.mark == bindparam("name")))
)
_NAMED = Statement(
    select(border_named.c.dossier)
    .where((border_named.c.number_key == bindparam("number")) & (border_named.c.document == bindparam("kind")))
    .order_by(border_named.c.dossier)
    .limit(2)
)
_OF_NUMBER = Statement(
    select(border_documents)
    .where((border_documents.c.number_key == bindparam("number")) & (border_documents.c.document == bindparam("kind")))
    # Dossiers name papers of other countries.
    .where(~border_documents.c.outgoing)
    .order_by(border_documents.c.key)
    .limit(2)
)
_IS_DOSSIER = Statement(select(dossiers.c.key).where(dossiers.c.key == bindparam("dossier")))
#: What a message never changes.
_FIXED = frozenset({"key", "document", "issuing_country", "number", "number_key", "outgoing", "first_at"})


def record(commit: Commit, given: Acceptance) -> None:
    """Write what a message changes of border documents, and the numbers that its dossiers name; DossierMoved to look again."""
    for change in given.border:
        _change(commit, given, change)
    for naming in given.named:
        _name(commit, given, naming)


def _change(commit: Commit, given: Acceptance, change: BorderChange) -> None:
    row = change.row
    _check_naming(commit.conn, row, new=not change.version)
    values = _columns(row) | {"version": change.version + 1, "updated_at": given.at, "last_message": given.message_id}
    if not _written(commit.conn, row.key, change.version, values):
        raise _moved()
    _write_items(commit.conn, change)
    _write_uses(commit.conn, change, given.message_id)
    kept = commit.shelf.put(change.canonical, given.at, Kept.BORDER) if change.canonical else ""
    _NEW_EVENTS.change(commit.conn, [_event(given, change, kept)])
    for mark, detail in change.marks.items():
        open_mark(commit.conn, row.key, mark, message_id=given.message_id, detail=detail, at=given.at)
    for mark in change.closes:
        _close(commit.conn, row.key, mark, by=given.endpoint, why="", at=given.at)
    _tell(commit, given, change)


def _tell(commit: Commit, given: Acceptance, change: BorderChange) -> None:
    """Write the document's page of the journal, and its dossier's: where the transport stands is no step of a dossier."""
    row, actor = change.row, given.actor or given.endpoint
    told = {
        "message": given.message_id,
        "event": change.event,
        "detail": change.detail,
        "effect": change.effect,
        "standing": row.axes.state,
        "marks": " ".join(sorted(change.marks)),
    }
    entry = {name: value for name, value in told.items() if value}
    commit.pages.append(row.key, "border.said", at=given.at, actor=actor, entry=entry)
    if row.dossier and change.event != BorderEvent.TRACKED and _IS_DOSSIER.run(commit.conn, dossier=row.dossier).first():
        commit.pages.append(row.dossier, "border.said", at=given.at, actor=actor, entry=entry | {"document": row.key})


def _check_naming(conn: Connection, row: BorderRow, *, new: bool) -> None:
    """Look again where a dossier has named this number since: only what is not joined yet can be."""
    if not new or row.dossier or row.outgoing:
        return
    locks.wait(conn, _lock(row.document, row.number_key))
    namers = _NAMED.run(conn, number=row.number_key, kind=row.document).fetchall()
    # A number that another document has, too, is joined to none.
    if len(namers) == 1 and _OF_NUMBER.run(conn, number=row.number_key, kind=row.document).first() is None:
        raise _moved()


def _lock(document: str, number_key: str) -> str:
    return f"border-number:{document}:{number_key}"


def _written(conn: Connection, key: str, seen: int, values: dict[str, Any]) -> bool:
    if not seen:
        written = _NEW_DOCUMENTS.change(conn, [values])
        return written is not None and written.rowcount == 1
    changed = {name: value for name, value in values.items() if name not in _FIXED}
    here = (border_documents.c.key == key) & (border_documents.c.version == seen)
    return conn.execute(update(border_documents).where(here).values(changed)).rowcount == 1


def _columns(row: BorderRow) -> dict[str, Any]:
    axes = row.axes
    return {
        "key": row.key,
        "document": row.document,
        "issuing_country": row.issuing_country,
        "importing_country": row.importing_country,
        "number": row.number,
        "number_key": row.number_key,
        "outgoing": row.outgoing,
        "partner": row.importing_country if row.outgoing else row.issuing_country,
        "origin": row.origin,
        "dossier": row.dossier,
        "content_digest": row.content_digest,
        "canonical_digest": row.canonical_digest,
        "content_message": row.content_message,
        "issued_on": row.issued_on,
        "technical": axes.technical.value,
        "technical_code": axes.technical_code,
        "technical_at": axes.technical_at,
        "hop": axes.hop,
        "hops": compact(dict(axes.hops)),
        "result": axes.result.value if axes.result else "",
        "result_at": axes.result_at,
        "standing": axes.standing.value,
        "cancelled_at": axes.cancelled_at,
        "supersedes": row.supersedes,
        "superseded_by": axes.superseded_by,
        "state": axes.state,
        "available_at": axes.available_at,
        "answer_due": row.clocks.answer_due,
        "hop_due": row.clocks.hop_due,
        "expires_at": row.clocks.expires_at,
        "late_accepted_at": row.late_accepted_at,
        "first_at": row.first_at,
    }


def _write_items(conn: Connection, change: BorderChange) -> None:
    rows = [
        {
            "key": change.row.key,
            "number": item.number,
            "hs_code": item.hs_code,
            "certified": compact([[str(value), unit] for value, unit in item.certified]),
        }
        for item in change.items
    ]
    _NEW_ITEMS.change(conn, rows)


def _write_uses(conn: Connection, change: BorderChange, message_id: str) -> None:
    uses = [change.row.axes.uses[place] for place in change.used]
    for use in uses:
        _FORGET_USE.run(conn, document=change.row.key, declared=use.declaration, line=use.item)
    _NEW_USES.change(conn, [_use(change.row.key, use, message_id) for use in uses])


def _use(key: str, use: Use, message_id: str) -> dict[str, Any]:
    return {
        "key": key,
        "declaration": use.declaration,
        "item": use.item,
        "result": use.result.value,
        "used": str(use.used) if use.used is not None else "",
        "unit": use.unit,
        "reason_code": use.reason_code,
        "declared_on": use.declared_on,
        "at": use.at,
        "message_id": use.message or message_id,
    }


def _event(given: Acceptance, change: BorderChange, kept: str) -> dict[str, Any]:
    return {
        "key": change.row.key,
        "message_id": given.message_id,
        "endpoint": given.endpoint,
        "event": change.event,
        "detail": change.detail,
        "effect": change.effect,
        "at": change.at,
        "recorded_at": given.at,
        "canonical_digest": kept,
    }


def _moved() -> DossierMoved:
    return DossierMoved("the border document changed meanwhile", "chứng từ vừa thay đổi")


# --- joined with dossiers ------------------------------------------------------------------------------------------


def _name(commit: Commit, given: Acceptance, naming: Naming) -> None:
    """Record that a dossier names a number, and join the document that is here already."""
    conn = commit.conn
    locks.wait(conn, _lock(naming.document, naming.number_key))
    row = {"number_key": naming.number_key, "document": naming.document, "dossier": naming.dossier, "at": given.at}
    written = _NEW_NAMES.change(conn, [row])
    if written is None or not written.rowcount:
        return
    found = _OF_NUMBER.run(conn, number=naming.number_key, kind=naming.document).fetchall()
    namers = _NAMED.run(conn, number=naming.number_key, kind=naming.document).fetchall()
    if len(found) == len(namers) == 1:
        _join(commit, given, found[0], naming.dossier)
    elif found:
        for each in found:
            open_mark(conn, each.key, Mark.AMBIGUOUS, message_id=given.message_id, detail="", at=given.at)


def _join(commit: Commit, given: Acceptance, row: Any, dossier: str) -> None:
    if row.dossier:
        return
    # First the journal's head, then the row: as every message about the document takes them.
    actor, entry = given.actor or given.endpoint, {"message": given.message_id, "dossier": dossier, "document": row.key}
    for subject in (row.key, dossier):
        commit.pages.append(subject, "border.joined", at=given.at, actor=actor, entry=entry)
    here = (border_documents.c.key == row.key) & (border_documents.c.version == row.version)
    values = {"dossier": dossier, "version": row.version + 1, "updated_at": given.at}
    if commit.conn.execute(update(border_documents).where(here).values(values)).rowcount != 1:
        raise _moved()


# --- marks, and what officers decide --------------------------------------------------------------------------------


def open_mark(conn: Connection, key: str, mark: Mark, *, message_id: str, detail: str, at: float) -> None:
    """Say that an officer must look; what is open already stays as it is, what was decided is opened anew."""
    row = _MARK.run(conn, document=key, name=mark.value).first()
    if row is not None and row.closed_at is None:
        return
    _FORGET_MARK.run(conn, document=key, name=mark.value)
    new = {"key": key, "mark": mark.value, "since": at, "message_id": message_id, "detail": detail}
    _NEW_MARKS.change(conn, [new | {"closed_at": None, "closed_by": "", "why": ""}])


def _close(conn: Connection, key: str, mark: Mark, *, by: str, why: str, at: float) -> bool:
    table = border_marks.c
    here = (table.key == key) & (table.mark == mark.value) & table.closed_at.is_(None)
    return conn.execute(update(border_marks).where(here).values(closed_at=at, closed_by=by, why=why)).rowcount == 1


def close_mark(conn: Connection, key: str, mark: Mark, *, actor: str, why: str, at: float) -> None:
    """Record that an officer has looked at a mark and decided; raise NotAllowed where it is not open."""
    if not _close(conn, key, mark, by=actor, why=why, at=at):
        raise NotAllowed(
            f"this document has no open mark {mark.value}", f"chứng từ này không có cảnh báo {mark.value} đang mở", where=key
        )
    _decided(conn, key, mark.value, actor, why, at)


def accept_late(conn: Connection, key: str, *, actor: str, why: str, at: float) -> None:
    """Record that an officer takes a document although its time is over (OCP Rule 14); raise NotAllowed where it is not."""
    table = border_documents.c
    here = (table.key == key) & table.expires_at.is_not(None) & (table.expires_at < at) & table.late_accepted_at.is_(None)
    values = {"late_accepted_at": at, "version": table.version + 1, "updated_at": at}
    if conn.execute(update(border_documents).where(here).values(values)).rowcount != 1:
        raise NotAllowed(
            "only a document that is out of time can be accepted late, and once",
            "chỉ chấp nhận nộp muộn một lần đối với chứng từ đã hết hạn",
            where=key,
        )
    _decided(conn, key, "late_accepted", actor, why, at)


def _decided(conn: Connection, key: str, what: str, actor: str, why: str, at: float) -> None:
    row = {"key": key, "message_id": "", "endpoint": "", "event": "decided", "detail": what, "effect": "applied"}
    _NEW_EVENTS.change(conn, [row | {"at": at, "recorded_at": at, "canonical_digest": ""}])
    journal.append(conn, key, "border.decided", at=at, actor=actor, entry={"what": what, "why": why})
