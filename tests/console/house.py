"""A night in which something stands on every page: failures, plans, doubts, corrections, codes, alerts, a test, a token."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.ledger.tables import deliveries
from hub.rules.people import Person, Role
from tests.console import night as nights
from tests.console.night import Night

AN = Person(login="an", name="Nguyễn Văn An", roles=frozenset(Role))
#: A province's catalogue of one procedure.
PROVINCE, SERVICE = "H55", "1.000009"
NAMES = ("Cấp giấy phép thử nghiệm", "Nâng mức năm 2036")
SHEET = f"Mã TTHC,Tên TTHC,Mức độ\n{SERVICE},{NAMES[0]},2\n"
#: What the sender's messages say of a person: it must stand on no page.
PERSONAL = ("Nguyễn Thử Nghiệm", "000000000000", "0000000000")


def act(night: Night, verb: str, /, **asked: Any) -> Any:
    """Carry a verb out as somebody does in another window."""
    found = ACTS[verb]
    return perform(night.hub, AN, found, found.asked.model_validate(asked))


def furnish(night: Night, number: int = 8) -> dict[str, str]:
    """Let something stand on every page; give what the addresses of pages need."""
    doubt = "000.00.00.H55-260301-0001"
    night.fault("hang_after", times=1, value=0.1, match=doubt)
    night.send(doubt)
    night.until({"in_doubt": 1})
    for each in range(number):
        night.send(f"000.00.00.H55-260302-{each:04}", procedure=nights.UNKNOWN)
    night.until({"in_doubt": 1, "parked": number})
    night.fault("code", times=2, value="13")
    for each in range(2):
        night.send(f"000.00.00.H55-260303-{each:04}")
    night.until({"in_doubt": 1, "parked": number + 2})
    night.send("000.00.00.H55-260304-0001")
    night.until({"in_doubt": 1, "parked": number + 2, "delivered": 1})
    return _worked_on(night)


def _worked_on(night: Night) -> dict[str, str]:
    groups = {each.cause.error_code: each for each in act(night, "failures").parked}
    act(night, "group take", group=groups["no_mapping"].name)
    act(night, "group note", group=groups["no_mapping"].name, text="Đã gọi đầu mối của bộ, chờ công văn về mã mới.")
    return known(night, groups["no_mapping"], groups["refused"])


def known(night: Night, missing: Any, refused: Any) -> dict[str, str]:
    """Work on two groups, of a missing code and of refusals; give what the addresses of pages need."""
    act(night, "mapping set", list_name="template_procedures", code="1.000009", value="TT-09", name="Mẫu", why="công văn 12")
    plan = act(night, "replay plan", group=refused.name, verb="release", why="bộ đã bổ sung thủ tục")
    parked = missing.samples[0]
    corrected = {"/dossier/procedure/code": nights.KNOWN}
    edit = act(night, "edit propose", delivery=parked, values=corrected, why="nhập nhầm mã thủ tục")
    token = act(night, "token make", login="an", title="giám sát", verbs=["status", "failures"], why="màn hình trung tâm")
    shown = act(night, "show", name=parked)
    compared = act(night, "reconcile run", endpoint=nights.PARTNER, why="đối chiếu đêm")
    act(night, "procedures import", owner=PROVINCE, file=SHEET.encode(), why="danh mục quý I")
    whole = {"first_day": "2036-03-03", "last_day": "2036-12-26"}
    raising = act(night, "campaign make", agency=PROVINCE, title=NAMES[1], why="kế hoạch năm", **whole)
    planned = {"unit": PROVINCE, "procedures": [SERVICE], "planned_day": "2036-06-02"}
    act(night, "campaign item", campaign=raising.id, why="kế hoạch quý II", **planned)
    return {
        "campaign": raising.id,
        "reconciliation": compared.id,
        "group": missing.name,
        "plan": plan.id,
        "delivery": parked,
        "message": shown.message.row.id,
        "subject": shown.subject,
        "edit": edit.edit.id,
        "token": token.token.id,
        "digest": next(each.digest for each in shown.bytes if each.role == "raw" and not each.deleted_at),
        "of": next(each.of for each in shown.bytes if each.role == "raw" and not each.deleted_at),
        "doubt": _first(night, "in_doubt"),
    }


def _first(night: Night, state: str) -> str:
    with night.hub.ledger.read() as conn:
        return str(conn.execute(select(deliveries.c.id).where(deliveries.c.state == state)).scalars().first())


def addresses(known: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Give a picture's name -> address of a page, and the verb that one must have for it; every page once."""
    return {
        "dashboard": ("/", "status"),
        "failures": ("/failures", "failures"),
        "group": (f"/failures/{known['group']}", "group show"),
        "replays": ("/replays", "replay show"),
        "replay": (f"/replays/{known['plan']}", "replay show"),
        "reconciliations": ("/reconciliations", "reconcile show"),
        "reconciliation": (f"/reconciliations/{known['reconciliation']}", "reconcile show"),
        "doubts": ("/doubts", "doubts"),
        "find": ("/find", "find"),
        "timeline": (f"/timeline/{known['subject']}", "timeline"),
        "message": (f"/messages/{known['message']}", "show"),
        "delivery": (f"/deliveries/{known['delivery']}", "show"),
        "bytes": (f"/bytes/{known['digest']}?of={known['of']}", "show"),
        "edits": ("/edits", "edit show"),
        "edit": (f"/edits/{known['edit']}", "edit show"),
        "edit_form": (f"/deliveries/{known['delivery']}/edit", "edit propose"),
        "mappings": ("/mappings", "mapping show"),
        "mapping": (f"/mappings/template_procedures?code={nights.UNKNOWN}", "mapping show"),
        "codes": ("/codes", "codes check"),
        "code": ("/codes/one?code=15", "codes show"),
        "dry_run": (f"/dry-run?list=template_procedures&code={nights.UNKNOWN}&value=TT-02", "dry-run"),
        "procedures": ("/procedures", "procedures show"),
        "procedures_of": (f"/procedures/of/{PROVINCE}", "procedures show"),
        "procedure": (f"/procedures/of/{PROVINCE}/{SERVICE}", "procedures show"),
        "procedures_compared": ("/procedures/compare", "procedures compare"),
        "worklist": ("/procedures/worklist", "procedures worklist"),
        "campaigns": ("/campaigns", "campaign show"),
        "campaign": (f"/campaigns/{known['campaign']}", "campaign show"),
        "campaign_item": (f"/campaigns/{known['campaign']}/items/{PROVINCE}/{SERVICE}", "campaign show"),
        "campaign_plan": (f"/campaigns/{known['campaign']}/plan?procedure={SERVICE}", "campaign item"),
        "candidates": (f"/campaigns/{known['campaign']}/candidates", "campaign candidates"),
        "partners": ("/partners", "partner show"),
        "partner": (f"/partners/{nights.PARTNER}", "partner show"),
        "succession": (f"/partners/{nights.PARTNER}/succeed?successor={nights.SUCCESSOR}", "partner succeed"),
        "pulls": ("/pulls", "pull show"),
        "border": ("/border", "border list"),
        "lookup": (f"/lookup?endpoint={nights.PARTNER}", "partner lookup"),
        "links": ("/links", "link show"),
        "statistics": ("/statistics", "statistics show"),
        "statistics_form": ("/statistics/II.06a", "statistics show"),
        "statistics_checks": ("/statistics/honesty", "statistics show"),
        "alerts": ("/alerts", "alert show"),
        "people": ("/people", "person show"),
        "person": ("/people/an", "person show"),
        "tokens": ("/tokens", "token show"),
        "journal": ("/journal", "journal"),
        "verb": (f"/do/release?delivery={known['delivery']}", "release"),
    }
