"""Files are told by the address at which the portal fetches them here, one in each item."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from adapters.national_portal import ADAPTER
from adapters.national_portal.fetched_files import FetchedFiles
from adapters.national_portal.outbound import DOSSIER, STATUS_BACK, write_message
from hub.canonical.codes import Status
from hub.canonical.document import Attachment, ResultDocument
from hub.canonical.dossier import DossierMessage
from hub.contract import Call, Writing
from tests.support.file_server import FileServer

ONE, TWO = "https://tinh.example.org/1", "https://tinh.example.org/2"
LINKS = {ONE: "https://truc.example.org/files/A", TWO: "https://truc.example.org/files/B"}


def record(body: bytes) -> Any:
    return json.loads(body)["data"][0]


def test_the_adapter_says_that_it_writes_them() -> None:
    assert ADAPTER.file_links


def test_items_and_results_have_our_addresses(
    message: Callable[..., DossierMessage], writing: Callable[..., Writing]
) -> None:
    given = message(
        attachments=(
            Attachment(id="1", name="a.pdf##b.pdf", url=f"{ONE}##{TWO}"),
            Attachment(id="2", name="c", url="https://x.example.org/3"),
        ),
        results=(ResultDocument(name="Giấy phép", url=TWO, code="KQ.G99.000001"),),
    )
    told = record(write_message(given, Call(service=DOSSIER), replace(writing(), links=LINKS)).body)

    assert [each["DuongDanTaiTepTin"] for each in told["TaiLieuNop"]] == [*LINKS.values(), "https://x.example.org/3"]
    assert [each["TepDinhKemId"] for each in told["TaiLieuNop"]] == ["1", "1.2", "2"]
    assert told["DanhSachGiayToKetQua"][0]["DuongDanTepTinKetQua"] == LINKS[TWO]


def test_a_result_that_goes_back_has_our_address(
    message: Callable[..., DossierMessage], writing: Callable[..., Writing]
) -> None:
    given = message(
        status=Status.RETURNED,
        other_codes={"national_portal": "G99.20-20260105-0000012"},
        results=(ResultDocument(name="Giấy phép", url=ONE),),
    )
    told = record(write_message(given, Call(service=STATUS_BACK), replace(writing(), links=LINKS)).body)

    assert [each["DuongDanTaiTepTin"] for each in told["TaiLieuXuLy"]] == [LINKS[ONE]]


def test_the_portals_double_fetches_what_it_is_told_and_says_what_does_not_come() -> None:
    portal = FetchedFiles()
    with FileServer() as files:
        there, gone = files.keep("/1", b"here"), files.keep("/2", 404)

        assert portal.fetch([{"TaiLieuNop": [{"DuongDanTaiTepTin": there}]}]) == ""
        assert "404" in portal.fetch([{"DanhSachGiayToKetQua": [{"DuongDanTepTinKetQua": gone}]}])
        assert "không phải địa chỉ" in portal.fetch({"TaiLieuXuLy": [{"DuongDanTaiTepTin": "file:///etc/passwd"}]})
    assert [each["size"] for each in portal.fetched] == [4]
