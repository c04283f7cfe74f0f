"""Trees of names, lists and texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import InvalidMessage
from hub.rules import xml


def test_a_text_is_read_by_its_path():
    root = xml.parse(b"<a><b><c> 1 </c><d/><e>12<f/>34</e></b></a>")

    assert [xml.text(root, path) for path in ("b/c", "b/d", "b/e", "b/x", "x/y")] == ["1", "", "", "", ""]
    assert xml.text(root.find("b/c"), "") == "1"


def test_an_element_becomes_names_lists_and_texts():
    root = xml.parse(b"<a><b>1</b><c><d> x </d><d/><d y='2'>z</d></c><e/></a>")

    assert xml.to_tree(root) == {"b": "1", "c": {"d": [" x ", "", {"@y": "2", "#text": "z"}]}, "e": ""}
    assert xml.to_tree(root.find("b")) == {"#text": "1"}
    assert xml.to_tree(root.find("e")) == {}


NAMES = st.sampled_from(["a", "b", "Tên", "{urn:x}c"])
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=8)
LEAVES = TEXTS | st.fixed_dictionaries({"@k": TEXTS, "#text": TEXTS.filter(bool)})
TREES = st.dictionaries(
    NAMES,
    st.recursive(
        LEAVES,
        lambda inner: st.dictionaries(NAMES, inner | st.lists(inner, min_size=2, max_size=3), min_size=1, max_size=3),
        max_leaves=8,
    ),
    max_size=3,
)


@given(TREES)
def test_a_tree_written_and_read_again_is_the_same(tree: dict):
    written = xml.serialise(xml.from_tree("root", tree), declaration=True)

    assert written.startswith(b"<?xml version='1.0' encoding='UTF-8'?>")
    assert xml.to_tree(xml.parse(written)) == tree


MIXED = st.recursive(
    TEXTS.map(lambda text: text.replace("<", "").replace("&", "").replace(">", "")),
    lambda inner: st.lists(st.tuples(st.sampled_from("abc"), inner, st.sampled_from(["", "text ", " giữa"])), max_size=4).map(
        lambda rows: "".join(f"<{name}>{inside}</{name}>{tail}" for name, inside, tail in rows)
    ),
    max_leaves=6,
)


@given(MIXED)
def test_an_element_keeps_the_order_of_its_children_and_the_texts_between_them(inside: str):
    root = xml.parse(f"<root>{inside}</root>".encode())

    again = xml.from_tree("root", xml.to_tree(root))

    assert xml.serialise(again) == xml.serialise(root)


def test_children_that_take_turns_stay_in_turn_also_where_the_tree_was_changed():
    tree = xml.to_tree(xml.parse(b"<r><a>1</a><b>2</b><a>3</a></r>"))

    assert tree == {"a": ["1", "3"], "b": "2", "#order": ["a", "b", "a"]}
    changed = {**tree, "a": ["1"], "c": "4", "#mixed": ["x", "y", 5, "z", "w"]}
    assert xml.serialise(xml.from_tree("r", changed)) == b"<r>x<a>1</a>y<b>2</b><c>4</c>zw</r>"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3),
        max_leaves=12,
    )
)
def test_any_value_is_written_or_refused_with_its_place(value: object):
    try:
        written = xml.serialise(xml.from_tree("root", {"x": value}))
    except InvalidMessage as error:
        for fault in error.faults:
            assert fault.path.startswith("/root/x")
            assert fault.path.encode()
    else:
        assert xml.parse(written).tag == "root"


@pytest.mark.parametrize("name", ["", "1", "a b", "x:y", "\ud800", "\x00", "<a/>", "{u}", "\ufffe", 7, None])
def test_a_name_that_cannot_be_an_element_is_refused_in_words_that_can_be_written(name: object):
    with pytest.raises(InvalidMessage) as caught:
        xml.from_tree("r", {"a": {name: "1"}})

    (fault,) = caught.value.faults
    assert fault.code == "bad_name"
    assert fault.path.encode("utf-8").startswith(b"/r/a/")


def test_numbers_and_truth_are_written_as_xml_schema_does():
    assert xml.serialise(xml.from_tree("r", {"a": True, "b": 1, "c": None, "d": [False, 2.5]})) == (
        b"<r><a>true</a><b>1</b><c/><d>false</d><d>2.5</d></r>"
    )


def test_each_place_that_cannot_be_xml_is_named_by_its_path():
    value = {"{urn:x/y}b": {"@k": "\x00", "c": ["1", "\x01", {"#text": [], "1": ""}]}, "d": {"e": {"f": {}}}, "@k": b""}

    with pytest.raises(InvalidMessage) as caught:
        xml.from_tree("r", {"a": value}, max_depth=4)

    assert [(fault.code, fault.path) for fault in caught.value.faults] == [
        ("bad_character", "/r/a/{urn:x/y}b/@k"),
        ("bad_character", "/r/a/{urn:x/y}b/c"),
        ("bad_character", "/r/a/{urn:x/y}b/c"),
        ("too_deep", "/r/a/{urn:x/y}b/c/1"),
        ("too_deep", "/r/a/d/e/f"),
        ("bad_character", "/r/a/@k"),
    ]


def test_the_slashes_of_a_namespace_are_no_levels():
    tree: dict = {"{http://example.org/a/b}x": "1"}
    for _ in range(20):
        tree = {"{http://example.org/a/b}x": tree}

    assert xml.to_tree(xml.from_tree("r", tree)) == tree


def test_a_tree_that_is_too_deep_is_refused():
    tree: dict = {}
    for _ in range(3_000):
        tree = {"a": tree}

    with pytest.raises(InvalidMessage) as caught:
        xml.from_tree("r", tree)
    assert [fault.code for fault in caught.value.faults] == ["too_deep"]
