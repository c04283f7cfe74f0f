"""Verbs of corrections: one is proposed, and applied by a second person, where nothing has happened to its delivery since.

What was there before is never changed: a correction is bytes of its own, and the delivery's name of its content moves in the
same step that lets it go again. The delivery is locked first, so of two who decide at once the second finds it decided.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.engine import Row

from hub.canonical.compact_json import compact
from hub.canonical.digests import digest_of
from hub.errors import NotAllowed
from hub.ledger import journal, operator_verbs, payloads
from hub.ledger.tables import deliveries
from hub.ledger.working_tables import edits
from hub.rules.lifecycle import State
from hub.rules.retention import Kept, kept_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A correction as it is proposed, for a delivery as it was seen."""

    id: str
    delivery_id: str
    #: The delivery's epoch, and its canonical message.
    epoch: int
    before: bytes
    after: bytes
    #: Procedure of the corrected message.
    procedure: str
    #: JSON pointers to what differs.
    paths: Sequence[str]
    #: A second person has to approve it.
    four_eyes: bool


def propose(conn: Connection, given: Proposal, *, actor: str, why: str, now: float) -> None:
    """Record a correction; where no second person is asked for, apply it in the same step.

    Raises NotAllowed where the delivery is not as it was seen, may have arrived, or has a proposal already.
    """
    row = _standing(conn, given.delivery_id, given.epoch, digest_of(given.before))
    operator_verbs.refuse_in_doubt(conn, row.id)
    _overtake(conn, row, now, actor)
    # Proof, both of them: what a person changed is kept as long as what was sent.
    kind = kept_for(Kept.PROOF, row.subject)
    before, after = (payloads.put(conn, body, now, kind) for body in (given.before, given.after))
    conn.execute(
        insert(edits).values(
            id=given.id,
            delivery_id=row.id,
            message_id=row.message_id,
            origin=row.origin,
            endpoint=row.endpoint,
            subject=row.subject,
            epoch=row.epoch,
            state="proposed",
            four_eyes=given.four_eyes,
            before_digest=before,
            after_digest=after,
            paths=compact(list(given.paths)),
            proposed_by=actor,
            proposed_at=now,
            why=why,
            decided_by="",
            decided_at=None,
            decided_why="",
        )
    )
    entry = {"edit": given.id, "delivery": row.id, "before": before, "after": after, "paths": list(given.paths), "why": why}
    journal.append(conn, row.subject, "edit.proposed", at=now, actor=actor, entry=entry)
    if not given.four_eyes:
        _apply(conn, _edit(conn, given.id), given.procedure, actor, why, now)


def approve(conn: Connection, edit_id: str, *, procedure: str, actor: str, why: str, now: float) -> None:
    """Apply a correction: the delivery goes again with the corrected content, in the place that it has.

    Raises NotAllowed where the proposer approves, it was decided before, or the delivery moved on since: nothing changes then.
    """
    edit = _edit(conn, edit_id)
    if _same(actor, edit.proposed_by):
        raise NotAllowed(
            f"{edit.proposed_by} proposed this correction: somebody else has to approve it",
            f"{edit.proposed_by} là người đề nghị sửa: phải do người khác duyệt",
            where=edit_id,
        )
    _lock(conn, edit.delivery_id)
    edit = _open(conn, edit_id)
    _standing(conn, edit.delivery_id, edit.epoch, edit.before_digest)
    _apply(conn, edit, procedure, actor, why, now)


def reject(conn: Connection, edit_id: str, *, actor: str, why: str, now: float) -> None:
    """Turn a correction down, or withdraw it; the delivery stays as it is."""
    edit = _edit(conn, edit_id)
    _lock(conn, edit.delivery_id)
    edit = _open(conn, edit_id)
    _decide(conn, edit_id, "rejected", actor, why, now)
    entry = {"edit": edit.id, "delivery": edit.delivery_id, "after": edit.after_digest, "why": why}
    journal.append(conn, edit.subject, "edit.rejected", at=now, actor=actor, entry=entry)


def _apply(conn: Connection, edit: Row[Any], procedure: str, actor: str, why: str, now: float) -> None:
    body = payloads.get(conn, edit.after_digest)
    if body is None:
        raise NotAllowed(
            "the corrected content was deleted by retention; propose it anew",
            "nội dung đã sửa đã hết hạn lưu và bị xóa; hãy đề nghị lại",
            where=edit.id,
        )
    # Named again: whoever deletes by age finds that it is used.
    payloads.put(conn, body, now, kept_for(Kept.PROOF, edit.subject))
    _decide(conn, edit.id, "applied", actor, why, now)
    told = {
        "edit": edit.id,
        "before": edit.before_digest,
        "after": edit.after_digest,
        "paths": json.loads(edit.paths),
        "proposed_by": edit.proposed_by,
    }
    operator_verbs.correct(
        conn,
        edit.delivery_id,
        canonical_digest=edit.after_digest,
        procedure=procedure,
        told=told,
        actor=actor,
        why=why,
        now=now,
    )


def _overtake(conn: Connection, row: Row[Any], now: float, actor: str) -> None:
    """Make room for a new proposal: one for the delivery as it stands is in its way, one for an earlier standing is over."""
    waiting = conn.execute(select(edits).where((edits.c.delivery_id == row.id) & (edits.c.state == "proposed"))).first()
    if waiting is None:
        return
    if waiting.epoch == row.epoch:
        raise NotAllowed(
            f"{waiting.proposed_by} has proposed a correction of this delivery ({waiting.id}); decide on that one first",
            f"{waiting.proposed_by} đã đề nghị sửa lượt chuyển này ({waiting.id}); hãy duyệt hoặc không duyệt bản đó trước",
            where=waiting.id,
        )
    why = "lượt chuyển đã thay đổi sau khi đề nghị / the delivery moved on"
    _decide(conn, waiting.id, "overtaken", actor, why, now)
    entry = {"edit": waiting.id, "delivery": row.id, "after": waiting.after_digest}
    journal.append(conn, row.subject, "edit.overtaken", at=now, actor=actor, entry=entry)


def _decide(conn: Connection, edit_id: str, state: str, actor: str, why: str, now: float) -> None:
    decided = {"state": state, "decided_by": actor, "decided_at": now, "decided_why": why}
    conn.execute(update(edits).where(edits.c.id == edit_id).values(**decided))


def _lock(conn: Connection, delivery_id: str) -> Row[Any]:
    return conn.execute(select(deliveries).where(deliveries.c.id == delivery_id).with_for_update()).one()


def _standing(conn: Connection, delivery_id: str, epoch: int, canonical_digest: str) -> Row[Any]:
    """Lock a delivery; raise NotAllowed where it does not stand still any more as it was seen."""
    row = _lock(conn, delivery_id)
    if row.state != State.PARKED.value:
        raise NotAllowed(
            f"only a parked delivery is corrected; {delivery_id} is {row.state}",
            f"chỉ sửa lượt chuyển đang dừng; {delivery_id} đang là {row.state}",
            where=delivery_id,
        )
    if row.epoch != epoch or row.canonical_digest != canonical_digest:
        raise NotAllowed(
            f"{delivery_id} has moved on since this was looked at; nothing was changed: look again, and propose anew",
            f"{delivery_id} đã thay đổi sau khi xem; chưa sửa gì: hãy xem lại và đề nghị lại",
            where=delivery_id,
        )
    return row


def _edit(conn: Connection, edit_id: str) -> Row[Any]:
    row = conn.execute(select(edits).where(edits.c.id == edit_id)).first()
    if row is None:
        raise NotAllowed(f"no correction {edit_id}", f"không có bản sửa {edit_id}", where=edit_id)
    return row


def _open(conn: Connection, edit_id: str) -> Row[Any]:
    """Give a correction that nobody has decided on; its delivery is locked, so nobody will meanwhile."""
    row = _edit(conn, edit_id)
    if row.state != "proposed":
        raise NotAllowed(
            f"the correction {edit_id} was decided on before: {row.state} by {row.decided_by}",
            f"bản sửa {edit_id} đã có quyết định: {row.state}, {row.decided_by}",
            where=edit_id,
        )
    return row


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
