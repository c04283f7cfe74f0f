"""What is wrong with one form of a package: a place that its schema does not have, a value that nobody gave a place (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from lxml import etree

from adapters.asean_window.canonical_side import CONTENT, EACH, Path, leaves, shown
from adapters.asean_window.xml_side import Node, Place, where
from hub.canonical.border.message import BorderDocument, BorderEvent
from hub.rules import xml

#: What identifies a document and its parties: no form can do without.
_NEEDED = ("head.message_id", "head.sender", "head.receiver", "number", "issuing_country")


class Checked(Protocol):
    """What is looked at of a form."""

    @property
    def root(self) -> str: ...
    @property
    def document(self) -> BorderDocument: ...
    @property
    def document_type(self) -> str: ...
    @property
    def functions(self) -> Mapping[BorderEvent, str]: ...
    @property
    def places(self) -> tuple[Place, ...]: ...
    @property
    def tree(self) -> Node: ...
    @property
    def schema(self) -> xml.Schema: ...
    @property
    def without(self) -> Mapping[Path, str]: ...


def faults_of(form: Checked) -> Iterator[str]:
    """Say all that is wrong with a form."""
    yield from _not_in_the_schema(form)
    yield from _without_a_place(form)
    yield from _lacking(form)


# --- against the schema -------------------------------------------------------------------------------------------


def _not_in_the_schema(form: Checked) -> Iterator[str]:
    """Hold a document with everything in it against the schema: places it does not know, and those it wants and nobody fills."""
    specimen = etree.Element(form.root)
    yield from _fill(specimen, form.tree, form.schema)
    for fault in xml.faults(form.schema, specimen):
        if fault.code == "unexpected" and (form.root.rpartition("}")[2] == fault.path.strip("/") or "@" in fault.path):
            yield f"{fault.path} is not in the schema"
        elif fault.code == "missing" and not _may_be_blank(form, specimen, fault.path):
            yield f"the schema asks for {fault.path}, which no value fills"


def in_schema_order(tree: Node, schema: xml.Schema) -> Node:
    """Put the elements of a form into the order of its schema, so that a package may list them in any."""
    _sort(etree.Element(tree.step.tag), tree, schema)
    return tree


def _sort(element: etree._Element, node: Node, schema: xml.Schema) -> None:
    content = schema.model.content_at(element)
    ranks = {part.tag: rank for rank, part in reversed(list(enumerate(content.leaves())))} if content else {}
    node.children.sort(key=lambda each: ranks.get(each.step.tag, len(ranks)))
    for each in node.elements():
        _sort(etree.SubElement(element, each.step.tag), each, schema)


def _fill(element: etree._Element, node: Node, schema: xml.Schema) -> Iterator[str]:
    for attribute in node.attributes():
        element.set(attribute.step.tag[1:], "1")
    content = schema.model.content_at(element)
    known = {part.tag: part for part in content.leaves()} if content else {}
    anything = content is not None and any(part.kind == "any" for part in content.inner())
    for each in node.elements():
        child = etree.SubElement(element, each.step.tag)
        if each.step.tag not in known and not anything:
            yield f"{where(child)} is not in the schema"
            element.remove(child)
            continue
        yield from _fill(child, each, schema)


def _may_be_blank(form: Checked, specimen: etree._Element, path: str) -> bool:
    """Say whether a fault is only that the specimen's elements are empty: they stand there."""
    names = path.strip("/").split("/")
    node = form.tree
    for name in names[1:]:
        plain = name.partition("[")[0]
        found = next((each for each in node.children if each.step.short == plain), None)
        if found is None:
            return False
        node = found
    return True


# --- against the canonical form -----------------------------------------------------------------------------------


def _without_a_place(form: Checked) -> Iterator[str]:
    """Say which values have no place and are not listed as having none."""
    placed = {place.path for place in form.places}
    others = {CONTENT[document] for document in BorderDocument if document is not form.document}
    for path in leaves():
        if path not in placed and path[0] not in others and not any(path[: len(each)] == each for each in form.without):
            yield f"{shown(path)} has no place and is not listed under without"
    for each in form.without:
        if not any(path[: len(each)] == each for path in leaves()):
            yield f"without: there is no {shown(each)} in the canonical form"
        elif any(path[: len(each)] == each for path in placed):
            yield f"without: {shown(each)} has a place"


def _lacking(form: Checked) -> Iterator[str]:
    """Say what must have a place, since what it stands in cannot be read without it."""
    read = {place.path for place in form.places if place.read}
    needed = {tuple(name.split(".")) for name in _NEEDED}
    if form.document_type:
        needed.add(("head", "document_type"))
    if len(form.functions) > 1 or any(form.functions.values()):
        needed.add(("head", "function"))
    above = {path[:end] for path in read for end in range(1, len(path))}
    needed |= {path for path, leaf in leaves().items() if leaf.required and path[:-1] in above}
    for path in sorted(needed - read):
        if path[:-1] and path[-1] != EACH and path[0] != "head" and path[:-1] not in above:
            continue
        yield f"{shown(path)} must have a place that is read"
