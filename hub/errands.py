"""Errands: what is done of deliveries before they are sent, for many at a time: claimed, written, signed, recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hub import drafts
from hub.app import UNROUTED, Hub, by_ledger
from hub.contract import Outgoing
from hub.drafts import Draft
from hub.ledger.values import Claiming, Delivery, Sending
from hub.rounds import ALONE_BYTES, each_takes, raise_kept
from hub.rules.queued import Due
from hub.telemetry import bind_subject, bound_ids


@dataclass(slots=True, kw_only=True, eq=False)
class Errand:
    """One delivery on its way to being sent."""

    hub: Hub
    due: Due
    #: Returns what was claimed, or raises.
    claimed: Callable[[], Delivery | None] | None = None
    held: Delivery | None = None
    #: None: there is nothing to write, since nothing was claimed or it is to be routed.
    draft: Draft | None = None
    #: Returns the delivery whose bytes are recorded, or raises; None: they are not recorded yet.
    sending: Callable[[], Delivery] | None = None
    #: Bound to the log lines of its steps.
    ids: dict[str, str | int]
    error: Exception | None = None


def gone(hub: Hub, due: Due) -> Errand:
    """Take a delivery as far as that waits for nothing but the ledger, with those that come at the same time.

    Raises what claiming raises.
    """
    errand = Errand(hub=hub, due=due, ids=bound_ids())
    # One that was queued before may be what a process died of: others are not to be claimed with it.
    hub.rounds.carry(set_out, errand, alone=len(due.canonical) > ALONE_BYTES or due.epoch > 1)
    raise_kept(errand)
    return errand


def set_out(errands: Sequence[Errand]) -> None:
    """Claim deliveries, write and sign what can be written at once, and record that; what fails keeps its error."""
    for ledger, group in by_ledger(errand for errand in errands if errand.claimed is None):
        outcomes = ledger.claim_all([_claiming(errand) for errand in group])
        for errand, outcome in zip(group, outcomes, strict=True):
            errand.claimed = outcome
    begun = [errand for errand in errands if errand.sending is None]
    each_takes(_begin, begun)
    drafts.write([errand.draft for errand in begun if errand.draft])
    for ledger, group in by_ledger(errand for errand in begun if errand.draft and errand.draft.is_finished):
        drafted = [errand.draft for errand in group if errand.draft]
        sendings = ledger.record_all_sending([sending(draft, draft.outgoing) for draft in drafted if draft.outgoing])
        for errand, recorded in zip(group, sendings, strict=True):
            errand.sending = recorded


def sending(draft: Draft, outgoing: Outgoing) -> Sending:
    """Say what of a finished draft is recorded before it is sent."""
    hub, held = draft.hub, draft.held
    lease = hub.lease_seconds(held.endpoint)
    return Sending(held=held, outgoing=outgoing, native_id=outgoing.message_id, now=hub.now(), lease_seconds=lease)


def _claiming(errand: Errand) -> Claiming:
    hub, due = errand.hub, errand.due
    return Claiming(due=due, now=hub.now(), lease_seconds=hub.lease_seconds(due.endpoint))


def _begin(errand: Errand) -> None:
    assert errand.claimed is not None
    held = errand.held = errand.claimed()
    if held is not None:
        bind_subject(held.subject, message=held.message_id)
        errand.ids = bound_ids()
    if held is not None and held.endpoint != UNROUTED:
        errand.draft = drafts.begun(errand.hub, held, errand.ids)
