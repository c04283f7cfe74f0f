"""Verbs of border documents: list, show, print, send again on request, decide as an officer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import structlog

from hub import border_thought
from hub.app import Hub
from hub.border_thought import BorderThought
from hub.canonical.border.message import BorderDocument, BorderEvent, BorderMessage
from hub.canonical.compact_json import compact
from hub.errors import NotAllowed
from hub.ledger import border_prints, border_verbs
from hub.ledger.acceptance_looks import DossierMoved
from hub.ledger.values import Acceptance
from hub.operations import own_messages
from hub.operations.people import REVEALED_SECONDS
from hub.operations.said import require
from hub.registers import border, border_deliveries, border_phyto_print, border_print
from hub.registers.border import Asked, BorderPage, BorderShown
from hub.registers.border_deliveries import BorderDelivery
from hub.registers.border_words import DECISIONS
from hub.registers.scopes import Scope
from hub.rules.border.facts import number_key
from hub.rules.border.marks import Mark
from hub.rules.retention import BORDER_SUBJECT

log = structlog.get_logger()

#: What an officer can decide: close one of the marks, or take a document although its time is over.
LATE = "late_accepted"
#: Another message may change the document while its copy is thought of: so often it is looked at anew.
_LOOKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the register has of a document, and its deliveries, the newest first."""

    shown: BorderShown
    deliveries: tuple[BorderDelivery, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """A border document as it is printed."""

    shown: BorderShown
    language: str
    made_at: float
    #: It can be seen again without a new reason until then.
    until_at: float
    #: hub.registers.border_print.PrintedForm, or hub.registers.border_phyto_print.PrintedPhyto.
    printed: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A document that goes once more."""

    key: str
    message_id: str
    #: Endpoint -> delivery.
    deliveries: Mapping[str, str]


def listed(hub: Hub, asked: Asked, *, scope: Scope = None) -> BorderPage:
    """List documents: of these a person sees those that came from, or went to, what it works on."""
    wanted = replace(asked, number=number_key(asked.number)) if asked.number else asked
    with hub.ledger.read() as conn:
        return border.listed(conn, wanted, hub.now(), scope=scope)


def show(hub: Hub, name: str, *, scope: Scope = None) -> Seen:
    """Show what the register has of one document, and its deliveries, never its content; raise NotAllowed where there is none."""
    key = key_of(name)
    with hub.ledger.read() as conn:
        found = border.shown(conn, key, hub.now()) if border.is_seen(conn, key, scope) else None
        if found is not None:
            return Seen(shown=found, deliveries=border_deliveries.of_document(conn, key, scope=scope))
    raise NotAllowed(f"there is no border document {name!r}", f"không có chứng từ {name!r}", where="name")


def key_of(name: str) -> str:
    """Give a document's key: ``border:origin:VN:NUMBER``, or what stands behind its first colon."""
    return name if name.startswith(BORDER_SUBJECT) else f"{BORDER_SUBJECT}{name}"


def printed(hub: Hub, name: str, language: Literal["vi", "en"], *, scope: Scope = None, actor: str, why: str) -> Print:
    """Lay a document out for print, and write down who saw it and why; from then on that person sees it for a while.

    Raises NotAllowed where there is none, or where its content is not here.
    """
    require(actor, why)
    laid = lay_out(hub, show(hub, name, scope=scope).shown, language)
    key, now = laid.shown.row.key, hub.now()
    until = now + REVEALED_SECONDS
    verb = partial(border_prints.note, key=key, language=language, until=until, actor=actor, why=why, now=now)
    hub.ledger.change(verb, key)
    log.info("border.printed", document=laid.shown.row.document, actor=actor)
    return replace(laid, until_at=until)


def lay_out(hub: Hub, shown: BorderShown, language: Literal["vi", "en"]) -> Print:
    """Lay a document out; only for who has given a reason."""
    message = _content(hub, shown)
    form: Any
    if message.document is BorderDocument.PHYTO:
        form = border_phyto_print.printed(message, language)
    else:
        form = border_print.printed(message, shown, language)
    return Print(shown=shown, language=language, made_at=hub.now(), until_at=0.0, printed=form)


def _content(hub: Hub, shown: BorderShown) -> BorderMessage:
    with hub.ledger.read() as conn:
        found = border.content(conn, shown.row.key)
    if found is None or found.content is None:
        raise NotAllowed(
            "the document's content is not here: it has not come yet, or its time is over",
            "không có nội dung chứng từ: chứng từ chưa đến, hoặc đã hết thời hạn lưu",
            where="name",
        )
    return found


# --- once more ---------------------------------------------------------------------------------------------------


def copy(hub: Hub, name: str, *, scope: Scope = None, actor: str, why: str) -> Copied:
    """Send a document of ours once more, the same document under the same number, since the other side has lost it (Rule 29).

    It goes where its rule leads. Raises NotAllowed where it is not ours, or does not count any more.
    """
    require(actor, why)
    shown = show(hub, name, scope=scope).shown
    _check_copy(shown)
    message = _content(hub, shown).model_copy(update={"event": BorderEvent.COPIED, "sent_at": hub.clock()})
    acceptance = _recorded(hub, shown, message, actor=actor, why=why)
    hub.bus.wake(*{each.endpoint for each in acceptance.planned})
    log.info("border.copied", message=acceptance.message_id, actor=actor)
    sent = {each.endpoint: each.id for each in acceptance.planned}
    return Copied(key=shown.row.key, message_id=acceptance.message_id, deliveries=sent)


def _check_copy(shown: BorderShown) -> None:
    if not shown.row.outgoing:
        raise NotAllowed(
            "only a document that this side issued is sent again; ask the issuing country for its own",
            "chỉ truyền lại chứng từ do phía Việt Nam cấp; chứng từ của nước khác phải đề nghị nước cấp truyền lại",
            where="name",
        )
    if shown.row.standing != "in_force":
        raise NotAllowed(
            f"the document is {shown.row.standing}: what does not count any more is not sent again",
            "chứng từ đã bị hủy hoặc thay thế: không truyền lại",
            where="name",
        )


def _recorded(hub: Hub, shown: BorderShown, message: BorderMessage, *, actor: str, why: str) -> Acceptance:
    origin = hub.endpoint(shown.row.origin)
    for _ in range(_LOOKS):
        acceptance = _acceptance(hub, border_thought.think(hub, origin, message), actor=actor, why=why)
        try:
            hub.ledger.record_received(acceptance)
        except DossierMoved:
            continue
        return acceptance
    raise NotAllowed(
        "the document keeps changing; try again", "chứng từ đang được cập nhật liên tục; hãy thử lại", where="name"
    )


def _acceptance(hub: Hub, thought: BorderThought, *, actor: str, why: str) -> Acceptance:
    if not thought.planned:
        raise NotAllowed(
            "no rule sends a copy of this document anywhere: see kind = \"border\" in routes.toml",
            "không có quy tắc nào truyền lại chứng từ này: xem kind = \"border\" trong routes.toml",
            where="name",
        )
    own = own_messages.acceptance(hub, thought.message, thought.canonical, thought.planned, actor=actor, why=why)
    return replace(own, warnings=compact(list(thought.warnings)), attachments=thought.files, border=thought.changes)


# --- decisions ---------------------------------------------------------------------------------------------------


def decide(hub: Hub, name: str, decision: str, *, scope: Scope = None, actor: str, why: str) -> Seen:
    """Record an officer's decision: a mark was looked at, or the document is taken although it is late.

    Raises NotAllowed where there is nothing of that kind to decide.
    """
    require(actor, why)
    key, now = show(hub, name, scope=scope).shown.row.key, hub.now()
    if decision == LATE:
        verb = partial(border_verbs.accept_late, key=key, actor=actor, why=why, at=now)
    elif decision in DECISIONS:
        verb = partial(border_verbs.close_mark, key=key, mark=Mark(decision), actor=actor, why=why, at=now)
    else:
        known = ", ".join(DECISIONS)
        vi, en = f"không có quyết định {decision!r}; có: {known}", f"no decision {decision!r}; there are: {known}"
        raise NotAllowed(en, vi, where="decision")
    hub.ledger.change(verb, key)
    log.info("border.decided", decision=decision, actor=actor)
    return show(hub, name, scope=scope)
