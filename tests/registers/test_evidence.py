"""Evidence: strangers' tools verify it, and each of them notices when it was tampered with."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import update

from hub import operations
from hub.ledger.ledger import Ledger
from hub.ledger.tables import payloads
from hub.registers import evidence, history, proofs
from hub.registers.evidence import Bundle
from hub.registers.proofs import Check
from hub.rules import jws
from hub.rules.signatures import sign_jws, sign_xml, signed_part, verify_jws
from hub.rules.trust import TrustSnapshot
from tests.support import signers
from tests.support.acceptances import acceptance, change, refusal
from tests.support.hub import PARTNER
from tests.support.night_shift import Shift, shift
from tests.support.signers import AUTHORITY, DOCUMENT, EC_SIGNER, NOW, SIGNER, TRUST, Party, sign_otherwise, tool

SENDER = "mot_cua"
WITH_ID = DOCUMENT.replace(b"<Envelope>", b'<Envelope xmlns="urn:vnsw" Id="m-1">')
SOAP = '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><payload>{}</payload></soap:Body></soap:Envelope>'


@pytest.fixture(autouse=True)
def tools() -> None:
    """Fail in CI where a tool is missing: evidence that nobody verified is none."""
    for name in ("xmlsec1", "openssl", "sha256sum"):
        tool(name)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    made.create()
    yield made
    made.close()


def take(ledger: Ledger, raw: bytes, document: bytes, trust: TrustSnapshot = TRUST) -> str:
    """Record a signed message as intake does; give its id."""
    verified = signed_part(document, trust, NOW)
    given = acceptance(
        raw=raw,
        signed=verified.signed_bytes,
        certificate=verified.certificate,
        verdict=json.dumps(asdict(verified.verdict)),
        at=NOW.timestamp(),
        dossiers=(change(),),
    )
    ledger.record_received(given)
    return given.message_id


def collect(ledger: Ledger, name: str, *trusted: Party) -> Bundle:
    ders = [each.certificate.public_bytes(Encoding.DER) for each in trusted or (AUTHORITY,)]
    with ledger.read() as conn:
        return evidence.collect(conn, name, {SENDER: ders, PARTNER: ders})


def written(bundle: Bundle, folder: Path) -> Path:
    for file in bundle.files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.body)
    return folder


def holds(check: Check, folder: Path) -> bool:
    done = subprocess.run(["sh", "-c", check.command], cwd=folder, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    return done.returncode == 0


def failing(bundle: Bundle, folder: Path) -> list[str]:
    return [check.en for check in bundle.checks if not holds(check, folder)]


# --- what came -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("party", [SIGNER, EC_SIGNER], ids=["rsa", "ec"])
@pytest.mark.parametrize("document", [DOCUMENT, WITH_ID], ids=["whole", "by id"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "in soap"])
def test_every_command_of_a_signed_message_ends_well(
    ledger: Ledger, tmp_path: Path, party: Party, document: bytes, wrapped: bool
) -> None:
    signed = sign_xml(document, party.signer)
    raw = SOAP.format(escape(signed.decode())).encode() if wrapped else signed
    bundle = collect(ledger, take(ledger, raw, signed))
    folder = written(bundle, tmp_path / "evidence")

    assert failing(bundle, folder) == []
    commands = " ".join(check.command for check in bundle.checks)
    assert all(word in commands for word in ("xmlsec1 --verify", "openssl verify", "openssl x509", "openssl dgst", "sha256sum"))
    (received,) = folder.glob("messages/*/received.xml")
    assert received.read_bytes() == raw


def test_a_document_in_cdata_with_a_declaration_of_its_own_is_found(ledger: Ledger, tmp_path: Path) -> None:
    signed = sign_xml(DOCUMENT, SIGNER.signer)
    text = '<?xml version="1.0" encoding="utf-16"?>\n' + signed.decode()
    raw = SOAP.format(f"<![CDATA[{text}]]>").encode()
    bundle = collect(ledger, take(ledger, raw, signed))

    assert failing(bundle, written(bundle, tmp_path / "evidence")) == []


def flip(body: bytes) -> bytes:
    """Change one letter of the content."""
    return body.replace("Chi cục".encode(), b"Chi cuc", 1)


def by_attacker(body: bytes) -> bytes:
    return signers.ATTACKER.certificate.public_bytes(Encoding.PEM)


def by_other_authority(body: bytes) -> bytes:
    return signers.OTHER_AUTHORITY.certificate.public_bytes(Encoding.PEM)


def forged(body: bytes) -> bytes:
    """Sign other content with a forger's key, and bring that key along in KeyValue."""
    content = flip(DOCUMENT)
    return sign_otherwise(content, signers.ATTACKER, always_add_key_value=True)


@pytest.mark.parametrize(
    ("pattern", "tamper", "noticed"),
    [
        ("messages/*/received.xml", flip, {"SHA-256", "journal recorded"}),
        ("messages/*/document.xml", flip, {"XML signature"}),
        ("messages/*/document.xml", forged, {"XML signature"}),
        ("messages/*/signed-part.xml", flip, {"SHA-256", "what was signed", "journal recorded"}),
        ("messages/*/certificate.pem", by_attacker, {"XML", "verdict", "trusted"}),
        ("messages/*/trusted.pem", by_other_authority, {"trusted"}),
        ("messages/*/answer.bin", lambda body: b"another answer", {"SHA-256"}),
        ("journal/1/000001.json", lambda body: body.replace(b"message.received", b"message.repeated"), {"journal of"}),
    ],
    ids=["received", "document", "forged", "signed part", "certificate", "trusted", "answer", "journal"],
)
def test_tampering_is_noticed(
    ledger: Ledger, tmp_path: Path, pattern: str, tamper: Callable[[bytes], bytes], noticed: set[str]
) -> None:
    signed = sign_xml(DOCUMENT, SIGNER.signer)
    bundle = collect(ledger, take(ledger, SOAP.format(escape(signed.decode())).encode(), signed))
    folder = written(bundle, tmp_path / "evidence")
    (path,) = folder.glob(pattern)

    path.write_bytes(tamper(path.read_bytes()))

    told = failing(bundle, folder)
    assert all(any(word in line for line in told) for word in noticed), told


def test_an_expired_certificate_is_verified_at_the_moment_of_reception(ledger: Ledger, tmp_path: Path) -> None:
    """The test's certificates end a year after reception; years later the evidence still holds."""
    signed = sign_xml(DOCUMENT, SIGNER.signer)
    bundle = collect(ledger, take(ledger, signed, signed))
    (check,) = [check for check in bundle.checks if "openssl verify" in check.command]

    assert f"-attime {int(NOW.timestamp())}" in check.command
    assert holds(check, written(bundle, tmp_path / "evidence"))


def test_a_signer_who_was_pinned_is_verified_without_an_authority(ledger: Ledger, tmp_path: Path) -> None:
    signed = sign_xml(DOCUMENT, SIGNER.signer)
    message = take(ledger, signed, signed, TrustSnapshot(pinned=(SIGNER.certificate,)))
    bundle = collect(ledger, message, SIGNER)

    assert failing(bundle, written(bundle, tmp_path / "evidence")) == []


def test_a_weak_signature_that_was_allowed_is_verified_too(ledger: Ledger, tmp_path: Path) -> None:
    signed = sign_otherwise(DOCUMENT, signature_algorithm="rsa-sha1", digest_algorithm="sha1")
    bundle = collect(ledger, take(ledger, signed, signed, signers.WEAK))

    assert failing(bundle, written(bundle, tmp_path / "evidence")) == []


def test_a_refused_message_leaves_evidence_of_what_came_and_what_was_answered(ledger: Ledger, tmp_path: Path) -> None:
    refused = refusal(b"<not even xml")
    ledger.record_refused(refused)
    bundle = collect(ledger, refused.message_id)
    folder = written(bundle, tmp_path / "evidence")

    assert failing(bundle, folder) == []
    assert [path.read_bytes() for path in folder.glob("messages/*/received.*")] == [b"<not even xml"]
    assert [path.read_bytes() for path in folder.glob("messages/*/answer.*")] == [b"no"]


# --- the journal -----------------------------------------------------------------------------------------------------


def test_the_files_of_the_journal_are_the_bytes_that_were_hashed(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger, b"<a/>", sign_xml(DOCUMENT, SIGNER.signer))
    folder = written(collect(ledger, "national:1"), tmp_path / "evidence")

    (chain,) = json.loads((folder / "journal.json").read_text(encoding="utf-8"))
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((folder / "journal" / "1").glob("*.json"))]
    assert hashes == [row["hash"] for row in chain["rows"]]
    assert [row["previous"] for row in chain["rows"]] == ["0" * 64, *hashes[:-1]]


def test_bytes_past_retention_are_named_by_their_digest(ledger: Ledger, tmp_path: Path) -> None:
    signed = sign_xml(DOCUMENT, SIGNER.signer)
    message = take(ledger, signed, signed)
    with ledger.read() as conn:
        (kept,) = history.message_details(conn, [message])
    with ledger._engine.begin() as conn:
        conn.execute(update(payloads).where(payloads.c.digest == kept.raw_digest).values(body=None))

    bundle = collect(ledger, message)

    assert [each.digest for each in bundle.absent] == [kept.raw_digest]
    assert failing(bundle, written(bundle, tmp_path / "evidence")) == []


@pytest.mark.parametrize("number", ["../../etc/passwd", "/etc/passwd", "a b;rm -rf $HOME", "..", "\u202e"])
def test_a_number_from_outside_never_becomes_a_path(ledger: Ledger, number: str) -> None:
    key = f"national:{number}"
    ledger.record_received(acceptance(subject=key, dossiers=(change(key, codes=(key,)),)))

    bundle = collect(ledger, key)

    assert bundle.name not in ("", ".", "..")
    assert not set(bundle.name) & set("/\\; $\u202e")
    assert all(".." not in Path(file.path).parts and not file.path.startswith("/") for file in bundle.files)


@pytest.mark.parametrize("party", [SIGNER, EC_SIGNER], ids=["rsa", "ec"])
@pytest.mark.parametrize("named_by", ["x5c", "thumbprint"])
def test_a_signature_that_came_beside_the_document_is_verified_with_openssl(
    ledger: Ledger, tmp_path: Path, party: Party, named_by: str
) -> None:
    body = b'{"MaHoSo": "H01-1"}'
    token = sign_jws(body, party.signer)
    if named_by == "thumbprint":
        token = without_certificate(body, party, token)
    take_jws(ledger, body, token, TrustSnapshot(pinned=(party.certificate,)))
    bundle = collect(ledger, "national:1", party)
    folder = written(bundle, tmp_path / "evidence")

    assert failing(bundle, folder) == []
    told = " ".join(check.en for check in bundle.checks)
    assert all(word in told for word in ("the JWS over", "that the verdict names", "was trusted", "detached-signature"))
    (kept,) = folder.glob("messages/*/detached-signature.*")
    assert kept.read_bytes().decode() == token
    (received,) = folder.glob("messages/*/received.json")
    received.write_bytes(body.replace(b"H01-1", b"H01-2"))
    assert any("the JWS over" in line for line in failing(bundle, folder))
    received.write_bytes(body)
    kept.write_bytes(sign_jws(b"other", party.signer).encode())
    assert any("detached-signature" in line for line in failing(bundle, folder))


def without_certificate(body: bytes, party: Party, token: str) -> str:
    """Sign anew with a header that names the certificate by its thumbprint alone."""
    head = json.loads(base64.urlsafe_b64decode(token.split(".", maxsplit=1)[0] + "=="))
    return jws.sign_detached(body, {name: head[name] for name in ("alg", "x5t#S256")}, party.key)


def take_jws(ledger: Ledger, body: bytes, token: str, trust: TrustSnapshot) -> None:
    """Record a message with a detached signature as intake does."""
    verified = verify_jws(body, token, trust, NOW)
    given = acceptance(
        raw=body,
        signed=verified.signed_bytes,
        signature=token.encode(),
        certificate=verified.certificate,
        verdict=json.dumps(asdict(verified.verdict)),
        at=NOW.timestamp(),
        dossiers=(change(),),
    )
    ledger.record_received(given)


def test_a_detached_signature_that_was_refused_is_kept_and_proves_nothing(ledger: Ledger, tmp_path: Path) -> None:
    token = sign_jws(b"other", SIGNER.signer)
    given = refusal(body=b"{}", signature=token.encode())
    ledger.record_refused(given)
    bundle = collect(ledger, given.message_id)
    folder = written(bundle, tmp_path / "evidence")

    assert failing(bundle, folder) == []
    assert [path.read_bytes().decode() for path in folder.glob("messages/*/detached-signature.*")] == [token]
    assert not any("JWS" in check.en for check in bundle.checks)


# --- what was sent ---------------------------------------------------------------------------------------------------


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Shift]:
    """A hub that signs what it sends, detached."""
    folder = tmp_path / "hub"
    folder.mkdir()
    SIGNER.write(folder)
    signer = '[signers.default]\nkey = "file:key.pem"\ncertificate = "file:certificate.pem"\n'
    with shift(folder, more='sign = "jws"\n', hub=signer) as opened:
        yield opened


def test_what_the_hub_signed_and_sent_is_verified_with_openssl(night: Shift, tmp_path: Path) -> None:
    night.send(1)
    bundle = collect(night.hub.ledger, "H01-1")
    folder = written(bundle, tmp_path / "evidence")

    assert failing(bundle, folder) == []
    (business,) = folder.glob("deliveries/*/attempt-1/business.json")
    assert business.read_bytes() == night.partner.arrivals[0].body
    business.write_bytes(business.read_bytes().replace(b"H01-1", b"H01-2"))
    assert any("JWS" in line for line in failing(bundle, folder))


def test_every_attempt_is_there_and_the_signature_of_bytes_that_were_replaced(night: Shift, tmp_path: Path) -> None:
    night.faults["H01-1"] = "refuse"
    night.send(1)
    night.faults.clear()
    night.clock.advance(1)
    operations.rebuild(night.hub, night.ids()[0], actor="lan", why="đã sửa")
    night.carry()
    bundle = collect(night.hub.ledger, night.ids()[0])
    folder = written(bundle, tmp_path / "evidence")

    assert failing(bundle, folder) == []
    assert sum("JWS" in check.en for check in bundle.checks) == 2
    replies = [json.loads(path.read_bytes())["ma"] for path in sorted(folder.glob("deliveries/*/attempt-*/reply.json"))]
    assert replies == ["13", "00"]


def test_what_an_operator_gave_as_evidence_is_there(night: Shift, tmp_path: Path) -> None:
    night.faults["H01-1"] = "garble"
    night.send(1)
    operations.settle(night.hub, night.ids()[0], arrived=True, evidence=b"letter", actor="lan", why="gọi điện")
    bundle = collect(night.hub.ledger, "H01-1")
    folder = written(bundle, tmp_path / "evidence")

    (stated,) = folder.glob("deliveries/*/operator.settle_arrived-*")
    assert stated.read_bytes() == b"letter"
    assert failing(bundle, folder) == []


def test_no_credential_is_in_the_evidence(night: Shift) -> None:
    night.send(1)

    assert not any(b"Bearer secret" in file.body for file in collect(night.hub.ledger, "H01-1").files)


# --- signatures taken apart ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("party", [SIGNER, EC_SIGNER], ids=["rsa", "ec"])
def test_an_xml_signature_of_the_hub_is_verified_by_xmlsec1_with_the_certificate_in_it(tmp_path: Path, party: Party) -> None:
    document = sign_xml(DOCUMENT, party.signer)
    proof = proofs.of_xml(document, folder="m", name="business.xml")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "business.xml").write_bytes(document)
    for file in proof.files:
        (tmp_path / file.path).write_bytes(file.body)

    (check,) = proof.checks
    assert holds(check, tmp_path)
    (tmp_path / "m" / "business.xml").write_bytes(flip(document))
    assert not holds(check, tmp_path)


@pytest.mark.parametrize(
    "token",
    ["", "a..b", "..", "e30..", base64.urlsafe_b64encode(b'{"alg":"none","x5c":["AA=="]}').decode() + "..AA", "\x00..\x00"],
)
def test_a_token_that_cannot_be_read_proves_nothing(token: str) -> None:
    assert proofs.of_jws(token, folder="m", name="b") == proofs.Proof()


@pytest.mark.parametrize("body", [b"", b"<", b"{}", b"<a/>", b"\xff\xfe<", b"<!DOCTYPE a><a/>", b"<a>" * 500])
def test_what_carries_no_signature_has_no_document_and_no_proof(body: bytes) -> None:
    assert proofs.signed_document(body) == b""
    assert proofs.of_xml(body, folder="m", name="b") == proofs.Proof()


def test_an_ecdsa_jws_is_rewritten_for_openssl(tmp_path: Path) -> None:
    body = b'{"a":1}'
    proof = proofs.of_jws(sign_jws(body, EC_SIGNER.signer), folder="m", name="b.json")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "b.json").write_bytes(body)
    for file in proof.files:
        (tmp_path / file.path).write_bytes(file.body)

    (check,) = proof.checks
    assert holds(check, tmp_path)
    (tmp_path / "m" / "b.json").write_bytes(b'{"a":2}')
    assert not holds(check, tmp_path)
