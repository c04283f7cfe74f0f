"""What lies beyond the dossiers that a partner was told of: other numbers, dossiers that no rule sent, what the partner lists."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from hub.app import UNROUTED
from hub.canonical.base import VIETNAM, local
from hub.canonical.compact_json import compact_sorted
from hub.canonical.dossier import DossierMessage
from hub.canonical.held import HeldDossier
from hub.canonical.message import from_json
from hub.contract import DossierLister
from hub.endpoint import outbound_of
from hub.errors import HubError, NotSent
from hub.ledger import payloads
from hub.ledger.reconciliation_verbs import Found
from hub.ledger.trials import is_test
from hub.reconcile.asking import PAGE, TRIES, Step, Work, calls, go_on, look_up_all, retry_seconds, until_a_call, wait
from hub.registers import dossiers as register
from hub.registers import held_by_partners as ledger_side
from hub.registers import reconciliations
from hub.rules import reconciling, routing
from hub.rules.succession import records_of

_DAY_SECONDS = 86_400.0

# --- other numbers of those that it does not have -----------------------------------------------------------------


def numbers(work: Work) -> Step:
    """Ask for the other numbers of what is missing: it may have been written under one of these."""
    after, _, asked = work.row.cursor.partition("|")
    with work.hub.ledger.read() as conn:
        found = reconciliations.findings(conn, work.row.id, kind="missing", after=int(after or 0), limit=PAGE)
        named = ((each, ledger_side.other_numbers(conn, each.subject, each.code)) for each in found)
        here, others = next(((each, codes) for each, codes in named if codes), (None, ()))
    if here is None:
        return go_on(work, cursor=str(found[-1].number) if len(found) == PAGE else "")
    left = others[int(asked or 0) :]
    allowed = calls(work, len(left))
    if not allowed:
        return until_a_call(work)
    for answer in look_up_all(work, left[:allowed]):
        # What is not answered otherwise leaves the finding as it is: it is missing under the number that was told.
        if isinstance(answer.error, NotSent):
            note = (answer.error.vi, answer.error.en)
            return wait(work.hub, work.row, work.holder, retry_seconds(work.row.troubles, answer.error), note, trouble=True)
        if answer.held is not None and not answer.held.absent:
            return go_on(work, cursor=str(here.number), better=_under(here, answer.held), counts=_moved(here))
    cursor = str(here.number) if allowed >= len(left) else f"{here.number - 1}|{len(others) - len(left) + allowed}"
    return go_on(work, cursor=cursor)


def _under(here: reconciliations.Finding, held: HeldDossier) -> Mapping[int, Mapping[str, Any]]:
    detail = compact_sorted({**here.about, "other_code": held.code})
    values = {"kind": "different", "cause": "other_number", "mending": "tell_partner", "detail": detail, "shown": held.shown}
    return {here.number: values}


def _moved(here: reconciliations.Finding) -> Mapping[str, int]:
    return {f"{here.kind}/{here.cause}": -1, "different/other_number": 1}


# --- dossiers that no rule sent to it -----------------------------------------------------------------------------


def unrouted(work: Work) -> Step:
    """Find what stands still since no rule matched, and would go to this partner by the rules of today."""
    if not work.scope.lists:
        return go_on(work)
    with work.hub.ledger.read() as conn:
        rows = ledger_side.standing_still(conn, UNROUTED, work.row.cursor, PAGE)
        found = [each for row in rows if row.kind == "dossier" and (each := _without_route(work, conn, row)) is not None]
    cursor = rows[-1].subject if len(rows) == PAGE else ""
    return go_on(work, cursor=cursor, found=found, counts={"missing/no_route": len(found)})


def _without_route(work: Work, conn: Connection, row: Any) -> Found | None:
    hub, body = work.hub, payloads.get(conn, row.canonical_digest)
    message = from_json(body) if body else None
    if not isinstance(message, DossierMessage):
        return None
    source = json.loads(row.part).get("source", row.origin)
    known = register.find(conn, register.codes_of(message.dossier))
    origin, recipients = (known.origin, known.recipients) if known else (row.origin, ())
    begun, codes = known.begun if known else None, hub.codes()
    try:
        names = routing.recipients(
            message, source, hub.routes, codes, hub.clock(), origin=origin, known=recipients, begun=begun
        )
    except HubError:
        return None
    if work.endpoint.name not in hub.finals(names, source=source):
        return None
    return Found(
        subject=row.subject,
        code=work.asked.number_of(message) or message.dossier.code,
        kind="missing",
        cause="no_route",
        mending="rebuild",
        delivery_id=row.id,
        detail={"error_code": row.error_code, "error_where": row.error_where},
        looked_at=hub.now(),
    )


# --- what it lists ------------------------------------------------------------------------------------------------


def listed(work: Work) -> Step:
    """Look through the partner's own list, a page of a day at a time, for what it was not told."""
    if not work.scope.lists:
        return go_on(work)
    if not isinstance(work.asked, DossierLister):
        return go_on(work, counts={reconciling.NOT_LISTED: 1})
    day, _, after = work.row.cursor.partition("|")
    on = date.fromisoformat(day) if day else _first_day(work)
    if on > local(datetime.fromtimestamp(work.row.asked_at, UTC)).date():
        return go_on(work)
    if not calls(work, 1):
        return until_a_call(work)
    begins = datetime(on.year, on.month, on.day, tzinfo=VIETNAM)
    try:
        page = work.asked.dossiers(begins, begins + timedelta(days=1), after)
    except HubError as error:
        return _list_failed(work, on, error)
    following = f"{on}|{page.following}" if page.following and page.following != after else str(on + timedelta(days=1))
    with work.hub.ledger.read() as conn:
        found = _extra(work, conn, page.dossiers)
    counts = Counter(f"{each.kind}/{each.cause}" for each in found)
    counts["listed"] = len(page.dossiers)
    return go_on(work, cursor=following, found=found, counts=counts, calls=0 if work.per_minute else 1)


def _first_day(work: Work) -> date:
    asked: float = work.row.asked_at
    since = work.scope.since
    if since is None:
        since = asked - outbound_of(work.endpoint).reconcile.list_days * _DAY_SECONDS
    return local(datetime.fromtimestamp(since, UTC)).date()


def _list_failed(work: Work, on: date, error: HubError) -> Step:
    if isinstance(error, NotSent) or (error.code != "refused" and work.row.troubles + 1 < TRIES):
        note = (error.vi, error.en)
        return wait(work.hub, work.row, work.holder, retry_seconds(work.row.troubles, error), note, trouble=True)
    told = {"error_code": error.code, "partner_code": error.partner_code, "error_where": error.where}
    found = Found(
        subject="",
        code=str(on),
        kind="unanswered",
        cause="no_answer",
        mending="tell_partner",
        detail=told,
        shown=error.reply,
        looked_at=work.hub.now(),
    )
    return go_on(work, cursor=str(on + timedelta(days=1)), found=[found], counts={"unanswered/no_answer": 1})


def _extra(work: Work, conn: Connection, listed: Sequence[HeldDossier]) -> list[Found]:
    """Give what the partner lists and was not told, each once."""
    named = {f"{each.numbering}:{each.code}": each for each in listed}
    keys = ledger_side.keys_of(conn, named)
    # What a partner was told whose records this one has is no extra either.
    records = (work.endpoint.name, *records_of(work.hub.successors.current(), work.endpoint.name))
    told = set[str]().union(*(ledger_side.with_chain(conn, each, set(keys.values())) for each in records))
    return [
        Found(
            subject=keys.get(name, ""),
            code=each.code,
            kind="extra",
            cause=_why_extra(work, name, keys),
            mending="work_list" if name in keys else "tell_partner",
            detail={"status": each.status} if each.status else {},
            shown=each.shown,
            looked_at=work.hub.now(),
        )
        for name, each in named.items()
        if keys.get(name) not in told
    ]


def _why_extra(work: Work, name: str, keys: Mapping[str, str]) -> str:
    if is_test(name, outbound_of(work.endpoint).test_dossiers):
        return "test"
    return "not_told" if name in keys else "unknown"
