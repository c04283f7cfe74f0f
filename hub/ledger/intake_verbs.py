"""Verbs of intake: a message is accepted, repeated or refused, in one commit with its answer and its deliveries."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from hub.contract import Answer
from hub.errors import Conflict, Fault, HubError
from hub.ledger import chains, journal, payloads
from hub.ledger.tables import (
    deliveries,
    dossier_codes,
    dossiers,
    holdings,
    identities,
    messages,
    notices,
    procedures,
)
from hub.ledger.values import Acceptance, DossierChange, Planned, Refusal, digest_of
from hub.rules.lifecycle import State, next_state


class DossierMoved(HubError):
    """Another message changed the dossier between looking and recording; look again."""

    code = "dossier_moved"
    who = "nobody"


def record_received(conn: Connection, given: Acceptance) -> Answer:
    """Record an accepted message with its deliveries; a repeated one gets the recorded answer and nothing else.

    Raises Conflict where the same identity came with other content, DossierMoved where intake must look again.
    """
    signed_digest = digest_of(given.signed)
    if (earlier := _earlier(conn, given, signed_digest)) is not None:
        return _repeat(conn, earlier, given)
    _insert_message(conn, given, signed_digest)
    if given.identity:
        _hold_identity(conn, given, signed_digest)
    for change in given.dossiers:
        _change_dossier(conn, change, given, signed_digest)
    _change_catalogue(conn, given)
    if given.correlation:
        _close_earlier_delivery(conn, given)
    for planned in sorted(given.planned, key=lambda each: (each.endpoint, each.subject)):
        _add(conn, planned, given)
    journal.append(
        conn,
        given.subject,
        "message.received",
        at=given.at,
        actor=given.actor or given.endpoint,
        entry=_entry(given, signed_digest),
    )
    return given.answer


def _entry(given: Acceptance, signed_digest: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "message": given.message_id,
        "raw": digest_of(given.raw),
        "signed": signed_digest,
        "answer": digest_of(given.answer.body),
        "deliveries": [planned.id for planned in given.planned],
    }
    if given.why:
        entry["why"] = given.why
    return entry


def _earlier(conn: Connection, given: Acceptance, signed_digest: str) -> str | None:
    """Find the message that this one repeats."""
    if given.identity:
        row = conn.execute(
            select(identities.c.message_id, identities.c.signed_digest).where(
                (identities.c.endpoint == given.endpoint) & (identities.c.identity == given.identity)
            )
        ).first()
        if row is None:
            return None
        if row.signed_digest != signed_digest:
            raise _conflict(given.identity, row.message_id)
        return str(row.message_id)
    # Without an identity only the dossier's last message can be the same one again: 4, 5, 4 is three messages.
    for change in given.dossiers:
        row = conn.execute(
            select(dossiers.c.last_message).where(
                (dossiers.c.key == change.key)
                & (dossiers.c.last_endpoint == given.endpoint)
                & (dossiers.c.last_digest == signed_digest)
            )
        ).first()
        if row is not None:
            return str(row.last_message)
    return None


def _conflict(identity: str, message_id: str) -> Conflict:
    return Conflict(
        (
            Fault(
                "Idempotency-Key",
                "conflict",
                f"mã {identity!r} đã dùng cho thông điệp {message_id} với nội dung khác; hãy dùng mã mới cho nội dung mới",
                f"{identity!r} was used for message {message_id} with other content; use a new one for new content",
            ),
        )
    )


def _repeat(conn: Connection, message_id: str, given: Acceptance) -> Answer:
    row = conn.execute(select(messages).where(messages.c.id == message_id)).one()
    conn.execute(update(messages).where(messages.c.id == message_id).values(repeats=row.repeats + 1))
    journal.append(
        conn, row.subject, "message.repeated", at=given.at, actor=given.endpoint, entry={"message": message_id}
    )
    return Answer(
        status=row.answer_status,
        content_type=row.answer_type,
        body=payloads.get(conn, row.answer_digest) or b"",
        headers=json.loads(row.answer_headers),
    )


def _insert_message(conn: Connection, given: Acceptance, signed_digest: str) -> None:
    payloads.put(conn, given.signed, given.at)
    conn.execute(
        insert(messages).values(
            id=given.message_id,
            endpoint=given.endpoint,
            received_at=given.at,
            accepted=True,
            subject=given.subject,
            kind=given.kind,
            event=given.event,
            procedure=given.procedure,
            identity=given.identity,
            raw_digest=payloads.put(conn, given.raw, given.at),
            signed_digest=signed_digest,
            certificate_digest=payloads.put(conn, given.certificate, given.at),
            canonical=json.dumps([payloads.put(conn, body, given.at) for body in given.canonical]),
            verdict=given.verdict,
            error_code="",
            error_where="",
            faults="[]",
            warnings=given.warnings,
            repeats=0,
            **_answer_columns(conn, given.answer, given.at),
        )
    )


def _answer_columns(conn: Connection, answer: Answer, at: float) -> dict[str, Any]:
    return {
        "answer_status": answer.status,
        "answer_type": answer.content_type,
        "answer_headers": json.dumps(dict(answer.headers)),
        "answer_digest": payloads.put(conn, answer.body, at),
    }


def _hold_identity(conn: Connection, given: Acceptance, signed_digest: str) -> None:
    try:
        with conn.begin_nested():
            conn.execute(
                insert(identities).values(
                    endpoint=given.endpoint,
                    identity=given.identity,
                    signed_digest=signed_digest,
                    message_id=given.message_id,
                )
            )
    except IntegrityError as error:
        # Two at once: the other one won between our look and our insert; look again and read its answer.
        raise DossierMoved("the same identity is being recorded", "mã này đang được ghi nhận") from error


def _change_dossier(conn: Connection, change: DossierChange, given: Acceptance, signed_digest: str) -> None:
    values = {
        "procedure": change.procedure,
        "status": change.status,
        "native": change.native,
        "version": change.version + 1,
        "last_endpoint": given.endpoint,
        "last_digest": signed_digest,
        "last_message": given.message_id,
        "updated_at": given.at,
    }
    try:
        with conn.begin_nested():
            if change.version == 0:
                conn.execute(insert(dossiers).values(key=change.key, origin=given.endpoint, **values))
            elif not conn.execute(
                update(dossiers)
                .where((dossiers.c.key == change.key) & (dossiers.c.version == change.version))
                .values(**values)
            ).rowcount:
                raise DossierMoved("the dossier changed meanwhile", "hồ sơ vừa thay đổi")
            _join_numbers(conn, change)
    except IntegrityError as error:
        raise DossierMoved("the dossier was made meanwhile", "hồ sơ vừa được tạo") from error


def _join_numbers(conn: Connection, change: DossierChange) -> None:
    known = set(conn.execute(select(dossier_codes.c.code).where(dossier_codes.c.key == change.key)).scalars())
    for code in change.codes:
        if code not in known:
            conn.execute(insert(dossier_codes).values(code=code, key=change.key))


def _change_catalogue(conn: Connection, given: Acceptance) -> None:
    for row in given.procedures:
        here = (procedures.c.owner == row.owner) & (procedures.c.code == row.code)
        conn.execute(delete(procedures).where(here))
        conn.execute(
            insert(procedures).values(
                owner=row.owner,
                code=row.code,
                fingerprint=row.fingerprint,
                record=row.record,
                message_id=given.message_id,
                updated_at=given.at,
            )
        )
    for holder, code, fingerprint in given.holdings:
        conn.execute(delete(holdings).where((holdings.c.holder == holder) & (holdings.c.code == code)))
        conn.execute(
            insert(holdings).values(holder=holder, code=code, fingerprint=fingerprint, updated_at=given.at)
        )


def _add(conn: Connection, planned: Planned, given: Acceptance) -> None:
    state = chains.add(conn, planned, message_id=given.message_id, origin=given.endpoint, at=given.at)
    journal.append(
        conn,
        planned.subject,
        "delivery.made",
        at=given.at,
        actor="hub",
        entry={
            "delivery": planned.id,
            "endpoint": planned.endpoint,
            "service": planned.service,
            "canonical": digest_of(planned.canonical),
            "state": state.value,
        },
    )


def _close_earlier_delivery(conn: Connection, given: Acceptance) -> None:
    """A later message acknowledges or refuses a delivery of ours, named by the id we gave it."""
    row = conn.execute(
        select(deliveries).where((deliveries.c.native_id == given.correlation) & (deliveries.c.endpoint == given.endpoint))
    ).first()
    if row is None or row.state != State.DELIVERED.value:
        return
    event = "refuse" if given.correlation_refused else "acknowledge"
    state = next_state(State.DELIVERED, event)
    conn.execute(update(deliveries).where(deliveries.c.id == row.id).values(state=state.value, updated_at=given.at))
    chains.wake(conn, row.endpoint, row.subject, at=given.at)
    conn.execute(
        insert(notices).values(
            endpoint=row.origin,
            message_id=row.message_id,
            delivery_id=row.id,
            subject=row.subject,
            recipient=row.endpoint,
            outcome=state.value,
            code="",
            vi="",
            en="",
            at=given.at,
        )
    )
    journal.append(
        conn,
        row.subject,
        f"delivery.{event}",
        at=given.at,
        actor=given.endpoint,
        entry={"delivery": row.id, "message": given.message_id},
    )


def record_refused(conn: Connection, given: Refusal) -> Answer:
    """Record a message that was refused at the door; it holds no identity, so the corrected one may come."""
    subject = f"message:{given.message_id}"
    conn.execute(
        insert(messages).values(
            id=given.message_id,
            endpoint=given.endpoint,
            received_at=given.at,
            accepted=False,
            subject=subject,
            kind="",
            event="",
            procedure="",
            identity="",
            raw_digest=payloads.put(conn, given.raw, given.at),
            signed_digest="",
            certificate_digest="",
            canonical="[]",
            verdict=given.verdict,
            error_code=given.error_code,
            error_where=given.error_where,
            faults=given.faults,
            warnings="[]",
            repeats=0,
            **_answer_columns(conn, given.answer, given.at),
        )
    )
    journal.append(
        conn,
        subject,
        "message.refused",
        at=given.at,
        actor=given.endpoint,
        entry={"message": given.message_id, "raw": digest_of(given.raw), "error": given.error_code},
    )
    return given.answer
