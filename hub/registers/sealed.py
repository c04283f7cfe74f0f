"""Are the seals what was made, and is the journal what was sealed? Also a chain cut off with its head shows here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from typing import Any, Protocol

from sqlalchemy import Connection, Row, func, select

from hub.errors import Untrusted
from hub.ledger.tables import journal, seal_leaves, seals
from hub.registers.wrong import Tick, Wrong
from hub.rules import ledger_seal, merkle
from hub.rules.ledger_seal import NO_ROOT, End

_ROWS_AT_ONCE = 1000
#: Of one seal so many leaves are named that are not those of the journal; a seal of which more are wrong is not worth reading.
_NAMED = 1000

#: Checks a timestamp over a digest and gives the moment that it states; raises Untrusted.
CheckToken = Callable[[bytes, bytes], float]


class Pinned(Protocol):
    """A root that was kept outside of the ledger."""

    @property
    def number(self) -> int: ...

    @property
    def root(self) -> str: ...


def wrong(conn: Connection, check_token: CheckToken | None, tick: Tick) -> Iterator[Wrong]:
    """Compute every seal again from its leaves, and compare these with the journal; yield what is not as it was made."""
    leaves = groupby(_leaves(conn, tick), key=lambda row: int(row.seal))
    following = next(leaves, None)
    before: Row[Any] | None = None
    for row in conn.execute(select(seals).order_by(seals.c.number), execution_options={"yield_per": _ROWS_AT_ONCE}):
        while following is not None and following[0] < row.number:
            yield _orphaned(*following)
            following = next(leaves, None)
        mine: Iterable[Row[Any]] = ()
        if following is not None and following[0] == row.number:
            mine = following[1]
        yield from _gap(row, before)
        yield from _check_seal(row, mine)
        yield from _check_token(row, check_token)
        if mine:
            following = next(leaves, None)
        before = row
    while following is not None:
        yield _orphaned(*following)
        following = next(leaves, None)
    if before is not None:
        yield from _slipped_in(conn, before.upto)


def _leaves(conn: Connection, tick: Tick) -> Iterator[Row[Any]]:
    query = (
        select(seal_leaves, journal.c.hash.label("row_hash"))
        .outerjoin(journal, (journal.c.subject == seal_leaves.c.subject) & (journal.c.number == seal_leaves.c.number))
        .order_by(seal_leaves.c.seal, seal_leaves.c.position)
    )
    for row in conn.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
        tick(1)
        yield row


def _orphaned(number: int, leaves: Iterable[Row[Any]]) -> Wrong:
    count = sum(1 for _ in leaves)
    return _wrong(number, f"bị xóa, còn lại {count} lá", f"was removed; {count} leaves of it are left")


def _gap(row: Row[Any], before: Row[Any] | None) -> Iterator[Wrong]:
    """Compare a seal with the one before it."""
    expected = before.number + 1 if before is not None else 1
    if row.number != expected:
        last = row.number - 1
        yield _wrong(
            expected,
            "bị xóa" if last == expected else f"bị xóa, đến niêm phong {last}",
            "was removed" if last == expected else f"was removed, and all up to {last}",
        )
    elif row.previous != (before.root if before is not None else NO_ROOT):
        yield _wrong(row.number, "không nối với niêm phong trước", "does not follow the seal before it")
    if before is not None and row.upto <= before.upto:
        yield _wrong(row.number, "không đi tiếp từ niêm phong trước", "does not go on from the seal before it")


def _check_seal(row: Row[Any], leaves: Iterable[Row[Any]]) -> Iterator[Wrong]:
    """Compute a seal's root from its leaves; where that is right, the leaves are, and what differs from them is not."""
    seen = _Seen(leaves)
    try:
        first = ledger_seal.first_octets(row.number, row.at, row.upto, row.previous)
        root = merkle.root(ledger_seal.leaf_hashes(first, seen.ends())).hex()
    except (TypeError, ValueError):
        # SQLite takes a text where a number was.
        root = ""
    right = root == row.root
    missing = [*seen.missing, *range(seen.expected, min(row.leaves, seen.expected + _NAMED))]
    if right and (seen.missing or seen.count + 1 != row.leaves):
        yield _wrong(row.number, "số lá hoặc vị trí của lá đã bị sửa", "its count of leaves, or the place of one, was changed")
    elif not right and missing:
        for position in missing:
            yield _wrong(row.number, f"lá {position} bị xóa", f"leaf {position} was removed")
    elif not right:
        vi, en = "niêm phong hoặc các lá của nó đã bị sửa", "the seal or its leaves were changed"
        yield _wrong(row.number, f"{vi}: mã gốc không khớp", f"{en}: its root is another one")
    for leaf in seen.differing:
        yield _differs(leaf, right=right)


class _Seen:
    """What was seen of a seal's leaves while they went by."""

    def __init__(self, leaves: Iterable[Row[Any]]) -> None:
        self._leaves = leaves
        self.count = 0
        #: Position of the next leaf, where none is missing.
        self.expected = 1
        self.missing: list[int] = []
        #: Leaves that are not what the journal says.
        self.differing: list[Row[Any]] = []

    def ends(self) -> Iterator[End]:
        """Give what each leaf says."""
        for leaf in self._leaves:
            self.count += 1
            self.missing.extend(range(self.expected, min(leaf.position, self.expected + _NAMED)))
            self.expected = leaf.position + 1
            if leaf.row_hash != leaf.hash and len(self.differing) < _NAMED:
                self.differing.append(leaf)
            yield End(leaf.subject, leaf.number, leaf.hash)


def _differs(leaf: Row[Any], *, right: bool) -> Wrong:
    if not right and leaf.row_hash is not None:
        name = f"{leaf.seal} leaf {leaf.position} ({leaf.subject} #{leaf.number})"
        return Wrong(kind="seal", name=name, vi="không khớp với nhật ký", en="is not what the journal says")
    vi = "bị xóa sau khi niêm phong" if leaf.row_hash is None else "bị sửa sau khi niêm phong"
    en = "was removed after it was sealed" if leaf.row_hash is None else "was changed after it was sealed"
    name = f"{leaf.subject} #{leaf.number}"
    return Wrong(kind="journal", name=name, vi=f"{vi} {leaf.seal}", en=f"{en} ({leaf.seal})")


def _check_token(row: Row[Any], check_token: CheckToken | None) -> Iterator[Wrong]:
    if (row.token is None) != (row.stamped_at is None):
        yield _wrong(row.number, "dấu thời gian bị xóa hoặc được thêm vào", "its timestamp was removed or added outside")
    elif row.token is not None and check_token is not None:
        try:
            stated = check_token(row.token, bytes.fromhex(row.root))
        except (Untrusted, ValueError) as error:
            vi, en = (error.vi, error.en) if isinstance(error, Untrusted) else ("mã gốc đã bị sửa", "its root was changed")
            yield _wrong(row.number, f"dấu thời gian không đúng: {vi}", f"its timestamp is not right: {en}")
        else:
            if stated != row.stamped_at:
                yield _wrong(
                    row.number, "thời điểm ghi khác với dấu thời gian", "its moment is not the one that the timestamp states"
                )


def _slipped_in(conn: Connection, upto: int) -> Iterator[Wrong]:
    """Look for rows that stand where all is sealed, and are below no seal."""
    told = select(journal.c.subject, func.max(journal.c.number).label("number"))
    told = told.where(journal.c.seq <= upto).group_by(journal.c.subject)
    there = told.subquery("there")
    below = select(seal_leaves.c.subject, func.max(seal_leaves.c.number).label("number")).group_by(seal_leaves.c.subject)
    last = below.subquery("last")
    query = select(there).outerjoin(last, last.c.subject == there.c.subject)
    query = query.where(last.c.number.is_(None) | (there.c.number > last.c.number))
    for row in conn.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
        yield Wrong(
            kind="journal",
            name=f"{row.subject} #{row.number}",
            vi="được thêm vào phần nhật ký đã niêm phong",
            en="was added to a part of the journal that was sealed",
        )


def not_as_pinned(conn: Connection, pinned: Iterable[Pinned]) -> Iterator[Wrong]:
    """Compare the seals with roots that were kept elsewhere."""
    pins = iter(pinned)
    while batch := list(islice(pins, _ROWS_AT_ONCE)):
        query = select(seals.c.number, seals.c.root).where(seals.c.number.in_([each.number for each in batch]))
        known = {row.number: row.root for row in conn.execute(query)}
        for pin in batch:
            if pin.number not in known:
                vi, en = "có ở nơi ghim mà sổ cái không có", "was pinned, and the ledger has no such seal"
            elif known[pin.number] != pin.root:
                vi, en = "mã gốc khác với mã đã ghim", "its root is not the one that was pinned"
            else:
                continue
            yield Wrong(kind="pin", name=str(pin.number), vi=vi, en=en)


def _wrong(number: int, vi: str, en: str) -> Wrong:
    return Wrong(kind="seal", name=str(number), vi=vi, en=en)
