"""Long files beside the tree: only where the schema looks at no text, and what is written is the same."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from lxml import etree

from adapters.single_window import attachments
from adapters.single_window.free_texts import free_texts
from hub.rules import xml

LONG, SHORT = b"%PDF-1.7 giay phep" * 500, b"%PDF-1.7"
NAMES = {f"sha256:{hashlib.sha256(each).hexdigest()}": each for each in (LONG, SHORT)}
FREE = '<xs:element name="FileByte" type="xs:string" minOccurs="0"/>'


def schema(folder: Path, inside: str, name: str = "a.xsd") -> Path:
    text = f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{inside}</xs:schema>'
    (folder / name).write_text(text, "utf-8")
    return folder / name


def files(*texts: str) -> etree._Element:
    return etree.fromstring(f"<Envelope>{''.join(f'<A>{each}</A>' for each in texts)}</Envelope>")


def test_a_plain_string_is_free(tmp_path: Path) -> None:
    assert free_texts(schema(tmp_path, FREE)) == {"FileByte"}


@pytest.mark.parametrize(
    "beside",
    [
        pytest.param('<xs:element name="FileByte" type="xs:base64Binary"/>', id="another declaration has a type"),
        pytest.param('<xs:element name="FileByte" type="xs:string" fixed="a"/>', id="a fixed text"),
        pytest.param('<xs:element name="FileByte" type="string"/>', id="a type of its own"),
        pytest.param('<xs:element name="FileByte"><xs:complexType/></xs:element>', id="a type inside"),
        pytest.param('<xs:element name="A"><xs:unique name="u"/></xs:element>', id="texts are compared"),
    ],
)
def test_what_the_schema_looks_at_is_not(tmp_path: Path, beside: str) -> None:
    schema(tmp_path, beside, "b.xsd")

    assert "FileByte" not in free_texts(schema(tmp_path, f'<xs:include schemaLocation="b.xsd"/>{FREE}'))


def test_long_files_beside_the_tree_are_written_as_if_they_stood_in_it() -> None:
    long, short = NAMES
    inside = [f"<{name}>{file}</{name}>" for file in (long, short) for name in ("FileByte", "DispatchFile")]
    inside.append(f'<FileByte a="1">{long}</FileByte><Note>&lt;?file here?&gt;</Note>')
    whole, marked = files(*inside), files(*inside)
    apart = attachments.Apart(frozenset({"FileByte"}))

    assert attachments.fill(whole, NAMES, ()) == attachments.fill(marked, NAMES, (), apart) == ()

    assert [place.tag for place, _ in apart.files] == ["FileByte"]
    assert base64.b64encode(LONG) not in xml.serialise(marked[0])
    assert apart.written(marked) == xml.serialise(whole)
    assert apart.put_in()
    assert xml.serialise(marked) == xml.serialise(whole)
