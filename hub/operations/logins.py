"""Logins and sessions: a password or a provider's word for a person is judged, and a session begins or nothing does.

A try is counted in the ledger before it is judged, by what was typed, whether there is such a person or not: so many
processes count together, and an answer and its time tell nobody which logins there are.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from sqlalchemy import Connection

from hub.app import Hub
from hub.errors import NotAllowed, NotLoggedIn, TooMany
from hub.ledger import people_verbs
from hub.operations import passwords
from hub.operations.people import LOGIN, as_typed, secret_digest
from hub.registers import people as register
from hub.registers.people import Account
from hub.rules.people import Role

log = structlog.get_logger()

#: Stands in the journal for what the provider of identities decided.
PROVIDER = "oidc"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """A session that has begun."""

    login: str
    #: For the browser's cookie; only its digest is kept.
    secret: str
    #: The password must be changed before anything else is done.
    temporary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """Somebody whom the provider of identities vouches for."""

    #: Issuer and subject: what never means anybody else.
    identity: str
    login: str
    name: str
    #: What its claims say of roles here; None where roles are given here.
    roles: frozenset[Role] | None


def with_password(hub: Hub, login: str, password: str, *, lasts_seconds: float) -> LoggedIn:
    """Log somebody in with a password; raise NotLoggedIn, TooMany while the account has to wait."""
    typed = as_typed(login)
    _count(hub, typed)
    with hub.ledger.read() as conn:
        found = register.account(conn, typed)
    cause = _why_not(found, password)
    if found is None or cause:
        _refuse(hub, typed, known=found is not None, cause=cause)
        raise _wrong()
    encoded = _rehashed(hub, found, password)
    begun = _begin(hub, found.login, "password", encoded, lasts_seconds)
    return LoggedIn(login=found.login, secret=begun, temporary=found.temporary)


def _why_not(found: Account | None, password: str) -> str:
    """Say why a password is no login, after the same work in every case; an empty text where it is one."""
    usable = found is not None and found.enabled and found.sign_in == "password"
    right = passwords.fits(found.password if found is not None and usable else "", password)
    if found is None:
        return "not_known"
    if not usable:
        return "closed" if not found.enabled else "sign_in"
    return "" if right else "password"


def _count(hub: Hub, typed: str) -> None:
    wait = hub.ledger.change(partial(people_verbs.begin_try, login=typed, now=hub.now()), f"login:{typed}")
    if wait:
        raise TooMany(
            f"too many failed logins; try again in {wait:.0f} s",
            f"đăng nhập sai nhiều lần; hãy thử lại sau {wait:.0f} giây",
            where="login",
            seconds=wait,
        )


def _refuse(hub: Hub, login: str, *, known: bool, cause: str) -> None:
    verb = partial(people_verbs.refuse, login=login, known=known, cause=cause, now=hub.now())
    hub.ledger.change(verb, people_verbs.person_subject(login) if known else people_verbs.STRANGERS)
    # What a stranger typed as login may be a password.
    log.warning("person.login_failed", cause=cause, login=login if known else "")


def _wrong() -> NotLoggedIn:
    return NotLoggedIn("wrong login or password", "sai tên đăng nhập hoặc mật khẩu", where="login")


def _rehashed(hub: Hub, found: Account, password: str) -> str:
    if not passwords.is_outdated(found.password):
        return found.password
    encoded = passwords.encode(password)
    hub.ledger.change(
        partial(people_verbs.rehash, login=found.login, was=found.password, password=encoded),
        people_verbs.person_subject(found.login),
    )
    return encoded


def _begin(hub: Hub, login: str, how: str, encoded: str, lasts_seconds: float) -> str:
    secret, now = secrets.token_urlsafe(32), hub.now()
    verb = partial(
        people_verbs.begin_session,
        login=login,
        digest=secret_digest(secret),
        how=how,
        password=encoded,
        now=now,
        ends_at=now + lasts_seconds,
    )
    if not hub.ledger.change(verb, people_verbs.person_subject(login)):
        raise _wrong()
    log.info("person.login", login=login, how=how)
    return secret


def log_out(hub: Hub, secret: str) -> None:
    """End a session, where it is there."""
    hub.ledger.change(partial(people_verbs.end_session, digest=secret_digest(secret), now=hub.now()), "session")


def change_password(hub: Hub, login: str, current: str, new: str, *, lasts_seconds: float) -> LoggedIn:
    """Give oneself another password: all sessions end, and a new one begins.

    Raises NotLoggedIn where the current one is wrong, TooMany, and NotAllowed where the new one is none.
    """
    _count(hub, login)
    with hub.ledger.read() as conn:
        found = register.account(conn, login)
    cause = _why_not(found, current)
    if found is None or cause:
        _refuse(hub, login, known=found is not None, cause=cause)
        raise NotLoggedIn("the current password is wrong", "mật khẩu hiện tại không đúng", where="current")
    _check_other(current, new, login)
    encoded = passwords.encode(new)
    verb = partial(
        people_verbs.set_password,
        login=login,
        password=encoded,
        temporary=False,
        was=found.password,
        event="person.password_changed",
        actor=login,
        why="",
        now=hub.now(),
    )
    hub.ledger.change(verb, people_verbs.person_subject(login))
    return LoggedIn(login=login, secret=_begin(hub, login, "password", encoded, lasts_seconds))


def _check_other(current: str, new: str, login: str) -> None:
    passwords.check_new(new, login)
    if new == current:
        raise NotAllowed("choose another password than before", "mật khẩu mới phải khác mật khẩu cũ", where="password")


def must_change(conn: Connection, login: str) -> bool:
    """Say whether somebody has to change a temporary password."""
    found = register.account(conn, login)
    return found is not None and found.temporary


# --- the provider of identities ----------------------------------------------------------------------------------


def with_provider(
    hub: Hub, presented: Presented, *, create: bool, scope: Sequence[str], lasts_seconds: float
) -> LoggedIn:
    """Log somebody in whom the provider vouches for; raise NotLoggedIn where that is nobody who works here.

    ``create``: who is not known here is made known, with the roles of its claims and this ``scope``.
    """
    found = _known(hub, presented) or (_created(hub, presented, scope) if create else None)
    cause = _why_not_here(found, presented)
    if found is None or cause:
        _refuse(hub, found.login if found else "", known=found is not None, cause=cause)
        raise NotLoggedIn(*_POLITE[cause], where=cause)
    _take_roles(hub, found, presented)
    return LoggedIn(login=found.login, secret=_begin(hub, found.login, "oidc", "", lasts_seconds))


#: Why somebody is not let in, in words for that person: English, Vietnamese.
_POLITE: Mapping[str, tuple[str, str]] = {
    "not_known": (
        "you are not known here; an administrator of the hub must add your account first",
        "tài khoản của anh/chị chưa được khai báo trên trục; hãy liên hệ quản trị viên",
    ),
    "not_theirs": (
        "the account with your login belongs to somebody else, or logs in otherwise; ask an administrator",
        "tên đăng nhập này đã gắn với người khác hoặc đăng nhập bằng cách khác; hãy liên hệ quản trị viên",
    ),
    "closed": ("your account is closed; ask an administrator", "tài khoản đang bị khóa; hãy liên hệ quản trị viên"),
    "no_role": (
        "none of your groups has a role here; ask an administrator",
        "các nhóm của anh/chị chưa được giao vai trò trên trục; hãy liên hệ quản trị viên",
    ),
}


def _known(hub: Hub, presented: Presented) -> Account | None:
    """Find whom an identity means; the first time by login, where an administrator has made it known for that."""
    with hub.ledger.read() as conn:
        found = register.account_of(conn, presented.identity) or register.account(conn, as_typed(presented.login))
    if found is None or found.identity or found.sign_in != "oidc" or not found.enabled:
        return found
    verb = partial(people_verbs.bind, login=found.login, identity=presented.identity, now=hub.now())
    hub.ledger.change(verb, people_verbs.person_subject(found.login))
    with hub.ledger.read() as conn:
        return register.account(conn, found.login)


def _created(hub: Hub, presented: Presented, scope: Sequence[str]) -> Account | None:
    login = as_typed(presented.login)
    if not presented.roles or not re.fullmatch(LOGIN, login):
        return None
    verb = partial(
        people_verbs.add,
        login=login,
        name=presented.name,
        roles=sorted(role.value for role in presented.roles),
        scope=None if "*" in scope else tuple(scope),
        sign_in="oidc",
        password="",
        temporary=False,
        identity=presented.identity,
        actor=PROVIDER,
        why="console.oidc.create",
        now=hub.now(),
    )
    hub.ledger.change(verb, people_verbs.person_subject(login))
    with hub.ledger.read() as conn:
        return register.account(conn, login)


def _why_not_here(found: Account | None, presented: Presented) -> str:
    if found is None:
        return "not_known"
    if found.sign_in != "oidc" or found.identity != presented.identity:
        return "not_theirs" if found.enabled else "closed"
    if not found.enabled:
        return "closed"
    return "no_role" if presented.roles is not None and not presented.roles else ""


def _take_roles(hub: Hub, found: Account, presented: Presented) -> None:
    """Make a person's roles those that the provider states, where it does."""
    if presented.roles is None or presented.roles == {Role(each) for each in found.roles}:
        return
    verb = partial(
        people_verbs.change,
        login=found.login,
        roles=sorted(role.value for role in presented.roles),
        actor=PROVIDER,
        why="console.oidc.roles",
        now=hub.now(),
    )
    hub.ledger.change(verb, people_verbs.person_subject(found.login))
