"""Landing: partners' answers are read and their receipts recorded, for many deliveries at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from hub.app import Hub, by_ledger
from hub.canonical.receipt import Receipt
from hub.contract import Outgoing, Reply
from hub.endpoint import Endpoint
from hub.errors import Unavailable
from hub.ledger.values import Delivered, Delivery, Evidence, Notice
from hub.rounds import ALONE_BYTES, each_takes
from hub.telemetry import bound_ids

log = structlog.get_logger()

#: A receipt that the ledger did not take is brought to it again after these pauses: about a minute altogether.
AGAIN_SECONDS = (0.5, 1.0, 2.0, 4.0, *(8.0,) * 6)
#: What is kept of a hand-over that has no answer to be read.
_HANDED_OVER = {
    "broker": "máy chủ AMQP đã nhận cho đối tác / the broker has taken it for the partner",
    "folder": "tệp đã giao qua thư mục của đối tác / the file was handed over in the partner's folder",
    "outbox": "đối tác đã lấy và xác nhận / the partner has fetched it and says so",
    "gateway": "cổng truyền nhận đã nhận để chuyển đi / the gateway has taken it, to carry it on",
}


@dataclass(slots=True, kw_only=True, eq=False)
class Landed:
    """One delivery whose partner has answered."""

    hub: Hub
    endpoint: Endpoint
    held: Delivery
    outgoing: Outgoing
    reply: Reply
    receipt: Receipt | None = None
    #: The partner held something before these bytes came, so what it holds is not known.
    is_news: bool = False
    notice: Notice | None = None
    #: Returns once the receipt is recorded, or raises; None: it must not be recorded as one.
    recorded: Callable[[], None] | None = None
    #: It was brought to the ledger before, which did not say what it did with it.
    again: bool = False
    #: Bound to the log lines of its steps.
    ids: dict[str, str | int]
    #: Why the answer is no receipt.
    error: Exception | None = None


def evidence_of(reply: Reply) -> Evidence:
    """Say what went to the partner and what came from it."""
    return Evidence(sent=reply.sent, reply=reply.body, reply_status=reply.status)


def land(hub: Hub, endpoint: Endpoint, held: Delivery, outgoing: Outgoing, reply: Reply) -> Landed:
    """Read an answer, and record it where it is the receipt of these bytes."""
    landed = Landed(hub=hub, endpoint=endpoint, held=held, outgoing=outgoing, reply=reply, ids=bound_ids())
    hub.rounds.carry(read_all, landed, alone=len(reply.body) > ALONE_BYTES)
    return landed


def read_all(all_landed: Sequence[Landed]) -> None:
    """Read answers, and record those that are receipts; what fails keeps its error."""
    new = [landed for landed in all_landed if landed.recorded is None]
    each_takes(_read, new)
    _record_all([landed for landed in new if landed.error is None and not landed.is_news])


def _record_all(taken: Sequence[Landed]) -> None:
    each_takes(_tell, taken)
    for ledger, group in by_ledger(landed for landed in taken if landed.recorded is None):
        outcomes = ledger.record_all_delivered([_delivered(landed) for landed in group])
        for landed, outcome in zip(group, outcomes, strict=True):
            landed.recorded = outcome


def insist(landed: Landed) -> None:
    """Bring a receipt again while the ledger does not answer: nobody else has it, and without it a person must ask for it.

    Who is told to stop brings it once more.
    """
    for seconds in AGAIN_SECONDS:
        if not _waits_for_the_ledger(landed):
            return
        log.warning("delivery.receipt_waits", wait=seconds)
        stops = landed.hub.pause(seconds)
        landed.recorded, landed.again = None, True
        _record_all([landed])
        if stops:
            return


def _waits_for_the_ledger(landed: Landed) -> bool:
    """Say whether the ledger did not answer; what else speaks against a receipt is for who ends the delivery."""
    try:
        if landed.recorded is not None:
            landed.recorded()
    except Unavailable:
        return True
    except Exception:
        return False
    return False


def _read(landed: Landed) -> None:
    held = landed.held
    receipt = landed.receipt = _receipt(landed)
    landed.is_news = receipt.already and not receipt.held.items() <= held.held.items() and not held.doubted


def _receipt(landed: Landed) -> Receipt:
    """Read the partner's answer; where its broker took the message over, that is the receipt."""
    reply, endpoint = landed.reply, landed.endpoint
    adapter = landed.hub.adapter(endpoint)
    if not reply.handed_over:
        return adapter.read_receipt(reply, landed.outgoing)
    ways = {"outbox": endpoint.outbox, "folder": endpoint.folder, "gateway": endpoint.gateway}
    text = _HANDED_OVER[next((way for way, policy in ways.items() if policy), "broker")]
    held = dict(adapter.held_after(landed.outgoing))
    return Receipt(code=str(reply.status), text=text, held=held, follow=reply.follow)


def _tell(landed: Landed) -> None:
    """Write what the sender is told; where that fails nothing is recorded, and the answer is a receipt all the same."""
    try:
        landed.notice = landed.hub.notice(landed.held, "delivered")
    except Exception as error:
        landed.recorded = partial(_not_recorded, error)


def _not_recorded(error: Exception) -> None:
    raise error


def _delivered(landed: Landed) -> Delivered:
    hub, held = landed.hub, landed.held
    assert landed.receipt is not None and landed.notice is not None
    return Delivered(
        held=held,
        receipt=landed.receipt,
        evidence=evidence_of(landed.reply),
        notice=landed.notice,
        now=hub.now(),
        waits=hub.waits_for_acknowledgement(held),
        again=landed.again,
    )
