"""The door for one-stop software: its JSON documents into canonical messages, and the answer in JSON (Message Translator)."""

from __future__ import annotations

from typing import Any

from adapters.one_stop.options import OneStopOptions
from hub.canonical import national_message
from hub.canonical.dossier import DossierMessage
from hub.canonical.national_fields import bad_type, pointer
from hub.contract import Answer, Incoming, Opened, Outcome, Request
from hub.errors import Fault, missing
from hub.rules import json_door


def open_request(request: Request, options: OneStopOptions) -> Opened:
    """Take the document; raise InvalidMessage without a key for repeated sending or for another content type."""
    json_door.raise_faults(json_door.head_faults(request.content_type, request.idempotency_key))
    return Opened(document=request.body, head={"idempotency_key": request.idempotency_key}, jws=request.jws)


def read_message(document: bytes, opened: Opened, options: OneStopOptions) -> Incoming:
    """Read one dossier with its new steps, or a bare array of records; raise InvalidMessage with every fault."""
    tree = json_door.read_json(document, max_bytes=options.max_document_bytes)
    faults: list[Fault] = []
    messages = _read_tree(tree, options, faults)
    json_door.raise_faults(faults)
    return Incoming(messages=messages, identity=opened.head["idempotency_key"])


def _read_tree(tree: Any, options: OneStopOptions, faults: list[Fault]) -> tuple[DossierMessage, ...]:
    required, lengths = options.required_fields, options.enforce_lengths
    if isinstance(tree, dict):
        found = [national_message.read_message(tree, "", faults, required=required, lengths=lengths)]
    elif isinstance(tree, list):  # a relay of DongBoHoSoMC: the records alone
        found = [
            national_message.read_bare(record, pointer("", index), faults, required=required, lengths=lengths)
            for index, record in enumerate(tree)
        ]
        faults.extend([] if tree else [missing("", "hồ sơ")])
    else:
        found = []
        faults.append(bad_type("", "đối tượng có HoSo, hoặc danh sách hồ sơ", "an object with HoSo, or a list of dossiers"))
    return tuple(message for message in found if message is not None)


def answer(outcome: Outcome, opened: Opened | None, request: Request, options: OneStopOptions) -> Answer:
    """Answer in JSON: accepted with the hub's number of the message, or every fault with its path."""
    return Answer(
        status=json_door.http_status(outcome.error),
        body=json_door.write_answer(outcome.error, outcome.message_id, outcome.received_at),
        content_type=json_door.CONTENT_TYPE,
    )
