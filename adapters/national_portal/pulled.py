"""What the portal's lists have, as calls at our door would be, and the dossiers and questions they make (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from adapters.national_portal.field_map import FieldMap, load, table_of
from adapters.national_portal.options import Options
from adapters.national_portal.questions import read_question
from adapters.national_portal.services import QUESTIONS_ASKED, SHARED_DOSSIERS
from hub.canonical.base import VIETNAM, local
from hub.canonical.codes import Event, Status
from hub.canonical.digests import digest_of
from hub.canonical.document import Attachment
from hub.canonical.dossier import Dossier, DossierMessage
from hub.canonical.national_fields import bad_type, nested, pointer, read_record, scalar_text
from hub.canonical.national_record import write_date
from hub.canonical.question import QuestionMessage
from hub.contract import Incoming, Listed, Request
from hub.errors import Fault, missing
from hub.rules.json_door import CONTENT_TYPE, raise_faults, texts

#: Questions whose TRANGTHAI is this are not for us (one client skips them).
SKIPPED = "0"
#: Longer identities are cut to a digest.
_LONGEST = 150


# --- windows of time ----------------------------------------------------------------------------------------------


def window(cursor: str, now: datetime, options: Options) -> tuple[datetime, datetime, bool]:
    """Give from when, until when to ask, and whether there is more after it; a cursor that is none begins anew."""
    end = local(now)
    start = _moment(cursor) or end - timedelta(days=options.pull_first_days)
    start = min(start, end)
    until = min(start + timedelta(days=options.pull_window_days), end)
    return start - timedelta(hours=options.pull_overlap_hours), until, until < end


def _moment(cursor: str) -> datetime | None:
    try:
        return datetime.strptime(cursor, "%Y%m%d%H%M%S").replace(tzinfo=VIETNAM)
    except ValueError:
        return None


# --- items of a list ----------------------------------------------------------------------------------------------


def dossiers_listed(rows: Iterable[Any], endpoint: str, options: Options, page: bytes) -> tuple[Listed, ...]:
    """Make an item of each row of DanhSachHoSo; ``page``: the answer in which they stand, as it came."""
    given = load(options.pull_map)
    return tuple(
        _listed(endpoint, SHARED_DOSSIERS, {"HoSo": row, "TepTin": []}, identity_of(row, given), page, _files(row, given))
        for row in rows
    )


def questions_listed(rows: Iterable[Any], endpoint: str, page: bytes) -> tuple[Listed, ...]:
    """Make an item of each question that is for us."""
    ours = (row for row in rows if not (isinstance(row, dict) and str(row.get("TRANGTHAI")) == SKIPPED))
    return tuple(_listed(endpoint, QUESTIONS_ASKED, row, question_identity(row), page) for row in ours)


def joined(listed: Listed, addresses: Mapping[str, str]) -> Request:
    """Write the addresses of an item's files beside its row."""
    if not listed.files:
        return listed.request
    document = json.loads(listed.request.body)
    document["TepTin"] = [{"DuongDan": file, "DiaChi": addresses[file]} for file in listed.files]
    request = listed.request
    return Request(
        endpoint=request.endpoint,
        body=_octets(document),
        content_type=request.content_type,
        path=request.path,
        idempotency_key=request.idempotency_key,
    )


def _listed(
    endpoint: str, service: str, document: Any, identity: str, page: bytes, files: tuple[str, ...] = ()
) -> Listed:
    request = Request(
        endpoint=endpoint,
        body=_octets(document),
        content_type=CONTENT_TYPE,
        path=f"/{service}",
        idempotency_key=identity,
    )
    return Listed(request=request, files=files, page=page)


def _octets(document: Any) -> bytes:
    """Write what came as it came: what is not right in it is intake's to say."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def identity_of(row: Any, given: FieldMap) -> str:
    """Name a row: the same dossier has the same name each time it is listed."""
    values = [row.get(name) for name in given.identity] if isinstance(row, dict) else []
    return _identity(SHARED_DOSSIERS, row, values)


def question_identity(row: Any) -> str:
    """Name a question."""
    return _identity(QUESTIONS_ASKED, row, [row.get("HOIDAPID")] if isinstance(row, dict) else [])


def _identity(service: str, row: Any, values: list[Any]) -> str:
    parts = [str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else "" for value in values]
    name = "/".join([service, *parts])
    whole = parts and all(parts) and len(name) <= _LONGEST and name.isprintable()
    return name if whole else f"{service}/{digest_of(_octets(row))}"


def _files(row: Any, given: FieldMap) -> tuple[str, ...]:
    if given.files is None or not isinstance(row, dict):
        return ()
    rows = row.get(given.files.list)
    paths = [each.get(given.files.path) for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []
    return tuple(dict.fromkeys(path for path in paths if isinstance(path, str) and path.strip() and path.isprintable()))


# --- what they say ------------------------------------------------------------------------------------------------


def read_listed_dossier(document: Any, options: Options) -> Incoming:
    """Read a row of DanhSachHoSo with the addresses of its files; raise InvalidMessage with every fault."""
    given = load(options.pull_map)
    row = document.get("HoSo") if isinstance(document, dict) else None
    faults: list[Fault] = []
    values = read_record(table_of(options.pull_map), row, "/HoSo", faults, required=given.required)
    attachments = _attachments(document, row, given, faults) if isinstance(row, dict) else ()
    raise_faults(faults)
    assert isinstance(row, dict)
    known = {
        "numbering": options.numbering,
        "status": Status.REGISTERED,
        "channel": given.channel,
        "submitted_on": given.submitted_on,
        "attachments": attachments,
        "form": texts({name: value for name, value in row.items() if name not in given.not_in_form}),
    }
    dossier = Dossier(**nested(values | known))
    message = DossierMessage(event=Event.SUBMITTED, dossier=dossier, native={"service": SHARED_DOSSIERS})
    return Incoming(messages=(message,), identity=identity_of(row, given))


def _attachments(document: Any, row: dict[str, Any], given: FieldMap, faults: list[Fault]) -> tuple[Attachment, ...]:
    if given.files is None:
        return ()
    addresses = _addresses(document.get("TepTin"), faults)
    place = f"/HoSo/{given.files.list}"
    rows = row.get(given.files.list) or []
    if not isinstance(rows, list):
        faults.append(bad_type(place, "danh sách", "a list"))
        return ()
    found = [_attachment(each, pointer(place, index), given, addresses, faults) for index, each in enumerate(rows)]
    return tuple(file for file in found if file is not None)


def _addresses(given: Any, faults: list[Fault]) -> dict[str, str]:
    if not isinstance(given, list):
        faults.append(bad_type("/TepTin", "danh sách", "a list"))
        return {}
    found = {}
    for index, each in enumerate(given):
        if not isinstance(each, dict):
            faults.append(bad_type(f"/TepTin/{index}", "đối tượng JSON", "a JSON object"))
            continue
        path = scalar_text(each.get("DuongDan"), f"/TepTin/{index}/DuongDan", faults)
        found[path] = scalar_text(each.get("DiaChi"), f"/TepTin/{index}/DiaChi", faults)
    return found


def _attachment(row: Any, path: str, given: FieldMap, addresses: Mapping[str, str], faults: list[Fault]) -> Attachment | None:
    assert given.files is not None
    if not isinstance(row, dict):
        faults.append(bad_type(path, "đối tượng JSON", "a JSON object"))
        return None
    names = (given.files.path, given.files.name, given.files.component)
    place, name, component = (scalar_text(row.get(each), pointer(path, each), faults) if each else "" for each in names)
    if not name.strip():
        faults.append(missing(pointer(path, given.files.name)))
    return Attachment(id=place, name=name, component_code=component, url=addresses.get(place, ""))


def read_listed_question(row: Any) -> Incoming:
    """Read a question that somebody asked on the portal; raise InvalidMessage with every fault."""
    faults: list[Fault] = []
    question = read_question(row, "", faults)
    raise_faults(faults)
    assert question is not None
    message = QuestionMessage(event="asked", question=question, native={"service": QUESTIONS_ASKED})
    return Incoming(messages=(message,), identity=question_identity(row))


def asked_for(agency: str, start: datetime, until: datetime) -> dict[str, str]:
    """Write the parameters of DanhSachHoSo."""
    return {"donViXuLy": agency, "ngayNhan1": write_date(start), "ngayNhan2": write_date(until)}
