"""Write a canonical message as a document of a package's form: the same message gives the same bytes (Message Translator)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from adapters.asean_window import texts
from adapters.asean_window.canonical_side import EACH, Head, Path, leaves, pointer, shown, value_at
from adapters.asean_window.package import Form
from adapters.asean_window.xml_side import Node, Place, Step
from hub.canonical.border.message import BorderMessage
from hub.errors import Fault, InvalidMessage
from hub.rules import xml

#: What is ours, and is told to nobody abroad: nobody looks for it there.
INTERNAL = (("dossier",), ("native",))
#: So many paths without a place are listed.
MOST_LISTED = 50


@dataclass(frozen=True, slots=True)
class Written:
    """A document, and what of the message has no place in it."""

    body: bytes
    left_out: tuple[str, ...]


def write(form: Form, head: Head, message: BorderMessage) -> Written:
    """Write a message; raise InvalidMessage with every fault, each by its place in the canonical message."""
    pen = _Pen(form, {**message.model_dump(), "head": head.model_dump()})
    root = etree.Element(form.root, nsmap=_prefixes(form))  # type: ignore[arg-type]
    pen.fill(root, form.tree, ())
    pen.faults += _schema_faults(form, root)
    if pen.faults:
        raise InvalidMessage(pen.faults)
    return Written(xml.serialise(root, declaration=True), tuple(_left_out(form, pen.tree))[:MOST_LISTED])


def _prefixes(form: Form) -> dict[str | None, str]:
    """Name the root's own namespace as default, so that documents are short."""
    namespace = etree.QName(form.root).namespace
    return {None: namespace} if namespace else {}


@dataclass
class _Pen:
    """Fills elements, and remembers what could not be written."""

    form: Form
    tree: Mapping[str, Any]
    faults: list[Fault] = field(default_factory=list)

    def fill(self, element: etree._Element, node: Node, indexes: tuple[int, ...]) -> bool:
        """Write all that belongs to an element; say whether there was anything."""
        there = self._own(element, node, indexes)
        for each in node.elements():
            for further in self._times(each, indexes):
                child = etree.Element(each.step.tag)
                # A member of a list stands there also where it is empty: the others keep their places.
                if self.fill(child, each, (*indexes, *further)) or each.step.repeated:
                    element.append(child)
                    there = True
        return there

    def _times(self, node: Node, indexes: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if not node.step.repeated:
            yield ()
            return
        members = value_at(self.tree, node.members[:-1], indexes) or ()
        yield from ((index,) for index in range(len(members)))

    def _own(self, element: etree._Element, node: Node, indexes: tuple[int, ...]) -> bool:
        text = self._text(node, indexes)
        if text:
            self._set(element, None, text, node, indexes)
        there = bool(text)
        for attribute in node.attributes():
            if value := self._text(attribute, indexes):
                self._set(element, attribute.step, value, attribute, indexes)
                # A version that always stands there is no reason for an element of which there is nothing to say.
                there = there or not attribute.places[0].fixed
        return there

    def _text(self, node: Node, indexes: tuple[int, ...]) -> str:
        """Give what stands in one place; two canonical values that stand in one place must be one."""
        found: dict[str, Place] = {}
        for place in node.places:
            if place.fixed:
                return place.fixed
            try:
                found.setdefault(texts.written(value_at(self.tree, _list_itself(place), indexes), place), place)
            except texts.Unreadable as error:
                self.faults.append(Fault(pointer(place.path, indexes), error.code, error.vi, error.en))
        said = [text for text in found if text]
        if len(said) > 1:
            one, other = (found[text] for text in said[:2])
            vi, en = f"phải giống {shown(one.path)}", f"it must be the same as {shown(one.path)}"
            self.faults.append(Fault(pointer(other.path, indexes), "bad_value", vi, en))
        return said[0] if said else ""

    def _set(self, element: etree._Element, attribute: Step | None, text: str, node: Node, indexes: tuple[int, ...]) -> None:
        try:
            if attribute is None:
                element.text = text
            else:
                element.set(attribute.tag[1:], text)
        except ValueError:
            place = pointer(node.places[0].path, indexes)
            vi, en = "nội dung không ghi được vào XML", "this content cannot be written into XML"
            self.faults.append(Fault(place, "bad_character", vi, en))


def _list_itself(place: Place) -> Path:
    """Of a list that is one text in the document: the list."""
    return place.path[:-1] if place.join else place.path


# --- faults of the schema, by the canonical message ---------------------------------------------------------------


def _schema_faults(form: Form, root: etree._Element) -> Iterator[Fault]:
    for fault in xml.faults(form.schema, root):
        yield Fault(_canonical(form, fault.path), fault.code, f"{fault.path}: {fault.vi}", f"{fault.path}: {fault.en}")


def _canonical(form: Form, path: str) -> str:
    """Find the canonical place that an XPath of our own document is made from; the XPath where there is none."""
    node, indexes = form.tree, []
    for part in path.strip("/").split("/")[1:]:
        name, _, position = part.partition("[")
        found = next((each for each in node.children if each.step.short == name), None)
        if found is None:
            return path
        node = found
        if node.step.repeated:
            indexes.append(int(position.rstrip("]") or 1) - 1)
    if node.places and node.places[0].path:
        return pointer(node.places[0].path, indexes)
    return pointer(node.members, indexes) if node.members else path


# --- what has no place --------------------------------------------------------------------------------------------


def _left_out(form: Form, tree: Mapping[str, Any]) -> Iterator[str]:
    """List the values that the message has and the form has no place for."""
    placed = {place.path for place in form.places}
    for path, leaf in leaves().items():
        ours = path[0] == "head" or any(path[: len(each)] == each for each in INTERNAL)
        if not ours and path not in placed and _says_something(tree, path, leaf.default):
            yield shown(path)


def _says_something(tree: Any, path: Path, default: object) -> bool:
    for at, step in enumerate(path):
        if tree is None or tree == ():
            return False
        if step == EACH:
            return any(_says_something(member, path[at + 1 :], default) for member in tree)
        tree = tree.get(step) if isinstance(tree, Mapping) else tree[int(step)]
    return tree not in (None, "", (), default)
