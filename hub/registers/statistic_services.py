"""Services with dossiers: how many came of a procedure in a period, over which channel; each answer is a range of an index."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select

from hub.ledger.sql import Statement
from hub.ledger.tables import dossiers

#: KenhThucHien: online.
ONLINE = "2"
_HERE = (
    (dossiers.c.procedure == bindparam("code"))
    & (dossiers.c.received_at >= bindparam("first"))
    & (dossiers.c.received_at < bindparam("until"))
    & dossiers.c.test.is_(False)
)
_VOLUMES = Statement(select(dossiers.c.channel, func.count().label("number")).where(_HERE).group_by(dossiers.c.channel))
_ONE_ONLINE = Statement(select(dossiers.c.key).where(_HERE & (dossiers.c.channel == bindparam("online"))).limit(1))


@dataclass(frozen=True, slots=True)
class Volume:
    """How many dossiers of a procedure were received."""

    all: int = 0
    online: int = 0


def volumes(conn: Connection, procedures: Iterable[str], begin: float, end: float) -> dict[str, Volume]:
    """Count the dossiers of each procedure that were received in a period; test dossiers are not counted."""
    found = {}
    for code in procedures:
        by_channel = {row.channel: row.number for row in _VOLUMES.run(conn, code=code, first=begin, until=end)}
        found[code] = Volume(sum(by_channel.values()), by_channel.get(ONLINE, 0))
    return found


def with_dossiers(conn: Connection, procedures: Iterable[str], begin: float, end: float) -> set[str]:
    """Name the services of which at least one dossier came online in a period (có phát sinh hồ sơ)."""
    asked = {"first": begin, "until": end, "online": ONLINE}
    return {code for code in procedures if _ONE_ONLINE.run(conn, code=code, **asked).first() is not None}
