"""Verbs of delivery on every message's way, carried for many deliveries at once: claim, keep what is sent, record the receipt.

Each is a compare-and-set by (id, epoch), which is judged on rows that stay locked until the commit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Double, Integer, Text, bindparam, literal, select, update
from sqlalchemy.engine import Row

from hub.canonical.compact_json import compact_texts
from hub.canonical.digests import digest_of
from hub.canonical.receipt import Receipt
from hub.errors import Damaged, HubError, Untrusted
from hub.ledger import attempt_rows, breakers, chains, late_answers, number_verbs, parking, payloads, telling, word_verbs
from hub.ledger.chains import Ending
from hub.ledger.dispatch_verbs import FRUITLESS_LIMIT
from hub.ledger.for_each import for_each
from hub.ledger.journal import Pages
from hub.ledger.sql import Statement
from hub.ledger.tables import deliveries
from hub.ledger.values import Claiming, Delivered, Delivery, Sending
from hub.ledger.word_verbs import Following
from hub.ledger.works import Commit, Work, going_on
from hub.rules.lifecycle import State, next_state
from hub.rules.queued import Due
from hub.rules.retention import Kept, kept_for

#: A delivery that its worker no longer holds has another epoch.
_SEEN = Statement(
    select(deliveries).where((deliveries.c.id == bindparam("delivery")) & (deliveries.c.epoch == bindparam("at_epoch")))
)
_ROWS = for_each(
    lambda given: (
        select(deliveries)
        .where((deliveries.c.id == given.delivery) & (deliveries.c.epoch == given.at_epoch))
        .order_by(deliveries.c.id)
        .with_for_update()
    ),
    delivery=Text,
    at_epoch=Integer,
)
_CLAIM = for_each(
    lambda given: (
        update(deliveries)
        .where(deliveries.c.id == given.delivery)
        .values(
            state=given.new_state,
            lease_until=given.lease,
            fruitless=deliveries.c.fruitless + literal(1),
            updated_at=given.now,
        )
    ),
    delivery=Text,
    new_state=Text,
    lease=Double,
    now=Double,
)
_SENT = ("state", "business_digest", "head", "variant", "native_id", "attempts", "lease_until", "updated_at")
_SEND = for_each(
    lambda given: (
        update(deliveries)
        .where(deliveries.c.id == given.delivery)
        .values({name: getattr(given, f"new_{name}") for name in _SENT})
    ),
    delivery=Text,
    **{f"new_{name}": deliveries.c[name].type for name in _SENT},
)
_FINISH = for_each(
    lambda given: (
        update(deliveries)
        .where(deliveries.c.id == given.delivery)
        .values(
            state=given.new_state,
            lease_until=given.waits_since,
            due_at=given.now,
            fruitless=0,
            doubt="",
            error_code="",
            error_where="",
            error_en="",
            error_vi="",
            partner_code=given.new_partner_code,
            updated_at=given.now,
        )
    ),
    delivery=Text,
    new_state=Text,
    new_partner_code=Text,
    waits_since=Double,
    now=Double,
)


_PARK_POISON = Statement(
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery"))
    .values(
        state=bindparam("new_state"),
        lease_until=0.0,
        updated_at=bindparam("now"),
        error_code="poison",
        error_where=bindparam("where"),
        error_en=bindparam("en"),
        error_vi=bindparam("vi"),
    )
)


class ClaimLost(HubError):
    """The delivery is no longer this worker's: its lease lapsed or an operator acted."""

    code = "claim_lost"
    who = "nobody"


def claim_lost(held: Delivery) -> ClaimLost:
    """Say that a delivery is no longer this worker's."""
    return ClaimLost(
        f"delivery {held.id} (epoch {held.epoch}) is no longer this worker's",
        f"lượt chuyển {held.id} (lần {held.epoch}) không còn thuộc tiến trình này",
        where=held.service,
    )


def _rows(conn: Connection, sought: Sequence[tuple[str, int]]) -> dict[str, Row[Any]]:
    """Lock deliveries, in one order; give those that still have this epoch."""
    given = [{"delivery": delivery, "at_epoch": epoch} for delivery, epoch in sorted(sought)]
    return {row.id: row for row in _ROWS.find(conn, given)}


# --- claim


def claim(commit: Commit, works: Sequence[Work[Claiming, Delivery]]) -> None:
    """Claim queued deliveries; None where a second copy or a late one finds nothing to claim.

    Untrusted where the bus message says something else than the ledger: the delivery is then left as it is. Where it is the
    ledger's own content that was changed, no bus message will ever be right: the delivery is parked.
    """
    rows = _rows(commit.conn, [(work.given.due.id, work.given.due.epoch) for work in works])
    claimed = []
    for work in works:
        row = rows.get(work.given.due.id)
        if row is None or row.state != State.QUEUED.value:
            continue
        if (problem := _not_the_same(row, work.given.due)) is not None:
            if not parking.changed(commit, row, work.given.now):
                work.refuse(problem)
        elif row.fruitless >= FRUITLESS_LIMIT:
            _park_poison(commit, row, work.given.now)
        else:
            claimed.append((work, row))
    _mark_claimed(commit.conn, claimed)


def _not_the_same(row: Row[Any], due: Due) -> Untrusted | None:
    if row.endpoint == due.endpoint and row.canonical_digest == digest_of(due.canonical):
        return None
    return Untrusted(
        f"the bus message for delivery {due.id} is not what the ledger holds",
        f"thông điệp trên bus cho lượt chuyển {due.id} không khớp với sổ cái",
        where=due.endpoint,
    )


def _mark_claimed(conn: Connection, claimed: Sequence[tuple[Work[Claiming, Delivery], Row[Any]]]) -> None:
    state = next_state(State.QUEUED, "claim")
    _CLAIM.change(conn, [_mark(work.given, row, state) for work, row in claimed])
    held = chains.held_by(conn, [(row.endpoint, row.subject) for _, row in claimed])
    business = payloads.get_all(conn, [row.business_digest for _, row in claimed])
    for work, row in claimed:
        given = work.given
        if row.business_digest and row.business_digest not in business:
            work.refuse(_lost(row))
            continue
        lease = given.now + given.lease_seconds
        holds = held.get((row.endpoint, row.subject), {})
        read = _as_delivery(row, state, lease, given.due.canonical, holds, business.get(row.business_digest))
        work.value = replace(read, doubted=True) if attempt_rows.doubted(conn, row) else read


def _mark(given: Claiming, row: Row[Any], state: State) -> dict[str, Any]:
    return {"delivery": row.id, "new_state": state.value, "lease": given.now + given.lease_seconds, "now": given.now}


def doubtful(conn: Connection, delivery_id: str, epoch: int) -> Delivery | None:
    """Give a delivery that is to be inquired about; None where that was settled meanwhile."""
    return _held(conn, delivery_id, epoch, State.IN_DOUBT)


def awaited(conn: Connection, delivery_id: str, epoch: int) -> Delivery | None:
    """Give a delivery of which its partner may say what it did with it; None where that was settled meanwhile."""
    return _held(conn, delivery_id, epoch, State.SENDING, State.IN_DOUBT)


def _held(conn: Connection, delivery_id: str, epoch: int, *states: State) -> Delivery | None:
    row = _SEEN.run(conn, delivery=delivery_id, at_epoch=epoch).first()
    if row is None or row.state not in states:
        return None
    canonical = payloads.get(conn, row.canonical_digest) or b""
    holds = chains.held(conn, row.endpoint, row.subject)
    business = payloads.get(conn, row.business_digest)
    if row.business_digest and business is None:
        raise _lost(row)
    read = _as_delivery(row, State(row.state), row.lease_until, canonical, holds, business)
    return replace(read, doubted=attempt_rows.doubted(conn, row))


def _lost(row: Row[Any]) -> Damaged:
    """Refuse to go on without the bytes that may have been sent: written anew they would be others."""
    digest = row.business_digest
    return Damaged(
        f"the bytes of delivery {row.id} ({digest}) are lost: restore them, or settle it by hand",
        f"nội dung của lượt chuyển {row.id} ({digest}) không còn: phục hồi từ bản sao lưu, hoặc xử lý thủ công (settle)",
        where=row.endpoint,
    )


def _as_delivery(
    row: Row[Any], state: State, lease: float, canonical: bytes, holds: Mapping[str, str], business: bytes | None
) -> Delivery:
    return Delivery(
        id=row.id,
        message_id=row.message_id,
        origin=row.origin,
        endpoint=row.endpoint,
        subject=row.subject,
        place=row.place,
        service=row.service,
        part=json.loads(row.part),
        variant=row.variant,
        state=state,
        epoch=row.epoch,
        lease_until=lease,
        attempts=row.attempts,
        canonical=canonical,
        held=holds,
        business=business,
        head=json.loads(row.head),
        native_id=row.native_id,
        inquiries=row.inquiries,
        kind=row.kind,
    )


def _park_poison(commit: Commit, row: Row[Any], now: float) -> None:
    state = next_state(next_state(State.QUEUED, "claim"), "park")
    _PARK_POISON.run(
        commit.conn,
        delivery=row.id,
        new_state=state.value,
        where=row.service,
        en=f"{FRUITLESS_LIMIT} claims ended without a result: a worker dies on this delivery",
        vi=f"{FRUITLESS_LIMIT} lần nhận xử lý không có kết quả: tiến trình xử lý hỏng vì lượt chuyển này",
        now=now,
    )
    _note(commit.pages, row, "delivery.poison", now, {"state": state.value})


# --- sending


def record_sending(commit: Commit, works: Sequence[Work[Sending, Delivery]]) -> None:
    """Keep the exact bytes before the socket opens; a retry sends these. ClaimLost where another holds the delivery."""
    _judge(commit.conn, works, State.CLAIMED)
    marks, begun = [], []
    for work in going_on(works):
        given = work.given
        kind = kept_for(Kept.PROOF, given.held.subject)
        digest = commit.shelf.put(given.outgoing.body, given.now, kind)
        sending = work.value = _sending(given)
        marks.append(_mark_sending(sending, digest, given.now))
        begun.append((sending, digest, given.now))
        entry = {"delivery": sending.id, "epoch": sending.epoch, "attempt": sending.attempts, "business": digest}
        commit.pages.append(sending.subject, "delivery.sending", at=given.now, actor="hub", entry=entry)
    _SEND.change(commit.conn, marks)
    attempt_rows.begin(commit.conn, begun)


def _sending(given: Sending) -> Delivery:
    held, outgoing = given.held, given.outgoing
    return replace(
        held,
        state=next_state(State.CLAIMED, "record"),
        business=outgoing.body,
        head=dict(outgoing.head),
        variant=outgoing.variant,
        native_id=given.native_id,
        attempts=held.attempts + 1,
        lease_until=given.now + given.lease_seconds,
    )


def _mark_sending(sending: Delivery, digest: str, now: float) -> dict[str, Any]:
    return {
        "delivery": sending.id,
        "new_state": sending.state.value,
        "new_business_digest": digest,
        "new_head": compact_texts(sending.head),
        "new_variant": sending.variant,
        "new_native_id": sending.native_id,
        "new_attempts": sending.attempts,
        "new_lease_until": sending.lease_until,
        "new_updated_at": now,
    }


# --- delivered


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """A delivery (its row) that ends in a state; ``waits``: its chain waits for the partner's acknowledgement."""

    row: Any
    state: State
    receipt: Receipt
    waits: bool
    now: float


def record_delivered(commit: Commit, works: Sequence[Work[Delivered, None]]) -> None:
    """Record that partners have it; the next in each chain gets its turn in the same commit.

    A receipt that comes after the lease lapsed still settles the doubt: nothing received is lost. ClaimLost where the
    delivery went on without this worker; NumberTaken where the partner gives a number that another dossier has. One that is
    given again changes nothing where it was recorded the first time.
    """
    rows = _locked(commit.conn, works)
    works = _not_recorded_yet(commit.conn, works)
    _refuse_lost(works, rows, State.SENDING, State.IN_DOUBT, *late_answers.CLOSED)
    number_verbs.join(commit, works, rows)
    judged = [(work.given, rows[work.given.held.id]) for work in going_on(works)]
    entries = attempt_rows.end(commit.conn, commit.shelf, [_attempt_ended(given, row) for given, row in judged])
    finished = [_finished(given, row) for given, row in judged]
    turns = finish(commit.conn, finished)
    word_verbs.follow(commit.conn, followed(finished))
    news = [_news(given, each) for (given, row), each in zip(judged, finished, strict=True) if not _closed(row)]
    telling.tell_all(commit.conn, commit.shelf, news, commit.unheard)
    for endpoint in sorted({row.endpoint for _, row in judged}):
        breakers.close(commit.conn, endpoint)
    for (given, row), entry, turn in zip(judged, entries, turns, strict=True):
        if given.receipt.numbers:
            entry |= {"numbers": dict(given.receipt.numbers)}
        _note(commit.pages, row, "delivery.receipt" if _closed(row) else "delivery.delivered", given.now, entry | turn)


def _not_recorded_yet(conn: Connection, works: Sequence[Work[Delivered, None]]) -> list[Work[Delivered, None]]:
    """Leave out what is given again and was recorded: that commit's outcome had not come back. Its rows are locked already."""
    recorded = attempt_rows.delivered(conn, [work.given.held for work in works if work.given.again])
    return [work for work in works if not (work.given.again and work.given.held.id in recorded)]


def _attempt_ended(given: Delivered, row: Row[Any]) -> attempt_rows.Ended:
    said = {"partner_code": given.receipt.code, "text": given.receipt.text}
    return attempt_rows.Ended(row=row, evidence=given.evidence, now=given.now, outcome="delivered", **said)


def _closed(row: Row[Any]) -> bool:
    """Say whether the partner's own message was faster than the reply to our call: only the evidence is added."""
    return row.state in late_answers.CLOSED


def _finished(given: Delivered, row: Row[Any]) -> Finish:
    state = State(row.state)
    if not _closed(row):
        state = next_state(state, "take" if state is State.SENDING else "found")
    return Finish(row=row, state=state, receipt=given.receipt, waits=given.waits, now=given.now)


def _news(given: Delivered, finished: Finish) -> telling.News:
    notice = late_answers.news(given.notice, late_answers.applied(finished.row, finished.state))
    return telling.News(row=finished.row, notice=notice, now=given.now)


def followed(finished: Sequence[Finish]) -> list[Following]:
    """Say which of these deliveries their partners are asked about from now on."""
    return [
        Following(delivery_id=each.row.id, endpoint=each.row.endpoint, number=each.receipt.follow, now=each.now)
        for each in finished
        if each.receipt.follow
    ]


def finish(conn: Connection, finished: Sequence[Finish]) -> list[dict[str, str]]:
    """End deliveries and give the next in their chains their turn; give these, for the journal."""
    marks, endings = [], []
    for each in finished:
        row, state = each.row, late_answers.applied(each.row, each.state)
        moves = not _closed(row) and not (each.waits and state is State.DELIVERED)
        endings.append(_ending(each, place=row.place if moves else 0))
        if not _closed(row):
            mark = {"delivery": row.id, "new_state": state.value, "new_partner_code": each.receipt.code, "now": each.now}
            marks.append(mark | {"waits_since": 0.0 if moves else each.now})
    _FINISH.change(conn, marks)
    return chains.end(conn, endings)


def _ending(finish: Finish, place: int) -> Ending:
    row = finish.row
    return Ending(endpoint=row.endpoint, subject=row.subject, place=place, found=finish.receipt.held, at=finish.now)


def _judge(conn: Connection, works: Sequence[Work[Any, Any]], *states: State) -> dict[str, Row[Any]]:
    """Refuse the shares whose delivery is not in one of these states any more; give the rows."""
    rows = _locked(conn, works)
    _refuse_lost(works, rows, *states)
    return rows


def _locked(conn: Connection, works: Sequence[Work[Any, Any]]) -> dict[str, Row[Any]]:
    return _rows(conn, [(work.given.held.id, work.given.held.epoch) for work in works])


def _refuse_lost(works: Sequence[Work[Any, Any]], rows: Mapping[str, Row[Any]], *states: State) -> None:
    for work in works:
        row = rows.get(work.given.held.id)
        if row is None or row.state not in states:
            work.refuse(claim_lost(work.given.held))


def _note(pages: Pages, row: Row[Any], event: str, now: float, entry: dict[str, Any]) -> None:
    pages.append(row.subject, event, at=now, actor="hub", entry={"delivery": row.id, "epoch": row.epoch} | entry)
