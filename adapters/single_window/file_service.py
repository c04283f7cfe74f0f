"""The two-step file service (science ministry): each file goes in a message of its own, and the message names it by its FileId.

Known are the message, FileServer{FileId, FileName, FileByte} with 22/23 and 23/25, and nothing else. Assumed: the sender gives
the FileId, an answer that has another one is right; the messages that name files have the FileId where a form has the file's
address or digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from lxml import etree

from adapters.single_window import attachments
from adapters.single_window.registry import Procedure, Row
from hub.canonical.codes import Event
from hub.canonical.document import Attachment
from hub.canonical.dossier import DossierMessage
from hub.contract import Call, Outgoing
from hub.errors import OutOfStep
from hub.rules import xml

ROOT = "FileServer"
#: In ``Call.part``: which of the message's files, from 0.
FILE = "file"
#: Before the digest of a file's address, in what the partner is known to hold: the FileId by which it has the file.
_HELD = "file:"


def upload(procedure: Procedure, direction: str) -> Row | None:
    """Find the message that brings a file in this direction; None where the procedure has no file service."""
    rows = procedure.telling(Event.FILE, direction)
    return next((row for row in rows if row.root == ROOT and row.default), None)


def calls(message: DossierMessage, procedure: Procedure, direction: str) -> tuple[Call, ...]:
    """Say which files go before a message, each by a call of its own."""
    row = upload(procedure, direction)
    if row is None or message.event is Event.FILE:
        return ()
    return tuple(Call(service=row.service, part={FILE: str(place)}) for place, _ in enumerate(_files(message)))


def is_upload(call: Call, row: Row) -> bool:
    """Say whether a call brings a file of a message, and is not a message that was passed on."""
    return row.root == ROOT and FILE in call.part


def file_of(message: DossierMessage, call: Call) -> Attachment | None:
    """Give the file that a call brings; None where the message has been corrected since and has it no more."""
    files, place = _files(message), int(call.part[FILE])
    return files[place] if place < len(files) else None


def content(file: Attachment) -> etree._Element:
    """Write a file's own message; its content is named by its address, in whose place its bytes come."""
    return xml.from_tree(ROOT, {"FileId": own_id(file), "FileName": file.name, "FileByte": file.url})


def own_id(file: Attachment) -> str:
    """Give the identifier under which we send a file: the sender's, else one that is the same each time."""
    return file.id or hashlib.sha256(file.url.encode()).hexdigest()[:32]


def head(file: Attachment) -> dict[str, str]:
    """Say what the reader of the answer needs to know of a file."""
    return {"fileId": own_id(file), "fileKey": _key(file.url)}


def learnt(outgoing: Outgoing, answer: etree._Element | None) -> dict[str, str]:
    """Say by which FileId the partner has a file, once it has taken it."""
    if "fileKey" not in outgoing.head:
        return {}
    given = "" if answer is None else next((xml.text(each, ".") for each in answer.iter("FileId")), "")
    return {outgoing.head["fileKey"]: (given or outgoing.head["fileId"])[:200]}


def has(file: Attachment, held: Mapping[str, str]) -> bool:
    """Say whether the partner has a file already."""
    return _key(file.url) in held


def named(message: DossierMessage, procedure: Procedure, direction: str, held: Mapping[str, str]) -> dict[str, str]:
    """Give what stands in a message in place of each file: address or digest -> FileId.

    Raises OutOfStep where a file's own call was given up, so that the partner would be told of a file that it cannot have.
    """
    if upload(procedure, direction) is None or message.event is Event.FILE:
        return {}
    found: dict[str, str] = {}
    for file in _files(message):
        if not has(file, held):
            raise OutOfStep(
                "the partner has not been given a file that this message names: its own call was given up",
                "đối tác chưa nhận được tệp mà thông điệp này nêu: lượt gửi tệp đã bị từ bỏ",
                where="file_service",
            )
        found |= {name: held[_key(file.url)] for name in (file.url, file.digest) if name}
    return found


def _files(message: DossierMessage) -> list[Attachment]:
    return [each for each in attachments.files_of(message, {}) if each.url]


def _key(url: str) -> str:
    return f"{_HELD}{hashlib.sha256(url.encode()).hexdigest()[:16]}"
