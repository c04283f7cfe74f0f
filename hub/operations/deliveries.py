"""Verbs on one delivery, each with who and why; workers carry the work out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import structlog

from hub.app import Hub
from hub.canonical.receipt import Receipt
from hub.contract import Outgoing, Reply
from hub.errors import HubError, NotAllowed, Refused
from hub.ledger.values import Delivery, Notice
from hub.operations.said import require
from hub.registers import history, plans
from hub.registers.records import DeliveryDetail

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a verb came to: the delivery as it stands now, and what its followers do."""

    verb: str
    delivery: DeliveryDetail
    #: Deliveries that wait behind it in its chain.
    followers: int
    #: The follower that has its turn now, where the verb gave it one; else an empty text.
    next_id: str = ""
    next_state: str = ""
    #: What the chain was taught about what the partner holds.
    learned: Mapping[str, str] | None = None
    #: Identifiers of all deliveries that were given up, where followers were given up with it.
    abandoned: tuple[str, ...] = ()


def release(hub: Hub, delivery_id: str, *, actor: str, why: str) -> Done:
    """Send a parked delivery again, the same bytes if it has some."""
    require(actor, why)
    hub.ledger.release(delivery_id, actor=actor, why=why, now=hub.now())
    return _told(hub, "release", delivery_id, actor)


def rebuild(hub: Hub, delivery_id: str, *, actor: str, why: str) -> Done:
    """Send a parked delivery again, translated anew with the code lists and settings of now."""
    require(actor, why)
    hub.ledger.rebuild(delivery_id, actor=actor, why=why, now=hub.now())
    return _told(hub, "rebuild", delivery_id, actor)


def settle(
    hub: Hub,
    delivery_id: str,
    *,
    arrived: bool,
    evidence: bytes = b"",
    held: Mapping[str, str] | None = None,
    actor: str,
    why: str,
) -> Done:
    """State what a person found out about a delivery: it arrived (in doubt, parked or not sent yet), or a doubt did not.

    Arrived, its followers go on, and the chain learns what the partner now holds, so that the next one is written as an
    update and not as a first message: ``held`` as the operator states it; else what the adapter reads in the evidence,
    where that is the partner's reply (a number in it is joined to the dossier's others); else what it says of the bytes
    themselves once a partner has them. Not arrived, the same bytes are sent again.
    """
    require(actor, why)
    before = find(hub, delivery_id)
    found, numbers = _stated(hub, before, arrived, evidence, held or {})
    hub.ledger.settle(
        delivery_id,
        arrived=arrived,
        evidence=evidence,
        found=found,
        numbers=numbers,
        waits=before.endpoint in hub.endpoints and hub.waits_for_acknowledgement(cast(Delivery, before)),
        notice=hub.notice(before, "delivered"),
        actor=actor,
        why=why,
        now=hub.now(),
    )
    return _told(hub, "settle", delivery_id, actor, before=before, learned=found)


def _stated(
    hub: Hub, before: DeliveryDetail, arrived: bool, evidence: bytes, held: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Give what the chain learns, and the numbers: of what the operator states, else of evidence and bytes; nothing else."""
    if held and not arrived:
        raise NotAllowed(
            "what the partner holds (held) can only be stated of a delivery that arrived",
            "chỉ khai báo dữ liệu đối tác đang giữ (held) khi lượt chuyển đã đến nơi",
            where="held",
        )
    if held or not arrived or before.endpoint not in hub.endpoints:
        return dict(held), {}
    read = _read(hub, before, evidence)
    return dict(read.held), dict(read.numbers)


def _read(hub: Hub, delivery: DeliveryDetail, reply: bytes) -> Receipt:
    """Read the evidence as the partner's reply to these very bytes, where it is one; else say what they tell by themselves."""
    adapter = hub.adapter(hub.endpoints[delivery.endpoint])
    with hub.ledger.read() as conn:
        business = history.body(conn, delivery.business_digest) or b""
    sent = Outgoing(service=delivery.service, body=business, variant=delivery.variant, head=delivery.head)
    try:
        return adapter.read_receipt(Reply(status=200, body=reply), sent)
    except HubError:
        # A letter, a screenshot, a log of the partner's, or nothing: kept as evidence, not read.
        return Receipt(held=dict(adapter.held_after(sent)) if business else {})


def settle_answer(
    hub: Hub, delivery_id: str, *, acknowledged: bool, evidence: bytes = b"", actor: str, why: str
) -> Done:
    """State the partner's answer to a delivery whose chain waits for its acknowledgement, where that message never came.

    Acknowledged, or refused after all (the sender must then send a new message): its followers go on either way.
    Raises NotAllowed where nothing waits for its acknowledgement.
    """
    require(actor, why)
    before = find(hub, delivery_id)
    hub.ledger.settle_answer(
        delivery_id,
        acknowledged=acknowledged,
        evidence=evidence,
        notice=hub.notice(before, "acknowledged") if acknowledged else hub.notice(before, "refused_late", _refused_late(before)),
        actor=actor,
        why=why,
        now=hub.now(),
    )
    return _told(hub, "settle", delivery_id, actor, before=before)


def _refused_late(before: DeliveryDetail) -> HubError:
    return Refused(
        "the recipient took it and refused it later; correct it and send a new message",
        "nơi nhận đã nhận nhưng sau đó từ chối; hãy sửa và gửi thông điệp mới",
        where=before.service,
    )


def abandon(hub: Hub, delivery_id: str, *, actor: str, why: str) -> Done:
    """Give a delivery up for good: its sender is told, and its followers get their turn without it."""
    require(actor, why)
    before = find(hub, delivery_id)
    hub.ledger.abandon(delivery_id, notice=_given_up(hub, before), actor=actor, why=why, now=hub.now())
    return _told(hub, "abandon", delivery_id, actor, before=before)


def _given_up(hub: Hub, before: DeliveryDetail) -> Notice:
    error = HubError(
        " ".join(("an operator gave it up, it will not be sent.", before.error_en)).strip(),
        " ".join(("cán bộ vận hành đã từ bỏ, sẽ không gửi nữa.", before.error_vi)).strip(),
        where=before.service,
        partner_code=before.partner_code or before.error_code or "abandoned",
    )
    return hub.notice(before, "abandoned", error)


def followers(hub: Hub, delivery_id: str) -> tuple[DeliveryDetail, ...]:
    """Give the deliveries that are held behind one: what ``abandon_all`` would give up with it."""
    before = find(hub, delivery_id)
    with hub.ledger.read() as conn:
        return history.followers(conn, before)


def abandon_all(hub: Hub, delivery_id: str, seen: Sequence[DeliveryDetail], *, actor: str, why: str) -> Done:
    """Give a delivery and the followers that were seen behind it up for good, all or none; one that came since goes on.

    Raises NotAllowed where one of them is not held any more.
    """
    require(actor, why)
    before = find(hub, delivery_id)
    given = [(each.id, _given_up(hub, each)) for each in (before, *seen)]
    hub.ledger.abandon_all(given, actor=actor, why=why, now=hub.now())
    done = _told(hub, "abandon", delivery_id, actor, before=before)
    return replace(done, abandoned=tuple(each for each, _ in given))


def ask(hub: Hub, delivery_id: str, *, actor: str, why: str) -> Done:
    """Have workers ask the partner now what became of a delivery in doubt.

    Raises NotAllowed where its service is not declared ``on_doubt = "ask"``: there is nobody to ask but by telephone.
    """
    require(actor, why)
    before = find(hub, delivery_id)
    policy, _ = hub.doubt_policy(before.endpoint, before.service, before.variant)
    if policy != "ask":
        raise NotAllowed(
            f"service {before.service!r} of {before.endpoint!r} has no look-up (on_doubt = {policy!r}); "
            "find out otherwise and settle",
            f"dịch vụ {before.service!r} của {before.endpoint!r} không tra cứu được (on_doubt = {policy!r}); "
            "hãy hỏi đối tác bằng cách khác rồi xác nhận (settle)",
            where=delivery_id,
        )
    hub.ledger.ask(delivery_id, actor=actor, why=why, now=hub.now())
    return _told(hub, "ask", delivery_id, actor)


def find(hub: Hub, delivery_id: str) -> DeliveryDetail:
    """Give a delivery as it stands; raise NotAllowed where there is none."""
    with hub.ledger.read() as conn:
        found = history.delivery_details(conn, (delivery_id,))
    if not found:
        raise NotAllowed(f"no delivery {delivery_id}", f"không có lượt chuyển {delivery_id}", where=delivery_id)
    return found[0]


def _told(
    hub: Hub,
    verb: str,
    delivery_id: str,
    actor: str,
    *,
    before: DeliveryDetail | None = None,
    learned: Mapping[str, str] | None = None,
) -> Done:
    now = find(hub, delivery_id)
    hub.bus.wake(now.endpoint)
    following = _next(hub, now) if before is not None and now.head_place != before.head_place else None
    log.info("operator.done", verb=verb, delivery=delivery_id, state=now.state, actor=actor)
    return Done(
        verb=verb,
        delivery=now,
        followers=now.followers + (following is not None),
        next_id=following[0] if following else "",
        next_state=following[1] if following else "",
        learned=learned,
    )


def _next(hub: Hub, ended: DeliveryDetail) -> tuple[str, str] | None:
    """Find the follower that a verb gave its turn: the chain's head now."""
    with hub.ledger.read() as conn:
        return plans.head_of(conn, ended.endpoint, ended.subject)
