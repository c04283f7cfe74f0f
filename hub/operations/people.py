"""Verbs on those who work with the hub: accounts, tokens, and personal data shown for a reason; each with who and why."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import structlog

from hub.app import Hub
from hub.errors import Forbidden, NotAllowed
from hub.ledger import people_verbs
from hub.operations import passwords
from hub.operations.said import require
from hub.registers import names
from hub.registers import people as register
from hub.registers.people import Account, PersonRow, TokenRow
from hub.rules.people import Person, Role
from hub.rules.verbs import VERBS

log = structlog.get_logger()

#: How a login is written.
LOGIN = "^[a-z0-9][a-z0-9._@-]{0,63}$"
SIGN_IN = ("password", "oidc", "none")
#: Stands for everything in a scope.
EVERYTHING = "*"
#: A token lasts so long at most.
TOKEN_DAYS = 365
#: Begins every token, so that one that was published by mistake can be found.
TOKEN_MARK = "lt_"  # noqa: S105 (no secret)
#: Personal data that was shown for a reason can be seen for so long.
REVEALED_SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonMade:
    """A person, and the password that was made; it is shown once."""

    person: PersonRow
    #: Empty where the caller gave it, or where the person has none.
    password: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMade:
    """A token, and its secret; it is shown once."""

    token: TokenRow
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revealed:
    """Whose personal data may be seen now, and until when."""

    subjects: tuple[str, ...]
    until_at: float


def as_typed(login: str) -> str:
    """Give a login in its one form."""
    return login.strip().lower()


def secret_digest(secret: str) -> str:
    """Give what is kept of a token or of a session's cookie."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def check_unlimited(person: Person, verb: str) -> None:
    """Raise Forbidden where a person works on a part of the hub only: it could give itself the rest."""
    if person.scope is not None:
        raise Forbidden(
            f"{verb} needs a person whose scope is everything",
            f"thao tác {verb} chỉ dành cho tài khoản có phạm vi toàn bộ",
            where=verb,
        )


# --- accounts ----------------------------------------------------------------------------------------------------


def add(
    hub: Hub,
    login: str,
    *,
    name: str = "",
    roles: Iterable[str],
    scope: Iterable[str],
    sign_in: str = "password",
    password: str = "",
    temporary: bool = True,
    actor: str,
    why: str,
) -> PersonMade:
    """Make a person known. ``scope``: names of endpoints and agency codes, or ``*``; a password that is not given is made.

    ``temporary``: it must be changed at the first login.
    """
    require(actor, why)
    login = as_typed(login)
    if not re.fullmatch(LOGIN, login):
        raise NotAllowed(
            f"{login!r} cannot be a login: small letters, digits and . _ @ - only, 64 at most",
            f"{login!r} không dùng làm tên đăng nhập được: chỉ chữ thường, số và . _ @ -, tối đa 64 ký tự",
            where="login",
        )
    if sign_in not in SIGN_IN:
        ways = ", ".join(SIGN_IN)
        raise NotAllowed(f"sign_in is one of {ways}", f"cách đăng nhập phải là một trong {ways}", where="sign_in")
    made, encoded = _password(login, sign_in, password)
    verb = partial(
        people_verbs.add,
        login=login,
        name=name.strip(),
        roles=_roles(roles),
        scope=_scope(hub, scope),
        sign_in=sign_in,
        password=encoded,
        temporary=temporary and sign_in == "password",
        actor=actor,
        why=why,
        now=hub.now(),
    )
    hub.ledger.change(verb, people_verbs.person_subject(login))
    log.info("person.added", login=login, actor=actor)
    return PersonMade(person=show(hub, login), password=made)


def _password(login: str, sign_in: str, given: str) -> tuple[str, str]:
    """Give the password that was made, where none was given, and what is kept of either."""
    if sign_in != "password":
        if given:
            raise NotAllowed(
                f"who logs in by {sign_in} has no password here",
                f"tài khoản đăng nhập bằng {sign_in} không có mật khẩu tại đây",
                where="password",
            )
        return "", ""
    made = "" if given else passwords.make()
    if given:
        passwords.check_new(given, login)
    return made, passwords.encode(given or made)


def change(
    hub: Hub,
    login: str,
    *,
    name: str = "",
    roles: Iterable[str] = (),
    scope: Iterable[str] = (),
    enabled: bool | None = None,
    actor: str,
    why: str,
) -> PersonRow:
    """Change what is given, and leave the rest; the person's sessions end where its rights changed."""
    require(actor, why)
    given, wanted = _roles(roles, empty=True), tuple(scope)
    verb = partial(
        people_verbs.change,
        login=login,
        name=name.strip() or None,
        roles=given or None,
        scope={"to": _scope(hub, wanted)} if wanted else None,
        enabled=enabled,
        actor=actor,
        why=why,
        now=hub.now(),
    )
    hub.ledger.change(verb, people_verbs.person_subject(login))
    log.info("person.changed", login=login, actor=actor)
    return show(hub, login)


def set_password(
    hub: Hub, login: str, *, password: str = "", temporary: bool = True, actor: str, why: str
) -> PersonMade:
    """Give a person a password that it must change at the next login; one that is not given is made. Its sessions end."""
    require(actor, why)
    made, encoded = _password(login, "password", password)
    verb = partial(
        people_verbs.set_password,
        login=login,
        password=encoded,
        temporary=temporary,
        actor=actor,
        why=why,
        now=hub.now(),
    )
    hub.ledger.change(verb, people_verbs.person_subject(login))
    log.info("person.password_set", login=login, actor=actor)
    return PersonMade(person=show(hub, login), password=made)


def show(hub: Hub, login: str) -> PersonRow:
    """Give one person; raise NotAllowed where there is none."""
    with hub.ledger.read() as conn:
        found = register.listing(conn, hub.endpoints.values(), hub.now(), login=login)
    if not found:
        raise NotAllowed(f"there is no person {login!r}", f"không có tài khoản {login!r}", where="login")
    return found[0]


def account(hub: Hub, login: str) -> Account:
    """Give what a login needs to know of a person; raise NotAllowed where there is none."""
    with hub.ledger.read() as conn:
        found = register.account(conn, login)
    if found is None:
        raise NotAllowed(f"there is no person {login!r}", f"không có tài khoản {login!r}", where="login")
    return found


def _roles(given: Iterable[str], *, empty: bool = False) -> tuple[str, ...]:
    roles = tuple(sorted({str(each) for each in given}))
    unknown = [each for each in roles if each not in {role.value for role in Role}]
    if unknown or (not roles and not empty):
        known = ", ".join(role.value for role in Role)
        raise NotAllowed(
            f"roles are some of {known}; not {', '.join(unknown) or 'none'}",
            f"vai trò phải thuộc {known}; không có {', '.join(unknown) or 'vai trò nào'}",
            where="roles",
        )
    return roles


def _scope(hub: Hub, given: Iterable[str]) -> tuple[str, ...] | None:
    """Read a scope; raise NotAllowed where an entry names no endpoint: a misspelt one would silently show nothing."""
    entries = tuple(dict.fromkeys(each.strip() for each in given if each.strip()))
    if EVERYTHING in entries:
        return None
    unknown = register.unknown_entries(entries, hub.endpoints.values())
    if unknown or not entries:
        named = ", ".join(unknown) or "-"
        raise NotAllowed(
            f"a scope is endpoints, agency codes of endpoints, or {EVERYTHING}; no endpoint belongs to: {named}",
            f"phạm vi gồm tên điểm kết nối, mã cơ quan, hoặc {EVERYTHING}; không có điểm kết nối nào thuộc: {named}",
            where="scope",
        )
    return entries


# --- tokens ------------------------------------------------------------------------------------------------------


def make_token(
    hub: Hub,
    login: str,
    *,
    title: str,
    verbs: Iterable[str],
    scope: Iterable[str] = (),
    days: int = 90,
    actor: str,
    why: str,
) -> TokenMade:
    """Make a token with which somebody's programs call the API: for these verbs, on its scope or a part of it, until its end."""
    require(actor, why)
    if not title.strip():
        raise NotAllowed("say what the token is for", "phải nêu khóa API dùng vào việc gì", where="title")
    if not 1 <= days <= TOKEN_DAYS:
        en, vi = f"a token lasts 1 to {TOKEN_DAYS} days", f"khóa API có hiệu lực từ 1 đến {TOKEN_DAYS} ngày"
        raise NotAllowed(en, vi, where="days")
    owner, wanted = account(hub, login), tuple(scope)
    secret, token_id = TOKEN_MARK + secrets.token_urlsafe(32), secrets.token_hex(6)
    verb = partial(
        people_verbs.make_token,
        token_id=token_id,
        digest=secret_digest(secret),
        login=login,
        title=title.strip(),
        verbs=_verbs(verbs, owner),
        scope=_scope(hub, wanted) if wanted else None,
        ends_at=hub.now() + days * 86_400.0,
        actor=actor,
        why=why,
        now=hub.now(),
    )
    hub.ledger.change(verb, f"token:{token_id}")
    log.info("token.made", token=token_id, login=login, actor=actor)
    return TokenMade(token=_token(hub, token_id), secret=secret)


def _verbs(given: Iterable[str], owner: Account) -> tuple[str, ...]:
    roles = frozenset(Role(each) for each in owner.roles)
    person = Person(login=owner.login, roles=roles)
    verbs = tuple(dict.fromkeys(each.strip() for each in given if each.strip()))
    not_theirs = [each for each in verbs if each not in VERBS or not person.may(each)]
    if not_theirs or not verbs:
        named = ", ".join(not_theirs) or "-"
        raise NotAllowed(
            f"the roles of {owner.login!r} do not have: {named}",
            f"vai trò của tài khoản {owner.login!r} không có thao tác: {named}",
            where="verbs",
        )
    return verbs


def end_token(hub: Hub, token: str, *, actor: str, why: str) -> TokenRow:
    """End a token at once."""
    require(actor, why)
    verb = partial(people_verbs.end_token, token_id=token, actor=actor, why=why, now=hub.now())
    hub.ledger.change(verb, f"token:{token}")
    log.info("token.ended", token=token, actor=actor)
    return _token(hub, token)


def _token(hub: Hub, token_id: str) -> TokenRow:
    with hub.ledger.read() as conn:
        return register.tokens_of(conn, hub.now(), token_id=token_id)[0]


# --- personal data -----------------------------------------------------------------------------------------------


def reveal(
    hub: Hub, *, about: str, actor: str, why: str, sees: Callable[[str], bool] = lambda endpoint: True
) -> Revealed:
    """Let a person see personal data of a dossier, message or delivery for a quarter of an hour; its own chain says why.

    Raises Forbidden where ``sees`` says of none of the endpoints, from which it came or to which it went, that it is seen.
    """
    require(actor, why)
    now = hub.now()
    with hub.ledger.read() as conn:
        named = names.resolve(conn, about)
        involved = register.involved(conn, named)
    if not any(sees(each) for each in involved):
        raise Forbidden(
            f"{about}: outside of what {actor} works on",
            f"{about}: ngoài phạm vi công tác của tài khoản {actor}",
            where="about",
        )
    subjects, until = tuple(each for each in named.subjects if each), now + REVEALED_SECONDS
    verb = partial(people_verbs.reveal, login=actor, subjects=subjects, about=named.name, until=until, why=why, now=now)
    hub.ledger.change(verb, min(subjects))
    log.info("person.revealed", subject=subjects[0], actor=actor)
    return Revealed(subjects=subjects, until_at=until)
