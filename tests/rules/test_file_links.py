"""Names of files that partners fetch: always the same for the same, unguessable from others, found again in what is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.canonical.codes import Event
from hub.canonical.document import Attachment, ResultDocument
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef, Supplement
from hub.canonical.links import addresses, relinked
from hub.rules import file_links as rules

HUB = "https://truc.example.org"
KEY = bytes(32)


def message(**parts: Any) -> DossierMessage:
    dossier = Dossier(code="H99-1", procedure=ProcedureRef(code="1.009999"), **parts)
    return DossierMessage(event=Event.SUBMITTED, dossier=dossier)


def file(url: str, name: str = "don.pdf", **more: Any) -> Attachment:
    return Attachment(name=name, url=url, **more)


# --- names


def test_a_name_has_256_bits_and_is_the_same_each_time() -> None:
    name = rules.name(KEY, "d-1", "s", 0)

    assert rules.NAME.fullmatch(name)
    assert name == rules.name(KEY, "d-1", "s", 0)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5), st.integers(0, 3)), min_size=2, max_size=6, unique=True))
def test_no_two_files_have_one_name(known: list[tuple[str, str, int]]) -> None:
    plain = [each for each in known if "\0" not in each[0] + each[1]]
    assert len({rules.name(KEY, *each) for each in plain}) == len(plain)


def test_another_key_gives_another_name() -> None:
    assert rules.name(KEY, "d-1", "s", 0) != rules.name(bytes(31) + b"1", "d-1", "s", 0)


@settings(max_examples=100)
@given(st.lists(st.integers(0, 50), max_size=6), st.text(max_size=20), st.sampled_from([HUB, HUB + "/", "http://h:8080"]))
def test_names_are_found_again_in_what_is_written(numbers: list[int], between: str, hub: str) -> None:
    names = [rules.name(KEY, "d", "s", number) for number in numbers]
    body = json.dumps({"a": [f"{rules.address(hub, name)}" for name in names], "b": between}).encode()

    assert rules.names_in(body, hub) == tuple(dict.fromkeys(names))


@pytest.mark.parametrize("body", [b"", b"https://truc.example.org/files/", b"https://other/files/" + b"A" * 43, b"A" * 43])
def test_other_addresses_are_not_taken_for_ours(body: bytes) -> None:
    assert rules.names_in(body, HUB) == ()
    assert rules.names_in(f"{HUB}/files/{'A' * 44}".encode(), HUB) == ()


@pytest.mark.parametrize("given", ["", "A", "\ud800", "A" * 10_000, "\0"])
def test_whatever_is_asked_for_has_a_hash(given: str) -> None:
    assert len(rules.hash_of(given)) == 64


# --- files of a message


def test_every_file_is_listed_with_its_place() -> None:
    told = message(
        attachments=(file("a"), file("b##c", "x.docx##y.png"), file("gone", deleted=True), file("")),
        results=(ResultDocument(name="Giấy phép", url="d"),),
        supplements=(Supplement(attachments=(file("e"),)),),
    )

    assert [(item.url, item.kind, item.path) for item in rules.items(told)] == [
        ("a", "pdf", "/HoSo/TaiLieuNop/0/DuongDanTaiTepTin"),
        ("b", "docx", "/HoSo/TaiLieuNop/1/DuongDanTaiTepTin"),
        ("c", "png", "/HoSo/TaiLieuNop/1/DuongDanTaiTepTin"),
        ("e", "pdf", "/HoSo/DanhSachHoSoBoSung/0/DanhSachGiayToBoSung/0/DuongDanTaiTepTin"),
        ("d", "", "/HoSo/DanhSachGiayToKetQua/0/DuongDanTepTinKetQua"),
    ]


def test_one_address_in_two_places_is_one_file() -> None:
    told = message(attachments=(file("a"),), results=(ResultDocument(name="x", url="a"),))
    assert [item.path for item in rules.items(told)] == ["/HoSo/TaiLieuNop/0/DuongDanTaiTepTin"]


@pytest.mark.parametrize("url", ["", "##", "####", " ## "])
def test_nothing_joined_is_nothing(url: str) -> None:
    assert addresses(url) == ()
    assert relinked(message(attachments=(file(url),)).dossier, {}).attachments == (file(url),)


def test_joined_files_become_one_item_each_with_its_own_name_and_identifier() -> None:
    joined = message(attachments=(file("a## b", "1.pdf##2.pdf", id="7"), file("c##d", "một.pdf", id=""))).dossier

    assert [(each.url, each.name, each.id) for each in relinked(joined, {"b": "B"}).attachments] == [
        ("a", "1.pdf", "7"), ("B", "2.pdf", "7.2"), ("c", "một.pdf (1)", ""), ("d", "một.pdf (2)", ""),
    ]  # fmt: skip


def test_everything_else_of_a_dossier_stays() -> None:
    told = message(attachments=(file("a", size=3, component_code="K"),), summary="x").dossier
    assert relinked(told, {}) == told
    assert relinked(told, {"a": "A"}).attachments[0].model_dump() == {**told.attachments[0].model_dump(), "url": "A"}


@pytest.mark.parametrize(
    ("name", "kind"), [("a.PDF", "pdf"), ("a.html", ""), ("", ""), (".pdf", "pdf"), ("a.pdf ", "pdf"), ("x/y.tiff", "tiff")]
)
def test_only_known_kinds_are_told(name: str, kind: str) -> None:
    assert rules.kind_of(name) == kind
    assert rules.file_name("sha256:" + "ab" * 32, kind) == "tep-abababababab" + (f".{kind}" if kind else "")


@pytest.mark.parametrize(
    ("path", "vi", "en"),
    [
        ("/HoSo/TaiLieuNop/1/DuongDanTaiTepTin", "Tệp nộp 2", "submitted file 2"),
        ("/HoSo/DanhSachGiayToKetQua/0/DuongDanTepTinKetQua", "Tệp kết quả 1", "result 1"),
        ("/HoSo/DanhSachHoSoBoSung/2/DanhSachGiayToBoSung/0/DuongDanTaiTepTin", "Tệp bổ sung 1, lần 3", "supplement 3, file 1"),
        ("/else/1", "/else/1", "/else/1"),
    ],
)
def test_a_place_is_told_in_words(path: str, vi: str, en: str) -> None:
    assert rules.item_words(path) == (vi, en)
