"""The one XML parser: hardened reading of documents, and their validation against schemas with every fault named.

Only UTF-8 is read. A DTD, an entity of one's own or a processing instruction is refused; comments are dropped while
parsing, so that ``a<!---->b`` is one text ``ab`` and no reader sees only its first half.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from lxml import etree

from hub.errors import BadSettings, Fault, HubError, InvalidMessage
from hub.rules.xml_faults import Entry, every_fault
from hub.rules.xml_model import XS, ContentModel
from hub.rules.xml_tree import MAX_DEPTH, ORDER, Tree, from_tree, serialise, text, to_tree

__all__ = [
    "ORDER",
    "Schema",
    "Tree",
    "faults",
    "from_tree",
    "hardened_parser",
    "load_schema",
    "parse",
    "serialise",
    "text",
    "to_tree",
]

#: A text longer than this is refused by libxml2 (XML_MAX_TEXT_LENGTH); only ``long_texts`` lifts that limit, for documents that
#: hold whole files as one text. Depth and nodes are bounded here in any case, the length by ``max_bytes``.
MAX_TEXT_BYTES = 10_000_000
#: libxml2 takes quadratic time to say where faults are among many siblings (60,000 of them: 34 s). Documents with more
#: elements than this are first read as a stream, where faults have no path but cost linear time.
LARGE_ELEMENTS = 5_000
#: A large document with more complaints than this gets them grouped by element name.
LARGE_COMPLAINTS = 300

_OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<", b"\x00\x00\xfe\xff")
_DECLARATION = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml\s[^?>]*")
_DECLARED_ENCODING = re.compile(rb"""\sencoding\s*=\s*["']([^"']*)["']""")
_UTF8_NAMES = {b"utf-8", b"utf8"}
_ASCII_NAMES = {b"us-ascii", b"ascii"}
#: A document type stands before the root element, after a declaration, comments and blanks; atomic, so linear.
_DOCTYPE = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s++|<\?(?>.*?\?>)|<!--(?>.*?-->))*+<!DOCTYPE", re.DOTALL)
#: libxml2 takes quadratic time over the attributes and namespaces of one element (60,000 of them: 24 s).
MAX_ATTRIBUTES = 256
#: Canonicalisation looks at all namespaces in scope for each element (15,000 of them over 100,000 elements: 11 s).
MAX_NAMESPACES = 256
#: Levels that nearly all documents stay within; asking for many levels costs some time for each.
_USUAL_DEPTH = 12
#: No node is shorter than ``<a>``, which also begins a level.
_NODE_BYTES = 3
_CROWDED_TAG = re.compile(rb"""<[^\s<>/!?]++(?:\s++[^\s=<>]++\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+')){%d}""" % (MAX_ATTRIBUTES + 1))
#: In a document larger than this, signs are looked for one after the other up to so many, and only then counted.
_LARGE, _FEW = 16_384, 1_000
_IN_TAG = re.compile(rb"""=\s*+(?:"[^"<]*+"|'[^'<]*+')|/?>|<""")
_SECTIONS = ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>"))


def hardened_parser(*, long_texts: bool = False) -> etree.XMLParser:
    """Make a parser that loads nothing, expands nothing and keeps libxml2's own limits, but for the length of a text.

    One for each thread at least: a parser keeps the error list of its last call.
    """
    return etree.XMLParser(
        encoding="utf-8",  # the declaration is checked before; libxml2 must not follow it
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        no_network=True,
        huge_tree=long_texts,
        recover=False,
        remove_comments=True,
        remove_pis=False,
        collect_ids=False,
    )


class _Parsers(threading.local):
    """One parser for each thread: making one costs as much as a small document."""

    def __init__(self) -> None:
        self.own = hardened_parser()
        self.long = hardened_parser(long_texts=True)


_parsers = _Parsers()


def parse(
    document: bytes,
    *,
    max_bytes: int = 30_000_000,
    max_depth: int = MAX_DEPTH,
    max_nodes: int = 200_000,
    long_texts: bool = False,
) -> etree._Element:
    """Parse untrusted bytes; raise InvalidMessage with line and column where they are not a document we read.

    Size and number of nodes (elements, attributes, comments) are bounded before a tree is built; while it is built
    libxml2 stops at 256 levels, and the smaller limit of ours is checked right after.
    """
    _check_size(document, max_bytes)
    _check_encoding(document)
    # Too many attributes of one element, or namespaces in scope, need as many of these signs.
    crowded = _has_more(document, b"=", min(MAX_ATTRIBUTES, MAX_NAMESPACES))
    if crowded:
        _check_attributes(document)
    if len(document) > _NODE_BYTES * max_nodes:
        _check_nodes(document, max_depth, max_nodes)
    if _DOCTYPE.match(document):
        raise _refused("dtd", "văn bản XML không được khai báo DTD (DOCTYPE)", "a document type (DTD) is not allowed")
    # What is shorter than the limit can hold no text beyond it, and keeps all of libxml2's limits.
    parser = _parsers.long if long_texts and len(document) > MAX_TEXT_BYTES else _parsers.own
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise InvalidMessage([_syntax_fault(parser, error)]) from None
    if len(document) > _NODE_BYTES * max_depth and _is_deeper(root, max_depth):
        raise _too_deep(max_depth)
    if crowded and document.count(b"xmlns") > MAX_NAMESPACES:
        _check_namespaces(root)
    _check_tree(root, document)
    return root


# --- limits and encodings, on bytes -------------------------------------------------------------------------------


def _refused(code: str, vi: str, en: str, path: str = "/") -> InvalidMessage:
    return InvalidMessage([Fault(path, code, vi, en)])


def _check_size(document: bytes, max_bytes: int) -> None:
    if len(document) > max_bytes:
        raise _refused(
            "too_large",
            f"thông điệp lớn hơn {max_bytes} byte cho phép",
            f"the message is larger than the {max_bytes} bytes allowed",
        )
    if not document.strip(b" \t\r\n"):
        raise _refused("missing", "thông điệp không có nội dung", "the message is empty")


def _check_encoding(document: bytes) -> None:
    if document.startswith(_OTHER_BOMS):
        raise _refused(
            "bad_encoding",
            "thông điệp phải mã hoá UTF-8, không phải UTF-16 hoặc UTF-32",
            "UTF-8 is required, not UTF-16 or UTF-32",
        )
    nul = document.find(b"\x00")
    if nul >= 0:
        line = document.count(b"\n", 0, nul) + 1
        raise _refused("bad_encoding", f"có ký tự NUL ở dòng {line}", f"there is a NUL byte in line {line}", f"line {line}")
    declaration = _DECLARATION.match(document)
    declared = _DECLARED_ENCODING.search(declaration[0]) if declaration else None
    allowed = _UTF8_NAMES | _ASCII_NAMES if document.isascii() else _UTF8_NAMES
    if declared and declared[1].lower() not in allowed:
        raise _refused(
            "bad_encoding",
            "khai báo XML ghi bảng mã không đúng; thông điệp phải mã hoá và khai báo UTF-8",
            "the XML declaration names the wrong encoding; the document must be in UTF-8 and say so",
            "line 1",
        )


def _has_more(document: bytes, sign: bytes, limit: int) -> bool:
    """Say whether a sign stands more than ``limit`` times in a document.

    Counting looks at each byte by itself; looking for the next one is many times as fast where there are few, as in a
    document that is mostly one attachment.
    """
    if len(document) > _LARGE:
        at = -1
        for _ in range(min(limit, _FEW) + 1):
            at = document.find(sign, at + 1)
            if at < 0:
                return False
        if limit <= _FEW:
            return True
    return document.count(sign) > limit


def _check_attributes(document: bytes) -> None:
    if _CROWDED_TAG.search(document):
        raise _refused(
            "too_many_nodes",
            f"một phần tử có hơn {MAX_ATTRIBUTES} thuộc tính cho phép",
            f"an element has more than the {MAX_ATTRIBUTES} attributes allowed",
        )


def _check_nodes(document: bytes, max_depth: int, max_nodes: int) -> None:
    """Refuse too many nodes before libxml2 builds them.

    Each element, comment and section needs a ``<`` and each attribute a ``=``, so an ordinary document is cleared by
    two counts; only one that might be too large is read tag by tag. Where the walk meets what is not well-formed it
    stops: libxml2 builds nothing after that place either.
    """
    half = max_nodes // 2
    if not (_has_more(document, b"<", half) or _has_more(document, b"=", half)):
        return
    nodes = depth = 0
    at = document.find(b"<")
    while at >= 0:
        if document.startswith(b"</", at):
            depth -= 1
            at = document.find(b"<", at + 2)
            continue
        nodes, depth, at = _walk_node(document, at, nodes, depth)
        if nodes > max_nodes:
            raise _too_many(max_nodes)
        if depth > max_depth:
            raise _too_deep(max_depth)


def _walk_node(document: bytes, at: int, nodes: int, depth: int) -> tuple[int, int, int]:
    """Count one section, or one start tag with its attributes; return where the next ``<`` is, -1 for none."""
    for start, end in _SECTIONS:
        if document.startswith(start, at):
            close = document.find(end, at + len(start))
            return nodes + 1, depth, document.find(b"<", close) if close >= 0 else -1
    nodes += 1
    at += 1
    while found := _IN_TAG.search(document, at):
        at = found.end()
        if found[0] == b"<":
            return nodes, depth, -1
        if found[0] in (b">", b"/>"):
            return nodes, depth + (found[0] == b">"), document.find(b"<", at)
        nodes += 1
    return nodes, depth, -1


def _too_many(max_nodes: int) -> InvalidMessage:
    return _refused(
        "too_many_nodes",
        f"thông điệp có hơn {max_nodes} phần tử và thuộc tính cho phép",
        f"the message has more than the {max_nodes} elements and attributes allowed",
    )


def _too_deep(max_depth: int) -> InvalidMessage:
    return _refused(
        "too_deep", f"các phần tử lồng nhau quá {max_depth} cấp", f"elements are nested deeper than {max_depth} levels"
    )


# --- what libxml2 says, and what the tree shows -------------------------------------------------------------------

#: libxml2's error types (names of lxml.etree.ErrorTypes) -> code, Vietnamese, English. Its sentences are not shown:
#: they repeat names and values of the message.
_SYNTAX: Mapping[str, tuple[str, str, str]] = {
    "ERR_INVALID_ENCODING": ("bad_encoding", "có byte không phải UTF-8", "there are bytes that are not UTF-8"),
    "ERR_UNDECLARED_ENTITY": (
        "entity",
        "dùng thực thể (entity) không được phép; chỉ dùng &amp; &lt; &gt; &quot; &apos;",
        "an entity of one's own is not allowed; only &amp; &lt; &gt; &quot; &apos; are",
    ),
    "ERR_INVALID_CHAR": ("bad_character", "có ký tự mà XML không cho phép", "there is a character that XML does not allow"),
    "ERR_INVALID_CHARREF": ("bad_character", "có ký tự mà XML không cho phép", "there is a character that XML does not allow"),
    "ERR_TAG_NAME_MISMATCH": ("not_well_formed", "thẻ đóng không khớp thẻ mở", "an end tag does not match its start tag"),
    "ERR_TAG_NOT_FINISHED": ("not_well_formed", "thông điệp bị cắt: còn thẻ chưa đóng", "a tag is not closed: it is cut"),
    "ERR_DOCUMENT_END": ("not_well_formed", "có nội dung sau phần tử gốc", "there is content after the root element"),
    "ERR_DOCUMENT_EMPTY": ("not_well_formed", "không phải văn bản XML", "this is not an XML document"),
    "ERR_ATTRIBUTE_REDEFINED": ("not_well_formed", "một thuộc tính được ghi hai lần", "an attribute is given twice"),
    "ERR_RESERVED_XML_NAME": (
        "not_well_formed",
        "khai báo XML phải ở đầu văn bản",
        "the XML declaration must be at the very start",
    ),
    "NS_ERR_UNDEFINED_NAMESPACE": (
        "not_well_formed",
        "dùng tiền tố chưa khai báo không gian tên",
        "a prefix has no namespace declared",
    ),
    "ERR_RESOURCE_LIMIT": (
        "text_too_long",
        f"một nội dung dài hơn {MAX_TEXT_BYTES} byte",
        f"one text is longer than {MAX_TEXT_BYTES} bytes",
    ),
}
_UNREADABLE = ("not_well_formed", "không đúng cú pháp XML", "this is not well-formed XML")


def _syntax_fault(parser: etree.XMLParser, error: etree.XMLSyntaxError) -> Fault:
    first = next((entry for entry in parser.error_log if entry.level_name != "WARNING"), None)
    if first and first.type_name == "ERR_RESOURCE_LIMIT" and "depth" in first.message:
        return _too_deep(MAX_DEPTH).faults[0]
    line, column = (first.line, first.column) if first else (error.lineno or 0, error.offset or 0)
    code, vi, en = _SYNTAX.get(first.type_name if first else "", _UNREADABLE)
    return Fault(f"line {line}", code, f"{vi} (dòng {line}, cột {column})", f"{en} (line {line}, column {column})")


def _is_deeper(root: etree._Element, levels: int) -> bool:
    return bool(_deeper_than(min(levels, _USUAL_DEPTH))(root) and _deeper_than(levels)(root))


@lru_cache(maxsize=8)
def _deeper_than(levels: int) -> etree.XPath:
    return etree.XPath("boolean(" + "/*" * (levels + 1) + ")")


def _check_tree(root: etree._Element, document: bytes) -> None:
    if root.getroottree().docinfo.internalDTD is not None:  # the second lock on the same door
        raise _refused("dtd", "văn bản XML không được khai báo DTD (DOCTYPE)", "a document type (DTD) is not allowed")
    declaration = _DECLARATION.match(document)
    if document.find(b"?", declaration.end() + 2 if declaration else 0) >= 0 and document.count(b"<?") > bool(declaration):
        _check_instructions(root)


def _check_namespaces(root: etree._Element) -> None:
    in_scope = 0
    for event, _ in etree.iterwalk(root, events=("start-ns", "end-ns")):
        in_scope += 1 if event == "start-ns" else -1
        if in_scope > MAX_NAMESPACES:
            raise _refused(
                "too_many_nodes",
                f"có hơn {MAX_NAMESPACES} không gian tên cùng hiệu lực tại một phần tử",
                f"more than {MAX_NAMESPACES} namespaces are in scope of one element",
            )


def _check_instructions(root: etree._Element) -> None:
    """Refuse processing instructions: they split a text in two, and no partner's protocol has any."""
    found = root.xpath("//processing-instruction()")
    if isinstance(found, list) and found:
        raise InvalidMessage(
            Fault(
                f"line {node.sourceline}",
                "processing_instruction",
                f"không được dùng chỉ thị xử lý <?…?> (dòng {node.sourceline})",
                f"processing instructions <?…?> are not allowed (line {node.sourceline})",
            )
            for node in found[:100]
            if isinstance(node, etree._Element)
        )


# --- schemas ------------------------------------------------------------------------------------------------------

_PLAIN_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_COUNT_BELOW = etree.XPath("count(descendant::*)")
_INCLUDES = {f"{XS}{name}" for name in ("include", "import", "redefine")}


class Schema:
    """A loaded schema; shared by threads."""

    def __init__(self, compiled: etree.XMLSchema, model: ContentModel) -> None:
        self._compiled = compiled
        #: lxml keeps the complaints of a call on the schema itself.
        self._lock = threading.Lock()
        self.model = model

    def complaints(self, element: etree._Element) -> list[Entry]:
        """Validate; return libxml2's complaints, none for a valid document."""
        with self._lock:
            if self._compiled.validate(element):
                return []
            log: Any = self._compiled.error_log  # the stubs do not know that it can be iterated
            return [Entry(entry.type_name, entry.message, entry.path or "") for entry in log]

    def bounded_complaints(self, element: etree._Element) -> list[Entry]:
        """Validate in bounded time: a large document with many complaints gets them without paths."""
        if float(str(_COUNT_BELOW(element))) > LARGE_ELEMENTS:
            streamed = self._streamed_complaints(element)
            if not streamed or len(streamed) > LARGE_COMPLAINTS:
                return streamed
        return self.complaints(element)

    def _streamed_complaints(self, element: etree._Element) -> list[Entry]:
        parser = etree.XMLParser(schema=self._compiled, resolve_entities=False, no_network=True, encoding="utf-8")
        try:
            etree.fromstring(serialise(element), parser)
        except etree.XMLSyntaxError:
            return [Entry(entry.type_name, entry.message, "") for entry in parser.error_log]
        return []


def faults(schema: Schema, element: etree._Element) -> tuple[Fault, ...]:
    """Name every fault of an element and what is below it against a schema; none for a valid one."""
    if not schema.bounded_complaints(element):
        return ()
    return every_fault(schema.bounded_complaints, schema.model, element)


def load_schema(path: str | Path) -> Schema:
    """Load a schema with what it includes or imports, from its own folder only; raise BadSettings where that fails."""
    main = Path(path).resolve()
    documents: dict[Path, tuple[etree._Element, str]] = {}
    _collect(main, "", documents)
    try:
        compiled = etree.XMLSchema(documents[main][0].getroottree())
    except etree.XMLSchemaParseError as error:
        raise _bad_schema(main, str(error), str(error)) from None
    return Schema(compiled, ContentModel(tuple(documents.values())))


def _collect(path: Path, including_namespace: str, documents: dict[Path, tuple[etree._Element, str]]) -> None:
    """Read a schema document and, before libxml2 opens them by itself, all documents it names."""
    if path in documents:
        return
    try:
        root = parse(path.read_bytes())
    except (OSError, HubError) as error:
        raise _bad_schema(path, f"không đọc được ({error})", f"cannot be read ({error})") from None
    root.getroottree().docinfo.URL = str(path)  # libxml2 resolves relative names against it
    namespace = root.get("targetNamespace", including_namespace)
    documents[path] = (root, namespace)
    for node in root:
        location = node.get("schemaLocation")
        if node.tag not in _INCLUDES or location is None:
            continue
        if not _PLAIN_FILE_NAME.fullmatch(location) or (path.parent / location).resolve().parent != path.parent:
            raise _bad_schema(
                path,
                f"schemaLocation {location!r} phải là tên một tệp trong cùng thư mục",
                f"schemaLocation {location!r} must name a file of the same folder",
            )
        _collect(path.parent / location, namespace if node.tag != f"{XS}import" else "", documents)


def _bad_schema(path: Path, vi: str, en: str) -> BadSettings:
    return BadSettings(f"schema {path.name}: {en}", f"lược đồ {path.name}: {vi}", where=str(path))
