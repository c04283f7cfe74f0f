"""The index of applicants' numbers, which are kept as keyed hashes only (hub.rules.applicant_numbers)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, select, update

from hub.ledger.for_each import insert_each
from hub.ledger.sql import insert_new
from hub.ledger.tables import dossiers
from hub.ledger.values import Acceptance
from hub.ledger.working_tables import finding_keys, finding_marks

#: The hash of a number, and the dossier in which it stands.
Key = tuple[str, str]
_NEW_KEYS = insert_each(finding_keys, "hash", "subject", "at", new=["hash", "subject"])
_NEW_MARK = insert_new(finding_marks, "key_id")
#: Above every hash of a key: digits of it are 0 to 9 and a to f.
_AFTER_ALL = "g"
#: Rows that one portion looks at.
_AT_ONCE = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far older messages were looked through with a key."""

    upto_at: float = 0.0
    upto_message: str = ""
    finished_at: float | None = None


def keep(conn: Connection, accepted: Iterable[Acceptance]) -> None:
    """Keep what messages say of their applicants; what is there already costs a look, in one statement for all of them."""
    found = {key: given.at for given in accepted for key in given.finding}
    _NEW_KEYS.change(conn, [{"hash": hashed, "subject": subject, "at": at} for (hashed, subject), at in sorted(found.items())])


def mark_of(conn: Connection, key_name: str) -> Mark:
    """Say how far older messages were looked through."""
    row = conn.execute(select(finding_marks).where(finding_marks.c.key_id == key_name)).first()
    return Mark(upto_at=row.upto_at, upto_message=row.upto_message, finished_at=row.finished_at) if row else Mark()


def fill(conn: Connection, key_name: str, keys: Sequence[tuple[str, str, float]], mark: Mark) -> None:
    """Keep what older messages say, and how far they were looked through, in one step."""
    _NEW_KEYS.change(conn, [{"hash": hashed, "subject": subject, "at": at} for hashed, subject, at in keys])
    values = {"upto_at": mark.upto_at, "upto_message": mark.upto_message, "finished_at": mark.finished_at}
    if not _NEW_MARK.run(conn, key_id=key_name, **values).rowcount:
        conn.execute(update(finding_marks).where(finding_marks.c.key_id == key_name).values(**values))


def forget_other_keys(conn: Connection, key_name: str) -> int:
    """Delete what was hashed with other keys; give how many rows."""
    begin, end = f"{key_name}:", f"{key_name}:{_AFTER_ALL}"
    gone = conn.execute(delete(finding_keys).where((finding_keys.c.hash < begin) | (finding_keys.c.hash >= end))).rowcount
    conn.execute(delete(finding_marks).where(finding_marks.c.key_id != key_name))
    return gone


def forget_old(conn: Connection, *, before: float, after: str) -> str:
    """Delete the hashes of dossiers of which nothing came since a moment, in one portion behind a hash; give where it ended.

    An empty text: there are no more. With the working copies of a dossier its applicant's number stops being sought, too.
    """
    query = select(finding_keys.c.hash).where(finding_keys.c.hash > after).order_by(finding_keys.c.hash)
    upto = conn.execute(query.offset(_AT_ONCE).limit(1)).scalar()
    lately = exists().where((dossiers.c.key == finding_keys.c.subject) & (dossiers.c.updated_at >= before))
    here = (finding_keys.c.hash > after) & (finding_keys.c.at < before) & ~lately
    conn.execute(delete(finding_keys).where(here if upto is None else here & (finding_keys.c.hash <= upto)))
    return str(upto or "")
