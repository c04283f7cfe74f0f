"""Every registered message, both ways, in every dialect: read, written back in the other role, read again; nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.single_window import ADAPTER
from adapters.single_window.options import Options
from adapters.single_window.parties import party_of
from adapters.single_window.places import PLACES
from adapters.single_window.registry import GEN2, Procedure, Row, registry
from adapters.single_window.samples import generator
from hub.canonical.base import VIETNAM
from hub.canonical.codes import CodeTables, Event
from hub.canonical.dossier import DossierMessage
from hub.contract import Call, Incoming, Opened, Writing
from hub.errors import InvalidMessage
from hub.rules import xml

BOOK = registry().procedures
OFFICES = sorted({one.office_code for one in BOOK.values()})
PARTIES = {code: party_of(code) for code in OFFICES}
OPTIONS = {role: Options(role=role, ministry_parties=PARTIES) for role in ("gateway", "ministry")}
#: Who reads a message of each direction, and who writes it: the hub in the place of either side.
ROLES = {"to_ministry": ("gateway", "ministry"), "to_gateway": ("ministry", "gateway")}
#: What the two systems' numbers of a message are; the second one's is drawn anew.
NEW_ID = "7d0f5b1e-2c3a-4a77-9a55-0c6e9b1f2a10"


def every_message() -> dict[str, list[tuple[Procedure, Row, str]]]:
    """List what is registered, by office; what a procedure has from another one is the other's, and is tried once."""
    found: dict[str, list[tuple[Procedure, Row, str]]] = {office: [] for office in OFFICES}
    seen: set[tuple[str, str, Path, str]] = set()
    for procedure in BOOK.values():
        for row in procedure.rows:
            file = procedure.structures[row.service].file
            name = (procedure.dialect, procedure.office_code, file, row.model_dump_json(exclude={"note", "assumed"}))
            if name not in seen:
                seen.add(name)
                found[procedure.office_code] += [(procedure, row, way) for way in ROLES if row.goes(way)]
    return found


MESSAGES = every_message()
#: Of ships, From/name is the officer who acts, where one is known, and the office's name is in no other place.
ELSEWHERE = {("maritime", "/dossier/agency/name")}


def read(document: bytes, role: str) -> Incoming:
    return ADAPTER.read_message(document, Opened(document=document, head={}), OPTIONS[role])


def write(message: DossierMessage, call: Call, role: str, incoming: Incoming) -> bytes:
    """Write a message with the files that it came with."""
    files = {file.digest: b"".join(file.pieces()) for file in incoming.files}
    now = message.sent_at or datetime(2026, 3, 2, tzinfo=VIETNAM)
    told: dict[str, Any] = {"options": OPTIONS[role], "codes": CodeTables(), "held": {}, "now": now, "message_id": NEW_ID}
    outgoing = ADAPTER.write_message(message, call, Writing(**told, contents=files))
    assert outgoing is not None
    return outgoing.body


def leaves(document: bytes) -> list[tuple[str, str]]:
    """List every value of a content with its place, in the document's order."""
    root = xml.parse(document)
    tree, place = root.getroottree(), root.find("Body/Content")
    assert place is not None
    return [(tree.getelementpath(one), one.text or "") for one in place.iter("*") if not len(one)]


def lost(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Name what was said before and is not said afterwards; what has come to it from the dossier is no loss."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            yield from lost(value, after.get(name), f"{path}/{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from lost(one, other, f"{path}/{number}")
    elif before not in (None, "", [], {}) and before != after:
        yield path


def told(message: DossierMessage) -> dict[str, Any]:
    """Give all that a message says, without the number that each sending has of its own."""
    tree = message.model_dump(mode="json")
    tree["native"].pop("messageId", None)
    return tree


@pytest.mark.parametrize("office", OFFICES)
def test_nothing_of_a_registered_message_is_lost_there_and_back(office: str) -> None:
    assert MESSAGES[office]
    for procedure, row, way in MESSAGES[office]:
        name = f"{procedure.document_type} {row.service} {way}"
        reader, writer = ROLES[way]
        options = OPTIONS[reader]
        document = generator.message(procedure.document_type, row.type, row.function, direction=way, options=options, seed=3)
        incoming = read(document, reader)
        (message,) = incoming.messages
        assert isinstance(message, DossierMessage)
        (call,) = ADAPTER.plan(message, OPTIONS[writer])
        written = write(message, call, writer, incoming)

        assert call.service == row.service, name
        assert procedure.structures[row.service].faults(xml.parse(written)) == (), name
        kept = set(leaves(written))
        assert [one for one in leaves(document) if one not in kept] == [], name
        (again,) = read(written, reader).messages
        assert isinstance(again, DossierMessage)
        assert [path for path in lost(told(message), told(again)) if (procedure.dialect, path) not in ELSEWHERE] == [], name
        # Once more, and nothing is added either.
        twice = write(again, call, writer, incoming)
        assert leaves(twice) == leaves(written), name


def test_every_dialect_function_and_direction_is_among_them() -> None:
    tried = {(procedure.dialect, row.function, way) for all_ in MESSAGES.values() for procedure, row, way in all_}

    registered = [(one.dialect, row) for one in BOOK.values() for row in one.rows]
    assert tried == {(dialect, row.function, way) for dialect, row in registered for way in ROLES if row.goes(way)}
    assert {dialect for dialect, _, _ in tried} == {"gen2", "maritime", "vehicle_inspection", "food_safety"}


def test_what_no_structure_is_known_of_is_passed_on_and_never_made_up() -> None:
    """A message of which only header and event are known cannot be written from other systems' words; that is said."""
    # What is composed of a dossier's own words has a structure of ours.
    unknown = (one for all_ in MESSAGES.values() for one in all_ if not one[1].schema_file and not one[1].composed)
    for procedure, row, way in unknown:
        reader, writer = ROLES[way]
        document = generator.message(procedure.document_type, row.type, row.function, direction=way, options=OPTIONS[reader])
        incoming = read(document, reader)
        (message,) = incoming.messages
        assert isinstance(message, DossierMessage)
        empty = message.model_copy(update={"dossier": message.dossier.model_copy(update={"form": {}})})
        with pytest.raises(InvalidMessage) as caught:
            write(empty, Call(service=row.service), writer, incoming)

        assert [(fault.path.split("/")[2], fault.code) for fault in caught.value.faults] == [("form", "missing")], row.service


# --- what has no place in a message -------------------------------------------------------------------------------

#: What other systems say of an event: the part of a canonical message that a writer would want to tell.
WANTED: dict[Event, tuple[str, ...]] = {
    **dict.fromkeys((Event.REFUSED, Event.SUPPLEMENT_ASKED, Event.EDIT_ASKED, Event.WITHDRAWAL_ASKED), ("step.note", "step.at")),
    **dict.fromkeys((Event.EDIT_REFUSED, Event.WITHDRAWAL_REFUSED, Event.AMENDMENT_REFUSED), ("step.note", "step.at")),
    **dict.fromkeys((Event.EDIT_AGREED, Event.WITHDRAWAL_AGREED, Event.AMENDMENT_AGREED), ("step.at",)),
    Event.RECEIVED: ("receipt_number", "step.at", "step.actor", "step.unit"),
    Event.FEE_ASKED: ("fee.amount", "step.note"),
    Event.FEE_PAID: ("fee.amount",),
    **dict.fromkeys(
        (Event.LICENCE_ISSUED, Event.LICENCE_AMENDED),
        ("licence.number", "licence.issued_at", "licence.signer", "licence.signer_position", "licence.link"),
    ),
    Event.SUBMITTED: ("applicant.name", "applicant.tax_code", "applicant.address", "applicant.phone", "applicant.email"),
}
NO_PLACE = GEN2 / "NO_PLACE.md"


def no_place() -> Iterator[str]:
    """Say for each message with a structure what it has no element for."""
    for procedure in sorted(BOOK.values(), key=lambda one: one.document_type):
        if procedure.dialect != "gen2":
            continue
        for row in procedure.rows:
            places = {place for many in row.fields.values() for place in many}
            lost = [place for place in WANTED.get(row.event, ()) if place not in places]
            if row.schema_file and lost:
                yield f"| {procedure.document_type} | {row.service} | {row.event.value} | {', '.join(lost)} |"


def test_what_has_no_place_in_a_message_is_listed() -> None:
    """NO_PLACE.md is the whole list: a line that is missing or too many is named."""
    listed = [line for line in NO_PLACE.read_text("utf-8").splitlines() if line.startswith("| ") and "/" in line]

    assert listed == list(no_place())
    assert all(place in PLACES for places in WANTED.values() for place in places)


def test_a_date_out_of_the_calendar_and_a_cut_document_are_refused_and_named() -> None:
    document = generator.message("BNNPTNT0600004", "13", "07", options=OPTIONS["ministry"])
    root = xml.parse(document)
    place = root.find("Body/Content/ResultConfirm/CheckTime")
    assert place is not None
    place.text = "ngày mai"
    with pytest.raises(InvalidMessage) as caught:
        read(xml.serialise(root), "ministry")
    assert [fault.path for fault in caught.value.faults] == ["/Envelope/Body/Content/ResultConfirm/CheckTime"]
    for end in range(1, len(document), 97):
        with pytest.raises(InvalidMessage):
            read(document[:end], "ministry")
