"""Verbs of corrections: propose, approve, reject; a second person approves where the endpoint's policy says so.

What the sender gave is never changed: the corrected message takes its place in one delivery, and what was there is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from hub import inline_files
from hub.app import UNROUTED, Hub
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import Message, from_json, to_json
from hub.contract import Call, Writing
from hub.errors import HubError, InvalidMessage, NotAllowed
from hub.ledger import chains, edit_verbs, payloads
from hub.ledger.edit_verbs import Proposal
from hub.operations import deliveries
from hub.operations.said import require
from hub.registers import edits, history, masking
from hub.registers.edits import Edit, Editable, EditShown
from hub.registers.records import DeliveryDetail
from hub.rules import attachments, corrections
from hub.rules.lifecycle import State

log = structlog.get_logger()

#: Stands for an identifier that a message does not have yet.
_NO_ID = "00000000-0000-0000-0000-000000000000"


def propose(hub: Hub, delivery_id: str, values: Mapping[str, Any], *, actor: str, why: str) -> EditShown:
    """Propose other values for fields of a parked delivery's message; where nobody else must approve, apply them at once.

    ``values``: JSON pointer in the canonical message -> value. Raises InvalidMessage with every fault, NotAllowed where the
    delivery cannot be corrected, where its identity would change, or where nothing would.
    """
    require(actor, why)
    seen = deliveries.find(hub, delivery_id)
    before = _content(hub, seen)
    message = from_json(before)
    corrected = corrections.corrected(message, values, mask=masking.HIDDEN)
    after = to_json(corrected)
    changes = corrections.changes(before, after)
    if not changes:
        raise NotAllowed("nothing would change", "không có gì thay đổi", where="values")
    _check_calls(hub, seen, message, corrected)
    _check_files(hub, message, corrected)
    given = Proposal(
        id=hub.new_id(),
        delivery_id=seen.id,
        epoch=seen.epoch,
        before=before,
        after=after,
        procedure=_procedure(corrected),
        paths=corrections.places(changes),
        four_eyes=_four_eyes(hub, seen.endpoint),
    )
    hub.ledger.change(partial(edit_verbs.propose, given=given, actor=actor, why=why, now=hub.now()))
    log.info("edit.proposed", edit=given.id, delivery=seen.id, four_eyes=given.four_eyes, actor=actor)
    hub.bus.wake(seen.endpoint)
    return show(hub, given.id)


def approve(hub: Hub, edit_id: str, *, actor: str, why: str) -> EditShown:
    """Approve a correction that somebody else proposed: the delivery goes again with it, in the place that it has.

    Raises NotAllowed where the delivery moved on since it was proposed, and where it was decided on before.
    """
    require(actor, why)
    edit = find(hub, edit_id)
    with hub.ledger.read() as conn:
        body = payloads.get(conn, edit.after_digest)
    procedure = _procedure(from_json(body)) if body else ""
    verb = partial(edit_verbs.approve, edit_id=edit.id, procedure=procedure, actor=actor, why=why, now=hub.now())
    hub.ledger.change(verb)
    log.info("edit.approved", edit=edit.id, delivery=edit.delivery_id, actor=actor)
    hub.bus.wake(edit.endpoint)
    return show(hub, edit.id)


def reject(hub: Hub, edit_id: str, *, actor: str, why: str) -> EditShown:
    """Turn a correction down, or withdraw one's own; the delivery stays as it is."""
    require(actor, why)
    edit = find(hub, edit_id)
    hub.ledger.change(partial(edit_verbs.reject, edit_id=edit.id, actor=actor, why=why, now=hub.now()))
    log.info("edit.rejected", edit=edit.id, delivery=edit.delivery_id, actor=actor)
    return show(hub, edit.id)


# --- looking -----------------------------------------------------------------------------------------------------


def find(hub: Hub, edit_id: str) -> Edit:
    """Give a correction; raise NotAllowed where there is none."""
    with hub.ledger.read() as conn:
        return edits.find(conn, edit_id)


def listing(hub: Hub, *, state: str = "", scope: Collection[str] | None = None, limit: int = 50) -> tuple[Edit, ...]:
    """List corrections, the newest first."""
    with hub.ledger.read() as conn:
        return edits.listing(conn, state=state, scope=scope, limit=limit)


def show(hub: Hub, edit_id: str, *, revealed: bool = False) -> EditShown:
    """Show what a correction changes, and what writing the corrected message would come to; values hidden unless revealed."""
    edit = find(hub, edit_id)
    delivery = deliveries.find(hub, edit.delivery_id)
    with hub.ledger.read() as conn:
        changes = edits.differences(conn, edit, revealed=revealed)
        after = payloads.get(conn, edit.after_digest)
    problem = _problem(hub, delivery, from_json(after)) if after and edit.state == "proposed" else ("", "")
    stands = edit.state == "proposed" and delivery.state == State.PARKED and delivery.epoch == edit.epoch
    return EditShown(
        edit=edit,
        changes=changes,
        stands=stands,
        delivery_state=delivery.state,
        hidden=sum(change.hidden for change in changes),
        problem_vi=problem[0],
        problem_en=problem[1],
    )


def editable(hub: Hub, delivery_id: str, *, revealed: bool = False) -> Editable:
    """Give the fields of a delivery's message, and say which can be corrected; values hidden unless revealed."""
    delivery = deliveries.find(hub, delivery_id)
    why_not = ("", "")
    fields: tuple[edits.Field, ...] = ()
    try:
        body = _content(hub, delivery)
    except NotAllowed as error:
        why_not = error.vi, error.en
    else:
        message = from_json(body)
        fields = edits.leaves(corrections.parsed(body), corrections.identity(message), revealed=revealed)
        why_not = corrections.why_not(message)
    if delivery.state != State.PARKED:
        why_not = "chỉ sửa được lượt chuyển đang dừng", "only a parked delivery is corrected"
    with hub.ledger.read() as conn:
        made = edits.of_delivery(conn, delivery.id)
    return Editable(
        delivery=delivery.id,
        endpoint=delivery.endpoint,
        subject=delivery.subject,
        state=delivery.state,
        epoch=delivery.epoch,
        four_eyes=_four_eyes(hub, delivery.endpoint),
        editable=not why_not[0],
        why_not_vi=why_not[0],
        why_not_en=why_not[1],
        fields=fields,
        edits=made,
    )


def _content(hub: Hub, delivery: DeliveryDetail) -> bytes:
    with hub.ledger.read() as conn:
        body = history.body(conn, delivery.canonical_digest)
    if body is None:
        raise NotAllowed(
            "its content was deleted by retention", "nội dung đã hết hạn lưu và bị xóa", where=delivery.canonical_digest
        )
    return body


# --- what a correction must leave --------------------------------------------------------------------------------


def _four_eyes(hub: Hub, endpoint: str) -> bool:
    outbound = hub.endpoints[endpoint].outbound if endpoint in hub.endpoints else None
    return outbound is None or outbound.four_eyes


def _procedure(message: Message) -> str:
    return message.dossier.procedure.code if isinstance(message, DossierMessage) else ""


def _check_calls(hub: Hub, delivery: DeliveryDetail, before: Message, after: Message) -> None:
    """Refuse a correction for which other calls would be needed: they were planned when the message came."""
    endpoint = hub.endpoints.get(delivery.endpoint)
    if endpoint is None:
        return
    plan = hub.adapter(endpoint).plan
    if plan(before, endpoint.options) != plan(after, endpoint.options):
        raise NotAllowed(
            "the corrected message would need other calls at this partner than were planned; the sender must send a new message",
            "nội dung sửa đòi hỏi các lượt gọi khác với kế hoạch đã lập cho đối tác; nơi gửi phải gửi thông điệp mới",
            where=delivery.service,
        )


def _check_files(hub: Hub, before: Message, after: Message) -> None:
    """Refuse links to files of ours that the message did not name: its recipients could not read them, or must not."""
    if not (isinstance(before, DossierMessage) and isinstance(after, DossierMessage)):
        return
    known = {digest for _, digest in attachments.named(before, hub.public_url)}
    strange = [path for path, digest in attachments.named(after, hub.public_url) if digest not in known]
    if strange:
        raise InvalidMessage([attachments.not_stored(path) for path in strange])


def _problem(hub: Hub, delivery: DeliveryDetail, message: Message) -> tuple[str, str]:
    """Say why a message could not be written for a delivery now; empty where it can. Nothing is recorded."""
    endpoint = hub.endpoints.get(delivery.endpoint)
    if endpoint is None or delivery.endpoint == UNROUTED:
        return "", ""
    with hub.ledger.read() as conn:
        held = chains.held(conn, delivery.endpoint, delivery.subject)
    codes = hub.codes(fresh=True)
    call = Call(service=delivery.service, part=delivery.part)
    writing = Writing(options=endpoint.options, codes=codes, held=held, now=hub.clock(), message_id=_NO_ID)
    try:
        contents = inline_files.stand_ins(hub, endpoint, message, call)
        hub.adapter(endpoint).write_message(message, call, replace(writing, contents=contents))
    except HubError as error:
        return error.vi, error.en
    except Exception as bug:
        log.exception("edit.bug")
        return f"lỗi nội bộ {type(bug).__name__}", f"internal error {type(bug).__name__}"
    return "", ""
