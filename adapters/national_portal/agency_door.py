"""The door for an agency's software that was made to speak to the portal, or to a province's relay before it (pure).

What such software says of dossiers is read at the door of ``one_stop``, which takes the relay's bare list as well; here come
rows alone, of dossiers that are known, questions and answers, figures, and what nobody has described.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.national_portal.options import Options
from adapters.national_portal.questions import read_answered, read_figures, read_published
from adapters.national_portal.services import ANSWERS, PROGRESS, QUESTIONS, STATISTICS
from hub.canonical.codes import Event
from hub.canonical.digests import digest_of
from hub.canonical.dossier import ROWS_ALONE, Dossier, DossierMessage, ProcedureRef, Step
from hub.canonical.figures import Figures, StatisticsMessage
from hub.canonical.message import Message
from hub.canonical.national_fields import bad_type, pointer, scalar_text
from hub.canonical.national_record import read_step
from hub.canonical.question import Question, QuestionMessage
from hub.canonical.raw import RawMessage
from hub.contract import Incoming
from hub.errors import Fault, bad_value, missing
from hub.rules.json_door import raise_faults

SERVICES = frozenset({QUESTIONS, ANSWERS, STATISTICS, PROGRESS})


def read(record: Any, document: bytes, head: Mapping[str, str], options: Options) -> Incoming:
    """Read a call of known or unknown shape; raise InvalidMessage with every fault."""
    service = head["service"]
    if service not in SERVICES:
        return raw(record, document, head)
    faults: list[Fault] = []
    _check_agency(record, head, options, faults)
    if service == PROGRESS:
        return _progress(record, document, head, faults)
    field = options.statistics_field if service == STATISTICS else options.questions_field
    rows = _rows(record, field, faults)
    place = "" if isinstance(record, list) else f"/{field}"
    messages = [_message(service, row, pointer(place, index), faults) for index, row in enumerate(rows)]
    raise_faults(faults)
    return Incoming(
        messages=tuple(message for message in messages if message is not None), identity=_identity(service, document, head)
    )


def _progress(record: Any, document: bytes, head: Mapping[str, str], faults: list[Fault]) -> Incoming:
    """Read progress rows without their records: a message for each dossier, of which only the number is said here."""
    rows, place = _rows(record, "data", faults), "" if isinstance(record, list) else "/data"
    steps: dict[str, list[Step]] = {}
    for index, row in enumerate(rows):
        path = pointer(place, index)
        number = scalar_text(row.get("MaHoSo"), pointer(path, "MaHoSo"), faults) if isinstance(row, dict) else ""
        step = read_step(row, path, faults)
        if isinstance(row, dict) and not number.strip():
            faults.append(missing(pointer(path, "MaHoSo")))
        elif step is not None:
            steps.setdefault(number.strip(), []).append(step)
    raise_faults(faults)
    messages = (_of_rows(number, tuple(listed)) for number, listed in steps.items())
    return Incoming(messages=tuple(messages), identity=_identity(PROGRESS, document, head))


def _of_rows(number: str, steps: tuple[Step, ...]) -> DossierMessage:
    dossier = Dossier(code=number, procedure=ProcedureRef(code=""), status=steps[-1].status)
    native = {"service": PROGRESS, ROWS_ALONE: "yes"}
    return DossierMessage(event=Event.STATUS, dossier=dossier, steps=steps, native=native)


def raw(record: Any, document: bytes, head: Mapping[str, str]) -> Incoming:
    """Take a call whose shape nobody has described: an object or a list, kept as it came."""
    faults = []
    rows = record if isinstance(record, list) else [record]
    if not rows or not all(isinstance(row, dict) for row in rows):
        faults.append(bad_type("", "đối tượng JSON, hoặc danh sách đối tượng", "a JSON object or a list of objects"))
    if isinstance(record, dict):
        own = ("session", "madonvi", "service")
        faults += [bad_value(f"/{name}", "do trục tự điền", "is the hub's to say") for name in own if name in record]
    raise_faults(faults)
    name = digest_of(document).removeprefix("sha256:")[:32]
    message = RawMessage(service=head["service"], id=name, body=document.decode("utf-8-sig"))
    return Incoming(messages=(message,), identity=_identity(head["service"], document, head))


def _identity(service: str, document: bytes, head: Mapping[str, str]) -> str:
    """Name a call: by the key that came with it, else by its bytes, since the portal's own clients send no key."""
    return head["key"] or f"{service}/{digest_of(document)}"


def _check_agency(record: Any, head: Mapping[str, str], options: Options, faults: list[Fault]) -> None:
    """Compare the agency that a call names with the endpoint's own."""
    said = record.get("madonvi") if isinstance(record, dict) else None
    for path, given in (("MaDinhDanhDV", head["agency"]), ("/madonvi", said)):
        if given and options.madonvi and given != options.madonvi:
            faults.append(bad_value(path, "không phải mã định danh của đơn vị gửi", "is not the sender's own agency"))


def _rows(record: Any, field: str, faults: list[Fault]) -> list[Any]:
    """Give the rows of a call: the portal's own list, or the relay's bare one."""
    rows = record.get(field) if isinstance(record, dict) else record
    place = f"/{field}" if isinstance(record, dict) else ""
    if rows is None or rows == []:
        faults.append(missing(place, field))
        return []
    if not isinstance(rows, list):
        faults.append(bad_type(place, "danh sách", "a list"))
        return []
    return rows


def _message(service: str, row: Any, path: str, faults: list[Fault]) -> Message | None:
    if service == STATISTICS:
        figures = read_figures(row, path, faults)
        return _of_figures(figures) if figures is not None else None
    reader: Callable[[Any, str, list[Fault]], Question | None] = read_published if service == QUESTIONS else read_answered
    question = reader(row, path, faults)
    if question is None:
        return None
    return QuestionMessage(event="published" if service == QUESTIONS else "answered", question=question)


def _of_figures(figures: Figures) -> StatisticsMessage:
    return StatisticsMessage(figures=figures)
