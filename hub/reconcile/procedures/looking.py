"""Look at catalogues: overview, one procedure, differences, a plan, work-lists; what is beyond a person's scope is left out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from hub.app import Hub
from hub.canonical.base import local
from hub.contract import ProcedureHolder
from hub.errors import NotAllowed
from hub.reconcile.procedures import comparing
from hub.registers import catalogue, catalogue_shown
from hub.registers.catalogue import Count, Differs, Plan, Pull, Work
from hub.registers.catalogue_shown import Catalogues, Holder, ProcedureShown
from hub.registers.catalogue_words import FIELDS, STATES, WHO
from hub.rules import catalogue as rules
from hub.rules import spreadsheets

Scope = Collection[str] | None
#: Columns of a work-list.
HEAD = ("Nơi giữ danh mục", "Mã TTHC", "Tên TTHC", "Khác nhau", "Ai phải làm", "Trạng thái", "Lập lúc", "Lý do", "Ghi chú")


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """In what holders differ."""

    counts: tuple[Count, ...]
    procedures: tuple[Differs, ...]
    after: str
    #: How the pulls of these holders stand.
    pulls: tuple[Pull, ...]
    #: Codes of the holder that fit no catalogue, and how many; only where one holder is asked for.
    unmapped: tuple[str, ...] = ()
    unmapped_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Worklist:
    """What people must mend."""

    items: tuple[Work, ...]
    after: str


def catalogues(
    hub: Hub, *, owner: str = "", containing: str = "", after: str = "", limit: int = 50, scope: Scope = None
) -> Catalogues:
    """Show all owners and holders, and the procedures of one owner, or those that are sought."""
    with hub.ledger.read() as conn:
        owners = catalogue_shown.owners(conn)
        held, pulls, work = catalogue_shown.held_counts(conn), catalogue.pulls(conn), catalogue.work_counts(conn, scope)
        counts = catalogue.counts(conn, scope=scope)
        wanted = limit if owner or containing else 0
        listed, more = catalogue_shown.listing(conn, owner=owner, containing=containing, after=after, limit=wanted)
    holders = [
        Holder(
            holder=name,
            title=hub.endpoints[name].title,
            kind=rules.kind_of(hub.endpoints[name].adapter),
            writes=_writes(hub, name),
            held=held.get(name, 0),
            pull=pulls.get(name),
            differing=sum(each.procedures for each in counts if each.holder == name),
            work=sum(count for (holder, _), count in work.items() if holder == name),
        )
        for name in comparing.holders(hub)
        if scope is None or name in scope
    ]
    return Catalogues(owners=owners, holders=tuple(holders), procedures=listed, after=more)


def _writes(hub: Hub, name: str) -> bool:
    transport = hub.transports(hub.endpoint(name))
    return isinstance(transport, ProcedureHolder) and transport.writes_procedures


def show(hub: Hub, owner: str, code: str, *, scope: Scope = None) -> ProcedureShown:
    """Show one procedure; raise NotAllowed where its owner told nothing of it."""
    rows = hub.codes().tables.get(comparing.PROCEDURES, ())
    with hub.ledger.read() as conn:
        found = catalogue_shown.show(conn, owner, code, today=_today(hub), rows=rows, scope=scope)
    if found is None:
        raise NotAllowed(f"{owner} has no procedure {code!r}", f"{owner} không có thủ tục {code!r}", where="code")
    return found


def differences(
    hub: Hub, *, owner: str = "", holder: str = "", code: str = "", after: str = "", limit: int = 50, scope: Scope = None
) -> Differences:
    """Show in what holders differ: counted, and procedure by procedure where an agency or a holder is asked for."""
    with hub.ledger.read() as conn:
        counts = catalogue.counts(conn, owner=owner, holder=holder, scope=scope)
        wanted = limit if owner or holder else 0
        found, more = catalogue.differences(
            conn, today=_today(hub), owner=owner, holder=holder, code=code, after=after, limit=wanted, scope=scope
        )
        pulls = [each for each in catalogue.pulls(conn).values() if (not holder or each.holder == holder)]
        # They fit no agency's catalogue: beside one agency, or one procedure, they say nothing.
        local_codes, number = ((), 0) if owner or code else catalogue_shown.unmapped(conn, holder)
    shown = tuple(each for each in pulls if scope is None or each.holder in scope)
    return Differences(
        counts=counts, procedures=found, after=more, pulls=shown, unmapped=local_codes, unmapped_count=number
    )


def worklist(
    hub: Hub, *, owner: str = "", holder: str = "", state: str = "", after: str = "", limit: int = 100, scope: Scope = None
) -> Worklist:
    """List what people must mend, by agency and holder."""
    with hub.ledger.read() as conn:
        items, more = catalogue.work(conn, owner=owner, holder=holder, state=state, after=after, limit=limit, scope=scope)
    return Worklist(items=items, after=more)


def worklist_file(hub: Hub, *, owner: str = "", holder: str = "", state: str = "", scope: Scope = None) -> bytes:
    """Write the work-list as XLSX, a sheet for each agency."""
    sheets: dict[str, list[tuple[object, ...]]] = {}
    for each in _all_work(hub, owner, holder, state, scope):
        fields = ", ".join(FIELDS.get(name, (name, name))[0] for name in each.fields)
        made = local_text(each.made_at)
        row = (each.holder, each.code, each.name, fields, WHO[each.who][0], STATES[each.state][0], made, each.why, each.note)
        sheets.setdefault(each.owner, []).append(row)
    return spreadsheets.write_workbook([(owner, HEAD, rows) for owner, rows in sheets.items()] or [("Trống", HEAD, ())])


def _all_work(hub: Hub, owner: str, holder: str, state: str, scope: Scope) -> Iterator[Work]:
    after = ""
    while True:
        page = worklist(hub, owner=owner, holder=holder, state=state, after=after, limit=1000, scope=scope)
        yield from page.items
        after = page.after
        if not after:
            return


def local_text(seconds: float) -> str:
    """Write a moment as officials do."""
    return local(datetime.fromtimestamp(seconds, UTC)).strftime("%d/%m/%Y %H:%M")


def plan(hub: Hub, plan_id: str) -> Plan:
    """Show a plan; raise NotAllowed where there is none."""
    with hub.ledger.read() as conn:
        found = catalogue.plan(conn, plan_id)
    if found is None:
        raise NotAllowed(f"no plan {plan_id!r}", f"không có kế hoạch {plan_id!r}", where="plan")
    return found


def _today(hub: Hub) -> date:
    return local(hub.clock()).date()
