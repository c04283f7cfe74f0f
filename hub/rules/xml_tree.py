"""Trees of names, lists and texts from elements and back; nothing here parses."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from hub.errors import Fault, InvalidMessage

#: Levels of elements in one document, for reading and for writing.
MAX_DEPTH = 100
#: All faults at once, but not a million of them in one answer.
MAX_FAULTS = 500

#: Names of a tree beside those of elements: the order of children whose names take turns, and texts that stand between children
#: (the first before them, then one after each).
ORDER, MIXED = "#order", "#mixed"
#: First signs of names that are no child's.
_OWN_SIGNS = ("@", "#")

_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"

Tree = dict[str, Any]


def text(element: etree._Element, path: str) -> str:
    """Read the text at a path (``Header/Subject/type``), without the blanks around it; empty where there is none.

    An element that has children is not a text: it reads as empty, never as the part before its first child.
    """
    # Nearly all paths are the name of a child, for which a path's own search is not needed.
    if path.isidentifier():
        found = next(element.iterchildren(path), None)
    else:
        found = element.find(path) if path not in ("", ".") else element
    if found is None or len(found):
        return ""
    return (found.text or "").strip()


def serialise(element: etree._Element, declaration: bool = False) -> bytes:
    """Write an element as UTF-8 bytes, without what follows it in its parent."""
    return etree.tostring(element, encoding="UTF-8", xml_declaration=declaration, with_tail=False)


def to_tree(element: etree._Element) -> Tree:
    """Turn an element's content into names, lists and texts; children of one name become a list.

    Attributes are ``@name``, a text beside children or attributes is ``#text``; names in a namespace are written
    ``{uri}name``. Where names take turns (a b a), ``#order`` lists them; where texts stand between children, ``#mixed`` has them.
    """
    content = _content(element)
    if isinstance(content, dict):
        return content
    return {"#text": content} if content else {}


def _content(element: etree._Element) -> Tree | str:
    tree: Tree = {"@" + str(name): str(value) for name, value in element.items() if not str(name).startswith(_XSI)}
    own = element.text or ""
    if len(element):
        own = own.strip()
        if _add_children(tree, element):
            return tree
    elif not tree:
        return own
    if own:
        tree["#text"] = own
    return tree


def _add_children(tree: Tree, element: etree._Element) -> bool:
    """Add an element's children; say whether texts stand between them, which are kept then as they are."""
    last, takes_turns, mixed = "", False, False
    for child in element:
        name, tail = str(child.tag), child.tail
        if tail and not mixed:
            mixed = not tail.isspace()
        # Nearly all hold nothing but a text.
        content = _content(child) if len(child) or child.keys() else child.text or ""
        if name in tree:
            takes_turns = takes_turns or name != last
            _add_another(tree, name, content)
        else:
            tree[name] = content
        last = name
    if takes_turns:
        tree[ORDER] = [str(child.tag) for child in element]
    if mixed:
        tree[MIXED] = [element.text or "", *(child.tail or "" for child in element)]
    return mixed


def _add_another(tree: Tree, name: str, content: Tree | str) -> None:
    if isinstance(tree[name], list):
        tree[name].append(content)
    else:
        tree[name] = [tree[name], content]


def from_tree(name: str, tree: Mapping[str, Any], *, max_depth: int = MAX_DEPTH) -> etree._Element:
    """Build an element from names, lists and texts; raise InvalidMessage, naming every place that cannot be XML."""
    builder = _Builder(max_depth)
    holder = etree.Element("holder")
    builder.add(holder, name, tree, 1)
    if builder.faults:
        raise InvalidMessage(builder.faults)
    root = holder[0]
    holder.remove(root)
    return root


@dataclass
class _Builder:
    """Builds elements and remembers what could not be one; places are told from the tree, and only for faults."""

    levels: int
    faults: list[Fault] = field(default_factory=list)

    def add(self, parent: etree._Element, name: str, value: Any, level: int) -> None:
        """Add one element, with all that is below it."""
        if level > self.levels:
            vi, en = f"lồng nhau quá {self.levels} cấp", f"nested deeper than {self.levels} levels"
            self._fault("too_deep", vi, en, parent, name)
            return
        try:
            element = etree.SubElement(parent, name)
        except (ValueError, TypeError):
            vi, en = "tên không dùng được làm tên phần tử XML", "this name cannot be an XML element"
            self._fault("bad_name", vi, en, parent, name)
            return
        # Texts are by far the most, and asking for the abstract type costs ten times as much.
        if isinstance(value, str) or not isinstance(value, (dict, Mapping)):
            self._set_text(element, value)
        else:
            self._add_members(element, value, level + 1)

    def _add_members(self, element: etree._Element, members: Mapping[Any, Any], level: int) -> None:
        for name, value in members.items():
            if isinstance(name, str) and name.startswith(_OWN_SIGNS):
                self._add_own(element, name, value, level)
            elif isinstance(value, (str, dict)) or not _is_list(value):
                self.add(element, name, value, level)
            else:
                for item in value:
                    self.add(element, name, item, level)
        if ORDER in members:
            _reorder(element, members[ORDER])
        if MIXED in members:
            self._mix(element, members[MIXED])

    def _add_own(self, element: etree._Element, name: str, value: Any, level: int) -> None:
        """Add an element's own text or attribute; the order of its children is made when all are there."""
        if name == "#text":
            self._set_text(element, value)
        elif name.startswith("@"):
            self._set_attribute(element, name, value)
        elif name not in (ORDER, MIXED):
            for item in value if _is_list(value) else (value,):
                self.add(element, name, item, level)

    def _mix(self, element: etree._Element, texts: Any) -> None:
        """Put texts before the first child and after each; one too many goes with the last, so that none is lost."""
        written = list(map(self._text_of, texts if _is_list(texts) else (texts,)))
        children = list(element)
        rest = "".join(written[len(children) + 1 :])
        try:
            for holder, text in zip((element, *children), written, strict=False):
                end = rest if holder is (children[-1] if children else element) else ""
                if holder is element:
                    holder.text = (text + end) or holder.text
                else:
                    holder.tail = (text + end) or None
        except (ValueError, TypeError):
            self._bad_character(element)

    @staticmethod
    def _text_of(value: Any) -> str:
        return value if isinstance(value, str) else ""

    def _set_text(self, element: etree._Element, value: Any) -> None:
        try:
            element.text = (value if isinstance(value, str) else _written(value)) or None
        except (ValueError, TypeError):
            self._bad_character(element)

    def _set_attribute(self, element: etree._Element, name: str, value: Any) -> None:
        try:
            element.set(name[1:], _written(value))
        except (ValueError, TypeError):
            self._bad_character(element, name)

    def _bad_character(self, element: etree._Element, *below: object) -> None:
        vi, en = "nội dung không ghi được vào XML", "this content cannot be written into XML"
        self._fault("bad_character", vi, en, element, *below)

    def _fault(self, code: str, vi: str, en: str, element: etree._Element, *below: object) -> None:
        """Note a fault of an element, or of what should stand in it by a name."""
        if len(self.faults) < MAX_FAULTS:
            showable = _place(element, *below)[:300].encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair
            self.faults.append(Fault(showable, code, vi, en))


def _place(element: etree._Element, *below: object) -> str:
    """Give the path of an element below the holder, or of what should stand in it by a name."""
    _, *above = (str(each.tag) for each in reversed((element, *element.iterancestors())))
    return "".join(f"/{each}" for each in (*above, *below))


def _reorder(element: etree._Element, order: Any) -> None:
    """Put children in the order in which their names take turns; what the order does not name goes last."""
    left: dict[str, deque[etree._Element]] = {}
    for child in element:
        left.setdefault(str(child.tag), deque()).append(child)
    named = [left[name].popleft() for name in (order if _is_list(order) else ()) if isinstance(name, str) and left.get(name)]
    element[:] = [*named, *(child for children in left.values() for child in children)]


def _is_list(value: Any) -> bool:
    return not isinstance(value, (str, bytes)) and isinstance(value, Sequence)


def _written(value: Any) -> str:
    """Write a JSON value as XML Schema would; lists and bytes have no text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    raise TypeError(type(value).__name__)
