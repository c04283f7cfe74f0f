"""What each call says: three date formats, codes, what is passed over, and what each option changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.national_portal_v2.calls import CREATE, NUMBER, PROGRESS, STATUS, UPLOAD, plan
from adapters.national_portal_v2.formats import day_digits
from adapters.national_portal_v2.options import Options
from adapters.national_portal_v2.outbound import write_message
from hub.canonical.codes import CodeRow, Event, Status
from hub.canonical.document import Attachment, Paper, ResultDocument
from hub.canonical.dossier import DossierMessage, ProcedureRef, Step, Supplement
from hub.canonical.party import Agency, Party, PartyKind
from hub.contract import Call, Outgoing, Writing
from hub.errors import InvalidMessage, NoMapping, OutOfStep, Untold

Make = Callable[..., DossierMessage]
Writes = Callable[..., Writing]
NUMBERED = {"number": "G99.20-20260302-0000001"}
CREATED = NUMBERED | {"id": "id-1", "created": "yes"}
DIGEST = "sha256:" + "1" * 64


def write(message: DossierMessage, service: str, writing: Writing, **part: str) -> Outgoing | None:
    parts = {"from": "0", "to": "99"} if service == PROGRESS else part
    return write_message(message, Call(service=service, part=parts), writing)


def tree(outgoing: Outgoing | None) -> Any:
    assert outgoing is not None
    return json.loads(outgoing.body)


def services(message: DossierMessage, **options: Any) -> list[str]:
    return [call.service for call in plan(message, Options(**options))]


# --- which calls -------------------------------------------------------------------------------------------------


def test_a_received_dossier_may_need_every_call_in_this_order(message: Make) -> None:
    files = tuple(Attachment(name=f"{digit}.pdf", digest=f"sha256:{digit * 64}") for digit in ("1", "2", "1"))

    assert services(message(attachments=files)) == [NUMBER, UPLOAD, UPLOAD, CREATE, PROGRESS, STATUS]


@pytest.mark.parametrize(
    ("status", "option", "value", "told"),
    [
        (Status.REGISTERED, "refusal_before_reception", "send", False),
        (Status.NOT_RECEIVED, "refusal_before_reception", "send", True),
        (Status.NOT_RECEIVED, "refusal_before_reception", "skip", False),
        (Status.WITHDRAWN, "withdrawal_before_reception", "skip", False),
        (Status.WITHDRAWN, "withdrawal_before_reception", "send", True),
    ],
)
def test_before_reception_the_options_decide(message: Make, status: Status, option: str, value: str, told: bool) -> None:
    assert (STATUS in services(message(received_at=None, status=status), **{option: value})) is told


def test_rows_go_so_many_at_a_time(message: Make) -> None:
    steps = tuple(Step(status=Status.PROCESSING, at=datetime(2026, 3, 2, tzinfo=UTC), note=str(number)) for number in range(7))
    many = message().model_copy(update={"steps": steps})

    parts = [dict(call.part) for call in plan(many, Options(rows_per_call=3)) if call.service == PROGRESS]
    assert parts == [{"from": "0", "to": "3"}, {"from": "3", "to": "6"}, {"from": "6", "to": "7"}]


# --- the number and the creation ---------------------------------------------------------------------------------


def test_a_number_is_asked_for_once(message: Make, writing: Writes) -> None:
    first = write(message(), NUMBER, writing())

    assert first is not None and first.head == {"code": "000.00.00.G99", "numbering": "national_portal"}
    assert write(message(), NUMBER, writing(NUMBERED)) is None


def test_a_number_may_be_drawn_by_procedure_and_joined_under_another_name(message: Make, writing: Writes) -> None:
    outgoing = write(message(), NUMBER, writing(number_of="procedure", numbering="dvcqg_v2", agency_code=""))

    assert outgoing is not None
    assert outgoing.head == {"code": message().dossier.procedure.code, "numbering": "dvcqg_v2"}


def test_no_number_is_asked_for_what_cannot_be_created(message: Make, writing: Writes) -> None:
    lacking = message(applicant=Party(), agency=Agency(), procedure=ProcedureRef(code=""))

    with pytest.raises((InvalidMessage, NoMapping)):
        write(lacking, NUMBER, writing())
    with pytest.raises(InvalidMessage) as told:
        write(lacking, NUMBER, writing(map_procedures=False))
    paths = {fault.path for fault in told.value.faults}
    assert paths == {"/dossier/procedure/code", "/dossier/applicant/name", "/dossier/agency/code"}


def test_a_creation_without_a_number_is_out_of_step(message: Make, writing: Writes) -> None:
    with pytest.raises(OutOfStep):
        write(message(), CREATE, writing())


@pytest.mark.parametrize("held", [CREATED, NUMBERED | {"created": "yes"}], ids=["with its id", "settled without the reply"])
def test_what_is_created_is_not_created_again(message: Make, writing: Writes, held: dict[str, str]) -> None:
    assert write(message(), CREATE, writing(held)) is None


@pytest.mark.parametrize("service", [NUMBER, UPLOAD, CREATE])
@pytest.mark.parametrize(
    ("changes", "held"),
    [({"other_codes": {"national_portal": "G22-1"}}, {}), ({}, {"record": "yes"})],
    ids=["born on the portal", "known to the first generation"],
)
def test_a_dossier_that_the_portal_had_before_is_never_created(
    message: Make, writing: Writes, service: str, changes: Any, held: dict[str, str]
) -> None:
    told = message(attachments=(Attachment(name="a", digest=DIGEST),), **changes)

    assert write(told, service, writing(held), file=DIGEST) is None


def test_without_an_id_rows_are_parked_or_sent_as_the_option_says(message: Make, writing: Writes) -> None:
    born = message(other_codes={"national_portal": "G22-1"})

    for service in (PROGRESS, STATUS):
        with pytest.raises(OutOfStep):
            write(born, service, writing())
    assert tree(write(born, PROGRESS, writing(without_id="send")))[0]["IDHoSo"] == ""
    assert tree(write(born, STATUS, writing(without_id="send")))[0]["MaHoSo"] == "G22-1"


def test_rows_of_a_dossier_that_was_not_created_are_never_sent(message: Make, writing: Writes) -> None:
    with pytest.raises(OutOfStep):
        write(message(), STATUS, writing(NUMBERED, without_id="send"))


# --- the record --------------------------------------------------------------------------------------------------


def test_three_date_formats_stand_in_one_flow(message: Make, writing: Writes) -> None:
    at = datetime(2026, 3, 2, 1, 2, 3, 456_789, tzinfo=UTC)
    told = message(submitted_at=at, received_at=at, form={"sinh": "1/2/1990"})
    told = told.model_copy(update={"steps": (Step(status=Status.RECEIVED, actor="An", at=at, started_at=at),)})

    record = tree(write(told, CREATE, writing(NUMBERED, form_fields={"NgaySinh": "sinh"})))
    row = tree(write(told, PROGRESS, writing(CREATED)))[0]
    assert (record["NgayNop"], record["NgayTiepNhan"]) == ("2026-03-02 08:02:03", "2026-03-02 08:02:03")
    assert record["ThongTinNguoiNop"]["ThongTinChiTiet"]["NgaySinh"] == "19900201000000"
    assert (row["ThoiDiemXuLy"], row["NgayBatDau"]) == ("2026-03-02T08:02:03.456", "2026-03-02T08:02:03.456")
    assert (row["NgayKetThucTheoQuyDinh"], row["TrangThai"]) == (None, 2)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("19900201", "19900201000000"),
        ("19900201083000", "19900201083000"),
        ("1990-02-01T00:00:00.000", "19900201000000"),
        ("01/02/1990 10:00", "19900201000000"),
        ("31/02/1990", None),
        ("19900201250000", None),
        ("1990", None),
        ("٠١/٠٢/١٩٩٠", None),
    ],
)
def test_a_day_of_a_form_is_read_in_the_usual_shapes(text: str, digits: str | None) -> None:
    assert day_digits(text) == digits


def test_a_day_that_is_none_is_told_with_its_place(message: Make, writing: Writes) -> None:
    wrong = message(form={"nguoi": {"sinh": "hôm qua"}})

    with pytest.raises(InvalidMessage) as told:
        write(wrong, NUMBER, writing(form_fields={"NgaySinh": "nguoi.sinh"}))
    assert [fault.path for fault in told.value.faults] == ["/dossier/form/nguoi/sinh"]


def test_a_field_that_is_none_of_the_portals_is_refused_in_the_options() -> None:
    with pytest.raises(ValidationError):
        Options(form_fields={"NgaySinhNhat": "sinh"})


@pytest.mark.parametrize(("kind", "number"), [(PartyKind.CITIZEN, 0), (PartyKind.BUSINESS, 1)])
def test_the_kind_of_applicant_counts_otherwise_than_in_the_first_generation(
    message: Make, writing: Writes, kind: PartyKind, number: int
) -> None:
    record = tree(write(message(applicant=Party(kind=kind, name="A")), CREATE, writing(NUMBERED)))

    assert record["LoaiDoiTuong"] == record["ThongTinNguoiNop"]["LoaiDoiTuong"] == number


def test_a_kind_without_a_number_waits_for_the_operator_and_a_row_of_the_list_wins(message: Make, writing: Writes) -> None:
    agency = message(applicant=Party(kind=PartyKind.STATE_AGENCY, name="A"))
    rows = {"loai": (CodeRow("3", "1"), CodeRow("1", "2"))}

    with pytest.raises(NoMapping):
        write(agency, NUMBER, writing())
    assert tree(write(agency, CREATE, writing(NUMBERED, applicant_kinds={"3": 2})))["LoaiDoiTuong"] == 2
    assert tree(write(agency, CREATE, writing(NUMBERED, rows, applicant_kind_table="loai")))["LoaiDoiTuong"] == 1
    assert tree(write(message(), CREATE, writing(NUMBERED, rows, applicant_kind_table="loai")))["LoaiDoiTuong"] == 2


def test_a_row_with_a_number_that_the_portal_does_not_know_is_told(message: Make, writing: Writes) -> None:
    with pytest.raises(InvalidMessage):
        write(message(), NUMBER, writing(rows={"loai": (CodeRow("1", "7"),)}, applicant_kind_table="loai"))


def test_procedures_components_and_papers_are_told_as_the_options_say(message: Make, writing: Writes) -> None:
    rows = {"tt": (CodeRow("TN-01", "1.990001"),), "tp": (CodeRow("KQ-1", "KQ-1", "Tờ khai"),)}
    told = message(
        procedure=ProcedureRef(code="TN-01"),
        agency=Agency(name="Sở"),
        papers=(Paper(name="Sổ gốc", count=2),),
        attachments=(Attachment(name="a.pdf", digest=DIGEST, component_code="KQ-1"),),
    )
    options = {"procedure_table": "tt", "component_table": "tp", "paper_kind": 1, "service_suffix": ".02"}
    held = NUMBERED | {f"file:{DIGEST}": "f-1", f"hash:{DIGEST}": "h-1"}

    record = tree(write(told, CREATE, writing(held, rows, receiving_agency="G99.20", **options)))
    assert (record["MaTTHC"], record["MaDichVuCong"], record["MaDonViTiepNhan"]) == ("1.990001", "1.990001.02", "G99.20")
    component, paper = record["ThanhPhanHoSo"]
    assert (component["TenThanhPhanHoSo"], component["LoaiBan"]) == ("Tờ khai", 2)
    assert component["GiayToDinhKem"] == [{"IdGiayTo": "f-1", "HashTepTin": "h-1", "TenGiayTo": "a.pdf", "MaKetQua": ""}]
    assert (paper["TenThanhPhanHoSo"], paper["SoLuong"], paper["LoaiBan"]) == ("Sổ gốc", 2, 1)


# --- files -------------------------------------------------------------------------------------------------------


def test_a_file_is_uploaded_once(message: Make, writing: Writes) -> None:
    told = message(attachments=(Attachment(name="a.pdf", digest=DIGEST, size=7),))

    assert tree(write(told, UPLOAD, writing(NUMBERED), file=DIGEST)) == {"digest": DIGEST, "name": "a.pdf", "size": 7}
    assert write(told, UPLOAD, writing(NUMBERED | {f"file:{DIGEST}": "f-1"}), file=DIGEST) is None
    assert write(told, UPLOAD, writing(CREATED | {f"file:{DIGEST}": "f-1"}), file=DIGEST) is None


def test_a_file_after_the_creation_is_not_told_and_that_is_said_once(message: Make, writing: Writes) -> None:
    told = message(
        attachments=(Attachment(name="a.pdf", digest=DIGEST, size=7),),
        supplements=(Supplement(attachments=(Attachment(name="b.pdf", url="https://elsewhere.example.org/b"),)),),
    )
    (later,) = [call.part["supplement"] for call in plan(told, Options()) if "supplement" in call.part]

    for part in ({"file": DIGEST}, {"supplement": later}):
        with pytest.raises(Untold) as said:
            write(told, UPLOAD, writing(CREATED), **part)
        assert write(told, UPLOAD, writing(CREATED | said.value.held), **part) is None
        assert "b.pdf" not in said.value.en + said.value.vi


def test_the_file_of_a_supplement_that_is_in_the_record_needs_no_call_of_its_own(message: Make) -> None:
    file = Attachment(name="a.pdf", digest=DIGEST, size=7)
    told = message(attachments=(file,), supplements=(Supplement(attachments=(file, file.model_copy(update={"deleted": True}))),))

    assert [dict(call.part) for call in plan(told, Options()) if call.service == UPLOAD] == [{"file": DIGEST}]


def test_a_file_that_the_hub_does_not_hold_is_refused_or_left_out(message: Make, writing: Writes) -> None:
    elsewhere = message(attachments=(Attachment(name="a.pdf", url="https://elsewhere.example.org/a"),))

    with pytest.raises(InvalidMessage):
        write(elsewhere, NUMBER, writing())
    record = tree(write(elsewhere, CREATE, writing(NUMBERED, files_missing="leave_out")))
    assert record["ThanhPhanHoSo"][0]["GiayToDinhKem"] == []


def test_a_file_whose_upload_was_given_up_parks_the_creation_or_is_left_out(message: Make, writing: Writes) -> None:
    told = message(attachments=(Attachment(name="a.pdf", digest=DIGEST),))

    with pytest.raises(OutOfStep):
        write(told, CREATE, writing(NUMBERED))
    assert tree(write(told, CREATE, writing(NUMBERED, files_missing="leave_out")))["ThanhPhanHoSo"][0]["GiayToDinhKem"] == []


# --- rows and statuses -------------------------------------------------------------------------------------------


def test_rows_that_the_portal_holds_are_left_out(message: Make, writing: Writes) -> None:
    first = message()
    sent = write(first, PROGRESS, writing(CREATED))
    assert sent is not None
    held = CREATED | {f"row:{name}": "yes" for name in sent.head["rows"].split(",")}
    another = Step(status=Status.PROCESSING, actor="An", at=first.steps[0].at + timedelta(hours=1))
    both = first.model_copy(update={"steps": (*first.steps, another, another)})

    assert write(first, PROGRESS, writing(held)) is None
    assert [row["TrangThai"] for row in tree(write(both, PROGRESS, writing(held)))] == [4]


@pytest.mark.parametrize("status", list(Status))
def test_lists_stand_with_statuses_5_6_and_9_only(message: Make, writing: Writes, status: Status) -> None:
    result = ResultDocument(name="Giấy", code="KQ.G99.000001", url="https://files.example.org/1")
    row = tree(write(message(status=status, results=(result,)), STATUS, writing(CREATED)))[0]

    assert ("DanhSachLePhi" in row, "DanhSachGiayToKetQua" in row) == (status in ("5", "6", "9"),) * 2
    assert row["TrangThai"] == int(status)
    assert ("IdHoSo" in row, "IDHoSo" in row) == (True, False)


@pytest.mark.parametrize(("hours", "status", "told"), [(-1, "4", False), (1, "4", True), (0, "4", False), (0, "10", True)])
def test_a_status_never_moves_back(message: Make, writing: Writes, hours: int, status: str, told: bool) -> None:
    nine = message(status=Status.DONE)
    sent = write(nine, STATUS, writing(CREATED))
    assert sent is not None
    held = CREATED | {name: sent.head[name] for name in ("status", "status_at", "status_row")}
    step = nine.steps[0].model_copy(update={"at": nine.steps[0].at + timedelta(hours=hours)})
    other = message(status=Status(status)).model_copy(update={"steps": (step,)})

    assert write(nine, STATUS, writing(held)) is None
    assert (write(other, STATUS, writing(held)) is not None) is told


def test_without_a_moment_statuses_go_in_the_order_in_which_they_came(message: Make, writing: Writes) -> None:
    bare = message(status=Status.PROCESSING).model_copy(update={"steps": (), "event": Event.STATUS})

    assert write(bare, STATUS, writing(CREATED | {"status": "9", "status_at": "2026-03-05T10:00:00.000000"})) is not None


def test_a_result_is_told_at_the_address_that_the_hub_gives_it(message: Make, writing: Writes) -> None:
    result = ResultDocument(name="Giấy", url="https://truc.example.org/attachments/sha256:1")
    given = writing(CREATED)
    linked = Writing(
        options=given.options, codes=given.codes, held=given.held, now=given.now, message_id=given.message_id,
        links={result.url: "https://truc.example.org/files/x"},
    )  # fmt: skip

    row = tree(write(message(status=Status.DONE, results=(result,)), STATUS, linked))[0]
    assert row["DanhSachGiayToKetQua"][0]["DuongDanTepTinKetQua"] == "https://truc.example.org/files/x"
