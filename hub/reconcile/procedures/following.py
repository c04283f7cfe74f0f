"""Compare what an agency told anew with every holder that was pulled: only these procedures, some at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import structlog

from hub.app import Hub
from hub.canonical.base import local
from hub.ledger import catalogue_verbs
from hub.reconcile.procedures import comparing
from hub.reconcile.procedures.comparing import Codes
from hub.registers import catalogue
from hub.registers.catalogue import Known

log = structlog.get_logger()

#: Procedures that are compared at once: so many records are read of each holder.
AT_ONCE = 200


def follow(hub: Hub) -> bool:
    """Compare some of what was told anew at each holder, and note that it was; say whether there was any.

    Dies this process in between, the same are compared again, which changes nothing.
    """
    with hub.ledger.read() as conn:
        changes = catalogue_verbs.changes(conn, AT_ONCE)
        pulled = [each.holder for each in catalogue.pulls(conn).values() if each.whole_at is not None]
    if not changes:
        return False
    codes = sorted({each.code for each in changes})
    today = local(hub.clock()).date()
    with hub.ledger.read() as conn:
        said = catalogue.in_force(conn, today, codes=codes)
    national = comparing.national(hub.codes(fresh=True), today)
    owners = {each.owner for each in changes}
    for holder in sorted(pulled):
        if holder in hub.endpoints and any(comparing.concerns(owner, comparing.side(hub, holder)) for owner in owners):
            _compare(hub, holder, codes, said, national)
    hub.ledger.change(partial(catalogue_verbs.followed, done=changes))
    log.info("procedures.followed", procedures=len(codes), owners=sorted(owners))
    return True


def _compare(hub: Hub, holder: str, codes: Sequence[str], said: Mapping[str, Sequence[Known]], national: Codes) -> None:
    at = comparing.side(hub, holder)
    own = _own_codes(codes, national)
    with hub.ledger.read() as conn:
        found = tuple(comparing.differences(conn, at, national, said, only=own))
    verb = partial(catalogue_verbs.keep_differences, holder=holder, found=found, codes=codes, now=hub.now())
    hub.ledger.change(verb, f"procedures:{holder}")


def _own_codes(codes: Sequence[str], national: Codes) -> tuple[str, ...]:
    """Give all codes under which a holder may have these: their own, and local ones that mean them."""
    wanted = set(codes)
    local_ones = {own for own, code in national.procedures.items() if code in wanted}
    return tuple(sorted(wanted | local_ones))
