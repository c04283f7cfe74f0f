"""What a schema allows inside each element, read from its documents: explains content faults that libxml2 only detects.

libxml2 stops at the first missing or unexpected child of a parent and does not look at the children after it. Whether
a document is valid is libxml2's word alone; this room says what is wrong with a parent it complained about, all of it,
and mends a copy so that the rest can be looked at. Where it cannot tell (``xsi:type``, repeated groups) it is silent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lxml import etree

XS = "{http://www.w3.org/2001/XMLSchema}"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

_UNBOUNDED = 1_000_000_000
#: Missing repetitions of one element that are named one by one.
_NAMED_REPETITIONS = 20
_PARTICLES = {f"{XS}{name}" for name in ("sequence", "all", "choice", "group")}

Counts = Counter[str]


@dataclass(frozen=True)
class Part:
    """One piece of a content model: an element, or a group of pieces."""

    kind: Literal["element", "sequence", "all", "choice", "any"]
    minimum: int = 1
    maximum: int = 1
    tag: str = ""
    declaration: etree._Element | None = None
    parts: tuple[Part, ...] = ()

    def leaves(self) -> Iterator[Part]:
        """Iterate over the elements of the model, in the order of the schema."""
        if self.kind == "element":
            yield self
        for part in self.parts:
            yield from part.leaves()

    def inner(self) -> Iterator[Part]:
        """Iterate over this piece and all pieces below it."""
        yield self
        for part in self.parts:
            yield from part.inner()

    def present(self, counts: Counts) -> bool:
        return any(counts[leaf.tag] for leaf in self.leaves())

    def required(self) -> bool:
        """Tell whether this piece cannot be empty."""
        if self.minimum == 0 or self.kind in ("element", "any"):
            return self.minimum > 0
        needs = [part.required() for part in self.parts]
        return (bool(needs) and all(needs)) if self.kind == "choice" else any(needs)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong among the children of one element."""

    kind: Literal["missing", "unexpected", "too_many", "out_of_order"]
    #: The child; None where it is missing.
    node: etree._Element | None = None
    #: Tags of which one is missing; more than one for a choice.
    tags: tuple[str, ...] = ()
    #: The how-many-eth of its name is missing, counted from 1; 0 where one is allowed at most.
    ordinal: int = 0


class ContentModel:
    """The elements, types and groups of a schema and of the documents it includes."""

    def __init__(self, documents: Sequence[tuple[etree._Element, str]]) -> None:
        #: Root of each document -> its namespace (that of the including one, where it names none).
        self._namespaces = {root: namespace for root, namespace in documents}
        self._globals: dict[tuple[str, str], etree._Element] = {}
        self._members: dict[str, list[str]] = {}
        self._contents: dict[etree._Element, Part | None] = {}
        for root, namespace in documents:
            for node in root:
                if name := node.get("name"):
                    self._globals[_local(node), _clark(namespace, name)] = node
        for (kind, tag), node in self._globals.items():
            if kind == "element" and (head := node.get("substitutionGroup")):
                self._members.setdefault(self._resolve(node, head), []).append(tag)

    def content_at(self, element: etree._Element) -> Part | None:
        """Find the content model of an element of a message, by the way from its root; None where not known."""
        if element.get(XSI_TYPE) is not None:
            return None
        declaration = self._declaration(element)
        return None if declaration is None else self._content(declaration)

    def built_in(self, element: etree._Element) -> str:
        """Name the built-in type (``short``, ``dateTime``) under the simple type of an element; empty where not known."""
        at = self._declaration(element)
        name = "" if at is None else at.get("type", "")
        while at is not None:
            if name and self._resolve(at, name).startswith(XS):
                return name.rpartition(":")[2]
            at = self._globals.get(("simpleType", self._resolve(at, name))) if name else at.find(f"{XS}simpleType")
            restriction = None if at is None else at.find(f"{XS}restriction")
            at, name = restriction, "" if restriction is None else restriction.get("base", "")
        return ""

    def _declaration(self, element: etree._Element) -> etree._Element | None:
        parent = element.getparent()
        if parent is None:
            return self._globals.get(("element", str(element.tag)))
        content = self.content_at(parent)
        leaf = next((leaf for leaf in content.leaves() if leaf.tag == element.tag), None) if content else None
        return leaf.declaration if leaf else None

    def _content(self, declaration: etree._Element) -> Part | None:
        if declaration not in self._contents:
            inline = declaration.find(f"{XS}complexType")
            named = declaration.get("type")
            if inline is None and named:
                inline = self._globals.get(("complexType", self._resolve(declaration, named)))
            self._contents[declaration] = None if inline is None else self._type_content(inline)
        return self._contents[declaration]

    def _type_content(self, definition: etree._Element) -> Part | None:
        if definition.find(f"{XS}simpleContent") is not None:
            return None
        complex_content = definition.find(f"{XS}complexContent")
        if complex_content is None:
            return self._own_content(definition)
        extension = complex_content.find(f"{XS}extension")
        if extension is None:
            restriction = complex_content.find(f"{XS}restriction")
            return None if restriction is None else self._own_content(restriction)
        base = self._globals.get(("complexType", self._resolve(extension, extension.get("base", ""))))
        inherited = None if base is None else self._type_content(base)
        return None if inherited is None else Part("sequence", parts=(inherited, self._own_content(extension)))

    def _own_content(self, holder: etree._Element) -> Part:
        found = next((child for child in holder if child.tag in _PARTICLES), None)
        return Part("sequence") if found is None else self._particle(found)

    def _particle(self, node: etree._Element) -> Part:
        kind, (minimum, maximum) = _local(node), _occurs(node)
        if kind == "element":
            return self._element(node, minimum, maximum)
        if kind == "group":
            definition = self._globals.get(("group", self._resolve(node, node.get("ref", ""))))
            inner = [] if definition is None else [self._own_content(definition)]
            return Part("sequence", minimum, maximum, parts=tuple(inner))
        if kind in ("sequence", "all", "choice"):
            parts = tuple(self._particle(child) for child in node if _local(child) != "annotation")
            return Part(kind, minimum, maximum, parts=parts)  # type: ignore[arg-type]
        return Part("any", minimum, maximum)

    def _element(self, node: etree._Element, minimum: int, maximum: int) -> Part:
        ref = node.get("ref")
        if ref is None:
            return Part("element", minimum, maximum, self._local_tag(node), node)
        tags = self._substitutes(self._resolve(node, ref))
        alternatives = tuple(Part("element", tag=tag, declaration=self._globals.get(("element", tag))) for tag in tags)
        if len(alternatives) == 1:
            return Part("element", minimum, maximum, alternatives[0].tag, alternatives[0].declaration)
        return Part("choice", minimum, maximum, parts=alternatives)

    def _substitutes(self, head: str) -> tuple[str, ...]:
        """Name what may stand where an element is referred to: itself, unless abstract, and its substitution group."""
        declaration = self._globals.get(("element", head))
        abstract = declaration is not None and declaration.get("abstract") in ("true", "1")
        own = () if abstract else (head,)
        return own + tuple(tag for member in self._members.get(head, ()) for tag in self._substitutes(member))

    def _local_tag(self, node: etree._Element) -> str:
        schema = node.getroottree().getroot()
        qualified = node.get("form", schema.get("elementFormDefault", "unqualified")) == "qualified"
        return _clark(self._namespaces.get(schema, "") if qualified else "", node.get("name", ""))

    def _resolve(self, node: etree._Element, name: str) -> str:
        """Resolve a prefixed name of a schema document (chameleon includes take the includer's namespace)."""
        prefix, _, local = name.rpartition(":")
        namespace = node.nsmap.get(prefix or None)
        schema = node.getroottree().getroot()
        if namespace is None and not prefix and schema.get("targetNamespace") is None:
            namespace = self._namespaces.get(schema, "")
        return _clark(namespace or "", local)


# --- what is wrong below one element, and how to mend a copy of it ------------------------------------------------


def problems(content: Part, parent: etree._Element) -> tuple[Problem, ...]:
    """Say all that is wrong with the children of an element, compared with its content model."""
    counts: Counts = Counter(str(child.tag) for child in parent)
    surplus = [*_unknown(content, parent), *_surplus(content, parent), *_rivals(content, counts, parent)]
    once = {id(problem.node): problem for problem in reversed(surplus)}
    staying = [child for child in parent if id(child) not in once]
    return (*reversed(once.values()), *_missing(content, counts), *_misplaced(content, staying))


def mend(content: Part, parent: etree._Element, found: Sequence[Problem]) -> list[etree._Element]:
    """Mend an element so that its children can be looked at; return the placeholders put in for what is missing."""
    for problem in found:
        if problem.node is not None and problem.kind != "out_of_order":
            parent.remove(problem.node)
    placeholders = [etree.SubElement(parent, problem.tags[0]) for problem in found if problem.kind == "missing"]
    ranks = _ranks(content)
    if ranks is not None:
        parent[:] = sorted(parent, key=lambda child: ranks.get(str(child.tag), 0))
    return placeholders


def _unknown(content: Part, parent: etree._Element) -> Iterator[Problem]:
    if any(part.kind == "any" for part in content.inner()):
        return
    known = {leaf.tag for leaf in content.leaves()}
    yield from (Problem("unexpected", child) for child in parent if child.tag not in known)


def _surplus(content: Part, parent: etree._Element) -> Iterator[Problem]:
    """Find children beyond the greatest number that any reading of the model allows."""
    allowed: Counts = Counter()
    for leaf, times in _maxima(content, 1):
        allowed[leaf.tag] += leaf.maximum * times
    seen: Counts = Counter()
    for child in parent:
        tag = str(child.tag)
        seen[tag] += 1
        if tag in allowed and seen[tag] > allowed[tag]:
            yield Problem("too_many", child)


def _maxima(part: Part, times: int) -> Iterator[tuple[Part, int]]:
    if part.kind == "element":
        yield part, times
    for inner in part.parts:
        yield from _maxima(inner, times * part.maximum)


def _rivals(part: Part, counts: Counts, parent: etree._Element) -> Iterator[Problem]:
    """Find children of a second alternative where a choice allows one."""
    if part.maximum > 1:
        return
    chosen = [inner for inner in part.parts if inner.present(counts)]
    if part.kind == "choice" and len(chosen) > 1:
        kept = {leaf.tag for leaf in chosen[0].leaves()}
        others = {leaf.tag for inner in chosen[1:] for leaf in inner.leaves()} - kept
        yield from (Problem("unexpected", child) for child in parent if child.tag in others)
        chosen = chosen[:1]
    for inner in chosen:
        yield from _rivals(inner, counts, parent)


def _missing(part: Part, counts: Counts) -> Iterator[Problem]:
    if part.kind == "any" or (part.minimum == 0 and not part.present(counts)):
        return
    if part.kind == "element":
        for ordinal in range(counts[part.tag] + 1, min(part.minimum, counts[part.tag] + _NAMED_REPETITIONS) + 1):
            yield Problem("missing", tags=(part.tag,), ordinal=0 if part.maximum == 1 else ordinal)
    elif part.maximum > 1 and part.present(counts):
        return  # which repetition lacks it cannot be told
    elif part.kind == "choice":
        yield from _missing_choice(part, counts)
    else:
        for inner in part.parts:
            yield from _missing(inner, counts)


def _missing_choice(part: Part, counts: Counts) -> Iterator[Problem]:
    chosen = next((inner for inner in part.parts if inner.present(counts)), None)
    if chosen is not None:
        yield from _missing(chosen, counts)
    elif part.required():
        firsts = (next(inner.leaves(), None) for inner in part.parts)
        yield Problem("missing", tags=tuple(dict.fromkeys(leaf.tag for leaf in firsts if leaf)))


def _misplaced(content: Part, children: Sequence[etree._Element]) -> Iterator[Problem]:
    ranks = _ranks(content)
    if ranks is None or content.kind == "all":
        return
    highest = -1
    for child in children:
        rank = ranks.get(str(child.tag), highest)
        if rank < highest:
            yield Problem("out_of_order", child)
        highest = max(highest, rank)


def _ranks(content: Part) -> dict[str, int] | None:
    """Give each tag its place in the order of the schema; None where a tag can have more than one place."""
    leaves = [leaf.tag for leaf in content.leaves()]
    several = any(part.kind == "any" or (part.kind != "element" and part.maximum > 1) for part in content.inner())
    if several or len(set(leaves)) < len(leaves):
        return None
    return {tag: rank for rank, tag in enumerate(leaves)}


def _occurs(node: etree._Element) -> tuple[int, int]:
    maximum = node.get("maxOccurs", "1")
    return int(node.get("minOccurs", "1")), _UNBOUNDED if maximum == "unbounded" else int(maximum)


def _local(node: etree._Element) -> str:
    return etree.QName(node).localname


def _clark(namespace: str, local: str) -> str:
    return f"{{{namespace}}}{local}" if namespace else local
