"""What a person works on, as conditions: an item is in scope where its recipient or its origin is."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, or_, true

from hub.ledger.tables import chains, deliveries, dossiers, messages

#: Names of endpoints; None: everything.
Scope = frozenset[str] | None


def of_deliveries(scope: Scope) -> ColumnElement[bool]:
    """Say which deliveries are in scope."""
    if scope is None:
        return true()
    names = sorted(scope)
    return or_(deliveries.c.endpoint.in_(names), deliveries.c.origin.in_(names))


def of_messages(scope: Scope) -> ColumnElement[bool]:
    """Say which messages are in scope: those of its endpoints, and those that went there."""
    if scope is None:
        return true()
    names = sorted(scope)
    given = exists().where((deliveries.c.message_id == messages.c.id) & deliveries.c.endpoint.in_(names))
    return or_(messages.c.endpoint.in_(names), given)


def of_dossiers(scope: Scope) -> ColumnElement[bool]:
    """Say which dossiers are in scope: those that began there, and those of which something went there."""
    if scope is None:
        return true()
    names = sorted(scope)
    went = exists().where((chains.c.subject == dossiers.c.key) & chains.c.endpoint.in_(names))
    return or_(dossiers.c.origin.in_(names), went)
