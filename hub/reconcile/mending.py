"""Mend what a reconciliation found, by ordinary replay: a frozen plan, which is looked at and then run step by step.

What is sent again is a new message of the hub behind the tail of the dossier's chain, parked until the plan releases it; it has
no progress rows, since these would be there twice. Each finding is mended once, and not at all where its chain has gone on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, select

from hub.app import Hub
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import from_json
from hub.contract import DossierHolder
from hub.errors import NotAllowed
from hub.ledger import payloads, reconciliation_verbs
from hub.ledger.tables import deliveries
from hub.ledger.values import Acceptance
from hub.operations import replays
from hub.operations.said import require
from hub.reconcile.asking import asked_of
from hub.reconcile.originating import made
from hub.registers import reconciliations
from hub.registers.plan_choice import Choice
from hub.registers.plans import Plan
from hub.registers.reconciliations import Finding
from hub.rules.lifecycle import State
from hub.rules.reconciling import MENDED, MENDINGS

log = structlog.get_logger()

#: Error under which a message that was made to mend something waits for its plan.
WAITS_FOR_PLAN = "reconciled"
#: Findings that are mended at once.
MOST = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """What mending came to: plans that were frozen and wait to be run, and what was left alone."""

    run_id: str
    #: Identifiers of plans; empty: there was nothing for it.
    release: str
    rebuild: str
    #: New messages, deliveries in doubt that are asked about, and findings that had been mended, or whose chain has gone on.
    made: int
    asked: int
    left: int
    #: There are more findings than were mended now.
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which findings are to be mended; nothing given: all that can be."""

    kind: str = ""
    cause: str = ""
    numbers: tuple[int, ...] = ()


ALL = Wanted()


def mend(
    hub: Hub, run_id: str, wanted: Wanted = ALL, *, actor: str, why: str, scope: frozenset[str] | None = None, viewer: str = ""
) -> Mended:
    """Make of findings what mends them, and freeze it as plans; nothing is sent before these are run.

    Raises NotAllowed where none of them can be mended by the hub.
    """
    require(actor, why)
    with hub.ledger.read() as conn:
        run = reconciliations.find(conn, run_id)
        found, more = _chosen(conn, run.id, wanted)
    asked = asked_of(hub, hub.endpoint(run.endpoint))
    going: dict[str, list[tuple[int, str]]] = {name: [] for name in MENDED}
    for each in found:
        if mends := _prepare(hub, asked, run.endpoint, run.id, each, actor=actor, why=why):
            going[each.mending].append((each.number, mends))
    said: dict[str, Any] = {"actor": actor, "why": why, "scope": scope, "viewer": viewer}
    release = _plan(hub, run.id, [*going["send_again"], *going["release"]], "release", said)
    rebuild = _plan(hub, run.id, going["rebuild"], "rebuild", said)
    counts = {name: len(each) for name, each in going.items()}
    mended = Mended(
        run_id=run.id,
        release=release.id if release else "",
        rebuild=rebuild.id if rebuild else "",
        made=counts["send_again"],
        asked=counts["ask"],
        left=len(found) - sum(counts.values()),
        more=more,
    )
    _note(hub, mended, counts, actor, why)
    return mended


def _note(hub: Hub, mended: Mended, counts: Mapping[str, int], actor: str, why: str) -> None:
    entry = {"why": why, "counts": dict(counts), "plans": [each for each in (mended.release, mended.rebuild) if each]}
    told: dict[str, Any] = {"event": "reconcile.mended", "actor": actor, "entry": entry, "now": hub.now()}
    hub.ledger.change(partial(reconciliation_verbs.note, run_id=mended.run_id, **told), f"reconcile:{mended.run_id}")
    log.info("reconcile.mended", run=mended.run_id, made=mended.made, left=mended.left, actor=actor)


def _chosen(conn: Connection, run_id: str, wanted: Wanted) -> tuple[list[Finding], bool]:
    """Give the findings that can be mended and were not, as many as are mended at once."""
    found: list[Finding] = []
    for some in _pages(conn, run_id, wanted):
        found += [each for each in some if each.mending in MENDED and not each.mended_by]
        if len(found) > MOST:
            return found[:MOST], True
    if not found:
        possible_vi, possible_en = (", ".join(MENDINGS[name][place] for name in MENDED) for place in (0, 1))
        raise NotAllowed(
            f"none of these findings can be mended by the hub, or all were; it can: {possible_en}",
            f"không có kết quả nào trục xử lý được, hoặc đã xử lý hết; trục chỉ có thể: {possible_vi}",
            where="findings",
        )
    return found, False


def _pages(conn: Connection, run_id: str, wanted: Wanted) -> Iterator[Sequence[Finding]]:
    if wanted.numbers:
        yield reconciliations.chosen(conn, run_id, wanted.numbers)
        return
    after = 0
    while page := reconciliations.findings(conn, run_id, kind=wanted.kind, cause=wanted.cause, after=after, limit=1000):
        yield page
        after = page[-1].number


# --- one finding -------------------------------------------------------------------------------------------------


def _prepare(
    hub: Hub, asked: DossierHolder, endpoint: str, run_id: str, finding: Finding, *, actor: str, why: str
) -> str:
    """Do what has to be done before a plan can carry a finding's mending out; give its delivery, or an empty text."""
    given = _sent_again(hub, asked, endpoint, finding, actor, why) if finding.mending == "send_again" else None
    if finding.mending == "send_again" and given is None:
        return ""
    if not _stands(hub, finding):
        return ""
    forget = finding.kind == "missing" and finding.cause != "no_route"
    verb = partial(reconciliation_verbs.send_again, run_id=run_id, number=finding.number, given=given, forget=forget)
    mends: str = hub.ledger.change(partial(verb, now=hub.now()), finding.subject)
    if mends and finding.mending == "ask":
        hub.ledger.ask(finding.delivery_id, actor=actor, why=why, now=hub.now())
        hub.bus.wake(endpoint)
    return mends


def _stands(hub: Hub, finding: Finding) -> bool:
    """Say whether the delivery on which a finding stands is still as it was."""
    needed = {"release": State.PARKED, "rebuild": State.PARKED, "ask": State.IN_DOUBT}.get(finding.mending)
    if needed is None:
        return True
    with hub.ledger.read() as conn:
        query = select(deliveries.c.state).where(deliveries.c.id == finding.delivery_id)
        return bool(conn.execute(query).scalar() == needed.value)


def _sent_again(
    hub: Hub, asked: DossierHolder, endpoint: str, finding: Finding, actor: str, why: str
) -> Acceptance | None:
    """Make the message that says again what was last to be said; None where its content is gone."""
    with hub.ledger.read() as conn:
        query = select(deliveries.c.canonical_digest).where(deliveries.c.id == finding.delivery_id)
        body = payloads.get(conn, conn.execute(query).scalar() or "")
    message = from_json(body) if body else None
    if not isinstance(message, DossierMessage):
        return None
    whole = made(hub, message.model_copy(update={"steps": (), "licence": None}), endpoint, actor=actor, why=why)
    waits = _waits(finding)
    kept = (each for each in whole.planned if each.service in asked.tells)
    planned = tuple(replace(each, subject=finding.subject, park=waits) for each in kept)
    return replace(whole, subject=finding.subject, planned=planned) if planned else None


def _waits(finding: Finding) -> tuple[str, str, str, str]:
    vi = "chờ kế hoạch gửi lại của lần đối chiếu; thực hiện kế hoạch (replay run) hoặc từ bỏ"
    en = "waits for the replay plan of a reconciliation: run the plan, or abandon it"
    return WAITS_FOR_PLAN, f"{finding.kind}/{finding.cause}", en, vi


def _plan(hub: Hub, run_id: str, going: Sequence[tuple[int, str]], verb: str, said: Mapping[str, Any]) -> Plan | None:
    if not going:
        return None
    plan = replays.plan(hub, Choice(ids=tuple(mends for _, mends in going)), verb, **said)
    numbers = [number for number, _ in going]
    hub.ledger.change(partial(reconciliation_verbs.planned, run_id=run_id, numbers=numbers, plan_id=plan.id))
    return plan
