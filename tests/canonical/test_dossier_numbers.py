"""Dossier numbers of every documented shape are opaque: read, kept and written as they are, and never made anew."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import adapters.national_portal as first
import adapters.national_portal_v2 as second
import adapters.one_stop as one_stop
from hub.canonical.base import VIETNAM
from hub.canonical.codes import CodeTables, Event, Status
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef, Step
from hub.canonical.message import Message, from_json, to_json
from hub.canonical.national_record import read_dossier, write_dossier, write_step
from hub.canonical.party import Agency, Party
from hub.contract import Adapter, Call, Opened, Outgoing, Reply, Request, Writing

AT = datetime(2026, 3, 2, 9, 0, tzinfo=VIETNAM)
#: TT 01/2018 and TT 04/2025 of the Government Office, what the portals of 2024 to 2026 show, and free ones.
SHAPES = {
    "TT 01/2018, old agency": r"[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2}-[0-9]{6}-[0-9]{4}",
    "new agency, up to six levels": r"[A-Z][0-9]{2}(\.[0-9]{2,3}){0,5}-[0-9]{6}-[0-9]{4}",
    "sequence that outgrew four digits": r"[A-Z][0-9]{2}\.[0-9]{2}-[0-9]{6}-[0-9]{5}",
    "sector system, AA and four digits or more": r"[A-Z][0-9]{2}\.[0-9]{3}\.[0-9]{2}-[0-9]{6}-[0-9]{6,7}",
    "second generation, eight-digit date": r"[A-Z][0-9]{2}(\.[0-9]{2})?-20[0-9]{6}-[0-9]{7}",
    "leading zeros only": r"000\.00\.00\.G[0-9]{2}-000000-0000",
    "lower case": r"h[0-9]{2}\.[0-9]{2}-[0-9]{6}-[0-9]{4}",
    "digits only": r"0[0-9]{1,18}",
    "free": r"[A-Za-z0-9ĐđÂâ_./:# +&<>'\"-]{1,30}",
}
#: Blanks around a number are no part of it: they are taken off where a stranger's document is read.
numbers = st.one_of(*(st.from_regex(each, fullmatch=True) for each in SHAPES.values())).filter(lambda text: text == text.strip())


def dossier(number: str, numbering: str = "national", **changes: Any) -> Dossier:
    fields: dict[str, Any] = {
        "procedure": ProcedureRef(code="1.990001", name="Thủ tục", field_code="G99-TN01", field_name="Lĩnh vực"),
        "status": Status.PROCESSING,
        "applicant": Party(name="Nguyễn Thử Nghiệm"),
        "agency": Agency(code="H99", name="Sở Thử nghiệm"),
        "return_method": "0",
        "received_at": AT,
    }
    return Dossier(code=number, numbering=numbering, **{**fields, **changes})


def message(number: str, **changes: Any) -> DossierMessage:
    step = Step(status=Status.PROCESSING, actor="Trần Kiểm Thử", at=AT)
    return DossierMessage(event=Event.STATUS, dossier=dossier(number, **changes), steps=(step,))


def written(adapter: Adapter, told: Message, held: dict[str, str], **options: Any) -> dict[str, Any]:
    """Write every call that a message needs; give the bodies by service."""
    given_options = adapter.options(**options)
    writing = Writing(options=given_options, codes=CodeTables(), held=held, now=AT, message_id="7d0f5b1e")
    calls = [(call, adapter.write_message(told, call, writing)) for call in adapter.plan(told, given_options)]
    return {call.service: json.loads(outgoing.body) for call, outgoing in calls if outgoing is not None}


def numbers_in(tree: Any) -> list[str]:
    """Give every value of a field that is a dossier's number."""
    if isinstance(tree, dict):
        own = [value for name, value in tree.items() if name in ("MaHoSo", "MaHoSoDonVi", "MaHoSoKhac")]
        return own + [each for value in tree.values() for each in numbers_in(value)]
    return [each for value in tree for each in numbers_in(value)] if isinstance(tree, list) else []


@pytest.mark.parametrize("title", SHAPES)
def test_the_shapes_are_those_that_were_seen(title: str) -> None:
    """An example of each, synthetic ones of the facts among them."""
    seen = (
        "000.00.06.H56-231027-0361", "H56.14-240823-0001", "H15.50.05.13-250704-0012", "H99.07-260105-10012",
        "G99.101.01-260105-090012", "G99.20-20260105-0000012", "000.00.00.G22-000000-0000", "h99.07-260105-0012", "0012",
        "TS-2026/Đ A",
    )  # fmt: skip
    assert any(re.fullmatch(SHAPES[title], each) for each in seen)


@given(numbers)
def test_canonical_json_keeps_it(number: str) -> None:
    told = message(number, other_codes={"national_portal": number})

    assert from_json(to_json(told)) == told
    assert told.subject == f"national:{number}"


@given(numbers)
def test_the_national_record_keeps_it(number: str) -> None:
    found = read_dossier(write_dossier(dossier(number)), "", [])

    assert found is not None and found.code == number
    assert write_step(number, Step(status=Status.DONE, at=AT))["MaHoSo"] == number


@settings(deadline=None)
@given(numbers, numbers)
def test_one_stop_software_reads_and_writes_it(number: str, other: str) -> None:
    record = write_dossier(dossier(number)) | {"MaHoSoKhac": other, "HeThongKhac": "DVCQG"}
    body = json.dumps({"HoSo": record, "TienDo": [write_step(number, message(number).steps[0])]}).encode()
    opened = Opened(document=body, head={"idempotency_key": "K"})

    (read,) = one_stop.ADAPTER.read_message(body, opened, one_stop.ADAPTER.options()).messages
    assert isinstance(read, DossierMessage)
    assert (read.dossier.code, read.dossier.other_codes) == (number, {"national_portal": other})
    assert set(numbers_in(written(one_stop.ADAPTER, read, {}))) == {number, other}


@settings(deadline=None)
@given(numbers)
def test_the_first_generation_writes_it_as_it_is(number: str) -> None:
    bodies = written(first.ADAPTER, message(number), {}, madonvi="H99")

    assert set(bodies) == {"DongBoHoSoMC", "CapNhatTienDoHoSoMC"}
    assert set(numbers_in(bodies)) == {number}


@settings(deadline=None)
@given(numbers, numbers)
def test_of_a_dossier_that_was_born_there_both_numbers_go_back_as_they_are(number: str, portals: str) -> None:
    bodies = written(first.ADAPTER, message(number, other_codes={"national_portal": portals}), {}, madonvi="H99")

    (row,) = bodies["DongBoTrangThaiHoSo"]["data"]
    assert (row["MaHoSo"], row["MaHoSoDonVi"]) == (portals, number)


@settings(deadline=None)
@given(numbers)
def test_the_first_generation_reads_its_own_number_as_it_is(number: str) -> None:
    tree = {"MaHoSo": number, "MaTTHC": "1.990001", "MaSoThue": "0000000000", "TenThuongNhan": "Công ty Thử nghiệm"}
    request = Request(
        endpoint="dvcqg", body=json.dumps(tree).encode(), content_type="application/json", path="/createdossierfromdvcqg"
    )
    options = first.ADAPTER.options()

    opened = first.ADAPTER.open_request(request, options)
    (read,) = first.ADAPTER.read_message(opened.document, opened, options).messages
    assert isinstance(read, DossierMessage)
    assert (read.dossier.code, read.dossier.numbering) == (number, "national_portal")


@settings(deadline=None)
@given(numbers, numbers)
def test_the_second_generation_uses_the_number_it_was_given_and_no_other(number: str, portals: str) -> None:
    sent = Outgoing(service="CapMaHoSo", body=b"{}", head={"code": "H99", "numbering": "national_portal"})
    reply = Reply(status=200, body=json.dumps({"value": portals}).encode())

    receipt = second.ADAPTER.read_receipt(reply, sent)
    assert receipt.numbers == {"national_portal": portals} and receipt.held["number"] == portals
    fresh = _creation(number, receipt.held)
    assert numbers_in(fresh) == [portals]
    bodies = written(second.ADAPTER, message(number), receipt.held | {"id": "id-1"}, agency_code="H99")
    assert set(numbers_in(bodies)) == {portals}


def _creation(number: str, held: dict[str, str]) -> Any:
    writing = Writing(options=second.ADAPTER.options(), codes=CodeTables(), held=held, now=AT, message_id="7d0f5b1e")
    outgoing = second.ADAPTER.write_message(message(number), Call(service="NoiHoSo"), writing)
    assert outgoing is not None
    return json.loads(outgoing.body)
