"""Verbs of operators, each with who and why: only what surely did not arrive is ever sent again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.engine import Row

from hub.errors import NotAllowed
from hub.ledger import attempt_rows, chains, holdings, journal, late_answers, number_verbs, payloads, stage_verbs
from hub.ledger.sql import insert_new
from hub.ledger.tables import chains as chain_rows
from hub.ledger.tables import deliveries, endpoint_states, notices
from hub.ledger.telling import tell
from hub.ledger.values import Notice
from hub.rules.lifecycle import DELIVERY, ENDED, State, next_state
from hub.rules.retention import Kept, kept_for

_NEW_ENDPOINT = insert_new(endpoint_states, "endpoint")
#: Event in the life of a delivery -> the operator's verb for it, as it is typed.
TYPED: Mapping[str, str] = {
    "release": "release",
    "rebuild": "rebuild",
    "settle_arrived": "settle --arrived",
    "settle_not_arrived": "settle --not-arrived",
    "settle_acknowledged": "settle --acknowledged",
    "settle_refused": "settle --refused",
    "abandon": "abandon",
}
#: Of a delivery that is to be written anew nothing that was written before is left, nor what the partner said of it.
_UNWRITTEN: Mapping[str, Any] = {"business_digest": "", "head": "{}", "variant": "", "answered": ""}


def release(conn: Connection, delivery_id: str, *, actor: str, why: str, now: float) -> None:
    """Send a parked delivery again, the same bytes if it has some."""
    _move(conn, delivery_id, "release", actor, why, now)


def rebuild(conn: Connection, delivery_id: str, *, actor: str, why: str, now: float) -> None:
    """Send a parked delivery again, translated anew (after a mapping or setting was mended)."""
    refuse_in_doubt(conn, delivery_id)
    _move(conn, delivery_id, "rebuild", actor, why, now, **_UNWRITTEN)


def correct(
    conn: Connection,
    delivery_id: str,
    *,
    canonical_digest: str,
    procedure: str,
    told: Mapping[str, Any],
    actor: str,
    why: str,
    now: float,
) -> None:
    """Send a parked delivery again with corrected content, in the place that it has; ``told``: what the journal is to say of it.

    What was written of the content before is dropped in the same step, so that only one of the two is ever sent.
    """
    refuse_in_doubt(conn, delivery_id)
    values = {**_UNWRITTEN, "canonical_digest": canonical_digest, "procedure": procedure}
    _move(conn, delivery_id, "rebuild", actor, why, now, told=told, noted="edit.approved", **values)


def refuse_in_doubt(conn: Connection, delivery_id: str) -> None:
    """Raise NotAllowed where an earlier attempt of a delivery may have arrived: it is not written anew."""
    if attempt_rows.in_doubt_still(conn, delivery_id):
        raise NotAllowed(
            "an earlier attempt may have arrived: another document would be a second one; release sends the same bytes",
            "một lần gửi trước có thể đã đến nơi: dựng lại sẽ thành văn bản thứ hai; hãy gửi lại đúng nội dung cũ (release)",
            where=delivery_id,
        )


def settle(
    conn: Connection,
    delivery_id: str,
    *,
    arrived: bool,
    evidence: bytes,
    found: Mapping[str, str],
    waits: bool,
    notice: Notice,
    actor: str,
    why: str,
    now: float,
    numbers: Mapping[str, str] | None = None,
) -> None:
    """Record what a person found out about a delivery that is in doubt (or parked): it arrived, or it did not.

    ``numbers``: what the partner's reply, given as evidence, says that it numbered the dossier; raises NumberTaken.
    """
    event = "settle_arrived" if arrived else "settle_not_arrived"
    digest = payloads.put(conn, evidence, now, kept_for(Kept.PROOF, _row(conn, delivery_id).subject))
    row, state = _move(conn, delivery_id, event, actor, why, now, evidence=digest, waits=waits)
    attempt_rows.settle(conn, delivery_id, "found" if arrived else "absent")
    if arrived:
        chains.learn(conn, row.endpoint, row.subject, found)
        number_verbs.join_one(conn, row, numbers or {})
        tell(conn, row, late_answers.news(notice, state), now)


def settle_answer(
    conn: Connection,
    delivery_id: str,
    *,
    acknowledged: bool,
    evidence: bytes,
    notice: Notice,
    actor: str,
    why: str,
    now: float,
) -> None:
    """Record the partner's business answer, which never came as a message, to a delivery whose chain waits for it."""
    event = "settle_acknowledged" if acknowledged else "settle_refused"
    row = _row(conn, delivery_id)
    if row.state == State.DELIVERED.value and not _is_head(conn, row):
        raise NotAllowed(
            f"nothing waits for an acknowledgement of {delivery_id}: its chain has moved on",
            f"không có gì chờ xác nhận của lượt chuyển {delivery_id}: chuỗi đã đi tiếp",
            where=delivery_id,
        )
    digest = payloads.put(conn, evidence, now, kept_for(Kept.PROOF, row.subject))
    row, _ = _move(conn, delivery_id, event, actor, why, now, evidence=digest)
    tell(conn, row, notice, now)


def _is_head(conn: Connection, row: Row[Any]) -> bool:
    here = (chain_rows.c.endpoint == row.endpoint) & (chain_rows.c.subject == row.subject)
    return bool(conn.execute(select(chain_rows.c.head_place).where(here)).scalar_one() == row.place)


def abandon(conn: Connection, delivery_id: str, *, notice: Notice, actor: str, why: str, now: float) -> None:
    """Give a delivery up for good; its followers get their turn, and its sender is told."""
    row, _ = _move(conn, delivery_id, "abandon", actor, why, now)
    tell(conn, row, notice, now)


def abandon_all(conn: Connection, given: Sequence[tuple[str, Notice]], *, actor: str, why: str, now: float) -> None:
    """Give a delivery and these followers of it up for good, all or none: exactly what was shown, in its order.

    Raises NotAllowed where one of them got its turn, or ended, since it was shown.
    """
    first, *followers = (_row(conn, delivery_id) for delivery_id, _ in given)
    _follow(first, followers)
    # The followers first, so that none of them gets its turn when the first one ends.
    for row in followers:
        _set(conn, row, _next(conn, row, "abandon"), now)
    with_it = {"followers": [row.id for row in followers]}
    _move(conn, first.id, "abandon", actor, why, now, told=with_it)
    for row in followers:
        entry = {"delivery": row.id, "from": row.state, "state": State.ABANDONED.value, "why": why, "head": first.id}
        _note(conn, row.subject, "operator.abandon", now, actor, entry)
    for row, (_, notice) in zip((first, *followers), given, strict=True):
        tell(conn, row, notice, now)


def _follow(first: Row[Any], followers: Sequence[Row[Any]]) -> None:
    """Check that these wait behind the first one; raise NotAllowed where one does not, or does no longer."""
    for row in followers:
        behind = (row.endpoint, row.subject) == (first.endpoint, first.subject) and row.place > first.place
        if not behind or row.state != State.HELD.value:
            raise NotAllowed(
                f"{row.id} does not wait behind {first.id} (any more): it is {row.state}; nothing was abandoned, look again",
                f"{row.id} không (còn) chờ sau {first.id}: đang là {row.state}; chưa từ bỏ lượt nào, hãy xem lại",
                where=row.id,
            )


def ask(conn: Connection, delivery_id: str, *, actor: str, why: str, now: float) -> None:
    """Have workers ask the partner what became of a delivery in doubt, now."""
    row = _row(conn, delivery_id)
    if row.state != State.IN_DOUBT.value:
        raise NotAllowed(
            f"only a delivery in doubt can be asked about; {delivery_id} is {row.state}",
            f"chỉ hỏi được về lượt chuyển chưa rõ kết quả; {delivery_id} đang là {row.state}",
            where=delivery_id,
        )
    anew = {"doubt": "ask", "inquiries": 0, "due_at": now, "updated_at": now}
    conn.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(**anew))
    _note(conn, row.subject, "operator.ask", now, actor, {"delivery": delivery_id, "why": why})


def _row(conn: Connection, delivery_id: str) -> Row[Any]:
    row = conn.execute(select(deliveries).where(deliveries.c.id == delivery_id).with_for_update()).first()
    if row is None:
        raise NotAllowed(f"no delivery {delivery_id}", f"không có lượt chuyển {delivery_id}", where=delivery_id)
    return row


def _move(
    conn: Connection,
    delivery_id: str,
    event: str,
    actor: str,
    why: str,
    now: float,
    *,
    evidence: str = "",
    waits: bool = False,
    told: Mapping[str, Any] | None = None,
    noted: str = "",
    **values: Any,
) -> tuple[Row[Any], State]:
    """Let a verb act on a delivery; give it as it stood before, and its state now."""
    if not why.strip():
        raise NotAllowed(f"{event} needs a reason", f"thao tác {event} phải nêu lý do", where="why")
    row = _row(conn, delivery_id)
    state = late_answers.applied(row, _next(conn, row, event))
    if waits and state is State.DELIVERED:
        values["lease_until"] = now
    _set(conn, row, state, now, **values)
    entry = {"delivery": delivery_id, "from": row.state, "state": state.value, "why": why, **(told or {})}
    if evidence:
        entry["evidence"] = evidence
    if event in stage_verbs.GOES_ON:
        entry |= stage_verbs.apply(conn, row, values.get("canonical_digest", row.canonical_digest), now)
    if state in ENDED and not (waits and state is State.DELIVERED):
        entry |= chains.wake(conn, row, at=now)
    _note(conn, row.subject, noted or f"operator.{event}", now, actor, entry)
    return row, state


def _next(conn: Connection, row: Row[Any], event: str) -> State:
    """Look up where a verb leads; raise NotAllowed, naming the verbs that are possible, where the table has none."""
    if event in DELIVERY[State(row.state)]:
        return next_state(State(row.state), event)
    ended = row.state == State.DELIVERED.value and not _is_head(conn, row)
    verbs = () if ended else (TYPED[each] for each in DELIVERY[State(row.state)] if each in TYPED)
    possible = ", ".join(verbs) or "-"
    raise NotAllowed(
        f"a delivery that is {row.state} cannot {TYPED[event]}; possible now: {possible}",
        f"lượt chuyển đang ở trạng thái {row.state} không thể {TYPED[event]}; có thể: {possible}",
        where=row.state,
    )


def _set(conn: Connection, row: Row[Any], state: State, now: float, **values: Any) -> None:
    # A new epoch: a worker or a bus message that still names the old one finds nothing.
    due = row.due_at if State(row.state) in ENDED else now
    values = {"state": state.value, "epoch": row.epoch + 1, "due_at": due, "lease_until": 0.0, "fruitless": 0} | values
    if state is not State.PARKED:
        values |= {"error_code": "", "error_where": "", "error_en": "", "error_vi": "", "partner_code": "", "doubt": ""}
    conn.execute(update(deliveries).where(deliveries.c.id == row.id).values(updated_at=now, **values))
    if state in (State.ABANDONED, State.REFUSED_LATE):
        holdings.take_back(conn, row)


def pause(conn: Connection, endpoint: str, *, paused: bool, actor: str, why: str, now: float) -> None:
    """Pause or resume an endpoint: dispatch puts nothing on the bus for it while paused."""
    if not why.strip():
        raise NotAllowed("pause and resume need a reason", "tạm dừng và tiếp tục phải nêu lý do", where="why")
    here = endpoint_states.c.endpoint == endpoint
    values: dict[str, Any] = {"paused": paused, "why": why, "actor": actor, "failures": 0, "open_until": 0.0}
    if not _NEW_ENDPOINT.run(conn, endpoint=endpoint, paced_until=0.0, **values).rowcount:
        conn.execute(update(endpoint_states).where(here).values(**values))
    event = "operator.pause" if paused else "operator.resume"
    _note(conn, f"endpoint:{endpoint}", event, now, actor, {"endpoint": endpoint, "why": why})


def _note(conn: Connection, subject: str, event: str, now: float, actor: str, entry: dict[str, Any]) -> None:
    journal.append(conn, subject, event, at=now, actor=actor, entry=entry)


def take_notices(conn: Connection, endpoint: str, up_to: int, now: float) -> int:
    """Record that a sender has taken its notices up to a cursor."""
    here = (notices.c.endpoint == endpoint) & (notices.c.seq <= up_to) & notices.c.taken_at.is_(None)
    return conn.execute(update(notices).where(here).values(taken_at=now)).rowcount
