"""Progress rows that come without their dossier's record: they are taken for the dossier as it was last told, else refused."""

from __future__ import annotations

import json

from sqlalchemy import Connection, select

from hub.app import Hub
from hub.canonical.base import local
from hub.canonical.dossier import ROWS_ALONE, Dossier, DossierMessage
from hub.canonical.message import from_json
from hub.endpoint import Endpoint
from hub.errors import Fault, InvalidMessage
from hub.ledger import payloads
from hub.ledger.tables import dossiers as table
from hub.ledger.tables import messages
from hub.registers import dossiers
from hub.registers.dossiers import Known


def are_meant(message: DossierMessage) -> bool:
    """Say whether a message has rows and no record."""
    return ROWS_ALONE in message.native


def completed(hub: Hub, endpoint: Endpoint, message: DossierMessage, known: Known | None) -> tuple[Endpoint, DossierMessage]:
    """Give a message the record of its dossier as it was last told, and the endpoint for which its sender speaks.

    An agency speaks at each of its doors for the dossiers that came at another one of its. Raises InvalidMessage where the
    dossier is not known, or retention has deleted what was said of it.
    """
    if known is None:
        vi, en = "trục chưa có hồ sơ này: hãy gửi hồ sơ trước", "the hub does not know this dossier: send its record first"
        raise InvalidMessage([Fault("/MaHoSo", "unknown_dossier", vi, en)])
    with hub.ledger.read() as conn:
        dossier = _last_told(conn, known)
    if dossier is None:
        vi = "nội dung hồ sơ đã hết hạn lưu ở trục: hãy gửi lại hồ sơ cùng tiến độ"
        en = "the record of this dossier is kept no longer: send it again with the rows"
        raise InvalidMessage([Fault("/MaHoSo", "unknown_dossier", vi, en)])
    newest = max(message.steps, key=lambda step: local(step.at))
    native = {name: value for name, value in message.native.items() if name != ROWS_ALONE}
    whole = dossier.model_copy(update={"status": newest.status})
    return _speaks_for(hub, endpoint, known), message.model_copy(update={"dossier": whole, "native": native})


def _speaks_for(hub: Hub, endpoint: Endpoint, known: Known) -> Endpoint:
    """Give the endpoint at which the dossier came, where it is the same agency's; else the sender itself."""
    origin = hub.endpoints.get(known.origin)
    same = origin is not None and bool(endpoint.agency_code) and origin.agency_code == endpoint.agency_code
    return origin if origin is not None and same else endpoint


def _last_told(conn: Connection, known: Known) -> Dossier | None:
    """Find the dossier in the last message that told of it."""
    here = table.c.key == known.key
    query = select(messages.c.canonical).join(table, table.c.last_message == messages.c.id).where(here)
    listed = conn.execute(query).scalar()
    for digest in json.loads(listed) if listed else ():
        body = payloads.get(conn, digest)
        message = from_json(body) if body else None
        if isinstance(message, DossierMessage) and set(dossiers.codes_of(message.dossier)) & set(known.codes):
            return message.dossier
    return None
