"""Payload bytes by digest (Claim Check): written once, read by digest, never changed; only retention deletes them.

Every commit that names bytes stores them. So ``named_at``, moved forward when the same bytes come again, is never more
than ``REFRESH_SECONDS`` behind the last row that names them, and retention need not look for such rows. It also makes
deletion and a new use safe against each other: what is old enough to be deleted is always written to by who stores it
again, so one of the two waits for the other on the row, and bytes that were deleted meanwhile are there again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, Integer, LargeBinary, Text, bindparam, case, func, null, select, update
from sqlalchemy.dialects import postgresql

from hub.canonical.compact_json import compact
from hub.canonical.digests import digest_of
from hub.ledger import layouts
from hub.ledger.for_each import for_each, insert_each, table_of
from hub.ledger.sql import Found, Statement
from hub.ledger.tables import long_texts, payloads
from hub.rules.retention import REFRESH_SECONDS, Kept

#: So long a process remembers that a body is kept, and names it without looking; the row is moved forward so much earlier.
REMEMBER_SECONDS = 3600.0
_STALE_SECONDS = REFRESH_SECONDS - REMEMBER_SECONDS
_REMEMBERED = 1000
#: Bytes in one statement at most; a single body may be larger.
_AT_ONCE = 4_000_000
_COLUMNS = ("digest", "size", "stored_at", "named_at", "kept_for", "layout")
_PUT = insert_each(payloads, *_COLUMNS, "body", new=["digest"])
#: JSON holds no bytes: they come beside it, one after the other.
_GIVEN = table_of({name: payloads.c[name].type for name in _COLUMNS} | {"start": Integer, "length": Integer}).c
_PUT_TOGETHER = Statement(
    postgresql.insert(payloads)
    .from_select(
        [*_COLUMNS, "body"],
        select(
            *(_GIVEN[name] for name in _COLUMNS),
            func.substr(bindparam("bodies", type_=LargeBinary), _GIVEN.start, _GIVEN.length),
        ),
    )
    .on_conflict_do_nothing(index_elements=["digest"])
)
_USED = insert_each(long_texts, "digest", "used_by", new=["digest", "used_by"])


def _lasts(kept_for: ColumnElement[int]) -> ColumnElement[int]:
    """Give ``Kept.lasts`` of a column or value."""
    return case({int(kind): kind.lasts for kind in Kept}, value=kept_for, else_=Kept.REPEAT.lasts)


#: What is there already is looked at, not written to: many commits name the same certificate at the same time.
_STALE = for_each(
    lambda given: select(payloads.c.digest).where(
        (payloads.c.digest == given.sought)
        & (
            payloads.c.body.is_(None)
            | (payloads.c.named_at < given.stale)
            | (_lasts(payloads.c.kept_for) < _lasts(given.kept_for))
        )
    ),
    sought=Text,
    stale=Double,
    kept_for=Integer,
)
_AT = bindparam("new_at", type_=Double)
_KEPT = bindparam("new_kept_for", type_=Integer)
_AGAIN = Statement(
    update(payloads)
    .where(payloads.c.digest == bindparam("sought"))
    .values(
        body=func.coalesce(payloads.c.body, bindparam("new_body", type_=LargeBinary)),
        layout=case((payloads.c.body.is_(None), bindparam("new_layout", type_=Text)), else_=payloads.c.layout),
        named_at=case((payloads.c.named_at < _AT, _AT), else_=payloads.c.named_at),
        kept_for=case((_lasts(payloads.c.kept_for) < _lasts(_KEPT), _KEPT), else_=payloads.c.kept_for),
        deleted_at=null(),
    )
)
_GET_EACH = for_each(
    lambda given: (
        select(payloads.c.digest, payloads.c.size, payloads.c.body, payloads.c.layout).where(payloads.c.digest == given.sought)
    ),
    sought=Text,
)
_DELETED_AT = Statement(select(payloads.c.deleted_at).where(payloads.c.digest == bindparam("sought")))


class Remembered:
    """What this process has lately kept and many messages name: certificates, and lists of megabytes that are no news."""

    def __init__(self) -> None:
        self._kept: dict[str, float] = {}

    def has(self, known: str, at: float) -> bool:
        """Say whether a body is remembered, by what it is kept for and its digest."""
        return 0.0 <= at - self._kept.get(known, float("-inf")) < REMEMBER_SECONDS

    def add(self, kept: Mapping[str, float]) -> None:
        """Remember what a commit has kept, and when."""
        if len(self._kept) > _REMEMBERED:
            self._kept = {}
        self._kept |= kept


class Shelf:
    """The bodies that one commit keeps."""

    def __init__(self, remembered: Remembered | None = None) -> None:
        self._rows: dict[str, dict[str, Any]] = {}
        self._texts: dict[tuple[int, bytes, bytes], tuple[bytes, str]] = {}
        self._remembered = remembered or Remembered()
        #: What will be remembered when the commit is done.
        self.shared: dict[str, float] = {}

    def share(self, digest: str, body: bytes, at: float, kept_for: Kept = Kept.PROOF) -> str:
        """Take bytes that many messages name, under their digest; not again what is remembered. Give the digest."""
        known = f"{int(kept_for)} {digest}"
        if not body or self._remembered.has(known, at):
            return digest if body else ""
        self.shared[known] = at
        return self._take(digest, body, at, kept_for)

    def put(self, body: bytes, at: float, kept_for: Kept = Kept.PROOF, digest: str = "") -> str:
        """Take bytes, for what they are kept for; give their digest, or an empty text for no bytes.

        ``digest``: theirs, where it is known already.
        """
        if not body:
            return ""
        return self._take(digest or digest_of(body), body, at, kept_for)

    def _take(self, digest: str, body: bytes, at: float, kept_for: Kept) -> str:
        known = self._rows.get(digest)
        if known is not None:
            if known["kept_for"] != kept_for:
                known["kept_for"] = int(max(kept_for, Kept(known["kept_for"]), key=lambda each: each.lasts))
        else:
            times = {"stored_at": at, "named_at": at, "kept_for": int(kept_for)}
            self._rows[digest] = {"digest": digest, "size": len(body), "body": body, "layout": None, **times}
        return digest

    def find(self, conn: Connection, digests: Iterable[str]) -> dict[str, bytes]:
        """Give the bytes of these digests, of those that were put here or are there."""
        sought = set(digests)
        here = {digest: self._rows[digest]["body"] for digest in sought if digest in self._rows}
        return here | get_all(conn, sorted(sought - here.keys()))

    def write(self, conn: Connection) -> None:
        """Keep what was put; what is there already is kept for longer, from now on, or again."""
        self._take_texts_out(conn)
        # In one order, so that two processes never wait for each other crosswise.
        rows = [self._rows[digest] for digest in sorted(self._rows)]
        written = [_new(conn, part) for part in _parts(rows)]
        if sum(each.rowcount for each in written) < len(rows):
            self._keep_longer(conn, rows)
        self._rows = {}

    def _digest_of(self, text: bytes) -> str:
        """Give a text's digest; that of the same text in another body is known."""
        alike = (len(text), text[:64], text[-64:])
        if alike not in self._texts or self._texts[alike][0] != text:
            self._texts[alike] = (text, digest_of(text))
        return self._texts[alike][1]

    def _take_texts_out(self, conn: Connection) -> None:
        """Keep the long texts of bodies as bodies of their own, for as long as these."""
        used = []
        for row in [row for row in self._rows.values() if row["size"] >= layouts.LONG_BYTES]:
            if texts := layouts.long_texts(row["body"]):
                named, kept_for = row["named_at"], Kept(row["kept_for"])
                places = [(at, self.share(self._digest_of(text), text, named, kept_for)) for at, text in texts]
                row |= {"body": layouts.without(row["body"], texts), "layout": layouts.written(places)}
                used += [{"digest": digest, "used_by": row["digest"]} for digest in {digest for _, digest in places}]
        _USED.change(conn, sorted(used, key=itemgetter("digest", "used_by")))

    def _keep_longer(self, conn: Connection, rows: list[dict[str, Any]]) -> None:
        looked_at = [
            {"sought": row["digest"], "stale": row["named_at"] - _STALE_SECONDS, "kept_for": row["kept_for"]} for row in rows
        ]
        if found := sorted(row.digest for row in _STALE.find(conn, looked_at)):
            _AGAIN.run_each(conn, [_again(self._rows[digest]) for digest in found])


def _parts(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    part: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        if part and size + len(row["body"]) > _AT_ONCE:
            yield part
            part, size = [], 0
        part.append(row)
        size += len(row["body"])
    if part:
        yield part


def _new(conn: Connection, rows: list[dict[str, Any]]) -> Found:
    """Write the bodies that are not there yet."""
    if conn.dialect.name != "postgresql":
        written = _PUT.change(conn, rows)
        assert written is not None
        return written
    bodies, given, start = [], [], 1
    for row in rows:
        bodies.append(row["body"])
        length = len(row["body"])
        given.append({name: row[name] for name in _COLUMNS} | {"start": start, "length": length})
        start += length
    return _PUT_TOGETHER.run(conn, given=compact(given), bodies=b"".join(bodies))


def _again(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "sought": row["digest"],
        "new_body": row["body"],
        "new_layout": row["layout"],
        "new_kept_for": row["kept_for"],
        "new_at": row["named_at"],
    }


def put(conn: Connection, body: bytes, at: float, kept_for: Kept = Kept.PROOF) -> str:
    """Keep bytes under their digest; give the digest, or an empty text for no bytes."""
    return put_all(conn, ((body, kept_for),), at)[0]


def put_all(conn: Connection, bodies: Iterable[tuple[bytes, Kept]], at: float) -> list[str]:
    """Keep several bodies, each for what it is kept for; give their digests in the same order."""
    shelf = Shelf()
    digests = [shelf.put(body, at, kept_for) for body, kept_for in bodies]
    shelf.write(conn)
    return digests


def get(conn: Connection, digest: str) -> bytes | None:
    """Give the bytes of a digest; None where retention has deleted them or none were kept."""
    return get_all(conn, [digest]).get(digest)


def get_all(conn: Connection, digests: Iterable[str]) -> dict[str, bytes]:
    """Give the bytes of these digests, of those that are there."""
    found = _kept(conn, digests)
    places = {digest: _places(row) for digest, row in found.items()}
    texts = _kept(conn, (digest for known in places.values() for _, digest in known))
    bodies = ((digest, _whole(row, places[digest], texts)) for digest, row in found.items())
    return {digest: body for digest, body in bodies if body is not None}


def _kept(conn: Connection, digests: Iterable[str]) -> dict[str, Any]:
    sought = [{"sought": digest} for digest in dict.fromkeys(digests) if digest]
    return {row.digest: row for row in _GET_EACH.find(conn, sought) if row.body is not None}


def _places(row: Any) -> list[layouts.Place]:
    """Read where long texts belong; nowhere where the layout was changed, and then the body is not whole."""
    try:
        return layouts.read(row.layout)
    except ValueError:
        return []


def _whole(row: Any, places: Sequence[layouts.Place], texts: Mapping[str, Any]) -> bytes | None:
    """Put a body together; None where that cannot be: a text is gone, or what is there was changed."""
    if row.layout is None:
        body: bytes = row.body
        return body
    if not all(digest in texts for _, digest in places):
        return None
    # Looked at before anything is joined: a changed layout may name one text any number of times.
    if len(row.body) + sum(len(texts[digest].body) for _, digest in places) != row.size:
        return None
    return layouts.whole(row.body, places, {digest: texts[digest].body for _, digest in places})


def deleted_at(conn: Connection, digest: str) -> float | None:
    """Say when retention deleted the bytes of a digest; None where it did not."""
    found: float | None = _DELETED_AT.run(conn, sought=digest).scalar() if digest else None
    return found
