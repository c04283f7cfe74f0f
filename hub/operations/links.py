"""Verbs on the addresses at which partners fetch files: look at them, end one."""

from __future__ import annotations

from functools import partial

import structlog

from hub.app import Hub
from hub.errors import NotAllowed
from hub.ledger import link_verbs
from hub.operations.said import require
from hub.registers import links, timeline
from hub.registers.links import Link, LinkPage
from hub.registers.scopes import Scope

log = structlog.get_logger()


def show(
    hub: Hub,
    *,
    subject: str = "",
    endpoint: str = "",
    not_fetched: bool = False,
    after: str = "",
    limit: int = 50,
    scope: Scope = None,
) -> LinkPage:
    """List the addresses of a dossier (by anything that names it) or for a partner, the newest first.

    Raises NotAllowed where neither is named, or there is no such dossier.
    """
    if not subject and not endpoint:
        raise NotAllowed("name a dossier or an endpoint", "hãy nêu hồ sơ hoặc điểm kết nối", where="subject")
    if endpoint:
        hub.endpoint(endpoint)
    with hub.ledger.read() as conn:
        return links.page(
            conn,
            subject=timeline.subject_of(conn, subject) if subject else "",
            endpoint=endpoint,
            not_fetched=not_fetched,
            after=after,
            limit=limit,
            scope=scope,
            now=hub.now(),
        )


def find(hub: Hub, given: str) -> Link:
    """Find one address by its identifier, or the beginning of it; raise NotAllowed where there is none."""
    with hub.ledger.read() as conn:
        return links.named(conn, given, hub.now())


def end(hub: Hub, given: str, *, actor: str, why: str) -> Link:
    """End an address now: nobody fetches anything there any more, not even where its bytes are sent again."""
    require(actor, why)
    found = find(hub, given)
    hub.ledger.change(partial(link_verbs.end, sought=found.id, actor=actor, why=why, now=hub.now()), found.subject)
    log.info("link.ended", link=found.id[:8], endpoint=found.endpoint, actor=actor)
    return find(hub, found.id)
