"""Corrections and differences: pure, bounded, and never more or less than was asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.canonical.codes import Event, Status
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef, Step
from hub.canonical.message import Message, to_json
from hub.canonical.national_fields import showable
from hub.canonical.notice import NoticeMessage
from hub.canonical.party import Party
from hub.canonical.procedure import CatalogueMessage, Procedure, ProcedureMessage
from hub.errors import InvalidMessage, NotAllowed
from hub.rules import corrections, difference
from hub.rules.difference import ADDED, CHANGED, CUT, GAP, MINUS, PLUS, REMOVED, SAME, Change

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
MASK = "***"


def dossier(**more: Any) -> DossierMessage:
    return DossierMessage(
        event=Event.SUBMITTED,
        dossier=Dossier(
            code="H01-1",
            other_codes={"vnsw": "VN-1"},
            procedure=ProcedureRef(code="1.000001"),
            status=Status.RECEIVED,
            applicant=Party(name="Nguyễn Thử Nghiệm"),
            form={"a/b": {"x~y": ["1"]}},
        ),
        steps=(Step(status=Status.RECEIVED, at=AT, note="một"),),
        native={"documentYear": "2026", "blank": ""},
        **more,
    )


def corrected(values: dict[str, Any], before: Message | None = None) -> Any:
    return json.loads(to_json(corrections.corrected(before or dossier(), values, mask=MASK)))


def faults(values: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidMessage) as caught:
        corrections.corrected(dossier(), values, mask=MASK)
    return [(fault.path, fault.code) for fault in caught.value.faults]


# --- putting values ----------------------------------------------------------------------------------------------


def test_a_field_a_list_and_a_name_with_strange_characters_are_reached() -> None:
    tree = corrected(
        {
            "/dossier/applicant/name": "Trần",
            "/steps/0/note": "hai",
            "/dossier/papers/-": {"name": "đơn"},
            "/dossier/form/a~1b/x~0y/0": "2",
            "/dossier/due_at": "2026-03-09T17:00:00+07:00",
            "/licence": {"number": "5"},
            "/native/blank": "có",
            "/native/new": "mới",
        }
    )

    assert tree["dossier"]["applicant"]["name"] == "Trần"
    assert tree["steps"][0]["note"] == "hai"
    assert tree["dossier"]["papers"][0]["name"] == "đơn"
    assert tree["dossier"]["form"] == {"a/b": {"x~y": ["2"]}}
    assert tree["dossier"]["due_at"].startswith("2026-03-09")
    assert tree["licence"]["number"] == "5"
    assert tree["native"] == {"documentYear": "2026", "blank": "có", "new": "mới"}


def test_everything_else_stays_as_it_was() -> None:
    before = dossier()

    after = corrections.corrected(before, {"/dossier/note": "x"}, mask=MASK)

    assert corrections.changes(to_json(before), to_json(after)) == (Change("/dossier/note", "", "x", CHANGED),)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"/dossier/nothing": "x"}, [("/dossier/nothing", "unexpected")]),
        ({"/nothing/deep": "x"}, [("/nothing/deep", "unexpected")]),
        ({"/steps/1/note": "x"}, [("/steps/1/note", "unexpected")]),
        ({"/steps/00/note": "x"}, [("/steps/00/note", "unexpected")]),
        ({"/dossier/status": "77"}, [("/dossier/status", "not_in_list")]),
        ({"/dossier/note": ["x"]}, [("/dossier/note", "bad_type")]),
        ({"/dossier/applicant": "x"}, [("/dossier/applicant", "bad_type")]),
        ({"/dossier/papers/-": {}}, [("/dossier/papers/0/name", "missing")]),
        ({"/dossier/due_at": "20260309170000"}, [("/dossier/due_at", "bad_value")]),
        ({"/dossier/due_at": 20260309170000}, [("/dossier/due_at", "bad_value")]),
        ({"/dossier/due_at": "9999-01-01T00:00:00Z"}, [("/dossier/due_at", "bad_value")]),
        ({"/dossier/due_at": "hôm nay"}, [("/dossier/due_at", "bad_value")]),
        ({"/dossier/note": MASK}, [("/dossier/note", "bad_value")]),
        ({"/dossier/form": {"x": [MASK]}}, [("/dossier/form/x/0", "bad_value")]),
        ({"/dossier/note": "a\x00b"}, [("/dossier/note", "bad_text")]),
        ({"/dossier/note": "\ud800"}, [("/dossier/note", "bad_text")]),
        ({"dossier": "x"}, [("dossier", "bad_value")]),
        ({"": {}}, [("", "bad_value")]),
        ({"/" + "x" * 400: "x"}, [(showable("/" + "x" * 400), "bad_value")]),
        ({"/dossier/form": {"x": float("nan")}}, [("", "bad_value")]),
        ({"/dossier/note": 1, "/dossier/channel": {}}, [("/dossier/channel", "bad_type"), ("/dossier/note", "bad_type")]),
    ],
)
def test_what_cannot_be_is_said_with_its_place_all_at_once(values: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert sorted(faults(values)) == sorted(expected)


def test_no_value_stands_in_what_is_said() -> None:
    with pytest.raises(InvalidMessage) as caught:
        corrections.corrected(dossier(), {"/dossier/status": "Nguyễn Văn Bí Mật", "/dossier/due_at": "Bí Mật"}, mask=MASK)

    assert "Bí Mật" not in "".join(fault.vi + fault.en + fault.path for fault in caught.value.faults)


def test_too_many_at_once_and_none_are_refused() -> None:
    assert faults({f"/dossier/form/{number}": "x" for number in range(201)}) == [("", "too_many")]
    with pytest.raises(NotAllowed):
        corrections.corrected(dossier(), {}, mask=MASK)


def test_what_is_nested_beyond_sense_is_refused() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]

    assert faults({"/dossier/form": {"x": deep}}) == [("", "bad_value")]


# --- identity ----------------------------------------------------------------------------------------------------

PROCEDURE = Procedure(code="1", name="Một")
CATALOGUE = CatalogueMessage(owner="G10", procedures=(PROCEDURE,))


@pytest.mark.parametrize(
    ("before", "values"),
    [
        (dossier(), {"/dossier/code": "H01-2"}),
        (dossier(), {"/dossier": {**json.loads(to_json(dossier()))["dossier"], "code": "H01-2"}}),
        (dossier(), {"/dossier/numbering": "vnsw"}),
        (dossier(), {"/dossier/other_codes/vnsw": "VN-2"}),
        (dossier(), {"/dossier/other_codes/national_portal": "C-1"}),
        (dossier(), {"/event": "edited"}),
        (dossier(), {"/native/documentYear": "2025"}),
        (dossier(), {"/native": {}}),
        (CATALOGUE, {"/owner": "G11"}),
        (CATALOGUE, {"/procedures/0/code": "2"}),
        (CATALOGUE, {"/procedures/-": {"code": "2", "name": "Hai"}}),
        (CATALOGUE, {"/procedures": []}),
        (CATALOGUE, {"/complete": False}),
        (ProcedureMessage(owner="G10", procedure=PROCEDURE), {"/procedure/code": "2"}),
        (NoticeMessage(message_id="m", recipient="bo", outcome="delivered", at=AT), {"/vi": "x"}),
    ],
)
def test_whose_it_is_and_what_happened_stays(before: Message, values: dict[str, Any]) -> None:
    with pytest.raises(NotAllowed):
        corrections.corrected(before, values, mask=MASK)


def test_a_message_of_another_kind_cannot_be_made_of_it() -> None:
    with pytest.raises((NotAllowed, InvalidMessage)):
        corrections.corrected(dossier(), {"/kind": "catalogue"}, mask=MASK)


def test_fields_that_stay_are_known_beforehand() -> None:
    kept = corrections.identity(dossier())

    fixed = ["/dossier/code", "/dossier/other_codes/vnsw", "/native/documentYear", "/event", "/kind"]
    free = ["/dossier/note", "/native/blank", "/dossier/procedure/code", "/dossier/codex"]
    assert [corrections.is_fixed(path, kept) for path in (*fixed, *free)] == [True] * 5 + [False] * 4


def test_a_journal_hears_no_names_that_a_sender_chose() -> None:
    found = [Change("/dossier/form/Nguyễn Văn A/0", 1, 2), Change("/dossier/form/B", 1, 2), Change("/steps/0/note", 1, 2)]

    assert corrections.places(found) == ("/dossier/form", "/steps/0/note")


# --- differences -------------------------------------------------------------------------------------------------

TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab/~", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(before=TREES, after=TREES)
def test_fields_differ_exactly_where_trees_do(before: Any, after: Any) -> None:
    found = difference.fields(before, after)

    assert (json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)) == (not found)
    mirrored = {(each.path, each.kind) for each in difference.fields(after, before)}
    turned = {CHANGED: CHANGED, ADDED: REMOVED, REMOVED: ADDED}
    assert mirrored == {(each.path, turned[each.kind]) for each in found}


def test_changes_are_leaves_with_pointers() -> None:
    found = difference.fields({"a": 1, "b/c": [1, {"d": 2}], "e": []}, {"a": True, "b/c": [1], "f": {"g": {}}})

    assert found == (
        Change("/a", 1, True),
        Change("/b~1c/1/d", 2, None, REMOVED),
        Change("/e", [], None, REMOVED),
        Change("/f/g", None, {}, ADDED),
    )


def nested(levels: int) -> Any:
    tree: Any = 1
    for _ in range(levels):
        tree = {"x": tree}
    return tree


def test_differences_are_bounded() -> None:
    many = {str(number): number for number in range(10_000)}
    long = b"\n".join(b"%d" % number for number in range(50_000))
    deep, other = nested(10_000), nested(10_000)

    assert len(difference.fields({}, many)) == difference.MOST_FIELDS
    assert len(difference.lines(b"", long)) == difference.MOST_LINES + 1
    assert difference.lines(b"", long)[-1].kind == CUT
    assert len(difference.lines(b"a" * 10_000, b"b" * 10_000)[0].text) == difference.LONGEST_LINE
    assert len(difference.fields({"a": deep}, {"a": deep, "b": 1})) == 1
    assert len(difference.fields(deep, other)) == 1
    assert difference.fields(nested(150), nested(150)) == ()


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (b'{"a":1}', b'{ "a": 1 }', []),
        (b'{"a":1}', b'{"a":2}', [(SAME, "{"), (MINUS, '  "a": 1'), (PLUS, '  "a": 2'), (SAME, "}")]),
        (b"<a><b>1</b></a>", b"<a>\n<b>1</b></a>", []),
        (b"<a><b>1</b></a>", b"<a/>", [(MINUS, "<a>"), (MINUS, "  <b>1</b>"), (MINUS, "</a>"), (PLUS, "<a/>")]),
        (b"\xff", b"x", [(MINUS, "�"), (PLUS, "x")]),
        (b"<a", b"<a>", [(MINUS, "<a"), (PLUS, "<a>")]),
        (b"[1,2", b"[1,3", [(MINUS, "[1,2"), (PLUS, "[1,3")]),
    ],
)
def test_lines_are_those_of_the_pretty_forms(before: bytes, after: bytes, expected: list[tuple[str, str]]) -> None:
    assert [(each.kind, each.text) for each in difference.lines(before, after)] == expected


def test_what_stays_the_same_is_left_out_and_counted() -> None:
    rows = [f'"k{number:02}": {number}' for number in range(30)]
    before = ("{" + ",".join(rows) + "}").encode()
    after = before.replace(b'"k05": 5', b'"k05": 55').replace(b'"k20": 20', b'"k20": 200')

    found = difference.lines(before, after)

    assert [each.text for each in found if each.kind == GAP] == ["3", "8", "7"]
    assert sum(each.kind in (PLUS, MINUS) for each in found) == 4
    whole = len(json.dumps(json.loads(before), indent=2).splitlines())
    shown = sum(each.kind in (SAME, MINUS) for each in found)
    assert shown + sum(int(each.text) for each in found if each.kind == GAP) == whole


def test_documents_are_read_as_trees_for_comparison() -> None:
    assert difference.tree_of(b'<a x="1"><b>1</b></a>') == {"a": {"@x": "1", "b": "1"}}
    assert difference.tree_of(b'{"a": 1}') == {"a": 1}
    assert difference.tree_of(b"neither") is None
    assert difference.tree_of(b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>') is None
    assert difference.tree_of(b"[" * 100_000) is None
