"""Who works with the hub, in which session or by which token, and the journal of what they did."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select
from sqlalchemy.engine import Row

from hub.endpoint import Endpoint
from hub.ledger.people_verbs import typed_digest
from hub.ledger.tables import deliveries, messages
from hub.ledger.working_tables import login_failures, people, reveals, sessions, tokens
from hub.registers.names import Named

#: People or tokens in one list at most.
MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """One person, as administrators see it."""

    login: str
    name: str
    roles: tuple[str, ...]
    #: As it was given: names of endpoints and agency codes; None = everything.
    scope: tuple[str, ...] | None
    #: What the scope comes to with the endpoints of now; None = all.
    endpoints: tuple[str, ...] | None
    #: ``password``, ``oidc`` or ``none`` (works by tokens alone).
    sign_in: str
    enabled: bool
    #: The password must be changed before anything else is done.
    temporary: bool
    created_at: float
    changed_at: float
    last_login_at: float | None
    #: No login is tried before this moment, for failed ones before it.
    locked_until_at: float | None
    #: Open in browsers.
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a login needs to know of a person."""

    login: str
    name: str
    roles: tuple[str, ...]
    scope: tuple[str, ...] | None
    sign_in: str
    password: str
    temporary: bool
    identity: str
    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A session that goes on, and whose it is."""

    account: Account
    how: str
    seen_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """One token of the API; its secret stands nowhere."""

    id: str
    login: str
    title: str
    verbs: tuple[str, ...]
    #: None = as its owner.
    scope: tuple[str, ...] | None
    made_by: str
    made_at: float
    ends_at: float
    #: When somebody ended it before its time.
    ended_at: float | None
    #: Last call, right to the hour.
    used_at: float | None
    #: It can be used now (where its owner's account is open).
    good: bool


# --- scope -------------------------------------------------------------------------------------------------------


def endpoints_in(scope: Sequence[str] | None, endpoints: Iterable[Endpoint]) -> frozenset[str] | None:
    """Resolve a scope to the names of endpoints: an entry names an endpoint, or an agency with all that is below it."""
    if scope is None:
        return None
    return frozenset(each.name for each in endpoints if any(_belongs(each, entry) for entry in scope))


def _belongs(endpoint: Endpoint, entry: str) -> bool:
    # Agency codes are written from both ends: 000.00.01.H55 (QCVN 102:2016) and H55.01 (QĐ 20/2020).
    code = endpoint.agency_code
    return entry in (endpoint.name, code) or code.startswith(f"{entry}.") or code.endswith(f".{entry}")


def unknown_entries(scope: Iterable[str], endpoints: Iterable[Endpoint]) -> tuple[str, ...]:
    """Give the entries of a scope that no endpoint belongs to."""
    known = tuple(endpoints)
    return tuple(entry for entry in scope if not any(_belongs(each, entry) for each in known))


# --- people ------------------------------------------------------------------------------------------------------


def listing(conn: Connection, endpoints: Iterable[Endpoint], now: float, *, login: str = "") -> tuple[PersonRow, ...]:
    """List people by login, or give the one person that has this login."""
    query = select(people).order_by(people.c.login).limit(MOST)
    if login:
        query = query.where(people.c.login == login)
    rows = conn.execute(query).fetchall()
    logins = [row.login for row in rows]
    open_now = select(sessions.c.login, func.count().label("number")).where(sessions.c.ends_at > now)
    counted = conn.execute(open_now.where(sessions.c.login.in_(logins)).group_by(sessions.c.login))
    numbers = {row.login: row.number for row in counted}
    locked = _locked(conn, logins, now)
    known = tuple(endpoints)
    return tuple(_person(row, known, numbers.get(row.login, 0), locked.get(row.login)) for row in rows)


def _locked(conn: Connection, logins: Sequence[str], now: float) -> dict[str, float]:
    names = {typed_digest(login): login for login in logins}
    query = select(login_failures).where(login_failures.c.digest.in_(list(names)) & (login_failures.c.until > now))
    return {names[row.digest]: row.until for row in conn.execute(query)}


def _person(row: Row[Any], endpoints: Sequence[Endpoint], open_now: int, locked: float | None) -> PersonRow:
    scope = _list(row.scope)
    resolved = endpoints_in(scope, endpoints)
    return PersonRow(
        login=row.login,
        name=row.name,
        roles=tuple(json.loads(row.roles)),
        scope=scope,
        endpoints=None if resolved is None else tuple(sorted(resolved)),
        sign_in=row.sign_in,
        enabled=bool(row.enabled),
        temporary=bool(row.temporary),
        created_at=row.created_at,
        changed_at=row.changed_at,
        last_login_at=row.last_login_at,
        locked_until_at=locked,
        sessions=open_now,
    )


def account(conn: Connection, login: str) -> Account | None:
    """Find a person by login."""
    return _found(conn, select(people).where(people.c.login == login))


def account_of(conn: Connection, identity: str) -> Account | None:
    """Find a person by what the provider of identities calls it."""
    return _found(conn, select(people).where((people.c.identity == identity) & (people.c.identity != ""))) if identity else None


def _found(conn: Connection, query: Select[Any]) -> Account | None:
    row = conn.execute(query).first()
    return None if row is None else _account(row)


def _account(row: Row[Any]) -> Account:
    return Account(
        login=row.login,
        name=row.name,
        roles=tuple(json.loads(row.roles)),
        scope=_list(row.scope),
        sign_in=row.sign_in,
        password=row.password,
        temporary=bool(row.temporary),
        identity=row.identity,
        enabled=bool(row.enabled),
    )


def _list(given: str | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(json.loads(given))


# --- sessions, tokens, grants ------------------------------------------------------------------------------------


def session(conn: Connection, digest: str, now: float, idle_seconds: float) -> SessionRow | None:
    """Find a session that goes on, of a person whose account is open."""
    row = conn.execute(
        select(people, sessions.c.how, sessions.c.seen_at)
        .join(sessions, sessions.c.login == people.c.login)
        .where((sessions.c.digest == digest) & (sessions.c.ends_at > now) & (sessions.c.seen_at > now - idle_seconds))
        .where(people.c.enabled)
    ).first()
    return None if row is None else SessionRow(account=_account(row), how=row.how, seen_at=row.seen_at)


def token(conn: Connection, digest: str, now: float) -> tuple[TokenRow, Account] | None:
    """Find a token that can be used now, with its owner, whose account is open."""
    row = conn.execute(select(tokens).where(tokens.c.digest == digest)).first()
    if row is None:
        return None
    found, owner = _token(row, now), account(conn, row.login)
    return (found, owner) if found.good and owner is not None and owner.enabled else None


def tokens_of(conn: Connection, now: float, *, login: str = "", token_id: str = "") -> tuple[TokenRow, ...]:
    """List tokens, the newest first: all, one person's, or the one that has this id."""
    query = select(tokens).order_by(tokens.c.made_at.desc(), tokens.c.id).limit(MOST)
    if login:
        query = query.where(tokens.c.login == login)
    if token_id:
        query = query.where(tokens.c.id == token_id)
    return tuple(_token(row, now) for row in conn.execute(query))


def _token(row: Row[Any], now: float) -> TokenRow:
    return TokenRow(
        id=row.id,
        login=row.login,
        title=row.title,
        verbs=tuple(json.loads(row.verbs)),
        scope=_list(row.scope),
        made_by=row.made_by,
        made_at=row.made_at,
        ends_at=row.ends_at,
        ended_at=row.ended_at,
        used_at=row.used_at,
        good=row.ended_at is None and row.ends_at > now,
    )


def may_see(conn: Connection, login: str, subject: str, now: float) -> bool:
    """Say whether a person may see personal data of a subject now: it has said why, less than a quarter of an hour ago."""
    here = (reveals.c.login == login) & (reveals.c.subject == subject) & (reveals.c.until > now)
    return conn.execute(select(reveals.c.login).where(here)).first() is not None



def involved(conn: Connection, named: Named) -> frozenset[str]:
    """Name the endpoints from which something came, or to which it went."""
    came = select(messages.c.endpoint).where(messages.c.id.in_(named.messages)).distinct()
    went = select(deliveries.c.endpoint).where(deliveries.c.id.in_(named.deliveries)).distinct()
    return frozenset((*conn.execute(came).scalars(), *conn.execute(went).scalars()))
