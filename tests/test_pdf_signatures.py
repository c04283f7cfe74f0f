"""Signatures in result files that are PDFs: read when somebody looks, by a program that a hostile file may crash."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils.generic import DictionaryObject, NameObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign import signers as pdf_signers
from pyhanko_certvalidator.registry import SimpleCertificateStore
from typer.testing import CliRunner

from hub import intake, pdf_signatures
from hub.app import Hub
from hub.contract import Request
from hub.edge.acts import looking
from hub.edge.cli import app
from hub.payloads import put
from hub.registers.attachments import AttachmentRow
from hub.registers.signed_files import SignedFile
from hub.rules.people import Person
from tests.support import hub as support
from tests.support.file_place import NUMBER, dossier
from tests.support.signers import AUTHORITY, OTHER_AUTHORITY, SIGNER, Party

runner = CliRunner()


def unsigned() -> bytes:
    writer = PdfFileWriter()
    stream = writer.add_object(DictionaryObject())
    writer.insert_page(PageObject(contents=stream, media_box=(0, 0, 200, 200), resources=DictionaryObject()))
    writer.root[NameObject("/Lang")] = NameObject("/vi")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def signed(file: bytes, party: Party = SIGNER, field: str = "KySo", chain: tuple[Party, ...] = (AUTHORITY,)) -> bytes:
    store = SimpleCertificateStore()
    for each in chain:
        store.register(asn1_x509.Certificate.load(each.certificate.public_bytes(Encoding.DER)))
    private = party.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = pdf_signers.SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(party.certificate.public_bytes(Encoding.DER)),
        signing_key=asn1_keys.PrivateKeyInfo.load(private),
        cert_registry=store,
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(file))
    out = pdf_signers.sign_pdf(writer, pdf_signers.PdfSignatureMetadata(field_name=field), signer=signer)
    return bytes(out.getvalue())


PLAIN = unsigned()
SIGNED = signed(PLAIN)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    opened = support.open_hub(support.configure(tmp_path_factory.mktemp("pdf")))
    yield replace(opened, document_anchors=(AUTHORITY.certificate,))
    support.close(opened)


def read(hub: Hub, file: bytes) -> SignedFile:
    kept = put(hub.payloads, [file])
    (told,) = pdf_signatures.read(hub, [AttachmentRow(digest=kept.digest, size=kept.size, deleted_at=None)])
    return told


def test_a_licence_says_who_signed_it_when_and_that_it_is_whole(hub: Hub) -> None:
    told = read(hub, SIGNED)

    assert (told.outcome, told.count) == ("read", 1)
    (one,) = told.signatures
    assert (one.intact, one.valid, one.whole) == (True, True, True)
    assert "Signer" not in one.signer and one.issuer == "CN=Authority"
    assert len(one.fingerprint) == 64 and one.signed_at and one.stamped_at == ""


def test_whom_the_trust_store_does_not_know_is_not_trusted(hub: Hub) -> None:
    stranger = replace(hub, document_anchors=(OTHER_AUTHORITY.certificate,))
    nobody = replace(hub, document_anchors=())

    assert [read(each, SIGNED).signatures[0].trusted for each in (hub, stranger, nobody)] == [True, False, False]
    assert read(stranger, SIGNED).signatures[0].intact


def test_a_change_is_seen_and_an_addition_leaves_a_part(hub: Hub) -> None:
    changed = SIGNED.replace(b"/Lang /vi", b"/Lang /en")
    assert changed != SIGNED
    later = IncrementalPdfFileWriter(io.BytesIO(SIGNED))
    later.root[NameObject("/Lang")] = NameObject("/en")
    later.update_root()
    out = io.BytesIO()
    later.write(out)

    (one,) = read(hub, changed).signatures
    assert not one.intact and not one.trusted
    (one,) = read(hub, out.getvalue()).signatures
    assert one.intact and not one.whole


def test_two_signatures_are_both_told_and_only_the_last_covers_the_whole_file(hub: Hub) -> None:
    told = read(hub, signed(SIGNED, field="KySo2"))

    assert [one.whole for one in told.signatures] == [False, True]


@pytest.mark.parametrize(
    ("file", "outcome"),
    [
        (PLAIN, "read"),
        (b"PK\x03\x04 not a pdf", "not_pdf"),
        (b"", "not_pdf"),
        (b"%PDF-1.7\n" + b"\x00\xff" * 5_000, "unreadable"),
        (SIGNED[: len(SIGNED) // 2], "unreadable"),
    ],
    ids=["unsigned", "a zip", "empty", "rubbish", "cut"],
)
def test_what_is_no_signed_pdf_is_said_to_be_so(hub: Hub, file: bytes, outcome: str) -> None:
    told = read(hub, file)

    assert (told.outcome, told.signatures) == (outcome, ())


def bomb() -> bytes:
    """Nest arrays deep where the reader begins: a reader that calls itself runs out of its stack."""
    deep = b"[" * 200_000
    return (
        b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /AcroForm << /Fields " + deep + b" >> >>\nendobj\n"
        b"trailer\n<< /Root 1 0 R /Size 2 >>\nstartxref\n0\n%%EOF\n"
    )


def test_a_hostile_file_ends_the_program_and_nothing_else(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(hub, bomb()).outcome == "unreadable"
    monkeypatch.setattr(pdf_signatures, "LIMITS", {**pdf_signatures.LIMITS, "memory_bytes": 30_000_000})
    assert read(hub, SIGNED + b"\n% too little memory").outcome == "unreadable"


def test_a_program_that_takes_too_long_is_stopped(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_signatures, "SECONDS", 0.01)

    assert read(hub, SIGNED + b"\n% slow").outcome == "too_slow"


def test_large_and_deleted_files_are_not_read(hub: Hub) -> None:
    rows = [
        AttachmentRow(digest="sha256:" + "0" * 64, size=pdf_signatures.MOST_BYTES + 1, deleted_at=None),
        AttachmentRow(digest="sha256:" + "1" * 64, size=1, deleted_at=5.0),
    ]

    assert [each.outcome for each in pdf_signatures.read(hub, rows)] == ["too_large", "deleted"]


def test_a_file_is_read_once_while_the_trust_is_the_same(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(hub, SIGNED)

    def never(*given: Any) -> Any:
        raise AssertionError("it was read again")

    monkeypatch.setattr(pdf_signatures, "_run", never)
    assert read(hub, SIGNED) == first


def test_the_program_has_nothing_of_our_environment(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    run = pdf_signatures.subprocess.run

    def watched(command: Any, **given: Any) -> Any:
        seen.update(given)
        return run(command, **given)

    monkeypatch.setenv("SECRET_OF_THE_HUB", "x")
    monkeypatch.setattr(pdf_signatures.subprocess, "run", watched)
    read(hub, SIGNED + b"\n% environment")

    assert set(seen["env"]) == {"PYTHONPATH", "LANG", "PATH"}


def test_show_tells_it_at_the_command_line_and_in_the_api(tmp_path: Path) -> None:
    folder = support.configure(tmp_path, sender_adapter="one_stop")
    hub = support.open_hub(folder)
    kept = put(hub.payloads, [SIGNED])
    hub.ledger.record_given(kept.digest, size=kept.size, givers=[support.SENDER], now=hub.now())
    url = f"{hub.public_url.rstrip('/')}/attachments/{kept.digest}"
    try:
        result = {"TenGiayTo": "Giấy phép", "DuongDanTepTinKetQua": url, "MaGiayToKetQua": "KQ.G99.000001"}
        body = json.dumps({"HoSo": {**dossier(NUMBER), "DanhSachGiayToKetQua": [result]}}).encode()
        given = Request(endpoint=support.SENDER, body=body, content_type="application/json", idempotency_key="k1")
        assert intake.receive(hub, given).status == 202
        shown = runner.invoke(app, ["--config", str(folder), "show", NUMBER, "--json"])
        plain = runner.invoke(app, ["--config", str(folder), "show", NUMBER])
        (message,) = json.loads(shown.stdout)["messages"]
        by_api = looking.ACTS[-1].do(hub, Person(login="an"), looking.ShowAsked(name=message["row"]["id"]))
    finally:
        support.close(hub)

    files = json.loads(shown.stdout)["files"]
    assert [(each["outcome"], len(each["signatures"])) for each in files] == [("read", 1)]
    assert kept.digest[7:19] in plain.stdout
    assert [len(each.signatures) for each in by_api.files] == [1]
