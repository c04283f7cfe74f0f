"""The XML parser, fed with what partners and attackers send."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from hub.errors import InvalidMessage
from hub.rules import xml


def codes_of(document: bytes, **limits: int) -> list[str]:
    """Parse what must be refused; return the fault codes."""
    with pytest.raises(InvalidMessage) as caught:
        xml.parse(document, **limits)
    assert all(fault.vi and fault.en and fault.path for fault in caught.value.faults)
    return [fault.code for fault in caught.value.faults]


def test_a_document_with_a_byte_order_mark_is_read():
    assert xml.parse("\ufeff<?xml version='1.0' encoding='UTF-8'?><a>Hồ sơ</a>".encode()).text == "Hồ sơ"


def test_a_comment_does_not_cut_a_text():
    root = xml.parse(b"<!-- x --><a><to>admin@example.org<!---->.evil.example</to><b>1<!-- y -->2</b></a><!-- z -->")

    assert xml.text(root, "to") == "admin@example.org.evil.example"
    assert xml.text(root, "b") == "12"
    assert xml.serialise(root) == b"<a><to>admin@example.org.evil.example</to><b>12</b></a>"


def test_sections_become_text():
    assert xml.parse(b"<a>1<![CDATA[<b>&amp;]]>2</a>").text == "1<b>&amp;2"


@pytest.mark.parametrize(
    "document",
    [
        b"<!DOCTYPE a><a/>",
        b'<?xml version="1.0"?>\n<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<!-- c --> <!-- d -->\n<!DOCTYPE a PUBLIC "x" "http://localhost/x.dtd"><a/>',
        b'\xef\xbb\xbf<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://localhost/p"> %p;]><a/>',
        b'<!DOCTYPE a [<!ATTLIST a b CDATA "default">]><a/>',
        b"<?p?><!DOCTYPE a><a/>",
    ],
)
def test_a_document_type_is_refused(document: bytes):
    assert codes_of(document) == ["dtd"]


def test_entity_expansion_is_refused_before_anything_expands():
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE a [<!ENTITY e0 "ha">{levels}]><a>&e9;</a>'.encode()

    assert codes_of(bomb) == ["dtd"]


def test_the_word_doctype_in_a_text_is_only_a_text():
    assert xml.parse(b"<a><![CDATA[<!DOCTYPE b><?xml version='1.0'?><b/>]]></a>").text == "<!DOCTYPE b><?xml version='1.0'?><b/>"
    assert xml.parse(b"<a>&lt;!DOCTYPE b></a>").text == "<!DOCTYPE b>"


@pytest.mark.parametrize("document", [b"<a>&x;</a>", b'<a b="&x;"/>', b"<a>&nbsp;</a>"])
def test_an_entity_that_xml_does_not_define_is_refused(document: bytes):
    assert codes_of(document) == ["entity"]


def test_the_five_entities_of_xml_and_character_references_are_read():
    assert xml.parse(b"<a>&lt;&gt;&amp;&quot;&apos;&#7841;</a>").text == "<>&\"'ạ"


def test_xinclude_is_not_followed(tmp_path: Path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    root = xml.parse(f'<a xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="{secret}" parse="text"/></a>'.encode())

    assert b"secret<" not in xml.serialise(root)
    assert len(root) == 1


@pytest.mark.parametrize(
    "document",
    [
        "<a>Hồ sơ</a>".encode("utf-16"),
        "<?xml version='1.0' encoding='utf-16'?><a/>".encode("utf-16-le"),
        "<?xml version='1.0' encoding='utf-16'?><a/>".encode("utf-16-be"),
        "<a/>".encode("utf-32"),
        b"<?xml version='1.0' encoding='utf-16'?><a/>",
        b"<?xml version='1.0' encoding='windows-1258'?><a>\xe0</a>",
        b"<?xml version='1.0' encoding='UTF-7'?><a>+ADw-b/+AD4-</a>",
        b"<?xml version='1.0'   encoding = \"ISO-8859-1\"  ?><a/>",
        "<?xml version='1.0' encoding='US-ASCII'?><a>Hồ sơ</a>".encode(),
        b"<a>\xff\xfe</a>",
        b"<a>\xed\xa0\x80</a>",
        b"<a>\xc0\xbc</a>",
        b"<a>x\x00y</a>",
        b"<a/>\x00",
    ],
)
def test_what_is_not_utf8_is_refused(document: bytes):
    assert codes_of(document) == ["bad_encoding"]


@pytest.mark.parametrize("name", ["UTF-8", "utf-8", "utf8", "US-ASCII"])
def test_names_of_utf8_and_of_its_subset_are_read(name: str):
    assert xml.parse(f"<?xml version='1.0' encoding='{name}'?><a>1</a>".encode()).text == "1"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"", "missing"),
        (b" \r\n\t", "missing"),
        (b"not xml", "not_well_formed"),
        (b"{}", "not_well_formed"),
        (b"<a>", "not_well_formed"),
        (b"<a", "not_well_formed"),
        (b"<a></b>", "not_well_formed"),
        (b"<a/><b/>", "not_well_formed"),
        (b"<a/>x", "not_well_formed"),
        (b" <?xml version='1.0'?><a/>", "not_well_formed"),
        (b'<a b="1" b="2"/>', "not_well_formed"),
        (b'<a xmlns:x="u" xmlns:y="u" x:b="1" y:b="2"/>', "not_well_formed"),
        (b"<x:a/>", "not_well_formed"),
        (b"<a x:b='1'/>", "not_well_formed"),
        (b"<a>\x01</a>", "bad_character"),
        (b"<a>&#0;</a>", "bad_character"),
        (b"<a>&#xD800;</a>", "bad_character"),
        (b"<?xml version='1.1'?><a>&#1;</a>", "bad_character"),
        (b"<a><?php x?></a>", "processing_instruction"),
        (b"<?xml-stylesheet href='x'?><a/>", "processing_instruction"),
        (b"<a/><?x?>", "processing_instruction"),
    ],
)
def test_what_is_no_document_of_ours_is_refused(document: bytes, code: str):
    assert codes_of(document) == [code]


def test_a_syntax_fault_says_line_and_column_in_both_languages():
    with pytest.raises(InvalidMessage) as caught:
        xml.parse("<a>\n  <tên>1</ten>\n</a>".encode())

    (fault,) = caught.value.faults
    assert fault.path == "line 2"
    assert "(dòng 2, cột " in fault.vi
    assert "(line 2, column " in fault.en


def test_a_fault_does_not_repeat_what_the_message_says():
    with pytest.raises(InvalidMessage) as caught:
        xml.parse(b"<a><CMND>001099012345</CMND2></a>")

    assert "001099012345" not in f"{caught.value} {caught.value.faults}"
    assert "CMND" not in f"{caught.value} {caught.value.faults}"


def test_a_document_larger_than_allowed_is_refused():
    assert codes_of(b"<a>" + b"x" * 100 + b"</a>", max_bytes=50) == ["too_large"]


def test_a_text_longer_than_libxml2_allows_is_refused():
    assert codes_of(b"<a>" + b"x" * (xml.MAX_TEXT_BYTES + 10) + b"</a>") == ["text_too_long"]


@pytest.mark.parametrize("levels", [101, 255, 300, 5_000])
def test_nesting_deeper_than_allowed_is_refused(levels: int):
    assert codes_of(b"<a>" * levels + b"</a>" * levels) == ["too_deep"]


def test_nesting_as_deep_as_allowed_is_read():
    document = b"<a>" * 99 + b"<b/>" * 200 + b"</a>" * 99

    assert len(list(xml.parse(document).iter("b"))) == 200
    assert codes_of(document, max_nodes=250, max_depth=50) == ["too_deep"]


@pytest.mark.parametrize(
    "document",
    [
        b"<a>" + b"<b/>" * 1_000 + b"</a>",
        b"<a>" + b"<b></b>" * 1_000 + b"</a>",
        b"<a>" + b"<!-- -->" * 1_000 + b"</a>",
        b"<a>" + b"<?p?>" * 1_000 + b"</a>",
        b"<a>" + b"<b c='1' d=\"2\" e = '3'/>" * 250 + b"</a>",
        b"<a>" + b"""<b c='>' d="/>"/>""" * 334 + b"</a>",
        b"<a>" + b"<b>" * 1_000,
    ],
)
def test_more_nodes_than_allowed_are_refused(document: bytes):
    assert codes_of(document, max_nodes=900, max_depth=2_000) == ["too_many_nodes"]


@pytest.mark.parametrize("node", [b"<b/>", b"<b></b>", b"<b>"])
def test_the_first_node_too_many_is_refused_also_in_the_shortest_document(node: bytes):
    allowed = b"<b/>" * 9

    assert len(xml.parse(b"<a>" + allowed + b"</a>", max_nodes=10)) == 9
    assert codes_of(b"<a>" + node * 10, max_nodes=10) == ["too_many_nodes"]


def test_the_first_level_too_deep_is_refused_also_in_the_shortest_document():
    assert xml.parse(b"<a><a><a/></a></a>", max_depth=3).tag == "a"
    assert codes_of(b"<a><a><a><a/></a></a></a>", max_depth=3) == ["too_deep"]


def attributes(count: int, name: str = "a") -> bytes:
    return b" ".join(b'%s%d = "urn:%d"' % (name.encode(), n, n) for n in range(count))


def test_more_attributes_on_one_element_than_allowed_are_refused():
    assert len(xml.parse(b"<a " + attributes(256) + b"/>").attrib) == 256
    assert len(xml.parse(b"<a>" + b"<b c='' d=\"\"/>" * 300 + b"</a>")) == 300
    assert codes_of(b"<a><b/><c\n" + attributes(257) + b"/></a>") == ["too_many_nodes"]
    assert codes_of(b"<a " + attributes(257, "xmlns:n") + b"/>") == ["too_many_nodes"]


def test_more_namespaces_in_scope_than_allowed_are_refused():
    below = b"<a " + attributes(200, "xmlns:n") + b">%s</a>"

    assert xml.parse(below % (b'<b xmlns="urn:b"/>' * 300)).tag == "a"
    assert codes_of(below % (b"<b " + attributes(200, "xmlns:m") + b"/>")) == ["too_many_nodes"]


def test_markup_in_a_section_and_signs_in_a_text_are_no_nodes():
    document = b"<a><![CDATA[" + b"<b c='d'/>" * 5_000 + b"]]>" + b"= > " * 5_000 + b"</a>"

    assert xml.parse(document, max_nodes=10).tag == "a"


@st.composite
def small_trees(draw: st.DrawFn) -> etree._Element:
    root = etree.Element("r")
    places = [root]
    for _ in range(draw(st.integers(0, 12))):
        child = etree.SubElement(draw(st.sampled_from(places)), draw(st.sampled_from(["a", "b"])))
        child.text = draw(st.sampled_from([None, "", "x", "a='b' > c", "<b/>"]))
        child.tail = draw(st.sampled_from([None, "=", "/>"]))
        for name in draw(st.sets(st.sampled_from(["p", "q"]))):
            child.set(name, draw(st.sampled_from(["", "<x/>", ">", "'", '"=', "/>"])))
        places.append(child)
    return root


@given(small_trees())
def test_exactly_as_many_nodes_as_allowed_are_read(tree: etree._Element):
    nodes = sum(1 + len(node.attrib) for node in tree.iter())
    document = etree.tostring(tree)

    assert etree.tostring(xml.parse(document, max_nodes=nodes), method="c14n") == etree.tostring(tree, method="c14n")
    assert codes_of(document, max_nodes=nodes - 1) == ["too_many_nodes"]


@given(st.binary(max_size=200) | st.text(alphabet="<>/=\"'!?-[]&;ab \n", max_size=80).map(str.encode))
@settings(max_examples=300)
def test_any_bytes_are_read_or_refused_but_never_crash(document: bytes):
    for limits in ({}, {"max_nodes": 3, "max_depth": 2}):
        try:
            assert xml.parse(document, **limits).tag
        except InvalidMessage as error:
            assert error.faults


HOSTILE = {
    "elements": "b'<a>' + b'<b/>' * 7_000_000 + b'</a>'",
    "attributes": "b'<a ' + b' '.join(b'a%d=\"\"' % n for n in range(1_500_000)) + b'/>'",
    "unclosed comments": "b'<a>' + b'<!--' * 7_000_000",
    "unclosed quotes": "b'<a ' + b'=\"' * 200_001 + b'x' * 20_000_000",
    "angles": "b'<' * 29_000_000",
    "greater signs": "b'<a>' + b'=' * 300_000 + b'>' * 25_000_000",
    "blanks before a document type": "b' ' * 25_000_000 + b'<!DOCTYPE a>' + b'<a/>' * 300_000",
    "depth": "b'<a>' * 9_000_000",
    "attributes of one element": "b'<a ' + b' '.join(b'a%d=\"\"' % n for n in range(100_000)) + b'/>'",
    "many crowded elements": "(b'<a ' + b'b=\"\" ' * 250) * 20_000",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused_within_bounded_memory_and_time(name: str):
    """Run in a process that may take 450 MB and 20 s of processor: a tree of seven million nodes needs far more."""
    program = f"""
        import resource
        from hub.errors import InvalidMessage
        from hub.rules import xml
        document = {HOSTILE[name]}
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 450_000_000,) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (20 + int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2])),) * 2)
        try:
            xml.parse(document)
        except InvalidMessage as error:
            print("refused", error.faults[0].code)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False)

    assert done.stdout.startswith("refused "), done.stderr[-500:] + str(done.returncode)
