"""Schema validation: every fault, with its place, in both languages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from hub.errors import BadSettings
from hub.rules import xml

REGISTRATION = """
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:include schemaLocation="types.xsd"/>
  <xs:element name="Envelope"><xs:complexType><xs:sequence>
    <xs:element name="Header"><xs:complexType><xs:sequence>
      <xs:element name="version" type="text50" minOccurs="0"/>
      <xs:element name="documentType" type="text50"/>
      <xs:element name="type" type="text50"/>
      <xs:element name="function" type="text50"/>
      <xs:element name="sendDate" type="moment"/>
    </xs:sequence></xs:complexType></xs:element>
    <xs:element name="Body"><xs:complexType><xs:sequence>
      <xs:element name="Content"><xs:complexType><xs:choice>
        <xs:element name="RegistrationProfile" type="Profile"/>
        <xs:element name="ReceiveDate" type="moment"/>
      </xs:choice></xs:complexType></xs:element>
      <xs:element name="Signature" type="xs:string" minOccurs="0"/>
    </xs:sequence></xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>
"""

TYPES = """
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:simpleType name="text50"><xs:restriction base="xs:string">
    <xs:pattern value="[\\s\\S]*\\S[\\s\\S]*"/><xs:maxLength value="50"/>
  </xs:restriction></xs:simpleType>
  <xs:simpleType name="moment"><xs:restriction base="xs:string">
    <xs:pattern value="\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d"/>
  </xs:restriction></xs:simpleType>
  <xs:simpleType name="small"><xs:restriction base="xs:short"><xs:maxExclusive value="10"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="amount"><xs:restriction base="xs:decimal">
    <xs:minInclusive value="0"/><xs:fractionDigits value="3"/>
  </xs:restriction></xs:simpleType>
  <xs:simpleType name="country"><xs:restriction base="xs:string">
    <xs:enumeration value="VN"/><xs:enumeration value="LA"/>
  </xs:restriction></xs:simpleType>
  <xs:complexType name="Profile"><xs:all>
    <xs:element name="NSWFileCode" type="text50"/>
    <xs:element name="ImporterName" type="text50"/>
    <xs:element name="ImporterFax" type="xs:string" minOccurs="0"/>
    <xs:element name="ProductType" type="small"/>
    <xs:element name="ProductList"><xs:complexType><xs:sequence>
      <xs:element name="Product" maxOccurs="unbounded"><xs:complexType><xs:all>
        <xs:element name="Id" type="xs:long"/>
        <xs:element name="Name" type="text50"/>
        <xs:element name="Origin" type="country"/>
        <xs:element name="Quantity" type="amount"/>
      </xs:all></xs:complexType></xs:element>
    </xs:sequence></xs:complexType></xs:element>
    <xs:element name="Purpose" type="text50"/>
    <xs:element name="SignDate" type="moment"/>
    <xs:element name="SignName" type="text50"/>
    <xs:element name="SignPosition" type="text50"/>
  </xs:all></xs:complexType>
</xs:schema>
"""

VALID = """<Envelope>
  <Header><documentType>BNNPTNT0600011</documentType><type>10</type><function>01</function>
    <sendDate>2026-03-02 09:15:04</sendDate></Header>
  <Body><Content><RegistrationProfile>
    <NSWFileCode>BNN06260000001</NSWFileCode><ImporterName>Công ty Thử Nghiệm</ImporterName><ProductType>1</ProductType>
    <ProductList>
      <Product><Id>1</Id><Name>Tôm đông lạnh</Name><Origin>LA</Origin><Quantity>12.5</Quantity></Product>
      <Product><Id>2</Id><Name>Cá đông lạnh</Name><Origin>VN</Origin><Quantity>7</Quantity></Product>
    </ProductList>
    <Purpose>Kinh doanh</Purpose><SignDate>2026-03-02 00:00:00</SignDate><SignName>Nguyễn Thử Nghiệm</SignName>
    <SignPosition>Giám đốc</SignPosition>
  </RegistrationProfile></Content><Signature/></Body>
</Envelope>"""

XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
PROFILE = "/Envelope/Body/Content/RegistrationProfile"


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> xml.Schema:
    folder = tmp_path_factory.mktemp("lược đồ")
    (folder / "registration.xsd").write_text(REGISTRATION)
    (folder / "types.xsd").write_text(TYPES)
    return xml.load_schema(folder / "registration.xsd")


def load(tmp_path: Path, body: str, attributes: str = "") -> xml.Schema:
    path = tmp_path / "schema.xsd"
    path.write_text(f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" {attributes}>{body}</xs:schema>')
    return xml.load_schema(path)


def found(schema: xml.Schema, document: str) -> set[tuple[str, str]]:
    return {(fault.path, fault.code) for fault in xml.faults(schema, xml.parse(document.encode()))}


def test_a_valid_document_has_no_faults(schema: xml.Schema):
    assert xml.faults(schema, xml.parse(VALID.encode())) == ()


def test_eleven_faults_in_one_message_are_all_named_with_their_paths(schema: xml.Schema):
    document = (
        VALID.replace("<type>10</type><function>01</function>", "")  # 1, 2: two missing siblings in a sequence
        .replace("2026-03-02 09:15:04", "02/03/2026")  # 3: format
        .replace("<NSWFileCode>BNN06260000001</NSWFileCode>", "<Surprise>1</Surprise>")  # 4 missing, 5 unexpected
        .replace("Công ty Thử Nghiệm", "x" * 51)  # 6: too long
        .replace("<ProductType>1<", "<ProductType>12<")  # 7: out of range
        .replace("<Quantity>7</Quantity>", "<Quantity>nhiều</Quantity>")  # 8: no number, in the second product
        .replace("<Origin>VN</Origin>", "<Origin>XX</Origin>")  # 9: not in the list
        .replace("<SignName>Nguyễn Thử Nghiệm</SignName>", "<SignName>  </SignName>")  # 10: blank
        .replace("<SignPosition>Giám đốc</SignPosition>", "")  # 11: missing, last of its parent
    )

    assert found(schema, document) == {
        ("/Envelope/Header/type", "missing"),
        ("/Envelope/Header/function", "missing"),
        ("/Envelope/Header/sendDate", "bad_format"),
        (f"{PROFILE}/NSWFileCode", "missing"),
        (f"{PROFILE}/Surprise", "unexpected"),
        (f"{PROFILE}/ImporterName", "too_long"),
        (f"{PROFILE}/ProductType", "out_of_range"),
        (f"{PROFILE}/ProductList/Product[2]/Quantity", "bad_value"),
        (f"{PROFILE}/ProductList/Product[2]/Origin", "not_in_list"),
        (f"{PROFILE}/SignName", "missing"),
        (f"{PROFILE}/SignPosition", "missing"),
    }


def test_paths_of_faults_find_their_places(schema: xml.Schema):
    root = xml.parse(VALID.replace(">7<", ">-7<").replace(">01<", "><").encode())
    faults = xml.faults(schema, root)

    assert [node.text for fault in faults for node in root.xpath(fault.path)] == [None, "-7"]
    assert [fault.code for fault in faults] == ["missing", "out_of_range"]


def test_fault_texts_name_field_and_rule_but_never_the_value(schema: xml.Schema):
    (fault,) = xml.faults(schema, xml.parse(VALID.replace("Tôm đông lạnh", "001099012345 " * 9).encode()))

    assert (fault.vi, fault.en) == ("Name: dài quá 50 ký tự", "Name: it is longer than 50 characters")


@pytest.mark.parametrize("quote", ["'9'.", "type 'xs:date'.", "', attribute 'x': The attribute 'y' is required but missing."])
def test_a_value_cannot_write_itself_into_the_texts(schema: xml.Schema, quote: str):
    faults = xml.faults(schema, xml.parse(VALID.replace("<ProductType>1<", f"<ProductType>{quote}<").encode()))

    assert [(fault.path, fault.vi) for fault in faults] == [(f"{PROFILE}/ProductType", "ProductType: phải là số nguyên")]


REQUIRED = {
    "Header": ["documentType", "type", "function", "sendDate"],
    "RegistrationProfile": [
        *("NSWFileCode", "ImporterName", "ProductType", "ProductList"),
        *("Purpose", "SignDate", "SignName", "SignPosition"),
    ],
    "Product": ["Id", "Name", "Origin", "Quantity"],
}


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_exactly_the_children_that_were_taken_away_are_missing(schema: xml.Schema, data: st.DataObject):
    root = xml.parse(VALID.encode())
    expected = set()
    for name, required in REQUIRED.items():
        for parent in root.iter(name):
            for child in data.draw(st.sets(st.sampled_from(required)), label=name):
                expected.add(f"{root.getroottree().getpath(parent)}/{child}")
                parent.remove(parent.find(child))
    # what stood in a list that is gone itself is not missed any more
    expected = {path for path in expected if not any(path.startswith(f"{other}/") for other in expected)}

    assert {(fault.path, fault.code) for fault in xml.faults(schema, root)} == {(path, "missing") for path in expected}


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_document_has_faults_exactly_where_libxml2_calls_it_invalid(schema: xml.Schema, data: st.DataObject):
    root = xml.parse(VALID.encode())
    for _ in range(data.draw(st.integers(0, 6))):
        node = data.draw(st.sampled_from(list(root.iter())))
        match data.draw(st.sampled_from(["text", "tag", "copy", "attribute", "remove", "move"])):
            case "text":
                node.text = data.draw(st.sampled_from(["", "x", "1", "2026-03-02 00:00:00"]))
            case "tag":
                node.tag = data.draw(st.sampled_from(["Id", "Product", "Zebra", "{urn:x}Name"]))
            case "attribute":
                node.set(data.draw(st.sampled_from(["a", f"{XSI}type", f"{XSI}nil"])), data.draw(st.sampled_from(["1", "x", ""])))
            case "copy":
                node.append(etree.fromstring(etree.tostring(data.draw(st.sampled_from(list(root.iter()))), with_tail=False)))
            case "remove" if node.getparent() is not None:
                node.getparent().remove(node)
            case "move" if node.getparent() is not None:
                node.getparent().insert(0, node)

    faults = xml.faults(schema, root)

    assert bool(faults) == bool(schema.complaints(root))
    assert len({(fault.path, fault.code) for fault in faults}) == len(faults)


def test_what_stands_after_an_unexpected_child_is_looked_at_too(tmp_path: Path):
    schema = load(
        tmp_path,
        """<xs:element name="r"><xs:complexType><xs:sequence>
             <xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int" maxOccurs="2"/>
             <xs:element name="c" minOccurs="0"><xs:complexType><xs:sequence>
               <xs:element name="d" type="xs:date"/></xs:sequence></xs:complexType></xs:element>
           </xs:sequence></xs:complexType></xs:element>""",
    )

    assert found(schema, "<r><zz/><b>1</b><a>x</a><b>2</b><b>3</b><c><yy/><d>q</d></c></r>") == {
        ("/r/zz", "unexpected"),
        ("/r/a", "out_of_order"),
        ("/r/a", "bad_value"),
        ("/r/b[3]", "too_many"),
        ("/r/c/yy", "unexpected"),
        ("/r/c/d", "bad_value"),
    }


def test_missing_repetitions_and_alternatives_are_named(tmp_path: Path):
    schema = load(
        tmp_path,
        """<xs:element name="r"><xs:complexType><xs:sequence>
             <xs:element name="a" minOccurs="3" maxOccurs="9"/>
             <xs:choice><xs:element name="b"/><xs:sequence><xs:element name="c"/><xs:element name="d"/></xs:sequence></xs:choice>
             <xs:sequence minOccurs="0"><xs:element name="e"/><xs:element name="f"/></xs:sequence>
           </xs:sequence><xs:attribute name="v" use="required"/></xs:complexType></xs:element>""",
    )

    assert found(schema, "<r><a/></r>") == {
        ("/r/a[2]", "missing"),
        ("/r/a[3]", "missing"),
        ("/r/b", "missing"),
        ("/r/@v", "missing"),
    }
    assert found(schema, "<r v='1' w='2'><a/><a/><a/><c/><e/></r>") == {
        ("/r/d", "missing"),
        ("/r/f", "missing"),
        ("/r/@w", "unexpected"),
    }
    assert found(schema, "<r v='1'><a/><a/><a/><b/><c/><d/></r>") == {("/r/c", "unexpected"), ("/r/d", "unexpected")}


def test_where_the_model_cannot_tell_libxml2s_own_finding_is_given(tmp_path: Path):
    schema = load(
        tmp_path,
        """<xs:element name="r"><xs:complexType><xs:sequence maxOccurs="2">
             <xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int"/>
           </xs:sequence></xs:complexType></xs:element>""",
    )

    assert found(schema, "<r><a>1</a><b>1</b><a>1</a></r>") == {("/r/b", "missing")}
    assert found(schema, "<r><a>1</a><a>x</a><b>1</b></r>") >= {("/r/a[2]", "unexpected")}


def test_groups_extensions_references_and_namespaces_are_understood(tmp_path: Path):
    schema = load(
        tmp_path,
        """<xs:element name="r" type="t:More"/>
           <xs:element name="shape" abstract="true"/><xs:element name="circle" type="xs:int" substitutionGroup="t:shape"/>
           <xs:element name="square" type="xs:int" substitutionGroup="t:shape"/>
           <xs:group name="pair"><xs:sequence>
             <xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int"/>
           </xs:sequence></xs:group>
           <xs:complexType name="Base"><xs:sequence><xs:group ref="t:pair"/></xs:sequence></xs:complexType>
           <xs:complexType name="More"><xs:complexContent><xs:extension base="t:Base"><xs:sequence>
             <xs:element ref="t:shape"/><xs:element name="plain" form="unqualified" type="xs:date"/>
           </xs:sequence></xs:extension></xs:complexContent></xs:complexType>""",
        'xmlns:t="urn:t" targetNamespace="urn:t" elementFormDefault="qualified"',
    )

    assert found(schema, '<r xmlns="urn:t"><a>1</a><b>2</b><square>3</square><plain xmlns="">2026-03-02</plain></r>') == set()
    assert found(schema, '<p:r xmlns:p="urn:t"><p:b>x</p:b><plain>x</plain></p:r>') == {
        ("/r/a", "missing"),
        ("/r/circle", "missing"),
        ("/r/b", "bad_value"),
        ("/r/plain", "bad_value"),
    }
    assert found(schema, '<r xmlns="urn:t"><zz/><a>x</a></r>') == {
        ("/r/zz", "unexpected"),
        ("/r/a", "bad_value"),
        ("/r/b", "missing"),
        ("/r/circle", "missing"),
        ("/r/plain", "missing"),
    }


@pytest.mark.parametrize(
    ("attribute", "fault"),
    [
        ('xsi:type="1"', ("/Envelope/@type", "bad_value")),
        ('xsi:type="nowhere"', ("/Envelope/@type", "bad_value")),
        ('xsi:nil="true"', ("/Envelope", "bad_value")),
        ('xsi:nil=""', ("/Envelope/@nil", "missing")),
        ('other="1"', ("/Envelope/@other", "unexpected")),
    ],
)
def test_a_wrong_attribute_of_an_element_with_children_is_named(schema: xml.Schema, attribute: str, fault: tuple[str, str]):
    namespace = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'

    assert fault in found(schema, VALID.replace("<Envelope>", f"<Envelope {namespace} {attribute}>"))


def test_another_root_than_the_schemas_is_one_fault(schema: xml.Schema):
    assert found(schema, "<Other/>") == {("/Other", "unexpected")}


def test_a_part_of_a_document_is_validated_by_itself(schema: xml.Schema):
    wrapped = xml.parse(f"<s:Body xmlns:s='urn:soap'>{VALID.replace('>7<', '>x<')}</s:Body>".encode())

    assert [fault.path for fault in xml.faults(schema, wrapped[0])] == [f"{PROFILE}/ProductList/Product[2]/Quantity"]
    assert wrapped[0].getparent() is wrapped


def test_faults_are_named_for_each_thread_its_own(schema: xml.Schema):
    documents = [VALID.replace(f"{name}>", f"{name}x>") for name in REQUIRED["Product"]] * 25
    expected = [found(schema, document) for document in documents]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda document: found(schema, document), documents)) == expected


def test_a_large_document_with_few_faults_has_them_named(schema: xml.Schema):
    product = "<Product><Id>3</Id><Name>x</Name><Origin>VN</Origin><Quantity>1</Quantity></Product>"
    document = VALID.replace("</ProductList>", product * 2_000 + "<Product/></ProductList>").replace(">7<", ">x<")

    assert found(schema, document) == {
        (f"{PROFILE}/ProductList/Product[2]/Quantity", "bad_value"),
        *((f"{PROFILE}/ProductList/Product[2003]/{name}", "missing") for name in REQUIRED["Product"]),
    }


def test_a_large_document_with_a_crowd_of_faults_has_them_counted(schema: xml.Schema):
    product = "<Product><Id>x</Id><Name>x</Name><Origin>VN</Origin><Quantity>1</Quantity></Product>"
    document = VALID.replace("</ProductList>", product * 30_000 + "</ProductList>")

    (fault,) = xml.faults(schema, xml.parse(document.encode()))

    assert (fault.path, fault.code) == ("//Id", "bad_value")
    assert "30000" in fault.vi
    assert "30000" in fault.en


def test_more_faults_than_anyone_reads_are_cut_with_a_count(schema: xml.Schema):
    product = "<Product><Id>x</Id><Name>x</Name><Origin>VN</Origin><Quantity>1</Quantity></Product>"
    faults = xml.faults(schema, xml.parse(VALID.replace("</ProductList>", product * 700 + "</ProductList>").encode()))

    assert len(faults) == 501
    assert faults[-1].code == "more_faults"
    assert "200" in faults[-1].en


@pytest.mark.parametrize(
    "location",
    ["../types.xsd", "/etc/passwd", "sub/types.xsd", "http://localhost/types.xsd", "file:types.xsd", "%2e%2e%2ftypes.xsd", ""],
)
@pytest.mark.parametrize("kind", ["include", "import"])
def test_a_schema_loads_nothing_from_elsewhere(tmp_path: Path, location: str, kind: str):
    namespace = 'namespace="urn:x"' if kind == "import" else ""
    with pytest.raises(BadSettings) as caught:
        load(tmp_path, f'<xs:{kind} {namespace} schemaLocation="{location}"/><xs:element name="a"/>')

    assert "schema.xsd" in caught.value.en


def test_a_schema_behind_a_link_out_of_the_folder_is_not_loaded(tmp_path: Path):
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "outside.xsd").write_text(TYPES)
    (inner / "types.xsd").symlink_to(tmp_path / "outside.xsd")

    with pytest.raises(BadSettings):
        load(inner, '<xs:include schemaLocation="types.xsd"/>')


@pytest.mark.parametrize("body", ["<xs:element name='a' type='nowhere'/>", "<xs:nonsense/>", "<xs:element"])
def test_a_wrong_schema_is_said_so_with_its_file(tmp_path: Path, body: str):
    with pytest.raises(BadSettings) as caught:
        load(tmp_path, body)

    assert caught.value.where.endswith("schema.xsd")


def test_a_schema_that_is_not_there_is_said_so(tmp_path: Path):
    with pytest.raises(BadSettings):
        xml.load_schema(tmp_path / "nowhere.xsd")


def test_a_schema_with_a_document_type_is_refused(tmp_path: Path):
    (tmp_path / "s.xsd").write_text('<!DOCTYPE xs:schema><xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>')

    with pytest.raises(BadSettings):
        xml.load_schema(tmp_path / "s.xsd")
