"""Keys in a PKCS #11 token: they sign like any other, in many threads, and what goes wrong with a token is told as what it is."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pkcs11
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from hub.errors import BadSettings, CannotSign
from hub.rules import algorithms
from hub.rules.signatures import signed_part, verify_jws
from hub.rules.signing import holding, sign_jws, sign_xades, sign_xml
from hub.rules.trust import Signer
from hub.trust import cryptoki, tokens
from hub.trust.cryptoki import library
from hub.trust.outage import REST_SECONDS
from hub.trust.tokens import Place, TokenKey
from tests.support.signers import AUTHORITY, DOCUMENT, EC_SIGNER, NOW, SIGNER, TRUST, Party
from tests.support.softhsm import PIN, Tokens, tokens_in

P384 = Party("EC signer 384", AUTHORITY, key=ec.generate_private_key(ec.SECP384R1()))
OTHER = Party("Other", AUTHORITY)
THREADS = 8


class Monotonic:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def rest(self) -> None:
        self.now += REST_SECONDS


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Tokens:
    return tokens_in(tmp_path_factory.mktemp("softhsm"))


@pytest.fixture(scope="module")
def label(shelf: Tokens) -> str:
    """Give a token with three keys."""
    name = shelf.make()
    shelf.put(name, SIGNER.key, "rsa", "01")
    shelf.put(name, EC_SIGNER.key, "p256", "02")
    shelf.put(name, P384.key, "p384", "03")
    return name


@pytest.fixture(autouse=True)
def fresh(shelf: Tokens) -> Iterator[None]:
    """Forget what an earlier test made of a token: an outage, a refused PIN."""
    tokens._TOKENS.clear()
    yield
    if (shelf.folder / "pulled").exists():
        shelf.put_back()
    known = library(shelf.module, "tests")
    known.restart(known._round)


def signer(shelf: Tokens, token: str, key: str, party: Party = SIGNER, clock=None, **more) -> Signer:
    usual = {"module": shelf.module, "token": token, "pin": PIN, "key_label": key, "where": "hub.toml [signers.x]"}
    place = Place(**{**usual, **more})
    return holding("x", TokenKey(place, party.certificate, clock or Monotonic()), party.certificate)


@pytest.mark.parametrize("algorithm", algorithms.NAMES)
@pytest.mark.parametrize(("key", "party"), [("rsa", SIGNER), ("p256", EC_SIGNER), ("p384", P384)])
def test_a_key_in_a_token_signs_by_every_algorithm_that_fits_it(shelf, label, key, party, algorithm):
    mine = signer(shelf, label, key, party)
    if algorithm.startswith("RSA") != (key == "rsa"):
        with pytest.raises(BadSettings):
            sign_xml(DOCUMENT, mine, algorithm)
        return

    assert signed_part(sign_xml(DOCUMENT, mine, algorithm), TRUST, NOW).verdict.algorithm == algorithm
    assert signed_part(sign_xades(DOCUMENT, mine, NOW, algorithm=algorithm), TRUST, NOW).verdict.level == "XAdES-B-B"


@pytest.mark.parametrize(
    ("key", "party", "name"), [("rsa", SIGNER, "PS256"), ("p256", EC_SIGNER, "ES256"), ("p384", P384, "ES384")]
)
def test_a_key_in_a_token_signs_bodies(shelf, label, key, party, name):
    assert verify_jws(b"{}", sign_jws(b"{}", signer(shelf, label, key, party)), TRUST, NOW).verdict.algorithm == name


def test_a_key_is_found_by_its_id_too(shelf, label):
    by_id = signer(shelf, label, "", EC_SIGNER, key_id="02")
    both = signer(shelf, label, "p256", EC_SIGNER, key_id="02")

    for each in (by_id, both):
        assert signed_part(sign_xml(DOCUMENT, each), TRUST, NOW).verdict.signer == "CN=EC signer"
    with pytest.raises(BadSettings):
        sign_xml(DOCUMENT, signer(shelf, label, "p256", EC_SIGNER, key_id="01"))


def test_eight_threads_sign_at_once_with_fewer_sessions(shelf, label):
    """No signature fails, none is another's, and no more sessions are opened than was said."""
    pool = [signer(shelf, label, "rsa", sessions=3), signer(shelf, label, "p256", EC_SIGNER, sessions=3)]
    together = threading.Barrier(THREADS)

    def work(number: int) -> set[str]:
        together.wait()
        document = b"<E>%d</E>" % number
        signed = [signed_part(sign_xml(document, pool[turn % 2]), TRUST, NOW) for turn in range(20)]
        return {f"{each.signed_bytes.decode()} {each.verdict.signer}" for each in signed}

    with ThreadPoolExecutor(THREADS) as threads:
        found = list(threads.map(work, range(THREADS)))

    assert found == [{f"<E>{n}</E> CN=Signer", f"<E>{n}</E> CN=EC signer"} for n in range(THREADS)]
    (token,) = tokens._TOKENS.values()
    assert 1 <= token._open <= 3


def test_the_library_is_set_up_for_threads(shelf, label):
    """python-pkcs11 lets calls run at the same time, and tells the library that there are none."""
    sign_xml(DOCUMENT, signer(shelf, label, "rsa"))
    one, other = library(shelf.module, "x"), library(os.path.realpath(shelf.module), "y")

    assert one is other
    with one.call() as (first, _), one.call() as (second, _):
        assert first is second
    assert not hasattr(one._alone, "locked")


def test_a_library_without_locks_is_called_by_one_thread_at_a_time(shelf, label, monkeypatch):
    known, asked = library(shelf.module, "x"), []
    real = known._functions()

    def initialize(given):
        asked.append(bool(given))
        return cryptoki._CANT_LOCK if given else real.initialize(None)

    monkeypatch.setattr(known, "_functions", lambda: SimpleNamespace(finalize=real.finalize, initialize=initialize))
    known.restart(known._round)

    assert asked == [True, False]
    with known.call():
        assert known._alone.locked()  # type: ignore[attr-defined]
    assert signed_part(sign_xml(DOCUMENT, signer(shelf, label, "rsa")), TRUST, NOW).signed_bytes


# --- a token that goes, and comes back --------------------------------------------------------------------------------


def test_a_token_that_was_pulled_and_put_back_signs_again_and_the_message_waits_meanwhile(shelf, label):
    clock = Monotonic()
    mine = signer(shelf, label, "rsa", clock=clock)
    sign_xml(DOCUMENT, mine)
    shelf.take_away()

    with structlog.testing.capture_logs() as lines:
        for waited in (REST_SECONDS, REST_SECONDS, 2 * REST_SECONDS):
            with pytest.raises(CannotSign) as told:
                sign_xml(DOCUMENT, mine)
            assert (told.value.who, told.value.retry_after) == ("nobody", waited)
            clock.rest()
        shelf.put_back()
        signed = sign_xml(DOCUMENT, mine)

    assert signed_part(signed, TRUST, NOW).verdict.signer == "CN=Signer"
    assert [line["event"] for line in lines] == ["signing.away", "signing.back"]
    assert PIN not in str(lines) and label in str(lines)


def test_a_token_that_is_away_is_left_alone_for_a_while(shelf, label):
    """However many messages wait: each try starts the library anew."""
    clock = Monotonic()
    mine = signer(shelf, label, "rsa", clock=clock)
    shelf.take_away()
    with pytest.raises(CannotSign):
        sign_xml(DOCUMENT, mine)
    shelf.put_back()
    for _ in range(3):
        with pytest.raises(CannotSign):
            sign_xml(DOCUMENT, mine)
    clock.rest()

    assert sign_xml(DOCUMENT, mine)


def test_a_session_that_was_closed_behind_our_back_is_opened_again_at_once(shelf, label):
    mine = signer(shelf, label, "rsa")
    sign_xml(DOCUMENT, mine)
    (token,) = tokens._TOKENS.values()
    for line in token._free:
        line.session.close()

    assert signed_part(sign_xml(DOCUMENT, mine), TRUST, NOW).verdict.signer == "CN=Signer"


def test_eight_threads_survive_a_pulled_token(shelf, label):
    clock = Monotonic()
    mine = signer(shelf, label, "rsa", clock=clock, sessions=4)
    sign_xml(DOCUMENT, mine)
    shelf.take_away()

    def work(_number: int) -> str:
        try:
            sign_xml(DOCUMENT, mine)
        except CannotSign:
            return "waits"
        return "signed"

    with ThreadPoolExecutor(THREADS) as threads:
        assert set(threads.map(work, range(THREADS))) == {"waits"}
        shelf.put_back()
        clock.rest()
        sign_xml(DOCUMENT, mine)
        assert set(threads.map(work, range(THREADS))) == {"signed"}


def test_a_token_that_is_not_there_at_the_start_is_waited_for(shelf, label):
    clock = Monotonic()
    mine = signer(shelf, "nobody-s", "rsa", clock=clock)
    with pytest.raises(CannotSign) as told:
        sign_xml(DOCUMENT, mine)
    assert "NoSuchToken" in told.value.en
    shelf.put(shelf.make("nobody-s"), SIGNER.key, "rsa")
    clock.rest()

    assert sign_xml(DOCUMENT, mine)


def test_a_child_process_after_fork_signs_and_so_does_its_parent(shelf, label):
    mine = signer(shelf, label, "rsa")
    sign_xml(DOCUMENT, mine)
    child = os.fork()
    if not child:
        good = False
        try:
            good = bool(sign_xml(DOCUMENT, mine))
        finally:
            os._exit(0 if good else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sign_xml(DOCUMENT, mine)


# --- what an operator must mend -----------------------------------------------------------------------------------------


def refusal(mine: Signer) -> BadSettings:
    with pytest.raises(BadSettings) as told:
        sign_xml(DOCUMENT, mine)
    assert told.value.where == "hub.toml [signers.x]"
    assert PIN not in told.value.en + told.value.vi
    return told.value


def test_a_wrong_pin_is_tried_once_only(shelf, label, monkeypatch):
    """Three wrong ones lock many tokens."""
    mine, tried = signer(shelf, label, "rsa", pin="0000"), []
    kept = tokens._Token._logged_in
    monkeypatch.setattr(tokens._Token, "_logged_in", lambda self, token: tried.append(self._pin_refused) or kept(self, token))

    told = {refusal(mine).en for _ in range(4)}

    assert len(told) == 1 and "PinIncorrect" in told.pop()
    assert tried == ["", *["PinIncorrect"] * 3]


@pytest.mark.parametrize("flag", [pkcs11.TokenFlag.USER_PIN_FINAL_TRY, pkcs11.TokenFlag.USER_PIN_LOCKED])
def test_the_last_try_of_a_pin_is_left_to_a_person(shelf, label, flag):
    mine = signer(shelf, label, "rsa")
    (token,) = tokens._TOKENS.values()

    def open_it(**_given):
        raise AssertionError("the PIN was tried")

    with pytest.raises(BadSettings) as told:
        token._logged_in(SimpleNamespace(flags=flag, open=open_it))
    assert "log in once" in told.value.en
    assert sign_xml(DOCUMENT, mine)


def test_two_pins_for_one_token_are_a_wrong_setting(shelf, label):
    signer(shelf, label, "rsa")
    with pytest.raises(BadSettings):
        signer(shelf, label, "p256", EC_SIGNER, pin="9999")


def test_no_pin_where_the_token_wants_one_finds_no_key(shelf, label):
    assert "NoSuchKey" in refusal(signer(shelf, label, "rsa", pin="")).en


@pytest.mark.parametrize(("key", "party"), [("rsa", OTHER), ("p256", SIGNER), ("rsa", EC_SIGNER), ("p384", EC_SIGNER)])
def test_a_key_that_is_not_the_certificates_is_refused(shelf, label, key, party):
    """Before the first signature leaves, not by the partner."""
    assert "does not belong to the certificate" in refusal(signer(shelf, label, key, party)).en


def test_a_key_that_is_not_there_is_looked_for_now_and_then(shelf, label):
    clock = Monotonic()
    mine = signer(shelf, label, "later", OTHER, clock=clock)
    known = library(shelf.module, "x")
    assert "NoSuchKey" in refusal(mine).en
    begun = known._round
    assert "NoSuchKey" in refusal(mine).en
    assert known._round == begun
    shelf.put(label, OTHER.key, "later", "09")
    clock.rest()
    known.restart(known._round)

    assert signed_part(sign_xml(DOCUMENT, mine), TRUST, NOW).verdict.signer == "CN=Other"


def test_two_keys_of_one_name_are_refused(shelf):
    token = shelf.make()
    for identifier in ("01", "02"):
        shelf.put(token, SIGNER.key, "same", identifier)

    assert "MultipleObjectsReturned" in refusal(signer(shelf, token, "same")).en


@pytest.mark.parametrize("file", ["absent.so", "text.so"])
def test_what_is_no_library_is_a_wrong_setting(shelf, tmp_path: Path, file: str):
    (tmp_path / "text.so").write_text("text")
    with pytest.raises(BadSettings) as told:
        sign_xml(DOCUMENT, signer(shelf, "t", "rsa", module=str(tmp_path / file)))

    assert file in told.value.en


def test_nothing_shows_the_pin(shelf, label):
    mine = signer(shelf, label, "rsa", pin="7391-secret")

    for shown in (repr(mine), repr(mine.key), str(vars(mine.key))):
        assert "7391" not in shown
    assert isinstance(SIGNER.key, rsa.RSAPrivateKey)
