"""Who may say what of a border document: its issuer issues and withdraws it, those that have it answer."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from hub.app import UNROUTED, Hub
from hub.border_steps import OF_THE_ISSUER
from hub.canonical.border.message import AnswerResult, BorderEvent, BorderMessage
from hub.endpoint import Endpoint
from hub.errors import Fault, NotPermitted
from hub.registers import dossiers
from hub.registers.border_known import Known

#: In ``native``: the answer that whoever brought a document gets at once: that it is available here.
OWN_ANSWER = "aswOwnAnswer"


def check(hub: Hub, endpoint: Endpoint, message: BorderMessage, known: Known | None) -> None:
    """Raise NotPermitted where a message is not its sender's to say."""
    if message.event in OF_THE_ISSUER:
        permitted = _may_issue(hub, endpoint, message, known)
    else:
        permitted = _may_answer(hub, endpoint, message, known)
    if not permitted:
        raise NotPermitted(
            [
                Fault(
                    "number",
                    "not_permitted",
                    "chứng từ này không thuộc quyền của đơn vị gửi: không phải bên cấp, bên nhận hoặc bên chuyển",
                    "this border document is not the sender's to speak of: it neither issued, brought nor receives it",
                )
            ]
        )


def dossier_of(hub: Hub, conn: Connection, endpoint: Endpoint, message: BorderMessage) -> str:
    """Give the key of the dossier that a message says it belongs to; empty where that is not its sender's to say.

    No other country knows our dossiers, and nobody writes into one in which it takes no part. One that is not here yet is kept.
    """
    if not message.dossier or _is_abroad(hub, endpoint):
        return ""
    known = dossiers.find(conn, [message.dossier])
    if known is None:
        return message.dossier
    return known.key if is_among(hub, endpoint.name, (known.origin, *known.recipients)) else ""


def _may_issue(hub: Hub, endpoint: Endpoint, message: BorderMessage, known: Known | None) -> bool:
    if _is_abroad(hub, endpoint) != (message.issuing_country != hub.border.country):
        return False
    # The same document by another road is a repetition, or an incident; only its origin takes it back.
    repeats = message.event is not BorderEvent.CANCELLED
    return repeats or known is None or not known.origin or is_issuer(hub, endpoint.name, known)


def _may_answer(hub: Hub, endpoint: Endpoint, message: BorderMessage, known: Known | None) -> bool:
    if known is not None and is_issuer(hub, endpoint.name, known):
        return message.event is BorderEvent.TRACKED or _is_own_answer(message)
    if _is_abroad(hub, endpoint) != (message.issuing_country == hub.border.country):
        return False
    if known is not None and known.origin and not is_from_there(message, known.row.importing_country):
        return False
    # Before the document is here, or has gone anywhere, nobody can say who has it.
    recipients = [each for each in (known.recipients if known else ()) if each not in (UNROUTED, known.origin if known else "")]
    return not recipients or is_among(hub, endpoint.name, recipients)


def is_from_there(message: BorderMessage, importing: str) -> bool:
    """Say whether a word may be the importing country's: one way leads to many, and none of them answers for another."""
    says = message.importing_country
    return message.event is BorderEvent.TRACKED or not says or not importing or says == importing


def _is_abroad(hub: Hub, endpoint: Endpoint) -> bool:
    return hub.adapter(endpoint).abroad


def _is_own_answer(message: BorderMessage) -> bool:
    answer = message.answer
    available = answer is not None and answer.result is AnswerResult.AVAILABLE
    return available and bool(message.native.get(OWN_ANSWER))


def is_issuer(hub: Hub, name: str, known: Known) -> bool:
    """Say whether a sender issued or brought a document, or stands for who did."""
    return is_among(hub, name, (known.origin,) if known.origin else ())


def is_among(hub: Hub, name: str, names: Iterable[str]) -> bool:
    """Say whether an endpoint is one of these, or stands for one of them."""
    parts = tuple(names)
    return name in parts or not set(hub.finals([name])).isdisjoint(hub.finals(parts))
