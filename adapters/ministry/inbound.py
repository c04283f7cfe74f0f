"""The door for a ministry's system: dossiers, decisions, its catalogue, border documents, and the answer (Message Translator)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.ministry.border import FIELD as BORDER
from adapters.ministry.border import read_border
from adapters.ministry.events import read_event
from adapters.ministry.options import MinistryOptions
from hub.canonical import national_message
from hub.canonical.message import Message
from hub.canonical.national_fields import CODE, DATE, Entry, Table, bad_type, pointer, read_record
from hub.canonical.national_procedure import read_with_level
from hub.canonical.procedure import CatalogueMessage, Procedure
from hub.contract import Answer, Incoming, Opened, Outcome, Request
from hub.errors import Fault, bad_value, missing
from hub.rules import json_door

_CATALOGUE = Table(build=dict, entries=(Entry("MaCoQuan", "owner", CODE), Entry("ThoiDiem", "sent_at", DATE)))


def open_request(request: Request, options: MinistryOptions) -> Opened:
    """Take the document; raise InvalidMessage without a key for repeated sending or for another content type."""
    json_door.raise_faults(json_door.head_faults(request.content_type, request.idempotency_key))
    return Opened(document=request.body, head={"idempotency_key": request.idempotency_key}, jws=request.jws)


def read_message(document: bytes, opened: Opened, options: MinistryOptions) -> Incoming:
    """Read a dossier, an event on a trade dossier, a catalogue, or a border document; raise InvalidMessage with every fault."""
    tree = json_door.read_json(document, max_bytes=options.max_document_bytes)
    faults: list[Fault] = []
    message = _read_tree(tree, options, faults)
    json_door.raise_faults(faults)
    return Incoming(messages=(message,) if message is not None else (), identity=opened.head["idempotency_key"])


def _read_tree(tree: Any, options: MinistryOptions, faults: list[Fault]) -> Message | None:
    if not isinstance(tree, dict):
        faults.append(bad_type("", "đối tượng JSON", "a JSON object"))
        return None
    kinds = [name for name in _READERS if name in tree]
    if len(kinds) == 1:
        return _READERS[kinds[0]](tree, options, faults)
    names = ", ".join(_READERS)
    faults.append(bad_value("", f"phải có đúng một trong các trường: {names}", f"must have exactly one of: {names}"))
    return None


def _read_dossier(tree: dict[str, Any], options: MinistryOptions, faults: list[Fault]) -> Message | None:
    return national_message.read_message(tree, "", faults, required=options.required_fields, lengths=options.enforce_lengths)


def _read_event(tree: dict[str, Any], options: MinistryOptions, faults: list[Fault]) -> Message | None:
    return read_event(tree, faults)


def _read_border(tree: dict[str, Any], options: MinistryOptions, faults: list[Fault]) -> Message | None:
    return read_border(tree, faults)


def _read_catalogue(tree: dict[str, Any], options: MinistryOptions, faults: list[Fault]) -> Message | None:
    before = len(faults)
    head = read_record(_CATALOGUE, tree, "", faults, required=("MaCoQuan",))
    whole = tree.get("ToanBo")
    if not isinstance(whole, bool):  # never guessed: "whole" switches off what is absent
        faults.append(missing("/ToanBo") if whole is None else bad_type("/ToanBo", "true hoặc false", "true or false"))
    procedures = _read_procedures(tree["DanhSachTTHC"], faults)
    if len(faults) > before:
        return None
    return CatalogueMessage(owner=head["owner"], procedures=procedures, complete=bool(whole), sent_at=head.get("sent_at"))


def _read_procedures(rows: object, faults: list[Fault]) -> tuple[Procedure, ...]:
    if not isinstance(rows, list):
        faults.append(bad_type("/DanhSachTTHC", "danh sách", "a list"))
        return ()
    if not rows:  # an empty whole list would switch off everything the ministry has
        faults.append(missing("/DanhSachTTHC"))
    found: dict[str, Procedure] = {}
    for index, row in enumerate(rows):
        path = pointer("/DanhSachTTHC", index)
        procedure = read_with_level(row, path, faults)
        if procedure is None:
            continue
        if procedure.code in found:
            faults.append(Fault(f"{path}/MATTHC", "repeated", "thủ tục đã có trong danh sách", "is in the list already"))
        found[procedure.code] = procedure
    return tuple(found.values())


#: What a document is, by the field that only this kind has.
_READERS: Mapping[str, Callable[[dict[str, Any], MinistryOptions, list[Fault]], Message | None]] = {
    "HoSo": _read_dossier,
    "SuKien": _read_event,
    "DanhSachTTHC": _read_catalogue,
    BORDER: _read_border,
}


def answer(outcome: Outcome, opened: Opened | None, request: Request, options: MinistryOptions) -> Answer:
    """Answer in JSON: accepted with the hub's number of the message, or every fault with its path."""
    return Answer(
        status=json_door.http_status(outcome.error),
        body=json_door.write_answer(outcome.error, outcome.message_id, outcome.received_at),
        content_type=json_door.CONTENT_TYPE,
    )
