"""Which field of a pulled row becomes which attribute of a dossier: a readable file, loaded once (Message Translator)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hub.canonical.base import VIETNAM
from hub.canonical.national_fields import CODE, TEXT, YEARS, Entry, Kind, Table
from hub.errors import BadSettings, Fault, bad_value

GEN1 = Path(__file__).resolve().parents[2] / "schemas" / "national_portal" / "gen1"
SHARED_PROCEDURE = GEN1 / "shared_procedure.toml"

#: Attributes of a dossier that a field may become, with the kinds each may have.
Attribute = Literal[
    "code", "procedure.code", "procedure.name", "procedure.field_code", "procedure.field_name",
    "applicant.name", "applicant.identity_number", "applicant.tax_code", "applicant.tech_id",
    "applicant.address", "applicant.phone", "applicant.fax", "applicant.email",
    "agency.code", "agency.name", "submitted_at", "received_at", "due_at", "summary", "note",
    "receipt_number", "other_information",
]  # fmt: skip
_DATES = frozenset({"submitted_at", "received_at", "due_at"})


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MappedField(_Part):
    """One field of the row."""

    to: Attribute
    kind: Literal["text", "code", "date"] = "text"
    required: bool = False


class MappedFiles(_Part):
    """Where the row names its files."""

    list: str
    path: str
    name: str
    component: str = ""


class FieldMap(_Part):
    """A whole file."""

    assumed: bool
    identity: tuple[str, ...] = Field(min_length=1)
    date_formats: tuple[str, ...] = Field(min_length=1)
    channel: Literal["", "1", "2", "3"] = ""
    submitted_on: str = ""
    fields: Mapping[str, MappedField]
    files: MappedFiles | None = None

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(name for name, each in self.fields.items() if each.required)

    @property
    def not_in_form(self) -> frozenset[str]:
        """Names of what is said elsewhere in the dossier."""
        return frozenset(self.fields) | ({self.files.list} if self.files else frozenset())


@cache
def load(path: str) -> FieldMap:
    """Read a map, once for each file; empty: the one that is shipped. Raises BadSettings."""
    file = Path(path) if path else SHARED_PROCEDURE
    try:
        found = FieldMap.model_validate(tomllib.loads(file.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise _wrong(file, f"[{'.'.join(map(str, first['loc']))}] {first['msg']}") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _wrong(file, str(error).splitlines()[0]) from error
    targets = [each.to for each in found.fields.values()]
    if "code" not in targets or "procedure.code" not in targets or len(set(targets)) < len(targets):
        raise _wrong(file, "code and procedure.code each need one field, and none may be named twice")
    if any((each.kind == "date") != (each.to in _DATES) for each in found.fields.values()):
        raise _wrong(file, "kind = date belongs to submitted_at, received_at and due_at, and to these alone")
    return found


@cache
def table_of(path: str) -> Table:
    """Give the same as a table that reads a record."""
    given = load(path)
    kinds: dict[str, Kind] = {"text": TEXT, "code": CODE, "date": _date(given.date_formats)}
    return Table(build=dict, entries=tuple(Entry(name, each.to, kinds[each.kind]) for name, each in given.fields.items()))


def _date(formats: tuple[str, ...]) -> Kind:
    def read(text: str, path: str) -> Any:
        for each in formats:
            try:
                moment = datetime.strptime(text.strip(), each).replace(tzinfo=VIETNAM)
            except ValueError:
                continue
            if moment.year in YEARS:
                return moment
        fault: Fault = bad_value(path, "ngày giờ không đúng định dạng đã khai báo", "not a date in one of the configured forms")
        return fault

    return Kind(read)


def _wrong(file: Path, why: str) -> BadSettings:
    return BadSettings(f"{file}: {why}", f"{file}: không đúng ({why})", where=file.name)


# The shipped one is loaded with this room; any other when its endpoint's options are read.
load("")
table_of("")
