"""Files of a message: behind links, inside as Base64, in typed groups, or only listed; read from a content, written into one.

A file that stands inside is taken out while it is read (Claim Check): its digest stays in its place, in the list of files and
in the form. What is written has its bytes again, and is never written without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import pybase64
from lxml import etree

from adapters.single_window.registry import Structure
from adapters.single_window.registry_keys import AttachmentNames
from hub.canonical.codes import Event
from hub.canonical.digests import DIGEST
from hub.canonical.document import Attachment, ResultDocument
from hub.canonical.dossier import Dossier, DossierMessage
from hub.canonical.links import relinked
from hub.contract import InlineFile
from hub.errors import Fault, bad_value
from hub.rules import base64_files, xml

#: What tells a decision: its files are results of the dossier, not papers of the applicant.
RESULTS = frozenset({Event.LICENCE_ISSUED, Event.LICENCE_AMENDED, Event.RESULT})
#: So many files stand in one message at most: each is kept by a commit of its own.
MOST_FILES = 100
#: Shapes that mean the same wherever they stand, so that no Base64 stays in a form because a registry file does not name it.
#: By the element of the content, as the class sets of both sides have them; sure names first.
COMMON: Mapping[str, AttachmentNames] = {
    "FileByte": AttachmentNames(item="*", id="AttachmentId", code="FileCode", name="FileName", content="FileByte"),
    "Base64FileContent": AttachmentNames(
        item="*",
        id="AttachedSequenceNo",
        code="AttachedTypeCode",
        name="FullFileName",
        link="FileURL",
        content="Base64FileContent",
        sha1="SHA1FileContent",
    ),
}
#: Other names of the same in those shapes (food safety, the health ministry).
_ALSO: Mapping[str, tuple[str, ...]] = {
    "AttachedSequenceNo": ("AttachmentId",),
    "AttachedTypeCode": ("AttachmentCode", "AttachmentTypeCode"),
    "FullFileName": ("AttachmentName", "AttachedDocName"),
    "FileCode": ("AttachTypeCode", "AttachmentTypeCode"),
    "FileName": ("NameOfAttachment", "AttachTypeName"),
}
#: A file of so many bytes or more is put into the written document. In the tree it would be looked at sign by sign and copied
#: when it is set, and again when it is written.
_LONG_BYTES = 4_096
#: Stands for such a file until then. There is no other processing instruction in what we write, and no text is written so.
_MARK = ("file", "here")
_WRITTEN_MARK = b"<?file here?>"
#: Elements that are a file by themselves; ``FileAttack`` is how it is spelt.
ALONE = ("HealthCertificateFile", "DispatchFile", "FileAttack")


@dataclass(frozen=True, slots=True)
class Taken:
    """What a content holds of files."""

    attachments: tuple[Attachment, ...] = ()
    files: tuple[InlineFile, ...] = ()
    faults: tuple[Fault, ...] = ()


# --- reading ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Reading:
    """One content whose files are being taken out."""

    found: list[Attachment] = field(default_factory=list)
    files: dict[str, InlineFile] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def item(self, item: etree._Element, shape: AttachmentNames) -> None:
        place = item if shape.content == shape.item else _child(item, shape.content)
        digest, size = self.inside(place, _child(item, shape.sha1)) if place is not None else ("", 0)
        number = _text(item, shape.id)
        name = _text(item, shape.name) or number or (str(item.tag) if digest else "")
        code = shape.kind or _text(item, shape.code)
        url = digest or self.link(item, shape)
        if name or code or url:
            self.found.append(Attachment(id=number, name=name or code, component_code=code, url=url, digest=digest, size=size))

    def link(self, item: etree._Element, shape: AttachmentNames) -> str:
        """Read a file's address; a digest in its place would name a file of the hub's own store, which is nobody's to name."""
        url = _text(item, shape.link)
        if not DIGEST.fullmatch(url):
            return url
        place = _child(item, shape.link)
        vi, en = "liên kết tệp phải là một địa chỉ", "a file's link must be an address"
        self.faults.append(bad_value(_where(item if place is None else place), vi, en))
        return ""

    def inside(self, place: etree._Element, sha1: etree._Element | None) -> tuple[str, int]:
        """Take one file out of its element; an empty element holds none."""
        text = "" if len(place) else place.text or ""
        try:
            signs = base64_files.compacted(text)
        except ValueError:
            self.faults.append(bad_value(_where(place), "nội dung tệp không phải Base64", "the file is not Base64"))
            return "", 0
        if not signs:
            return "", 0
        said = "" if sha1 is None else (sha1.text or "").strip()
        told = base64_files.measured(signs, sha1=bool(said))
        if sha1 is not None and said and not base64_files.same_sha1(said, told.sha1):
            vi, en = "SHA-1 không khớp với nội dung tệp", "the SHA-1 is not that of the file"
            self.faults.append(Fault(_where(sha1), "sha1_mismatch", vi, en))
        self.files.setdefault(told.digest, InlineFile(digest=told.digest, size=told.size, pieces=told.pieces))
        place.text = told.digest
        return told.digest, told.size


def take(root: etree._Element, shapes: Sequence[AttachmentNames]) -> Taken:
    """List the files of an envelope's content, and take those that stand inside out of it: their digest stays in their place."""
    content = root.find("Body/Content")
    if content is None:
        return Taken()
    reading = _Reading()
    for item, shape in list(_items(content, shapes)):
        reading.item(item, shape)
    if len(reading.files) > MOST_FILES:
        vi, en = f"quá {MOST_FILES} tệp trong một thông điệp", f"more than {MOST_FILES} files stand in one message"
        reading.faults.append(Fault(_where(content), "too_many_files", vi, en))
    return Taken(tuple(reading.found), tuple(reading.files.values()), tuple(reading.faults))


def _items(content: etree._Element, shapes: Sequence[AttachmentNames]) -> Iterator[tuple[etree._Element, AttachmentNames]]:
    """Give each item once, in the document's order within its shape: the registry's shapes first, then what is common."""
    seen: set[etree._Element] = set()
    for shape in shapes:
        for item in content.iter(shape.item):
            if item in seen or (shape.list and not _is_in(item, shape.list)):
                continue
            seen.add(item)
            yield item, _completed(item, shape)
    for leaf in list(content.iter(*COMMON)):
        parent = leaf.getparent() if leaf is not content else None
        if parent is not None and parent not in seen:
            seen.add(parent)
            yield parent, COMMON[str(leaf.tag)]
    for leaf in list(content.iter(*ALONE)):
        if leaf not in seen and not len(leaf):
            yield leaf, AttachmentNames(item=str(leaf.tag), content=str(leaf.tag))


def _completed(item: etree._Element, shape: AttachmentNames) -> AttachmentNames:
    """Name the content of a shape whose registry entry has none, where this item has one all the same."""
    if shape.content:
        return shape
    there = next((name for name in COMMON if item.find(name) is not None), "")
    return shape.model_copy(update={"content": there, "sha1": shape.sha1 or COMMON[there].sha1}) if there else shape


def _is_in(item: etree._Element, name: str) -> bool:
    parent = item.getparent()
    return parent is not None and parent.tag == name


def _where(element: etree._Element) -> str:
    """Give the path of an element in its document, which need not be the one in which it was made."""
    top = next(reversed(list(element.iterancestors())), element)
    below = etree.ElementTree(top).getelementpath(element)
    return f"/{top.tag}" + ("" if below == "." else f"/{below}")


def _child(item: etree._Element, name: str) -> etree._Element | None:
    return item.find(name) if name else None


def _text(item: etree._Element, name: str) -> str:
    """Read a text by one of its names."""
    return next(filter(None, (xml.text(item, each) for each in (name, *_ALSO.get(name, ())) if each)), "")


def as_results(taken: Taken, known: tuple[ResultDocument, ...]) -> tuple[ResultDocument, ...]:
    """Give the files of a decision as result documents; the only file of the only document is that document."""
    files = [each for each in taken.attachments if each.url]
    if len(files) == len(known) == 1 and not known[0].url:
        return (known[0].model_copy(update={"url": files[0].url}),)
    there = {each.url for each in known}
    more = (
        ResultDocument(name=each.name, component_code=each.component_code, id=each.id, url=each.url)
        for each in files
        if each.url not in there
    )
    return (*known, *more)


# --- writing ------------------------------------------------------------------------------------------------------


def files_of(message: DossierMessage, links: Mapping[str, str]) -> list[Attachment]:
    """List the files that a message tells of, one address each, at the addresses for this partner."""
    dossier: Dossier = relinked(message.dossier, links)
    if message.event in RESULTS and any(each.url for each in dossier.results):
        return [
            Attachment(id=each.id, name=each.name, component_code=each.component_code, url=each.url)
            for each in dossier.results
            if each.url
        ]
    return [each for each in dossier.attachments if not each.deleted]


def lists(
    files: Sequence[Attachment], shapes: Iterable[AttachmentNames], structure: Structure, tree: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the files of a dossier in the shapes that a content has room for: name of the element -> what stands in it.

    A group of one kind takes the files of its kind, the first other shape takes all that is left.
    """
    if not files:
        return {}
    found: dict[str, Any] = {}
    left = list(files)
    order = structure.order
    fitting = [shape for shape in shapes if (shape.list or shape.item) in order and (shape.list or shape.item) not in tree]
    for shape in sorted(fitting, key=lambda each: not each.kind):
        mine = [each for each in left if not shape.kind or each.component_code == shape.kind]
        if not mine or (shape.list or shape.item) in found:
            continue
        left = [each for each in left if each not in mine]
        known = structure.below.get(shape.item, ())
        items = [_written(each, number, shape, known) for number, each in enumerate(mine, 1)]
        found[shape.list or shape.item] = {shape.item: items} if shape.list else items
    return found


def _written(file: Attachment, number: int, shape: AttachmentNames, order: Sequence[str]) -> Any:
    """Write one file, in the schema's order; its content is named by its address, in whose place its bytes come."""
    if shape.content == shape.item:
        return file.url
    # One message of a procedure may have no place for the content (a ship's entry permit): then it is a link.
    within = shape.content if shape.content in order or not order else ""
    values = {
        shape.id: file.id or str(number),
        shape.code: "" if shape.kind else file.component_code,
        shape.name: file.name,
        shape.sha1: "",
        shape.link: "" if within else file.url,
        within: file.url,
    }
    named = sorted(filter(None, values), key=lambda name: order.index(name) if name in order else len(order))
    return {name: values[name] for name in named if name in order or not order}


def places_of(shapes: Iterable[AttachmentNames]) -> set[str]:
    """Name the elements in which files stand as Base64."""
    return {*COMMON, *ALONE, *(shape.content for shape in shapes if shape.content)}


def has_any(tree: Mapping[str, Any], names: Set[str]) -> bool:
    """Say whether an element of one of these names stands anywhere in a tree."""
    # Nearly all that stands in one are texts.
    return not names.isdisjoint(tree) or any([_has_any(each, names) for each in tree.values() if type(each) is not str])


def _has_any(value: Any, names: Set[str]) -> bool:
    if isinstance(value, (dict, Mapping)):
        return has_any(value, names)
    return isinstance(value, (list, tuple)) and any([_has_any(each, names) for each in value])


def inside(tree: Mapping[str, Any], shapes: Sequence[AttachmentNames]) -> tuple[str, ...]:
    """Name the files that must stand inside a content that is about to be written: those in elements for Base64."""
    found: dict[str, None] = {}
    _add_names(found, tree, places_of(shapes))
    return tuple(found)


def _add_names(found: dict[str, None], tree: Mapping[str, Any], places: set[str]) -> None:
    """Add the names of files that stand in certain places of a tree; nearly all that is in one are texts elsewhere."""
    for name, value in tree.items():
        if isinstance(value, str):
            if name in places and is_name(value):
                found[value.strip()] = None
        elif isinstance(value, Mapping):
            _add_names(found, value, places)
        elif isinstance(value, list | tuple):
            for each in value:
                _add_names(found, each if isinstance(each, Mapping) else {name: each}, places)


def is_name(text: str) -> bool:
    """Tell the name of a file, a digest or an address, from a text of Base64."""
    return bool(DIGEST.fullmatch(text.strip())) or "://" in text


@dataclass(frozen=True, slots=True)
class Apart:
    """Long files of a document that is being written: its tree has only marks for them."""

    #: Elements whose text nobody looks at.
    places: Set[str]
    #: In the document's order.
    files: list[tuple[etree._Element, bytes]] = field(default_factory=list)

    def takes(self, place: etree._Element, octets: bytes) -> bool:
        """Leave a mark in the place of a long file; say whether that was done."""
        # An attribute may be a type of its own (xsi:type).
        if len(octets) < _LONG_BYTES or place.tag not in self.places or place.items():
            return False
        place.text = None
        place.append(etree.PI(*_MARK))
        self.files.append((place, octets))
        return True

    def put_in(self) -> bool:
        """Put the files into the tree after all; say whether there are any."""
        for place, octets in self.files:
            del place[:]
            place.text = base64_files.written(octets)
        return bool(self.files)

    def written(self, root: etree._Element) -> bytes:
        """Write the document with its files."""
        first, *after = xml.serialise(root).split(_WRITTEN_MARK) if self.files else (xml.serialise(root),)
        files = (pybase64.b64encode(octets) for _, octets in self.files)
        return b"".join((first, *chain.from_iterable(zip(files, after, strict=True))))


def fill(
    root: etree._Element, contents: Mapping[str, bytes], shapes: Sequence[AttachmentNames], apart: Apart | None = None
) -> tuple[Fault, ...]:
    """Put the bytes of files into the elements that name them, and their SHA-1 beside; a fault for each that is not there.

    ``apart`` takes the long ones of which only a mark need stand in the tree.
    """
    faults: list[Fault] = []
    for place in list(root.iter(*places_of(shapes))):
        name = (place.text or "").strip()
        if len(place) or not is_name(name):
            continue
        octets = contents.get(name)
        if octets is None:
            faults.append(without_content(_where(place)))
            continue
        if apart is None or not apart.takes(place, octets):
            place.text = base64_files.written(octets)
        _sum(place, shapes, octets)
    return tuple(faults)


def _sum(place: etree._Element, shapes: Sequence[AttachmentNames], octets: bytes) -> None:
    """Write a file's SHA-1 where its shape has a place for it."""
    names = {shape.content: shape.sha1 for shape in (*shapes, *COMMON.values()) if shape.content and shape.sha1}
    name, parent = names.get(str(place.tag), ""), place.getparent()
    beside = parent.find(name) if name and parent is not None else None
    if beside is not None:
        beside.text = base64_files.sha1_of(octets)


def without_content(path: str) -> Fault:
    """Say that a file must stand inside and is not there: nothing is sent without it."""
    vi, en = "thiếu nội dung tệp phải gửi kèm trong thông điệp", "the file that must stand inside the message is not there"
    return Fault(path, "without_content", vi, en)


def linked(content: etree._Element, links: Mapping[str, str]) -> None:
    """Put the addresses at which this partner fetches files in place of those that the form has."""
    if not links:
        return
    for element in content.iter("*"):
        if not len(element) and element.text and (there := links.get(element.text.strip())):
            element.text = there
