"""How bytes are shown: laid out where they can be read, harmless where not, and nobody's data to who may not see it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from hub.edge.console import shown
from hub.edge.console.shown import HEX, PRETTY, RAW, SHOWN_CHARACTERS, differences, show, visible

NAME = "Nguyễn Thử Nghiệm"
XML = (
    f'<h:HoSo xmlns:h="urn:ho-so" Ma="H01-1"><h:NguoiNop loai="1">{NAME}</h:NguoiNop><h:Trong/>'
    "<h:GhiChu>a &lt; b<h:Con>000000000000</h:Con>sau</h:GhiChu></h:HoSo>"
).encode()
JSON = json.dumps({"hoSo": {"hoTen": NAME, "tuoi": 40, "co": True, "trong": None, "ds": [1.50, "x"], "rong": {}}}).encode()
HEAD = b"POST http://doi.tac/GuiHoSo?cccd=000000000000 HTTP/1.1\r\nContent-Type: application/json\r\nX-Khoa: bi-mat\r\n\r\n"
CALL = HEAD + JSON
MANY = b"<a>" + b"<b>x</b>" * 90_000 + b"</a>"
LARGE = {"elements": MANY, "text": b'["' + b"x" * 10**7 + b'"]', "numbers": b"[" + b"1," * 900_000 + b"1]", "NULs": b"\0" * 10**7}


def test_xml_is_laid_out_with_every_name_and_value() -> None:
    told = show(XML, see=True)

    assert told.kind == "xml"
    assert told.text.splitlines() == [
        '<h:HoSo xmlns:h="urn:ho-so" Ma="H01-1">',
        f'  <h:NguoiNop loai="1">{NAME}</h:NguoiNop>',
        "  <h:Trong/>",
        "  <h:GhiChu>",
        "    a &lt; b",
        "    <h:Con>000000000000</h:Con>",
        "    sau",
        "  </h:GhiChu>",
        "</h:HoSo>",
    ]


def test_json_keeps_its_order_its_numbers_and_a_name_that_stands_twice() -> None:
    told = show(b'{"b": 1.50, "a": 99999999999999999999999, "b": [true, null, {}]}', see=True)

    assert told.text.splitlines() == [
        "{", '  "b": 1.50,', '  "a": 99999999999999999999999,', '  "b": [', "    true,", "    null,", "    {}", "  ]", "}",
    ]  # fmt: skip


@pytest.mark.parametrize("body", [XML, JSON, CALL])
@pytest.mark.parametrize("form", [PRETTY, RAW, HEX])
def test_who_may_not_see_gets_the_names_of_fields_and_no_value(body: bytes, form: str) -> None:
    told = show(body, form, see=False)

    assert told.masked
    assert "Nguyễn" not in told.text
    assert "000000" not in told.text
    assert "bi-mat" not in told.text
    assert ("h:NguoiNop" if body is XML else "hoTen") in told.text


def test_a_value_in_the_place_of_a_name_is_hidden_too() -> None:
    told = show('{"000000000000": "x", "Nguyễn Thử Nghiệm": "y", "hoTen": "z"}'.encode(), see=False)

    assert "000000" not in told.text
    assert "Nguyễn" not in told.text
    assert '"hoTen"' in told.text


@pytest.mark.parametrize(
    "body",
    [
        XML[:-9],
        JSON[:-3],
        b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        b'{"a": ' * 5000,
        b"\x00\xff\xfe<a/>",
        f"Xin chào {NAME} 000000000000".encode(),
        "<a>" .encode("utf-16"),
        XML.replace(b"<h:Trong/>", b"<h:Trong>\x00</h:Trong>"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_shown_raw_and_as_an_outline_to_who_may_not_see(body: bytes) -> None:
    seen, unseen = show(body, see=True), show(body, see=False)

    assert (seen.form, seen.broken) == (RAW, True)
    assert unseen.broken and unseen.masked
    assert not any(char.isalnum() and ord(char) != 0x2022 for char in unseen.text.replace("U+", ""))


def test_marks_that_turn_text_around_and_control_characters_are_written_out() -> None:
    assert visible("a\u202eb\x00c\x1b[31m\u2028\ud800 ế\n\t") == "a⟦U+202E⟧b⟦U+0000⟧c⟦U+001B⟧[31m⟦U+2028⟧⟦U+D800⟧ ế\n\t"
    assert show(b'{"a": "\\u202e\\ud800"}', see=True).text.encode("utf-8")


@pytest.mark.parametrize("form", [PRETTY, RAW, HEX])
@pytest.mark.parametrize("see", [True, False])
@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE)
def test_a_large_body_is_shown_in_part(body: bytes, form: str, see: bool) -> None:
    told = show(body, form, see=see)

    assert len(told.text) <= 9 * SHOWN_CHARACTERS  # each NUL is written out by eight characters
    assert told.cut or form == PRETTY
    assert told.size == len(body)


def test_a_file_inside_a_document_is_cut_where_it_is_laid_out() -> None:
    told = show(b"<a><tep>" + b"QUJD" * 10_000 + b"</tep><sau>1</sau></a>", see=True)

    assert "… (+38000)" in told.text
    assert "<sau>1</sau>" in told.text


def test_laying_out_a_large_document_stops_where_nothing_more_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[int] = []
    walk = shown._element

    def counted(element: Any, see: bool, level: int, above: Any) -> Iterator[str]:
        walked.append(level)
        return walk(element, see, level, above)

    monkeypatch.setattr(shown, "_element", counted)
    show(MANY, see=True)

    assert 1000 < len(walked) < 10_000


def test_hex_shows_offset_octets_and_letters() -> None:
    assert show(b"AB\x00\xff", HEX, see=True).text == "00000000  41 42 00 ff                                      AB.."


def test_of_a_canonical_message_codes_and_dates_are_shown() -> None:
    body = json.dumps({"dossier": {"code": "H01-1", "applicant": {"name": NAME}, "procedure": {"name": "Thủ tục"}}}).encode()
    told = show(body, see=False, canonical=True)

    assert '"code": "H01-1"' in told.text
    assert '"name": "Thủ tục"' in told.text
    assert "Nguyễn" not in told.text


def test_two_versions_differ_where_they_differ_also_for_who_may_not_see() -> None:
    old = json.dumps({"dossier": {"code": "1", "applicant": {"name": NAME}, "fees": [{"amount": "1"}]}}).encode()
    new = json.dumps({"dossier": {"code": "2", "applicant": {"name": "Trần Thử"}, "fees": []}}).encode()

    told = {each.pointer: (each.before, each.after) for each in differences(old, new, see=False)}

    assert told == {
        "/dossier/code": ('"1"', '"2"'),
        "/dossier/applicant/name": ('"***"', '"***"'),
        "/dossier/fees/0/amount": ('"***"', None),
    }
    assert {each.after for each in differences(old, new, see=True)} == {'"2"', '"Trần Thử"', None}
