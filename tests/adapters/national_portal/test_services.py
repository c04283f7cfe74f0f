"""Every service whose fields are known, asked of a strict portal: look-ups, files, questions, relays."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.national_portal import ADAPTER
from adapters.national_portal.field_map import SHARED_PROCEDURE, load
from adapters.national_portal.files import Base64Reader, decode
from adapters.national_portal.options import Options, check
from adapters.national_portal.outbound import plan, write_message
from adapters.national_portal.questions import percent, read_figures, write_figures
from adapters.national_portal.receipts import read_finding, read_receipt
from adapters.national_portal.services import CATEGORIES
from adapters.national_portal.simulator import simulator
from adapters.national_portal.transport import PortalTransport
from hub.canonical.base import VIETNAM
from hub.canonical.dossier import DossierMessage
from hub.canonical.figures import Figures, StatisticsMessage
from hub.canonical.party import Agency
from hub.canonical.question import Question, QuestionMessage
from hub.canonical.raw import RawMessage
from hub.contract import Pulling, Writing
from hub.errors import BadSettings, Fault, InDoubt, InvalidMessage, NotSent, Refused
from hub.simulation import SimulatorServer

PAPER = "/kho/ket-qua-1.pdf"
ASKED = {
    "KenhThucHien": "2",
    "SoDinhDanhChuSoHuu": "000000000000",
    "SoDinhDanhNguoiYeuCau": "000000000000",
    "HoTenNguoiYeuCau": "Nguyễn Thử Nghiệm",
    "MaThuTuc": "1.990001",
    "DanhSachDanhMucKetQua": [{"MaKetQua": "KQ.G99.000001", "SoKyHieu": ""}],
}
STORE = {"results_path": "kho/tim", "result_file_path": "kho/tep"}
ANSWER = Question(
    id="HD000001",
    agency=Agency(code="H99"),
    answer="Trả lời thử",
    answered_by="Trần Kiểm Thử",
    answered_at=datetime(2026, 3, 2, 9, tzinfo=VIETNAM),
)


def let_go() -> None:
    """Let every call go."""


def fetched(fetch: Callable[..., None], *given: str) -> bytes:
    pieces: list[bytes] = []
    fetch(*given, pieces.append)
    return b"".join(pieces)


# --- look-ups ----------------------------------------------------------------------------------------------------


def test_look_ups_of_persons_decisions_and_categories(connect: Any, portal: SimulatorServer) -> None:
    transport: PortalTransport = connect(portal)

    assert transport.tech_id("000000000000") == "tech-0001"
    assert transport.tech_id("999999999999") == ""
    assert transport.decision("QD-0001") == "https://quyet-dinh.example.org/QD-0001.pdf"
    assert [row["MALINHVUC"] for row in transport.category("LayDanhMucLinhVuc", MANGANH="G98")] == ["G98-TN01"]
    assert all(isinstance(transport.category(name), tuple) for name in CATEGORIES)


@pytest.mark.parametrize(("agency", "some"), [("H99", True), ("H98.07", True), ("G11", False)])
def test_the_procedures_of_one_agency(connect: Any, portal: SimulatorServer, agency: str, some: bool) -> None:
    all_of_them = connect(portal).list_procedures()

    found = connect(portal, procedures_of=agency).list_procedures()

    assert bool(found) is some
    assert set(found) < set(all_of_them)


@pytest.mark.parametrize("madonvi", ["H99", "H99.07", "000.00.00.H99"])
def test_an_agency_s_code_is_taken_in_either_form(
    connect: Any, portal: SimulatorServer, message: Any, writing: Any, madonvi: str
) -> None:
    told, known = message(), replace(writing(), options=Options(madonvi=madonvi))
    outgoing = write_message(told, plan(told, known.options)[0], known)
    assert outgoing is not None
    reply = connect(portal, madonvi=madonvi).send(outgoing, let_go)

    assert json.loads(outgoing.body)["madonvi"] == madonvi
    assert json.loads(reply.body)["error_code"] == "0"


def test_another_code_is_refused_by_the_portal_and_told_by_check(connect: Any, portal: SimulatorServer) -> None:
    with pytest.raises(Refused):
        connect(portal, madonvi="Sở").rows("LayDanhSachTTHC")
    assert [line for line in check(Options(madonvi="Sở")) if "assumed" not in line]
    assert not [line for line in check(Options(madonvi="000.00.00.H99")) if "assumed" not in line]


def test_check_lists_what_nobody_has_described() -> None:
    told = " ".join(ADAPTER.check(Options()))

    assert all(name in told for name in ("DongBoDanhGia", "nhanhsdvcqg", "nhantbthuedvcqg", "PAKN"))


# --- results and files -------------------------------------------------------------------------------------------


def test_a_person_s_results_are_found_and_their_file_is_streamed(connect: Any, portal: SimulatorServer) -> None:
    transport: PortalTransport = connect(portal, **STORE)

    (found,) = transport.results(ASKED)
    (paper,) = found["DanhSachTepDinhKem"]

    assert fetched(transport.result_file, found["CoQuanChuQuan"], paper["DuongDan"]).startswith(b"%PDF")
    assert fetched(transport.kept_file, paper["DuongDan"]).startswith(b"%PDF")
    with pytest.raises(Refused):
        transport.results({**ASKED, "KenhThucHien": "9"})
    with pytest.raises(NotSent, match="no address"):
        connect(portal).results(ASKED)


@pytest.mark.parametrize("shape", ["bare", "envelope"])
def test_a_file_comes_bare_or_in_an_envelope(connect: Any, shape: str) -> None:
    with simulator(file_shape=shape) as portal:
        assert fetched(connect(portal).kept_file, PAPER).startswith(b"%PDF")
        with pytest.raises(Refused):
            fetched(connect(portal).kept_file, "/kho/khong-co.pdf")


def test_a_large_file_is_given_in_pieces(connect: Any, portal: SimulatorServer) -> None:
    world = portal.verbs["list_dossier"]({"files": {"/lon.bin": 3_000_000}})
    pieces: list[bytes] = []

    connect(portal).fetch("/lon.bin", pieces.append)

    assert "/lon.bin" in world["files"]
    assert sum(map(len, pieces)) == 3_000_000
    assert max(map(len, pieces)) < 70_000


@pytest.mark.parametrize("body", [b"<html>", b'"QUJD', b'"QU=JD"', b'"QUJ"', b'"QUJD" x', b'"Q U J D"', b'"QUJD="'])
def test_what_is_no_file_is_no_file(body: bytes) -> None:
    reader = Base64Reader(lambda piece: None)
    with pytest.raises(InvalidMessage):
        reader.feed(body)
        if reader.end() is not None:
            raise InvalidMessage([])


@given(content=st.binary(max_size=400), cuts=st.lists(st.integers(1, 60), max_size=20), slashes=st.booleans())
def test_a_file_is_the_same_however_its_answer_is_cut(content: bytes, cuts: list[int], slashes: bool) -> None:
    text = base64.encodebytes(content).decode().replace("\n", "\\r\\n")
    wire = f' "{text.replace("/", chr(92) + "/") if slashes else text}"\n'.encode()
    found: list[bytes] = []
    reader = Base64Reader(found.append)
    for cut in cuts:
        piece, wire = wire[:cut], wire[cut:]
        reader.feed(piece)
    reader.feed(wire)

    assert reader.end() is None
    assert b"".join(found) == content


def test_a_file_inside_of_an_envelope_is_decoded_as_strictly() -> None:
    found: list[bytes] = []
    decode(base64.b64encode(b"x" * 1_000_000).decode(), found.append)

    assert b"".join(found) == b"x" * 1_000_000
    for wrong in ("QUJ", 'QU"JD', "đ"):
        with pytest.raises(InvalidMessage):
            decode(wrong, found.append)


# --- relays ------------------------------------------------------------------------------------------------------


@pytest.fixture
def relay(connect: Any, portal: SimulatorServer) -> Callable[..., PortalTransport]:
    def make(variant: str, **options: Any) -> PortalTransport:
        given = {"base_url": f"{portal.url}/lgsp", "username": "", "relay_token": "relay-invented", "variant": variant}
        return connect(portal, **{**given, **options})

    return make


@pytest.mark.parametrize("variant", ["relay", "relay_bare"])
def test_through_a_relay_bare_lists_are_told(
    relay: Any, portal: SimulatorServer, message: Callable[..., DossierMessage], writing: Callable[..., Writing], variant: str
) -> None:
    transport = relay(variant)
    told = message(statuses="2 4")
    held: dict[str, str] = {}
    for again in range(2):
        for call in plan(told, writing(variant=variant).options):
            outgoing = write_message(told, call, writing(held, variant=variant))
            assert outgoing is not None
            assert isinstance(json.loads(outgoing.body), list)
            held |= read_receipt(transport.send(outgoing, let_go), outgoing).held
            if again:
                break

    (kept,) = portal.account()["dossiers"].values()
    assert [version["isUpdating"] for version in kept["versions"]] == ["False", "True"]
    assert [row["TrangThai"] for row in kept["rows"]] == ["2", "4"]
    assert portal.account()["logins"] == 0


def test_the_relay_s_token_is_not_in_what_is_kept(relay: Any, record: Any) -> None:
    reply = relay("relay").send(record(), let_go)

    assert b"relay-invented" not in reply.sent
    assert b"MaDinhDanhDV=H99" in reply.sent


def test_a_relay_is_asked_by_get_and_its_answer_is_in_a_text(relay: Any, message: Any, writing: Any) -> None:
    transport = relay("relay")
    told = message()
    (call, *_) = plan(told, writing(variant="relay").options)
    outgoing = write_message(told, call, writing(variant="relay"))

    before = read_finding(transport.ask(outgoing, told), outgoing)
    read_receipt(transport.send(outgoing, let_go), outgoing)

    assert before.outcome == "absent"
    assert read_finding(transport.ask(outgoing, told), outgoing).outcome == "found"
    assert transport.list_procedures()
    assert fetched(transport.kept_file, PAPER).startswith(b"%PDF")
    assert "HTTP 200" in transport.probe()


def test_a_status_goes_back_under_the_relay_s_own_name(relay: Any, portal: SimulatorServer, message: Any, writing: Any) -> None:
    portal.verbs["born"]({"number": "G99.01-260302-0001"})
    told = message(statuses="2", other_codes={"national_portal": "G99.01-260302-0001"})
    (call,) = plan(told, writing(variant="relay").options)
    outgoing = write_message(told, call, writing(variant="relay"))

    read_receipt(relay("relay").send(outgoing, let_go), outgoing)

    assert [row["TrangThai"] for row in portal.account()["born"]["G99.01-260302-0001"]] == ["4"]


def test_a_path_of_one_s_own_wins(portal: SimulatorServer) -> None:
    options = Options(variant="relay_bare", relay_paths={"DongBoHoSoMC.create": "them-moi", "DongBoHoSoMC": "cap-nhat"})

    found = [options.path_of("DongBoHoSoMC", variant) for variant in ("create", "update")]

    assert [*found, options.path_of("CapNhatTienDoHoSoMC")] == ["them-moi", "cap-nhat", "CapNhatTienDoHoSoMC"]


def test_a_wrong_token_is_not_sent_and_a_bare_relay_cannot_be_asked(relay: Any, record: Any) -> None:
    outgoing = record()
    with pytest.raises(NotSent):
        read_receipt(relay("relay", relay_token="wrong").send(outgoing, let_go), outgoing)
    with pytest.raises(NotSent, match="only takes lists"):
        relay("relay_bare").list_procedures()


# --- questions, figures, raw -------------------------------------------------------------------------------------


def test_an_answer_in_doubt_is_looked_up(connect: Any, portal: SimulatorServer, writing: Any) -> None:
    portal.verbs["ask"]({})
    told = QuestionMessage(event="answered", question=ANSWER)
    (call,) = plan(told, writing().options)
    outgoing = write_message(told, call, writing())
    transport = connect(portal)

    before = read_finding(transport.ask(outgoing, told), outgoing)
    read_receipt(transport.send(outgoing, let_go), outgoing)

    assert (before.outcome, read_finding(transport.ask(outgoing, told), outgoing).outcome) == ("absent", "found")
    assert [row["HOIDAPID"] for row in transport.questions_of_agency()] == ["HD000001"]


def test_an_answer_to_nothing_is_refused_by_the_portal(connect: Any, portal: SimulatorServer, writing: Any) -> None:
    told = QuestionMessage(event="answered", question=ANSWER)
    outgoing = write_message(told, plan(told, writing().options)[0], writing())

    with pytest.raises(Refused):
        read_receipt(connect(portal).send(outgoing, let_go), outgoing)


counts = st.integers(0, 10**6)


@given(
    figures=st.builds(
        Figures, month=st.integers(1, 12), year=st.integers(2000, 2099), agency=st.just(Agency(code="H99", name="Tỉnh X")),
        received=counts, carried_over=counts, done_on_time=counts, done_late=counts, open_on_time=counts, open_late=counts,
    )
)  # fmt: skip
def test_figures_are_read_as_they_were_written_and_the_portal_takes_them(figures: Figures) -> None:
    row, faults = write_figures(figures)
    wrong: list[Fault] = []

    assert read_figures(row, "", wrong) == figures
    assert faults == wrong == []
    assert all(isinstance(value, str) for value in row.values())


def test_a_sum_that_is_none_is_a_fault() -> None:
    row, _ = write_figures(Figures(month=1, year=2026, agency=Agency(code="H99"), done_late=2))
    faults: list[Fault] = []

    assert read_figures({**row, "TongDaXuLy": "3"}, "/data/0", faults) is None
    assert [fault.path for fault in faults] == ["/data/0/TongDaXuLy"]


@pytest.mark.parametrize(
    ("part", "whole", "said"), [(0, 0, "0.00"), (1, 3, "33.33"), (2, 3, "66.67"), (3, 3, "100.00"), (1, 800, "0.13")]
)
def test_a_share_has_two_decimals(part: int, whole: int, said: str) -> None:
    assert percent(part, whole) == said


def test_the_portal_takes_figures_and_raw_calls(connect: Any, portal: SimulatorServer, writing: Any) -> None:
    messages = (
        StatisticsMessage(figures=Figures(month=2, year=2026, agency=Agency(code="000.00.00.H99"), received=3, open_on_time=3)),
        RawMessage(service="DongBoDanhGia", id="1", body=' {"data": [ {"Diem": 5.50} ]} '),
    )
    for told in messages:
        (call,) = plan(told, writing().options)
        outgoing = write_message(told, call, writing())
        read_receipt(connect(portal).send(outgoing, let_go), outgoing)

    account = portal.account()
    assert [row["TongSoXuLy"] for row in account["figures"]] == ["3"]
    assert account["raw"] == [{"service": "DongBoDanhGia", "fields": {"data": [{"Diem": 5.5}]}}]


@pytest.mark.parametrize("body", ["[]", "1", "{", '{"session":"x"}', '{"madonvi":"H1"}', '{"a":1,"a":2}', ""])
def test_a_raw_call_cannot_speak_as_the_hub(writing: Any, body: str) -> None:
    told = RawMessage(service="DongBoDanhGia", id="1", body=body)
    with pytest.raises(InvalidMessage):
        write_message(told, plan(told, writing().options)[0], writing())


def test_only_named_services_are_passed_on(writing: Any) -> None:
    assert plan(RawMessage(service="DongBoHoSoMC", id="1", body="{}"), writing().options) == ()
    with pytest.raises(ValidationError):
        Options(raw_services=("../x",))


# --- the field map -----------------------------------------------------------------------------------------------


def test_the_transport_can_be_pulled(connect: Any, portal: SimulatorServer) -> None:
    assert isinstance(connect(portal), Pulling)
    assert ADAPTER.pulls(Options()) == {}
    assert ADAPTER.pulls(Options(pull=("DanhSachHoSo",), pull_seconds=60)) == {"DanhSachHoSo": 60.0}


def test_the_shipped_map_says_that_it_is_assumed() -> None:
    assert load("").assumed
    assert load("").identity == ("MaHoSo",)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("MaHoSo = ", "# "), "code"),
        (('to = "applicant.name"', 'to = "status"'), "fields"),
        (('to = "submitted_at", kind = "date"', 'to = "submitted_at"'), "date"),
        (('to = "agency.name"', 'to = "agency.code"'), "twice"),
        (("identity = [", "identity = ["), ""),
    ],
    ids=["no number", "an attribute that may not be set", "a date as text", "two for one", "as shipped"],
)
def test_a_map_of_one_s_own_is_checked_when_settings_are_read(tmp_path: Path, change: tuple[str, str], why: str) -> None:
    (tmp_path / "map.toml").write_text(SHARED_PROCEDURE.read_text("utf-8").replace(*change), "utf-8")
    if not why:
        read = Options.model_validate({"pull_map": "map.toml"}, context={"folder": tmp_path})
        assert read.pull_map == str(tmp_path / "map.toml")
        return
    with pytest.raises(ValidationError, match=why):
        Options.model_validate({"pull_map": "map.toml"}, context={"folder": tmp_path})
    with pytest.raises(BadSettings):
        load(str(tmp_path / "none.toml"))


def test_a_list_that_cannot_be_read_is_in_doubt(connect: Any, portal: SimulatorServer) -> None:
    portal.faults.add("malformed", match="DanhSachHoSo")
    with pytest.raises(InDoubt):
        connect(portal).pull("DanhSachHoSo", "", datetime(2026, 3, 2, 9, tzinfo=VIETNAM))
