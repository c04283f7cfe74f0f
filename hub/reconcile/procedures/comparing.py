"""Compare what holders of procedures were last seen to hold with what the owners say; keep in what they differ, and since when.

By fingerprint first; only where that differs are the two records read, and compared field by field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy import Connection

from hub.app import Hub
from hub.canonical.base import local
from hub.canonical.codes import CodeTables
from hub.canonical.procedure import Procedure
from hub.contract import ProcedureHolder
from hub.errors import NotAllowed
from hub.ledger import catalogue_verbs
from hub.ledger.catalogue_verbs import Different
from hub.registers import catalogue
from hub.registers.catalogue import Known
from hub.rules import catalogue as rules
from hub.rules.catalogue import Policy

#: Code lists from local to national codes.
PROCEDURES, FIELDS = "procedures", "fields"
#: Pairs of records that are read and compared at once.
AT_ONCE = 500
_PROVINCE = re.compile(r"H[0-9]{2}(\..*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a comparison came to."""

    holder: str
    #: Differences that were not there before, and those that are over.
    new: int
    over: int


@dataclass(frozen=True, kw_only=True)
class Codes:
    """Local codes as national ones, on a day."""

    procedures: Mapping[str, str]
    fields: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Side:
    """A holder as it is compared."""

    name: str
    kind: str
    agency: str
    policy: Policy

    def who(self, field: str) -> str:
        """Say who must act on a difference; empty: it is none."""
        return self.policy.who(field, self.kind)


def national(codes: CodeTables, day: date) -> Codes:
    """Give the local codes that mean a national one on a day."""
    return Codes(procedures=_valid(codes, PROCEDURES, day), fields=_valid(codes, FIELDS, day))


def _valid(codes: CodeTables, table: str, day: date) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in codes.tables.get(table, ()):
        if row.valid_on(day) and row.value:
            found.setdefault(row.code, row.value)
    return found


def side(hub: Hub, holder: str) -> Side:
    """Give a holder as it is compared."""
    endpoint = hub.endpoint(holder)
    return Side(name=holder, kind=rules.kind_of(endpoint.adapter), agency=endpoint.agency_code, policy=hub.catalogue)


def holders(hub: Hub) -> tuple[str, ...]:
    """Name the endpoints that can be asked for their procedures."""
    called = [each for each in hub.endpoints.values() if each.outbound is not None]
    return tuple(sorted(each.name for each in called if isinstance(hub.transports(each), ProcedureHolder)))


def compare_all(hub: Hub, *, owner: str = "") -> tuple[Compared, ...]:
    """Work out the differences of every holder that was pulled; ``owner``: something of this agency's has changed."""
    with hub.ledger.read() as conn:
        pulled = [each.holder for each in catalogue.pulls(conn).values() if each.whole_at is not None]
    wanted = [name for name in sorted(pulled) if name in hub.endpoints]
    concerned = [name for name in wanted if not owner or concerns(owner, side(hub, name))]
    said = _said(hub) if concerned else {}
    return tuple(_compare(hub, name, said) for name in concerned)


def compare(hub: Hub, holder: str) -> Compared:
    """Work out in what a holder differs today, and keep it; raise NotAllowed where it was never pulled whole."""
    _check_pulled(hub, holder)
    return _compare(hub, holder, _said(hub))


def _said(hub: Hub) -> dict[str, list[Known]]:
    """Give what the owners say today."""
    while hub.ledger.change(catalogue_verbs.adopt):
        pass
    with hub.ledger.read() as conn:
        return catalogue.in_force(conn, local(hub.clock()).date())


def _compare(hub: Hub, holder: str, said: Mapping[str, Sequence[Known]]) -> Compared:
    codes = national(hub.codes(fresh=True), local(hub.clock()).date())
    unmapped: list[str] = []
    with hub.ledger.read() as conn:
        found = tuple(differences(conn, side(hub, holder), codes, said, unmapped=unmapped))
    verb = partial(catalogue_verbs.keep_differences, holder=holder, found=found, unmapped=unmapped, now=hub.now())
    new, over = hub.ledger.change(verb, f"procedures:{holder}")
    return Compared(holder=holder, new=new, over=over)


def _check_pulled(hub: Hub, holder: str) -> None:
    with hub.ledger.read() as conn:
        pull = catalogue.pulls(conn).get(holder)
    if pull is None or pull.whole_at is None:
        raise NotAllowed(
            f"{holder!r} was never pulled whole: run `lienthong procedures pull {holder}`",
            f"chưa lấy đủ danh mục của {holder!r}: hãy chạy `lienthong procedures pull {holder}`",
            where=holder,
        )


# --- the comparison itself ---------------------------------------------------------------------------------------


def differences(
    conn: Connection,
    at: Side,
    codes: Codes,
    said: Mapping[str, Sequence[Known]],
    *,
    only: Sequence[str] | None = None,
    unmapped: list[str] | None = None,
) -> Iterator[Different]:
    """Give in what a holder differs from what the owners say.

    ``only``: of what the holder has, under these codes of its own. ``unmapped`` gets its codes that fit no catalogue.
    """
    wanted = _followed(conn, at, codes, said, only) if at.name in at.policy.follows else said
    seen: set[str] = set()
    pairs: list[tuple[Known, str, Any]] = []
    local_codes = codes.procedures
    for row in catalogue.holder_rows(conn, at.name, only):
        own, _, plain, field_code, level = row
        code = local_codes.get(own, own)
        known = wanted.get(code)
        if known is None:
            if unmapped is not None and code not in said:
                unmapped.append(own)
            continue
        seen.add(code)
        one = known[0]
        # Nearly all are the same to the letter: said here in one line, since this is done millions of times.
        same = one.plain == plain and one.field_code == field_code and level in (None, one.level)
        if same and len(known) == 1 and not one.expired:
            continue
        pairs += [(each, code, row) for each in theirs(known, at) if not agrees(each, row, codes)]
        if len(pairs) >= AT_ONCE:
            yield from _field_by_field(conn, pairs, codes, at)
            pairs = []
    yield from _field_by_field(conn, pairs, codes, at)
    if at.name not in at.policy.partial and (who := at.who(rules.LACKS)):
        yield from _lacking(wanted, seen, at, who)


def agrees(known: Known, row: Any, codes: Codes) -> bool:
    """Say whether a holder surely says what the owner says, by fingerprints and what stands beside them."""
    if known.plain != row.plain or known.expired:
        return bool(known.coming and known.coming == row.plain)
    if row.level is not None and known.level is not None and row.level != known.level:
        return False
    if row.field_code == known.field_code:
        return True
    fields = codes.fields
    return bool(fields.get(row.field_code, row.field_code) == fields.get(known.field_code, known.field_code))


def _lacking(wanted: Mapping[str, Sequence[Known]], seen: set[str], at: Side, who: str) -> Iterator[Different]:
    for code, known in wanted.items():
        if code not in seen:
            for each in theirs(known, at):
                if each.active:
                    yield Different(each.owner, code, rules.LACKS, "", who)


def theirs(known: Sequence[Known], at: Side) -> Sequence[Known]:
    """Choose the owners whose word counts at a holder: at a province its own list before the ministry's."""
    concern = [each for each in known if concerns(each.owner, at)]
    if at.kind == rules.PROVINCE:
        return [each for each in concern if each.owner == at.agency] or concern
    return concern


def concerns(owner: str, at: Side) -> bool:
    """Say whether an owner's catalogue is held there: a ministry's system has its own, a province none of another's."""
    if at.kind == rules.PORTAL or owner == at.agency:
        return True
    if at.kind == rules.MINISTRY:
        return not at.agency
    return not _PROVINCE.fullmatch(owner)


def _followed(
    conn: Connection, at: Side, codes: Codes, said: Mapping[str, Sequence[Known]], only: Sequence[str] | None
) -> dict[str, list[Known]]:
    """Give what a holder should say that follows another one: that one's words in place of the owners'."""
    found: dict[str, list[Known]] = {}
    for row in catalogue.holder_rows(conn, at.policy.follows[at.name], only):
        code = codes.procedures.get(row.code, row.code)
        if row.digest:
            for each in said.get(code, ()):
                known = Known(each.owner, row.digest, row.plain, row.field_code, row.level, each.active)
                found.setdefault(code, []).append(known)
    return found


def _field_by_field(
    conn: Connection, pairs: Sequence[tuple[Known, str, Any]], codes: Codes, at: Side
) -> Iterator[Different]:
    if not pairs:
        return
    read = catalogue.records(conn, {digest for known, _, row in pairs for digest in (known.digest, row.digest)})
    for known, code, row in pairs:
        if not row.digest:
            if who := at.who(rules.UNREADABLE):
                yield Different(known.owner, code, rules.UNREADABLE, row.code, who)
            continue
        mine = mapped(read[known.digest], code, codes)
        if not known.active:
            mine = mine.model_copy(update={"active": False})
        for name in rules.differing(mine, mapped(read[row.digest], code, codes)):
            if who := at.who(name):
                yield Different(known.owner, code, name, row.code, who)


def mapped(procedure: Procedure, code: str, codes: Codes) -> Procedure:
    """Give a record under its national code, with its field's."""
    field = codes.fields.get(procedure.field_code, procedure.field_code)
    return procedure.model_copy(update={"code": code, "field_code": field})
