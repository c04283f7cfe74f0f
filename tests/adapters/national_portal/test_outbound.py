"""What the portal is told, call by call, and in which bytes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from adapters.national_portal.options import Options
from adapters.national_portal.outbound import plan, write_message
from hub.canonical.base import VIETNAM
from hub.canonical.codes import CodeRow, Event, Status
from hub.canonical.document import ResultDocument
from hub.canonical.dossier import ProcedureRef, Step
from hub.canonical.notice import NoticeMessage
from hub.canonical.party import Agency
from hub.canonical.procedure import CatalogueMessage, Procedure, ProcedureMessage
from hub.contract import Call
from hub.errors import InvalidMessage, NoMapping

NUMBER = "H99.07-260105-0012"
RECEIVED = datetime(2026, 1, 5, 8, 15, tzinfo=VIETNAM)
RECORD, ROWS, BACK = "DongBoHoSoMC", "CapNhatTienDoHoSoMC", "DongBoTrangThaiHoSo"
PROCEDURE = Procedure(code="1.009999", name="Thủ tục A")
BORN = {"numbering": "national_portal", "code": "G99.01-260302-0001"}
ALSO_BORN = {"other_codes": {"national_portal": "G99.01-260302-0001"}}


def services(calls: tuple[Call, ...]) -> list[str]:
    return [call.service for call in calls]


# --- the plan ----------------------------------------------------------------------------------------------------

#: event, dossier, statuses of the rows, options, services expected
PLANS: list[tuple[Event, dict[str, Any], str, dict[str, Any], list[str]]] = [
    (Event.SUBMITTED, {"status": Status.REGISTERED, "received_at": None}, "1", {}, []),
    (Event.RECEIVED, {"status": Status.RECEIVED}, "1 2", {}, [RECORD, ROWS]),
    (Event.STATUS, {}, "", {}, [RECORD]),
    (Event.EDITED, {}, "1", {}, [RECORD]),
    (Event.STATUS, {}, "4 4 4", {"rows_per_call": 2}, [RECORD, ROWS, ROWS]),
    (Event.STATUS, {"received_at": None}, "4", {}, []),
    (Event.REFUSED, {"status": Status.NOT_RECEIVED, "received_at": None}, "3", {}, [RECORD]),
    (Event.REFUSED, {"status": Status.NOT_RECEIVED, "received_at": None}, "3", {"refusal_before_reception": "skip"}, []),
    (Event.WITHDRAWN, {"status": Status.WITHDRAWN, "received_at": None}, "7", {}, []),
    (Event.WITHDRAWN, {"status": Status.WITHDRAWN, "received_at": None}, "7", {"withdrawal_before_reception": "send"}, [RECORD]),
    (Event.WITHDRAWN, {"status": Status.WITHDRAWN}, "7", {}, [RECORD, ROWS]),
    (Event.SUBMITTED, BORN, "", {}, []),
    (Event.RECEIVED, BORN, "2", {}, [BACK]),
    (Event.SUBMITTED, ALSO_BORN, "", {}, []),
    (Event.STATUS, ALSO_BORN, "2 4 5", {}, [BACK]),
    (Event.REFUSED, {**BORN, "status": Status.NOT_RECEIVED, "received_at": None}, "", {}, [BACK]),
]


@pytest.mark.parametrize(("event", "changes", "statuses", "options", "expected"), PLANS)
def test_the_calls_a_dossier_message_needs(
    message: Any, event: Event, changes: dict[str, Any], statuses: str, options: dict[str, Any], expected: list[str]
) -> None:
    found = plan(message(event, statuses, **changes), Options(**options))

    assert expected == services(found)


def test_parts_cover_every_row_once(message: Any) -> None:
    calls = plan(message(statuses="2 " + "4 " * 24), Options(rows_per_call=10))

    assert [c.part for c in calls] == [{}, {"from": "0", "to": "10"}, {"from": "10", "to": "20"}, {"from": "20", "to": "25"}]


def test_a_procedure_goes_only_where_the_portal_takes_procedures() -> None:
    told = ProcedureMessage(owner="G99", procedure=PROCEDURE)

    assert plan(told, Options()) == ()
    assert services(plan(told, Options(write_procedure_service="DongBoTTHC"))) == ["DongBoTTHC"]


def test_catalogues_and_notices_are_not_for_the_portal() -> None:
    options = Options(write_procedure_service="DongBoTTHC")

    assert plan(CatalogueMessage(owner="G99", procedures=(PROCEDURE,)), options) == ()
    assert plan(NoticeMessage(message_id="m", recipient="r", outcome="delivered", at=RECEIVED), options) == ()


# --- the record --------------------------------------------------------------------------------------------------


def body(message: Any, writing: Any, call: Call | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(write_message(message, call or Call(service=RECORD), writing).body)
    return found


@pytest.mark.parametrize(
    ("held", "variant", "updating"),
    [({}, "create", "False"), ({"record": "yes"}, "update", "True"), ({"record": "no"}, "create", "False")],
)
def test_what_the_portal_holds_decides_between_create_and_update(
    message: Any, writing: Any, held: dict[str, str], variant: str, updating: str
) -> None:
    found = write_message(message(), Call(service=RECORD), writing(held))

    assert variant == found.variant
    assert updating == json.loads(found.body)["isUpdating"]
    assert found.head == {"MaHoSo": NUMBER}


def test_the_body_has_no_session_and_only_strings(message: Any, writing: Any) -> None:
    found = body(message(), writing())

    assert list(found) == ["madonvi", "service", "isUpdating", "data"]
    assert found["madonvi"] == "H99"
    assert [name for name, value in found["data"][0].items() if not isinstance(value, str | list)] == []


def test_the_same_input_gives_the_same_bytes(message: Any, writing: Any) -> None:
    told, call = message(statuses="2 4"), Call(service=RECORD)

    assert write_message(told, call, writing()).body == write_message(told, call, writing()).body


def test_everything_that_is_missing_is_said_at_once(message: Any, writing: Any) -> None:
    incomplete = message(procedure=ProcedureRef(code="1.009999"), agency=Agency(), return_method="")

    with pytest.raises(InvalidMessage) as caught:
        body(incomplete, writing())

    names = ("TenTTHC", "MaLinhVuc", "TenLinhVuc", "HinhThuc", "DonViXuLy")
    assert {f"/data/0/{name}" for name in names} == {fault.path for fault in caught.value.faults}


def test_a_refusal_before_reception_has_its_date_and_no_reception(message: Any, writing: Any) -> None:
    told = message(Event.REFUSED, "3", status=Status.NOT_RECEIVED, received_at=None, refused_at=RECEIVED)

    record = body(told, writing())["data"][0]

    assert (record["NgayTuChoi"], record["NgayTiepNhan"]) == ("20260105081500", "")


def test_the_date_of_a_refusal_is_taken_from_its_row(message: Any, writing: Any) -> None:
    told = message(Event.REFUSED, "1 3", status=Status.NOT_RECEIVED, received_at=None)

    assert body(told, writing())["data"][0]["NgayTuChoi"] == "20260105081600"


def test_a_refusal_without_any_date_is_invalid(message: Any, writing: Any) -> None:
    told = message(Event.REFUSED, status=Status.NOT_RECEIVED, received_at=None)

    with pytest.raises(InvalidMessage) as caught:
        body(told, writing())

    assert [fault.path for fault in caught.value.faults] == ["/data/0/NgayTuChoi"]


@pytest.mark.parametrize(
    ("numbering", "other_codes", "expected"),
    [("national", {}, NUMBER), ("vnsw", {"national": "G10-260105-0007"}, "G10-260105-0007"), ("vnsw", {}, NUMBER)],
)
def test_the_national_number_goes_where_there_is_one(
    message: Any, writing: Any, numbering: str, other_codes: dict[str, str], expected: str
) -> None:
    told = message(statuses="4", numbering=numbering, other_codes=other_codes)
    rows = Call(service=ROWS, part={"from": "0", "to": "1"})

    assert expected == body(told, writing())["data"][0]["MaHoSo"]
    assert expected == body(told, writing(), rows)["data"][0]["MaHoSo"]


# --- codes -------------------------------------------------------------------------------------------------------

TABLE = {
    "procedures": (
        CodeRow(code="1.009990.H99", value="1.009990", name="Cũ", valid_to=date(2026, 1, 1)),
        CodeRow(code="1.009990.H99", value="1.009999", name="Mới", valid_from=date(2026, 1, 1)),
        CodeRow(code="2.000001", value="1.009998", name=""),
    ),
    "fields": (CodeRow(code="LV01", value="G99-TN01", name="Lĩnh vực quốc gia"),),
    "mine": (CodeRow(code="X", value="1.000001", name="Bảng riêng"),),
}


@pytest.mark.parametrize(
    ("code", "options", "expected"),
    [
        ("1.009999", {}, ("1.009999", "Tên của đơn vị")),
        ("1.009990.H99", {}, ("1.009999", "Mới")),
        ("2.000001", {}, ("1.009998", "Tên của đơn vị")),
        ("1.009990.H99", {"map_procedures": False}, ("1.009990.H99", "Tên của đơn vị")),
        ("X", {"procedure_table": "mine"}, ("1.000001", "Bảng riêng")),
    ],
)
def test_local_procedures_become_national_ones(
    message: Any, writing: Any, code: str, options: dict[str, Any], expected: tuple[str, str]
) -> None:
    procedure = ProcedureRef(code=code, name="Tên của đơn vị", field_code="LV01", field_name="Lĩnh vực của đơn vị")

    record = body(message(procedure=procedure), writing(rows=TABLE, **options))["data"][0]

    assert expected == (record["MaTTHC"], record["TenTTHC"])
    assert (record["MaLinhVuc"], record["TenLinhVuc"]) == ("G99-TN01", "Lĩnh vực quốc gia")


def test_the_row_of_the_day_of_reception_counts(message: Any, writing: Any) -> None:
    procedure = ProcedureRef(code="1.009990.H99", field_code="G99-TN01", field_name="Lĩnh vực")

    record = body(message(procedure=procedure, received_at=RECEIVED - timedelta(days=30)), writing(rows=TABLE))["data"][0]

    assert (record["MaTTHC"], record["TenTTHC"]) == ("1.009990", "Cũ")


def test_a_code_that_no_list_has_is_named(message: Any, writing: Any) -> None:
    with pytest.raises(NoMapping) as procedure:
        body(message(procedure=ProcedureRef(code="HT-01", field_code="G99-TN01")), writing(rows=TABLE))
    with pytest.raises(NoMapping) as field:
        body(message(procedure=ProcedureRef(code="1.009999", field_code="LV02")), writing(rows=TABLE))

    assert (procedure.value.where, field.value.where) == ("codes/procedures/HT-01", "codes/fields/LV02")


def test_fields_pass_as_they_are_where_mapping_is_off(message: Any, writing: Any) -> None:
    procedure = ProcedureRef(code="1.009999", name="A", field_code="LV02", field_name="B")

    assert body(message(procedure=procedure), writing(map_fields=False))["data"][0]["MaLinhVuc"] == "LV02"


def test_the_field_table_can_be_another(message: Any, writing: Any) -> None:
    procedure = ProcedureRef(code="1.009999", name="A", field_code="Z", field_name="B")
    rows = {"others": (CodeRow(code="Z", value="G99-TN09"),)}

    assert body(message(procedure=procedure), writing(rows=rows, field_table="others"))["data"][0]["MaLinhVuc"] == "G99-TN09"


# --- progress rows -----------------------------------------------------------------------------------------------


def test_rows_go_in_the_order_of_time_without_the_registration(message: Any, writing: Any) -> None:
    told = message(statuses="1 2 4")
    told = told.model_copy(update={"steps": tuple(reversed(told.steps))})

    rows = body(told, writing(), Call(service=ROWS, part={"from": "0", "to": "2"}))["data"]

    assert [(row["TrangThai"], row["ThoiDiemXuLy"]) for row in rows] == [("2", "20260105081600"), ("4", "20260105081700")]


def test_a_call_has_only_the_rows_of_its_part(message: Any, writing: Any) -> None:
    rows = body(message(statuses="2 4 5 4"), writing(), Call(service=ROWS, part={"from": "2", "to": "4"}))["data"]

    assert [row["NoiDungXuLy"] for row in rows] == ["Bước 2", "Bước 3"]


def test_a_row_without_a_name_is_not_filled_up_with_an_invented_one(message: Any, writing: Any) -> None:
    told = message().model_copy(update={"steps": (Step(status=Status.RECEIVED, at=RECEIVED),)})

    with pytest.raises(InvalidMessage) as caught:
        body(told, writing(), Call(service=ROWS, part={"from": "0", "to": "1"}))

    assert [fault.path for fault in caught.value.faults] == ["/data/0/NguoiXuLy"]


# --- status back -------------------------------------------------------------------------------------------------


def test_a_status_goes_back_under_the_portals_number(message: Any, writing: Any) -> None:
    result = ResultDocument(id="9", name="giay.pdf", url="https://files.example.org/9", component_code="K1")
    told = message(statuses="4 9", status=Status.DONE, results=(result,), **ALSO_BORN)

    found = write_message(told, Call(service=BACK), writing())

    assert found.head == {"MaHoSo": "G99.01-260302-0001"}
    assert json.loads(found.body) == {
        "madonvi": "H99",
        "service": BACK,
        "type": "2",
        "data": [
            {
                "TrangThai": "9",
                "MaHoSo": "G99.01-260302-0001",
                "MaHoSoDonVi": NUMBER,
                "MaDoiTuong": "",
                "NoiDung": "Bước 1",
                "NgayXuLy": "20260105081600",
                "TaiLieuXuLy": [
                    {
                        "TepDinhKemId": "9",
                        "TenTepDinhKem": "giay.pdf",
                        "IsDeleted": "False",
                        "MaThanhPhanHoSo": "K1",
                        "DuongDanTaiTepTin": "https://files.example.org/9",
                    }
                ],
            }
        ],
    }


def test_a_refusal_goes_back_as_eleven(message: Any, writing: Any) -> None:
    told = message(Event.REFUSED, status=Status.NOT_RECEIVED, received_at=None, **BORN)

    row = body(told, writing(), Call(service=BACK))["data"][0]

    assert (row["TrangThai"], row["MaHoSoDonVi"], row["NoiDung"]) == ("11", "", "Không được tiếp nhận")
    assert row["NgayXuLy"] == "20260302091504"  # no date in the message: the moment of writing


def test_the_shape_and_type_of_a_status_are_the_endpoints(message: Any, writing: Any) -> None:
    found = body(message(**ALSO_BORN), writing(status_data="object", status_type="3"), Call(service=BACK))

    assert (found["type"], found["data"]["TrangThai"]) == ("3", "4")


# --- procedures --------------------------------------------------------------------------------------------------


def test_a_procedure_is_written_under_its_national_code(writing: Any) -> None:
    told = ProcedureMessage(owner="G99", procedure=PROCEDURE.model_copy(update={"code": "1.009990.H99"}))
    options = {"write_procedure_service": "DongBoTTHC", "write_procedure_field": "thutuc"}

    found = write_message(told, Call(service="DongBoTTHC"), writing(rows=TABLE, **options))

    sent = json.loads(found.body)
    assert list(sent) == ["madonvi", "service", "thutuc"]
    assert tuple(sent["thutuc"][0][name] for name in ("MATTHC", "TENTTHC", "TRANGTHAI")) == ("1.009999", "Mới", "1")
    assert found.head == {"MATTHC": "1.009999", "field": "thutuc"}


def test_dates_are_local_whatever_zone_they_came_in(message: Any, writing: Any) -> None:
    told = message(received_at=RECEIVED.astimezone(UTC))

    assert body(told, writing())["data"][0]["NgayTiepNhan"] == "20260105081500"


# --- whose number it is ------------------------------------------------------------------------------------------


def test_a_number_of_the_second_generation_does_not_make_a_dossier_one_of_the_portal(message: Any) -> None:
    """There the portal numbers what an agency gives it; here that is still the agency's own dossier."""
    told = message(statuses="2", other_codes={"national_portal_v2": "G99.20-20260302-0000001"})

    assert [call.service for call in plan(told, Options())] == ["DongBoHoSoMC", "CapNhatTienDoHoSoMC"]
    assert [call.service for call in plan(told, Options(numbering="national_portal_v2"))] == ["DongBoTrangThaiHoSo"]


@pytest.mark.parametrize("name", ["national_portal", "cong_dvc"])
def test_what_is_born_on_the_portal_has_its_numbering(message: Any, writing: Any, name: str) -> None:
    number = "G99.01-260302-0001"
    born = message(statuses="4", other_codes={name: number})

    (call,) = plan(born, Options(numbering=name))
    outgoing = write_message(born, call, writing(numbering=name))

    assert outgoing is not None
    row = json.loads(outgoing.body)["data"][0]
    assert (row["MaHoSo"], row["MaHoSoDonVi"]) == (number, born.dossier.code)
