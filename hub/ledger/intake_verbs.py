"""Verbs of intake: a message is accepted, repeated or refused, in one commit with its answer and its deliveries.

Accepting is carried for many messages at once: first all look-ups, by which each is judged, then one statement for each table.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Integer, Text, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from hub.canonical.compact_json import compact
from hub.contract import Answer
from hub.errors import Conflict, Fault, HubError
from hub.ledger import attachment_verbs, chains, holdings, journal, late_answers, locks, payloads
from hub.ledger.for_each import for_each, insert_each
from hub.ledger.journal import Pages
from hub.ledger.tables import (
    dossier_codes,
    dossiers,
    identities,
    messages,
    procedures,
)
from hub.ledger.values import Acceptance, DossierChange, Meanwhile, Refusal, digest_of
from hub.ledger.works import Work, going_on
from hub.rules.retention import Kept

_IDENTITIES = for_each(
    lambda given: select(identities).where(
        (identities.c.endpoint == given.sender) & (identities.c.identity == given.name)
    ),
    sender=Text,
    name=Text,
)
_DOSSIERS = for_each(
    lambda given: select(
        dossiers.c.key, dossiers.c.version, dossiers.c.last_endpoint, dossiers.c.last_digest, dossiers.c.last_message
    ).where(dossiers.c.key == given.dossier),
    dossier=Text,
)
_NEW_MESSAGES = insert_each(messages, *messages.c.keys())
_HOLD_IDENTITIES = insert_each(identities, *identities.c.keys(), new=["endpoint", "identity"])
_NEW_DOSSIERS = insert_each(dossiers, *dossiers.c.keys(), new=["key"])
_CHANGED = ("procedure", "status", "native", "version", "last_endpoint", "last_digest", "last_message", "updated_at")
_CHANGE_DOSSIERS = for_each(
    lambda given: update(dossiers)
    .where((dossiers.c.key == given.dossier) & (dossiers.c.version == given.seen))
    .values({name: getattr(given, f"new_{name}") for name in _CHANGED}),
    dossier=Text,
    seen=Integer,
    **{f"new_{name}": dossiers.c[name].type for name in _CHANGED},
)
_NUMBERS = for_each(
    lambda given: select(dossier_codes.c.key, dossier_codes.c.code).where(dossier_codes.c.key == given.dossier), dossier=Text
)
_NEW_NUMBERS = insert_each(dossier_codes, "code", "key")

Share = Work[Acceptance, Answer]


class DossierMoved(HubError):
    """Another message changed the dossier between looking and recording; look again."""

    code = "dossier_moved"
    who = "nobody"


def record_received(conn: Connection, pages: Pages, works: Sequence[Share]) -> None:
    """Record accepted messages with their deliveries; a repeated one gets the recorded answer and nothing else.

    Conflict where the same identity came with other content, DossierMoved where intake must look again.
    """
    digests = {work.given.message_id: digest_of(work.given.signed) for work in works}
    known = _known_dossiers(conn, works)
    _find_repeated(conn, pages, works, digests, known)
    _judge(conn, works, known)
    accepted = [work.given for work in going_on(works) if work.value is None]
    _insert_messages(conn, accepted, digests)
    _hold_identities(conn, accepted, digests)
    _change_dossiers(conn, accepted, digests)
    for given in accepted:
        attachment_verbs.link(conn, given)
        _change_catalogue(conn, given)
        if given.correlation:
            late_answers.hear(conn, pages, given)
    _make_deliveries(conn, pages, accepted, digests)
    for work in going_on(works):
        work.value = work.value or work.given.answer


# --- what is there already


def _known_dossiers(conn: Connection, works: Sequence[Share]) -> dict[str, Any]:
    keys = sorted({change.key for work in works for change in work.given.dossiers})
    return {row.key: row for row in _DOSSIERS.find(conn, [{"dossier": key} for key in keys])}


def _find_repeated(
    conn: Connection, pages: Pages, works: Sequence[Share], digests: dict[str, str], known: dict[str, Any]
) -> None:
    """Answer the messages that were accepted before as then; refuse those whose identity came with other content."""
    named = sorted({(work.given.endpoint, work.given.identity) for work in works if work.given.identity})
    found = _IDENTITIES.find(conn, [{"sender": sender, "name": name} for sender, name in named])
    held = {(row.endpoint, row.identity): row for row in found}
    for work in works:
        given = work.given
        row = held.get((given.endpoint, given.identity))
        if row is not None and row.signed_digest != digests[given.message_id]:
            work.refuse(_conflict(given.identity, row.message_id))
            continue
        earlier = row.message_id if row is not None else _last_message(given, digests[given.message_id], known)
        if earlier is not None:
            work.value = _repeat(conn, pages, earlier, given)


def _last_message(given: Acceptance, digest: str, known: dict[str, Any]) -> str | None:
    """Without an identity only the last message of all its dossiers can be the same one again: 4, 5, 4 is three messages."""
    if given.identity:
        return None
    rows = [known.get(change.key) for change in given.dossiers]
    same = {
        row.last_message if row is not None and (row.last_endpoint, row.last_digest) == (given.endpoint, digest) else None
        for row in rows
    }
    return same.pop() if len(same) == 1 else None


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


def _repeat(conn: Connection, pages: Pages, message_id: str, given: Acceptance) -> Answer:
    row = conn.execute(select(messages).where(messages.c.id == message_id)).one()
    conn.execute(update(messages).where(messages.c.id == message_id).values(repeats=messages.c.repeats + 1))
    pages.append(row.subject, "message.repeated", at=given.at, actor=given.endpoint, entry={"message": message_id})
    return Answer(
        status=row.answer_status,
        content_type=row.answer_type,
        body=payloads.get(conn, row.answer_digest) or b"",
        headers=json.loads(row.answer_headers),
    )


def _judge(conn: Connection, works: Sequence[Share], known: dict[str, Any]) -> None:
    """Send back to intake what it looked at too early; of two with one identity or number, the second."""
    taken: set[tuple[str, ...]] = set()
    for work in going_on(works):
        if work.value is not None:
            continue
        given = work.given
        claimed: set[tuple[str, ...]] = {(code,) for change in given.dossiers for code in change.codes}
        if given.identity:
            claimed.add((given.endpoint, given.identity))
        if taken & claimed or not _as_seen(given, known) or not _catalogue_as_seen(conn, given):
            work.refuse(_moved())
        taken |= claimed


def _as_seen(given: Acceptance, known: dict[str, Any]) -> bool:
    """Say whether the dossiers are as intake saw them; in one document, one message of a dossier counts on the one before."""
    versions: dict[str, int] = {}
    for change in given.dossiers:
        row = known.get(change.key)
        if change.version != versions.get(change.key, row.version if row is not None else 0):
            return False
        versions[change.key] = change.version + 1
    return True


def _moved() -> DossierMoved:
    return DossierMoved("the dossier changed meanwhile", "hồ sơ vừa thay đổi")


def _catalogue_as_seen(conn: Connection, given: Acceptance) -> bool:
    if given.catalogues is None:
        return True
    locks.wait(conn, given.subject)
    here = (messages.c.subject == given.subject) & messages.c.accepted
    return given.catalogues == int(conn.execute(select(func.count()).where(here)).scalar_one())


# --- what is written


def _insert_messages(conn: Connection, accepted: Sequence[Acceptance], digests: dict[str, str]) -> None:
    shelf = payloads.Shelf()
    rows = [_message(given, shelf, digests[given.message_id]) for given in accepted]
    shelf.write(conn)
    _NEW_MESSAGES.change(conn, rows)


def _message(given: Acceptance, shelf: payloads.Shelf, signed_digest: str) -> dict[str, Any]:
    shelf.put(given.signed, given.at)
    for planned in given.planned:
        shelf.put(planned.canonical, given.at, Kept.WORK)
    return {
        "id": given.message_id,
        "endpoint": given.endpoint,
        "received_at": given.at,
        "accepted": True,
        "subject": given.subject,
        "kind": given.kind,
        "event": given.event,
        "procedure": given.procedure,
        "identity": given.identity,
        "raw_digest": shelf.put(given.raw, given.at),
        "signed_digest": signed_digest,
        "certificate_digest": shelf.put(given.certificate, given.at),
        "signature_digest": shelf.put(given.signature, given.at),
        "canonical": compact([shelf.put(body, given.at, Kept.WORK) for body in given.canonical]),
        "verdict": given.verdict,
        "error_code": "",
        "error_where": "",
        "faults": "[]",
        "warnings": given.warnings,
        "repeats": 0,
        **_answer_columns(given.answer, shelf.put(given.answer.body, given.at, Kept.REPEAT)),
    }


def _answer_columns(answer: Answer, digest: str) -> dict[str, Any]:
    return {
        "answer_status": answer.status,
        "answer_type": answer.content_type,
        "answer_headers": compact(dict(answer.headers)),
        "answer_digest": digest,
    }


def _hold_identities(conn: Connection, accepted: Sequence[Acceptance], digests: dict[str, str]) -> None:
    rows = [
        {
            "endpoint": given.endpoint,
            "identity": given.identity,
            "signed_digest": digests[given.message_id],
            "message_id": given.message_id,
        }
        for given in sorted(accepted, key=lambda each: (each.endpoint, each.identity))
        if given.identity
    ]
    if _HOLD_IDENTITIES.change(conn, rows) < len(rows):
        # Two at once: another process won between our look and our insert; look again and read its answer.
        raise Meanwhile


def _change_dossiers(conn: Connection, accepted: Sequence[Acceptance], digests: dict[str, str]) -> None:
    """Write the dossiers as these messages leave them; raise Meanwhile, or DossierMoved, where one changed since it was read."""
    changes = sorted(
        ((change, given) for given in accepted for change in given.dossiers), key=lambda pair: (pair[0].key, pair[0].version)
    )
    new = [_dossier(change, given, digests) for change, given in changes if not change.version]
    if _NEW_DOSSIERS.change(conn, new) < len(new):
        raise Meanwhile
    for rows in _one_of_each(changes):
        if _CHANGE_DOSSIERS.change(conn, [_changed(change, given, digests) for change, given in rows]) < len(rows):
            raise Meanwhile
    _join_numbers(conn, [change for change, _ in changes])


def _one_of_each(changes: Sequence[tuple[DossierChange, Acceptance]]) -> list[list[tuple[DossierChange, Acceptance]]]:
    """Part later changes of dossiers, so that no statement changes one twice: a document may say more than once of it."""
    rounds: list[list[tuple[DossierChange, Acceptance]]] = []
    seen: dict[str, int] = {}
    for change, given in changes:
        if not change.version:
            continue
        number = seen[change.key] = seen.get(change.key, -1) + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append((change, given))
    return rounds


def _dossier(change: DossierChange, given: Acceptance, digests: dict[str, str]) -> dict[str, Any]:
    return {
        "key": change.key,
        "origin": given.endpoint,
        "procedure": change.procedure,
        "status": change.status,
        "native": change.native,
        "version": change.version + 1,
        "last_endpoint": given.endpoint,
        "last_digest": digests[given.message_id],
        "last_message": given.message_id,
        "updated_at": given.at,
    }


def _changed(change: DossierChange, given: Acceptance, digests: dict[str, str]) -> dict[str, Any]:
    row = _dossier(change, given, digests)
    return {"dossier": change.key, "seen": change.version, **{f"new_{name}": row[name] for name in _CHANGED}}


def _join_numbers(conn: Connection, changes: Sequence[DossierChange]) -> None:
    before = sorted({change.key for change in changes if change.version})
    known = {(row.key, row.code) for row in _NUMBERS.find(conn, [{"dossier": key} for key in before])}
    given = dict.fromkeys((change.key, code) for change in changes for code in change.codes)
    try:
        _NEW_NUMBERS.change(conn, [{"code": code, "key": key} for key, code in given if (key, code) not in known])
    except IntegrityError as error:
        raise DossierMoved("the number was given to another dossier meanwhile", "mã số vừa gắn với hồ sơ khác") from error


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
    holdings.hold(conn, given.holdings, given.at)


def _make_deliveries(
    conn: Connection, pages: Pages, accepted: Sequence[Acceptance], digests: dict[str, str]
) -> None:
    """Add the deliveries, and write one journal row for each subject that a message concerns."""
    adding = [
        chains.Adding(planned=planned, message_id=given.message_id, origin=given.endpoint, at=given.at)
        for given in accepted
        for planned in given.planned
    ]
    states = {each.planned.id: state.value for each, state in zip(adding, chains.add(conn, adding), strict=True)}
    for given in accepted:
        made: dict[str, list[dict[str, str]]] = {given.subject: []}
        for planned in sorted(given.planned, key=lambda each: (each.endpoint, each.subject)):
            made.setdefault(planned.subject, []).append(
                {
                    "delivery": planned.id,
                    "endpoint": planned.endpoint,
                    "service": planned.service,
                    "canonical": digest_of(planned.canonical),
                    "state": states[planned.id],
                }
            )
        for subject, rows in made.items():
            entry = _entry(given, digests[given.message_id]) | {"deliveries": rows}
            actor = given.actor or given.endpoint
            pages.append(subject, "message.received", at=given.at, actor=actor, entry=entry)


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


def record_refused(conn: Connection, given: Refusal) -> Answer:
    """Record a message that was refused at the door; it holds no identity, so the corrected one may come."""
    subject = f"message:{given.message_id}"
    raw, signature, answer = payloads.put_all(
        conn, [(body, Kept.PROOF) for body in (given.raw, given.signature, given.answer.body)], given.at
    )
    row = {
        "id": given.message_id,
        "endpoint": given.endpoint,
        "received_at": given.at,
        "accepted": False,
        "subject": subject,
        "kind": "",
        "event": "",
        "procedure": "",
        "identity": "",
        "raw_digest": raw,
        "signed_digest": "",
        "certificate_digest": "",
        "signature_digest": signature,
        "canonical": "[]",
        "verdict": given.verdict,
        "error_code": given.error_code,
        "error_where": given.error_where,
        "faults": given.faults,
        "warnings": "[]",
        "repeats": 0,
    }
    _NEW_MESSAGES.change(conn, [row | _answer_columns(given.answer, answer)])
    entry = {"message": given.message_id, "raw": raw, "error": given.error_code}
    if signature:
        entry["signature"] = signature
    journal.append(conn, subject, "message.refused", at=given.at, actor=given.endpoint, entry=entry)
    return given.answer
