"""The national record: read leniently, written strictly, and nothing lost on the way."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.canonical.base import VIETNAM
from hub.canonical.codes import Status
from hub.canonical.document import Attachment, Fee, Paper, ResultDocument
from hub.canonical.dossier import Dossier, ProcedureRef, Step, Supplement
from hub.canonical.national_record import (
    REQUIRED,
    read_date,
    read_dossier,
    read_procedure,
    read_step,
    write_date,
    write_dossier,
    write_procedure,
    write_step,
)
from hub.canonical.party import Agency, Identity, Party, PartyKind
from hub.canonical.procedure import Procedure
from hub.errors import Fault

# --- what a dossier can be on this wire ---------------------------------------------------------------------------

letters = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")
texts = st.text(letters, max_size=12)
filled = texts.filter(str.strip)
codes = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)
maybe_codes = st.just("") | codes
moments = st.datetimes(datetime(1976, 1, 1), datetime(2199, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=VIETNAM)
)
maybe_moments = st.none() | moments
amounts = st.integers(0, 10**15 - 1).map(str)
flags = st.booleans()


def rows(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=2).map(tuple)


attachments = st.builds(
    Attachment,
    id=texts,
    name=texts,
    component_code=texts,
    url=texts,
    digest=st.just(""),
    size=st.just(0),
    deleted=flags,
    digitised=flags,
    reused=st.sampled_from("012"),
    from_national_store=flags,
    replaced_by_result=texts,
)
fees = st.builds(Fee, name=texts, code=texts, amount=amounts, collected=texts, kind=texts)
papers = st.builds(Paper, name=texts, count=st.integers(0, 999), kind=st.integers(0, 9))
results = st.builds(ResultDocument, name=texts, component_code=texts, id=texts, url=texts, code=texts, number=st.just(""))
supplements = st.builds(
    Supplement,
    id=texts,
    asked_by=texts,
    content=texts,
    asked_at=maybe_moments,
    received_by=texts,
    received_note=texts,
    received_at=maybe_moments,
    done=flags,
    attachments=rows(attachments),
    fees=rows(fees),
    due_before=maybe_moments,
    due_after=maybe_moments,
)
parties = st.builds(
    Party,
    kind=st.sampled_from(PartyKind),
    name=texts,
    identity_number=texts,
    identities=rows(st.builds(Identity, kind=texts, number=texts)),
    tech_id=texts,
    tax_code=st.just(""),
    address=st.just(""),
    phone=texts,
    fax=texts,
    email=texts,
)
procedures = st.builds(ProcedureRef, code=codes, name=filled, field_code=codes, field_name=filled)
dossiers = st.builds(
    Dossier,
    code=codes,
    numbering=st.just("national"),
    other_codes=st.just({}),
    procedure=procedures,
    status=st.sampled_from(Status),
    applicant=parties,
    agency=st.builds(Agency, code=st.just(""), name=filled),
    channel=st.sampled_from(["", "1", "2", "3"]),
    return_method=st.sampled_from("01"),
    summary=texts,
    note=texts,
    receipt_number=texts,
    other_information=texts,
    return_note=texts,
    submitted_on=st.sampled_from(["", "1", "2"]),
    has_digitised_parts=flags,
    verified_by_vneid=flags,
    paid_online=st.sampled_from(["", "0", "1", "2", "3"]),
    submitted_at=maybe_moments,
    received_at=moments,
    due_at=maybe_moments,
    finished_at=maybe_moments,
    returned_at=maybe_moments,
    refused_at=maybe_moments,
    national_databases=rows(texts),
    attachments=rows(attachments),
    papers=rows(papers),
    fees=rows(fees),
    supplements=rows(supplements),
    results=rows(results),
    form=st.just({}),
)
steps = st.builds(
    Step,
    status=st.sampled_from(Status),
    actor=filled,
    title=texts,
    unit=texts,
    note=texts,
    at=moments,
    started_at=maybe_moments,
    due_at=maybe_moments,
)
trees = st.recursive(
    filled,
    lambda inner: st.lists(inner, min_size=1, max_size=2) | st.dictionaries(codes, inner, min_size=1, max_size=2),
    max_leaves=4,
)
catalogue_procedures = st.builds(
    Procedure,
    code=codes,
    name=filled,
    active=flags,
    level=st.none(),
    field_code=maybe_codes,
    field_name=texts.filter(lambda text: not text or text.strip()),
    announcing_agency=maybe_codes,
    agencies=rows(st.builds(Agency, code=maybe_codes, name=texts)),
    details=st.fixed_dictionaries(
        {},
        optional={
            "YEUCAU": filled,
            "CACHTHUCTHUCHIEN": st.lists(trees, min_size=1, max_size=2),
            "TTHCLIENTHONG": st.lists(filled, min_size=1, max_size=2),
            "LATER_FIELD": trees,
        },
    ),
)
names = st.sampled_from([*REQUIRED, "TaiLieuNop", "MATTHC", "TENTTHC", "TRANGTHAI", "LINHVUCTHUCHIEN", "THANHPHANHOSO", "x"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=6),
    max_leaves=12,
)


def scalars(record: object) -> list[object]:
    if isinstance(record, dict):
        return [scalar for part in record.values() for scalar in scalars(part)]
    if isinstance(record, list):
        return [scalar for part in record for scalar in scalars(part)]
    return [record]


def record(**changes: object) -> dict[str, object]:
    """Make a record with every required field, changed as asked."""
    return {
        "MaHoSo": "H55.07-260105-0012",
        "MaTTHC": "1.009999",
        "TenTTHC": "Thủ tục thử nghiệm",
        "MaLinhVuc": "G99-TN01",
        "TenLinhVuc": "Lĩnh vực thử nghiệm",
        "LoaiDoiTuong": "1",
        "NgayTiepNhan": "20260105081500",
        "TrangThaiHoSo": "4",
        "HinhThuc": "0",
        "DonViXuLy": "Sở Thử nghiệm",
        **changes,
    }


def faults_of(given_record: object) -> list[tuple[str, str]]:
    faults: list[Fault] = []

    assert read_dossier(given_record, "/HoSo", faults) is None
    return [(fault.path, fault.code) for fault in faults]


# --- round trips --------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(dossiers)
def test_a_dossier_comes_back_whole(dossier: Dossier) -> None:
    faults: list[Fault] = []
    sent = json.loads(json.dumps(write_dossier(dossier)))

    assert read_dossier(sent, "", faults) == dossier
    assert faults == []


@settings(max_examples=60, deadline=None)
@given(steps)
def test_a_step_comes_back_whole(step: Step) -> None:
    faults: list[Fault] = []
    sent = write_step("H55-1", step)

    assert sent["MaHoSo"] == "H55-1"
    assert read_step(sent, "", faults) == step
    assert faults == []


@settings(max_examples=60, deadline=None)
@given(catalogue_procedures)
def test_a_procedure_comes_back_whole(procedure: Procedure) -> None:
    faults: list[Fault] = []
    sent = json.loads(json.dumps(write_procedure(procedure)))

    assert read_procedure(sent, "", faults) == procedure
    assert faults == []


@settings(max_examples=40, deadline=None)
@given(dossiers, catalogue_procedures)
def test_every_scalar_is_written_as_a_string(dossier: Dossier, procedure: Procedure) -> None:
    assert all(isinstance(scalar, str) for scalar in scalars(write_dossier(dossier)))
    assert all(isinstance(scalar, str) for scalar in scalars(write_procedure(procedure)))


@settings(max_examples=150, deadline=None)
@given(anything)
def test_any_value_gives_a_dossier_or_faults(value: object) -> None:
    for read in (read_dossier, read_step, read_procedure):
        faults: list[Fault] = []
        assert (read(value, "", faults) is None) == bool(faults)


# --- reading ------------------------------------------------------------------------------------------------------


def test_numbers_and_booleans_are_read_as_their_text() -> None:
    faults: list[Fault] = []
    dossier = read_dossier(
        record(
            TrangThaiHoSo=4,
            LoaiDoiTuong=2,
            NgayTiepNhan=20260105081500,
            HoSoCoThanhPhanSoHoa=True,
            TaiKhoanDuocXacThucVoiVNeID="True",
            TaiLieuNop=[{"TepDinhKemId": 501, "IsDeleted": "0", "DuocSoHoa": 1}],
            DanhSachLePhi=[{"Gia": 50000}],
            GhiChu=None,
        ),
        "",
        faults,
    )

    assert faults == []
    assert dossier is not None
    assert dossier.status is Status.PROCESSING
    assert dossier.applicant.kind is PartyKind.BUSINESS
    assert dossier.received_at == datetime(2026, 1, 5, 8, 15, tzinfo=VIETNAM)
    assert dossier.has_digitised_parts
    assert dossier.verified_by_vneid
    assert dossier.attachments == (Attachment(id="501", name="", digitised=True),)
    assert dossier.fees == (Fee(name="", amount="50000"),)


def test_an_empty_record_names_every_required_field_at_once() -> None:
    expected = {(f"/HoSo/{name}", "missing") for name in REQUIRED if name != "NgayTiepNhan"}

    assert set(faults_of({})) == expected


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"MaHoSo": "  "}, "/HoSo/MaHoSo", "missing"),
        ({"MaHoSo": "H" * 101}, "/HoSo/MaHoSo", "too_long"),
        ({"MaHoSo": ["H55"]}, "/HoSo/MaHoSo", "bad_type"),
        ({"MaTTHC": 10**5000}, "/HoSo/MaTTHC", "bad_type"),
        ({"TrangThaiHoSo": "0"}, "/HoSo/TrangThaiHoSo", "bad_value"),
        ({"TrangThaiHoSo": "11"}, "/HoSo/TrangThaiHoSo", "bad_value"),
        ({"LoaiDoiTuong": "0"}, "/HoSo/LoaiDoiTuong", "bad_value"),
        ({"NgayHenTra": "2026-01-12"}, "/HoSo/NgayHenTra", "bad_value"),
        ({"NgayHenTra": "20260230000000"}, "/HoSo/NgayHenTra", "bad_value"),
        ({"NgayHenTra": "00010101000000"}, "/HoSo/NgayHenTra", "bad_value"),
        ({"NgayTiepNhan": " "}, "/HoSo/NgayTiepNhan", "missing"),
        ({"ChuHoSo": "Thử\x00"}, "/HoSo/ChuHoSo", "bad_text"),
        ({"ChuHoSo": "Thử\ud800"}, "/HoSo/ChuHoSo", "bad_text"),
        ({"TaiLieuNop": {}}, "/HoSo/TaiLieuNop", "bad_type"),
        ({"TaiLieuNop": ["x"]}, "/HoSo/TaiLieuNop/0", "bad_type"),
        ({"TaiLieuNop": [{}, {"IsDeleted": "maybe"}]}, "/HoSo/TaiLieuNop/1/IsDeleted", "bad_value"),
        ({"DanhSachLePhi": [{"Gia": "50.000 đ"}]}, "/HoSo/DanhSachLePhi/0/Gia", "bad_value"),
        (
            {"DanhSachHoSoBoSung": [{"DanhSachGiayToBoSung": [{"DuocTaiSuDung": "9"}]}]},
            "/HoSo/DanhSachHoSoBoSung/0/DanhSachGiayToBoSung/0/DuocTaiSuDung",
            "bad_value",
        ),
    ],
)
def test_a_wrong_value_is_named_by_its_path(changes: dict[str, object], path: str, code: str) -> None:
    assert faults_of(record(**changes)) == [(path, code)]


@pytest.mark.parametrize("status", ["2", "4", "5", "6", "8", "9", "10"])
def test_from_reception_on_the_date_of_reception_is_required(status: str) -> None:
    assert faults_of(record(TrangThaiHoSo=status, NgayTiepNhan="")) == [("/HoSo/NgayTiepNhan", "missing")]


@pytest.mark.parametrize("status", ["1", "3", "7"])
def test_before_reception_there_is_no_date_of_reception(status: str) -> None:
    dossier = read_dossier(record(TrangThaiHoSo=status, NgayTiepNhan=""), "", [])

    assert dossier is not None
    assert dossier.received_at is None


def test_a_caller_may_require_less_but_never_less_than_number_procedure_and_status() -> None:
    faults: list[Fault] = []

    assert read_dossier({}, "", faults, required=()) is None
    assert [fault.path for fault in faults] == ["/MaHoSo", "/MaTTHC", "/TrangThaiHoSo"]
    assert read_dossier({"MaHoSo": "1", "MaTTHC": "2", "TrangThaiHoSo": "4"}, "", [], required=()) is not None


def test_inferred_lengths_hold_only_on_demand() -> None:
    faults: list[Fault] = []
    long = record(TrichYeuHoSo="x" * 1001)

    assert read_dossier(long, "", []) is not None
    assert read_dossier(long, "", faults, lengths=True) is None
    assert [(fault.path, fault.code) for fault in faults] == [("/TrichYeuHoSo", "too_long")]


def test_the_numbering_is_the_callers() -> None:
    dossier = read_dossier(record(), "", [], numbering="national_portal")

    assert dossier is not None
    assert dossier.key == "national_portal:H55.07-260105-0012"


def test_a_fault_never_repeats_personal_data() -> None:
    faults: list[Fault] = []
    read_dossier(record(ChuHoSo="Nguyễn Thử Nghiệm\x00", SoDienThoai=["0000000000"], NgayNopHoSo="000000000000"), "", faults)

    assert len(faults) == 3
    assert not any("Thử Nghiệm" in fault.vi + fault.en or "000000" in fault.vi + fault.en for fault in faults)


def test_a_step_needs_who_when_and_status() -> None:
    faults: list[Fault] = []

    assert read_step({}, "/TienDo/0", faults) is None
    assert {fault.path for fault in faults} == {"/TienDo/0/NguoiXuLy", "/TienDo/0/ThoiDiemXuLy", "/TienDo/0/TrangThai"}


# --- dates --------------------------------------------------------------------------------------------------------


def test_dates_are_local_time_without_zone() -> None:
    moment = datetime.fromisoformat("2026-03-02T02:15:04+00:00")

    assert write_date(moment) == "20260302091504"
    assert read_date("20260302091504", "", []) == moment
    assert moment.astimezone(VIETNAM).utcoffset() == timedelta(hours=7)
    assert write_date(None) == ""
    assert read_date("", "", []) is None


# --- procedures ---------------------------------------------------------------------------------------------------


def test_a_procedure_keeps_what_has_no_canonical_name() -> None:
    faults: list[Fault] = []
    procedure = read_procedure(
        {
            "MaTTHC": "1.009999",
            "TENTTHC": "Thủ tục thử nghiệm",
            "TRANGTHAI": 1,
            "LINHVUCTHUCHIEN": [
                {"MALINHVUC": "G99-TN01", "TENLINHVUC": "Một"},
                {"MALINHVUC": "G99-TN02", "TENLINHVUC": "Hai"},
            ],
            "COQUANTHUCHIEN": [{"MADONVI": "H55.07", "TENDONVI": "Sở Thử nghiệm"}],
            "CACHTHUCTHUCHIEN": [{"KENH": 2, "THOIGIAN": [{"THOIGIANGIAIQUYET": 0.5}]}],
        },
        "",
        faults,
    )

    assert faults == []
    assert procedure is not None
    assert (procedure.code, procedure.active, procedure.field_code) == ("1.009999", True, "G99-TN01")
    assert procedure.agencies == (Agency(code="H55.07", name="Sở Thử nghiệm"),)
    assert procedure.details == {
        "CACHTHUCTHUCHIEN": [{"KENH": "2", "THOIGIAN": [{"THOIGIANGIAIQUYET": "0.5"}]}],
        "LINHVUCTHUCHIEN": [{"MALINHVUC": "G99-TN02", "TENLINHVUC": "Hai"}],
    }
    written = write_procedure(procedure)
    assert [row["MALINHVUC"] for row in written["LINHVUCTHUCHIEN"]] == ["G99-TN01", "G99-TN02"]


def test_a_procedure_that_is_not_public_keeps_its_own_state() -> None:
    procedure = read_procedure({"MATTHC": "1.1", "TENTTHC": "A", "TRANGTHAI": "3"}, "", [])

    assert procedure is not None
    assert not procedure.active
    assert write_procedure(procedure)["TRANGTHAI"] == "3"


def test_details_never_overrule_the_procedure() -> None:
    procedure = Procedure(code="1.1", name="A", details={"MATTHC": "9.9", "TENTTHC": "B"})

    assert write_procedure(procedure)["MATTHC"] == "1.1"
    assert write_procedure(procedure)["TENTTHC"] == "A"


def test_a_tree_without_end_is_a_fault() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    faults: list[Fault] = []

    assert read_procedure({"MATTHC": "1.1", "TENTTHC": "A", "TRANGTHAI": "1", "CANCUPHAPLY": deep}, "", faults) is None
    assert [fault.code for fault in faults] == ["too_deep"]
