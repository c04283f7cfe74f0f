"""Signing: keys by the settings that name them, which key signs when, and what a message does that cannot be signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, pkcs12

from adapters.template import ADAPTER
from hub import bootstrap, keyring, operations
from hub.app import Hub
from hub.contract import Outgoing, Reply
from hub.edge.cli.checking import look
from hub.errors import BadSettings
from hub.rules.lifecycle import State
from hub.rules.signatures import signed_part, verify_jws
from hub.rules.trust import TrustSnapshot
from hub.trust import outage, tokens
from tests.support import hub as support
from tests.support import pki, tsa
from tests.support.clock import START, Clock
from tests.support.looking import all_deliveries
from tests.support.signers import AUTHORITY, EC_SIGNER, SIGNER, Party
from tests.support.softhsm import PIN, Tokens, tokens_in
from tests.support.tsa import Tsa

TRUST = TrustSnapshot(anchors=(AUTHORITY.certificate,))
XML = Outgoing(service="GuiHoSo", body=b"<E><a>1</a></E>", variant="create", head={"dossier": "H01-1"})
XML_ADAPTER = replace(ADAPTER, signature="xml", write_message=lambda *_given: XML)


class Recorder:
    """A partner's wire that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    def send(self, outgoing: Outgoing, fence) -> Reply:
        fence()
        self.sent.append(outgoing)
        return Reply(status=200, body=b'{"ma": "00"}')


@pytest.fixture
def keys_folder(tmp_path: Path) -> Path:
    """Write keys of both parties, a chain, and a PKCS #12 file."""
    folder = tmp_path / "keys"
    folder.mkdir()
    for name, party in (("rsa", SIGNER), ("ec", EC_SIGNER)):
        (folder / f"{name}.key").write_bytes(pem_of(party.key))
        (folder / f"{name}.crt").write_bytes(party.certificate.public_bytes(Encoding.PEM))
    store = pkcs12.serialize_key_and_certificates(
        b"hub", SIGNER.key, SIGNER.certificate, [AUTHORITY.certificate], BestAvailableEncryption(b"kho-a")
    )
    (folder / "hub.p12").write_bytes(store)
    (folder / "locked.key").write_bytes(pem_of(SIGNER.key, b"kho-a"))
    (folder / "password").write_bytes(b"kho-a\n")
    (folder / "wrong").write_bytes(b"sai\n")
    (folder / "pin").write_text(PIN)
    return folder


def pem_of(key, password: bytes = b"") -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password) if password else NoEncryption())


def configure(folder: Path, signers: str, more: str = 'sign = "jws"\n') -> Path:
    return support.configure(folder, {support.PARTNER: support.At(more=more)}, bus=signers)


def opened(folder: Path, clock: Clock, **parts) -> tuple[Hub, Recorder]:
    recorder = Recorder()
    hub = support.open_hub(folder, clock)
    return replace(hub, transports=lambda _endpoint: recorder, **parts), recorder


@pytest.fixture
def clock() -> Clock:
    return Clock()


POLICY = f'signature_policy = {{ identifier = "urn:oid:1.2.3", sha256 = "{"ab" * 32}" }}\n'
FILES = 'key = "file:keys/{0}.key"\ncertificate = "file:keys/{0}.crt"\n'
OLD = "[[signers.default]]\n" + FILES.format("rsa")
NEW = "[[signers.default]]\n" + FILES.format("ec")


# --- where keys are -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        FILES.format("rsa"),
        'pkcs12 = "file:keys/hub.p12"\npassword = "file:keys/password"\n',
        'pkcs12 = "file:keys/hub.p12"\npassword = "file:keys/password"\ncertificate = "file:keys/rsa.crt"\n',
        'key = "file:keys/locked.key"\npassword = "file:keys/password"\ncertificate = "file:keys/rsa.crt"\n',
    ],
    ids=["PEM", "PKCS #12", "PKCS #12 and certificate", "PEM with password"],
)
def test_a_key_is_loaded_from_where_it_is(keys_folder: Path, lines: str):
    settings = bootstrap.load_settings(configure(keys_folder.parent, f"[signers.default]\n{lines}"))
    (signer,) = keyring.ring(settings, "default").signers

    assert signer.certificate == SIGNER.certificate
    assert signer.valid_from == SIGNER.certificate.not_valid_before_utc
    assert signer.valid_until == SIGNER.certificate.not_valid_after_utc
    assert "kho-a" not in repr(settings)


def test_roots_do_not_travel_with_a_signature_authorities_in_between_do(keys_folder: Path):
    root = pki.root()
    upper, lower = (first := pki.intermediate(root, "Upper", path_length=1)), pki.intermediate(first, "Lower")
    leaf = pki.leaf(lower, key=pki.new_key("rsa"))
    (keys_folder / "path.key").write_bytes(leaf.key_pem)
    (keys_folder / "path.crt").write_bytes(leaf.pem + root.pem + upper.pem + lower.pem)
    settings = bootstrap.load_settings(configure(keys_folder.parent, f'[signers.default]\n{FILES.format("path")}'))
    (signer,) = keyring.ring(settings, "default").signers

    assert signer.chain == (lower.certificate, upper.certificate)


@pytest.mark.parametrize(
    ("lines", "en"),
    [
        ('pkcs12 = "file:keys/hub.p12"\npassword = "file:keys/wrong"\n', "its password is wrong"),
        ('pkcs12 = "file:keys/hub.p12"\n', "its password is wrong"),
        ('pkcs12 = "file:keys/rsa.key"\n', "no readable PKCS #12 file"),
        ('pkcs12 = "file:keys/hub.p12"\npassword = "file:keys/password"\ncertificate = "file:keys/ec.crt"\n', "does not belong"),
        ('key = "file:keys/locked.key"\ncertificate = "file:keys/rsa.crt"\n', "has a password"),
        ('key = "file:keys/locked.key"\npassword = "file:keys/wrong"\ncertificate = "file:keys/rsa.crt"\n', "password is wrong"),
        ('key = "file:keys/rsa.key"\npassword = "file:keys/password"\ncertificate = "file:keys/rsa.crt"\n', "has no password"),
        ('key = "file:keys/rsa.key"\ncertificate = "file:keys/ec.crt"\n', "does not belong"),
        ('key = "file:keys/short.key"\ncertificate = "file:keys/short.crt"\n', "2048 bits"),
        ('key = "file:keys/rsa.key"\ncertificate = "file:keys/short.crt"\n', "2048 bits"),
        (FILES.format("rsa") + "valid_from = 2036-01-01\n", "never signs"),
        (FILES.format("rsa") + "valid_from = 2026-05-01\nvalid_until = 2026-05-01\n", "never signs"),
        ('module = "/nowhere.so"\ntoken = "t"\nkey_label = "k"\ncertificate = "file:keys/rsa.crt"\n', "no PKCS #11 library"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_at_the_start(keys_folder: Path, lines: str, en: str):
    short = Party("Short", AUTHORITY, key=rsa.generate_private_key(public_exponent=65537, key_size=1024))
    (keys_folder / "short.key").write_bytes(pem_of(short.key))
    (keys_folder / "short.crt").write_bytes(short.certificate.public_bytes(Encoding.PEM))
    folder = configure(keys_folder.parent, f"[signers.default]\n{lines}")

    with pytest.raises(BadSettings) as told:
        bootstrap.open_hub(bootstrap.load_settings(folder))

    assert en in told.value.en
    assert told.value.vi != told.value.en
    for secret in ("kho-a", "sai\n", "PRIVATE"):
        assert secret not in told.value.en + told.value.vi


@pytest.mark.parametrize(
    ("lines", "en"),
    [
        ('certificate = "file:c"\n', "exactly one of"),
        ('key = "file:k"\npkcs12 = "file:p"\n', "exactly one of"),
        ('key = "file:k"\n', "certificate is missing"),
        ('key = "file:k"\ncertificate = "file:c"\npin = "file:p"\n', "module goes with token"),
        ('module = "/m.so"\ntoken = "t"\ncertificate = "file:c"\n', "module goes with token"),
        ('module = "/m.so"\nkey_label = "k"\ncertificate = "file:c"\n', "module goes with token"),
        ('module = "/m.so"\ntoken = "t"\nkey_id = "0g"\ncertificate = "file:c"\n', "pattern"),
        ('key = "file:k"\ncertificate = "file:c"\nsessions = 0\n', "greater"),
        ('key = "file:k"\ncertificate = "file:c"\nvalid_from = "today"\n', "datetime"),
    ],
)
def test_a_table_that_names_no_key_or_two_is_an_error(tmp_path: Path, lines: str, en: str):
    with pytest.raises(BadSettings) as told:
        bootstrap.load_settings(configure(tmp_path, f"[signers.default]\n{lines}"))

    assert en in told.value.en
    assert "signers.default" in told.value.where


def test_a_signer_without_keys_is_an_error(tmp_path: Path):
    with pytest.raises(BadSettings) as told:
        bootstrap.load_settings(configure(tmp_path, "[signers]\ndefault = []\n"))

    assert "ít nhất 1" in told.value.vi


@pytest.mark.parametrize(
    "line", ['sign = "pgp"', 'algorithm = "RSA-SHA1"', 'signature_policy = { identifier = "urn:x", sha256 = "00" }']
)
def test_an_endpoint_can_only_ask_for_what_there_is(tmp_path: Path, line: str):
    with pytest.raises(BadSettings):
        bootstrap.load_settings(configure(tmp_path, "", f"{line}\n"))


# --- which key signs ----------------------------------------------------------------------------------------------------


def jws_signers(recorder: Recorder, clock: Clock) -> list[str]:
    return [verify_jws(each.body, each.head["jws"], TRUST, clock()).verdict.signer for each in recorder.sent]


def test_the_next_key_takes_over_without_a_restart(keys_folder: Path, clock: Clock):
    begins, ends = ((START + timedelta(days=days)).isoformat() for days in (2, 9))
    folder = configure(keys_folder.parent, f"{OLD}valid_until = {ends}\n{NEW}valid_from = {begins}\n")
    hub, recorder = opened(folder, clock)
    try:
        for number, days in enumerate((0, 1.9, 0.2, 20)):
            clock.advance(days * 86_400)
            support.send(hub, number, f"H01-{number}")
            support.carry_all(hub)
    finally:
        support.close(hub)

    assert jws_signers(recorder, clock) == ["CN=Signer", "CN=Signer", "CN=EC signer", "CN=EC signer"]


def test_a_gap_before_the_next_key_is_waited_through(keys_folder: Path, clock: Clock):
    folder = configure(keys_folder.parent, f"{NEW}valid_from = {(START + timedelta(minutes=5)).isoformat()}\n")
    hub, recorder = opened(folder, clock)
    try:
        support.send(hub, 1)
        support.carry_all(hub)
        (waiting,) = all_deliveries(hub.ledger)
        assert (waiting.state, waiting.error_code, waiting.attempts) == (State.WAITING, "cannot_sign", 0)
        assert 300 <= waiting.due_at - clock().timestamp() <= 361
        clock.advance(361)
        support.carry_all(hub)
    finally:
        support.close(hub)

    assert jws_signers(recorder, clock) == ["CN=EC signer"]


def test_an_expired_key_parks_and_a_new_one_lets_go(keys_folder: Path, clock: Clock):
    """Who acts next is the operator: nothing that waits would bring a new certificate."""
    folder = configure(keys_folder.parent, f"{OLD}valid_until = {(START - timedelta(hours=1)).isoformat()}\n")
    hub, recorder = opened(folder, clock)
    try:
        support.send(hub, 1)
        support.carry_all(hub)
        (parked,) = all_deliveries(hub.ledger)
        assert (parked.state, parked.error_code, parked.error_where) == (State.PARKED, "bad_settings", "signers/default")
    finally:
        support.close(hub)
    configure(keys_folder.parent, f"{OLD}valid_until = {(START - timedelta(hours=1)).isoformat()}\n{NEW}")
    hub, recorder = opened(folder, clock)
    try:
        operations.release(hub, parked.id, actor="tester", why="khoá mới")
        support.carry_all(hub)
    finally:
        support.close(hub)

    assert jws_signers(recorder, clock) == ["CN=EC signer"]


def test_a_signer_that_is_not_there_parks(tmp_path: Path, clock: Clock):
    hub, _ = opened(configure(tmp_path, ""), clock)
    try:
        support.send(hub, 1)
        support.carry_all(hub)
        (parked,) = all_deliveries(hub.ledger)
    finally:
        support.close(hub)

    assert (parked.state, parked.error_code) == (State.PARKED, "bad_settings")
    assert "add [signers.default]" in parked.error_en


# --- a token, a time-stamping authority ----------------------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tokens]:
    monkeypatch.setattr(outage, "REST_SECONDS", 0.0)
    found = tokens_in(tmp_path / "hsm")
    tokens._TOKENS.clear()
    known = tokens.library(found.module, "tests")
    known.restart(known._round)
    yield found
    tokens._TOKENS.clear()


def token_lines(shelf: Tokens, certificate: str = "rsa") -> str:
    return (
        f'[signers.default]\nmodule = "{shelf.module}"\ntoken = "hub"\npin = "file:keys/pin"\nkey_label = "sign"\n'
        f'certificate = "file:keys/{certificate}.crt"\n'
    )


def test_messages_wait_while_the_token_is_away_and_go_when_it_is_back(keys_folder: Path, shelf: Tokens, clock: Clock):
    shelf.put(shelf.make("hub"), SIGNER.key, "sign")
    hub, recorder = opened(configure(keys_folder.parent, token_lines(shelf)), clock)
    try:
        support.send(hub, 1, "H01-1")
        support.carry_all(hub)
        shelf.take_away()
        for number in (2, 3):
            support.send(hub, number, "H01-2")
        for _ in range(60):
            support.carry_all(hub)
            clock.advance(10)
        assert {row.state for row in all_deliveries(hub.ledger)} == {State.DELIVERED, State.WAITING, State.HELD}
        assert max(row.attempts for row in all_deliveries(hub.ledger) if row.state == State.WAITING) == 0
        shelf.put_back()
        for _ in range(3):
            support.carry_all(hub)
            clock.advance(10)
    finally:
        support.close(hub)

    assert jws_signers(recorder, clock) == ["CN=Signer"] * 3
    assert {row.state for row in all_deliveries(hub.ledger)} == {State.DELIVERED}


def test_check_tries_a_token_and_says_what_is_wrong_with_it(keys_folder: Path, shelf: Tokens):
    def said() -> list[tuple[str, str]]:
        found = [each for each in look(keys_folder.parent, reach=False) if each.where == "hub.toml [signers.default]"]
        return [(each.level, each.en) for each in found if "certificate is good" not in each.en and "expire" not in each.en]

    configure(keys_folder.parent, token_lines(shelf))
    assert [level for level, en in said() if "does not answer" in en] == ["warning"]
    shelf.put(shelf.make("hub"), SIGNER.key, "sign")
    assert ("ok", "the key signs, and fits its certificate") in said()
    configure(keys_folder.parent, token_lines(shelf, "ec"))
    assert [level for level, en in said() if "does not belong to the certificate" in en] == ["error"]


def test_messages_wait_while_no_time_token_can_be_had(keys_folder: Path, tmp_path: Path, monkeypatch):
    """What leaves then is a question to the authority: no doubt about the message. (Its clock is this machine's.)"""
    moment = datetime.now(UTC)
    party, clock = pki.leaf(pki.root(at=moment), at=moment, key=pki.new_key("rsa")), Clock(moment)
    (keys_folder / "now.key").write_bytes(party.key_pem)
    (keys_folder / "now.crt").write_bytes(party.pem)
    monkeypatch.setattr(outage, "REST_SECONDS", 0.0)
    (tmp_path / "trust").mkdir()
    (tmp_path / "trust/tsa.crt").write_bytes(tsa.authorities()[0].pem)
    (tmp_path / "tsa").mkdir()
    with Tsa(tmp_path / "tsa") as authority:
        authority.faults.add("garbage")
        stamps = f'[timestamps]\ncertificates = ["tsa.crt"]\n[[timestamps.authority]]\nname = "t"\nurl = "{authority.url}"\n'
        signer = f"[signers.default]\n{FILES.format('now')}"
        folder = configure(tmp_path, f"{signer}{stamps}", f'sign = "xades-t"\nalgorithm = "RSA-PSS-SHA384"\n{POLICY}')
        hub, recorder = opened(folder, clock)
        hub = replace(hub, adapters={**hub.adapters, "template": XML_ADAPTER})
        try:
            support.send(hub, 1)
            support.carry_all(hub)
            assert [(row.state, row.error_code) for row in all_deliveries(hub.ledger)] == [(State.WAITING, "cannot_sign")]
            assert recorder.sent == []
            clock.advance(10)
            support.carry_all(hub)
        finally:
            support.close(hub)

    (sent,) = recorder.sent
    trust = TrustSnapshot(pinned=(party.certificate,), stampers=(tsa.authorities()[0].certificate,))
    verdict = signed_part(sent.body, trust, clock()).verdict
    assert (verdict.level, verdict.algorithm) == ("XAdES-B-T", "RSA-PSS-SHA384")
    assert b"urn:oid:1.2.3" in sent.body


# --- check ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "level", "en"),
    [
        ('sign = "jws"\nsigner = "other"\n', "error", "there is no signer 'other'"),
        ('sign = "jws"\nalgorithm = "ECDSA-SHA256"\n', "error", "ECDSA-SHA256 does not fit"),
        ('sign = "jws"\nalgorithm = "RSA-PSS-SHA256"\n', "error", "RSA-PSS-SHA256 does not fit"),
        ('sign = "xades-t"\n', "error", "needs a time-stamping authority"),
        ('sign = "xades-b"\n', "error", "are not XML"),
        (f'sign = "jws"\n{POLICY}', "warning", "has no effect"),
    ],
)
def test_check_finds_what_a_signer_or_an_adapter_cannot_do(keys_folder: Path, more: str, level: str, en: str):
    """Of a signer with keys of two kinds, one of which takes over later."""
    folder = configure(keys_folder.parent, f"{OLD}{NEW}valid_from = 2026-12-01\n", more)

    assert [each.level for each in look(folder, reach=False) if en in each.en and "[outbound]" in each.where] == [level]
