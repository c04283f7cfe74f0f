"""Compare the procedures that partners hold with the owners' catalogues, and propose the mending.

The portal's record is pulled, compared field by field, and what differs is written by the portal's write service where
one is configured; where a holder can only be read, the differences are a work-list for an officer. The next pull
confirms either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hub.app import Hub
from hub.canonical.procedure import Procedure, ProcedureMessage
from hub.contract import ProcedureHolder
from hub.errors import NotAllowed
from hub.reconcile.originating import originate
from hub.registers import procedures

#: Fields that a portal's record has; the service level is not among them and is never compared with it.
COMPARED = ("name", "active", "field_code", "field_name", "announcing_agency")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field of one procedure in which a holder differs from the owner."""

    owner: str
    code: str
    #: Field name; empty where the holder lacks the whole procedure.
    field: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What publishing came to: messages made, or the work-list where the holder can only be read."""

    messages: tuple[tuple[str, str], ...]
    work_list: tuple[Difference, ...]


def compare(hub: Hub, holder: str, *, progress: Callable[[int, int], None] = lambda done, whole: None) -> list[Difference]:
    """Pull a holder's records and compare them with the owners' catalogues, field by field.

    Raises NotAllowed where the holder's adapter cannot be asked for procedures.
    """
    asked = _asked(hub, holder)
    ours = list(_catalogue(hub))
    held = set(asked.list_procedures())
    found: list[Difference] = []
    for number, (owner, mine) in enumerate(ours, start=1):
        theirs = asked.procedure(mine.code) if mine.code in held else None
        found.extend(_different(owner, mine, theirs))
        progress(number, len(ours))
    return found


def _asked(hub: Hub, holder: str) -> ProcedureHolder:
    transport = hub.transports(hub.endpoint(holder))
    if not isinstance(transport, ProcedureHolder):
        raise NotAllowed(
            f"{holder!r} cannot be asked for its procedures; what it was given stands in the ledger",
            f"không thể hỏi danh mục thủ tục của {holder!r}; nội dung đã gửi có trong sổ cái",
            where=holder,
        )
    return transport


def _catalogue(hub: Hub) -> Iterator[tuple[str, Procedure]]:
    with hub.ledger.read() as conn:
        for owner in procedures.owners(conn):
            for procedure in procedures.owned(conn, owner).values():
                yield owner, procedure


def _different(owner: str, mine: Procedure, theirs: Procedure | None) -> Iterator[Difference]:
    if theirs is None:
        if mine.active:
            yield Difference(owner=owner, code=mine.code, field="", ours=mine.name, theirs="")
        return
    for name in COMPARED:
        yield from _field(owner, mine.code, name, getattr(mine, name), getattr(theirs, name))
    yield from _field(owner, mine.code, "agencies", mine.agencies, theirs.agencies)
    for name in sorted(mine.details):
        yield from _field(owner, mine.code, name, mine.details[name], theirs.details.get(name))


def _field(owner: str, code: str, name: str, ours: Any, theirs: Any) -> Iterator[Difference]:
    # A holder that leaves an empty field out says the same as one that sends it empty.
    if (ours or "") != (theirs or ""):
        yield Difference(owner=owner, code=code, field=name, ours=str(ours), theirs=str(theirs or ""))


def publish(hub: Hub, holder: str, *, actor: str, why: str, found: Iterable[Difference] | None = None) -> Published:
    """Give the holder what differs: a delivery for each procedure, or a work-list where it cannot be written to."""
    differences = list(found) if found is not None else compare(hub, holder)
    if not _asked(hub, holder).writes_procedures:
        return Published(messages=(), work_list=tuple(differences))
    fields: dict[tuple[str, str], list[str]] = {}
    for each in differences:
        fields.setdefault((each.owner, each.code), []).append(each.field)
    mine = {(owner, procedure.code): procedure for owner, procedure in _catalogue(hub)}
    made = []
    for (owner, code), names in fields.items():
        message = ProcedureMessage(
            owner=owner, procedure=mine[owner, code], changed=tuple(name for name in names if name)
        )
        made.append((code, originate(hub, message, holder, actor=actor, why=why)))
    hub.bus.wake(holder)
    return Published(messages=tuple(made), work_list=())
