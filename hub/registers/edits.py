"""Corrections: what was proposed, what differs, and who decided; values are hidden unless they are revealed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, or_, select
from sqlalchemy.engine import Row

from hub.errors import NotAllowed
from hub.ledger import payloads
from hub.ledger.working_tables import edits
from hub.registers import masking, names
from hub.rules import corrections, difference
from hub.rules.difference import Change

#: Corrections in one list at most.
MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One correction; what it changes stands in two canonical messages, by digest."""

    id: str
    delivery_id: str
    message_id: str
    origin: str
    endpoint: str
    subject: str
    #: The delivery's when it was proposed.
    epoch: int
    #: proposed, applied, rejected or overtaken.
    state: str
    #: A second person has to approve it.
    four_eyes: bool
    before_digest: str
    after_digest: str
    #: JSON pointers to what differs.
    paths: tuple[str, ...]
    proposed_by: str
    proposed_at: float
    why: str
    decided_by: str
    decided_at: float | None
    decided_why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One field that differs, as it may be shown."""

    path: str
    before: Any
    after: Any
    #: changed, added or removed.
    kind: str
    #: A value stands behind a mask.
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EditShown:
    """A correction, and what it changes."""

    edit: Edit
    changes: tuple[Shown, ...]
    #: The delivery stands as it was proposed for: it can be approved.
    stands: bool
    #: Where the delivery stands now.
    delivery_state: str
    #: So many values are masked.
    hidden: int = 0
    #: Why the corrected one could not be written now; empty where it can.
    problem_vi: str = ""
    problem_en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a message that stands still."""

    #: JSON pointer.
    path: str
    value: Any
    #: Part of what decides whose dossier it is: a correction leaves it.
    fixed: bool
    hidden: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Editable:
    """A delivery with the fields that can be corrected, and its corrections, the newest first."""

    delivery: str
    endpoint: str
    subject: str
    state: str
    epoch: int
    four_eyes: bool
    #: True: it can be corrected now; else why not.
    editable: bool
    why_not_vi: str
    why_not_en: str
    fields: tuple[Field, ...]
    edits: tuple[Edit, ...]


_COLUMNS = tuple(each.name for each in fields(Edit))


def find(conn: Connection, edit_id: str) -> Edit:
    """Find a correction by its identifier or the beginning of it; raise NotAllowed where there is none."""
    found = names.by_id(conn, edits.c.id, edit_id)
    if not found:
        raise NotAllowed(f"no correction {edit_id!r}", f"không có bản sửa {edit_id!r}", where=edit_id)
    return _edit(conn.execute(select(edits).where(edits.c.id == found)).one())


def listing(
    conn: Connection, *, state: str = "", scope: Collection[str] | None = None, limit: int = 50
) -> tuple[Edit, ...]:
    """List corrections, the newest first; ``scope``: only those of messages from or to these endpoints."""
    query = select(edits).order_by(edits.c.proposed_at.desc(), edits.c.id).limit(min(limit, MOST))
    if state:
        query = query.where(edits.c.state == state)
    if scope is not None:
        query = query.where(or_(edits.c.endpoint.in_(scope), edits.c.origin.in_(scope)))
    return tuple(_edit(row) for row in conn.execute(query))


def of_delivery(conn: Connection, delivery_id: str) -> tuple[Edit, ...]:
    """Give all corrections of a delivery, the newest first."""
    order = (edits.c.epoch.desc(), edits.c.proposed_at.desc(), edits.c.id)
    query = select(edits).where(edits.c.delivery_id == delivery_id).order_by(*order)
    return tuple(_edit(row) for row in conn.execute(query))


def _edit(row: Row[Any]) -> Edit:
    plain = {name: getattr(row, name) for name in _COLUMNS if name not in ("paths", "four_eyes")}
    return Edit(**plain, paths=tuple(json.loads(row.paths)), four_eyes=bool(row.four_eyes))


# --- what may be shown -------------------------------------------------------------------------------------------


def differences(conn: Connection, edit: Edit, *, revealed: bool = False) -> tuple[Shown, ...]:
    """Give what a correction changes; nothing where retention has deleted one of the two."""
    before, after = (payloads.get(conn, digest) for digest in (edit.before_digest, edit.after_digest))
    if before is None or after is None:
        return ()
    first, second = corrections.parsed(before), corrections.parsed(after)
    return shown(difference.fields(first, second), first, second, revealed=revealed)


def shown(found: Iterable[Change], before: Any, after: Any, *, revealed: bool = False) -> tuple[Shown, ...]:
    """Hide what may name a person in differences between two canonical trees."""
    first, second = (masking.masked(tree) for tree in (before, after))
    return tuple(_shown(change, first, second, revealed=revealed) for change in found)


def _shown(change: Change, first: Any, second: Any, *, revealed: bool) -> Shown:
    if revealed:
        return Shown(path=change.path, before=change.before, after=change.after, kind=change.kind)
    before = change.before if change.kind == difference.ADDED else value_at(first, change.path)
    after = change.after if change.kind == difference.REMOVED else value_at(second, change.path)
    hidden = (before, after) != (change.before, change.after)
    return Shown(path=change.path, before=before, after=after, kind=change.kind, hidden=hidden)


def leaves(tree: Any, kept: Any, *, revealed: bool = False) -> tuple[Field, ...]:
    """List the fields of a canonical tree; ``kept``: what a correction leaves (hub.rules.corrections.identity)."""
    found = difference.fields(None, tree, limit=10_000)
    masked = masking.masked(tree)
    made = []
    for change in found:
        value = change.after if revealed else value_at(masked, change.path)
        fixed = corrections.is_fixed(change.path, kept)
        made.append(Field(path=change.path, value=value, fixed=fixed, hidden=value != change.after))
    return tuple(made)


def value_at(tree: Any, path: str) -> Any:
    """Give what stands at a JSON pointer; None where there is nothing."""
    here = tree
    for part in (each.replace("~1", "/").replace("~0", "~") for each in path.split("/")[1:]):
        if isinstance(here, list):
            here = here[int(part)] if part.isdigit() and int(part) < len(here) else None
        else:
            here = here.get(part) if isinstance(here, dict) else None
    return here
