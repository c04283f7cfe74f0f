"""Corrects a canonical message, field by field: what a person gives is checked as a whole, and whose dossier it is stays.

Pure: a message and values in, a message out. A field is named by its JSON pointer (RFC 6901) in the canonical message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from hub.canonical.border.message import BorderMessage
from hub.canonical.dossier import DossierMessage
from hub.canonical.figures import StatisticsMessage
from hub.canonical.message import Message, from_json, to_json
from hub.canonical.national_fields import YEARS, showable, text_fault
from hub.canonical.notice import NoticeMessage
from hub.canonical.procedure import CatalogueMessage, ProcedureMessage
from hub.canonical.question import QuestionMessage
from hub.canonical.raw import RawMessage
from hub.errors import Fault, InvalidMessage, NotAllowed
from hub.rules import difference
from hub.rules.difference import Change

#: Fields in one correction; who has more to mend asks the sender for a new message.
MOST_VALUES = 200
LONGEST_PATH = 300
#: Bytes of a corrected message at most.
MOST_BYTES = 30_000_000
#: Mappings whose names come from a sender: a journal names the mapping, not what is in it.
FREE = ("form", "native", "details", "other_codes")
#: Kinds of pydantic's errors that say: a list where a text belongs, or the other way round.
_WRONG_TYPE = frozenset(f"{each}_type" for each in ("string", "int", "float", "bool", "tuple", "list", "dict", "model"))
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT")


def parsed(message: bytes) -> Any:
    """Give a canonical message as the tree that pointers walk: with every field, as this version writes it."""
    return json.loads(to_json(from_json(message)))


def corrected(before: Message, values: Mapping[str, Any], *, mask: str) -> Message:
    """Put values into a message; raise InvalidMessage with every fault, NotAllowed where an identity would change.

    ``mask``: what is shown in place of a hidden value, and is never one itself.
    """
    vi, en = why_not(before)
    if en:
        raise NotAllowed(en, vi, where="kind")
    tree = json.loads(to_json(before))
    faults = [*_bounds(values), *_texts(values, mask)]
    if not faults:
        for path, value in values.items():
            faults += _put(tree, path, value)
    if faults:
        raise InvalidMessage(faults)
    after = _checked(tree, values)
    _keep_identity(before, after)
    return after


def why_not(message: Message) -> tuple[str, str]:
    """Say why nothing of a message can be corrected, in Vietnamese and English; empty where it can."""
    if isinstance(message, NoticeMessage):
        return (
            "thông báo kết quả do trục tự lập, không sửa được",
            "a notice is the hub's own word on what became of a message; it is not corrected",
        )
    if isinstance(message, BorderMessage):
        return (
            "chứng từ qua biên giới do bên cấp chứng nhận, không sửa tại trục: đề nghị nơi cấp ban hành chứng từ mới, hủy bản cũ",
            "a border document is certified by its issuer and not corrected here: it issues a new one, and cancels this one",
        )
    return "", ""


def _bounds(values: Mapping[str, Any]) -> Iterator[Fault]:
    if not values:
        raise NotAllowed("say what to correct", "hãy nêu trường cần sửa", where="values")
    if len(values) > MOST_VALUES:
        vi, en = f"sửa tối đa {MOST_VALUES} trường một lần", f"at most {MOST_VALUES} fields in one correction"
        yield Fault("", "too_many", vi, en)
    for path in values:
        if not path.startswith("/") or len(path) > LONGEST_PATH or text_fault(path, path):
            shown = showable(path)
            yield Fault(shown, "bad_value", "không phải đường dẫn trường (ví dụ /dossier/note)", "no pointer (/dossier/note)")


def _texts(values: Mapping[str, Any], mask: str) -> Iterator[Fault]:
    """Find texts that nobody can carry, masks given back as values, and what is nested beyond all sense."""
    for path, value in values.items():
        for change in difference.fields(None, value, limit=10_000):
            at, part = f"{path}{change.path}", change.after
            if isinstance(part, str) and part == mask:
                yield Fault(at, "bad_value", "là ký hiệu che, không phải giá trị", "is what hides a value, not a value")
            elif fault := text_fault(showable(at), at) or (text_fault(at, part) if isinstance(part, str) else None):
                yield fault


def _put(tree: Any, path: str, value: Any) -> list[Fault]:
    """Set one field of a tree; give the fault where there is no such place."""
    *above, last = [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]
    here = tree
    for part in above:
        here = _step(here, part)
    if isinstance(here, dict):
        here[last] = value
        return []
    if isinstance(here, list) and last == "-":
        here.append(value)
        return []
    if isinstance(here, list) and (place := _place(here, last)) is not None:
        here[place] = value
        return []
    return [Fault(path, "unexpected", "không có trường này trong thông điệp", "there is no such field in the message")]


def _step(here: Any, part: str) -> Any:
    if isinstance(here, dict):
        return here.get(part)
    place = _place(here, part) if isinstance(here, list) else None
    return None if place is None else here[place]


def _place(listed: list[Any], part: str) -> int | None:
    return int(part) if re.fullmatch(r"0|[1-9][0-9]{0,5}", part) and int(part) < len(listed) else None


# --- checking ----------------------------------------------------------------------------------------------------


def _checked(tree: Any, values: Mapping[str, Any]) -> Message:
    try:
        body = json.dumps(tree, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise _unreadable() from None
    if len(body) > MOST_BYTES:
        raise _unreadable()
    try:
        after = from_json(body)
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)
        raise InvalidMessage([_fault(each["type"], each["loc"], each.get("ctx", {})) for each in wrong]) from None
    if faults := list(_misread(tree, json.loads(to_json(after)))) or list(_strange_years(after, values)):
        raise InvalidMessage(faults)
    return after


def _unreadable() -> InvalidMessage:
    return InvalidMessage([Fault("", "bad_value", "nội dung quá lớn hoặc lồng nhau quá sâu", "too large, or nested too deeply")])


def _fault(kind: str, loc: Iterable[Any], told: Mapping[str, Any]) -> Fault:
    # The first part names the kind of message, which its tag decides.
    path = "".join(f"/{difference.escaped(part)}" for part in list(loc)[1:])
    if kind == "missing":
        return Fault(path, "missing", "thiếu trường bắt buộc", "a required field is missing")
    if kind == "extra_forbidden":
        return Fault(path, "unexpected", "không có trường này trong thông điệp", "there is no such field in the message")
    if kind in ("enum", "literal_error"):
        expected = told.get("expected", "")
        return Fault(path, "not_in_list", f"phải là một trong: {expected}", f"must be one of: {expected}")
    if kind in _WRONG_TYPE:
        return Fault(path, "bad_type", "sai kiểu dữ liệu", "has the wrong type")
    if kind.startswith("datetime"):
        return _no_moment(path)
    return Fault(path, "bad_value", "giá trị không hợp lệ", "the value is not allowed here")


def _no_moment(path: str) -> Fault:
    shape = "2026-03-02T09:15:00+07:00"
    return Fault(path, "bad_value", f"ngày giờ phải có dạng {shape}", f"a moment is written {shape}")


def _misread(given: Any, read: Any) -> Iterator[Fault]:
    """Find moments that were taken for something else: 20260302091504 reads as seconds since 1970, in the year 642000."""
    for change in difference.fields(given, read, limit=10_000):
        if _is_moment(change.after) and not _is_moment(change.before):
            yield _no_moment(change.path)


def _strange_years(after: Message, values: Mapping[str, Any]) -> Iterator[Fault]:
    for change in difference.fields(None, after.model_dump(), limit=10_000):
        if isinstance(change.after, datetime) and change.after.year not in YEARS and change.path.startswith(tuple(values)):
            yield _no_moment(change.path)


def _is_moment(value: Any) -> bool:
    return isinstance(value, str) and _MOMENT.match(value) is not None


# --- identity ----------------------------------------------------------------------------------------------------


def identity(message: Message) -> dict[str, Any]:
    """Give what decides whose message it is and what happened: pointer -> value. A correction leaves all of it."""
    if isinstance(message, DossierMessage):
        dossier = message.dossier
        return {
            "/kind": message.kind,
            "/event": message.event.value,
            "/dossier/code": dossier.code,
            "/dossier/numbering": dossier.numbering,
            "/dossier/other_codes": dict(dossier.other_codes),
            # Coordinates of the dossier at its sender: what is there stays, what is missing may be added.
            **{f"/native/{difference.escaped(name)}": value for name, value in message.native.items() if value},
        }
    if isinstance(message, CatalogueMessage):
        codes = [each.code for each in message.procedures]
        owned = {"/kind": message.kind, "/owner": message.owner, "/complete": message.complete}
        return {**owned, **{f"/procedures/{place}/code": code for place, code in enumerate(codes)}, "/procedures": len(codes)}
    if isinstance(message, ProcedureMessage):
        return {"/kind": message.kind, "/owner": message.owner, "/procedure/code": message.procedure.code}
    if isinstance(message, NoticeMessage):
        return {"/kind": message.kind, "/message_id": message.message_id}
    if isinstance(message, BorderMessage):
        names = ("kind", "event", "document", "number", "issuing_country", "importing_country")
        return {f"/{name}": str(getattr(message, name)) for name in names}
    return _identity_of_other(message)


def _identity_of_other(message: QuestionMessage | StatisticsMessage | RawMessage) -> dict[str, Any]:
    if isinstance(message, QuestionMessage):
        asked = {"/question/id": message.question.id, "/question/agency/code": message.question.agency.code}
        return {"/kind": message.kind, "/event": message.event, **asked}
    if isinstance(message, StatisticsMessage):
        told = message.figures
        month = {"/figures/month": told.month, "/figures/year": told.year, "/figures/kind": told.kind}
        return {"/kind": message.kind, "/figures/agency/code": told.agency.code, **month}
    return {"/kind": message.kind, "/service": message.service, "/id": message.id}


def is_fixed(path: str, kept: Mapping[str, Any]) -> bool:
    """Say whether a field belongs to what a correction must leave (``identity``)."""
    return path in kept or any(path.startswith(f"{each}/") for each in kept if isinstance(kept[each], dict))


def _keep_identity(before: Message, after: Message) -> None:
    kept, now = identity(before), identity(after)
    if changed := sorted(path for path, value in kept.items() if now.get(path) != value):
        named = ", ".join(changed[:10])
        raise NotAllowed(
            f"{named}: whose dossier it is and what happened cannot be corrected; the sender must send a new message",
            f"{named}: không được sửa mã hồ sơ, hệ mã, loại hoặc sự kiện của thông điệp; nơi gửi phải gửi thông điệp mới",
            where=changed[0],
        )


# --- what differs ------------------------------------------------------------------------------------------------


def changes(before: bytes, after: bytes) -> tuple[Change, ...]:
    """Compare two canonical messages, field by field."""
    return difference.fields(parsed(before), parsed(after))


def places(found: Iterable[Change]) -> tuple[str, ...]:
    """Name the fields of changes for a journal: no names that a sender chose, and not a thousand of them."""
    return tuple(dict.fromkeys(_place_of(change.path) for change in found))[:MOST_VALUES]


def _place_of(path: str) -> str:
    parts = path.split("/")
    for number, part in enumerate(parts):
        if part in FREE:
            return "/".join(parts[: number + 1])
    return path
