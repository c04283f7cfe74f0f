"""The XML side of a mapping: the elements and attributes of one form, as a tree in the order of the document (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree

from adapters.asean_window.canonical_side import EACH, Leaf, Path

_NAME = re.compile(r"[A-Za-z_][\w.-]*")


TEXT = Leaf("text")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: an element, or (last) an attribute."""

    #: ``{namespace}name``; of an attribute ``@name``.
    tag: str
    repeated: bool = False

    @property
    def short(self) -> str:
        """The name as a fault shows it."""
        return self.tag.rpartition("}")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one canonical value stands."""

    steps: tuple[Step, ...]
    #: Empty: a text that always stands there (``fixed``).
    path: Path = ()
    leaf: Leaf = TEXT
    fixed: str = ""
    #: Canonical value -> what is written; empty: the value itself.
    codes: Mapping[str, str] = field(default_factory=dict)
    #: How a day or moment is written, as strftime has it; empty: ISO 8601.
    format: str = ""
    #: Offset of moments that are written without one; empty: there must be one.
    zone: str = ""
    #: What stands between the texts of a list that is one text here.
    join: str = ""
    #: False: it is only written; what it says is read in another place.
    read: bool = True


@dataclass(slots=True)
class Node:
    """One element of a form, or one attribute, with all that is below it."""

    step: Step
    places: list[Place] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)
    #: The canonical list of which a repeated element is one member.
    members: Path = ()

    def child(self, step: Step) -> Node:
        """Give the part with this name, new where there is none."""
        for each in self.children:
            if each.step.tag == step.tag:
                return each
        self.children.append(Node(step))
        return self.children[-1]

    def elements(self) -> Iterator[Node]:
        """Iterate over the elements below it."""
        return (each for each in self.children if not each.step.tag.startswith("@"))

    def attributes(self) -> Iterator[Node]:
        """Iterate over its attributes."""
        return (each for each in self.children if each.step.tag.startswith("@"))


def read_steps(written: str, namespaces: Mapping[str, str], prefix: str) -> tuple[Step, ...]:
    """Read ``Items/Item[]/@number`` as its steps; raises ValueError where it is none."""
    return tuple(_step(part, namespaces, prefix) for part in written.split("/"))


def _step(part: str, namespaces: Mapping[str, str], prefix: str) -> Step:
    name, repeated = part.removesuffix(EACH), part.endswith(EACH)
    if name.startswith("@"):
        if repeated or not _NAME.fullmatch(name[1:]):
            raise ValueError(f"{part!r} is no attribute")
        return Step(name)
    return Step(clark(name, namespaces, prefix), repeated)


def clark(name: str, namespaces: Mapping[str, str], prefix: str) -> str:
    """Write a prefixed name with its namespace; raises ValueError where the prefix is unknown."""
    given, _, local = name.rpartition(":")
    used = given or prefix
    if not _NAME.fullmatch(local):
        raise ValueError(f"{name!r} is no name of an element")
    if used and used not in namespaces:
        raise ValueError(f"prefix {used!r} is not in [namespaces]")
    return f"{{{namespaces[used]}}}{local}" if used else local


def grown(root: str, places: Sequence[Place]) -> Node:
    """Put the places of a form together to the tree of its document; raises ValueError where they do not fit each other."""
    top = Node(Step(root))
    for place in places:
        at, left = top, place.path
        for index, step in enumerate(place.steps):
            if step.tag.startswith("@") and index < len(place.steps) - 1:
                raise ValueError(f"{xpath(root, place.steps)}: nothing stands below an attribute")
            at = at.child(step)
            if at.step.repeated != step.repeated:
                raise ValueError(f"{xpath(root, place.steps)}: {step.short} has [] here, and none elsewhere")
            if step.repeated:
                left = _into(at, place, left)
        at.places.append(place)
    return top


def _into(node: Node, place: Place, left: Path) -> Path:
    """Take the next list of the canonical path for a repeated element; give what is left of the path."""
    if EACH not in left:
        raise ValueError(f"{'.'.join(place.path)}: fewer [] than its place has")
    end = left.index(EACH) + 1
    members = (*place.path[: len(place.path) - len(left)], *left[:end])
    if node.members not in ((), members):
        raise ValueError(f"{node.step.short} is one member of {'.'.join(node.members)} and of {'.'.join(members)}")
    node.members = members
    return left[end:]


def xpath(root: str, steps: Sequence[Step]) -> str:
    """Write a place as a fault shows it."""
    return "/".join(["", root.rpartition("}")[2], *(step.short for step in steps)])


def where(element: etree._Element) -> str:
    """Say where an element stands in its document, as the schema's faults do."""
    steps: list[str] = []
    at: etree._Element | None = element
    while at is not None:
        name, before = str(at.tag).rpartition("}")[2][:100], sum(1 for _ in at.itersiblings(at.tag, preceding=True))
        alone = not before and next(at.itersiblings(at.tag), None) is None
        steps.append(name if alone else f"{name}[{before + 1}]")
        at = at.getparent()
    return "/" + "/".join(reversed(steps))


def where_it_would_be(root: etree._Element, steps: Sequence[Step], indexes: Sequence[int]) -> str:
    """Say where a value stands, or would stand, in a document."""
    at, left = root, list(indexes)
    for number, step in enumerate(steps):
        found = [each for each in at if each.tag == step.tag]
        index = left.pop(0) if step.repeated and left else 0
        if index >= len(found):
            return "/".join([where(at), *(each.short for each in steps[number:])])
        at = found[index]
    return where(at)
