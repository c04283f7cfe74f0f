"""A dossier with its new steps: which number is whose, and what is read back from what we write."""

from __future__ import annotations

from datetime import datetime

import pytest

from hub.canonical.base import VIETNAM
from hub.canonical.codes import Event, Status
from hub.canonical.dossier import Dossier, Licence, ProcedureRef, Step
from hub.canonical.national_message import (
    event_of,
    other_number,
    own_number,
    read_bare,
    read_licence,
    read_message,
    write_licence,
    write_steps,
)
from hub.canonical.national_record import write_dossier
from hub.errors import Fault

MOMENT = datetime(2026, 3, 2, 9, 15, 4, tzinfo=VIETNAM)


def dossier(code: str, numbering: str = "national", **others: str) -> Dossier:
    return Dossier(code=code, numbering=numbering, other_codes=others, procedure=ProcedureRef(code="1.900009"))


@pytest.mark.parametrize(
    ("given", "held", "own", "other"),
    [
        (dossier("H-1"), {}, "H-1", ("", "")),
        (dossier("H-1", national_portal="P-1"), {}, "H-1", ("P-1", "DVCQG")),
        (dossier("P-1", "national_portal"), {}, "", ("P-1", "DVCQG")),
        (dossier("P-1", "national_portal"), {"MaHoSo": "H-2"}, "H-2", ("P-1", "DVCQG")),
        (dossier("P-1", "national_portal", national="H-1"), {"MaHoSo": "H-2"}, "H-1", ("P-1", "DVCQG")),
        (dossier("B-1", "vnsw", national="H-1"), {}, "H-1", ("B-1", "VNSW")),
        (dossier("B-1", "vnsw", national_portal="P-1"), {}, "", ("P-1", "DVCQG")),
    ],
)
def test_each_system_finds_its_own_number(given: Dossier, held: dict[str, str], own: str, other: tuple[str, str]) -> None:
    assert own_number(given, held) == own
    assert tuple(other_number(given).values()) == other


def test_a_message_that_we_write_is_read_back() -> None:
    given = dossier("H-1", national_portal="P-1").model_copy(update={"status": Status.DONE, "received_at": MOMENT})
    step = Step(status=Status.DONE, actor="Trần Kiểm Thử", at=MOMENT)
    document = {"HoSo": {**write_dossier(given), **other_number(given)}, "TienDo": write_steps("H-1", (step,))}
    faults: list[Fault] = []

    message = read_message(document, "", faults, required=())

    assert faults == []
    assert message is not None
    assert (message.event, message.dossier, message.steps) == (Event.RESULT, given, (step,))


def test_faults_of_dossier_and_steps_are_told_together() -> None:
    faults: list[Fault] = []
    document = {"HoSo": {"MaHoSo": "H-1", "HeThongKhac": "X"}, "TienDo": [{"MaHoSo": "H-2"}, None]}

    assert read_message(document, "", faults, required=()) is None
    assert {fault.path for fault in faults} == {
        "/HoSo/MaTTHC",
        "/HoSo/TrangThaiHoSo",
        "/HoSo/HeThongKhac",
        "/TienDo/0/MaHoSo",
        "/TienDo/0/NguoiXuLy",
        "/TienDo/0/ThoiDiemXuLy",
        "/TienDo/0/TrangThai",
        "/TienDo/1",
    }


@pytest.mark.parametrize("value", [None, [], "x", 5, {"MaHoSo": ["H"]}])
def test_what_is_no_record_is_a_fault(value: object) -> None:
    faults: list[Fault] = []

    assert read_bare(value, "/0", faults) is None
    assert all(fault.path.startswith("/0") for fault in faults) and faults


def test_every_status_says_what_happened() -> None:
    assert {event_of(status) for status in (Status.PROCESSING, Status.STOPPED, Status.RETURNED)} == {Event.STATUS}
    assert [event_of(Status(str(number))) for number in (1, 2, 3, 5, 6, 7, 9)] == [
        Event.SUBMITTED,
        Event.RECEIVED,
        Event.REFUSED,
        Event.SUPPLEMENT_ASKED,
        Event.FEE_ASKED,
        Event.WITHDRAWN,
        Event.RESULT,
    ]


def test_a_licence_comes_back_whole() -> None:
    licence = Licence(number="1/GP", issued_at=MOMENT, signer="Lê Thử Việc", signer_position="Cục trưởng", link="https://x")
    faults: list[Fault] = []

    assert read_licence(write_licence(licence), "", faults) == licence
    assert read_licence(None, "", faults) is None
    assert read_licence({"NgayCap": "x"}, "/GiayPhep", faults, required=("So",)) is None
    assert [fault.path for fault in faults] == ["/GiayPhep/So", "/GiayPhep/NgayCap"]
