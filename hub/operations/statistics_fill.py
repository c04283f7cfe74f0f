"""Fills what statistics count by for dossiers that came before the hub kept it: dossier by dossier, from the kept messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import Connection, or_, select

from hub.app import Hub
from hub.canonical.codes import Status
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import from_json
from hub.ledger import payloads, statistic_verbs
from hub.ledger.statistic_verbs import Filling
from hub.ledger.tables import deliveries, dossier_codes, dossiers, messages
from hub.ledger.values import OWN
from hub.operations.said import require
from hub.rules import dossier_facts, lifecycle
from hub.rules.dossier_facts import Facts

log = structlog.get_logger()

#: Dossiers that are filled in one commit.
BATCH = 200
#: Messages of one dossier that are read; one with more is filled from its last ones.
MOST_MESSAGES = 1000
_RUN = "fill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What a run came to."""

    #: Dossiers that were looked at, and that were filled.
    looked: int
    filled: int
    #: Of these, dossiers of which no message is kept any more: nothing can be filled in, and figures go without them.
    empty: int
    #: All were looked at; else the next run goes on from here.
    done: bool


def fill(
    hub: Hub, *, actor: str, why: str, most: int | None = None, progress: Callable[[int], Any] = lambda count: None
) -> Filled:
    """Fill the dossiers from the messages that are kept; a run that was stopped goes on where it was.

    ``most``: stop after about so many.
    """
    require(actor, why)
    looked = filled = empty = 0
    for portion in _portions(hub):
        _fill(hub, portion)
        looked, filled, empty = looked + portion.looked, filled + len(portion.filling), empty + portion.empty
        progress(looked)
        if most is not None and looked >= most:
            return Filled(looked=looked, filled=filled, empty=empty, done=False)
    end = partial(statistic_verbs.end_filling, name=_RUN, dossiers_filled=filled, actor=actor, why=why, now=hub.now())
    hub.ledger.change(end)
    log.info("statistics.filled", looked=looked, filled=filled, empty=empty, actor=actor)
    return Filled(looked=looked, filled=filled, empty=empty, done=True)


def _fill(hub: Hub, portion: _Portion) -> None:
    """Fill a portion in; what a message changed meanwhile is read anew, since that message knew nothing of those before it."""
    moved = hub.ledger.change(partial(statistic_verbs.fill, filling=portion.filling))
    while moved:
        again = _read_again(hub, moved)
        moved = hub.ledger.change(partial(statistic_verbs.fill, filling=again))
    # Only now: one that died before comes back to this portion.
    hub.ledger.change(partial(statistic_verbs.mark, name=_RUN, upto=portion.upto, now=hub.now()))


def _read_again(hub: Hub, keys: Sequence[str]) -> list[Filling]:
    with hub.ledger.read() as conn:
        rows = conn.execute(select(dossiers.c.key, dossiers.c.version).where(dossiers.c.key.in_(keys))).fetchall()
        read = [_filling(conn, row.key, row.version) for row in rows]
    return [each for each in read if each is not None]


@dataclass(frozen=True, slots=True)
class _Portion:
    upto: str
    looked: int
    filling: Sequence[Filling]

    @property
    def empty(self) -> int:
        """Give of how many nothing is kept."""
        return self.looked - len(self.filling)


def _portions(hub: Hub) -> Iterator[_Portion]:
    with hub.ledger.read() as conn:
        upto = statistic_verbs.mark_of(conn, _RUN)
    while True:
        with hub.ledger.read() as conn:
            query = select(dossiers.c.key, dossiers.c.version).where(dossiers.c.key > upto)
            rows = conn.execute(query.order_by(dossiers.c.key).limit(BATCH)).fetchall()
            read = [_filling(conn, row.key, row.version) for row in rows]
        if not rows:
            return
        upto = rows[-1].key
        yield _Portion(upto, len(rows), [each for each in read if each is not None])


def _filling(conn: Connection, key: str, version: int) -> Filling | None:
    """Fold a dossier's messages in the order in which they came; None where nothing is kept of them."""
    codes = set(conn.execute(select(dossier_codes.c.code).where(dossier_codes.c.key == key)).scalars())
    columns = (deliveries.c.id, deliveries.c.message_id, deliveries.c.canonical_digest)
    newest = select(*columns).where(deliveries.c.subject == key).order_by(deliveries.c.created_at.desc())
    sent = conn.execute(newest).fetchall()
    facts: Facts | None = None
    status: Status | None = None
    happened: dict[str, float] = {}
    for received_at, digest, message in _messages(conn, key, codes, [row.message_id for row in sent]):
        facts = dossier_facts.after(facts, status, message, received_at)
        status = lifecycle.recorded(status, message.dossier.status)
        if (at := dossier_facts.happened_at(message)) is not None:
            happened |= {row.id: at for row in sent if row.canonical_digest == digest}
    return Filling(key=key, version=version, facts=facts, happened=happened) if facts is not None else None


def _messages(
    conn: Connection, key: str, codes: set[str], named: Sequence[str]
) -> Iterator[tuple[float, str, DossierMessage]]:
    """Give what is kept of a dossier: messages that are about it first of all, and documents that speak of it among others.

    Such a document is named by its deliveries, the last one also by the dossier itself where nobody was told of it. What the
    hub made to mend says nothing new, at the moment of the mending.
    """
    last = select(dossiers.c.last_message).where(dossiers.c.key == key).scalar_subquery()
    others = list(dict.fromkeys(named))[:MOST_MESSAGES]
    about = or_(messages.c.subject == key, messages.c.id == last, messages.c.id.in_(others))
    given = messages.c.accepted & (messages.c.endpoint != OWN)
    columns = select(messages.c.id, messages.c.received_at, messages.c.canonical).where(about & given)
    rows = conn.execute(columns.order_by(messages.c.received_at.desc()).limit(MOST_MESSAGES)).fetchall()
    for row in reversed(rows):
        for digest in json.loads(row.canonical):
            message = _read(payloads.get(conn, str(digest)))
            if message is not None and (message.subject == key or message.subject in codes):
                yield row.received_at, str(digest), message


def _read(kept: bytes | None) -> DossierMessage | None:
    """Read a canonical message; None where retention has deleted it, or it is of another kind."""
    try:
        message = from_json(kept) if kept else None
    except ValidationError:
        return None
    return message if isinstance(message, DossierMessage) else None
