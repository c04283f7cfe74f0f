"""What happened to one dossier, in the order of its journal: who sent what when, verdicts, attempts, answers, people's verbs.

A page is read from the ends of the journal's chains, so that a dossier with thousands of entries costs what one page of it does.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.engine import Row

from hub.errors import NotAllowed
from hub.ledger.tables import attempts, chains, deliveries, journal, journal_heads, messages, notices
from hub.registers import border_rows, cursors, history, names, scopes, trade
from hub.registers.border_rows import BorderRow
from hub.registers.group_members import masked
from hub.registers.records import DossierRow
from hub.registers.scopes import Scope
from hub.registers.trade import TradeShown
from hub.registers.words import EVENTS, called
from hub.rules import difference
from hub.rules.difference import Change
from hub.rules.lifecycle import ENDED, State

#: Chains shown of one dossier, at most.
_CHAINS = 200
#: Differences shown of one message, at most.
_CHANGES = 200
#: Rows of the journal that are looked through for the message before the first one of a page.
_BACK = 200
#: Kinds of entries, by the beginning of their event.
_KINDS = {"message": "message", "delivery": "delivery", "inquiry": "inquiry", "operator": "operator", "edit": "operator"}
#: Fields of a journal row that are digests -> what the bytes are.
ROLES = ("raw", "signed", "signature", "answer", "business", "sent", "reply", "evidence")
#: Fields of a journal row that are shown elsewhere, or are of no use to a person.
_NOT_FACTS = frozenset({*ROLES, "message", "delivery", "deliveries", "row", "why", "epoch", "next", "next_state"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes:
    """Exact bytes, by digest."""

    #: raw, signed, signature, answer, canonical, business, sent, reply, evidence.
    role: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the sender of a message was told about one delivery."""

    endpoint: str
    recipient: str
    delivery_id: str
    outcome: str
    code: str
    vi: str
    en: str
    at: float
    taken_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened."""

    at: float
    #: The chain of the journal, and the row's number in it.
    subject: str
    number: int
    event: str
    vi: str
    en: str
    actor: str
    #: ``message``, ``delivery``, ``inquiry``, ``operator``, ``notice`` (a call that only tells the sender) or ``other``.
    kind: str
    message_id: str = ""
    delivery_id: str = ""
    #: Who sent the message, or whom the delivery goes to.
    endpoint: str = ""
    why: str = ""
    #: What else is known of it, shown as it is: service, attempt, outcome, code, verdict, …
    facts: Mapping[str, str] = field(default_factory=dict)
    digests: tuple[Bytes, ...] = ()
    #: The dossier as the message says it, without persons; None where retention has deleted it.
    canonical: Any = None
    #: What differs from the message about it before.
    changes: tuple[Change, ...] = ()
    #: Deliveries that the message made.
    deliveries: tuple[str, ...] = ()
    #: What its sender was told.
    notices: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The dossier's deliveries to one endpoint."""

    endpoint: str
    #: How many there are, how many of them are done, and how many wait behind the first that is not.
    places: int
    done: int
    waiting: int
    #: The first that is not done; empty where all are.
    head_id: str = ""
    head_state: str = ""
    head_error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelinePage:
    """One page of what happened."""

    subject: str
    dossier: DossierRow | None
    #: Rows of its journal.
    total: int
    entries: tuple[Entry, ...]
    #: Where the next page begins; empty: there is none.
    next: str
    chains: tuple[Chain, ...]
    #: Where it stands, if it is a trade dossier.
    trade: TradeShown | None = None
    #: Its border documents.
    border: tuple[BorderRow, ...] = ()


def page(
    conn: Connection, given: str, *, after: str, limit: int, newest: bool, scope: Scope, now: float = 0.0
) -> TimelinePage:
    """Give a page of what happened; ``newest``: the other way round. Raises NotAllowed where nothing has this name.

    ``now``: what is out of time then is told as such.
    """
    subject = subject_of(conn, given)
    _check_scope(conn, subject, scope, given)
    place = cursors.read(after, int, int)
    rows, following = _rows(conn, (subject, f"notices:{subject}"), place, limit, newest)
    totals = select(func.sum(journal_heads.c.number)).where(journal_heads.c.subject.in_([subject, f"notices:{subject}"]))
    return TimelinePage(
        subject=subject,
        dossier=history.dossier(conn, subject),
        total=int(conn.execute(totals).scalar() or 0),
        entries=_entries(conn, subject, rows),
        next=following,
        chains=_chains(conn, subject),
        trade=trade.shown(conn, subject),
        border=border_rows.of_dossier(conn, subject, now),
    )


def subject_of(conn: Connection, given: str) -> str:
    """Find the subject that a name means: a dossier by any number, a journal's subject, or that of a message or delivery."""
    if key := names.dossier_key(conn, given):
        return key
    if conn.execute(select(journal_heads.c.subject).where(journal_heads.c.subject == given)).scalar():
        return given
    if message := names.by_id(conn, messages.c.id, given):
        return str(conn.execute(select(messages.c.subject).where(messages.c.id == message)).scalar_one())
    if delivery := names.by_id(conn, deliveries.c.id, given):
        return str(conn.execute(select(deliveries.c.subject).where(deliveries.c.id == delivery)).scalar_one())
    raise _unknown(given)


def _unknown(given: str) -> NotAllowed:
    return NotAllowed(
        f"no message, delivery or dossier is called {given!r}",
        f"không có thông điệp, lượt chuyển hay hồ sơ nào mang mã {given!r}",
        where=given,
    )


def _check_scope(conn: Connection, subject: str, scope: Scope, given: str) -> None:
    """Raise NotAllowed, as if there were nothing, where no part of it is in scope."""
    if scope is None:
        return
    seen = select(messages.c.id).where((messages.c.subject == subject) & scopes.of_messages(scope)).limit(1)
    went = select(deliveries.c.id).where((deliveries.c.subject == subject) & scopes.of_deliveries(scope)).limit(1)
    if conn.execute(seen).first() is None and conn.execute(went).first() is None:
        raise _unknown(given)


# --- the journal -------------------------------------------------------------------------------------------------


def _rows(
    conn: Connection, subjects: tuple[str, str], place: tuple[Any, ...] | None, limit: int, newest: bool
) -> tuple[list[Row[Any]], str]:
    """Read the next rows of both chains, in the order in which they were written; give where they end."""
    ends = list(place or (0, 0))
    found: list[Row[Any]] = []
    for subject, end in zip(subjects, ends, strict=True):
        here = journal.c.subject == subject
        if end:
            here &= journal.c.number < end if newest else journal.c.number > end
        order = journal.c.number.desc() if newest else journal.c.number
        found += conn.execute(select(journal).where(here).order_by(order).limit(limit + 1)).fetchall()
    found.sort(key=lambda row: row.seq, reverse=newest)
    for row in found[:limit]:
        ends[subjects.index(row.subject)] = row.number
    return found[:limit], cursors.written(*ends) if len(found) > limit else ""


class _Known:
    """What a page's rows speak of, each table read once."""

    def __init__(self, conn: Connection, rows: Sequence[Row[Any]]) -> None:
        self.told = {row.seq: json.loads(row.entry) for row in rows}
        of_messages = sorted({str(each["message"]) for each in self.told.values() if each.get("message")})
        of_deliveries = sorted({str(each["delivery"]) for each in self.told.values() if each.get("delivery")})
        self.messages = {row.id: row for row in _found(conn, messages, messages.c.id, of_messages)}
        self.deliveries = {row.id: row for row in _found(conn, deliveries, deliveries.c.id, of_deliveries)}
        tried = _found(conn, attempts, attempts.c.delivery_id, of_deliveries)
        self.attempts = {(row.delivery_id, row.number): row for row in tried}
        self.notices: dict[str, list[Told]] = {}
        for row in _found(conn, notices, notices.c.message_id, of_messages):
            self.notices.setdefault(row.message_id, []).append(Told(**{name: getattr(row, name) for name in Told.__slots__}))


def _found(conn: Connection, table: Any, column: Any, ids: Collection[str]) -> list[Row[Any]]:
    return list(conn.execute(select(table).where(column.in_(list(ids))))) if ids else []


def _entries(conn: Connection, subject: str, rows: Sequence[Row[Any]]) -> tuple[Entry, ...]:
    known = _Known(conn, rows)
    versions = _versions(conn, subject, rows, known)
    return tuple(_entry(row, known, versions) for row in rows)


def _entry(row: Row[Any], known: _Known, versions: Mapping[int, tuple[Any, tuple[Change, ...]]]) -> Entry:
    told = known.told[row.seq]
    message = known.messages.get(told.get("message", ""))
    delivery = known.deliveries.get(told.get("delivery", ""))
    attempt = known.attempts.get((told.get("delivery", ""), told.get("attempt", 0)))
    vi, en = called(EVENTS, row.event)
    begins = row.event.partition(".")[0]
    canonical, changes = versions.get(row.seq, (None, ()))
    received = row.event == "message.received"
    return Entry(
        at=row.at,
        subject=row.subject,
        number=row.number,
        event=row.event,
        vi=vi,
        en=en,
        actor=row.actor,
        kind="notice" if row.subject.startswith("notices:") else _KINDS.get(begins, "other"),
        message_id=str(told.get("message", "") or (delivery.message_id if delivery is not None else "")),
        delivery_id=str(told.get("delivery", "")),
        endpoint=_endpoint(message, delivery),
        why=str(told.get("why", "")),
        facts=_facts(told, message if begins == "message" else None, delivery, attempt),
        digests=tuple(_digests(told, message if received else None)),
        canonical=canonical,
        changes=changes,
        deliveries=tuple(str(each["delivery"]) for each in _made(told)),
        notices=tuple(known.notices.get(told.get("message", ""), ())) if received else (),
    )


def _endpoint(message: Row[Any] | None, delivery: Row[Any] | None) -> str:
    if delivery is not None:
        return str(delivery.endpoint)
    return str(message.endpoint) if message is not None else ""


def _made(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = told.get("deliveries")
    return [each for each in listed if isinstance(each, dict) and "delivery" in each] if isinstance(listed, list) else []


def _facts(
    told: Mapping[str, Any], message: Row[Any] | None, delivery: Row[Any] | None, attempt: Row[Any] | None
) -> dict[str, str]:
    """Collect what is known beside the digests; never a partner's own words, which may name somebody."""
    facts: dict[str, Any] = {}
    if message is not None:
        verdict = json.loads(message.verdict)
        facts |= {"kind": message.kind, "event": message.event, "procedure": message.procedure, "identity": message.identity}
        facts |= {name: verdict.get(name, "") for name in ("indication", "sub_indication", "algorithm")}
        facts |= {"error": message.error_code, "where": message.error_where, "repeats": message.repeats or ""}
    if delivery is not None:
        facts |= {"service": "/".join(filter(None, (delivery.service, delivery.variant))), "place": delivery.place}
        facts |= {"state_now": delivery.state}
    if attempt is not None:
        facts |= {"outcome": attempt.outcome, "reply_status": attempt.reply_status or "", "code": attempt.partner_code}
        facts |= {"error": attempt.error_code}
    facts |= {name: value for name, value in told.items() if name not in _NOT_FACTS and isinstance(value, str | int | float)}
    if isinstance(joined := told.get("numbers"), dict):
        facts["numbers"] = ", ".join(f"{numbering}:{number}" for numbering, number in joined.items())
    return {name: str(value) for name, value in facts.items() if value not in ("", None)}


def _digests(told: Mapping[str, Any], message: Row[Any] | None) -> list[Bytes]:
    found = [Bytes(role=role, digest=str(told[role])) for role in ROLES if told.get(role)]
    listed = json.loads(message.canonical) if message is not None else []
    return [*found, *(Bytes(role="canonical", digest=digest) for digest in listed)]


# --- versions ----------------------------------------------------------------------------------------------------


def _versions(
    conn: Connection, subject: str, rows: Sequence[Row[Any]], known: _Known
) -> dict[int, tuple[Any, tuple[Change, ...]]]:
    """Give what each message of a page says of the dossier, and what differs from the one before it."""
    mine = (row for row in rows if row.event == "message.received" and row.subject == subject)
    received = sorted(mine, key=lambda row: row.seq)
    if not received:
        return {}
    before = _before(conn, subject, received[0].number)
    versions: dict[int, tuple[Any, tuple[Change, ...]]] = {}
    for row in received:
        now = masked(conn, _digest_of(conn, subject, known.told[row.seq]))
        changes = difference.fields(before, now, limit=_CHANGES) if before is not None and now is not None else ()
        versions[row.seq] = now, changes
        before = now if now is not None else before
    return versions


def _before(conn: Connection, subject: str, number: int) -> Any:
    """Give what the last message before a row of the journal said."""
    here = (journal.c.subject == subject) & (journal.c.number < number)
    query = select(journal.c.event, journal.c.entry).where(here).order_by(journal.c.number.desc()).limit(_BACK)
    for row in conn.execute(query):
        if row.event == "message.received":
            return masked(conn, _digest_of(conn, subject, json.loads(row.entry)))
    return None


def _digest_of(conn: Connection, subject: str, told: Mapping[str, Any]) -> str:
    """Find which canonical message of a document is about this dossier: that of its deliveries, else the only one."""
    for each in _made(told):
        if each.get("canonical"):
            return str(each["canonical"])
    listed = conn.execute(select(messages.c.canonical).where(messages.c.id == told.get("message", ""))).scalar()
    digests = json.loads(listed) if listed else []
    return str(digests[0]) if len(digests) == 1 else ""


# --- chains ------------------------------------------------------------------------------------------------------


def _chains(conn: Connection, subject: str) -> tuple[Chain, ...]:
    rows = conn.execute(select(chains).where(chains.c.subject == subject).order_by(chains.c.endpoint).limit(_CHAINS)).fetchall()
    return tuple(_chain(conn, row) for row in rows)


def _chain(conn: Connection, row: Row[Any]) -> Chain:
    here = (deliveries.c.endpoint == row.endpoint) & (deliveries.c.subject == row.subject)
    head = conn.execute(select(deliveries).where(here & (deliveries.c.place == row.head_place))).first()
    behind = here & (deliveries.c.place > row.head_place) & (deliveries.c.state == State.HELD.value)
    waiting = conn.execute(select(func.count()).select_from(deliveries).where(behind)).scalar_one()
    stands = head is not None and State(head.state) not in ENDED - {State.DELIVERED}
    return Chain(
        endpoint=row.endpoint,
        places=row.next_place - 1,
        done=min(row.head_place, row.next_place) - 1,
        waiting=waiting,
        head_id=head.id if head is not None and stands else "",
        head_state=head.state if head is not None and stands else "",
        head_error=head.error_code if head is not None and stands else "",
    )
