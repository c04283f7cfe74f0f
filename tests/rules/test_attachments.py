"""A message names a file of ours by its address, wherever its format has a link; other links are others'."""

from __future__ import annotations

import pytest

from hub.canonical.codes import Event
from hub.canonical.document import Attachment, ResultDocument
from hub.canonical.dossier import Dossier, DossierMessage, Licence, ProcedureRef, Supplement
from hub.rules import attachments

HUB = "https://truc.example.org"
DIGEST = "sha256:" + "0a" * 32
URL = f"{HUB}/attachments/{DIGEST}"


def message(**fields: object) -> DossierMessage:
    dossier = Dossier(code="1", procedure=ProcedureRef(code="1.000001"), **fields)  # type: ignore[arg-type]
    return DossierMessage(event=Event.STATUS, dossier=dossier)


@pytest.mark.parametrize("hub", [HUB, f"{HUB}/"])
def test_an_address_is_read_as_it_is_written(hub: str) -> None:
    assert attachments.address(hub, DIGEST) == URL
    assert attachments.digest_in(f" {URL} ", hub) == DIGEST


@pytest.mark.parametrize(
    "url",
    [
        "",
        DIGEST,
        f"https://other.example.org/attachments/{DIGEST}",
        f"{HUB}.evil.example/attachments/{DIGEST}",
        f"{HUB}/attachments/{DIGEST.upper()}",
        f"{HUB}/attachments/{DIGEST}0",
        f"{HUB}/attachments/{DIGEST}?a=b",
        f"{HUB}/attachments/x/attachments/{DIGEST}",
        f"{HUB}/attachments/md5:{'a' * 64}",
    ],
)
def test_another_address_names_no_file_of_ours(url: str) -> None:
    assert attachments.digest_in(url, HUB) == ""


def test_every_place_of_a_link_is_looked_at() -> None:
    given = message(
        attachments=(Attachment(name="a", url="https://files.example.org/1"), Attachment(name="b", url=URL)),
        supplements=(Supplement(attachments=(Attachment(name="c", url=URL),)),),
        results=(ResultDocument(name="d", url=URL),),
    ).model_copy(update={"licence": Licence(link=URL)})

    assert attachments.named(given, HUB) == (
        ("/HoSo/TaiLieuNop/1/DuongDanTaiTepTin", DIGEST),
        ("/HoSo/DanhSachHoSoBoSung/0/DanhSachGiayToBoSung/0/DuongDanTaiTepTin", DIGEST),
        ("/HoSo/DanhSachGiayToKetQua/0/DuongDanTepTinKetQua", DIGEST),
        ("/GiayPhep/DuongDan", DIGEST),
    )


def test_digest_and_size_are_written_beside_our_own_addresses_only() -> None:
    inside = Attachment(name="in the message", digest="sha256:" + "1" * 64, size=5)
    given = message(attachments=(Attachment(name="b", url=URL), inside), supplements=(Supplement(),))

    described = attachments.described(given, {DIGEST: 77}, HUB)

    assert described.dossier.attachments == (Attachment(name="b", url=URL, digest=DIGEST, size=77), inside)
    assert attachments.described(given, {}, HUB) == given
