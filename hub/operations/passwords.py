"""Passwords: Argon2id with the parameters of RFC 9106, the only room that knows argon2-cffi."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from functools import cache

from argon2 import PasswordHasher, profiles
from argon2.exceptions import Argon2Error, InvalidHashError

from hub.errors import NotAllowed

SHORTEST, LONGEST = 12, 200
#: Letters of a password that is made here; none that are easily read as another.
_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
MADE_LENGTH = 20
#: Hashes at once: each takes 64 MiB and four threads, which must not be had by whoever sends logins.
AT_ONCE = 2

#: RFC 9106 4: the second recommended option, for memory-constrained environments (t=3, m=64 MiB, p=4).
_HASHER = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)
_ROOM = threading.BoundedSemaphore(AT_ONCE)


def check_new(password: str, login: str) -> None:
    """Raise NotAllowed where a password is too short, too long, the login, or one letter again and again."""
    given = _one_form(password)
    if not SHORTEST <= len(given) <= LONGEST:
        raise NotAllowed(
            f"a password has {SHORTEST} to {LONGEST} characters",
            f"mật khẩu phải có từ {SHORTEST} đến {LONGEST} ký tự",
            where="password",
        )
    if given.casefold() == login.casefold() or len(set(given)) < 4:
        raise NotAllowed(
            "a password is not the login, nor a few letters repeated",
            "mật khẩu không được trùng tên đăng nhập hoặc chỉ lặp vài ký tự",
            where="password",
        )


def make() -> str:
    """Make a password for somebody who will change it."""
    return "".join(secrets.choice(_LETTERS) for _ in range(MADE_LENGTH))


def encode(password: str) -> str:
    """Hash a password."""
    with _ROOM:
        return _HASHER.hash(_one_form(password))


def fits(encoded: str, password: str) -> bool:
    """Say whether a password is the one that was hashed; without a hash it takes as long, and is not."""
    given = _one_form(password[: LONGEST + 1])
    with _ROOM:
        try:
            return _HASHER.verify(encoded or _nobodys(), given) and bool(encoded)
        except (Argon2Error, InvalidHashError):
            return False


def is_outdated(encoded: str) -> bool:
    """Say whether a hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(encoded)


def _one_form(password: str) -> str:
    # A Vietnamese keyboard may write one letter as one or as three code points.
    return unicodedata.normalize("NFC", password)


@cache
def _nobodys() -> str:
    """Make the hash that a login without a person is compared with."""
    return _HASHER.hash(secrets.token_urlsafe(32))
