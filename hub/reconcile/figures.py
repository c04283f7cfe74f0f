"""Sends a partner the figures of a month, one message for each agency; what it was told already is not told again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import structlog
from sqlalchemy import Connection, func, select

from hub.app import Hub
from hub.canonical.digests import digest_of
from hub.canonical.figures import Figures, StatisticsMessage
from hub.canonical.message import to_json
from hub.errors import NotAllowed
from hub.ledger import asking_verbs
from hub.ledger.tables import deliveries
from hub.operations.said import require
from hub.reconcile.originating import made
from hub.registers import statistic_feed, statistics
from hub.registers.statistics import Report
from hub.rules.lifecycle import State
from hub.rules.statistics.periods import period

log = structlog.get_logger()

FORM = "II.06a"
#: The partner has not got these, and will not: they are sent again.
_NOT_TOLD = (State.ABANDONED.value, State.REFUSED_LATE.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencySent:
    """What became of one agency's figures."""

    agency: str
    name: str
    figures: Figures
    #: ``sent``: there is a delivery now; ``already``: the newest delivery to this partner says the same.
    outcome: str
    message: str
    #: How the newest delivery stands; empty where it is new.
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresSent:
    """What became of a month's figures."""

    endpoint: str
    period: str
    report: Report
    agencies: tuple[AgencySent, ...]
    #: Dossiers of agencies without a code: no figure that is sent has them.
    left_out: int


def send(
    hub: Hub, endpoint: str, about: str, *, agency: str = "", kind: str = "", actor: str, why: str
) -> FiguresSent:
    """Send the newest report of a month, of one agency with those below it or of all; called again, only what changed is sent.

    Raises NotAllowed where there is no report of the whole month, or the partner takes no figures; BadSettings for an endpoint
    that is not there.
    """
    require(actor, why)
    (name,) = hub.finals([hub.endpoint(endpoint).name])
    with hub.ledger.read() as conn:
        report = _report(conn, about, agency)
        rows = statistic_feed.rows(conn, report, kind=kind, agency=agency)
        whole = statistics.form(conn, report, by="agency", agency=agency, most=None).total.c3
    _check_takes(hub, name, rows, report.period)
    note = partial(asking_verbs.note_figures_sent, period=report.period, report=report.id, agencies=len(rows), actor=actor)
    hub.ledger.change(partial(note, endpoint=name, why=why, now=hub.now()), f"endpoint:{name}")
    sent = tuple(_send(hub, name, each, actor, why) for each in rows)
    left_out = whole - sum(each.received + each.carried_over for each in rows)
    log.info("figures.sent", endpoint=name, period=report.period, sent=sum(each.outcome == "sent" for each in sent))
    return FiguresSent(endpoint=name, period=report.period, report=report, agencies=sent, left_out=left_out)


def _report(conn: Connection, about: str, agency: str) -> Report:
    """Find the newest report of a month that is over: of the agency where there is one, else of everything."""
    month = period(about)
    found = statistics.reports(conn, FORM, month.name, agency, limit=1) if agency else ()
    found = found or statistics.reports(conn, FORM, month.name, limit=1)
    if not found or found[0].as_of_at < month.end:
        raise NotAllowed(
            f"there is no report {FORM} of the whole of {month.name}: make it when the month is over (statistics make)",
            f"chưa có báo cáo {FORM} của cả kỳ {month.name}: hãy lập sau khi hết tháng (statistics make)",
            where="period",
        )
    return found[0]


def _check_takes(hub: Hub, endpoint: str, rows: Iterable[Figures], name: str) -> None:
    first = next(iter(rows), None)
    if first is None:
        raise NotAllowed(
            f"the report of {name} has no agency with a code", f"báo cáo {name} không có cơ quan nào có mã", where="agency"
        )
    at = hub.endpoint(endpoint)
    if at.outbound is None or not hub.adapter(at).plan(StatisticsMessage(figures=first), at.options):
        raise NotAllowed(f"{endpoint!r} takes no figures", f"{endpoint!r} không nhận số liệu thống kê", where="endpoint")


def _send(hub: Hub, endpoint: str, figures: Figures, actor: str, why: str) -> AgencySent:
    message = StatisticsMessage(figures=figures)
    digest = digest_of(to_json(message))
    sent = AgencySent(
        agency=figures.agency.code, name=figures.agency.name, figures=figures, outcome="already", message="", state=""
    )
    with hub.ledger.read() as conn:
        number, last = _told(conn, endpoint, message.subject)
    if last.get("digest") == digest and last["state"] not in _NOT_TOLD:
        return replace(sent, message=last["message"], state=last["state"])
    # Two at once mean the same next one, and the ledger takes it once.
    identity = f"figures/{endpoint}/{message.subject}/{number}/{digest}"
    acceptance = replace(made(hub, message, endpoint, actor=actor, why=why), identity=identity)
    answer = hub.ledger.record_received(acceptance)
    hub.bus.wake(endpoint)
    return replace(sent, outcome="sent", message=answer.body.decode())


def _told(conn: Connection, endpoint: str, subject: str) -> tuple[int, Mapping[str, str]]:
    """Count what a partner was told of these figures, and give the newest of it."""
    here = (deliveries.c.endpoint == endpoint) & (deliveries.c.subject == subject)
    number = int(conn.execute(select(func.count()).select_from(deliveries).where(here)).scalar_one())
    query = select(deliveries.c.canonical_digest, deliveries.c.state, deliveries.c.message_id).where(here)
    row = conn.execute(query.order_by(deliveries.c.place.desc()).limit(1)).first()
    if row is None:
        return number, {}
    return number, {"digest": row.canonical_digest, "state": row.state, "message": row.message_id}
