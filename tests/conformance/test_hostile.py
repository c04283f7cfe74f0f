"""Hostile variants are what their names say: of XML, of JSON, and of replies."""

import json
from xml.parsers import expat

import pytest

from hub.conformance import hostile
from hub.conformance.faults import assert_faults
from hub.errors import Fault, InvalidMessage

XML = '<?xml version="1.0" encoding="utf-8"?>\n<a x="&gt;1"><b>Nguyễn</b><c/><d y="1"><b>2</b><b>3</b><b>4</b></d></a>\n'.encode()
JSON = '{"a": "Nguyễn", "b": [{"c": 1}, {"c": 2}, {"c": 3}]}'.encode()


def variants(body: bytes) -> dict[str, hostile.Hostile]:
    return {variant.name: variant for variant in hostile.bodies(body)}


@pytest.mark.parametrize("body", [XML, JSON])
def test_what_may_not_be_read_is_no_document(body: bytes) -> None:
    """Else the kit would demand the refusal of a good message."""
    whole = hostile.is_xml(body)
    for variant in hostile.bodies(body):
        told_apart = variant.name.startswith(("only-", "other-", "dtd", "external-", "deep-", "key-twice", "json-", "xml-"))
        assert variant.may_be_read or told_apart or not hostile.well_formed(variant.body, xml=whole), variant.name


def test_xml_is_cut_stuffed_and_given_a_dtd() -> None:
    """The DTD comes after the declaration, where a parser takes it."""
    made = variants(XML)

    assert XML.strip().startswith(made["cut-90"].body)
    assert made["dtd"].body.startswith(b'<?xml version="1.0" encoding="utf-8"?><!DOCTYPE a [')
    assert hostile.well_formed(made["dtd"].body, xml=True)
    assert b"SYSTEM" in made["external-dtd"].body
    assert made["deep-300"].body.count(b"<a>") == 300
    assert made["latin-1"].body != XML
    with pytest.raises(UnicodeDecodeError):
        made["utf-16"].body.decode()


def test_json_is_given_a_key_twice_and_nested() -> None:
    """Both at the root, where every reader looks."""
    made = variants(JSON)

    assert made["key-twice"].body.startswith(b'{"a":null,"a": "')
    assert json.loads(made["deep-inside"].body)["a"] == "Nguyễn"
    assert made["deep-object-300"].body.count(b"{") == 300


def test_every_place_of_xml_is_left_out_doubled_and_filled() -> None:
    """Rows after the second are of the same kind; what has no end tag is left alone."""
    made = {variant.name: variant.body for variant in hostile.places(XML)}

    assert {name.split(" ")[0] for name in made} == {"/a/b", "/a/d", "/a/d/b"}
    assert b'<a x="&gt;1"><c/>' in made["/a/b left out"]
    assert "<b>Nguyễn</b><b>Nguyễn</b><c/>".encode() in made["/a/b twice"]
    assert b'<d y="1">-1</d>' in made["/a/d = -1"]
    assert all(_parses(body) for body in made.values())


def _parses(body: bytes) -> bool:
    expat.ParserCreate().Parse(body, True)
    return True


def test_every_place_of_json_is_left_out_and_filled() -> None:
    """Also whole lists and objects; a value may be text that no parser takes."""
    made = {variant.name: variant.body for variant in hostile.places(JSON)}

    assert json.loads(made["/a left out"]) == {"b": [{"c": 1}, {"c": 2}, {"c": 3}]}
    assert json.loads(made["/b/1 left out"])["b"] == [{"c": 1}, {"c": 3}]
    assert json.loads(made["/b/0/c = null"])["b"][0] == {"c": None}
    assert json.loads(made["/b = {}"])["b"] == {}
    assert b'"c": NaN' in made["/b/1/c = NaN"]
    assert "/b/2/c = null" not in made


@pytest.mark.parametrize(
    ("body", "code", "changed"),
    [
        ('{"ma": "00", "text": "00 of 00"}', "00", '{"ma": "987654", "text": "00 of 00"}'),
        ('{"ma": 0}', "0", '{"ma": 987654}'),
        ('{"ma":-1,"n":-10}', "-1", '{"ma":987654,"n":-10}'),
        ("<r><c>00</c><t>100</t></r>", "00", "<r><c>987654</c><t>100</t></r>"),
        ('<r c="00"/>', "00", '<r c="987654"/>'),
        ('{"ma": "00"}', "503", None),
        ('{"ma": "00"}', "", None),
    ],
)
def test_an_unknown_code_takes_the_place_of_the_known_one(body: str, code: str, changed: str | None) -> None:
    """Only where the code stands by itself; else the reply cannot be changed so."""
    found = hostile.with_unknown_code(body.encode(), code)

    assert (found.decode() if found else None) == changed


@pytest.mark.parametrize(
    ("text", "personal"),
    [
        ("số 012345678901 không hợp lệ", True),
        ("012345678 is taken", True),
        ("an.nguyen@example.org", True),
        ("0912345678", True),
        ("000.00.16.H05-190302-0001", False),
        ("20260302091504", False),
        ("201800012345", False),
        ("phải là 1, 2 hoặc 3", False),
    ],
)
def test_personal_values_are_told_from_codes_and_dates(text: str, personal: bool) -> None:
    """A number of a person or a phone is personal; numbers of dossiers and dates are not."""
    error = InvalidMessage([Fault("/a", "bad_value", text, f"{text}!")])
    if personal:
        with pytest.raises(AssertionError, match="personal"):
            assert_faults(error, f"<a>{text}</a>".encode())
    else:
        assert_faults(error, f"<a>{text}</a>".encode())
