"""Fills the index of applicants' numbers from messages that came before there was one, or under another key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import Connection, and_, or_, select

from hub.app import Hub
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import from_json
from hub.errors import NotAllowed
from hub.ledger import finding_keys, journal, payloads
from hub.ledger.finding_keys import Mark
from hub.ledger.tables import dossier_codes, messages
from hub.operations.said import require
from hub.rules.applicant_numbers import NumberKey, hashes

log = structlog.get_logger()

#: Messages that are looked through in one commit.
BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """What a run came to."""

    #: Messages that were looked through, and numbers that were found in them.
    messages: int
    numbers: int
    #: Hashes of other keys that were deleted.
    forgotten: int


def index(hub: Hub, *, actor: str, why: str, progress: Callable[[int], Any] = lambda count: None) -> Indexed:
    """Look through all accepted messages for applicants' numbers; a run that was stopped goes on where it was.

    At its end, what was hashed with other keys is deleted. Raises NotAllowed where the hub has no key.
    """
    require(actor, why)
    if (key := hub.number_key) is None:
        raise NotAllowed(
            "there is no key to hash numbers with: set [finding] key in hub.toml",
            "chưa có khóa băm số định danh: hãy đặt [finding] key trong hub.toml",
            where="hub.toml [finding] key",
        )
    looked = numbers = 0
    for count, found in _batches(hub, key):
        looked, numbers = looked + count, numbers + found
        progress(count)
    forgotten = hub.ledger.change(partial(_finish, key=key, actor=actor, why=why, now=hub.now()))
    log.info("finding.indexed", messages=looked, numbers=numbers, forgotten=forgotten, actor=actor)
    return Indexed(messages=looked, numbers=numbers, forgotten=forgotten)


def _batches(hub: Hub, key: NumberKey) -> Iterator[tuple[int, int]]:
    """Index batch by batch; each commit says how far it went."""
    with hub.ledger.read() as conn:
        mark = finding_keys.mark_of(conn, key.name)
    while True:
        with hub.ledger.read() as conn:
            rows = _next(conn, mark)
            keys = [found for row in rows for found in _keys(conn, row, key)]
        if not rows:
            return
        mark = Mark(upto_at=rows[-1].received_at, upto_message=rows[-1].id)
        hub.ledger.change(partial(finding_keys.fill, key_name=key.name, keys=keys, mark=mark))
        yield len(rows), len(keys)


def _next(conn: Connection, mark: Mark) -> Sequence[Any]:
    here = or_(
        messages.c.received_at > mark.upto_at,
        and_(messages.c.received_at == mark.upto_at, messages.c.id > mark.upto_message),
    )
    query = select(messages.c.id, messages.c.received_at, messages.c.accepted, messages.c.canonical)
    # Said twice, so that the index is read from there on.
    query = query.where(here & (messages.c.received_at >= mark.upto_at))
    return conn.execute(query.order_by(messages.c.received_at, messages.c.id).limit(BATCH)).fetchall()


def _keys(conn: Connection, row: Any, key: NumberKey) -> Iterator[tuple[str, str, float]]:
    """Give what one message says of its applicants."""
    for digest in _digests(row):
        message = _read(payloads.get(conn, digest))
        if message is None:
            continue
        known = conn.execute(select(dossier_codes.c.key).where(dossier_codes.c.code == message.subject)).scalar()
        for hashed in hashes(message, key):
            yield hashed, str(known or message.subject), row.received_at


def _digests(row: Any) -> list[str]:
    return [str(each) for each in json.loads(row.canonical)] if row.accepted else []


def _read(body: bytes | None) -> DossierMessage | None:
    """Read a canonical message; None where retention has deleted it, or it is of another kind."""
    try:
        message = from_json(body) if body else None
    except ValidationError:
        return None
    return message if isinstance(message, DossierMessage) else None


def _finish(conn: Connection, key: NumberKey, actor: str, why: str, now: float) -> int:
    mark = finding_keys.mark_of(conn, key.name)
    done = Mark(upto_at=mark.upto_at, upto_message=mark.upto_message, finished_at=now)
    finding_keys.fill(conn, key.name, (), done)
    forgotten = finding_keys.forget_other_keys(conn, key.name)
    journal.append(conn, "finding", "finding.indexed", at=now, actor=actor, entry={"why": why, "forgotten": forgotten})
    return forgotten
