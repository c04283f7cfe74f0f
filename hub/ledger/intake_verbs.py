"""Verbs of intake: a message is accepted, repeated or refused, in one commit with its answer and its deliveries."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from hub.canonical.compact_json import compact
from hub.contract import Answer
from hub.errors import Conflict, Fault, HubError
from hub.ledger import attachment_verbs, chains, holdings, journal, late_answers, locks, payloads
from hub.ledger.sql import Statement, insert_new
from hub.ledger.tables import (
    dossier_codes,
    dossiers,
    identities,
    messages,
    procedures,
)
from hub.ledger.values import Acceptance, DossierChange, Refusal, digest_of
from hub.rules.retention import Kept

_IDENTITY = Statement(
    select(identities.c.message_id, identities.c.signed_digest).where(
        (identities.c.endpoint == bindparam("sender")) & (identities.c.identity == bindparam("name"))
    )
)
_LAST_MESSAGE = Statement(
    select(dossiers.c.last_message).where(
        (dossiers.c.key == bindparam("dossier"))
        & (dossiers.c.last_endpoint == bindparam("sender"))
        & (dossiers.c.last_digest == bindparam("digest"))
    )
)
_NEW_MESSAGE = Statement(insert(messages))
_HOLD_IDENTITY = insert_new(identities, "endpoint", "identity")
_NEW_DOSSIER = insert_new(dossiers, "key")
_CHANGED = ("procedure", "status", "native", "version", "last_endpoint", "last_digest", "last_message", "updated_at")
_CHANGE_DOSSIER = Statement(
    update(dossiers)
    .where((dossiers.c.key == bindparam("dossier")) & (dossiers.c.version == bindparam("seen")))
    .values({name: bindparam(f"new_{name}") for name in _CHANGED})
)
_NUMBERS = Statement(select(dossier_codes.c.code).where(dossier_codes.c.key == bindparam("dossier")))
_NEW_NUMBER = Statement(insert(dossier_codes))


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
    attachment_verbs.link(conn, given)
    if given.identity:
        _hold_identity(conn, given, signed_digest)
    for change in given.dossiers:
        _change_dossier(conn, change, given, signed_digest)
    _change_catalogue(conn, given)
    if given.correlation:
        late_answers.hear(conn, given)
    _make_deliveries(conn, given, signed_digest)
    return given.answer


def _make_deliveries(conn: Connection, given: Acceptance, signed_digest: str) -> None:
    """Add the deliveries in key order (locks), and write one journal row for each subject that the message concerns."""
    made: dict[str, list[dict[str, str]]] = {given.subject: []}
    for planned in sorted(given.planned, key=lambda each: (each.endpoint, each.subject)):
        state = chains.add(conn, planned, message_id=given.message_id, origin=given.endpoint, at=given.at)
        made.setdefault(planned.subject, []).append(
            {
                "delivery": planned.id,
                "endpoint": planned.endpoint,
                "service": planned.service,
                "canonical": digest_of(planned.canonical),
                "state": state.value,
            }
        )
    for subject, rows in made.items():
        entry = _entry(given, signed_digest) | {"deliveries": rows}
        actor = given.actor or given.endpoint
        journal.append(conn, subject, "message.received", at=given.at, actor=actor, entry=entry)


def _entry(given: Acceptance, signed_digest: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "message": given.message_id,
        "raw": digest_of(given.raw),
        "signed": signed_digest,
        "answer": digest_of(given.answer.body),
    }
    if given.signature:
        entry["signature"] = digest_of(given.signature)
    if given.why:
        entry["why"] = given.why
    return entry


def _earlier(conn: Connection, given: Acceptance, signed_digest: str) -> str | None:
    """Find the message that this one repeats."""
    if given.identity:
        row = _IDENTITY.run(conn, sender=given.endpoint, name=given.identity).first()
        if row is None:
            return None
        if row.signed_digest != signed_digest:
            raise _conflict(given.identity, row.message_id)
        return str(row.message_id)
    # Without an identity only the last message of all its dossiers can be the same one again: 4, 5, 4 is three messages.
    last = {
        _LAST_MESSAGE.run(conn, dossier=change.key, sender=given.endpoint, digest=signed_digest).scalar()
        for change in given.dossiers
    }
    return str(last.pop()) if len(last) == 1 and None not in last else None


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
    conn.execute(update(messages).where(messages.c.id == message_id).values(repeats=messages.c.repeats + 1))
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
    # Apart: it is there already but for the first time, and whatever is put beside it would be looked at again too.
    certificate = payloads.put(conn, given.certificate, given.at)
    proof = [(body, Kept.PROOF) for body in (given.raw, given.signature, given.signed)]
    answered = (given.answer.body, Kept.REPEAT)
    work = [(body, Kept.WORK) for body in (*given.canonical, *(each.canonical for each in given.planned))]
    raw, signature, _, answer, *canonical = payloads.put_all(conn, (*proof, answered, *work), given.at)
    _NEW_MESSAGE.run(
        conn,
        id=given.message_id,
        endpoint=given.endpoint,
        received_at=given.at,
        accepted=True,
        subject=given.subject,
        kind=given.kind,
        event=given.event,
        procedure=given.procedure,
        identity=given.identity,
        raw_digest=raw,
        signed_digest=signed_digest,
        certificate_digest=certificate,
        signature_digest=signature,
        canonical=compact(canonical[: len(given.canonical)]),
        verdict=given.verdict,
        error_code="",
        error_where="",
        faults="[]",
        warnings=given.warnings,
        repeats=0,
        **_answer_columns(given.answer, answer),
    )


def _answer_columns(answer: Answer, digest: str) -> dict[str, Any]:
    return {
        "answer_status": answer.status,
        "answer_type": answer.content_type,
        "answer_headers": compact(dict(answer.headers)),
        "answer_digest": digest,
    }


def _hold_identity(conn: Connection, given: Acceptance, signed_digest: str) -> None:
    held = _HOLD_IDENTITY.run(
        conn,
        endpoint=given.endpoint,
        identity=given.identity,
        signed_digest=signed_digest,
        message_id=given.message_id,
    )
    if not held.rowcount:
        # Two at once: the other one won between our look and our insert; look again and read its answer.
        raise DossierMoved("the same identity is being recorded", "mã này đang được ghi nhận")


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
    if change.version == 0:
        changed = _NEW_DOSSIER.run(conn, key=change.key, origin=given.endpoint, **values)
    else:
        new = {f"new_{name}": value for name, value in values.items()}
        changed = _CHANGE_DOSSIER.run(conn, dossier=change.key, seen=change.version, **new)
    if not changed.rowcount:
        raise DossierMoved("the dossier changed meanwhile", "hồ sơ vừa thay đổi")
    _join_numbers(conn, change)


def _join_numbers(conn: Connection, change: DossierChange) -> None:
    known = set(_NUMBERS.run(conn, dossier=change.key).scalars()) if change.version else set()
    try:
        for code in change.codes:
            if code not in known:
                _NEW_NUMBER.run(conn, code=code, key=change.key)
    except IntegrityError as error:
        raise DossierMoved("the number was given to another dossier meanwhile", "mã số vừa gắn với hồ sơ khác") from error


def _change_catalogue(conn: Connection, given: Acceptance) -> None:
    if given.catalogues is not None:
        locks.wait(conn, given.subject)
        if given.catalogues != _catalogues_before(conn, given):
            raise DossierMoved("the catalogue changed meanwhile", "danh mục vừa thay đổi")
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
    holdings.hold(conn, given.holdings, given.at)


def _catalogues_before(conn: Connection, given: Acceptance) -> int:
    here = (messages.c.subject == given.subject) & messages.c.accepted & (messages.c.id != given.message_id)
    return int(conn.execute(select(func.count()).where(here)).scalar_one())


def record_refused(conn: Connection, given: Refusal) -> Answer:
    """Record a message that was refused at the door; it holds no identity, so the corrected one may come."""
    subject = f"message:{given.message_id}"
    raw, signature, answer = payloads.put_all(
        conn, [(body, Kept.PROOF) for body in (given.raw, given.signature, given.answer.body)], given.at
    )
    _NEW_MESSAGE.run(
        conn,
        id=given.message_id,
        endpoint=given.endpoint,
        received_at=given.at,
        accepted=False,
        subject=subject,
        kind="",
        event="",
        procedure="",
        identity="",
        raw_digest=raw,
        signed_digest="",
        certificate_digest="",
        signature_digest=signature,
        canonical="[]",
        verdict=given.verdict,
        error_code=given.error_code,
        error_where=given.error_where,
        faults=given.faults,
        warnings="[]",
        repeats=0,
        **_answer_columns(given.answer, answer),
    )
    entry = {"message": given.message_id, "raw": raw, "error": given.error_code}
    if signature:
        entry["signature"] = signature
    journal.append(conn, subject, "message.refused", at=given.at, actor=given.endpoint, entry=entry)
    return given.answer
