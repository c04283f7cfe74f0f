"""One attack of each class through the whole intake: refused in the partner's own words, recorded, nothing lost."""

from __future__ import annotations

import copy
import html
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from sqlalchemy import select

from hub import intake
from hub.app import Hub
from hub.conformance.samples import Sample
from hub.contract import Request
from hub.ledger.tables import payloads
from tests.support import hub as support
from tests.support import signed_xml, signers
from tests.support.clock import Clock
from tests.support.looking import all_deliveries, all_messages, broken_rows
from tests.support.signed_xml import B_B, DS, EXC, PLAIN, XADES
from tests.support.signers import ATTACKER, SIGNER, edited
from tests.support.stamped import FOREIGN_TSA, STAMPED_AT, TSA, TSA_ROOT

ADAPTER = import_module("adapters.single_window").ADAPTER
SAMPLES = Path(str(import_module("adapters.single_window").__file__)).parent / "samples"
SAMPLE = Sample(SAMPLES / "in" / "application_code_with_ampersand.xml").request()
OPTIONS = '[options.outbound]\nurl = "https://nsw.example.org/ws"\nsoap_action = "urn:receive"\n'
_OPTIONS = ADAPTER.options.model_validate(json.loads((SAMPLES / "options.json").read_text(encoding="utf-8")))
DOCUMENT = ADAPTER.open_request(SAMPLE, _OPTIONS).document


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("door")
    inbound = f'signature = "required"\nanchors = ["authority.crt"]\n{OPTIONS}'
    support.configure(folder, sender=inbound, sender_adapter="single_window")
    trust = folder / "trust"
    trust.mkdir(exist_ok=True)
    (trust / "authority.crt").write_bytes(signers.AUTHORITY.certificate.public_bytes(Encoding.PEM))
    (trust / "time.crt").write_bytes(TSA_ROOT.pem)
    (trust / "trust.toml").write_text('[[anchor]]\nname = "time"\nfile = "time.crt"\npurpose = "tsa"\n', encoding="utf-8")
    opened = support.open_hub(folder, Clock())
    yield opened
    support.close(opened)


def call(document: bytes) -> Request:
    """Wrap a document as the gateway does: a text inside of a text element."""
    payload = html.escape(document.decode(), quote=False)
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><s:Request xmlns:s="http://tempuri.org/">'
        f"<s:payload>{payload}</s:payload></s:Request></e:Body></e:Envelope>"
    )
    return Request(endpoint=support.SENDER, body=body.encode(), content_type="text/xml; charset=utf-8")


def verdict(row: Any) -> str:
    said = json.loads(row.verdict)
    return "/".join(filter(None, (said["indication"], said["sub_indication"])))


def bytes_of(hub: Hub, digest: str) -> bytes:
    with hub.ledger.read() as conn:
        return bytes(conn.execute(select(payloads.c.body).where(payloads.c.digest == digest)).scalar_one())


# --- the classes --------------------------------------------------------------------------------------------------

SIGNED = signed_xml.sign(DOCUMENT, SIGNER)
Made = Callable[[], bytes]


def wrapped() -> bytes:
    """The original in an object of the signature, a changed copy around it."""
    document = DOCUMENT.replace(b"<Envelope>", b'<Envelope Id="doc">', 1)
    root = etree.fromstring(signed_xml.sign(document, SIGNER, PLAIN, uri="#doc"))
    signature = root.find(f"{DS}Signature")
    bare = copy.deepcopy(root)
    bare.remove(bare.find(f"{DS}Signature"))
    evil = copy.deepcopy(bare)
    evil.attrib.pop("Id")
    etree.SubElement(signature, f"{DS}Object").append(bare)
    evil.append(signature)
    return etree.tostring(evil)


def many_transforms() -> bytes:
    def many(root: etree._Element, signature: etree._Element) -> None:
        for _ in range(5_000):
            etree.SubElement(signature.find(f".//{DS}Transforms"), f"{DS}Transform", Algorithm=EXC)

    return edited(SIGNED, many)


def same_key_other_certificate() -> bytes:
    again = signers.Party("Signer elsewhere", signers.AUTHORITY, key=SIGNER.key)
    return edited(
        SIGNED,
        lambda root, signature: setattr(
            signature.find(f".//{DS}X509Certificate"), "text", signed_xml.b64(signed_xml.der(again))
        ),
    )


def stamped(tsa: Any, **more: Any) -> bytes:
    at = STAMPED_AT - timedelta(hours=1)  # the clock of a hub in tests stands a little earlier
    return signed_xml.sign(DOCUMENT, SIGNER, after=lambda signature: signed_xml.stamp(signature, tsa, at=at, **more))


def countersigned() -> bytes:
    def countersign(signature: etree._Element) -> None:
        inside = etree.SubElement(signed_xml.unsigned(signature), f"{XADES}CounterSignature")
        inside.append(copy.deepcopy(etree.fromstring(SIGNED).find(f".//{DS}Signature")))

    return signed_xml.sign(DOCUMENT, SIGNER, after=countersign)


def many_values() -> bytes:
    return signed_xml.sign(DOCUMENT, SIGNER, after=lambda signature: signed_xml.values(signature, crls=[b"0"] * 5_000))


#: Class -> the document, the error that is recorded, the verdict.
ATTACKS: dict[str, tuple[Made, str, str]] = {
    "unsigned": (lambda: DOCUMENT, "untrusted", "NOT-SIGNED"),
    "wrapping": (wrapped, "untrusted", "TOTAL-FAILED/FORMAT_FAILURE"),
    "two signatures": (
        lambda: edited(SIGNED, lambda root, signature: root.append(copy.deepcopy(signature))),
        "untrusted",
        "TOTAL-FAILED/FORMAT_FAILURE",
    ),
    "twice the same id": (
        lambda: edited(SIGNED, lambda root, signature: root[0].set("Id", "sig")),
        "untrusted",
        "TOTAL-FAILED/FORMAT_FAILURE",
    ),
    "changed content": (lambda: SIGNED.replace(b"QG2026000012", b"QG2026000013"), "untrusted", "TOTAL-FAILED/HASH_FAILURE"),
    "foreign certificate": (
        lambda: signed_xml.sign(DOCUMENT, ATTACKER),
        "untrusted",
        "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND",
    ),
    "foreign key": (
        lambda: signed_xml.sign(DOCUMENT, ATTACKER, certificates=(SIGNER.certificate,)),
        "untrusted",
        "TOTAL-FAILED/SIG_CRYPTO_FAILURE",
    ),
    "other certificate": (same_key_other_certificate, "untrusted", "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"),
    "SHA-1": (
        lambda: signed_xml.sign(DOCUMENT, SIGNER, PLAIN, method=signed_xml.RSA_SHA1, digest="sha1"),
        "untrusted",
        "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE",
    ),
    "many transforms": (many_transforms, "untrusted", "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"),
    "external reference": (
        lambda: SIGNED.replace(b'URI=""', b'URI="file:///etc/passwd"'),
        "untrusted",
        "INDETERMINATE/SIG_CONSTRAINTS_FAILURE",
    ),
    "other properties": (
        lambda: signed_xml.sign(
            DOCUMENT, SIGNER, before=lambda signature: signature.find(f".//{XADES}QualifyingProperties").set("Target", "#x")
        ),
        "untrusted",
        "TOTAL-FAILED/FORMAT_FAILURE",
    ),
    "foreign time stamp": (lambda: stamped(FOREIGN_TSA), "untrusted", "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"),
    "moved time stamp": (lambda: stamped(TSA, over=b"another signature"), "untrusted", "TOTAL-FAILED/HASH_FAILURE"),
    "countersignature": (countersigned, "untrusted", "TOTAL-FAILED/FORMAT_FAILURE"),
    "many unsigned values": (many_values, "untrusted", "TOTAL-FAILED/FORMAT_FAILURE"),
    "document type": (
        lambda: b'<!DOCTYPE Envelope [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + SIGNED,
        "invalid_message",
        "NOT-CHECKED",
    ),
    "entity": (lambda: SIGNED.replace(b"QG2026000012", b"&evil;"), "invalid_message", "NOT-CHECKED"),
    "instruction": (lambda: SIGNED.replace(b"<Header>", b"<?x y?><Header>"), "invalid_message", "NOT-CHECKED"),
    "depth": (
        lambda: SIGNED.replace(b"<Header>", b"<a>" * 5_000 + b"</a>" * 5_000 + b"<Header>"),
        "invalid_message",
        "NOT-CHECKED",
    ),
    "relative namespace": (
        lambda: SIGNED.replace(b"<Envelope>", b'<Envelope xmlns:q="relative">'),
        "untrusted",
        "TOTAL-FAILED/FORMAT_FAILURE",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_and_recorded_and_nothing_is_lost(hub: Hub, attack: str):
    make, error, outcome = ATTACKS[attack]
    before = {row.id for row in all_messages(hub.ledger)}
    deliveries = len(all_deliveries(hub.ledger))
    request = call(make())

    answer = intake.receive(hub, request)

    (row,) = (row for row in all_messages(hub.ledger) if row.id not in before)
    assert not row.accepted
    assert (row.error_code, verdict(row)) == (error, outcome)
    assert bytes_of(hub, row.raw_digest) == request.body  # as it came, for whoever looks into it
    assert len(all_deliveries(hub.ledger)) == deliveries
    assert broken_rows(hub.ledger) == []
    for detail in (outcome, *outcome.split("/"), "CN=", "xmldsig"):
        assert detail.encode() not in answer.body


def test_the_door_takes_what_nobody_bent(hub: Hub):
    """Otherwise the door would refuse for a reason of its own; levels and times reach the ledger."""
    intake.receive(hub, call(stamped(TSA)))

    (row,) = (row for row in all_messages(hub.ledger) if row.accepted)
    said = json.loads(row.verdict)
    assert (verdict(row), said["level"]) == ("TOTAL-PASSED", "XAdES-B-T")
    assert (said["signed_at"], said["stamped_at"]) == (B_B.signed_at, "2026-03-02T08:15:02+07:00")
