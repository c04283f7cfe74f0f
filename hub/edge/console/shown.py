"""How exact bytes are shown: laid out, raw or as hex; bounded, harmless whatever they are, persons hidden where need be."""

from __future__ import annotations

import codecs
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from hub.errors import InvalidMessage
from hub.registers import masking
from hub.registers.masking import HIDDEN
from hub.rules import xml

PRETTY, RAW, HEX = "pretty", "raw", "hex"
FORMS = (PRETTY, RAW, HEX)
#: So much of a text is shown; the rest can be downloaded.
SHOWN_CHARACTERS = 65_536
#: A larger document is not laid out anew: that takes longer than a page may.
LAID_OUT_BYTES = 4_000_000
_LAID_OUT_COMMAS = 100_000
#: A longer value (a file inside a document) is cut where it is laid out.
VALUE_CHARACTERS = 2_000
#: Levels that are laid out; our own documents stay under 40.
LEVELS = 100
_HEX_LINE = 16
#: A hex dump has four to five characters for each byte.
_HEX_BYTES = SHOWN_CHARACTERS // 5
#: A name of a field; anything else in its place may be a value, and so may one with many digits.
_NAME = re.compile(r"(?!.*\d{6})[\w:@#$][\w:.\-@#$]{0,99}")
_HTTP_HEAD = re.compile(rb"[A-Z]{3,10} [^\r\n]{1,4000}\r\n(?:[^\r\n]{1,16000}\r\n){0,100}\r\n")
_KEPT_HEADERS = frozenset({"accept", "accept-encoding", "content-length", "content-type", "host", "soapaction", "user-agent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A text for a page, which still has to be escaped as every text has."""

    form: str
    #: ``xml``, ``json``, ``text`` or ``bytes``.
    kind: str
    text: str
    #: Of the whole.
    size: int
    #: There is more than is shown.
    cut: bool = False
    #: Values are hidden.
    masked: bool = False
    #: It begins like a document of its kind and cannot be read as one.
    broken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that is not the same in two canonical messages."""

    #: JSON pointer.
    pointer: str
    #: None: it is not there.
    before: str | None
    after: str | None


def show(body: bytes, form: str = PRETTY, *, see: bool, canonical: bool = False) -> Shown:
    """Make bytes a text. Who may not ``see`` gets names of fields, and of what cannot be read its outline only.

    ``canonical``: a message that the hub wrote, of which codes and dates name nobody.
    """
    if see and form == HEX:
        return Shown(form=HEX, kind=kind_of(body), text="\n".join(_hex(body)), size=len(body), cut=len(body) > _HEX_BYTES)
    if see and form == RAW:
        return _raw(body)
    laid_out = _canonical_lines(body, see) if canonical else _lines(body, see)
    if laid_out is None:
        return _raw(body, broken=True) if see else _outline(body)
    text, cut = _bounded(laid_out)
    return Shown(form=PRETTY, kind=kind_of(body), text=text, size=len(body), cut=cut, masked=not see)


def kind_of(body: bytes) -> str:
    """Say what bytes seem to be: xml, json, text or bytes."""
    rest = body[len(head) :] if (head := _head(body)) else body
    first = rest[:200].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if first in (b"<", b"{", b"["):
        return "xml" if first == b"<" else "json"
    return "bytes" if b"\0" in rest[:1000] else "text"


def visible(text: str) -> str:
    """Write out what has no form of its own, or turns the text around it: control characters, marks of direction, halves."""
    # Nearly every text is so; looking at each letter costs a hundred times as much.
    if text.replace("\n", "").replace("\t", "").isprintable():
        return str(text)
    return "".join(each if each in "\n\t" or not _hides(each) else f"⟦U+{ord(each):04X}⟧" for each in text.replace("\r\n", "\n"))


def _hides(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


# --- raw, hex, outline -------------------------------------------------------------------------------------------


def _raw(body: bytes, *, broken: bool = False) -> Shown:
    cut = len(body) > SHOWN_CHARACTERS
    return Shown(form=RAW, kind=kind_of(body), text=visible(_decoded(body)), size=len(body), cut=cut, broken=broken)


def _decoded(body: bytes) -> str:
    """Read the beginning as UTF-8, with what is none written out."""
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    return decoder.decode(body[:SHOWN_CHARACTERS], final=len(body) <= SHOWN_CHARACTERS)


def _hex(body: bytes) -> Iterator[str]:
    for start in range(0, min(len(body), _HEX_BYTES), _HEX_LINE):
        piece = body[start : start + _HEX_LINE]
        letters = "".join(chr(each) if 32 <= each < 127 else "." for each in piece)
        yield f"{start:08x}  {piece.hex(' '):<{3 * _HEX_LINE - 1}}  {letters}"


def _outline(body: bytes) -> Shown:
    """Show where a document breaks off, and nothing that it says: signs stay, letters and digits become dots."""
    text = re.sub(r"\w", "•", visible(_decoded(body)))
    cut = len(body) > SHOWN_CHARACTERS
    return Shown(form=PRETTY, kind=kind_of(body), text=text, size=len(body), cut=cut, masked=True, broken=True)


def _bounded(lines: Iterable[str]) -> tuple[str, bool]:
    """Join lines up to what is shown; say whether there were more."""
    kept: list[str] = []
    room = SHOWN_CHARACTERS
    for line in lines:
        if room <= 0:
            return "\n".join(kept), True
        kept.append(line[:room])
        room -= len(line) + 1
    return "\n".join(kept), room < 0


# --- laid out ----------------------------------------------------------------------------------------------------


def _lines(body: bytes, see: bool) -> Iterable[str] | None:
    """Lay a document out line by line; None where it cannot be read."""
    head = _head(body)
    rest = body[len(head) :]
    if len(rest) > LAID_OUT_BYTES:
        return None
    kind = kind_of(rest)
    laid_out: Iterable[str] | None = ()
    if rest:
        laid_out = _xml(rest, see) if kind == "xml" else _json(rest, see) if kind == "json" else None
    return None if laid_out is None else (*_head_lines(head, see), *_first(laid_out))


def _first(lines: Iterable[str]) -> Iterator[str]:
    """Give the lines that have room: a document may have far more."""
    room = SHOWN_CHARACTERS
    for line in lines:
        yield line
        room -= len(line) + 1
        if room < 0:
            return


def _head(body: bytes) -> bytes:
    """Give the head of an HTTP call, where the bytes are one as it went over the wire."""
    found = _HTTP_HEAD.match(body)
    return found[0] if found else b""


def _head_lines(head: bytes, see: bool) -> Iterator[str]:
    if not head:
        return
    first, *others = head.decode("utf-8", "backslashreplace").rstrip("\r\n").split("\r\n")
    # What is asked for may stand in the address.
    yield visible(first if see else re.sub(r"\?.*", f"?{HIDDEN}", first))
    for line in others:
        name = line.partition(":")[0]
        yield visible(line) if see or name.lower() in _KEPT_HEADERS else f"{visible(name)}: {HIDDEN}"
    yield ""


def _value(text: str, see: bool) -> str:
    if not text.strip():
        return ""
    if not see:
        return HIDDEN
    return text if len(text) <= VALUE_CHARACTERS else f"{text[:VALUE_CHARACTERS]}… (+{len(text) - VALUE_CHARACTERS})"


def _name(name: str, see: bool) -> str:
    return visible(name) if see or _NAME.fullmatch(name) else HIDDEN


# --- XML ---------------------------------------------------------------------------------------------------------


def _xml(body: bytes, see: bool) -> Iterable[str] | None:
    try:
        root = xml.parse(body, max_depth=LEVELS)
    except InvalidMessage:
        return None
    return _element(root, see, 0, {})


def _element(element: Any, see: bool, level: int, above: Mapping[str | None, str]) -> Iterator[str]:
    indent, spaces = "  " * level, element.nsmap
    name = _tag(element.tag, spaces, see, prefix=element.prefix)
    start = f"{indent}<{name}{''.join(_declared(spaces, above, see))}{''.join(_attributes(element, spaces, see))}"
    text = visible(escape(_value(element.text or "", see)))
    if not len(element):
        yield f"{start}>{text}</{name}>" if text else f"{start}/>"
        return
    yield f"{start}>"
    if text:
        yield f"{indent}  {text}"
    for child in element:
        yield from _element(child, see, level + 1, spaces)
        if tail := visible(escape(_value(child.tail or "", see))):
            yield f"{indent}  {tail}"
    yield f"{indent}</{name}>"


def _tag(tag: str, spaces: Mapping[str | None, str], see: bool, prefix: str | None = None) -> str:
    space, _, local = tag.rpartition("}")
    if space and prefix is None:
        prefix = next((each for each, uri in spaces.items() if uri == space[1:] and each), None)
    return _name(f"{prefix}:{local}" if prefix else local, see)


def _declared(spaces: Mapping[str | None, str], above: Mapping[str | None, str], see: bool) -> Iterator[str]:
    for prefix, uri in spaces.items():
        if above.get(prefix) != uri:
            named = _name(f"xmlns:{prefix}" if prefix else "xmlns", see)
            # An address of a specification; one with many digits may be a value in its place.
            yield f" {named}={visible(quoteattr(uri if see or not re.search(r'[0-9]{6}', uri) else HIDDEN))}"


def _attributes(element: Any, spaces: Mapping[str | None, str], see: bool) -> Iterator[str]:
    for name, value in element.items():
        yield f" {_tag(name, spaces, see)}={visible(quoteattr(_value(value, see)))}"


# --- JSON --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Members:
    """An object with every member in its place, also where a name stands twice."""

    pairs: tuple[tuple[str, Any], ...]


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


def _json(body: bytes, see: bool) -> Iterable[str] | None:
    if body.count(b",") > _LAID_OUT_COMMAS:
        return None
    try:
        tree = json.loads(
            body.decode("utf-8-sig"),
            object_pairs_hook=lambda pairs: _Members(tuple(pairs)),
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_Number,
        )
    except (ValueError, RecursionError):
        return None
    return _json_lines(tree, see, 0, "", "")


def _canonical_lines(body: bytes, see: bool) -> Iterable[str] | None:
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return _json_lines(tree if see else masking.masked(tree), True, 0, "", "")


def _json_lines(value: Any, see: bool, level: int, label: str, comma: str) -> Iterator[str]:
    start = "  " * level + label
    opening, closing, parts = _parts(value, see)
    if not opening:
        yield f"{start}{_scalar(value, see)}{comma}"
    elif level > LEVELS or not parts:
        yield f"{start}{opening}{'…' if parts else ''}{closing}{comma}"
    else:
        yield f"{start}{opening}"
        for number, (name, part) in enumerate(parts, start=1):
            yield from _json_lines(part, see, level + 1, name, "," if number < len(parts) else "")
        yield f"{'  ' * level}{closing}{comma}"


def _parts(value: Any, see: bool) -> tuple[str, str, list[tuple[str, Any]]]:
    """Give the brackets of a value and its parts with their labels; no brackets for one that has no parts."""
    if isinstance(value, _Members | dict):
        pairs = value.pairs if isinstance(value, _Members) else value.items()
        return "{", "}", [(f'"{_name(name, see)}": ', part) for name, part in pairs]
    return ("[", "]", [("", part) for part in value]) if isinstance(value, list) else ("", "", [])


def _scalar(value: Any, see: bool) -> str:
    if isinstance(value, str) and not isinstance(value, _Number):
        return visible(json.dumps(_value(value, see), ensure_ascii=False))
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return _value(str(value), see)


# --- two versions ------------------------------------------------------------------------------------------------


def differences(before: bytes, after: bytes, *, see: bool) -> tuple[Difference, ...]:
    """Compare two canonical messages field by field; who may not see gets where they differ, and codes and dates."""
    old, new = json.loads(before), json.loads(after)
    told_old, told_new = (tree if see else masking.masked(tree) for tree in (old, new))
    olds, news = dict(_fields(old, "")), dict(_fields(new, ""))
    shown_old, shown_new = dict(_fields(told_old, "")), dict(_fields(told_new, ""))
    places = [place for place in dict.fromkeys((*olds, *news)) if olds.get(place) != news.get(place)]
    return tuple(
        Difference(pointer=visible(place), before=_told(shown_old, place), after=_told(shown_new, place)) for place in places
    )


def _told(fields: Mapping[str, Any], place: str) -> str | None:
    return _scalar(fields[place], True) if place in fields else None


def _fields(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Walk over every value that has no parts, with its JSON pointer; an empty list or object counts as none."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _fields(part, f"{place}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _fields(part, f"{place}/{number}")
    else:
        yield place, value
