"""Read a document of a package into a canonical message; all faults at once, what has no place is listed (Message Translator)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

from lxml import etree
from pydantic import ValidationError

from adapters.asean_window import texts
from adapters.asean_window.canonical_side import EACH, Head, Path, put, settled, value_at
from adapters.asean_window.package import Form, Package
from adapters.asean_window.writing import MOST_LISTED
from adapters.asean_window.xml_side import Node, Place, where, where_it_would_be
from hub.canonical.border.message import BorderEvent, BorderMessage
from hub.errors import Fault, InvalidMessage, bad_value, missing
from hub.rules import xml
from hub.rules.xml_tree import MAX_FAULTS

_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_LONGEST_PATH = 200
#: What the canonical form lacks is told so often: a value that cannot be read is lacking there, too, and is told anyway.
MOST_MODEL_FAULTS = 100


@dataclass(frozen=True, slots=True)
class Read:
    """A document, read."""

    form: Form
    head: Head
    message: BorderMessage
    #: Paths in it that have no place in the canonical form.
    left_out: tuple[str, ...]
    #: Where canonical values stand, by their paths, for faults of others.
    root: etree._Element = field(repr=False)

    def where(self, path: str) -> str:
        """Say where a canonical value stands in the document."""
        place = self.form.place_of(path)
        return where_it_would_be(self.root, place.steps, ()) if place else where(self.root)


def read(document: bytes, package: Package, *, unexpected: Literal["list", "refuse"], max_bytes: int) -> Read:
    """Read a document; raise InvalidMessage with every fault. ``unexpected``: what becomes of elements that no schema knows."""
    root = xml.parse(document, max_bytes=max_bytes)
    form, event, faults = _form(package, root)
    eye = _Eye(list(faults))
    eye.look(root, form.tree, ())
    looked_at = _known_part(root, form.tree) if eye.left_out and unexpected == "list" else root
    by_schema = xml.faults(form.schema, looked_at)
    head, message = _built(form, event, eye, root)
    if by_schema or eye.faults or head is None or message is None:
        raise InvalidMessage(_each_once((*faults, *by_schema, *eye.faults)))
    return Read(form, head, message, tuple(eye.left_out), root)


def _known_part(root: etree._Element, tree: Node) -> etree._Element:
    """Copy a document without what has no place, so that the schema is held against all the rest, whatever stands between."""
    copy = deepcopy(root)
    _prune(copy, tree)
    return copy


def _prune(element: etree._Element, node: Node) -> None:
    attributes = {each.step.tag[1:] for each in node.attributes()}
    for name in [name for name in element.attrib if name not in attributes and not str(name).startswith(_XSI)]:
        del element.attrib[name]
    elements = {each.step.tag: each for each in node.elements()}
    for child in list(element):
        if str(child.tag) in elements:
            _prune(child, elements[str(child.tag)])
        else:
            element.remove(child)


# --- which form ---------------------------------------------------------------------------------------------------


def _form(package: Package, root: etree._Element) -> tuple[Form, BorderEvent, list[Fault]]:
    """Find the form and event of a document by its root, type and function; raises InvalidMessage for an unknown root."""
    forms = package.with_root(str(root.tag))
    if not forms:
        vi, en = "không phải phần tử gốc của chứng từ nào trong lược đồ", "this is the root of no document of the schema"
        raise InvalidMessage([Fault(where(root), "unexpected", vi, en)])
    of_type = [form for form in forms if not form.document_type or _raw(form, root, "head.document_type") == form.document_type]
    for form in of_type:
        event = form.events.get(_raw(form, root, "head.function"))
        if event is not None:
            return form, event, []
    form = (of_type or forms)[0]
    return form, next(iter(form.functions)), [_no_such(form, root, "head.function" if of_type else "head.document_type")]


def _raw(form: Form, root: etree._Element, path: str) -> str:
    place = form.place_of(path)
    if place is None:
        return ""
    at = root
    for step in place.steps:
        if step.tag.startswith("@"):
            return (at.get(step.tag[1:]) or "").strip()
        found = next((each for each in at if each.tag == step.tag), None)
        if found is None:
            return ""
        at = found
    return (at.text or "").strip()


def _no_such(form: Form, root: etree._Element, path: str) -> Fault:
    place = form.place_of(path)
    at = where_it_would_be(root, place.steps, ()) if place else where(root)
    if not _raw(form, root, path):
        return missing(at)
    return Fault(at, "not_in_list", "mã không thuộc danh mục của lược đồ này", "the code is not in this schema's list")


# --- values -------------------------------------------------------------------------------------------------------


@dataclass
class _Eye:
    """Looks at elements, puts their values into a tree, and remembers what could not be read."""

    faults: list[Fault]
    tree: dict[str, Any] = field(default_factory=dict)
    #: An ordered set.
    left_out: dict[str, None] = field(default_factory=dict)

    def look(self, element: etree._Element, node: Node, indexes: tuple[int, ...]) -> None:
        """Read an element and all that is below it."""
        if node.places:
            self._take(node, element.text if not len(element) else "", (element, ""), indexes)
        self._attributes(element, node, indexes)
        there: dict[str, list[etree._Element]] = {}
        for child in element:
            there.setdefault(str(child.tag), []).append(child)
        for each in node.elements():
            self._members(there.pop(each.step.tag, []), each, indexes)
        for others in there.values():
            self._leave_out(others[0], "")

    def _fault(self, at: tuple[etree._Element, str], code: str, vi: str, en: str) -> None:
        """Remember a fault; saying where it is takes as long as there are siblings, so there is an end to it."""
        if len(self.faults) < MAX_FAULTS:
            element, attribute = at
            self.faults.append(Fault(where(element) + (f"/@{attribute}" if attribute else ""), code, vi, en))

    def _leave_out(self, element: etree._Element, attribute: str) -> None:
        """List a place by its names alone: how often it is there says nothing more."""
        names = [str(above.tag).rpartition("}")[2] for above in (element, *element.iterancestors())]
        path = "/" + "/".join([*reversed(names), *([f"@{attribute}"] if attribute else [])])
        if len(self.left_out) < MOST_LISTED:
            self.left_out.setdefault(path[:_LONGEST_PATH])

    def _members(self, found: Sequence[etree._Element], node: Node, indexes: tuple[int, ...]) -> None:
        if node.step.repeated:
            for index, child in enumerate(found):
                further = (*indexes, index)
                self._member(node, further)
                self.look(child, node, further)
            return
        if len(found) > 1:
            self._fault((found[1], ""), "too_many", "chỉ được có một lần", "it may stand here once")
        for child in found[:1]:
            self.look(child, node, indexes)

    def _member(self, node: Node, indexes: tuple[int, ...]) -> None:
        """Make a member of a list, also where nothing stands in it: the others keep their places."""
        members = value_at(self.tree, node.members[:-1], indexes[:-1])
        if members is None or indexes[-1] == len(members):
            texts_only = any(place.path == node.members for place in node.places)
            put(self.tree, node.members, indexes, "" if texts_only else {})

    def _attributes(self, element: etree._Element, node: Node, indexes: tuple[int, ...]) -> None:
        known = {each.step.tag[1:]: each for each in node.attributes()}
        for name, value in element.items():
            short = str(name).rpartition("}")[2]
            if str(name) in known:
                self._take(known[str(name)], str(value), (element, short), indexes)
            elif not str(name).startswith(_XSI):
                self._leave_out(element, short)

    def _take(self, node: Node, text: str | None, at: tuple[etree._Element, str], indexes: tuple[int, ...]) -> None:
        for place in node.places:
            if not place.read or not place.path:
                continue
            try:
                value = texts.read(text or "", place)
            except texts.Unreadable as error:
                self._fault(at, error.code, error.vi, error.en)
                continue
            if value is not None:
                put(self.tree, place.path[:-1] if place.join else place.path, indexes, value)


# --- the message --------------------------------------------------------------------------------------------------


def _built(form: Form, event: BorderEvent, eye: _Eye, root: etree._Element) -> tuple[Head | None, BorderMessage | None]:
    tree = settled(eye.tree)
    head = message = None
    try:
        head = Head.model_validate(tree.pop("head", {}))
    except ValidationError as error:
        eye.faults += _faults(form, root, error, ("head",))
    try:
        message = BorderMessage.model_validate({**tree, "event": event, "document": form.document})
    except ValidationError as error:
        eye.faults += _faults(form, root, error, ())
    return head, message


def _faults(form: Form, root: etree._Element, error: ValidationError, above: Path) -> Iterator[Fault]:
    for each in error.errors(include_input=False, include_url=False)[:MOST_MODEL_FAULTS]:
        path, indexes = _path((*above, *each["loc"]))
        at = _where(form, root, path, indexes)
        if each["type"] == "missing":
            yield missing(at)
        else:
            yield bad_value(at, "giá trị không hợp lệ", "the value is not valid")


def _path(loc: Iterable[int | str]) -> tuple[Path, list[int]]:
    """Turn pydantic's place of a fault into a canonical path; a part of a pair looks like a member of a list there."""
    path: list[str] = []
    indexes: list[int] = []
    for step in loc:
        path.append(EACH if isinstance(step, int) else step)
        indexes += [step] if isinstance(step, int) else []
    return tuple(path), indexes


def _where(form: Form, root: etree._Element, path: Path, indexes: Sequence[int]) -> str:
    places = [place for place in form.places if place.read and place.path]
    exact = next((place for place in places if _alike(place, path)), None)
    below = exact or next((place for place in places if _alike(place, path, below=True)), None)
    return where_it_would_be(root, below.steps, indexes) if below else where(root)


def _alike(place: Place, path: Path, *, below: bool = False) -> bool:
    own = place.path[: len(path)] if below else place.path
    return len(own) == len(path) and all(a == b or (b == EACH and a.isdigit()) for a, b in zip(own, path, strict=True))


def _each_once(faults: Iterable[Fault]) -> list[Fault]:
    """Tell each fault once: the schema and the reader may both see a value that is none, or that is lacking."""
    found: dict[str, Fault] = {}
    for fault in faults:
        found.setdefault(fault.path, fault)
    return list(found.values())
