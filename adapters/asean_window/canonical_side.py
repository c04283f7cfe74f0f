"""The canonical side of a mapping: which values a border message has, by their paths, and of what type each is (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from hub.canonical.base import Frozen
from hub.canonical.border.message import BorderDocument, BorderMessage

#: A step of a path that stands for each member of a list: ``origin.items[].number`` has one.
EACH = "[]"
#: What the choice of the form says already.
_BY_FORM = frozenset({"kind", "event", "document"})
#: Which field of the message a document's content stands in.
CONTENT: Mapping[BorderDocument, str] = {
    BorderDocument.PHYTO: "phyto",
    BorderDocument.ORIGIN: "origin",
    BorderDocument.DECLARATION: "declaration",
}

Path = tuple[str, ...]
Kind = Literal["text", "number", "decimal", "flag", "day", "moment", "choice", "other"]
_KINDS: Mapping[type, Kind] = {str: "text", int: "number", Decimal: "decimal", bool: "flag", date: "day", datetime: "moment"}


class Head(Frozen):
    """What the header of a document says of its transport."""

    message_id: str
    #: The message that this one is about (an answer's original).
    about: str = ""
    conversation: str = ""
    document_type: str = ""
    function: str = ""
    sender: str
    receiver: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value of the canonical form."""

    kind: Kind
    #: True: what it stands in cannot be without it.
    required: bool = False
    #: Of a choice: the values there are.
    choices: tuple[str, ...] = ()
    #: What it is where nobody says anything.
    default: object = None


@cache
def leaves() -> Mapping[Path, Leaf]:
    """List every value that a mapping can give a place: of the header (``head.``), and of the message."""
    message = {path: leaf for path, leaf in _of_model(BorderMessage, ()) if path[0] not in _BY_FORM}
    return {**dict(_of_model(Head, ("head",))), **message}


def _of_model(model: type[BaseModel], path: Path) -> Iterator[tuple[Path, Leaf]]:
    for name, field in model.model_fields.items():
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        yield from _of(field.annotation, (*path, name), field.is_required(), default)


def _of(annotation: Any, path: Path, required: bool, default: object = None) -> Iterator[tuple[Path, Leaf]]:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _of(parts[0], path, required, default)
    elif origin in (Union, UnionType):
        yield from _of(next(part for part in parts if part is not type(None)), path, required, default)
    elif origin is tuple and len(parts) == 2 and parts[1] is Ellipsis:
        yield from _of(parts[0], (*path, EACH), False)
    elif origin is tuple:
        for index, part in enumerate(parts):
            yield from _of(part, (*path, str(index)), True)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _of_model(annotation, path)
    else:
        yield path, replace(_leaf(annotation, origin, parts, required), default=default)


def _leaf(annotation: Any, origin: Any, parts: tuple[Any, ...], required: bool) -> Leaf:
    if origin is Literal:
        return Leaf("choice", required, tuple(map(str, parts)))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return Leaf("choice", required, tuple(each.value for each in annotation))
    return Leaf(_KINDS.get(annotation, "other"), required)


def read_path(written: str) -> Path:
    """Read ``origin.items[].number`` as its steps."""
    steps: list[str] = []
    for part in written.split("."):
        name = part
        marks = 0
        while name.endswith(EACH):
            name, marks = name.removesuffix(EACH), marks + 1
        steps += [name, *[EACH] * marks]
    return tuple(steps)


def shown(path: Path) -> str:
    """Write a path as it stands in a package."""
    return ".".join(path).replace(f".{EACH}", EACH)


def pointer(path: Path, indexes: Sequence[int]) -> str:
    """Write where a value stands in one message, as a JSON pointer."""
    left = iter(indexes)
    return "".join(f"/{next(left, 0) if step == EACH else step}" for step in path)


def value_at(tree: Any, path: Path, indexes: Sequence[int]) -> Any:
    """Give the value at a path, ``indexes`` for its lists; None where there is none."""
    left = iter(indexes)
    for step in path:
        if tree is None:
            return None
        if step == EACH:
            index = next(left)
            tree = tree[index] if index < len(tree) else None
        elif isinstance(tree, Mapping):
            tree = tree.get(step)
        else:
            tree = tree[int(step)]
    return tree


def put(tree: dict[str, Any], path: Path, indexes: Sequence[int], value: Any) -> None:
    """Put a value at a path; what it stands in is made where it is not there yet. A member of a list is made in its turn."""
    left = iter(indexes)
    at: Any = tree
    for step, following in zip(path, (*path[1:], None), strict=True):
        key: Any = next(left) if step == EACH else step
        if following is None:
            _set(at, key, value)
        else:
            at = _below(at, key, [] if following == EACH else {})


def _below(holder: Any, key: Any, new: Any) -> Any:
    if isinstance(holder, list):
        if key == len(holder):
            holder.append(new)
        return holder[key]
    return holder.setdefault(key, new)


def _set(holder: Any, key: Any, value: Any) -> None:
    if isinstance(holder, list) and key == len(holder):
        holder.append(value)
    else:
        holder[key] = value


def settled(tree: Any) -> Any:
    """Turn what was put together into what the model reads: pairs, whose parts are ``0`` and ``1``, become lists."""
    if isinstance(tree, list):
        return [settled(part) for part in tree]
    if not isinstance(tree, dict):
        return tree
    parts = {name: settled(part) for name, part in tree.items()}
    if parts and set(parts) <= {"0", "1"}:
        return [parts.get("0"), parts.get("1")]
    return parts
