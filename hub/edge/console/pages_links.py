"""Addresses at which partners fetch files: of a dossier or for a partner, whether each was fetched, the way to end one."""

from __future__ import annotations

from starlette.responses import Response

from hub.edge.console.rooms import Desk, Room
from hub.rules import file_links

room = Room()


@room.page("/links", verb="link show")
def links(desk: Desk) -> Response:
    """List the addresses of a dossier or for a partner, the newest first; without either, the partners that are given some."""
    subject, endpoint = desk.query.get("subject", ""), desk.query.get("endpoint", "")
    only, after = desk.query.get("only", ""), desk.query.get("after", "")
    partners = [name for name in _partners(desk) if desk.person.sees(name)]
    if not (subject or endpoint) and partners:
        endpoint = partners[0]
    found = None
    if subject or endpoint:
        found = desk.look("link show", subject=subject, endpoint=endpoint, not_fetched=only == "not_fetched", after=after)
    return desk.render(
        "links.html",
        found=found,
        subject=subject,
        endpoint=endpoint,
        only=only,
        partners=partners,
        first=not after,
        item_words=file_links.item_words,
    )


def _partners(desk: Desk) -> list[str]:
    """Name the partners that are given addresses of ours."""
    return sorted(name for name, at in desk.hub.endpoints.items() if at.outbound and at.outbound.file_links != "none")
