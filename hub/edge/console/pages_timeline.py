"""Pages of one dossier, one message, one delivery; their exact bytes, and their evidence as a file."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, BinaryIO
from urllib.parse import quote

from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from hub.edge.acts import on_evidence
from hub.edge.acts.on_evidence import Exporting
from hub.edge.console import forms, rendering, shown
from hub.edge.console.rooms import Desk, Room
from hub.edge.console.vocabulary import FACTS_SHOWN
from hub.errors import NotAllowed
from hub.registers import history, masking, people
from hub.registers.words import Words
from hub.rules import difference
from hub.rules.difference import Change

room = Room()

#: Entries of a dossier's history on one page.
PAGE = 40
#: A download is given in pieces of this size.
PIECE_BYTES = 1 << 16
#: Leaves of one message: more than any that is compared has.
_ALL = 1_000_000
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

forms.posted_to("evidence export", "/evidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One verb that an operator could use now, as its form is shown."""

    verb: str
    fixed: Mapping[str, Any]
    ask: tuple[str, ...] = ()
    title: Words
    kind: str = "quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Glass:
    """Whether a person may see whose data a dossier holds, now."""

    see: bool
    #: What a reason has to be given for.
    about: str
    #: When it is hidden again.
    until_at: float | None = None


def glass(desk: Desk, subject: str, about: str) -> Glass:
    """Ask whether a person has said why they need to see a dossier's personal data."""
    with desk.hub.ledger.read() as conn:
        return Glass(see=people.may_see(conn, desk.person.login, subject, desk.hub.now()), about=about)


# --- one dossier -------------------------------------------------------------------------------------------------


@room.page("/timeline/{name:path}", verb="timeline")
def dossier(desk: Desk, name: str) -> Response:
    """Show what happened to a dossier, in the order in which it happened."""
    newest = desk.query.get("order") == "newest"
    told = desk.look("timeline", name=name, after=desk.query.get("after", ""), limit=PAGE, newest=newest)
    seen = glass(desk, told.subject, told.subject)
    return desk.render(
        "timeline/dossier.html",
        told=told,
        name=name,
        newest=newest,
        glass=seen,
        changes=_changes(desk, told.entries, seen),
        FACTS_SHOWN=FACTS_SHOWN,
    )


def _changes(desk: Desk, entries: Sequence[Any], seen: Glass) -> Mapping[tuple[str, int], Sequence[Change]]:
    """Give what each message changed, by its entry; with values only where they may be seen."""
    found = {(each.subject, each.number): each.changes for each in entries if each.changes}
    came = [each for each in entries if each.kind == "message" and _canonical(each)]
    came.sort(key=lambda each: (each.at, each.number))
    with desk.hub.ledger.read() as conn:
        for before, after in pairwise(came):
            bodies = [history.body(conn, _canonical(each)) for each in (before, after)]
            if all(bodies):
                found[after.subject, after.number] = changes(bodies[0] or b"", bodies[1] or b"", see=seen.see)
    return found


def changes(before: bytes, after: bytes, *, see: bool) -> tuple[Change, ...]:
    """Compare two canonical messages: who may not see gets where they differ, and values that name nobody."""
    old, new = difference.tree_of(before), difference.tree_of(after)
    found = difference.fields(old, new)
    if see:
        return found
    hidden_old, hidden_new = (
        {each.path: each.after for each in difference.fields(None, masking.masked(tree), limit=_ALL)} for tree in (old, new)
    )
    return tuple(replace(each, before=hidden_old.get(each.path), after=hidden_new.get(each.path)) for each in found)


def _canonical(entry: Any) -> str:
    return next((each.digest for each in entry.digests if each.role == "canonical"), "")


# --- one message, one delivery -----------------------------------------------------------------------------------


@room.page("/messages/{id}", verb="show")
def message(desk: Desk, id: str) -> Response:
    """Show everything about one message."""
    told = desk.look("show", name=id)
    if told.kind != "message":
        return desk.go(rendering.url("deliveries", told.id))
    seen = glass(desk, told.subject, told.id)
    canonical = _shown(desk, told, seen)
    kept = _once(told.bytes)
    return desk.render(
        "timeline/message.html", told=told, message=told.message, kept=kept, glass=seen, canonical=canonical
    )


@room.page("/deliveries/{id}", verb="show")
def delivery(desk: Desk, id: str) -> Response:
    """Show everything about one delivery, and what can be done about it now."""
    told = desk.look("show", name=id)
    if told.kind != "delivery":
        return desk.go(rendering.url("messages", told.id))
    one = told.deliveries[0]
    seen = glass(desk, one.detail.subject, told.id)
    return desk.render(
        "timeline/delivery.html",
        told=told,
        one=one,
        delivery=one.detail,
        kept=_once(told.bytes),
        offers=tuple(offers(one)),
        glass=seen,
        canonical=_shown(desk, told, seen),
    )


def _once(kept: Iterable[Any]) -> list[Any]:
    """Name the same bytes in the same role once: a retry sends what was sent before."""
    return list({(each.role, each.digest): each for each in reversed(list(kept))}.values())[::-1]


def _shown(desk: Desk, told: Any, seen: Glass) -> tuple[shown.Shown, ...]:
    """Lay out the canonical messages, hidden as they must be."""
    digests = told.message.canonical_digests if told.kind == "message" else (told.deliveries[0].detail.canonical_digest,)
    with desk.hub.ledger.read() as conn:
        bodies = [history.body(conn, digest) for digest in digests[:10]]
    return tuple(shown.show(body, see=seen.see, canonical=True) for body in bodies if body)


#: Words of hub.registers.possible -> how the verb is offered: its name, what is fixed, what is asked, title, kind.
_OFFERED: Mapping[str, tuple[str, Mapping[str, str], tuple[str, ...], Words, str]] = {
    "ask": ("ask", {}, (), ("Hỏi đối tác đã nhận chưa", "Ask the partner"), "main"),
    "release": ("release", {}, (), ("Gửi lại nguyên nội dung", "Release: send the same bytes"), "quiet"),
    "rebuild": ("rebuild", {}, (), ("Dựng lại rồi gửi", "Rebuild: translate anew and send"), "quiet"),
    "settle --arrived": (
        "settle", {"outcome": "arrived"}, ("evidence", "attached"), ("Xác nhận: đối tác đã nhận", "Settle: it arrived"), "quiet",
    ),
    "settle --not-arrived": (
        "settle", {"outcome": "not_arrived"}, ("evidence", "attached"),
        ("Xác nhận: đối tác chưa nhận, gửi lại", "Settle: it did not arrive, send it again"), "quiet",
    ),
    "settle --acknowledged": (
        "settle", {"outcome": "acknowledged"}, ("evidence", "attached"),
        ("Xác nhận: đối tác đã chấp nhận", "Settle: the partner acknowledged it"), "quiet",
    ),
    "settle --refused": (
        "settle", {"outcome": "refused"}, ("evidence", "attached"),
        ("Xác nhận: đối tác đã từ chối", "Settle: the partner refused it"), "quiet",
    ),
    "abandon": ("abandon", {}, (), ("Từ bỏ lượt chuyển này", "Abandon this delivery"), "danger"),
    "abandon --followers": (
        "abandon", {"with_followers": "true"}, (),
        ("Từ bỏ lượt chuyển này và các lượt chờ sau", "Abandon this delivery and those that wait behind it"), "danger",
    ),
}  # fmt: skip


def offers(one: Any) -> Iterator[Offer]:
    """Give the verbs that would be accepted now, as forms."""
    for typed in one.verbs:
        verb, fixed, ask, title, kind = _OFFERED[typed]
        yield Offer(verb=verb, fixed={"delivery": one.detail.id, **fixed}, ask=ask, title=title, kind=kind)


# --- exact bytes -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Bytes that belong to a message or delivery which the person sees."""

    role: str
    digest: str
    size: int
    subject: str
    #: The page of what they belong to.
    page: str
    about: str
    body: bytes = field(repr=False)


@room.page("/bytes/{digest}", verb="show")
def octets(desk: Desk, digest: str) -> Response:
    """Show bytes of a message or delivery: laid out, raw or as hex."""
    found = _find(desk, digest)
    seen = glass(desk, found.subject, found.about)
    form = desk.query.get("form", shown.PRETTY)
    # A list's answer names others, too, whom nobody gave a reason to see.
    told = shown.show(found.body, form, see=seen.see and found.role != "page", canonical=found.role == "canonical")
    return desk.render("timeline/bytes.html", found=found, told=told, forms=shown.FORMS, glass=seen)


@room.page("/bytes/{digest}/download", verb="show")
def download(desk: Desk, digest: str) -> Response:
    """Give bytes exactly as they are, as a file that no browser opens; who may not see them is sent to where one says why."""
    found = _find(desk, digest)
    if found.role == "page" or not glass(desk, found.subject, found.about).see:
        return desk.go(rendering.url("bytes", digest, of=found.about))
    ending = {"xml": "xml", "json": "json", "text": "txt"}.get(shown.kind_of(found.body), "bin")
    return _file(iter((found.body,)), f"{found.role}-{digest.partition(':')[2][:12]}.{ending}")


def _find(desk: Desk, digest: str) -> Found:
    """Find bytes through what they belong to; a digest alone is no key."""
    of = desk.query.get("of", "")
    if not _DIGEST.fullmatch(digest) or not of:
        raise _no_bytes()
    told = desk.look("show", name=of)
    kept = next((each for each in told.bytes if each.digest == digest), None)
    with desk.hub.ledger.read() as conn:
        body = history.body(conn, digest) if kept else None
    if kept is None or body is None:
        raise _no_bytes()
    subject = told.subject if told.kind == "message" else told.deliveries[0].detail.subject
    page = rendering.url("messages" if told.kind == "message" else "deliveries", told.id)
    return Found(role=kept.role, digest=digest, size=len(body), subject=subject, page=page, about=told.id, body=body)


def _no_bytes() -> NotAllowed:
    return NotAllowed(
        "there are no such bytes here: they do not belong to this, or retention has deleted them",
        "không có nội dung này: không thuộc mục đang xem, hoặc đã bị xóa khi hết thời hạn lưu",
        where="digest",
    )


def _file(pieces: Iterator[bytes], name: str, close: BackgroundTask | None = None) -> Response:
    headers = {
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
    }
    return StreamingResponse(pieces, headers=headers, media_type="application/octet-stream", background=close)


# --- evidence ----------------------------------------------------------------------------------------------------


@room.form("/evidence", verb="evidence export")
def evidence(desk: Desk) -> Response:
    """Give the evidence of a message, a delivery or a dossier as one sealed file."""
    # Closed when the last piece has left.
    file = tempfile.TemporaryFile()  # noqa: SIM115
    try:
        about = forms.carried_out("evidence export", desk.posted, lambda asked: _write(desk, asked, file))
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return _file(_pieces(file), about.name, BackgroundTask(file.close))


def _write(desk: Desk, asked: Exporting, file: BinaryIO) -> Any:
    return on_evidence.write(desk.hub, desk.person, asked, file)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece
