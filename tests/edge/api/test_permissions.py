"""Each role, each verb, each scope, over HTTP: what is not somebody's is refused, and nothing of it happens."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from hub.operations import campaigns, edits
from hub.reconcile import dossiers
from hub.registers import reconciliations
from hub.rules.people import Role
from hub.rules.verbs import VERBS
from tests.edge.api.world import ELSEWHERE, HERE, Desk

WHY = "kiểm thử"
#: The smallest catalogue.
SHEET = "Mã TTHC,Tên TTHC\n1.000001,Thử\n"
#: Verbs whose object lies at one endpoint. The others are about the whole hub, or are lists, which leave out what is not seen.
AT_ONE = {
    *("release", "rebuild", "settle", "abandon", "ask", "pause", "resume", "reveal", "evidence export"),
    *("replay run", "replay pause", "replay resume", "replay cancel", "edit propose", "edit approve", "edit reject"),
    *("group take", "group leave", "group note", "partner test", "partner onboard"),
    *("reconcile run", "reconcile stop", "reconcile resume", "reconcile mend", "reconcile report"),
    *("procedures pull", "procedures plan", "procedures claim", "procedures import", "procedures files"),
    *("campaign make", "campaign item", "campaign tick", "campaign raise"),
    *("pull now", "partner lookup", "codes pull", "statistics send"),
}
#: An agency that no endpoint here has: only somebody without limits works on its catalogue.
AGENCY = "H99"
#: Verbs that only somebody without limits may use.
UNLIMITED = {name for name in VERBS if name.startswith(("person ", "token "))} | {"partner succeed", "alert test"}


def asked(desk: Desk, at: str) -> Mapping[str, Mapping[str, Any]]:
    """Say what each verb is asked, about something at this endpoint."""
    delivery, plan, group = desk.delivery[at], desk.plan[at], desk.group[at]
    edit = edits.propose(desk.hub, delivery, {"/dossier/summary": f"sửa {at}"}, actor="another", why=WHY).edit.id
    one, whole, caused = ({key: value, "why": WHY} for key, value in (("delivery", delivery), ("plan", plan), ("group", group)))
    told: dict[str, Mapping[str, Any]] = {
        **{name: one for name in ("release", "rebuild", "ask", "abandon")},
        **{name: whole for name in ("replay run", "replay pause", "replay resume", "replay cancel")},
        **{name: caused for name in ("group take", "group leave")},
        **{name: {"endpoint": at, "why": WHY} for name in ("pause", "resume", "partner test")},
        **{name: {"edit": edit, "why": WHY} for name in ("edit approve", "edit reject")},
        **{f"reconcile {name}": {"run": _compared(desk, at), "why": WHY} for name in ("stop", "resume", "mend", "report")},
        **_of_catalogues(at),
        **_of_campaigns(desk),
        "border list": {},
        "border show": {"name": "origin:VN:KHONG-CO"},
        **{f"border {name}": {"name": "origin:VN:KHONG-CO", "why": WHY} for name in ("print", "copy")},
        "border decide": {"name": "origin:VN:KHONG-CO", "decision": "late_accepted", "why": WHY},
        "link show": {},
        "pull show": {},
        "pull now": {"endpoint": at, "why": WHY},
        "partner lookup": {"endpoint": at, "service": "TraCuuHoSo", "asked": {"mahoso": "H01-1"}, "why": WHY},
        "codes pull": {"endpoint": at, "why": WHY},
        "statistics send": {"endpoint": at, "period": "2026-02", "why": WHY},
        "link end": {"link": "khongco", "why": WHY},
        "reconcile run": {"endpoint": at, "why": WHY},
        "reconcile show": {},
        **{name: {} for name in ("status", "failures", "doubts", "mapping show", "partner show", "alert show")},
        **{name: {} for name in ("person show", "token show", "journal")},
        "group show": {"group": group},
        "group note": caused | {"text": "đã gọi điện"},
        "find": {"q": "H01-1"},
        "timeline": {"name": "H01-1"},
        "show": {"name": delivery},
        "settle": one | {"outcome": "arrived"},
        "reveal": {"about": delivery, "why": WHY},
        "evidence export": {"name": delivery, "why": WHY},
        "replay show": {"plan": plan},
        "replay plan": {"ids": [delivery], "verb": "rebuild", "why": WHY},
        "edit show": {"edit": edit},
        "edit propose": one | {"values": {"/dossier/summary": "khác"}},
        "mapping set": {"list_name": "template_procedures", "code": "1.999999", "value": "TT-99", "why": WHY},
        "mapping remove": {"list_name": "template_procedures", "code": "1.999999", "why": WHY},
        "codes check": {"count": 10},
        "codes show": {"code": "H62"},
        "statistics show": {"form": "honesty"},
        "statistics make": {"form": "honesty", "period": "2026-03", "why": WHY},
        "statistics fill": {"why": WHY},
        "dry-run": {"count": 1},
        "partner onboard": {"endpoint": at, "step": "contact", "evidence": "đã gọi điện", "why": WHY},
        "partner succeed": {"endpoint": at, "successor": HERE if at == ELSEWHERE else ELSEWHERE, "why": WHY},
        "alert mute": {"alert": "khongco", "why": WHY},
        "alert test": {"why": WHY},
        "person add": {"login": f"moi.{at}", "roles": ["viewer"], "scope": ["*"], "why": WHY},
        "person change": {"login": f"moi.{at}", "roles": ["auditor"], "why": WHY},
        "person password": {"login": f"moi.{at}", "why": WHY},
        "token make": {"login": f"moi.{at}", "title": "thử", "verbs": ["status"], "why": WHY},
        "token end": {"token": "khongco", "why": WHY},
    }
    assert set(told) == set(VERBS)
    return told


def _of_catalogues(at: str) -> dict[str, Mapping[str, Any]]:
    holder = {"holder": at, "why": WHY}
    return {
        **{f"procedures {name}": {} for name in ("show", "compare", "worklist")},
        **{f"procedures {name}": holder for name in ("pull", "plan")},
        "procedures claim": holder | {"owner": AGENCY, "codes": ["1.000001"]},
        "procedures import": {"owner": AGENCY, "file": base64.b64encode(SHEET.encode()).decode(), "why": WHY},
        "procedures files": {"owner": AGENCY, "why": WHY},
        "procedures mend": {"plan": "khongco", "why": WHY},
    }


def _of_campaigns(desk: Desk) -> dict[str, Mapping[str, Any]]:
    days = {"first_day": "2026-03-02", "last_day": "2026-12-31"}
    planned = {name: date.fromisoformat(day) for name, day in days.items()}
    made = campaigns.make(desk.hub, AGENCY, "Nâng mức", **planned, actor="another", why=WHY)
    one = {"campaign": made.id, "why": WHY}
    return {
        "campaign show": {},
        "campaign candidates": {"campaign": made.id},
        "campaign make": {"agency": AGENCY, "title": "Nâng mức", "why": WHY, **days},
        "campaign item": one | {"state": "dropped"},
        "campaign tick": one | {"need": "payment", "evidence": "biên bản 5"},
        "campaign raise": one,
    }


def _compared(desk: Desk, at: str) -> str:
    """Give a reconciliation with this endpoint that stands still."""
    with desk.hub.ledger.read() as conn:
        known = reconciliations.listing(conn, endpoint=at)
    run = known[0] if known else dossiers.begin(desk.hub, at, actor="another", why=WHY)
    return dossiers.stop(desk.hub, run.id, actor="another", why=WHY).id if run.state == "running" else run.id


@pytest.mark.parametrize("role", Role)
def test_a_verb_of_another_role_is_refused_and_leaves_nothing(desk: Desk, role: Role) -> None:
    questions = asked(desk, HERE)
    token = desk.token(f"thu.{role}", [role])
    before = desk.written()

    said = {name: desk.call(token, name, questions[name]).status for name, verb in VERBS.items() if role not in verb.roles}

    assert set(said.values()) <= {403}
    assert desk.written() == before


@pytest.mark.parametrize("role", Role)
def test_a_verb_of_the_role_is_carried_out(desk: Desk, role: Role) -> None:
    questions = asked(desk, HERE)
    token = desk.token(f"thu.{role}", [role])

    said = {name: desk.call(token, name, questions[name]) for name, verb in VERBS.items() if role in verb.roles}

    assert {name: one.status for name, one in said.items() if one.status not in (200, 409)} == {}
    # What is not possible any more after an earlier verb is said with its reason.
    assert all({"vi", "en", "code"} <= set(one.tree) for one in said.values() if one.status == 409)


@pytest.mark.parametrize("role", Role)
def test_what_lies_outside_of_the_scope_is_refused_and_leaves_nothing(desk: Desk, role: Role) -> None:
    questions = asked(desk, ELSEWHERE)
    token = desk.token(f"thu.{role}", [role], scope=[HERE])
    before = desk.written()

    theirs = [name for name in (*AT_ONE, *UNLIMITED) if role in VERBS[name].roles]
    said = {name: desk.call(token, name, questions[name]).status for name in theirs}

    assert set(said.values()) <= {403}, said
    assert desk.written() == before


@pytest.mark.parametrize("role", Role)
def test_what_is_listed_leaves_out_what_lies_outside_of_the_scope(desk: Desk, role: Role) -> None:
    questions = asked(desk, ELSEWHERE)
    token = desk.token(f"thu.{role}", [role], scope=[HERE])
    # Who takes part in a dossier sees its whole timeline; the journal is told by tests/test_people.py.
    told_whole = ("journal", "timeline")
    lists = [name for name, verb in VERBS.items() if not verb.changes and role in verb.roles and name not in told_whole]

    for name in lists:
        said = desk.call(token, name, questions[name])
        if said.status != 200:
            continue
        assert desk.delivery[ELSEWHERE] not in str(said.tree), name
        assert f"'endpoint': '{ELSEWHERE}'" not in str(said.tree), name


def test_a_token_can_do_no_more_than_its_verbs(desk: Desk) -> None:
    questions = asked(desk, HERE)
    token = desk.token("thu.it", [Role.OPERATOR], verbs=["status", "failures"])
    before = desk.written()

    said = {name: desk.call(token, name, questions[name]).status for name in VERBS}

    assert {name for name, status in said.items() if status == 200} == {"status", "failures"}
    assert {status for name, status in said.items() if name not in ("status", "failures")} == {403}
    assert desk.written() == before
