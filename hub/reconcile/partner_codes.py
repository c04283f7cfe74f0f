"""Pulls a partner's lists of codes: shows how they differ from the hub's, and takes them over where somebody says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import structlog

from hub.app import Hub
from hub.canonical.base import local
from hub.canonical.codes import CodeRow
from hub.contract import CodeHolder
from hub.errors import NotAllowed
from hub.ledger import asking_verbs
from hub.ledger.asking_verbs import Taken
from hub.operations.mappings import row_faults
from hub.operations.said import require

log = structlog.get_logger()

NEW, RENAMED, GONE = "new", "renamed", "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeDifference:
    """One code of which the partner's list and the hub's say different things today."""

    code: str
    #: new, renamed or gone (the partner has it no longer).
    what: str
    name: str
    #: What the hub's list calls it; empty where it is new.
    before: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPulled:
    """One list, as it was fetched and compared."""

    endpoint: str
    #: The partner's name of it, and the hub's.
    service: str
    list_name: str
    #: Codes the partner has, and those of which both say the same.
    fetched: int
    same: int
    differences: tuple[CodeDifference, ...]
    #: Codes that cannot be taken over: with two names, or with characters that no system carries; ``?`` for a row without code.
    faulty: tuple[str, ...]
    #: Rows that were laid over the list or ended; None where that was not asked for.
    taken: int | None = None


def holder_of(hub: Hub, name: str) -> CodeHolder:
    """Give the transport of a partner that has lists of codes; raise NotAllowed where there is none."""
    endpoint = hub.endpoint(name)
    transport = hub.transports(endpoint) if endpoint.outbound is not None else None
    if not isinstance(transport, CodeHolder) or not transport.code_lists:
        raise NotAllowed(
            f"{name!r} has no lists of codes that can be fetched", f"không lấy được danh mục mã từ {name!r}", where="endpoint"
        )
    return transport


def pull(hub: Hub, endpoint: str, service: str = "", *, take: bool = False, actor: str, why: str) -> tuple[ListPulled, ...]:
    """Fetch one list, or all, and say how it differs from the hub's; ``take``: lay the differences over it from today on.

    A row that was there before stays with its days: nothing is replaced. Raises NotAllowed where the partner has no such list,
    and what its transport raises.
    """
    require(actor, why)
    holder = holder_of(hub, endpoint)
    known = holder.code_lists
    if service and service not in known:
        listed = ", ".join(sorted(known))
        raise NotAllowed(
            f"{endpoint!r} has no list {service!r}; there are: {listed}",
            f"{endpoint!r} không có danh mục {service!r}; có: {listed}",
            where="list_name",
        )
    services = (service,) if service else tuple(known)
    note = partial(asking_verbs.note_codes_pulled, lists=services, take=take, actor=actor, why=why, now=hub.now())
    hub.ledger.change(partial(note, endpoint=endpoint), f"endpoint:{endpoint}")
    return tuple(_pull(hub, endpoint, each, known[each], holder, take, actor, why) for each in services)


def _pull(
    hub: Hub, endpoint: str, service: str, list_name: str, holder: CodeHolder, take: bool, actor: str, why: str
) -> ListPulled:
    fetched = holder.codes_of(service)
    names, faulty = _sorted_out(fetched)
    today = local(hub.clock()).date()
    rows = hub.codes(fresh=True).tables.get(list_name, ())
    ours = {row.code: row.name for row in reversed(rows) if row.valid_on(today)}
    found = (*_differences(names, ours), *_gone(names, ours, faulty))
    if take and ours and not names:
        # A partner that has nothing all of a sudden has a fault: all codes of the list would end.
        raise NotAllowed(
            f"list {service!r} of {endpoint!r} is empty; nothing was taken over",
            f"danh mục {service!r} của {endpoint!r} trống; chưa thay đổi gì",
            where="list_name",
        )
    if take:
        # A list of which nothing was known holds for older dossiers as well.
        day = today.isoformat()
        given = Taken(
            list_name=list_name,
            endpoint=endpoint,
            service=service,
            new={each.code: each.name for each in found if each.what == NEW},
            renamed={each.code: each.name for each in found if each.what == RENAMED},
            gone=tuple(each.code for each in found if each.what == GONE),
            day=day,
            first_day=day if rows else "",
        )
        verb = partial(asking_verbs.take_codes, given=given, actor=actor, why=why, now=hub.now())
        taken = hub.ledger.change(verb, f"codes:{list_name}")
        log.info("codes.pulled", endpoint=endpoint, list=list_name, taken=taken, actor=actor)
    return ListPulled(
        endpoint=endpoint,
        service=service,
        list_name=list_name,
        fetched=len(names),
        same=sum(ours.get(code) == name for code, name in names.items()),
        differences=found,
        faulty=faulty,
        taken=taken if take else None,
    )


def _sorted_out(fetched: Iterable[tuple[str, str]]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Part what can be rows of a list from what cannot."""
    names: dict[str, str] = {}
    wrong: dict[str, None] = {}
    for code, name in fetched:
        if any(row_faults(CodeRow(code=code, value=code, name=name))):
            wrong[code if code.isprintable() and 0 < len(code) <= 100 else "?"] = None
        elif names.setdefault(code, name) != name:
            wrong[code] = None
    return {code: name for code, name in names.items() if code not in wrong}, tuple(wrong)


def _differences(names: dict[str, str], ours: dict[str, str]) -> Iterable[CodeDifference]:
    for code, name in names.items():
        if code not in ours:
            yield CodeDifference(code=code, what=NEW, name=name, before="")
        elif ours[code] != name:
            yield CodeDifference(code=code, what=RENAMED, name=name, before=ours[code])


def _gone(names: dict[str, str], ours: dict[str, str], faulty: Iterable[str]) -> Iterable[CodeDifference]:
    """Find what the partner has no longer; not what it has in a form that cannot be taken."""
    missing = set(ours) - set(names) - set(faulty)
    return (CodeDifference(code=code, what=GONE, name="", before=ours[code]) for code in sorted(missing))
