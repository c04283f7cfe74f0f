"""Which messages a procedure has: type, function, direction, event, structure; data, one TOML file per procedure."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from adapters.single_window.places import PLACES
from hub.canonical.codes import Event
from hub.errors import BadSettings
from hub.rules import xml

#: Schemas and registry of the second generation, as they ship.
GEN2 = Path(__file__).resolve().parents[2] / "schemas" / "single_window" / "gen2"
XS = "{http://www.w3.org/2001/XMLSchema}"
_CODE = r"^\d{2,3}$"


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class AttachmentNames(_Table):
    """Names of the elements that hold a procedure's attachments; the file is behind the link."""

    list: str
    item: str
    id: str
    code: str
    name: str
    link: str


class HeldAlready(_Table):
    """The error by which this procedure's receiver says that it has this message already."""

    #: Value of ErrorCode.
    code: str = Field(min_length=1)
    #: Text that ErrorName contains; the code alone means several things.
    text: str = Field(min_length=1)


class Row(_Table):
    """One message of a procedure."""

    type: str = Field(pattern=_CODE)
    function: str = Field(pattern=_CODE)
    direction: Literal["to_ministry", "to_gateway"]
    event: Event
    #: Name of the element in Content.
    root: str = Field(min_length=1)
    #: Schema of the whole envelope with this content: a file beside the registry's own, else a shipped one.
    schema_file: str = Field(alias="schema", min_length=1)
    #: True: not seen, made by analogy; ``lienthong check`` lists it.
    assumed: bool = False
    note: str = ""
    #: ``type/function`` of the message that this one answers.
    answers: str = Field("", pattern=r"^(\d{2,3}/\d{2,3})?$")
    #: What the receiver's habits allow when the outcome is not known; the endpoint's policy decides.
    on_doubt: Literal["park", "resend"] = "park"
    #: False: sent only when the sender's form holds this root, or the message came with these numbers.
    default: bool = True
    #: Root in the sender's form from which missing elements of the same name are taken.
    borrow: str = ""
    already: HeldAlready | None = None
    #: Element -> canonical places, the first that is filled is written; what is not here is taken from the form.
    fields: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @field_validator("fields", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: (places,) if isinstance(places, str) else places for name, places in value.items()}

    @field_validator("fields")
    @classmethod
    def _known_places(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name, places in value.items():
            if unknown := [place for place in places if place not in PLACES]:
                raise ValueError(f"{name}: unknown place {unknown[0]!r}; known: {', '.join(PLACES)}")
        return value

    @property
    def service(self) -> str:
        """The message's name within its procedure, e.g. ``11/05``."""
        return f"{self.type}/{self.function}"


class _File(_Table):
    document_type: str = Field(min_length=1, max_length=100)
    title: str = Field(min_length=1)
    title_assumed: bool = False
    office_code: str = Field(min_length=1)
    store_failed: str = "ERR01_CODE"
    like: str = ""
    attachments: AttachmentNames | None = None
    message: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Structure:
    """What a row's schema says: the compiled schema, and the order of the elements under the root."""

    schema: Any
    order: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Procedure:
    """One procedure, read and checked."""

    document_type: str
    title: str
    office_code: str
    #: ErrorCode of the answer when a valid message could not be stored.
    store_failed: str
    attachments: AttachmentNames | None
    rows: tuple[Row, ...]
    structures: Mapping[str, Structure]
    #: What is assumed, in words, for ``lienthong check``.
    assumed: tuple[str, ...]

    def find(self, type_: str, function: str) -> Row | None:
        """Find the message with these numbers."""
        return next((row for row in self.rows if (row.type, row.function) == (type_, function)), None)

    def telling(self, event: Event, direction: str) -> tuple[Row, ...]:
        """List the messages that tell this event in this direction."""
        return tuple(row for row in self.rows if row.event is event and row.direction == direction)


@dataclass(frozen=True)
class Registry:
    """All procedures by document type."""

    procedures: Mapping[str, Procedure]

    def find(self, document_type: str) -> Procedure | None:
        return self.procedures.get(document_type)


@lru_cache(maxsize=32)
def registry(folder: str = "") -> Registry:
    """Read the shipped registry, and what ``folder`` adds or replaces; each folder is read once.

    Raises BadSettings, naming file and row.
    """
    found = _read_folder(GEN2 / "registry", {})
    if folder:
        found = _read_folder(Path(folder), found)
    return Registry(found)


def check_registry(folder: str = "") -> list[str]:
    """List what the registry assumes rather than knows, one line per entry, for ``lienthong check``."""
    return [line for procedure in registry(folder).procedures.values() for line in procedure.assumed]


def _read_folder(folder: Path, before: Mapping[str, Procedure]) -> dict[str, Procedure]:
    if not folder.is_dir():
        raise _bad(folder, "", "no such folder", "không có thư mục này")
    found = dict(before)
    # Files that stand alone first: ``like`` may name any of them.
    read = [(path, _read_file(path)) for path in sorted(folder.glob("*.toml"))]
    for path, file in sorted(read, key=lambda pair: bool(pair[1].like)):
        found[file.document_type] = _procedure(path, file, found)
    return found


def _read_file(path: Path) -> _File:
    try:
        file = _File.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (ValidationError, tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise _bad(path, "", _said(error), "tệp đăng ký không đúng") from error
    if path.stem != file.document_type.replace("&", "_"):
        raise _bad(path, "document_type", f"{file.document_type!r} belongs into another file", "tên tệp khác mã thủ tục")
    return file


def _procedure(path: Path, file: _File, known: Mapping[str, Procedure]) -> Procedure:
    rows, structures, attachments = _own_rows(path, file)
    if file.like:
        if file.message or file.like not in known:
            raise _bad(path, "like", f"{file.like!r} is unknown, or there are messages beside it", "like không hợp lệ")
        model = known[file.like]
        rows, structures, attachments = model.rows, dict(model.structures), file.attachments or model.attachments
    _check_rows(path, rows)
    return Procedure(
        document_type=file.document_type,
        title=file.title,
        office_code=file.office_code,
        store_failed=file.store_failed,
        attachments=attachments,
        rows=rows,
        structures=structures,
        assumed=tuple(_assumptions(path, file, rows)),
    )


def _own_rows(path: Path, file: _File) -> tuple[tuple[Row, ...], dict[str, Structure], AttachmentNames | None]:
    rows: list[Row] = []
    structures: dict[str, Structure] = {}
    for number, table in enumerate(file.message, 1):
        place = f"message {number} ({table.get('type')}/{table.get('function')})"
        try:
            row = Row.model_validate(table)
        except ValidationError as error:
            raise _bad(path, place, _said(error), "dòng đăng ký không đúng") from error
        structures[row.service] = _structure(path, place, row)
        rows.append(row)
    return tuple(rows), structures, file.attachments


def _structure(path: Path, place: str, row: Row) -> Structure:
    beside = path.parent / row.schema_file
    file = beside if beside.is_file() else GEN2 / row.schema_file
    if not file.is_file():
        raise _bad(path, place, f"schema {row.schema_file!r} is missing", f"thiếu lược đồ {row.schema_file!r}")
    order = _children(file).get(row.root)
    if order is None:
        raise _bad(path, place, f"{row.schema_file} declares no {row.root}", f"{row.schema_file} không khai báo {row.root}")
    if stray := [name for name in row.fields if name not in order]:
        raise _bad(path, place, f"{row.root} has no {', '.join(stray)}", f"{row.root} không có {', '.join(stray)}")
    return Structure(schema=_schema(file), order=order)


@lru_cache(maxsize=512)
def _schema(file: Path) -> Any:
    return xml.load_schema(file)


@lru_cache(maxsize=512)
def _children(file: Path) -> Mapping[str, tuple[str, ...]]:
    """Read which messages a schema file declares, and the order of their children."""
    tree = xml.parse(file.read_bytes())
    return {
        str(root.get("name")): tuple(str(child.get("name")) for child in root.iterfind(f"{XS}complexType/*/{XS}element"))
        for root in tree.iterfind(f"{XS}element")
    }


def _check_rows(path: Path, rows: Iterable[Row]) -> None:
    named: dict[str, Row] = {}
    defaults: set[tuple[str, Event]] = set()
    for row in rows:
        if row.service in named:
            raise _bad(path, row.service, "stands here twice", "bị lặp")
        if row.default and (row.direction, row.event) in defaults:
            raise _bad(path, row.service, f"a second default for {row.event.value}", f"hai mặc định cho {row.event.value}")
        named[row.service] = row
        if row.default:
            defaults.add((row.direction, row.event))
    for row in named.values():
        if row.answers and (row.answers not in named or named[row.answers].direction == row.direction):
            raise _bad(path, row.service, f"answers {row.answers}, which the other side does not send", "cặp hỏi - đáp sai")


def _assumptions(path: Path, file: _File, rows: Iterable[Row]) -> Iterable[str]:
    if file.title_assumed:
        yield f"{path.name}: title is assumed"
    for row in rows:
        if row.assumed:
            yield f"{path.name}: {row.service} {row.event.value} ({row.root}) is assumed: {row.note or 'not seen'}"


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return str(error)


def _bad(path: Path, row: str, en: str, vi: str) -> BadSettings:
    place = f"{path.name}, {row}" if row else path.name
    return BadSettings(f"registry {place}: {en}", f"danh mục thông điệp {place}: {vi} ({en})", where=f"{path}#{row}")
