"""Keys in PKCS #11 tokens and HSMs: they sign there and never leave; python-pkcs11 is imported only here.

One library serves a whole process: it is initialised once, for threads (hub/trust/cryptoki.py), and again when a token was
lost, which makes everything void that was open before. A token has one login and a pool of sessions; a session belongs to
one thread while it signs. A PIN that was refused is never tried a second time: three wrong ones lock many tokens.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pkcs11
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from pkcs11 import MGF, Attribute, KeyType, Mechanism, ObjectClass, PrivateKey, Session, TokenFlag
from pkcs11 import exceptions as refusals

from hub.errors import BadSettings
from hub.rules.algorithms import PSS, RSA, Algorithm
from hub.trust.cryptoki import Library, library
from hub.trust.outage import REST_SECONDS, Outage

#: So long a thread waits for a session that others have.
SESSION_SECONDS = 30.0

#: RFC 8017 9.2, note 1: what stands before a hash in a signature of PKCS #1 v1.5.
_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
_PSS_HASHES = {
    "sha256": (Mechanism.SHA256, MGF.SHA256),
    "sha384": (Mechanism.SHA384, MGF.SHA384),
    "sha512": (Mechanism.SHA512, MGF.SHA512),
}
_PIN = (
    refusals.PinIncorrect,
    refusals.PinInvalid,
    refusals.PinLenRange,
    refusals.PinExpired,
    refusals.PinLocked,
    refusals.UserPinNotInitialized,
)
#: What a token that answers says where its key will never do, however often it is asked.
_NEVER = (
    refusals.NoSuchKey,
    refusals.MultipleObjectsReturned,
    refusals.MultipleTokensReturned,
    refusals.MechanismInvalid,
    refusals.MechanismParamInvalid,
    refusals.KeyTypeInconsistent,
    refusals.KeySizeRange,
    refusals.FunctionNotSupported,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a key is."""

    #: Path of the token's PKCS #11 library.
    module: str
    #: Label of the token.
    token: str
    pin: str = field(repr=False)
    #: What names the key there: its label, its id in hex digits, or both.
    key_label: str = ""
    key_id: str = ""
    #: So many signatures at the same time.
    sessions: int = 4
    #: Table and key of the settings, for errors.
    where: str


class TokenKey:
    """A private key in a token, with the certificate that it must fit."""

    def __init__(self, place: Place, certificate: x509.Certificate, clock: Callable[[], float] = time.monotonic) -> None:
        self._place, self._certificate, self._clock = place, certificate, clock
        self._token = _token(place, clock)
        #: What the token said that no asking again changes, and when.
        self._denied: tuple[BadSettings, float] | None = None

    def sign(self, octets: bytes, algorithm: Algorithm) -> bytes:
        """Sign octets; see ``HeldKey``. Only their hash goes to the token.

        What was open may be void: the token was pulled, its network was away. So the first failure starts the library anew,
        and the second one is what the token says.
        """
        hashed = hashlib.new(algorithm.digest, octets).digest()
        self._check_denied()
        self._token.outage.check()
        try:
            try:
                signature = self._token.sign(self, hashed, algorithm)
            except _Void as void:
                self._token.library.restart(void.round)
                signature = self._token.sign(self, hashed, algorithm)
        except (pkcs11.PKCS11Error, _Void) as error:
            raise self._refused(error) from None
        self._token.outage.answered()
        return signature

    def find(self, session: Session) -> PrivateKey:
        """Find the key in a session."""
        wanted: dict[Attribute, Any] = {Attribute.CLASS: ObjectClass.PRIVATE_KEY}
        if self._place.key_label:
            wanted[Attribute.LABEL] = self._place.key_label
        if self._place.key_id:
            wanted[Attribute.ID] = bytes.fromhex(self._place.key_id)
        # Read to the end: a search that is left half done ends in whatever session has its number then.
        keys = list(session.get_objects(wanted))
        if len(keys) != 1:
            raise refusals.MultipleObjectsReturned if keys else refusals.NoSuchKey
        found = cast(PrivateKey, keys[0])
        # Asked to sign by an algorithm of another kind of key, some tokens say no more than that something failed.
        if (found.key_type == KeyType.RSA) != isinstance(self._certificate.public_key(), rsa.RSAPublicKey):
            raise self._other_key()
        return found

    def check(self, signature: bytes, hashed: bytes, algorithm: Algorithm) -> None:
        """Check a session's first signature by the certificate: the names in the settings may point to another key."""
        try:
            _verify(self._certificate, signature, hashed, algorithm)
        except InvalidSignature:
            raise self._other_key() from None

    def _other_key(self) -> BadSettings:
        vi, en = "khoá trong thiết bị không khớp với chứng thư số", "the key in the token does not belong to the certificate"
        return self._bad(en, vi)

    def _check_denied(self) -> None:
        """Repeat what was said a moment ago: to ask again would start the library anew, for all that use it."""
        if self._denied is not None:
            said, at = self._denied
            if self._clock() - at < REST_SECONDS:
                raise self._bad(said.en, said.vi)
            self._denied = None

    def _refused(self, error: Exception) -> Exception:
        cause = error.__cause__ if isinstance(error, _Void) else error
        name = type(cause).__name__
        if not isinstance(cause, _NEVER):
            return self._token.outage.failed(name)
        where = self._place.where
        vi, en = f"thiết bị không ký được như cấu hình ({name})", f"the token cannot sign as it is set up ({name})"
        self._token.outage.answered()
        self._denied = BadSettings(en, vi, where=where), self._clock()
        return self._bad(en, vi)

    def _bad(self, en: str, vi: str) -> BadSettings:
        where = self._place.where
        return BadSettings(f"{where}: {en}", f"{where}: {vi}", where=where)


class _Void(Exception):
    """Something failed that was open since a round of the library; a new round may mend it."""

    def __init__(self, at: int) -> None:
        self.round = at


@dataclass(slots=True)
class _Line:
    """A session, and the keys that were found in it."""

    session: Session
    keys: dict[TokenKey, PrivateKey] = field(default_factory=dict)


class _Token:
    """One token: one login, and a pool of sessions that are void with the library's round."""

    def __init__(self, place: Place, shared: Library, clock: Callable[[], float]) -> None:
        self.library, self.place = shared, place
        self.outage = Outage(f"token {place.token}", clock)
        self._free: list[_Line] = []
        self._open = 0
        self._limit = place.sessions
        self._round = 0
        self._turn = threading.Condition()
        self._pin_refused = ""

    def sign(self, key: TokenKey, hashed: bytes, algorithm: Algorithm) -> bytes:
        """Sign a hash in a session of the pool; raise _Void where something fails that a new round may mend."""
        with self.library.call() as (api, at):
            try:
                with self._line(api, at) as line:
                    return _signed(line, key, hashed, algorithm)
            except pkcs11.PKCS11Error as error:
                raise _Void(at) from error

    @contextmanager
    def _line(self, api: Any, at: int) -> Iterator[_Line]:
        """Lend a session; one in which something failed is not lent again."""
        line = self._taken(api, at)
        try:
            yield line
        except pkcs11.PKCS11Error:
            self._returned(at, None)
            raise
        except BaseException:
            self._returned(at, line)
            raise
        self._returned(at, line)

    def _taken(self, api: Any, at: int) -> _Line:
        with self._turn:
            if self._round != at:
                self._free, self._open, self._round, self._limit = [], 0, at, self.place.sessions
            while not self._free:
                if self._open < self._limit:
                    self._add(api)
                elif not self._turn.wait_for(lambda: self._free or self._open < self._limit, SESSION_SECONDS):
                    raise refusals.SessionCount
            return self._free.pop()

    def _returned(self, at: int, line: _Line | None) -> None:
        with self._turn:
            if self._round != at:
                return
            if line is None:
                self._open -= 1
            else:
                self._free.append(line)
            self._turn.notify()

    def _add(self, api: Any) -> None:
        """Open one more session; a token that has no room for it gives those that are open in turn."""
        token = api.get_token(token_label=self.place.token)
        try:
            session = token.open() if self._open else self._logged_in(token)
        except refusals.SessionCount:
            if not self._open:
                raise
            self._limit = self._open
            return
        self._free.append(_Line(session))
        self._open += 1

    def _logged_in(self, token: Any) -> Session:
        """Open the first session: its login is good for all that are opened while it is open."""
        if self._pin_refused or token.flags & (TokenFlag.USER_PIN_FINAL_TRY | TokenFlag.USER_PIN_LOCKED):
            raise self._bad_pin(self._pin_refused or "one try left")
        if not self.place.pin:
            return token.open()  # type: ignore[no-any-return]
        try:
            return token.open(user_pin=self.place.pin)  # type: ignore[no-any-return]
        except refusals.UserAlreadyLoggedIn:
            return token.open()  # type: ignore[no-any-return]
        except _PIN as error:
            self._pin_refused = type(error).__name__
            raise self._bad_pin(self._pin_refused) from None

    def _bad_pin(self, cause: str) -> BadSettings:
        where = self.place.where
        return BadSettings(
            f"{where}: the token refuses the PIN ({cause}); it is not tried again: mend it, log in once by the token's own "
            "program, restart",
            f"{where}: thiết bị từ chối mã PIN ({cause}); trục không thử lại để tránh khoá thiết bị: sửa mã PIN, đăng nhập một "
            "lần bằng công cụ của thiết bị rồi khởi động lại",
            where=where,
        )


def _signed(line: _Line, key: TokenKey, hashed: bytes, algorithm: Algorithm) -> bytes:
    known = line.keys.get(key)
    found = known or key.find(line.session)
    signature = _raw(found, hashed, algorithm)
    if known is None:
        key.check(signature, hashed, algorithm)
        line.keys[key] = found
    return signature


def _raw(key: Any, hashed: bytes, algorithm: Algorithm) -> bytes:
    """Have a hash signed: mechanisms that hash in the token would take the whole document there."""
    if algorithm.family == RSA:
        return bytes(key.sign(_DIGEST_INFO[algorithm.digest] + hashed, mechanism=Mechanism.RSA_PKCS))
    if algorithm.family == PSS:
        salted = (*_PSS_HASHES[algorithm.digest], algorithm.hash.digest_size)
        return bytes(key.sign(hashed, mechanism=Mechanism.RSA_PKCS_PSS, mechanism_param=salted))
    # PKCS #11 2.3.1: both numbers one after the other, which is the form that we want.
    return bytes(key.sign(hashed, mechanism=Mechanism.ECDSA))


def _verify(certificate: x509.Certificate, signature: bytes, hashed: bytes, algorithm: Algorithm) -> None:
    public, done = certificate.public_key(), utils.Prehashed(algorithm.hash)
    if isinstance(public, rsa.RSAPublicKey):
        salted = padding.PSS(padding.MGF1(algorithm.hash), algorithm.hash.digest_size)
        public.verify(signature, hashed, padding.PKCS1v15() if algorithm.family == RSA else salted, done)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        half = len(signature) // 2
        numbers = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        public.verify(utils.encode_dss_signature(*numbers), hashed, ec.ECDSA(done))
    else:
        raise InvalidSignature


_LOCK = threading.Lock()
_TOKENS: dict[tuple[str, str], _Token] = {}


def _token(place: Place, clock: Callable[[], float]) -> _Token:
    """Give the token of a place: several keys of one share its login and its sessions."""
    with _LOCK:
        shared = library(place.module, place.where)
        known = _TOKENS.get((place.module, place.token))
        if known is None or known.library is not shared:
            known = _TOKENS[place.module, place.token] = _Token(place, shared, clock)
        elif known.place.pin != place.pin:
            where = place.where
            vi, en = "hai mã PIN khác nhau cho cùng một thiết bị", "another PIN is given for the same token elsewhere"
            raise BadSettings(f"{where}: {en}", f"{where}: {vi}", where=where)
        return known
