"""Pull what a holder of procedures holds, record by record, within the partner's rate; a pull that was cut goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import structlog

from hub.app import Hub
from hub.canonical.procedure import Procedure
from hub.contract import ProcedureHolder
from hub.errors import InvalidMessage, NotAllowed
from hub.ledger import catalogue_verbs
from hub.ledger.catalogue_verbs import Held
from hub.operations.said import require
from hub.reconcile.procedures import comparing
from hub.registers import catalogue
from hub.registers.procedures import fingerprint
from hub.rules import catalogue as rules

log = structlog.get_logger()

#: Records that are kept in one commit: so many are fetched again where the process dies.
AT_ONCE = 50
#: Codes of records that could not be read, as they are told.
MOST_FAULTY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """How far a pull has come."""

    holder: str
    pull: str
    listed: int
    fetched: int
    #: Codes whose records could not be read; as many as are told.
    faulty: tuple[str, ...]
    #: True: the snapshot is whole, and was compared.
    whole: bool
    #: Procedures that the holder no longer has; differences that are new, and that are over.
    gone: int = 0
    new: int = 0
    over: int = 0


def pull(
    hub: Hub,
    holder: str,
    *,
    actor: str,
    why: str,
    most: int = 0,
    progress: Callable[[int, int], None] = lambda done, whole: None,
    wait: Callable[[float], None] = time.sleep,
) -> Pulled:
    """Take a snapshot of a holder's procedures, or go on with one that was cut, and compare it when it is whole.

    ``most``: fetch no more than so many records now (0 = all). Raises NotAllowed where the holder cannot be asked or
    somebody pulls it now, and what its transport raises: then the next pull goes on where this one ended.
    """
    require(actor, why)
    asked = holder_of(hub, holder)
    begun = hub.ledger.change(
        partial(catalogue_verbs.begin_pull, holder=holder, pull=hub.new_id(), actor=actor, why=why, now=hub.now()),
        f"procedures:{holder}",
    )
    try:
        return _go_on(hub, asked, holder, begun.pull, most, progress, _paced(hub, holder, wait))
    except BaseException:
        hub.ledger.change(partial(catalogue_verbs.rest_pull, holder=holder, pull=begun.pull))
        raise


def holder_of(hub: Hub, holder: str) -> ProcedureHolder:
    """Give the transport of a holder of procedures; raise NotAllowed where it cannot be asked for them."""
    endpoint = hub.endpoint(holder)
    transport = hub.transports(endpoint) if endpoint.outbound is not None else None
    if not isinstance(transport, ProcedureHolder):
        raise NotAllowed(
            f"{holder!r} cannot be asked for its procedures; what it was given stands in the ledger",
            f"không thể hỏi danh mục thủ tục của {holder!r}; nội dung đã gửi có trong sổ cái",
            where=holder,
        )
    return transport


def _paced(hub: Hub, holder: str, wait: Callable[[float], None]) -> Callable[[], None]:
    """Make what waits between two calls: half of the partner's rate, so that dossiers keep the other half."""
    outbound = hub.endpoint(holder).outbound
    rate = outbound.rate_per_minute if outbound else 0
    return (lambda: wait(120.0 / rate)) if rate else lambda: None


def _go_on(
    hub: Hub,
    asked: ProcedureHolder,
    holder: str,
    pull: str,
    most: int,
    progress: Callable[[int, int], None],
    pace: Callable[[], None],
) -> Pulled:
    codes = list(dict.fromkeys(asked.list_procedures()))
    with hub.ledger.read() as conn:
        done = catalogue.pulled_codes(conn, holder, pull)
    left = [code for code in codes if code not in done]
    now = left[:most] if most else left
    faulty: list[str] = []
    fetched = len(codes) - len(left)
    progress(fetched, len(codes))
    for part in _parts(now):
        # Before the first is asked for: what is given to the holder from here on may not be seen yet.
        seen_at = hub.now()
        held, wrong = _fetch(asked, part, pace)
        faulty += wrong
        keep = partial(catalogue_verbs.keep_pulled, holder=holder, pull=pull, held=held, listed=len(codes))
        keep = partial(keep, faulty=len(wrong), seen_at=seen_at, now=hub.now())
        hub.ledger.change(keep, f"procedures:{holder}")
        fetched += len(part)
        progress(fetched, len(codes))
    whole, wrong_ones = len(now) == len(left), tuple(faulty[:MOST_FAULTY])
    pulled = Pulled(holder=holder, pull=pull, listed=len(codes), fetched=fetched, faulty=wrong_ones, whole=whole)
    if not pulled.whole:
        hub.ledger.change(partial(catalogue_verbs.rest_pull, holder=holder, pull=pull))
        return pulled
    return _end(hub, pulled)


def _parts(codes: list[str]) -> Iterator[list[str]]:
    # Also of none: that a pull goes on must be seen where all was fetched before.
    return (codes[start : start + AT_ONCE] for start in range(0, max(len(codes), 1), AT_ONCE))


def unreadable(code: str) -> Held:
    """Write down that a holder has a procedure whose record cannot be read."""
    return Held(code=code, digest="", record="", plain="", field_code="", level=None)


def _fetch(asked: ProcedureHolder, codes: list[str], pace: Callable[[], None]) -> tuple[list[Held], list[str]]:
    """Fetch some records; give those that can be read, and the codes of the others."""
    held, faulty = [], []
    for code in codes:
        pace()
        try:
            found = asked.procedure(code)
        except InvalidMessage as error:
            log.warning("procedures.unreadable", code=code, faults=len(error.faults))
            faulty.append(code)
            held.append(unreadable(code))
            continue
        if found is not None:
            held.append(held_record(code, found))
    return held, faulty


def held_record(code: str, procedure: Procedure) -> Held:
    """Write a record as it is kept of a holder."""
    return Held(
        code=code,
        digest=fingerprint(procedure),
        record=procedure.model_dump_json(),
        plain=rules.plain_print(procedure),
        field_code=procedure.field_code,
        level=procedure.level,
    )


def _end(hub: Hub, pulled: Pulled) -> Pulled:
    verb = partial(catalogue_verbs.end_pull, holder=pulled.holder, pull=pulled.pull, faulty=pulled.faulty, now=hub.now())
    gone = hub.ledger.change(verb, f"procedures:{pulled.holder}")
    compared = comparing.compare(hub, pulled.holder)
    log.info("procedures.pulled", holder=pulled.holder, listed=pulled.listed, new=compared.new, over=compared.over)
    return Pulled(
        holder=pulled.holder,
        pull=pulled.pull,
        listed=pulled.listed,
        fetched=pulled.fetched,
        faulty=pulled.faulty,
        whole=True,
        gone=gone,
        new=compared.new,
        over=compared.over,
    )
