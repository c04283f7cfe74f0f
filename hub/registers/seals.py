"""Seals of the ledger, as others ask for them: their list, and the proof that a subject's row is below one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from hub.ledger.tables import journal, seal_leaves, seals
from hub.rules import ledger_seal, merkle
from hub.rules.ledger_seal import End, Seal
from hub.rules.merkle import Step

_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SealProof:
    """That a row of the journal was there when a seal was made: ``climb(leaf(octets), path)`` gives the seal's root.

    The hash chain of the subject proves all rows before it.
    """

    subject: str
    #: The row: its number in the subject's chain, and its hash.
    number: int
    hash: str
    #: What the leaf says (``hub.rules.ledger_seal``).
    octets: bytes
    path: tuple[Step, ...]
    root: bytes
    #: Number of the seal.
    seal: int
    #: When the seal was made, by the hub's clock; seconds since 1970 UTC.
    at: float
    #: RFC 3161 token (DER) over the root; None until there is one.
    token: bytes | None
    #: The moment that the token states; None where there is none.
    stamped_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One seal, for people."""

    number: int
    at: float
    leaves: int
    root: str
    stamped_at: float | None
    #: How often a timestamp was asked for.
    asked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SealMeasures:
    """How far sealing is behind."""

    #: For how many seconds the oldest row of the journal that no seal is over has been there; 0 where all are sealed.
    unsealed_seconds: float
    #: For how many seconds the oldest seal without timestamp has been there; 0 where all have one.
    unstamped_seconds: float


def proof_of(conn: Connection, subject: str) -> SealProof | None:
    """Prove the last sealed row of a subject; None where none is sealed yet."""
    return next(_proofs(conn, subject, newest_first=True), None)


def proofs_of(conn: Connection, subject: str) -> Iterator[SealProof]:
    """Prove each row of a subject that was its last one when a seal was made, the oldest first."""
    return _proofs(conn, subject, newest_first=False)


def _proofs(conn: Connection, subject: str, *, newest_first: bool) -> Iterator[SealProof]:
    mine = select(seal_leaves.c.position, seals).join(seals, seals.c.number == seal_leaves.c.seal)
    mine = mine.where(seal_leaves.c.subject == subject)
    place = seal_leaves.c.seal.desc() if newest_first else seal_leaves.c.seal
    for row in conn.execute(mine.order_by(place)):
        seal = Seal(**{name: getattr(row, name) for name in ("number", "at", "upto", "previous", "leaves", "root")})
        ends = list(ends_of(conn, seal.number))
        first = ledger_seal.first_octets(seal.number, seal.at, seal.upto, seal.previous)
        # Leaves are counted from 1: before them stands the one that names the seal.
        end = ends[row.position - 1]
        yield SealProof(
            subject=subject,
            number=end.number,
            hash=end.hash,
            octets=ledger_seal.end_octets(end),
            path=merkle.path(list(ledger_seal.leaf_hashes(first, ends)), row.position),
            root=seal.digest,
            seal=seal.number,
            at=seal.at,
            token=row.token,
            stamped_at=row.stamped_at,
        )


def ends_of(conn: Connection, number: int) -> Iterator[End]:
    """Give what a seal is over, in order."""
    query = select(seal_leaves.c.subject, seal_leaves.c.number, seal_leaves.c.hash).where(seal_leaves.c.seal == number)
    for row in conn.execute(query.order_by(seal_leaves.c.position), execution_options={"yield_per": _ROWS_AT_ONCE}):
        yield End(row.subject, row.number, row.hash)


def listed(conn: Connection, *, limit: int) -> list[Listed]:
    """List the newest seals, the newest first."""
    names = ("number", "at", "leaves", "root", "stamped_at", "asked")
    rows = conn.execute(select(*(seals.c[name] for name in names)).order_by(seals.c.number.desc()).limit(limit))
    return [Listed(**row._mapping) for row in rows]


def roots(conn: Connection, *, after: int) -> Iterator[Seal]:
    """Give every seal after a number, in order."""
    names = ("number", "at", "upto", "previous", "leaves", "root")
    query = select(*(seals.c[name] for name in names)).where(seals.c.number > after).order_by(seals.c.number)
    for row in conn.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
        yield Seal(**row._mapping)


def measure(conn: Connection, now: float) -> SealMeasures:
    """Say how far sealing is behind; each number is found on an index."""
    upto = select(seals.c.upto).order_by(seals.c.number.desc()).limit(1)
    reached = conn.execute(upto).scalar() or 0
    first = conn.execute(select(journal.c.at).where(journal.c.seq > reached).order_by(journal.c.seq).limit(1)).scalar()
    bare = conn.execute(select(seals.c.at).where(seals.c.token.is_(None)).order_by(seals.c.number).limit(1)).scalar()
    return SealMeasures(
        unsealed_seconds=max(0.0, now - first) if first is not None else 0.0,
        unstamped_seconds=max(0.0, now - bare) if bare is not None else 0.0,
    )
