"""Verbs of reconciliations: begun, held by one process at a time, brought forward page by page, stopped, resumed, mended.

A page's findings, its counts and the place up to which it goes are one commit: whoever comes after a stop goes on from there,
and finds nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.engine import Row

from hub.canonical.compact_json import compact_sorted
from hub.errors import NotAllowed
from hub.ledger import intake_verbs, journal, locks, payloads
from hub.ledger.leases import Lease
from hub.ledger.reconciliation_tables import reconciliation_findings, reconciliations
from hub.ledger.sql import insert_new
from hub.ledger.tables import chains, endpoint_states
from hub.ledger.values import Acceptance
from hub.rules import pace
from hub.rules.reconciling import PHASES

#: Whoever does not say so often that it is at it has lost it; looking up one page must end before.
LEASE_SECONDS = 90.0
#: Look-ups in a row without an answer that end a run: it is not one dossier that cannot be looked up.
UNANSWERED_LIMIT = 20
_LEASE = Lease(reconciliations, reconciliations.c.lease_until, reconciliations.c.holder)
_NEW_STATE = insert_new(endpoint_states, "endpoint")

#: State of a run -> Vietnamese, English.
STATES: Mapping[str, tuple[str, str]] = {
    "running": ("đang đối chiếu", "running"),
    "stopped": ("đã dừng", "stopped"),
    "done": ("đã xong", "done"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One finding, as it is recorded."""

    subject: str
    code: str
    kind: str
    cause: str
    mending: str
    delivery_id: str = ""
    next_place: int = 0
    #: What hub.registers.reconciliations.Detail holds.
    detail: Mapping[str, Any] = field(default_factory=dict)
    #: The partner's reply.
    shown: bytes = field(default=b"", repr=False)
    receipt_digest: str = ""
    looked_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one step of a run came to: from where to where, and what was found and counted on the way."""

    phase: str
    cursor: str
    next_phase: str
    next_cursor: str
    found: Sequence[Found] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    #: Chains that were looked at.
    seen: int = 0
    #: Findings of before of which more is known now: number -> values, with the reply as ``shown``.
    better: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    #: Look-ups at its end that were not answered, with those before it; None: nothing was looked up.
    unanswered: int | None = None
    #: Calls that were not taken from a rate.
    calls: int = 0


# --- begun, stopped, resumed -------------------------------------------------------------------------------------


def begin(
    conn: Connection,
    run_id: str,
    endpoint: str,
    scope: str,
    *,
    total: int,
    night: str = "",
    actor: str,
    why: str,
    now: float,
) -> None:
    """Begin a reconciliation; raise NotAllowed, naming who was first, where one with this partner runs."""
    locks.wait(conn, f"reconciliation of {endpoint}")
    _refuse_second(conn, endpoint)
    if night and was_begun(conn, endpoint, night):
        raise NotAllowed(f"the one of {night} was begun already", f"lần đối chiếu ngày {night} đã được bắt đầu", where=night)
    texts = dict.fromkeys(("note_en", "note_vi", "cursor", "threshold", "holder"), "")
    numbers = dict.fromkeys(("seen", "findings", "calls", "troubles", "unanswered"), 0)
    moments = dict.fromkeys(("paced_until", "again_at", "lease_until"), 0.0)
    said = {"actor": actor, "why": why, "asked_at": now, "ended_at": None, "changed_by": actor, "changed_at": now}
    row = {"id": run_id, "endpoint": endpoint, "state": "running", "scope": scope, "night": night, "counts": "{}"}
    conn.execute(insert(reconciliations).values(**row, **said, **texts, **numbers, **moments, phase=PHASES[0], total=total))
    _note(conn, run_id, "reconcile.started", now, actor, {"endpoint": endpoint, "scope": json.loads(scope), "why": why})


def _refuse_second(conn: Connection, endpoint: str) -> None:
    here = (reconciliations.c.endpoint == endpoint) & (reconciliations.c.state == "running")
    other = conn.execute(select(reconciliations.c.id, reconciliations.c.actor).where(here)).first()
    if other is not None:
        raise NotAllowed(
            f"a reconciliation with {endpoint} runs already, begun by {other.actor} ({other.id})",
            f"đang đối chiếu với {endpoint}, do {other.actor} bắt đầu ({other.id})",
            where=other.id,
        )


def was_begun(conn: Connection, endpoint: str, night: str) -> bool:
    """Say whether there was a nightly one with a partner on a day."""
    here = (reconciliations.c.endpoint == endpoint) & (reconciliations.c.night == night)
    return conn.execute(select(reconciliations.c.id).where(here)).first() is not None


def stop(conn: Connection, run_id: str, *, actor: str, why: str, now: float) -> None:
    """Stop a run where it is; raise NotAllowed where it does not run."""
    run = locked(conn, run_id)
    if run.state != "running":
        raise _wrong_state(run, "stop", "dừng")
    _set(conn, run, state="stopped", changed_by=actor, changed_at=now, note_en="", note_vi="", **_LEASE.given_back)
    entry = {"endpoint": run.endpoint, "why": why, "seen": run.seen, "findings": run.findings}
    _note(conn, run_id, "reconcile.stopped", now, actor, entry)


def resume(conn: Connection, run_id: str, *, actor: str, why: str, now: float) -> None:
    """Go on with a run that was stopped, where it was; raise NotAllowed where it was not, or where another runs."""
    run = locked(conn, run_id)
    if run.state != "stopped":
        raise _wrong_state(run, "resume", "tiếp tục")
    locks.wait(conn, f"reconciliation of {run.endpoint}")
    _refuse_second(conn, run.endpoint)
    anew = {"troubles": 0, "unanswered": 0, "again_at": 0.0, "note_en": "", "note_vi": ""}
    _set(conn, run, state="running", changed_by=actor, changed_at=now, **anew)
    _note(conn, run_id, "reconcile.resumed", now, actor, {"endpoint": run.endpoint, "why": why})


def _wrong_state(run: Row[Any], verb_en: str, verb_vi: str) -> NotAllowed:
    vi, en = STATES[run.state]
    return NotAllowed(
        f"a reconciliation that is {en} cannot {verb_en}", f"lần đối chiếu {vi} thì không thể {verb_vi}", where=run.state
    )


def locked(conn: Connection, run_id: str) -> Row[Any]:
    """Lock a run until the commit; raise NotAllowed where there is none."""
    run = conn.execute(select(reconciliations).where(reconciliations.c.id == run_id).with_for_update()).first()
    if run is None:
        raise NotAllowed(f"no reconciliation {run_id}", f"không có lần đối chiếu {run_id}", where=run_id)
    return run


# --- carried out -------------------------------------------------------------------------------------------------


def hold(conn: Connection, run_id: str, holder: str, *, seconds: float, now: float) -> Row[Any] | None:
    """Hold a run for so long, where nobody else does; give it, or None."""
    run = locked(conn, run_id)
    if run.state != "running" or _LEASE.is_anothers(run, holder, now, longest=max(seconds, LEASE_SECONDS)):
        return None
    _set(conn, run, **_LEASE.held(holder, now + seconds))
    return run


def let_go(conn: Connection, run_id: str, holder: str) -> None:
    """Give a run back, for whoever comes next."""
    _LEASE.give_back(conn, reconciliations.c.id == run_id, holder)


def use_calls(
    conn: Connection, run_id: str, holder: str, wanted: int, *, per_minute: int, endpoint_per_minute: int, now: float
) -> int:
    """Take so many calls of the run's own rate and of the partner's as there are now; give how many. 0 = no such rate."""
    run = locked(conn, run_id)
    if run.state != "running" or run.holder != holder:
        return 0
    allowed = min(wanted, pace.allowed(run.paced_until, now, per_minute)) if per_minute else wanted
    if endpoint_per_minute and allowed > 0:
        allowed = _use_endpoints(conn, run.endpoint, allowed, endpoint_per_minute, now)
    if allowed > 0:
        until = pace.after(run.paced_until, now, per_minute, allowed) if per_minute else 0.0
        _set(conn, run, paced_until=until, calls=run.calls + allowed)
    return max(0, allowed)


def _use_endpoints(conn: Connection, endpoint: str, wanted: int, per_minute: int, now: float) -> int:
    """Take calls of the rate that deliveries use as well; who dispatches counts it under this lock."""
    if not locks.take(conn, "dispatch"):
        return 0
    here = endpoint_states.c.endpoint == endpoint
    used: float = conn.execute(select(endpoint_states.c.paced_until).where(here)).scalar() or 0.0
    allowed = min(wanted, pace.allowed(used, now, per_minute))
    if allowed <= 0:
        return 0
    until = pace.after(used, now, per_minute, allowed)
    at_rest = {"paused": False, "why": "", "actor": "", "failures": 0, "open_until": 0.0, "paced_until": until}
    if not _NEW_STATE.run(conn, endpoint=endpoint, **at_rest).rowcount:
        conn.execute(update(endpoint_states).where(here).values(paced_until=until))
    return allowed


def draw(conn: Connection, run_id: str, holder: str, threshold: str) -> None:
    """Write down which hash is the largest that a sample has."""
    here = (reconciliations.c.id == run_id) & (reconciliations.c.holder == holder)
    conn.execute(update(reconciliations).where(here).values(threshold=threshold))


def record(conn: Connection, run_id: str, holder: str, page: Page, *, now: float) -> bool:
    """Record a page and go on behind it; False where somebody else has done so, or the run does not run any more."""
    run = locked(conn, run_id)
    if run.state != "running" or run.holder != holder or (run.phase, run.cursor) != (page.phase, page.cursor):
        return False
    number = _insert(conn, run, page.found, now)
    for known, values in page.better.items():
        here = (reconciliation_findings.c.run_id == run_id) & (reconciliation_findings.c.number == known)
        given = dict(values)
        given["evidence_digest"] = payloads.put(conn, given.pop("shown"), now)
        conn.execute(update(reconciliation_findings).where(here).values(**given))
    counts = json.loads(run.counts)
    for name, count in page.counts.items():
        counts[name] = counts.get(name, 0) + count
    values = {"phase": page.next_phase, "cursor": page.next_cursor, "seen": run.seen + page.seen, "findings": number}
    moved = (page.next_phase, page.next_cursor) != (page.phase, page.cursor)
    calm = {"troubles": 0, "again_at": 0.0, "note_en": "", "note_vi": ""} if moved else {}
    unanswered = run.unanswered if page.unanswered is None else page.unanswered
    _set(conn, run, **values, **calm, counts=compact_sorted(counts), unanswered=unanswered, calls=run.calls + page.calls)
    if unanswered >= UNANSWERED_LIMIT:
        _stop_itself(conn, run, values | {"findings": number}, now)
    elif page.next_phase == "":
        _end(conn, run, number, counts, now)
    return True


def _insert(conn: Connection, run: Row[Any], found: Sequence[Found], now: float) -> int:
    number: int = run.findings
    known = _known(conn, run.id, found)
    rows = []
    for each in found:
        if (each.subject, each.code) in known:
            continue
        known.add((each.subject, each.code))
        number += 1
        values = {name: getattr(each, name) for name in _SAME}
        evidence = payloads.put(conn, each.shown, now)
        detail = compact_sorted(dict(each.detail))
        rows.append({"run_id": run.id, "number": number, **values, "detail": detail, "evidence_digest": evidence, **_UNMENDED})
    if rows:
        conn.execute(insert(reconciliation_findings), rows)
    return number


_SAME = ("subject", "code", "kind", "cause", "mending", "delivery_id", "next_place", "receipt_digest", "looked_at")
_UNMENDED = {"mended_by": "", "plan_id": ""}


def _known(conn: Connection, run_id: str, found: Sequence[Found]) -> set[tuple[str, str]]:
    """Find which of these were found by another part of the run already."""
    subjects = sorted({each.subject for each in found})
    here = (reconciliation_findings.c.run_id == run_id) & reconciliation_findings.c.subject.in_(subjects)
    codes = sorted({each.code for each in found})
    query = select(reconciliation_findings.c.subject, reconciliation_findings.c.code)
    rows = conn.execute(query.where(here & reconciliation_findings.c.code.in_(codes))).fetchall() if found else ()
    return {(row.subject, row.code) for row in rows}


def _stop_itself(conn: Connection, run: Row[Any], values: Mapping[str, Any], now: float) -> None:
    en = f"{UNANSWERED_LIMIT} look-ups in a row were not answered in a way that can be read"
    vi = f"{UNANSWERED_LIMIT} lần tra cứu liên tiếp không có trả lời đọc được"
    said = {"changed_by": "hub", "changed_at": now, "note_en": en, "note_vi": vi}
    _set(conn, run, state="stopped", **_LEASE.given_back, **said)
    entry = {"endpoint": run.endpoint, "why": en, "seen": values["seen"], "findings": values["findings"]}
    _note(conn, run.id, "reconcile.stopped", now, "hub", entry)


def _end(conn: Connection, run: Row[Any], findings: int, counts: Mapping[str, int], now: float) -> None:
    said = {"changed_by": "hub", "changed_at": now, "ended_at": now}
    _set(conn, run, state="done", **_LEASE.given_back, **said)
    entry = {"endpoint": run.endpoint, "findings": findings, "counts": dict(counts)}
    _note(conn, run.id, "reconcile.done", now, "hub", entry)


def wait(
    conn: Connection, run_id: str, holder: str, *, until: float, trouble: bool, note: tuple[str, str], now: float
) -> None:
    """Let a run wait; ``trouble``: since an answer did not come. ``note``: why, Vietnamese and English."""
    run = locked(conn, run_id)
    if run.state != "running" or run.holder != holder:
        return
    vi, en = note
    _set(conn, run, again_at=until, troubles=run.troubles + trouble, note_vi=vi, note_en=en, lease_until=now + LEASE_SECONDS)


# --- mended ------------------------------------------------------------------------------------------------------


def send_again(conn: Connection, run_id: str, number: int, given: Acceptance | None, *, forget: bool, now: float) -> str:
    """Record the message that mends a finding, once; give its delivery, or an empty text where that is not to be done any more.

    ``given`` None: a delivery that is there goes again. ``forget``: the partner holds nothing of this dossier. Nothing is done
    where it was mended before, or where its chain has gone on since.
    """
    here = (reconciliation_findings.c.run_id == run_id) & (reconciliation_findings.c.number == number)
    row = conn.execute(select(reconciliation_findings).where(here).with_for_update()).one()
    asked: str = conn.execute(select(reconciliations.c.endpoint).where(reconciliations.c.id == run_id)).scalar_one()
    endpoint: str = json.loads(row.detail).get("of", asked)
    chain = (chains.c.endpoint == endpoint) & (chains.c.subject == row.subject)
    if row.mended_by or conn.execute(select(chains.c.next_place).where(chain)).scalar() not in (row.next_place, None):
        return ""
    made: str = row.delivery_id
    if given is not None and any(each.endpoint != endpoint for each in given.planned):
        return ""
    if given is not None:
        intake_verbs.record_received_alone(conn, given)
        made = given.planned[0].id
    if forget:
        conn.execute(update(chains).where(chain).values(held="{}"))
    conn.execute(update(reconciliation_findings).where(here).values(mended_by=made))
    return made


def planned(conn: Connection, run_id: str, numbers: Sequence[int], plan_id: str) -> None:
    """Write down in which plan the mending of findings stands."""
    for start in range(0, len(numbers), 500):
        some = reconciliation_findings.c.number.in_(list(numbers[start : start + 500]))
        here = (reconciliation_findings.c.run_id == run_id) & some
        conn.execute(update(reconciliation_findings).where(here).values(plan_id=plan_id))


def note(conn: Connection, run_id: str, event: str, *, actor: str, entry: Mapping[str, Any], now: float) -> None:
    """Append what was done with a run to its journal."""
    locked(conn, run_id)
    _note(conn, run_id, event, now, actor, dict(entry))




def _set(conn: Connection, run: Row[Any], **values: Any) -> None:
    conn.execute(update(reconciliations).where(reconciliations.c.id == run.id).values(**values))


def _note(conn: Connection, run_id: str, event: str, now: float, actor: str, entry: Mapping[str, Any]) -> None:
    journal.append(conn, f"reconcile:{run_id}", event, at=now, actor=actor, entry={"run": run_id, **entry})
