"""What the ledger holds already when messages are to be accepted: repeated ones are answered, late looks sent back.

Looked up for all messages of a commit at once, and then judged for each by itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, Text, bindparam, func, select, update

from hub.contract import Answer
from hub.errors import Conflict, Fault, HubError
from hub.ledger import locks, payloads
from hub.ledger.for_each import for_each
from hub.ledger.sql import Statement
from hub.ledger.tables import dossier_codes, dossiers, identities, messages
from hub.ledger.values import Acceptance
from hub.ledger.works import Commit, Work, going_on

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
_NUMBERS = for_each(
    lambda given: select(dossier_codes.c.key, dossier_codes.c.code).where(dossier_codes.c.code == given.number), number=Text
)
_MESSAGE = Statement(select(messages).where(messages.c.id == bindparam("message")))
_COUNT_REPEAT = Statement(update(messages).where(messages.c.id == bindparam("message")).values(repeats=messages.c.repeats + 1))

Share = Work[Acceptance, Answer]


class DossierMoved(HubError):
    """Another message changed the dossier between looking and recording; look again."""

    code = "dossier_moved"
    who = "nobody"


class Known:
    """What the ledger holds of the messages, and of the dossiers that they speak of."""

    def __init__(self, conn: Connection, works: Sequence[Share]) -> None:
        changes = [change for work in works for change in work.given.dossiers]
        keys = sorted({change.key for change in changes})
        numbers = sorted({code for change in changes for code in change.codes})
        named = sorted({(work.given.endpoint, work.given.identity) for work in works if work.given.identity})
        # All is asked before any of it is looked at: one round to the server.
        found = _DOSSIERS.find(conn, [{"dossier": key} for key in keys])
        numbered = _NUMBERS.find(conn, [{"number": number} for number in numbers])
        held = _IDENTITIES.find(conn, [{"sender": sender, "name": name} for sender, name in named])
        self.dossiers = {row.key: row for row in found}
        #: Number -> key of the dossier that has it.
        self.numbers = {row.code: row.key for row in numbered}
        #: Endpoint and identity -> the accepted message that holds it.
        self.identities = {(row.endpoint, row.identity): row for row in held}


def find_repeated(commit: Commit, works: Sequence[Share], digests: dict[str, str], known: Known) -> None:
    """Answer the messages that were accepted before as then; refuse those whose identity came with other content."""
    for work in works:
        given = work.given
        row = known.identities.get((given.endpoint, given.identity))
        if row is not None and row.signed_digest != digests[given.message_id]:
            work.refuse(_conflict(given.identity, row.message_id))
            continue
        earlier = row.message_id if row is not None else _last_message(given, digests[given.message_id], known)
        if earlier is not None:
            work.value = _repeat(commit, earlier, given)


def _last_message(given: Acceptance, digest: str, known: Known) -> str | None:
    """Without an identity only the last message of all its dossiers can be the same one again: 4, 5, 4 is three messages."""
    if given.identity:
        return None
    rows = [known.dossiers.get(change.key) for change in given.dossiers]
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


def _repeat(commit: Commit, message_id: str, given: Acceptance) -> Answer:
    row = _MESSAGE.run(commit.conn, message=message_id).one()
    _COUNT_REPEAT.run(commit.conn, message=message_id)
    commit.pages.append(row.subject, "message.repeated", at=given.at, actor=given.endpoint, entry={"message": message_id})
    return Answer(
        status=row.answer_status,
        content_type=row.answer_type,
        body=payloads.get(commit.conn, row.answer_digest) or b"",
        headers=json.loads(row.answer_headers),
        repeats=message_id,
    )


def judge(conn: Connection, works: Sequence[Share], known: Known) -> None:
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


def _as_seen(given: Acceptance, known: Known) -> bool:
    """Say whether the dossiers are as intake saw them; in one document, one message of a dossier counts on the one before."""
    versions: dict[str, int] = {}
    for change in given.dossiers:
        row = known.dossiers.get(change.key)
        if change.version != versions.get(change.key, row.version if row is not None else 0):
            return False
        if any(known.numbers.get(code, change.key) != change.key for code in change.codes):
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
