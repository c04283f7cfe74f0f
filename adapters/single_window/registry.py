"""Which messages a procedure has: type, function, direction, event, structure; data, one TOML file per procedure."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from lxml import etree
from pydantic import ValidationError

from adapters.single_window.free_texts import XS, free_texts
from adapters.single_window.registry_keys import AttachmentNames, Dialect, File, HeldAlready, Row, one_by_one, said
from hub.canonical.codes import Event, Stage
from hub.errors import BadSettings, Fault
from hub.rules import xml

__all__ = ["ANY", "GEN1", "GEN2", "XS", "AttachmentNames", "HeldAlready", "Procedure", "Registry", "Row", "Structure"]

#: Schemas and registry of the two generations, as they ship.
GEN1 = Path(__file__).resolve().parents[2] / "schemas" / "single_window" / "gen1"
GEN2 = GEN1.parent / "gen2"
#: Dialect -> the envelope with any content, for messages of which no structure is known; its folder has the others.
PLAIN: Mapping[Dialect, Path] = {
    "gen2": GEN2 / "any.xsd",
    "food_safety": GEN2 / "any_food_safety.xsd",
    "maritime": GEN1 / "any.xsd",
    "vehicle_inspection": GEN1 / "any.xsd",
}
#: Root of a message whose element may have any name.
ANY = "*"


@dataclass(frozen=True, kw_only=True)
class Structure:
    """What a row's schema says: where it is, and the order of the elements under the root."""

    #: The schema's file; the envelope's own where the row has none.
    file: Path
    #: Empty where nothing is known.
    order: tuple[str, ...]
    #: Element below it -> the order of its own children, by the first declaration of its name.
    below: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: The element that must stand in Content where the schema lets any in; empty where it need not be looked at.
    root: str = ""

    @property
    def schema(self) -> Any:
        """Give the compiled schema; it is made once, for an endpoint's ministries when its options are read."""
        return _schema(self.file)

    @property
    def free_texts(self) -> frozenset[str]:
        """Name the elements whose text the schema does not look at."""
        return free_texts(self.file)

    def faults(self, envelope: etree._Element) -> tuple[Fault, ...]:
        """List every fault of an envelope with this message."""
        found = xml.faults(self.schema, envelope)
        content = envelope.find("Body/Content/*") if self.root else None
        if content is None or content.tag == self.root:
            return found
        name = str(etree.QName(content).localname)[:100]
        vi, en = f"nội dung phải là {self.root}", f"the content must be {self.root}"
        return (*found, Fault(f"/Envelope/Body/Content/{name}", "unexpected", vi, en))


@dataclass(frozen=True, kw_only=True)
class Procedure:
    """One procedure, read and checked."""

    document_type: str
    title: str
    office_code: str
    #: ErrorCode of the answer when a valid message could not be stored.
    store_failed: str
    attachments: tuple[AttachmentNames, ...]
    rows: tuple[Row, ...]
    structures: Mapping[str, Structure]
    dialect: Dialect = "gen2"
    #: SOAP operation of the Single Window's service; empty: the endpoint's.
    gateway_operation: str = ""
    #: The Single Window's own status numbers -> stage.
    statuses: Mapping[int, Stage] = field(default_factory=dict)
    #: What is assumed, in words, for ``lienthong check``.
    assumed: tuple[str, ...] = ()

    def find(self, type_: str, function: str) -> Row | None:
        """Find the message with these numbers."""
        return self.by_service.get(f"{type_}/{function}")

    def telling(self, event: Event, direction: str) -> tuple[Row, ...]:
        """List the messages that tell this event in this direction."""
        return self._telling.get((event, direction), ())

    @cached_property
    def by_service(self) -> Mapping[str, Row]:
        """The messages by their names (``Row.service``)."""
        return {row.service: row for row in self.rows}

    @cached_property
    def _telling(self) -> Mapping[tuple[Event, str], tuple[Row, ...]]:
        ways = [(event, direction) for event in Event for direction in ("to_ministry", "to_gateway")]
        return {(event, way): tuple(row for row in self.rows if row.tells(event) and row.goes(way)) for event, way in ways}


@dataclass(frozen=True)
class Registry:
    """All procedures by document type."""

    procedures: Mapping[str, Procedure]

    def find(self, document_type: str) -> Procedure | None:
        return self.procedures.get(document_type)

    def prepare(self, offices: Iterable[str]) -> None:
        """Compile the schemas of these ministries' procedures, so that no message has to wait for it. Raises BadSettings."""
        wanted = set(offices)
        for procedure in self.procedures.values():
            if procedure.office_code in wanted:
                for structure in procedure.structures.values():
                    _schema(structure.file)
                    free_texts(structure.file)


@lru_cache(maxsize=32)
def registry(folder: str = "") -> Registry:
    """Read the shipped registry, and what ``folder`` adds or replaces; each folder is read once.

    Raises BadSettings, naming file, row and key.
    """
    found: dict[str, Procedure] = {}
    for generation in (GEN1, GEN2):
        if (generation / "registry").is_dir():
            found = _read_folder(generation / "registry", found)
    if folder:
        found = _read_folder(Path(folder), found)
    return Registry(found)


def check_registry(folder: str = "", offices: Iterable[str] = ()) -> list[str]:
    """List what the registry assumes rather than knows, for all or some ministries, for ``lienthong check``."""
    wanted = set(offices)
    procedures = registry(folder).procedures.values()
    return [line for one in procedures if not wanted or one.office_code in wanted for line in one.assumed]


def _read_folder(folder: Path, before: Mapping[str, Procedure]) -> dict[str, Procedure]:
    if not folder.is_dir():
        raise _bad(folder, [("", "không có thư mục này", "no such folder")])
    found = dict(before)
    for path, file in _models_first([(path, _read_file(path)) for path in sorted(folder.glob("*.toml"))]):
        found[file.document_type] = _procedure(path, file, found)
    return found


def _models_first(read: Iterable[tuple[Path, File]]) -> Iterable[tuple[Path, File]]:
    """Put a file after the one that its ``like`` names; a file like its own code is like the one that it replaces."""
    waiting = {file.document_type: (path, file) for path, file in read}
    while waiting:
        ready = [name for name, (_, file) in waiting.items() if file.like == name or file.like not in waiting]
        for name in ready or list(waiting):  # a circle: the first of it will say that the other is unknown
            yield waiting.pop(name)


def _read_file(path: Path) -> File:
    try:
        file = File.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (ValidationError, tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise _bad(path, [("", *said(error))]) from error
    if path.stem != file.document_type.replace("&", "_"):
        code = file.document_type
        raise _bad(path, [("document_type", f"tên tệp khác mã thủ tục {code!r}", f"{code!r} belongs into another file")])
    return file


def _procedure(path: Path, file: File, known: Mapping[str, Procedure]) -> Procedure:
    model = _model(path, file, known)
    rows, structures = _own_rows(path, file, model.dialect if model else file.dialect)
    own_rows = rows
    if model:
        rows = (*rows, *_taken_over(path, file, own_rows, model))
        structures = {**model.structures, **structures}
    if wrong := [*_wrong_rows(rows), *_wrong_statuses(file, rows)]:
        raise _bad(path, wrong)
    own = file.model_fields_set
    return Procedure(
        document_type=file.document_type,
        title=file.title,
        office_code=file.office_code,
        store_failed=file.store_failed,
        attachments=model.attachments if model and "attachments" not in own else file.attachments,
        rows=rows,
        structures={row.service: structures[row.service] for row in rows},
        dialect=model.dialect if model else file.dialect,
        gateway_operation=model.gateway_operation if model and "gateway_operation" not in own else file.gateway_operation,
        statuses=model.statuses if model and "statuses" not in own else {int(no): stage for no, stage in file.statuses.items()},
        assumed=tuple(_assumptions(path, file, own_rows, rows)),
    )


def _model(path: Path, file: File, known: Mapping[str, Procedure]) -> Procedure | None:
    """Find the procedure whose messages this one has; how they are wrapped is the other's to say."""
    if not file.like:
        if file.without:
            raise _bad(path, [("without", "chỉ dùng cùng với like", "it says something only beside like")])
        return None
    if "dialect" in file.model_fields_set or file.like not in known:
        en = f"{file.like!r} is unknown, or there is a dialect beside it"
        raise _bad(path, [("like", f"không có thủ tục {file.like!r}, hoặc tệp còn khai báo dialect", en)])
    return known[file.like]


def _taken_over(path: Path, file: File, own: Iterable[Row], model: Procedure) -> Iterable[Row]:
    """Take the model's messages, except those that stand in this file anew and those that it goes without."""
    known = {name for row in model.rows for name in (row.type, row.service)}
    if stray := [name for name in file.without if name not in known]:
        en = f"{file.like} has no {', '.join(stray)}"
        raise _bad(path, [("without", f"thủ tục {file.like} không có {', '.join(stray)}", en)])
    gone = {*file.without, *(row.service for row in own)}
    kept = [row for row in model.rows if row.service not in gone and row.type not in file.without]
    names = {row.service for row in (*own, *kept)}
    # An answer to several messages answers those that are left.
    return [row.model_copy(update={"answers": tuple(one for one in row.answers if one in names)}) for row in kept]


def _own_rows(path: Path, file: File, dialect: Dialect) -> tuple[tuple[Row, ...], dict[str, Structure]]:
    """Read the rows with their schemas; what is wrong in any of them is said at once."""
    rows: list[Row] = []
    structures: dict[str, Structure] = {}
    wrong: list[tuple[str, str, str]] = []
    for number, table in enumerate(file.message, 1):
        place = f"message {number} ({table.get('type')}/{table.get('function')})"
        try:
            for one in one_by_one(table):
                row = Row.model_validate(one)
                structures[row.service] = _structure(path, dialect, row)
                rows.append(row)
        except (ValidationError, ValueError) as error:
            wrong.append((place, *said(error)))
        except BadSettings as error:
            wrong.append((place, error.vi, error.en))
    if wrong:
        raise _bad(path, wrong)
    return tuple(rows), structures


def _structure(path: Path, dialect: Dialect, row: Row) -> Structure:
    if row.type.isalpha() and dialect != "food_safety":
        raise _wrong("type", f"{row.type!r} phải là số", f"{row.type!r} is not a number")
    plain = PLAIN[dialect]
    if not row.schema_file:
        return Structure(file=plain, order=(), root="" if row.root == ANY else row.root)
    beside = path.parent / row.schema_file
    schema = beside if beside.is_file() else plain.parent / row.schema_file
    if not schema.is_file():
        raise _wrong("schema", f"thiếu tệp {row.schema_file!r}", f"{row.schema_file!r} is missing")
    order = _children(schema).get(row.root)
    if order is None:
        raise _wrong("root", f"{row.schema_file} không khai báo {row.root}", f"{row.schema_file} declares no {row.root}")
    if absent := [name for name in row.beside if name not in _children(schema)]:
        names = ", ".join(absent)
        raise _wrong("beside", f"{row.schema_file} không khai báo {names}", f"{row.schema_file} declares no {names}")
    below = _below(schema)
    if stray := list(_stray(row, order, below)):
        raise _wrong("fields", f"{row.root} không có {', '.join(stray)}", f"{row.root} has no {', '.join(stray)}")
    if beside == schema:  # what was not shipped was not tested: a broken one is told with its row
        _schema(schema)
    return Structure(file=schema, order=order, below=below)


def _stray(row: Row, order: Iterable[str], below: Mapping[str, Iterable[str]]) -> Iterable[str]:
    """List fields that name nothing: neither a child of the root, nor an element beside it, nor what is below those."""
    known = {*order, *row.beside} or {row.root}
    if row.beside:
        known.add(row.root)
    for name in (*row.fields, *row.told_by):
        first, *rest = name.split("/")
        steps = zip((first, *rest), rest, strict=False)
        if first not in known or any(child not in below.get(parent, ()) for parent, child in steps):
            yield name


@lru_cache(maxsize=1024)
def _schema(file: Path) -> Any:
    return xml.load_schema(file)


@lru_cache(maxsize=1024)
def _children(file: Path) -> Mapping[str, tuple[str, ...]]:
    """Read which messages a schema file declares, and the order of their children."""
    tree = xml.parse(file.read_bytes())
    return {
        str(root.get("name")): tuple(str(child.get("name")) for child in root.iterfind(f"{XS}complexType/*/{XS}element"))
        for root in tree.iterfind(f"{XS}element")
    }


@lru_cache(maxsize=1024)
def _below(file: Path) -> Mapping[str, tuple[str, ...]]:
    """Read the order of the children of every element that a schema file and its includes declare."""
    tree = xml.parse(file.read_bytes())
    types = {str(one.get("name")): one for one in tree.iterfind(f"{XS}complexType")}
    found: dict[str, tuple[str, ...]] = {}
    for element in tree.iter(f"{XS}element"):
        own = element.find(f"{XS}complexType")
        inner = types.get(element.get("type", "")) if own is None else own
        if inner is not None:
            children = tuple(str(child.get("name")) for child in inner.iterfind(f"*/{XS}element"))
            found.setdefault(str(element.get("name")), children)
    for included in tree.iterfind(f"{XS}include"):
        found = {**_below(file.parent / str(included.get("schemaLocation"))), **found}
    return found


def _wrong_rows(rows: Iterable[Row]) -> Iterable[tuple[str, str, str]]:
    """Look for rows that cannot stand beside each other: place, Vietnamese, English."""
    named: dict[str, Row] = {}
    defaults: set[tuple[str, Event]] = set()
    for row in rows:
        if row.service in named:
            yield row.service, "thông điệp bị khai báo hai lần", "stands here twice"
        named[row.service] = row
        for way in ("to_ministry", "to_gateway"):
            if not row.default or not row.goes(way):
                continue
            if (way, row.event) in defaults:
                event = row.event.value
                yield row.service, f"default: đã có mặc định cho {event}", f"default: a second default for {event}"
            defaults.add((way, row.event))
    for row in named.values():
        yield from _wrong_names(row, named)


def _wrong_names(row: Row, named: Mapping[str, Row]) -> Iterable[tuple[str, str, str]]:
    for asked in row.answers:
        other = named.get(asked)
        if other is None or (other.direction == row.direction != "both"):
            en = f"answers {asked}, which the other side does not send"
            yield row.service, f"answers: bên kia không gửi thông điệp {asked}", en
    if row.ask and row.ask not in named:
        yield row.service, f"ask: thủ tục không có thông điệp {row.ask}", f"ask: the procedure has no message {row.ask}"


def _wrong_statuses(file: File, rows: Iterable[Row]) -> Iterable[tuple[str, str, str]]:
    if not file.statuses:
        return
    for row in rows:
        if row.status is not None and str(row.status) not in file.statuses:
            yield row.service, f"status: [statuses] không có số {row.status}", f"status: [statuses] has no {row.status}"


def _assumptions(path: Path, file: File, own: Iterable[Row], rows: Iterable[Row]) -> Iterable[str]:
    if file.code_assumed:
        yield f"{path.name}: the code {file.document_type} is a stand-in: replace it when the real one is known"
    if file.title_assumed:
        yield f"{path.name}: title is assumed"
    if file.like and any(row.assumed for row in rows if row not in own):
        yield f"{path.name}: messages as of {file.like}, with what is assumed there"
    for row in own:
        if row.assumed:
            yield f"{path.name}: {row.service} {row.event.value} ({row.root}) is assumed: {row.note or 'not seen'}"


def _wrong(key: str, vi: str, en: str) -> BadSettings:
    return BadSettings(f"{key}: {en}", f"{key}: {vi}")


def _bad(path: Path, wrong: Iterable[tuple[str, str, str]]) -> BadSettings:
    """Say what is wrong in a file: row by row, Vietnamese and English."""
    found = [(f"{path.name}, {place}" if place else path.name, vi, en) for place, vi, en in wrong]
    return BadSettings(
        "registry " + "; ".join(f"{place}: {en}" for place, _, en in found),
        "danh mục thông điệp " + "; ".join(f"{place}: {vi}" for place, vi, _ in found),
        where=str(path),
    )
