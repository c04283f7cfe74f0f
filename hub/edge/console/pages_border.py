"""Border documents: lists by state, country and clock; one with its way, items, uses and history; its content for print."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from hub.edge import printing
from hub.edge.console import rendering
from hub.edge.console.pages_timeline import glass
from hub.edge.console.rooms import Desk, Room, after
from hub.operations import border as verbs
from hub.operations.border import Seen
from hub.registers import border_words
from hub.registers.border import BorderShown
from hub.registers.border_words import Words
from hub.rules.retention import BORDER_SUBJECT

room = Room()

#: Documents on one page.
ROWS = 50
#: Transport states that are no good end.
_BAD = ("failed", "not_readable")


def page_of(key: str, *more: str) -> str:
    """Give the address of a document's page: ``/border/origin/VN/NUMBER``."""
    return rendering.url("border", *key.removeprefix(BORDER_SUBJECT).split(":", 2), *more)


after("border print", lambda done: rendering.with_query(page_of(done.shown.row.key, "print"), lang=done.language))
after("border copy", lambda done: page_of(done.key))
after("border decide", lambda done: page_of(done.shown.row.key))


@room.page("/border", verb="border list")
def listing(desk: Desk) -> Response:
    """List documents, with what can be chosen."""
    chosen = {name: desk.query.get(name, "") for name in ("document", "state", "country", "clock", "mark", "number")}
    chosen["country"] = chosen["country"].strip().upper()
    found = desk.look("border list", **chosen, after=desk.query.get("after", ""), rows=ROWS)
    following = rendering.url("border", **chosen, after=found.following) if found.following else ""
    values = {"found": found, "chosen": chosen, "following": following, "page_of": page_of}
    return desk.render("border/list.html", **values, words=border_words, now=desk.hub.now())


@room.page("/border/{document}/{country}/{number:path}/print", verb="border print")
def printed(desk: Desk, document: str, country: str, number: str) -> Response:
    """Show a document's content for print, to who has given a reason for it; else its page, where one is given."""
    key = f"{document}:{country}:{number}"
    seen: Seen = desk.look("border show", name=key)
    row = seen.shown.row
    if not glass(desk, row.key, row.key).see:
        return desk.go(page_of(row.key))
    laid = verbs.lay_out(desk.hub, seen.shown, "en" if desk.query.get("lang") == "en" else "vi")
    html = printing.page(laid, back=page_of(row.key), here=page_of(row.key, "print"))
    headers = {"Content-Security-Policy": printing.policy(html)}
    return Response(html, media_type="text/html; charset=utf-8", headers=headers)


@room.page("/border/{document}/{country}/{number:path}", verb="border show")
def one(desk: Desk, document: str, country: str, number: str) -> Response:
    """Show one document: its way, its items, what was said of it, what is to be decided."""
    found: Seen = desk.look("border show", name=f"{document}:{country}:{number}")
    shown = found.shown
    return desk.render(
        "border/one.html",
        found=found,
        shown=shown,
        row=shown.row,
        tracks=tuple(tracks(shown)),
        clocks=tuple(clocks(shown, desk.hub.now())),
        open_marks=tuple(each for each in shown.marks if each.closed_at is None),
        closed_marks=tuple(each for each in shown.marks if each.closed_at is not None),
        may_be_late=is_late(shown, desk.hub.now()),
        glass=glass(desk, shown.row.key, shown.row.key),
        page_of=page_of,
    )


# --- the way as a picture -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step on one axis."""

    name: Words
    #: ``past``, ``now``, ``bad``, or empty: not yet.
    kind: str
    at: float | None = None
    #: When it is due, where it has not come.
    due: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One axis."""

    title: Words
    steps: tuple[Step, ...]


def tracks(shown: BorderShown) -> Iterator[Track]:
    """Draw each axis by itself: none of them says anything of another."""
    if shown.row.outgoing or shown.row.technical != "unknown":
        yield Track(title=("Truyền nhận", "Transport"), steps=tuple(_transport(shown)))
    if shown.hops:
        yield Track(title=("Chặng đường ASW", "Hops"), steps=tuple(_hops(shown)))
    yield Track(title=("Nghiệp vụ", "Business"), steps=tuple(_business(shown)))


def _transport(shown: BorderShown) -> Iterable[Step]:
    state, at = shown.row.technical, shown.technical_at
    names = border_words.TECHNICAL
    if state in _BAD:
        return (Step(name=names["sent"], kind="past"), Step(name=names[state], kind="bad", at=at))
    if state.startswith("delivered"):
        return (Step(name=names["sent"], kind="past"), Step(name=names[state], kind="now", at=at))
    sent = Step(name=names["sent"], kind="now" if state == "sent" else "", at=at if state == "sent" else None)
    begun = () if state == "sent" else (Step(name=names.get(state, names["unknown"]), kind="now", at=at),)
    return (*begun, sent, Step(name=names["delivered"], kind="", due=shown.row.hop_due))


def _hops(shown: BorderShown) -> Iterator[Step]:
    last = next((each.hop for each in reversed(shown.hops) if each.at is not None), "")
    for each in shown.hops:
        # What lies before a hop that was told was passed, whether anybody told of it or not.
        name = tuple(f"{each.hop}: {words}" for words in border_words.HOPS[each.hop])
        kind = "now" if each.hop == last else "past" if each.hop < last else ""
        yield Step(name=(name[0], name[1]), kind=kind, at=each.at)


def _business(shown: BorderShown) -> Iterator[Step]:
    row, names = shown.row, border_words.STATES
    ended = row.standing in ("cancelled", "superseded")
    decided = row.result not in ("", "available", "not_received")
    here = row.standing != "awaited"
    waits = not (decided or ended)
    yield Step(
        name=names["issued"] if here else names["awaited"],
        kind="now" if waits and not shown.available_at else "past",
        at=shown.first_at,
    )
    if row.result == "not_received":
        yield Step(name=names["not_received"], kind="bad", at=shown.result_at)
    elif shown.available_at or not ended:
        kind = "" if not shown.available_at else "now" if waits else "past"
        yield Step(name=names["available"], kind=kind, at=shown.available_at)
    if decided:
        kind = "bad" if row.result in ("not_given", "rejected") else "past" if ended else "now"
        yield Step(name=names[row.result], kind=kind, at=shown.result_at)
    elif not ended:
        own = ("phản hồi của cơ quan trong nước", "our own side's answer")
        yield Step(name=("phản hồi của nước nhập khẩu", "answer") if row.outgoing else own, kind="", due=row.answer_due)
    if ended:
        yield Step(name=names[row.standing], kind="bad", at=shown.cancelled_at)
    elif row.state == "expired":
        yield Step(name=names["expired"], kind="bad", at=row.expires_at)


# --- clocks ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One clock that runs."""

    name: Words
    ends: float
    past: bool


_CLOCKS: Mapping[str, Words] = {
    "answer_due": ("Hạn trả lời", "Answer due"),
    "hop_due": ("Hạn tới chặng kế tiếp", "Next hop due"),
    "expires_at": ("Hết hiệu lực", "Expires"),
}


def clocks(shown: BorderShown, now: float) -> Iterator[Clock]:
    """Give the clocks that run, and whether they have run out."""
    for field, name in _CLOCKS.items():
        ends: Any = getattr(shown.row, field)
        if ends is not None:
            yield Clock(name=name, ends=ends, past=ends < now)


def is_late(shown: BorderShown, now: float) -> bool:
    """Say whether an officer can take it although its time is over."""
    ends = shown.row.expires_at
    return ends is not None and ends < now and shown.late_accepted_at is None
