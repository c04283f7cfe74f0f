"""Evidence: strangers' tools verify it, and each of them notices when it was tampered with."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import update

from hub import operations
from hub.errors import Damaged
from hub.ledger.ledger import Ledger
from hub.ledger.tables import messages, payloads
from hub.registers import history, proofs
from hub.registers.evidence import DELETED
from hub.rules import jws
from hub.rules.signatures import signed_part, verify_jws
from hub.rules.signing import sign_jws, sign_xml
from hub.rules.trust import TrustSnapshot
from tests.support import pki, signers, trusted
from tests.support.acceptances import acceptance, change, refusal
from tests.support.containers import TOOLS, Desk, by_script, contents, failed, rewritten, verified
from tests.support.night_shift import Shift, shift
from tests.support.signers import DOCUMENT, EC_SIGNER, NOW, SIGNER, TRUST, Party, sign_otherwise, tool

WITH_ID = DOCUMENT.replace(b"<Envelope>", b'<Envelope xmlns="urn:vnsw" Id="m-1">')
SOAP = '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><payload>{}</payload></soap:Body></soap:Envelope>'


@pytest.fixture(autouse=True)
def tools() -> None:
    """Fail in CI where a tool is missing: evidence that nobody verified is none."""
    for name in TOOLS:
        tool(name)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    made.create()
    yield made
    made.close()


@pytest.fixture
def desk(ledger: Ledger, tmp_path: Path) -> Desk:
    return Desk(ledger, tmp_path)


def take(ledger: Ledger, raw: bytes, document: bytes, trust: TrustSnapshot = TRUST) -> str:
    """Record a signed message as intake does; give its id."""
    check = signed_part(document, trust, NOW)
    given = acceptance(
        raw=raw,
        signed=check.signed_bytes,
        certificate=check.certificate,
        verdict=json.dumps(asdict(check.verdict)),
        at=NOW.timestamp(),
        dossiers=(change(),),
    )
    ledger.record_received(given)
    return given.message_id


def holds(path: Path, folder: Path) -> bool:
    """Say whether both find that a container holds: the hub, and public tools alone."""
    said = by_script(path, folder / "court")
    assert said.errors == ""
    assert (said.code == 0) == verified(path).holds, said.lines
    return said.code == 0


def one(path: Path, ending: str) -> tuple[str, bytes]:
    """Give the one file of a container whose name ends so."""
    ((name, body),) = ((name, body) for name, body in contents(path).items() if name.endswith(ending))
    return name, body


# --- what came -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("party", [SIGNER, EC_SIGNER], ids=["rsa", "ec"])
@pytest.mark.parametrize("document", [DOCUMENT, WITH_ID], ids=["whole", "by id"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "in soap"])
def test_every_check_of_a_signed_message_ends_well(
    desk: Desk, tmp_path: Path, party: Party, document: bytes, wrapped: bool
) -> None:
    signed = sign_xml(document, party.signer)
    raw = SOAP.format(escape(signed.decode())).encode() if wrapped else signed
    path = desk.export(take(desk.ledger, raw, signed), stamped=False)

    assert holds(path, tmp_path)
    kinds = {each.check for each in verified(path).results if each.outcome == "ok"}
    assert kinds >= {"xml", "signed_info", "signed_part", "fingerprint", "trusted", "chain", "told"}
    assert one(path, "/received.xml")[1] == raw


def test_a_document_in_cdata_with_a_declaration_of_its_own_is_found(desk: Desk, tmp_path: Path) -> None:
    signed = sign_xml(DOCUMENT, SIGNER.signer)
    text = '<?xml version="1.0" encoding="utf-16"?>\n' + signed.decode()
    raw = SOAP.format(f"<![CDATA[{text}]]>").encode()

    assert holds(desk.export(take(desk.ledger, raw, signed), stamped=False), tmp_path)


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
    ("ending", "tamper", "noticed"),
    [
        ("/received.xml", flip, {"told", "sums"}),
        ("/document.xml", flip, {"xml"}),
        ("/document.xml", forged, {"xml"}),
        ("/signed-part.xml", flip, {"told", "sums", "signed_part"}),
        ("/signed-info.xml", lambda body: body.replace(b"sha256", b"sha512", 1), {"signed_info"}),
        ("/certificate.pem", by_attacker, {"xml", "signed_info", "fingerprint", "trusted"}),
        ("/trusted.pem", by_other_authority, {"trusted"}),
        ("/answer.bin", lambda body: b"another answer", {"told", "sums"}),
        ("/000001.json", lambda body: body.replace(b"message.received", b"message.repeated"), {"chain"}),
    ],
    ids=["received", "document", "forged", "signed part", "signed info", "certificate", "trusted", "answer", "journal"],
)
def test_tampering_is_noticed_beside_the_seal(
    desk: Desk, tmp_path: Path, ending: str, tamper: Callable[[bytes], bytes], noticed: set[str]
) -> None:
    """By what stands inside; that the seal is broken as well is another test's."""
    signed = sign_xml(DOCUMENT, SIGNER.signer)
    take(desk.ledger, SOAP.format(escape(signed.decode())).encode(), signed)
    path = desk.export("national:1", stamped=False)
    name, body = one(path, ending)

    changed = rewritten(path, {name: tamper(body)})

    told = {each.check for each in verified(changed).results if each.outcome == "failed"}
    assert told >= noticed | {"manifest"}
    assert name in failed(changed)
    said = by_script(changed, tmp_path / "court")
    assert said.code == 1
    assert len(said.all("FAILED")) > len(noticed - {"sums"})


def test_an_expired_certificate_is_verified_at_the_moment_of_reception(desk: Desk, tmp_path: Path) -> None:
    """The test's certificates end a year after reception; years later the evidence still holds."""
    signed = sign_xml(DOCUMENT, SIGNER.signer)
    path = desk.export(take(desk.ledger, signed, signed), stamped=False)
    lines = [line.split("\t") for line in contents(path)["checks.tsv"].decode().splitlines()]

    assert [line[3] for line in lines if line[0] in ("xml", "trusted")] == [str(int(NOW.timestamp()))] * 2


def test_a_signer_who_was_pinned_is_verified_without_an_authority(desk: Desk, tmp_path: Path) -> None:
    signed = sign_xml(DOCUMENT, SIGNER.signer)
    desk.trusted = (SIGNER,)
    message = take(desk.ledger, signed, signed, TrustSnapshot(pinned=(SIGNER.certificate,)))

    assert holds(desk.export(message, stamped=False), tmp_path)


def test_a_weak_signature_that_was_allowed_is_verified_too(desk: Desk, tmp_path: Path) -> None:
    signed = sign_otherwise(DOCUMENT, signature_algorithm="rsa-sha1", digest_algorithm="sha1")

    assert holds(desk.export(take(desk.ledger, signed, signed, signers.WEAK), stamped=False), tmp_path)


def test_a_refused_message_leaves_evidence_of_what_came_and_what_was_answered(desk: Desk, tmp_path: Path) -> None:
    refused = refusal(b"<not even xml")
    desk.ledger.record_refused(refused)
    path = desk.export(refused.message_id, stamped=False)

    assert holds(path, tmp_path)
    assert one(path, "/received.xml")[1] == b"<not even xml"
    assert one(path, "/answer.bin")[1] == b"no"


def test_verdict_and_certificate_are_those_that_the_journal_has_the_digest_of(desk: Desk, tmp_path: Path) -> None:
    signed = sign_xml(DOCUMENT, SIGNER.signer)
    path = desk.export(take(desk.ledger, signed, signed), stamped=False)
    name, facts = one(path, "/facts.json")

    assert b"TOTAL-PASSED" in facts
    changed = rewritten(path, {name: facts.replace(b"TOTAL-PASSED", b"TOTAL-FAILED")})
    assert {each.check for each in verified(changed).results if each.outcome == "failed"} >= {"told", "sums"}
    assert any("facts.json is not what the ledger" in line for line in by_script(changed, tmp_path / "court").all("FAILED"))


def test_a_verdict_that_was_changed_in_the_ledger_is_not_sealed(desk: Desk) -> None:
    signed = sign_xml(DOCUMENT, SIGNER.signer)
    message = take(desk.ledger, signed, signed)
    with desk.ledger._engine.begin() as conn:
        conn.execute(update(messages).values(verdict='{"indication": "TOTAL-PASSED"}'))
    with pytest.raises(Damaged):
        desk.export(message, stamped=False)


def test_authorities_in_between_and_revocation_lists_that_the_trust_leans_on_are_there(desk: Desk, tmp_path: Path) -> None:
    world = pki.standard()
    lists = world.crls()
    desk.trust = trusted.snapshot(
        trusted.store(trusted.anchor(world.root), between=[world.authority.certificate]), trusted.held(*lists)
    )
    signed = sign_xml(DOCUMENT, world.good.signer)
    path = desk.export(take(desk.ledger, signed, signed, TrustSnapshot(pinned=(world.good.certificate,))), stamped=False)
    found = contents(path)

    assert {body for name, body in found.items() if "/revocation-" in name} == set(lists)
    pems = x509.load_pem_x509_certificates(one(path, "/trusted.pem")[1])
    assert set(pems) == {world.authority.certificate, world.root.certificate}
    assert holds(path, tmp_path)
    assert "trusted" in {each.check for each in verified(path).results if each.outcome == "ok"}


# --- the journal -----------------------------------------------------------------------------------------------------


def test_the_files_of_the_journal_are_the_bytes_that_were_hashed(desk: Desk) -> None:
    take(desk.ledger, b"<a/>", sign_xml(DOCUMENT, SIGNER.signer))
    found = contents(desk.export("national:1", stamped=False))

    (chain,) = json.loads(found["evidence.json"])["journal"]
    hashes = [hashlib.sha256(body).hexdigest() for name, body in sorted(found.items()) if name.startswith("journal/1/")]
    assert hashes == [row["hash"] for row in chain["rows"]]
    assert [row["previous"] for row in chain["rows"]] == ["0" * 64, *hashes[:-1]]


def test_bytes_past_retention_are_named_by_their_digest(desk: Desk, tmp_path: Path) -> None:
    signed = sign_xml(DOCUMENT, SIGNER.signer)
    message = take(desk.ledger, signed, signed)
    with desk.ledger.read() as conn:
        (kept,) = history.message_details(conn, [message])
    with desk.ledger._engine.begin() as conn:
        conn.execute(update(payloads).where(payloads.c.digest == kept.raw_digest).values(body=None))

    path = desk.export(message, stamped=False)

    (gone,) = desk.collect(message).left_out
    assert (gone.digest, gone.why) == (kept.raw_digest.removeprefix("sha256:"), DELETED)
    assert holds(path, tmp_path)
    assert any(gone.digest in line for line in by_script(path, tmp_path / "court").all("SKIPPED"))


@pytest.mark.parametrize("number", ["../../etc/passwd", "/etc/passwd", "a b;rm -rf $HOME", "..", "\u202e"])
def test_a_number_from_outside_never_becomes_a_path(desk: Desk, tmp_path: Path, number: str) -> None:
    key = f"national:{number}"
    desk.ledger.record_received(acceptance(subject=key, dossiers=(change(key, codes=(key,)),)))

    found = desk.collect(key)

    assert found.name not in ("", ".", "..")
    assert not set(found.name) & set("/\\; $\u202e")
    assert holds(desk.export(key, stamped=False), tmp_path)


@pytest.mark.parametrize("party", [SIGNER, EC_SIGNER], ids=["rsa", "ec"])
@pytest.mark.parametrize("named_by", ["x5c", "thumbprint"])
def test_a_signature_that_came_beside_the_document_is_verified_with_openssl(
    desk: Desk, tmp_path: Path, party: Party, named_by: str
) -> None:
    body = b'{"MaHoSo": "H01-1"}'
    token = sign_jws(body, party.signer)
    if named_by == "thumbprint":
        token = without_certificate(body, party, token)
    take_jws(desk.ledger, body, token, TrustSnapshot(pinned=(party.certificate,)))
    desk.trusted = (party,)
    path = desk.export("national:1", stamped=False)

    assert holds(path, tmp_path)
    assert {each.check for each in verified(path).results} >= {"jws", "fingerprint", "trusted", "told"}
    kept, detached = one(path, "/detached-signature.bin")
    assert detached.decode() == token
    received, _ = one(path, "/received.json")
    changed = rewritten(path, {received: body.replace(b"H01-1", b"H01-2")})
    assert any("the JWS over" in line for line in by_script(changed, tmp_path / "court").all("FAILED"))
    assert received in failed(changed)
    assert kept in failed(rewritten(path, {kept: sign_jws(b"other", party.signer).encode()}))


def without_certificate(body: bytes, party: Party, token: str) -> str:
    """Sign anew with a header that names the certificate by its thumbprint alone."""
    head = json.loads(base64.urlsafe_b64decode(token.split(".", maxsplit=1)[0] + "=="))
    return jws.sign_detached(body, {name: head[name] for name in ("alg", "x5t#S256")}, party.key)


def take_jws(ledger: Ledger, body: bytes, token: str, trust: TrustSnapshot) -> None:
    """Record a message with a detached signature as intake does."""
    check = verify_jws(body, token, trust, NOW)
    given = acceptance(
        raw=body,
        signed=check.signed_bytes,
        signature=token.encode(),
        certificate=check.certificate,
        verdict=json.dumps(asdict(check.verdict)),
        at=NOW.timestamp(),
        dossiers=(change(),),
    )
    ledger.record_received(given)


def test_a_detached_signature_that_was_refused_is_kept_and_proves_nothing(desk: Desk, tmp_path: Path) -> None:
    token = sign_jws(b"other", SIGNER.signer)
    given = refusal(body=b"{}", signature=token.encode())
    desk.ledger.record_refused(given)
    path = desk.export(given.message_id, stamped=False)

    assert holds(path, tmp_path)
    assert one(path, "/detached-signature.bin")[1].decode() == token
    assert not any(each.check == "jws" for each in verified(path).results)


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


@pytest.fixture
def night_desk(night: Shift, tmp_path: Path) -> Desk:
    return Desk(night.hub.ledger, tmp_path)


def test_what_the_hub_signed_and_sent_is_verified_with_openssl(night: Shift, night_desk: Desk, tmp_path: Path) -> None:
    night.send(1)
    path = night_desk.export("H01-1", stamped=False)

    assert holds(path, tmp_path)
    name, business = one(path, "/attempt-1/business.json")
    assert business == night.partner.arrivals[0].body
    changed = rewritten(path, {name: business.replace(b"H01-1", b"H01-2")})
    assert any("JWS" in line for line in by_script(changed, tmp_path / "court").all("FAILED"))


def test_every_attempt_is_there_and_the_signature_of_bytes_that_were_replaced(
    night: Shift, night_desk: Desk, tmp_path: Path
) -> None:
    night.faults["H01-1"] = "refuse"
    night.send(1)
    night.faults.clear()
    night.clock.advance(1)
    operations.rebuild(night.hub, night.ids()[0], actor="lan", why="đã sửa")
    night.carry()
    path = night_desk.export(night.ids()[0], stamped=False)

    assert holds(path, tmp_path)
    assert sum(each.check == "jws" for each in verified(path).results) == 2
    replies = [json.loads(body)["ma"] for name, body in sorted(contents(path).items()) if name.endswith("/reply.json")]
    assert replies == ["13", "00"]


def test_what_an_operator_gave_as_evidence_is_there(night: Shift, night_desk: Desk, tmp_path: Path) -> None:
    night.faults["H01-1"] = "garble"
    night.send(1)
    operations.settle(night.hub, night.ids()[0], arrived=True, evidence=b"letter", actor="lan", why="gọi điện")
    path = night_desk.export("H01-1", stamped=False)

    (stated,) = (body for name, body in contents(path).items() if "operator.settle_arrived" in name)
    assert stated == b"letter"
    assert holds(path, tmp_path)


def test_no_credential_is_in_the_evidence(night: Shift, night_desk: Desk) -> None:
    night.send(1)

    assert not any(b"Bearer secret" in body for body in contents(night_desk.export("H01-1", stamped=False)).values())


# --- signatures taken apart ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token",
    ["", "a..b", "..", "e30..", base64.urlsafe_b64encode(b'{"alg":"none","x5c":["AA=="]}').decode() + "..AA", "\x00..\x00"],
)
def test_a_token_that_cannot_be_read_proves_nothing(token: str) -> None:
    assert proofs.of_jws(token, folder="m", name="b", at=0) == proofs.Proof()


@pytest.mark.parametrize("body", [b"", b"<", b"{}", b"<a/>", b"\xff\xfe<", b"<!DOCTYPE a><a/>", b"<a>" * 500])
def test_what_carries_no_signature_has_no_document_and_no_proof(body: bytes) -> None:
    assert proofs.signed_document(body) == b""
    assert proofs.of_xml(body, folder="m", name="b", at=0) == proofs.Proof()


@pytest.mark.parametrize("party", [SIGNER, EC_SIGNER], ids=["rsa", "ec"])
@pytest.mark.parametrize("canonical", [signers.C14N, signers.EXC])
def test_what_the_key_really_signed_is_taken_out_of_its_document(party: Party, canonical: str) -> None:
    """Inclusive canonicalisation takes namespaces from around the signature along."""
    document = DOCUMENT.replace(b"<Envelope>", b'<Envelope xmlns:x="urn:x">')
    signed = sign_otherwise(document, party, c14n_algorithm=canonical, signature_algorithm=method(party))
    found = proofs.of_xml(signed, folder="m", name="b.xml", at=0)

    assert [check.kind for check in found.checks] == ["xml", "signed_info"]


def method(party: Party) -> str:
    return "ecdsa-sha256" if party is EC_SIGNER else "rsa-sha256"


def test_a_word_that_could_mislead_a_reader_of_lines_is_not_written() -> None:
    assert not proofs.Check("xml", ("a b",)).plain
    assert not proofs.Check("xml", ("a\tb",)).plain
    assert not proofs.Check("xml", ("",)).plain
    assert proofs.Check("xml", ("urn:x:Envelope", "-")).plain
