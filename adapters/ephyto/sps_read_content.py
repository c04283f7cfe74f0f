"""The document that stands in an envelope's content, which senders escape, put into CDATA or write as Base64.

What uses prefixes that are not declared is refused, as any parser does, but after it was read to its end all the same: its
sender learns of everything that is wrong at once.
"""

from __future__ import annotations

import base64
import re
from xml.sax.saxutils import unescape

from lxml import etree

from hub.errors import Fault, InvalidMessage
from hub.rules import base64_files, xml

#: Namespaces that are given to prefixes that have none, so that the rest of the document can be looked at.
UNDECLARED = "urn:undeclared:"
#: Escaped and escaped again is met; more is no mistake of a program any more.
MOST_WRAPPINGS = 4
#: So many undeclared prefixes are told.
MOST_PREFIXES = 20

_BOM = b"\xef\xbb\xbf"
_BLANKS = b" \t\r\n"
_CDATA = re.compile(rb"<!\[CDATA\[(.*)\]\]>", re.DOTALL)
_QUOTES = {"&quot;": '"', "&apos;": "'", "&#34;": '"', "&#39;": "'", "&#60;": "<", "&#62;": ">", "&#xD;": "", "&#13;": ""}
_UTF_16 = re.compile(rb"""<\?xml\s[^?>]*encoding\s*=\s*["']utf-16(?:le|be)?["'][^?>]*\?>""", re.IGNORECASE)
_TAG_PREFIX = re.compile(rb"<([A-Za-z_][\w.-]{0,60}):[A-Za-z_]", re.ASCII)
_DECLARED = re.compile(rb"\sxmlns:([A-Za-z_][\w.-]{0,60})\s*=", re.ASCII)
_FIRST_TAG = re.compile(rb"<[A-Za-z_][\w.:-]*", re.ASCII)


def content_of(content: bytes) -> bytes:
    """Give the document that a content holds: as it is, out of CDATA or Base64, or unescaped; raise InvalidMessage."""
    held = content
    for _ in range(MOST_WRAPPINGS):
        held = held.removeprefix(_BOM).strip(_BLANKS)
        if inner := _CDATA.fullmatch(held):
            held = inner[1]
        elif held.startswith((b"&lt;", b"&amp;", b"&#60;")):
            held = _unescaped(held)
        elif held.startswith(b"<") or not held:
            return _redeclared(held)
        else:
            return _from_base64(held)
    return held


def _unescaped(held: bytes) -> bytes:
    try:
        return unescape(held.decode(), _QUOTES).encode()
    except UnicodeDecodeError:
        vi, en = "nội dung không phải UTF-8", "the content is not UTF-8"
        raise InvalidMessage([Fault("/", "bad_encoding", vi, en)]) from None


def _redeclared(held: bytes) -> bytes:
    """Leave out a declaration of UTF-16: the text came inside another document, in that one's encoding."""
    declared = _UTF_16.match(held)
    return held[declared.end() :].lstrip(_BLANKS) if declared else held


def _from_base64(held: bytes) -> bytes:
    try:
        document = base64.b64decode(base64_files.compacted(held.decode("ascii")))
    except ValueError:
        vi, en = "nội dung không phải XML, cũng không phải Base64", "the content is neither XML nor Base64"
        raise InvalidMessage([Fault("/", "not_well_formed", vi, en)]) from None
    return document.removeprefix(_BOM).strip(_BLANKS)


def parsed(content: bytes) -> tuple[etree._Element, tuple[Fault, ...]]:
    """Parse a content; the faults are those of a document that is not well-formed and could be looked at all the same.

    Raises InvalidMessage where nothing of it can be looked at.
    """
    document = content_of(content)
    try:
        return xml.parse(document, long_texts=True), ()
    except InvalidMessage as error:
        missing = _undeclared(document) if error.faults[0].code == "not_well_formed" else ()
        if not missing:
            raise
        return _looked_at(document, missing, error)


def _undeclared(document: bytes) -> tuple[bytes, ...]:
    """Name the prefixes of elements that are declared nowhere, in their order."""
    used = dict.fromkeys(_TAG_PREFIX.findall(document))
    declared = {*_DECLARED.findall(document), b"xml", b"xmlns"}
    return tuple(prefix for prefix in used if prefix not in declared)[:MOST_PREFIXES]


def _looked_at(
    document: bytes, prefixes: tuple[bytes, ...], error: InvalidMessage
) -> tuple[etree._Element, tuple[Fault, ...]]:
    """Parse what has some prefixes declared at its root for it, with a fault for each of them."""
    root = _FIRST_TAG.search(document)
    if root is None:
        raise error
    declarations = b"".join(b' xmlns:%s="%s%s"' % (prefix, UNDECLARED.encode(), prefix) for prefix in prefixes)
    try:
        tree = xml.parse(document[: root.end()] + declarations + document[root.end() :], long_texts=True)
    except InvalidMessage:
        raise error from None
    return tree, tuple(_without_namespace(document, prefix) for prefix in prefixes)


def _without_namespace(document: bytes, prefix: bytes) -> Fault:
    line = document.count(b"\n", 0, document.find(b"<" + prefix + b":")) + 1
    name = prefix.decode("ascii")
    vi = f"tiền tố {name} chưa khai báo không gian tên (từ dòng {line})"
    en = f"the prefix {name} has no namespace declared (from line {line} on)"
    return Fault(f"line {line}", "not_well_formed", vi, en)
