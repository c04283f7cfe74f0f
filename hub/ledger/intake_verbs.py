"""Verbs of intake: a message is accepted, repeated or refused, in one commit with its answer and its deliveries.

Accepting is carried for many messages at once: first all look-ups, by which each is judged, then one statement for each table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Integer, Text, update

from hub.canonical.compact_json import compact
from hub.canonical.digests import digest_of
from hub.contract import Answer
from hub.ledger import (
    attachment_verbs,
    border_verbs,
    catalogue_verbs,
    chains,
    finding_keys,
    holdings,
    journal,
    late_answers,
    payloads,
    word_verbs,
)
from hub.ledger.acceptance_looks import Known, Share, find_repeated, judge
from hub.ledger.campaign_tables import test_dossiers
from hub.ledger.catalogue_verbs import Told
from hub.ledger.for_each import for_each, insert_each
from hub.ledger.message_facts import facts_of
from hub.ledger.tables import (
    dossier_codes,
    dossiers,
    identities,
    messages,
)
from hub.ledger.values import Acceptance, DossierChange, Planned, Refusal
from hub.ledger.works import Commit, Work, going_on
from hub.rules import trade_lifecycle
from hub.rules.dossier_facts import COLUMNS, columns
from hub.rules.retention import Kept, kept_for
from hub.rules.trade_lifecycle import Course

_NEW_MESSAGES = insert_each(messages, *messages.c.keys())
_HOLD_IDENTITIES = insert_each(identities, *identities.c.keys(), new=["endpoint", "identity"])
_NEW_DOSSIERS = insert_each(dossiers, *dossiers.c.keys(), new=["key"])
_NEW_TESTS = insert_each(test_dossiers, *test_dossiers.c.keys(), new=["key"])
_LAST = ("last_endpoint", "last_digest", "last_message")
_TRADE = ("trade_stage", "trade_course", "answer_due")
_CHANGED = ("procedure", "status", "native", "version", *_LAST, "updated_at", *COLUMNS, *_TRADE)
_CHANGE_DOSSIERS = for_each(
    lambda given: (
        update(dossiers)
        .where((dossiers.c.key == given.dossier) & (dossiers.c.version == given.seen))
        .values({name: getattr(given, f"new_{name}") for name in _CHANGED})
    ),
    dossier=Text,
    seen=Integer,
    **{f"new_{name}": dossiers.c[name].type for name in _CHANGED},
)
_NEW_NUMBERS = insert_each(dossier_codes, "code", "key", new=["code"])
#: The journal names also what is empty, of which nothing is kept.
_EMPTY = digest_of(b"")


def record_received(commit: Commit, works: Sequence[Share]) -> None:
    """Record accepted messages with their deliveries; a repeated one gets the recorded answer and nothing else.

    Conflict where the same identity came with other content, DossierMoved where intake must look again.
    """
    digests = {work.given.message_id: digest_of(work.given.signed) for work in works}
    known = Known(commit.conn, works)
    find_repeated(commit, works, digests, known)
    judge(commit.conn, works, known)
    attachment_verbs.check_brought(commit.conn, works)
    accepted = [work.given for work in going_on(works) if work.value is None]
    named = _named(accepted)
    rows = _insert_messages(commit, accepted, digests, named)
    _hold_identities(commit, accepted, digests)
    _change_dossiers(commit, accepted, digests, known)
    _join_numbers(commit, accepted, known)
    finding_keys.keep(commit.conn, accepted)
    attachment_verbs.keep_brought(commit, [work.given for work in going_on(works)])
    attachment_verbs.link(commit, accepted)
    for given in accepted:
        _change_catalogue(commit.conn, given)
        if given.border or given.named:
            border_verbs.record(commit, given)
        if given.correlation:
            late_answers.hear(commit.conn, commit.pages, given)
    _make_deliveries(commit, accepted, rows, named)
    for work in going_on(works):
        _owe(commit.conn, work.given, repeated=work.value is not None)
        work.value = work.value or work.given.answer


def record_received_alone(conn: Connection, given: Acceptance) -> Answer:
    """Record one message, of a kind that comes seldom, in a commit that is not sent ahead; as ``record_received``."""
    commit = Commit(conn, given.subjects | given.files)
    work: Share = Work(given)
    record_received(commit, [work])
    commit.write()
    if work.problem is not None:
        raise work.problem
    assert work.value is not None
    return work.value


def _named(accepted: Sequence[Acceptance]) -> dict[bytes, str]:
    """Give the digests of all canonical bytes, each computed once: a message's deliveries mostly carry its own bytes."""
    bodies = {body for given in accepted for body in given.canonical}
    bodies |= {planned.canonical for given in accepted for planned in given.planned}
    return {body: digest_of(body) for body in bodies}


def _insert_messages(
    commit: Commit, accepted: Sequence[Acceptance], digests: dict[str, str], named: dict[bytes, str]
) -> dict[str, dict[str, Any]]:
    """Write the messages; give each one's row."""
    rows = [_message(given, commit.shelf, digests[given.message_id], named) for given in accepted]
    _NEW_MESSAGES.change(commit.conn, rows)
    return {row["id"]: row for row in rows}


def _message(given: Acceptance, shelf: payloads.Shelf, signed_digest: str, named: dict[bytes, str]) -> dict[str, Any]:
    subjects = {given.subject, *(planned.subject for planned in given.planned)}
    work, proof = kept_for(Kept.WORK, *subjects), kept_for(Kept.PROOF, *subjects)
    shelf.put(given.signed, given.at, proof, signed_digest)
    for digest, body in given.proofs.items():
        shelf.share(digest, body, given.at, proof)
    if given.page:
        shelf.share(digest_of(given.page), given.page, given.at, proof)
    for planned in given.planned:
        shelf.put(planned.canonical, given.at, work, named[planned.canonical])
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
        "raw_digest": shelf.put(given.raw, given.at, proof),
        "signed_digest": signed_digest,
        "certificate_digest": shelf.share(digest_of(given.certificate), given.certificate, given.at, proof),
        "signature_digest": shelf.put(given.signature, given.at, proof),
        "canonical": compact([shelf.put(body, given.at, work, named[body]) for body in given.canonical]),
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


def _hold_identities(commit: Commit, accepted: Sequence[Acceptance], digests: dict[str, str]) -> None:
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
    # Two at once: where another process won between our look and our insert, we look again and read its answer.
    _HOLD_IDENTITIES.change_all(commit.conn, rows, commit.unheard)


def _change_dossiers(commit: Commit, accepted: Sequence[Acceptance], digests: dict[str, str], known: Known) -> None:
    """Write the dossiers as these messages leave them."""
    changes = sorted(
        ((change, given) for given in accepted for change in given.dossiers), key=lambda pair: (pair[0].key, pair[0].version)
    )
    new = [_dossier(change, given, digests) for change, given in changes if not change.version]
    _NEW_DOSSIERS.change_all(commit.conn, new, commit.unheard)
    tests = [_test(change, given) for change, given in changes if change.test and not change.version]
    _NEW_TESTS.change(commit.conn, tests)
    for rows in _one_of_each(changes):
        changed = [_changed(change, given, digests, known) for change, given in rows]
        _CHANGE_DOSSIERS.change_all(commit.conn, changed, commit.unheard)


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
        **columns(change.facts),
        "test": change.test,
        **trade_columns(change.course),
    }


def trade_columns(course: Course | None) -> dict[str, Any]:
    """Write a trade dossier's course as the register's columns."""
    stage, rest = trade_lifecycle.write(course)
    return {"trade_stage": stage, "trade_course": rest, "answer_due": course.answer_due if course else None}


def _test(change: DossierChange, given: Acceptance) -> dict[str, Any]:
    return {
        "key": change.key,
        "procedure": change.procedure,
        "endpoint": given.endpoint,
        "agency": change.agency,
        "message_id": given.message_id,
        "received_at": given.at,
    }


def _changed(change: DossierChange, given: Acceptance, digests: dict[str, str], known: Known) -> dict[str, Any]:
    row = _dossier(change, given, digests)
    if change.replaced:
        # Its own last message is still that; this one is another dossier's.
        row |= {name: getattr(known.dossiers[change.key], name) for name in _LAST}
    return {"dossier": change.key, "seen": change.version, **{f"new_{name}": row[name] for name in _CHANGED}}


def _join_numbers(commit: Commit, accepted: Sequence[Acceptance], known: Known) -> None:
    given = {code: change.key for each in accepted for change in each.dossiers for code in change.codes}
    rows = [{"code": code, "key": key} for code, key in sorted(given.items()) if code not in known.numbers]
    _NEW_NUMBERS.change_all(commit.conn, rows, commit.unheard)


def _change_catalogue(conn: Connection, given: Acceptance) -> None:
    if given.procedures:
        actor = given.actor or given.endpoint
        told = Told(message_id=given.message_id, source=given.endpoint, at=given.at, actor=actor, why=given.why)
        catalogue_verbs.tell(conn, given.procedures, told)
    holdings.hold(conn, given.holdings, given.at)


def _make_deliveries(
    commit: Commit, accepted: Sequence[Acceptance], rows: dict[str, dict[str, Any]], named: dict[bytes, str]
) -> None:
    """Add the deliveries, and write one journal row for each subject that a message concerns."""
    adding = [_adding(given, planned, named) for given in accepted for planned in given.planned]
    added = zip(adding, chains.add(commit.conn, adding, commit.unheard), strict=True)
    states = {each.planned.id: state.value for each, state in added}
    for given in accepted:
        made: dict[str, list[dict[str, str]]] = {given.subject: []}
        for planned in sorted(given.planned, key=lambda each: (each.endpoint, each.subject)):
            made.setdefault(planned.subject, []).append(
                {
                    "delivery": planned.id,
                    "endpoint": planned.endpoint,
                    "service": planned.service,
                    "canonical": named[planned.canonical],
                    "state": states[planned.id],
                }
            )
        entry = _entry(given, rows[given.message_id])
        actor = given.actor or given.endpoint
        for subject, deliveries in made.items():
            told = entry | {"deliveries": deliveries}
            commit.pages.append(subject, "message.received", at=given.at, actor=actor, entry=told)
        for change in given.dossiers:
            if change.replaced and change.course:
                told = {"message": given.message_id, "by": change.course.replaced_by, "stage": change.course.stage.value}
                commit.pages.append(change.key, "dossier.replaced", at=given.at, actor=actor, entry=told)


def _adding(given: Acceptance, planned: Planned, named: dict[bytes, str]) -> chains.Adding:
    digest = named[planned.canonical]
    return chains.Adding(planned=planned, message_id=given.message_id, origin=given.endpoint, at=given.at, digest=digest)


def _entry(given: Acceptance, row: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "message": given.message_id,
        "raw": row["raw_digest"] or _EMPTY,
        "signed": row["signed_digest"],
        "answer": row["answer_digest"] or _EMPTY,
        "row": facts_of(row),
    }
    if given.signature:
        entry["signature"] = row["signature_digest"]
    if given.page:
        entry["page"] = digest_of(given.page)
    if given.why:
        entry["why"] = given.why
    return entry


def _owe(conn: Connection, given: Acceptance, *, repeated: bool) -> None:
    """Write what is owed for a message; also for a repeated one, since whoever lists it again has not heard our word."""
    if given.owed is not None:
        # Nothing was recorded under the identifier of a repeated one.
        message_id = "" if repeated else given.message_id
        word_verbs.owe(conn, given.endpoint, given.owed, message_id=message_id, now=given.at)


def record_refused(conn: Connection, given: Refusal) -> Answer:
    """Record a message that was refused at the door; it holds no identity, so the corrected one may come."""
    subject = f"message:{given.message_id}"
    raw, signature, answer, page = payloads.put_all(
        conn, [(body, Kept.PROOF) for body in (given.raw, given.signature, given.answer.body, given.page)], given.at
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
    row |= _answer_columns(given.answer, answer)
    _NEW_MESSAGES.change(conn, [row])
    entry = {"message": given.message_id, "raw": raw, "error": given.error_code, "row": facts_of(row)}
    if signature:
        entry["signature"] = signature
    if page:
        entry["page"] = page
    journal.append(conn, subject, "message.refused", at=given.at, actor=given.endpoint, entry=entry)
    if given.owed is not None:
        word_verbs.owe(conn, given.endpoint, given.owed, message_id=given.message_id, now=given.at)
    return given.answer
