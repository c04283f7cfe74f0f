"""Verbs on those who work with the hub: accounts, sessions, tokens and grants; each leaves who did it in the journal.

The journal's entries name logins, roles and reasons; never a name of a person, an address, a password or a token.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from hub.canonical.compact_json import compact
from hub.errors import NotAllowed
from hub.ledger import journal
from hub.ledger.sql import insert_new
from hub.ledger.working_tables import login_failures, people, reveals, sessions, tokens

#: So many tries in a row may fail before the next one has to wait; then so long, twice as long each time, up to the ceiling.
FREE_TRIES = 5
FIRST_WAIT_SECONDS = 15.0
CEILING_WAIT_SECONDS = 900.0
#: Failures that are older are forgotten.
FORGET_SECONDS = 86_400.0
#: When a session was last used is kept right to the minute, when a token was, right to the hour.
SEEN_SECONDS = 60.0
USED_SECONDS = 3_600.0
#: Subject of what strangers try: the journal does not repeat what they typed.
STRANGERS = "people"

#: As it stands in a row's list of roles.
_ADMINISTRATOR = '"administrator"'

_NEW_FAILURES = insert_new(login_failures, "digest")
_NEW_PERSON = insert_new(people, "login")
_NEW_GRANT = insert_new(reveals, "login", "subject")


def person_subject(login: str) -> str:
    """Name a person's chain in the journal."""
    return f"person:{login}"


def typed_digest(login: str) -> str:
    """Make the key under which failed logins are counted."""
    return hashlib.sha256(f"login:{login}".encode()).hexdigest()


def wait_after(failures: int) -> float:
    """Say how long the next try has to wait after so many failures in a row."""
    if failures < FREE_TRIES:
        return 0.0
    return min(CEILING_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(failures - FREE_TRIES, 30))


# --- accounts ----------------------------------------------------------------------------------------------------


def add(
    conn: Connection,
    login: str,
    *,
    name: str,
    roles: Sequence[str],
    scope: Sequence[str] | None,
    sign_in: str,
    password: str,
    temporary: bool,
    identity: str = "",
    actor: str,
    why: str,
    now: float,
) -> None:
    """Make a person known; raise NotAllowed where the login is taken."""
    values = {
        "name": name,
        "roles": compact(sorted(roles)),
        "scope": _scope(scope),
        "sign_in": sign_in,
        "password": password,
        "temporary": temporary,
        "identity": identity,
        "enabled": True,
        "created_at": now,
        "changed_at": now,
        "last_login_at": None,
    }
    if not _NEW_PERSON.run(conn, login=login, **values).rowcount:
        raise NotAllowed(f"login {login!r} is taken", f"tên đăng nhập {login!r} đã có", where="login")
    entry = {"roles": sorted(roles), "scope": scope, "sign_in": sign_in, "why": why}
    _note(conn, login, "person.added", now, actor, entry)


def change(
    conn: Connection,
    login: str,
    *,
    name: str | None = None,
    roles: Sequence[str] | None = None,
    scope: Mapping[str, Sequence[str] | None] | None = None,
    enabled: bool | None = None,
    actor: str,
    why: str,
    now: float,
) -> None:
    """Change what is given; where rights changed or the account was closed, all sessions of the person end.

    ``scope``: ``{"to": entries, or None for everything}``. Raises NotAllowed where nothing would be different, or where no
    administrator would be left.
    """
    row = _person(conn, login)
    wanted: dict[str, Any] = {
        "name": name,
        "roles": compact(sorted(roles)) if roles is not None else None,
        "enabled": enabled,
    }
    new = {key: value for key, value in wanted.items() if value is not None and value != getattr(row, key)}
    if scope is not None and _scope(scope["to"]) != row.scope:
        new["scope"] = _scope(scope["to"])
    if not new:
        raise NotAllowed(f"nothing would change for {login!r}", f"tài khoản {login!r} không có gì thay đổi", where="login")
    conn.execute(update(people).where(people.c.login == login).values(changed_at=now, **new))
    if row.enabled and _ADMINISTRATOR in row.roles and {"roles", "enabled"} & set(new):
        _check_administered(conn)
    ended = 0 if set(new) == {"name"} else _end_sessions(conn, login)
    entry: dict[str, Any] = {"changed": sorted(new), "sessions_ended": ended, "why": why}
    if "roles" in new:
        entry["roles"] = sorted(roles or ())
    if scope is not None and "scope" in new:
        entry["scope"] = scope["to"]
    if "enabled" in new:
        entry["enabled"] = enabled
    _note(conn, login, "person.changed", now, actor, entry)


def _check_administered(conn: Connection) -> None:
    """Raise NotAllowed where nobody is left who can give others their rights."""
    # All rows are locked, in their order: of two administrators who close each other's accounts one must lose.
    rows = conn.execute(select(people.c.roles, people.c.enabled).order_by(people.c.login).with_for_update()).fetchall()
    if not any(row.enabled and _ADMINISTRATOR in row.roles for row in rows):
        raise NotAllowed(
            "no administrator would be left; give somebody else that role first",
            "sẽ không còn quản trị viên nào; hãy giao vai trò này cho người khác trước",
            where="roles",
        )


def set_password(
    conn: Connection,
    login: str,
    *,
    password: str,
    temporary: bool,
    was: str | None = None,
    event: str = "person.password_set",
    actor: str,
    why: str,
    now: float,
) -> None:
    """Give a person another password; all its sessions end, and failed logins are forgotten.

    ``was``: the hash that it must still have. Raises NotAllowed where it has not, or where the person has no password.
    """
    row = _person(conn, login)
    if row.sign_in != "password" or (was is not None and row.password != was):
        raise NotAllowed(
            f"{login!r} has no password here, or another one meanwhile",
            f"tài khoản {login!r} không đăng nhập bằng mật khẩu tại đây, hoặc mật khẩu vừa được đổi",
            where="login",
        )
    values = {"password": password, "temporary": temporary, "changed_at": now}
    conn.execute(update(people).where(people.c.login == login).values(**values))
    forget_failures(conn, login)
    ended = _end_sessions(conn, login)
    _note(conn, login, event, now, actor, {"temporary": temporary, "sessions_ended": ended, "why": why})


def rehash(conn: Connection, login: str, *, was: str, password: str) -> None:
    """Keep the same password under newer parameters."""
    conn.execute(update(people).where((people.c.login == login) & (people.c.password == was)).values(password=password))


def _person(conn: Connection, login: str) -> Any:
    row = conn.execute(select(people).where(people.c.login == login).with_for_update()).first()
    if row is None:
        raise NotAllowed(f"there is no person {login!r}", f"không có tài khoản {login!r}", where="login")
    return row


# --- logins ------------------------------------------------------------------------------------------------------


def begin_try(conn: Connection, login: str, *, now: float) -> float:
    """Count one more try before it is judged, so that many at once are no more than many in a row; give how long to wait.

    0: it may be judged now. Otherwise nothing is counted.
    """
    digest = typed_digest(login)
    _NEW_FAILURES.run(conn, digest=digest, failures=0, until=0.0)
    here = login_failures.c.digest == digest
    row = conn.execute(select(login_failures).where(here).with_for_update()).one()
    if row.until > now:
        return float(row.until - now)
    failures = (row.failures if row.until > now - FORGET_SECONDS else 0) + 1
    conn.execute(update(login_failures).where(here).values(failures=failures, until=now + wait_after(failures)))
    return 0.0


def forget_failures(conn: Connection, login: str) -> None:
    """Forget the failed logins of an account."""
    conn.execute(delete(login_failures).where(login_failures.c.digest == typed_digest(login)))


def refuse(conn: Connection, login: str, *, known: bool, cause: str, now: float) -> None:
    """Record a failed login; of a stranger's only that there was one."""
    if known:
        _note(conn, login, "person.login_failed", now, login, {"cause": cause})
    else:
        journal.append(conn, STRANGERS, "person.login_failed", at=now, actor="", entry={"cause": cause})


def begin_session(
    conn: Connection, login: str, *, digest: str, how: str, password: str = "", now: float, ends_at: float
) -> bool:
    """Begin a session; give False where the account was closed or its password changed since it was judged.

    What is over meanwhile (sessions, grants, failures) is swept here, so that nothing else has to.
    """
    row = conn.execute(select(people).where(people.c.login == login).with_for_update()).first()
    if row is None or not row.enabled or row.sign_in != how or row.password != password:
        return False
    _sweep(conn, now)
    conn.execute(
        insert(sessions).values(digest=digest, login=login, how=how, began_at=now, seen_at=now, ends_at=ends_at)
    )
    conn.execute(update(people).where(people.c.login == login).values(last_login_at=now))
    forget_failures(conn, login)
    _note(conn, login, "person.login", now, login, {"how": how})
    return True


def _sweep(conn: Connection, now: float) -> None:
    conn.execute(delete(sessions).where(sessions.c.ends_at < now))
    conn.execute(delete(reveals).where(reveals.c.until < now))
    conn.execute(delete(login_failures).where(login_failures.c.until < now - FORGET_SECONDS))


def touch_session(conn: Connection, digest: str, *, now: float) -> None:
    """Keep that a session was used."""
    conn.execute(update(sessions).where((sessions.c.digest == digest) & (sessions.c.seen_at < now)).values(seen_at=now))


def end_session(conn: Connection, digest: str, *, now: float) -> None:
    """End a session, where it is there."""
    login = conn.execute(select(sessions.c.login).where(sessions.c.digest == digest)).scalar()
    if conn.execute(delete(sessions).where(sessions.c.digest == digest)).rowcount:
        _note(conn, str(login), "person.logout", now, str(login), {})


def _end_sessions(conn: Connection, login: str) -> int:
    return conn.execute(delete(sessions).where(sessions.c.login == login)).rowcount


def bind(conn: Connection, login: str, *, identity: str, now: float) -> bool:
    """Keep whom the provider of identities means with a person, at the first login; False where it is bound already."""
    row = _person(conn, login)
    if row.sign_in != "oidc" or row.identity:
        return False
    conn.execute(update(people).where(people.c.login == login).values(identity=identity, changed_at=now))
    _note(conn, login, "person.bound", now, login, {})
    return True


# --- tokens ------------------------------------------------------------------------------------------------------


def make_token(
    conn: Connection,
    token_id: str,
    *,
    digest: str,
    login: str,
    title: str,
    verbs: Collection[str],
    scope: Sequence[str] | None,
    ends_at: float,
    actor: str,
    why: str,
    now: float,
) -> None:
    """Make a token of a person; raise NotAllowed where the account is closed."""
    if not _person(conn, login).enabled:
        raise NotAllowed(f"the account {login!r} is closed", f"tài khoản {login!r} đang bị khóa", where="login")
    conn.execute(
        insert(tokens).values(
            id=token_id,
            digest=digest,
            login=login,
            title=title,
            verbs=compact(sorted(verbs)),
            scope=_scope(scope),
            made_by=actor,
            made_at=now,
            ends_at=ends_at,
            ended_at=None,
            used_at=None,
        )
    )
    entry = {"login": login, "verbs": sorted(verbs), "scope": scope, "ends_at": ends_at, "why": why}
    journal.append(conn, f"token:{token_id}", "token.made", at=now, actor=actor, entry=entry)


def end_token(conn: Connection, token_id: str, *, actor: str, why: str, now: float) -> None:
    """End a token; raise NotAllowed where there is none, or where it was ended before."""
    here = (tokens.c.id == token_id) & tokens.c.ended_at.is_(None)
    if not conn.execute(update(tokens).where(here).values(ended_at=now)).rowcount:
        raise NotAllowed(
            f"there is no token {token_id!r} that could be ended",
            f"không có khóa API {token_id!r}, hoặc đã thu hồi trước đó",
            where="token",
        )
    journal.append(conn, f"token:{token_id}", "token.ended", at=now, actor=actor, entry={"why": why})


def touch_token(conn: Connection, token_id: str, *, now: float) -> None:
    """Keep in which hour a token was used."""
    hour = now - now % USED_SECONDS
    here = (tokens.c.id == token_id) & (tokens.c.used_at.is_(None) | (tokens.c.used_at < hour))
    conn.execute(update(tokens).where(here).values(used_at=hour))


# --- personal data -----------------------------------------------------------------------------------------------


def reveal(
    conn: Connection, login: str, subjects: Sequence[str], *, about: str, until: float, why: str, now: float
) -> None:
    """Let a person see personal data of some subjects for a while; each subject's own chain says who, what and why."""
    for subject in sorted(subjects):
        if not _NEW_GRANT.run(conn, login=login, subject=subject, until=until).rowcount:
            here = (reveals.c.login == login) & (reveals.c.subject == subject)
            conn.execute(update(reveals).where(here).values(until=until))
        entry = {"about": about, "until": until, "why": why}
        journal.append(conn, subject, "person.revealed", at=now, actor=login, entry=entry)


def _scope(given: Sequence[str] | None) -> str | None:
    return None if given is None else compact(sorted(given))


def _note(conn: Connection, login: str, event: str, now: float, actor: str, entry: dict[str, Any]) -> None:
    journal.append(conn, person_subject(login), event, at=now, actor=actor, entry=entry)
