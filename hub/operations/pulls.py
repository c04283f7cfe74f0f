"""Verbs of the lists that partners keep for us: look how far each was pulled, have one pulled at once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import structlog

from hub.app import Hub
from hub.endpoint import FOLDER, Endpoint
from hub.errors import NotAllowed
from hub.gateway_policy import GATEWAY
from hub.ledger import pull_verbs, word_verbs
from hub.ledger.word_verbs import FOLLOWED, OWED
from hub.operations.said import require
from hub.registers import owed, pulls
from hub.registers.owed import Owing, WordsShown
from hub.registers.pulls import PullsShown
from hub.registers.scopes import Scope

log = structlog.get_logger()


def pulled_by(hub: Hub, endpoint: Endpoint) -> Mapping[str, float]:
    """Say which lists of an endpoint are pulled, its folder among them, and every how many seconds."""
    if endpoint.folder is not None:
        return {FOLDER: endpoint.folder.every_seconds} if endpoint.folder.is_watched else {}
    if endpoint.gateway is not None:
        # What came waits at the gateway; the adapter's own lists are those of a partner that is asked itself.
        return {GATEWAY: endpoint.gateway.every_seconds} if endpoint.inbound is not None else {}
    return hub.adapter(endpoint).pulls(endpoint.options) if endpoint.outbound is not None else {}


def _lists(hub: Hub, endpoint: str = "", name: str = "", scope: Scope = None) -> dict[tuple[str, str], float]:
    """Give the lists that are meant; raise NotAllowed where there are none of these names."""
    seen = (each for each in hub.endpoints.values() if scope is None or each.name in scope)
    at = (hub.endpoint(endpoint),) if endpoint else tuple(seen)
    found = {(each.name, one): every for each in at for one, every in pulled_by(hub, each).items() if name in ("", one)}
    if endpoint and not found:
        known = ", ".join(pulled_by(hub, at[0])) or "-"
        raise NotAllowed(
            f"{endpoint!r} has no such list that is pulled; there are: {known}",
            f"{endpoint!r} không có danh sách này để lấy về; có: {known}",
            where="list",
        )
    return found


def _words(hub: Hub, endpoint: str, name: str, scope: Scope = None) -> tuple[tuple[Owing, ...], WordsShown | None]:
    """Tell what stands between partners and us; of one partner, by name, also each word or delivery."""
    titles = {
        each: at.title
        for each, at in hub.endpoints.items()
        if at.outbound is not None and endpoint in ("", each) and (scope is None or each in scope)
    }
    with hub.ledger.read() as conn:
        found = owed.owing(conn, titles)
        if name not in (OWED, FOLLOWED) or endpoint not in titles:
            return found, None
        return found, owed.owed_words(conn, endpoint) if name == OWED else owed.followed_deliveries(conn, endpoint)


def show(hub: Hub, endpoint: str = "", name: str = "", *, scope: Scope = None) -> PullsShown:
    """Tell how far each list was pulled, and which words are owed; of one list also what of it was not taken."""
    words, shown = _words(hub, endpoint, name, scope)
    if shown is not None:
        return PullsShown(lists=(), words=words, shown=shown)
    only_words = bool(words and endpoint and not name) and not pulled_by(hub, hub.endpoint(endpoint))
    wanted = {} if only_words else _lists(hub, endpoint, name, scope)
    titles = {each: at.title for each, at in hub.endpoints.items()}
    with hub.ledger.read() as conn:
        listed = pulls.listing(conn, wanted, titles, hub.now())
        if not (endpoint and name):
            return PullsShown(lists=listed, words=words)
        items, more = pulls.not_taken(conn, endpoint, name)
    return PullsShown(lists=listed, not_taken=items, more=more)


def now(hub: Hub, endpoint: str, name: str = "", *, actor: str, why: str) -> PullsShown:
    """Have a list, or all of a partner's, pulled at once: the next look of a process that pulls finds that it is time.

    ``owed`` and ``followed`` are names, too: our words on what the partner holds, and the deliveries that it is asked about.
    """
    require(actor, why)
    if name in (OWED, FOLLOWED) and hub.endpoint(endpoint).outbound is not None:
        hurried = partial(word_verbs.hurry, endpoint=endpoint, which=name, actor=actor, why=why, now=hub.now())
        hub.ledger.change(hurried, f"endpoint:{endpoint}")
        log.info("words.hurried", endpoint=endpoint, words=name, actor=actor)
        return show(hub, endpoint, name)
    for at, one in _lists(hub, endpoint, name):
        verb = partial(pull_verbs.hurry, endpoint=at, name=one, actor=actor, why=why, now=hub.now())
        hub.ledger.change(verb, f"endpoint:{at}")
        log.info("pull.hurried", endpoint=at, list=one, actor=actor)
    return show(hub, endpoint, name)
