"""Read a JSON object field by field, and note every fault with its JSON pointer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from hub.canonical.base import VIETNAM, local
from hub.errors import Fault, InvalidMessage, bad_value, missing
from hub.rules.json_door import read_json

Value = TypeVar("Value")

#: README, section 1: limits of the protocol.
MAX_BYTES = 1_000_000
MAX_TEXT_LENGTH = 4000
#: Stands in for a moment that cannot be read, until the faults are raised.
_NO_MOMENT = datetime(2000, 1, 1, tzinfo=VIETNAM)


def parse(document: bytes) -> dict[str, Any]:
    """Parse one JSON object; raise InvalidMessage for anything else (see read_json for what it refuses)."""
    tree = read_json(document, max_bytes=MAX_BYTES)
    if not isinstance(tree, dict):
        raise InvalidMessage([_not_an_object("")])
    return tree


def _not_an_object(path: str) -> Fault:
    return bad_value(path, "phải là một đối tượng JSON", "must be a JSON object")


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object: gives its fields as values, and notes a fault for each that is not what it must be."""

    tree: Mapping[str, Any]
    #: JSON pointer of the object.
    path: str
    #: Shared by all objects of a document, so that the sender learns all faults at once.
    faults: list[Fault]

    def text(self, name: str, *, required: bool = False) -> str:
        """Read a text; an absent one is empty."""
        value = self.tree.get(name)
        if value is None or value == "":
            if required:
                self.faults.append(missing(self._at(name)))
            return ""
        if not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH:
            limit = MAX_TEXT_LENGTH
            self._wrong(name, f"phải là văn bản không quá {limit} ký tự", f"must be a text of at most {limit} characters")
            return ""
        return value

    def code(self, name: str, table: Mapping[str, Value]) -> Value:
        """Read a required code and give what the table says it means."""
        code = self.text(name, required=True)
        if code and code not in table:
            self._wrong(name, f"phải là một trong {', '.join(table)}", f"must be one of {', '.join(table)}")
        return table.get(code, next(iter(table.values())))

    def moment(self, name: str) -> datetime:
        """Read a required moment; one without a zone is Vietnamese local time."""
        if self.tree.get(name) in (None, ""):
            self.faults.append(missing(self._at(name)))
        return self.moment_or_none(name) or _NO_MOMENT

    def moment_or_none(self, name: str) -> datetime | None:
        """Read a moment that may be absent."""
        text = self.text(name)
        moment = _moment(text)
        if text and moment is None:
            self._wrong(name, "phải là thời điểm ISO 8601 từ năm 1950", "must be an ISO 8601 moment, 1950 or later")
        return moment

    def object(self, name: str) -> "Fields":
        """Go down into a required object."""
        return self._down(self.tree.get(name), self._at(name))

    def objects(self, name: str) -> tuple["Fields", ...]:
        """Go down into each object of a list; an absent list is empty."""
        value = self.tree.get(name)
        if value is not None and not isinstance(value, list):
            self._wrong(name, "phải là một danh sách", "must be a list")
            return ()
        return tuple(self._down(item, f"{self._at(name)}/{place}") for place, item in enumerate(value or ()))

    def _down(self, value: Any, path: str) -> "Fields":
        if isinstance(value, dict):
            return Fields(value, path, self.faults)
        self.faults.append(missing(path) if value is None else _not_an_object(path))
        return Fields({}, path, [])  # what lies below an absent object is no fault of its own

    def _at(self, name: str) -> str:
        return f"{self.path}/{name}"

    def _wrong(self, name: str, vi: str, en: str) -> None:
        self.faults.append(bad_value(self._at(name), vi, en))


def _moment(text: str) -> datetime | None:
    try:
        moment = local(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None
    return moment if 1950 <= moment.year < 2200 else None
