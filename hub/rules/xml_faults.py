"""Every fault of a document against its schema, with its place and in both languages; values are never repeated."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import NamedTuple

from lxml import etree

from hub.errors import Fault, missing
from hub.rules.xml_model import ContentModel, Problem, mend, problems

#: All faults at once, but not a million of them in one answer.
MAX_FAULTS = 500
#: Each round mends every parent that libxml2 complained about, so rounds grow with the depth of faulty parents only.
MAX_ROUNDS = 12
#: So many names of a choice are told.
_LISTED = 8


class Entry(NamedTuple):
    """One complaint of libxml2."""

    #: Name in lxml.etree.ErrorTypes.
    kind: str
    message: str
    #: libxml2's own path; empty where it read a stream.
    path: str


Check = Callable[[etree._Element], list[Entry]]


def every_fault(check: Check, model: ContentModel, element: etree._Element) -> tuple[Fault, ...]:
    """Name every fault: look, mend a copy where children are missing or unexpected, and look again at what was hidden.

    Complaints without paths are too many to be placed one by one; they are grouped.
    """
    inspection = _Inspection(model, deepcopy(element))
    first = entries = check(inspection.copy)
    for _ in range(MAX_ROUNDS):
        if not inspection.explain_contents(entries):
            break
        entries = check(inspection.copy)
    inspection.explain_values(entries)
    crowd = _grouped(entry for entry in entries if not entry.path)
    found = (*inspection.in_document_order(), *crowd)
    # Whatever could not be explained is still said: an invalid document must never look like a valid one.
    return _limited(found or tuple(_grouped(first)))


def _grouped(entries: Iterable[Entry]) -> Iterator[Fault]:
    """Name faults by element name and kind, with how often each occurs."""
    counts: Counter[tuple[str, str]] = Counter()
    samples: dict[tuple[str, str], Fault] = {}
    for entry in entries:
        named = _NAMED.match(entry.message)
        place = f"//{_short(named[1] if named else '*')}" + (f"/@{_short(named[2])}" if named and named[2] else "")
        fault = _in_words(entry, place, "", blank=False)
        counts[fault.path, fault.code] += 1
        samples.setdefault((fault.path, fault.code), fault)
    for key, fault in samples.items():
        yield Fault(fault.path, fault.code, f"{fault.vi} ({counts[key]} chỗ)", f"{fault.en} ({counts[key]} places)")


def _limited(found: tuple[Fault, ...]) -> tuple[Fault, ...]:
    if len(found) <= MAX_FAULTS:
        return found
    rest = len(found) - MAX_FAULTS
    more = Fault("/", "more_faults", f"còn {rest} lỗi khác chưa liệt kê", f"{rest} more faults are not listed")
    return (*found[:MAX_FAULTS], more)


class _Inspection:
    """A copy that is mended step by step, and where each of its nodes stood in the document as it came."""

    def __init__(self, model: ContentModel, copy: etree._Element) -> None:
        self.copy = copy
        self._model = model
        #: Holds every node, so that lxml keeps giving us the same objects for them.
        self._order = {node: index for index, node in enumerate(copy.iter())}
        self._steps: dict[etree._Element, str] = {copy: _short(str(copy.tag))}
        self._mended: set[etree._Element] = set()
        self._placeholders: set[etree._Element] = set()
        self._found: dict[tuple[str, str], tuple[int, Fault]] = {}

    def in_document_order(self) -> Iterator[Fault]:
        return (fault for _, fault in sorted(self._found.values(), key=lambda item: item[0]))

    def _add(self, node: etree._Element, fault: Fault) -> None:
        self._found.setdefault((fault.path, fault.code), (self._order.get(node, 0), fault))

    # --- places

    def _name_children(self, parent: etree._Element) -> None:
        """Fix the steps of the paths to all children, before any of them is moved."""
        if len(parent) and parent[0] in self._steps:
            return
        totals = Counter(child.tag for child in parent)
        seen: Counter[object] = Counter()
        for child in parent:
            seen[child.tag] += 1
            position = f"[{seen[child.tag]}]" if totals[child.tag] > 1 else ""
            self._steps[child] = _short(str(child.tag)) + position

    def place(self, node: etree._Element) -> str:
        """Say where a node stands in the document as it came."""
        steps = []
        at: etree._Element | None = node
        while at is not None:
            parent = at.getparent()
            if at not in self._steps and parent is not None:
                self._name_children(parent)
            steps.append(self._steps[at])
            at = parent
        return "/" + "/".join(reversed(steps))

    # --- children that are missing, unexpected, too many or out of order

    def explain_contents(self, entries: Sequence[Entry]) -> bool:
        """Explain and mend each parent whose children are wrong; tell whether anything was mended."""
        locate = _Locator(self.copy)
        complaints = [(entry, locate.node(entry.path)) for entry in entries if entry.kind == _CONTENT]
        progress = False
        for entry, node in complaints:
            unexpected = _UNEXPECTED in entry.message
            parent = (node.getparent() if unexpected else node) if node is not None else None
            if node is None or parent is None or parent in self._mended or self._put_in(parent):
                continue
            self._mended.add(parent)
            if not self._explain_parent(parent):
                self._explain_by_message(entry, node, unexpected)
                if unexpected:
                    self._name_children(parent)
                    parent.remove(node)
                    self._mended.discard(parent)
            progress = True
        return progress

    def _explain_parent(self, parent: etree._Element) -> bool:
        content = self._model.content_at(parent)
        found = problems(content, parent) if content is not None else ()
        self._name_children(parent)
        for problem in found:
            self._add(parent if problem.node is None else problem.node, self._problem_fault(problem, parent))
        if content is not None and found:
            self._placeholders.update(mend(content, parent, found))
        return bool(found)

    def _problem_fault(self, problem: Problem, parent: etree._Element) -> Fault:
        if problem.node is not None:
            return _problem(problem.kind, self.place(problem.node))
        names = [_short(tag) for tag in problem.tags]
        path = f"{self.place(parent)}/{names[0]}" + (f"[{problem.ordinal}]" if problem.ordinal > 1 else "")
        if len(names) == 1:
            return missing(path, names[0])
        listed = ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
        return Fault(path, "missing", f"thiếu một trong các trường {listed}", f"one of the fields {listed} is missing")

    def _explain_by_message(self, entry: Entry, node: etree._Element, unexpected: bool) -> None:
        """Fall back on libxml2's own finding where the model is silent."""
        if unexpected:
            self._add(node, _problem("unexpected", self.place(node)))
            return
        expected = _EXPECTED.search(entry.message)
        names = [_short(name.strip()) for name in expected[1].split(",")] if expected else ["*"]
        self._add(node, missing(f"{self.place(node)}/{names[0]}", " / ".join(names)))

    def _put_in(self, node: etree._Element) -> bool:
        return node in self._placeholders or any(above in self._placeholders for above in node.iterancestors())

    # --- values and attributes

    def explain_values(self, entries: Sequence[Entry]) -> None:
        """Explain every complaint that is not about children."""
        locate = _Locator(self.copy)
        with_fields = {entry.path for entry in entries if _STRUCTURE.get(_kind(entry)) is _NO_FIELDS}
        for entry in entries:
            node = locate.node(entry.path)
            if node is None or entry.kind == _CONTENT or _NO_KEY in entry.message or self._put_in(node):
                continue
            named = _NAMED.match(entry.message)
            attribute = named[2] if named else None
            if entry.path in with_fields and not attribute and _kind(entry) in _VALUES:
                continue  # it holds fields where a value belongs, which is said already
            place = self.place(node) + (f"/@{_short(attribute)}" if attribute else "")
            value = node.get(attribute) if attribute else node.text
            built_in = "" if attribute else self._model.built_in(node)
            blank = not (value or "").strip() and (attribute is not None or not len(node))
            self._add(node, _in_words(entry, place, built_in, blank=blank))


class _Locator:
    """Finds nodes by libxml2's paths, in one pass over the children of each parent on the way."""

    def __init__(self, root: etree._Element) -> None:
        self._root = root
        self._children: dict[etree._Element, dict[str, etree._Element]] = {}

    def node(self, path: str) -> etree._Element | None:
        """Find the node at a path; None for an empty one."""
        at: etree._Element | None = self._root if path else None
        for step in path.split("/")[2:]:
            if at is not None:
                at = self._steps(at).get(step)
        return at

    def _steps(self, parent: etree._Element) -> dict[str, etree._Element]:
        """Name children as xmlGetNodePath does: ``*`` in a default namespace; a position where a name is not alone."""
        if parent not in self._children:
            names = [("*" if c.prefix is None and c.tag[0] == "{" else _prefixed(c), c) for c in parent]
            totals = Counter(name for name, _ in names)
            seen: Counter[str] = Counter()
            steps = self._children[parent] = {}
            for index, (name, child) in enumerate(names, 1):
                seen[name] += 1
                steps[f"*[{index}]" if name == "*" else f"{name}[{seen[name]}]"] = child
                if totals[name] == 1:
                    steps[name] = child
        return self._children[parent]


def _prefixed(node: etree._Element) -> str:
    name = etree.QName(node).localname
    return f"{node.prefix}:{name}" if node.prefix else name


def _short(tag: str) -> str:
    return tag.rpartition("}")[2]


# --- words --------------------------------------------------------------------------------------------------------

_CONTENT = "SCHEMAV_ELEMENT_CONTENT"
_UNEXPECTED = "This element is not expected"
#: libxml2 adds this to a key whose field was invalid already.
_NO_KEY = "No precomputed value available"
_EXPECTED = re.compile(r"Expected is (?:one of )?\( ([^()]*) \)\.\s*$")
_NAMED = re.compile(r"Element '([^']*)'(?:, attribute '([^']*)')?: ")
#: The limit of a facet, a word of the schema, at the end of libxml2's sentence (the value stands before it).
_LIMIT = re.compile(r"'([-+.:0-9TZ]{1,40})'\)?\.\s*$")
_TYPE = re.compile(r"type 'xs:(\w+)'\.\s*$")
_REQUIRED_ATTRIBUTE = re.compile(r"The attribute '([^']*)' is required")

_PROBLEMS: Mapping[str, tuple[str, str]] = {
    "unexpected": ("không có trong quy định tại vị trí này", "this field is not allowed here"),
    "too_many": ("lặp lại quá số lần cho phép", "this field occurs more often than allowed"),
    "out_of_order": ("sai thứ tự quy định", "this field is out of order"),
}

_NO_FIELDS = ("unexpected", "chỉ được chứa giá trị, không chứa trường con", "it must hold a value, no fields")
_NO_ATTRIBUTE = ("unexpected", "thuộc tính không có trong quy định", "this attribute is not allowed")

#: libxml2's complaints about a value (names after ``SCHEMAV_CVC_``) -> code, Vietnamese, English; where the field is
#: blank, it is missing. ``{limit}`` is the facet's.
_VALUES: Mapping[str, tuple[str, str, str]] = {
    "LENGTH_VALID": ("bad_length", "độ dài phải đúng bằng {limit}", "the length must be exactly {limit}"),
    "MINLENGTH_VALID": ("too_short", "ngắn hơn {limit} ký tự", "it is shorter than {limit} characters"),
    "MAXLENGTH_VALID": ("too_long", "dài quá {limit} ký tự", "it is longer than {limit} characters"),
    "MININCLUSIVE_VALID": ("out_of_range", "phải từ {limit} trở lên", "it must be {limit} or more"),
    "MINEXCLUSIVE_VALID": ("out_of_range", "phải lớn hơn {limit}", "it must be more than {limit}"),
    "MAXINCLUSIVE_VALID": ("out_of_range", "không được vượt quá {limit}", "it must be {limit} or less"),
    "MAXEXCLUSIVE_VALID": ("out_of_range", "phải nhỏ hơn {limit}", "it must be less than {limit}"),
    "TOTALDIGITS_VALID": ("out_of_range", "có quá {limit} chữ số", "it has more than {limit} digits"),
    "FRACTIONDIGITS_VALID": ("too_precise", "có quá {limit} chữ số thập phân", "it has more than {limit} decimals"),
    "PATTERN_VALID": ("bad_format", "không đúng định dạng quy định", "it does not have the required format"),
    "ENUMERATION_VALID": ("not_in_list", "không thuộc danh mục cho phép", "it is not one of the values allowed"),
    "DATATYPE_VALID_1_2_1": ("bad_value", "giá trị không hợp lệ", "the value is not valid"),
    "DATATYPE_VALID_1_2_2": ("bad_value", "giá trị không hợp lệ", "the value is not valid"),
    "DATATYPE_VALID_1_2_3": ("bad_value", "giá trị không hợp lệ", "the value is not valid"),
    "ELT_3_1": ("bad_value", "không được dùng xsi:nil", "xsi:nil is not allowed here"),
}
#: Complaints about what stands where nothing of the kind may stand.
_STRUCTURE: Mapping[str, tuple[str, str, str]] = {
    "COMPLEX_TYPE_2_1": ("unexpected", "trường này phải để trống", "this field must be empty"),
    "COMPLEX_TYPE_2_2": _NO_FIELDS,
    "TYPE_3_1_2": _NO_FIELDS,
    "COMPLEX_TYPE_2_3": ("unexpected_text", "không được ghi chữ giữa các trường con", "text between its fields is not allowed"),
    "TYPE_3_1_1": _NO_ATTRIBUTE,
    "COMPLEX_TYPE_3_2_1": _NO_ATTRIBUTE,
    "COMPLEX_TYPE_3_2_2": _NO_ATTRIBUTE,
    "ELT_1": ("unexpected", "không phải phần tử gốc của loại thông điệp này", "this is not the root of such a message"),
    "ELT_3_2_1": ("bad_value", "có xsi:nil thì phải để trống", "with xsi:nil it must be empty"),
    "IDC": ("not_unique", "trùng hoặc không khớp khoá với trường khác", "its key is repeated, or matches no other"),
}
_OTHER = ("bad_value", "giá trị không hợp lệ", "the value is not valid")

#: Built-in types of XML Schema, as an official would say them.
_TYPES: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("integer", "long", "int", "short", "byte", "nonPositiveInteger", "negativeInteger"),
        ("phải là số nguyên", "it must be a whole number"),
    ),
    **dict.fromkeys(
        ("nonNegativeInteger", "positiveInteger", "unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte"),
        ("phải là số nguyên không âm", "it must be a whole number, not negative"),
    ),
    **dict.fromkeys(("decimal", "double", "float"), ("phải là số", "it must be a number")),
    "date": ("phải là ngày dạng yyyy-MM-dd", "it must be a date like yyyy-MM-dd"),
    "dateTime": ("phải là thời điểm dạng yyyy-MM-ddTHH:mm:ss", "it must be a moment like yyyy-MM-ddTHH:mm:ss"),
    "time": ("phải là giờ dạng HH:mm:ss", "it must be a time like HH:mm:ss"),
    "boolean": ("phải là true hoặc false", "it must be true or false"),
    "base64Binary": ("phải là Base64", "it must be Base64"),
    "hexBinary": ("phải là số hệ 16", "it must be hexadecimal"),
}


def _kind(entry: Entry) -> str:
    return entry.kind.removeprefix("SCHEMAV_").removeprefix("CVC_")


def _problem(kind: str, place: str) -> Fault:
    vi, en = _PROBLEMS[kind]
    return _named(place, kind, vi, en)


def _named(place: str, code: str, vi: str, en: str) -> Fault:
    name = place.rpartition("/")[2]
    return Fault(place, code, f"{name}: {vi}", f"{name}: {en}")


def _in_words(entry: Entry, place: str, built_in: str, *, blank: bool) -> Fault:
    kind = _kind(entry)
    required = _REQUIRED_ATTRIBUTE.search(entry.message)
    if kind == "COMPLEX_TYPE_4" and required:
        return missing(f"{place}/@{_short(required[1])}")
    if entry.kind == _CONTENT:
        return _named(place, "bad_content", "các trường con không đúng quy định", "its fields are not as required")
    if kind in _VALUES and blank:
        return missing(place)
    code, vi, en = _VALUES.get(kind) or _STRUCTURE.get(kind) or _OTHER
    if kind in _VALUES:
        limit = _LIMIT.search(entry.message)
        vi, en = (phrase.replace("{limit}", limit[1] if limit else "?") for phrase in (vi, en))
    if code == "bad_value":
        named = _TYPE.search(entry.message)
        vi, en = _TYPES.get(named[1] if named else built_in, (vi, en))
    return _named(place, code, vi, en)
