"""Reconciliations: what partners hold compared with what they were told, findings by kind and cause, mending, the report."""

from __future__ import annotations

from starlette.responses import Response

from hub.edge.acts import on_reconciliations
from hub.edge.acts.everything import ACTS
from hub.edge.acts.on_reconciliations import Reporting
from hub.edge.console import forms, rendering
from hub.edge.console.rooms import Desk, Room, after
from hub.errors import NotAllowed
from hub.ledger.reconciliation_verbs import STATES
from hub.reconcile import mending, report
from hub.reconcile.report import Report
from hub.rules import people, reconciling

room = Room()

#: Findings on one page.
FINDINGS = 100
REPORT = "reconcile report"
WORDS = {
    "states": STATES,
    "kinds": reconciling.KINDS,
    "causes": reconciling.CAUSES,
    "mendings": reconciling.MENDINGS,
    "counted": reconciling.COUNTED,
    "field_names": report.FIELD_NAMES,
}

after("reconcile run", lambda run: f"/reconciliations/{run.id}")
after("reconcile mend", lambda mended: f"/replays/{mended.release or mended.rebuild}" if _plan(mended) else _of(mended))
forms.posted_to(REPORT, "/reconciliations/report")


def _plan(mended: mending.Mended) -> bool:
    return bool(mended.release or mended.rebuild)


def _of(mended: mending.Mended) -> str:
    return f"/reconciliations/{mended.run_id}"


@room.page("/reconciliations", verb="reconcile show")
def reconciliations(desk: Desk) -> Response:
    """List reconciliations, the newest first; and offer to begin one."""
    listed = desk.look("reconcile show", endpoint=desk.query.get("endpoint", ""))
    return desk.render("reconciliations.html", runs=listed, words=WORDS)


@room.page("/reconciliations/{run}", verb="reconcile show")
def reconciliation(desk: Desk, run: str) -> Response:
    """Show one, with its findings by kind and cause."""
    begun = desk.query.get("after", "0")
    if not begun.isdecimal() or len(begun) > 9:
        raise NotAllowed("there is no such page", "không có trang này", where="after")
    chosen = {name: desk.query.get(name, "") for name in ("kind", "cause")}
    found = desk.look("reconcile show", run=run, after=int(begun), limit=FINDINGS, **chosen)
    last = found.findings[-1].number if len(found.findings) == FINDINGS else 0
    mendable = any(each.mending in reconciling.MENDED and not each.mended_by for each in found.findings)
    return desk.render(
        "reconciliation.html",
        run=found.run,
        findings=found.findings,
        words=WORDS,
        chosen=chosen,
        begun=int(begun),
        more=last,
        mendable=mendable,
        untold=report.untold_in_words(found.run),
        extras=report.extras_in_words(found.run),
        shown_value=report.shown_value,
        forms_of_report=report.FORMS,
    )


@room.form("/reconciliations/report", verb=REPORT)
def made(desk: Desk) -> Response:
    """Give the report as a file."""
    found: Report = forms.carried_out(REPORT, desk.posted, lambda asked: _report(desk, asked))
    return rendering.file(found.body, found.content_type, found.name)


def _report(desk: Desk, asked: Reporting) -> Report:
    people.check(desk.person, REPORT, ACTS[REPORT].touches(desk.hub, asked))
    return on_reconciliations.make_report(desk.hub, desk.person, asked)
