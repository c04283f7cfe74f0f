"""What a dossier's message means for border documents: the certificate that it carries, the numbers that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub import border_thought
from hub.app import Hub
from hub.border_thought import BorderThought
from hub.canonical.border.message import BorderMessage
from hub.canonical.codes import Event
from hub.canonical.dossier import DossierMessage
from hub.endpoint import Endpoint
from hub.errors import HubError, Unavailable
from hub.ledger.border_values import BorderChange, Naming
from hub.registers import border_known, border_rows
from hub.rules.border import derivation
from hub.rules.border.axes import Standing

#: Warning on a dossier's message: it carries a border document of which none can be made.
NOT_DERIVED = "border_not_derived"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """What one dossier's message means for border documents."""

    derived: BorderThought | None = None
    named: tuple[Naming, ...] = ()
    warnings: tuple[str, ...] = ()


_NOTHING = Meant()


def meant(
    hub: Hub,
    endpoint: Endpoint,
    message: DossierMessage,
    key: str,
    earlier: Sequence[BorderChange],
    brought: Mapping[str, int],
    *,
    goes_on: bool,
) -> Meant:
    """Say what a message means for border documents; nothing where the hub has no rules for such, or it is no such procedure's.

    ``goes_on``: the message itself does. What cannot be derived never refuses the dossier: it is a warning.
    """
    if not any(route.kind == "border" for route in hub.routes) or not derivation.concerns(message):
        return _NOTHING
    derived, warnings = _derived(hub, endpoint, message, key, earlier, brought, goes_on=goes_on)
    return Meant(derived=derived, named=_named(hub, message, key), warnings=warnings)


def _named(hub: Hub, message: DossierMessage, key: str) -> tuple[Naming, ...]:
    """List the numbers that are named for the first time by this dossier."""
    found = derivation.numbers(message)
    if not found:
        return ()
    with hub.ledger.glance() as conn:
        known = {each: border_known.named_by(conn, *each, key) for each in found}
    new = (each for each, is_known in known.items() if not is_known)
    return tuple(Naming(document=document.value, number_key=number, dossier=key) for document, number in new)


def _derived(
    hub: Hub,
    endpoint: Endpoint,
    message: DossierMessage,
    key: str,
    earlier: Sequence[BorderChange],
    brought: Mapping[str, int],
    *,
    goes_on: bool,
) -> tuple[BorderThought | None, tuple[str, ...]]:
    made = derivation.derive(message, hub.border.country)
    if made is None:
        return None, ()
    if made.message is None:
        return None, (f"{NOT_DERIVED} {made.lacks}",)
    if not goes_on:
        return None, (f"{NOT_DERIVED} parked",)
    given = made.message.model_copy(update={"dossier": key, "supersedes": _amended(hub, message, made.message, key)})
    try:
        thought = border_thought.think(hub, endpoint, given, earlier, brought=brought, derived=True)
    except Unavailable:
        raise
    except HubError as error:
        return None, (f"{NOT_DERIVED} {error.code}",)
    return thought, thought.warnings


def _amended(hub: Hub, message: DossierMessage, made: BorderMessage, key: str) -> str:
    """Give the number of the dossier's document that an amended one takes the place of; empty where it has the same number."""
    if message.event is not Event.LICENCE_AMENDED:
        return ""
    with hub.ledger.read() as conn:
        rows = border_rows.of_dossier(conn, key, hub.now())
    standing = (row for row in rows if row.standing == Standing.IN_FORCE and row.document == made.document and row.outgoing)
    newest = max(standing, key=lambda row: row.updated_at, default=None)
    return newest.number if newest is not None and newest.number != made.number else ""
