"""Containers: a stranger verifies them; any change is found and named; what was left out is proved all the same."""

from __future__ import annotations

import base64
import json
import subprocess
import tracemalloc
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, update

from hub import payloads as stores
from hub.canonical.digests import sha256
from hub.errors import Damaged
from hub.ledger.ledger import Ledger
from hub.ledger.tables import attachment_uses, attachments, payloads
from hub.registers.evidence import NOT_ASKED, PERSONAL, Wanted
from hub.registers.guides import SCRIPT
from hub.rules import asic, cades
from hub.rules.asic import DataObject
from hub.rules.signatures import signed_part
from hub.rules.signing import in_memory, sign_xml
from tests.support import pki, tsa
from tests.support.acceptances import acceptance, change
from tests.support.containers import (
    TOOLS,
    Desk,
    by_script,
    contents,
    failed,
    packed,
    rewritten,
    verified,
)
from tests.support.signers import ATTACKER, AUTHORITY, DOCUMENT, EC_SIGNER, NOW, OTHER_AUTHORITY, SIGNER, TRUST, tool

#: Stands in the document, and names somebody.
NAME = "Chi cục Thú y".encode()
MANIFESTS = {asic.MANIFEST, asic.SEAL, asic.ARCHIVE_MANIFEST, asic.TIMESTAMP}


@dataclass(frozen=True)
class Made:
    """A container, who made it, and whom one must trust to believe it."""

    desk: Desk
    path: Path
    message: str


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    for name in TOOLS:
        tool(name)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    made.create()
    yield made
    made.close()


def take(ledger: Ledger, document: bytes = DOCUMENT, **more: object) -> str:
    """Record a signed message."""
    raw = sign_xml(document, SIGNER.signer)
    check = signed_part(raw, TRUST, NOW)
    accepted = acceptance(
        raw=raw,
        signed=check.signed_bytes,
        certificate=check.certificate,
        verdict=json.dumps(asdict(check.verdict)),
        at=NOW.timestamp(),
        dossiers=(change(),),
        **more,
    )
    ledger.record_received(accepted)
    return accepted.message_id


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Make, once, a container of a message with everything: seal of the ledger, time tokens."""
    folder = tmp_path_factory.mktemp("made")
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    ledger.create()
    message = take(ledger)
    desk = Desk(ledger, folder)
    desk.seal_ledger()
    yield Made(desk, desk.export("national:1"), message)
    ledger.close()


# --- it holds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("party", [SIGNER, EC_SIGNER], ids=["rsa", "ec"])
@pytest.mark.parametrize("stamped", [True, False], ids=["stamped", "not stamped"])
def test_a_container_holds_for_the_hub_and_for_public_tools(ledger: Ledger, tmp_path: Path, party: object, stamped: bool) -> None:
    take(ledger)
    desk = Desk(ledger, tmp_path, signer=party.signer)  # type: ignore[attr-defined]
    desk.seal_ledger()
    path = desk.export("national:1", stamped=stamped)
    said = by_script(path, tmp_path / "court")

    assert verified(path).holds
    assert (said.code, said.errors, said.all("FAILED")) == (0, "", [])
    words = ["the seal META-INF", "what the manifest says", "XML signature", "is whole", "is below", "over the seal"]
    words += ["over the archive"] if stamped else []
    assert [word for word in words if not any(word in line for line in said.all("OK"))] == []


def test_it_is_an_asic_e_container(made: Made) -> None:
    """EN 319 162-1 4.4, A.1: the type at octet 38, everything else named by a manifest."""
    octets = made.path.read_bytes()
    manifest = asic.read_manifest(contents(made.path)[asic.MANIFEST], asic.MANIFEST)

    assert octets[:4] == b"PK\x03\x04"
    assert octets[30:69] == b"mimetypeapplication/vnd.etsi.asic-e+zip"
    with zipfile.ZipFile(made.path) as opened:
        names = opened.namelist()
        assert opened.testzip() is None
    assert names[0] == "mimetype"
    assert {each.uri for each in manifest.objects} == set(names) - {"mimetype"} - MANIFESTS


def test_anchors_decide_whether_the_signers_are_believed(made: Made, tmp_path: Path) -> None:
    """At the moment that the time token proves, since the certificates of the tests have ended by then."""
    root = tsa.authorities()[0]
    good, bad = verified(made.path, AUTHORITY, root), verified(made.path, OTHER_AUTHORITY, root)

    assert good.holds
    assert good.sealed_by == "CN=Signer"
    assert {each.check for each in bad.results if each.outcome == "failed"} == {"signer"}
    assert "timestamp_signer" in {each.check for each in verified(made.path, AUTHORITY).results if each.outcome == "failed"}
    assert by_script(made.path, tmp_path / "good", AUTHORITY, root).code == 0
    assert by_script(made.path, tmp_path / "bad", OTHER_AUTHORITY, root).code == 1


def test_without_anchors_it_says_whose_seal_it_is_and_that_nobody_judged_it(made: Made, tmp_path: Path) -> None:
    verdict = verified(made.path)

    assert (verdict.name, verdict.hub, verdict.sealed_by) == ("national:1", "test-hub", "CN=Signer")
    assert [each.outcome for each in verdict.results if each.check == "signer"] == ["not_checked"]
    assert any("no anchors" in line for line in by_script(made.path, tmp_path / "court").all("SKIPPED"))


def test_the_script_also_takes_the_container_unpacked(made: Made, tmp_path: Path) -> None:
    subprocess.run([tool("unzip"), "-q", str(made.path), "-d", str(tmp_path / "opened")], check=True)

    assert by_script(tmp_path / "opened", tmp_path / "court").code == 0


def test_the_script_can_be_read_before_it_is_run(made: Made) -> None:
    """The one in the container is the one of the source."""
    assert len(SCRIPT.splitlines()) <= 150
    assert contents(made.path)["verify.sh"] == SCRIPT


# --- any change is found ----------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found_and_named(made: Made, at: float, bit: int) -> None:
    octets = bytearray(made.path.read_bytes())
    place = int(at * len(octets))
    octets[place] ^= 1 << bit
    changed = made.path.with_name("flipped.zip")
    changed.write_bytes(octets)

    name = file_at(made.path, place)
    assert any(alike(each.strip("'"), name) for each in failed(changed) - {"ZIP"}) or (name == "ZIP" and failed(changed))


def alike(named: str, name: str) -> bool:
    """Say whether a name is told; where the bit was in the name itself, it has another letter."""
    return len(named) == len(name) and sum(one != other for one, other in zip(named, name, strict=True)) <= 1


def file_at(path: Path, place: int) -> str:
    """Name the file in which an octet of the zip is, or whose header or record it is."""
    with zipfile.ZipFile(path) as opened:
        infos = opened.infolist()
        if place >= opened.start_dir:
            at = opened.start_dir
            for info in infos:
                at += 46 + len(info.filename)
                if place < at:
                    return info.filename
            return "ZIP"
    return max((info for info in infos if info.header_offset <= place), key=lambda info: info.header_offset).filename


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_change_of_a_file_is_found_in_a_zip_that_is_well_formed(made: Made, data: st.DataObject) -> None:
    """Whoever changes a file writes its check sums anew as well."""
    found = contents(made.path)
    name = data.draw(st.sampled_from(sorted(set(found) - {"mimetype", asic.TIMESTAMP})))
    place, bit = data.draw(st.integers(0, max(0, len(found[name]) - 1))), data.draw(st.integers(0, 7))
    body = bytearray(found[name] or b"\0")
    body[place] ^= 1 << bit

    wrong = [each for each in verified(rewritten(made.path, {name: bytes(body)})).results if each.outcome == "failed"]
    assert any(name in (each.about, each.en.partition(":")[0]) for each in wrong)


@pytest.mark.parametrize("name", ["evidence.json", "checks.tsv", "report.html", asic.SEAL, asic.MANIFEST, asic.TIMESTAMP])
def test_a_file_that_was_taken_away_is_missed(made: Made, tmp_path: Path, name: str) -> None:
    changed = rewritten(made.path, {name: None})

    assert failed(changed) & {name, asic.SEAL}
    assert by_script(changed, tmp_path / "court").code == 1


def test_a_file_that_was_added_is_noticed(made: Made, tmp_path: Path) -> None:
    changed = rewritten(made.path, {"messages/more.xml": b"<a/>"})

    assert failed(changed) == {"messages/more.xml"}
    assert any("does not name" in line for line in by_script(changed, tmp_path / "court").all("FAILED"))


def test_a_manifest_written_anew_does_not_fit_the_seal(made: Made, tmp_path: Path) -> None:
    """Somebody changes a file and the manifest with it."""
    found = contents(made.path)
    report = found["report.html"].replace("Bằng chứng".encode(), b"Changed")
    objects = [
        DataObject(uri=each.uri, digest=sha256(report) if each.uri == "report.html" else each.digest)
        for each in asic.read_manifest(found[asic.MANIFEST], asic.MANIFEST).objects
    ]
    manifest = asic.write_manifest(asic.SEAL, asic.SEAL_TYPE, objects)
    changed = rewritten(made.path, {"report.html": report, asic.MANIFEST: manifest})

    assert {asic.SEAL, asic.MANIFEST} <= failed(changed)
    assert any("the seal META-INF" in line for line in by_script(changed, tmp_path / "court").all("FAILED"))


def test_a_container_sealed_anew_by_somebody_else_does_not_pass_for_ours(made: Made, tmp_path: Path) -> None:
    """The forger's certificate has the same name; nothing but the anchors tells."""
    path, root = made.desk.export("national:1", stamped=False), tsa.authorities()[0]
    seal = cades.seal(contents(path)[asic.MANIFEST], ATTACKER.signer, NOW)
    changed = rewritten(path, {asic.SEAL: seal})

    assert verified(changed).holds
    assert verified(changed).seal_fingerprint != verified(path).seal_fingerprint
    assert (failed(path, AUTHORITY, root), failed(changed, AUTHORITY, root)) == (set(), {asic.SEAL})
    assert by_script(changed, tmp_path / "court", AUTHORITY, root).code == 1


def test_a_time_token_cannot_be_taken_away_unnoticed(made: Made, tmp_path: Path) -> None:
    """What is below the seal says that there was one."""
    changed = rewritten(made.path, {asic.ARCHIVE_MANIFEST: None, asic.TIMESTAMP: None})

    assert asic.TIMESTAMP in failed(changed)
    assert by_script(changed, tmp_path / "court").code == 1


def test_a_time_token_over_something_else_is_refused(made: Made, tmp_path: Path) -> None:
    changed = rewritten(made.path, {asic.TIMESTAMP: made.desk.stamp(bytes(32))})

    assert failed(changed) == {asic.TIMESTAMP}
    assert any("time token" in line for line in by_script(changed, tmp_path / "court").all("FAILED"))


def test_the_script_names_the_file_that_was_changed(made: Made, tmp_path: Path) -> None:
    changed = rewritten(made.path, {"evidence.json": b"{}"})

    assert any(line.startswith("evidence.json is not what") for line in by_script(changed, tmp_path / "court").all("FAILED"))


# --- hostile ones -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"PK", b"PK\x05\x06" + bytes(18), b"\x00" * 1000])
def test_what_is_no_container_is_said_so(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "x.asice"
    path.write_bytes(body)

    assert not verified(path).holds
    assert by_script(path, tmp_path / "court").code == 1


@pytest.mark.parametrize(
    "lines",
    [
        b"rm\t-rf\t/\n",
        b"xml\n",
        b"xml\t../../etc/passwd\tb\t0\t-\t-\n",
        b"xml\ta\tb\tnot a number\t-\t-\n",
        b"chain\tjournal/1\t99999999999999999999\tx\n",
        b"merkle\tevidence.json\tevidence.json\tevidence.json\tx\n",
        b"signed_info\ta\tb\tc\n",
        b"signed_part\tevidence.json\tevidence.json\tshake_128\tx\n",
        b"told\t-rf\tb\tc\n",
        b"\xff\xfe\n",
        b"x signed_info rm\ty\n",
        b"left_out\tevidence.json\n",
        b"trusted\tevidence.json\tevidence.json\t9e999\tweak\n",
        b"stamped_root\tevidence.json\tzz\n",
        b"\t\t\t\n",
    ],
)
def test_lines_that_somebody_invented_fail_and_do_nothing(made: Made, tmp_path: Path, lines: bytes) -> None:
    """The list of checks is sealed, but whoever made the container may be anybody."""
    changed = rewritten(made.path, {"checks.tsv": lines})
    untouched = tmp_path / "untouched"
    untouched.write_text("x")

    outcomes = [each.outcome for each in verified(changed).results if each.check not in ("manifest", "seal", "zip", "sums")]
    assert "failed" in outcomes or "not_checked" in outcomes
    assert not verified(changed).holds
    assert by_script(changed, tmp_path / "court").code != 0
    assert untouched.exists()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_rubbish_in_any_file_never_ends_in_a_bug(made: Made, data: st.DataObject) -> None:
    found = contents(made.path)
    name = data.draw(st.sampled_from(sorted(found)))
    changed = rewritten(made.path, {name: data.draw(st.binary(max_size=200))})

    assert not verified(changed).holds


def test_a_word_that_the_script_would_give_to_openssl_as_an_option_verifies_nothing(made: Made, tmp_path: Path) -> None:
    """``openssl dgst -hmac`` would take ``-verify`` for its key, and find no fault in any signature."""
    opened = tmp_path / "opened"
    subprocess.run([tool("unzip"), "-q", str(made.path), "-d", str(opened)], check=True)
    (opened / "-signature").write_bytes(b"x")
    pem = next(name for name in contents(made.path) if name.endswith("certificate.pem"))
    (opened / "checks.tsv").write_text(
        f"signed_info\tevidence.json\tSHA256SUMS\t{pem}\thmac\tpkcs1\n"
        f"jws\tevidence.json\tSHA256SUMS\tSHA256SUMS\t{pem}\thmac\tpkcs1\n"
    )
    said = by_script(opened, tmp_path / "court")

    assert [line for line in said.all("OK") if "signature value" in line or "JWS" in line] == []


def sealed(path: Path, party: pki.Party, *beside: x509.Certificate, checks: bytes = b"", **files: bytes) -> Path:
    """Make what a stranger could make: a container that is well-formed, with files and a seal of its own."""
    found = {"checks.tsv": checks, "SHA256SUMS": b"", **files}
    objects = [DataObject(uri=name, digest=sha256(body)) for name, body in found.items()]
    manifest = asic.write_manifest(asic.SEAL, asic.SEAL_TYPE, objects)
    seal = cades.seal(manifest, replace(party.signer, chain=beside), pki.NOW)
    first = {asic.MIMETYPE_NAME: asic.MIMETYPE.encode()}
    return packed(path, {**first, **found, asic.MANIFEST: manifest, asic.SEAL: seal}.items())


def test_certificates_that_cannot_be_looked_into_are_said_and_end_nothing(tmp_path: Path) -> None:
    signer = pki.leaf(pki.root(), "G")
    odd = x509.load_der_x509_certificate(signer.der.replace(b"\x0c\x01G", b"\x0c\x01\xff"))
    fifth = base64.encodebytes(signer.der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05", 1)).decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{fifth}-----END CERTIFICATE-----\n".encode()
    root = pki.Party(key=None, certificate=signer.path[0])

    assert failed(sealed(tmp_path / "1.asice", replace(signer, certificate=odd))) == {asic.SEAL}
    assert failed(sealed(tmp_path / "2.asice", signer, odd), root) == {asic.SEAL}
    assert failed(sealed(tmp_path / "3.asice", signer, checks=b"fingerprint\tc\t00\n", c=pem)) == {"c"}


def test_the_script_passes_over_no_line(tmp_path: Path) -> None:
    signer = pki.leaf(pki.root())
    index = {"evidence.json": b"{}"}
    for number, line in enumerate((b"xml signed_info\ty\n", b"xml signed_info\n", b"rm\t-rf\t/\n", b"xml\n")):
        path = sealed(tmp_path / f"{number}.asice", signer, checks=line, **index)

        assert by_script(path, tmp_path / "court").code != 0
    assert by_script(sealed(tmp_path / "whole.asice", signer, **index), tmp_path / "court").code == 0


def test_a_signer_whom_the_reader_trusts_vouches_for_nobody_else(tmp_path: Path) -> None:
    signer = pki.leaf(pki.root())
    path = sealed(tmp_path / "1.asice", pki.leaf(signer, "Supreme court"))

    assert failed(path, signer) == {asic.SEAL}
    assert failed(sealed(tmp_path / "2.asice", signer), signer) == set()


def test_a_deep_or_huge_manifest_is_refused(made: Made) -> None:
    for body in (b"<a>" * 100_000, b"<a " + b"b='" + b"x" * 25_000_000 + b"'/>"):
        assert asic.MANIFEST in failed(rewritten(made.path, {asic.MANIFEST: body}))


def test_a_folder_of_links_is_refused_by_the_script(made: Made, tmp_path: Path) -> None:
    """Somebody gives a zip whose entries point out of it."""
    opened = tmp_path / "opened"
    subprocess.run([tool("unzip"), "-q", str(made.path), "-d", str(opened)], check=True)
    (opened / "evidence.json").unlink()
    (opened / "evidence.json").symlink_to("/etc/passwd")

    assert by_script(opened, tmp_path / "court").code == 1


# --- what was left out ------------------------------------------------------------------------------------------------

HASHES_ONLY = Wanted(personal_data=False)


def test_without_personal_data_nothing_of_the_content_is_there(made: Made) -> None:
    path = made.desk.export("national:1", HASHES_ONLY)

    assert NAME in b"".join(contents(made.path).values())
    assert NAME not in path.read_bytes()
    assert f"answer to {made.message}".encode() not in path.read_bytes()


def test_without_personal_data_signature_journal_and_seal_still_prove_it(made: Made, tmp_path: Path) -> None:
    path = made.desk.export("national:1", HASHES_ONLY)
    said = by_script(path, tmp_path / "court")

    assert verified(path).holds
    assert said.code == 0
    proved = {each.check for each in verified(path).results if each.outcome == "ok"}
    assert proved >= {"seal", "signed_info", "signed_part", "chain", "told", "merkle", "stamped_root", "timestamp"}
    assert verified(path).personal_data is False


def test_what_was_left_out_is_told_with_its_digest(made: Made, tmp_path: Path) -> None:
    path = made.desk.export("national:1", HASHES_ONLY)
    left = made.desk.collect("national:1", HASHES_ONLY).left_out
    report = contents(path)["report.html"].decode()

    assert {each.why for each in left} == {PERSONAL}
    assert {each.path.rpartition("/")[2] for each in left} == {"received.xml", "signed-part.xml", "canonical-1.bin", "answer.bin"}
    skipped = "\n".join(by_script(path, tmp_path / "court").all("SKIPPED"))
    assert all(each.digest in report and each.digest in skipped for each in left)
    assert all(each.digest in contents(path)["SHA256SUMS"].decode() for each in left)


def test_whoever_has_the_bytes_that_were_left_out_can_show_that_they_are_these(made: Made, tmp_path: Path) -> None:
    """Put back into the unpacked container, ``sha256sum`` and the script compare them."""
    path, opened = made.desk.export("national:1", HASHES_ONLY), tmp_path / "opened"
    subprocess.run([tool("unzip"), "-q", str(path), "-d", str(opened)], check=True)
    (place,) = (each.path for each in made.desk.collect("national:1", HASHES_ONLY).left_out if "received" in each.path)
    check = ["sha256sum", "--check", "--strict", "--quiet", "--ignore-missing", "SHA256SUMS"]

    (opened / place).write_bytes(contents(made.path)[place])
    assert subprocess.run(check, cwd=opened, capture_output=True, check=False).returncode == 0
    said = by_script(opened, tmp_path / "court")
    assert (said.code, any("was put back" in line for line in said.all("OK"))) == (0, True)
    assert any("XML signature" in line for line in said.all("OK"))
    (opened / place).write_bytes(b"other")
    assert subprocess.run(check, cwd=opened, capture_output=True, check=False).returncode == 1
    assert any("was put back" in line for line in by_script(opened, tmp_path / "court").all("FAILED"))


# --- partners' files, and size ------------------------------------------------------------------------------------------


def give(desk: Desk, message: str, pieces: Iterator[bytes]) -> str:
    """Keep a file that a message names; give its digest."""
    kept = stores.put(desk.store, pieces)
    with desk.ledger._engine.begin() as conn:
        row = {"digest": kept.digest, "size": kept.size, "stored_at": 1.0, "used_at": 1.0}
        conn.execute(insert(attachments).values(row))
        conn.execute(insert(attachment_uses).values(digest=kept.digest, message_id=message))
    return kept.digest


def test_partners_files_come_along_where_asked_for(ledger: Ledger, tmp_path: Path) -> None:
    desk = Desk(ledger, tmp_path)
    digest = give(desk, take(ledger), iter([b"a file"]))
    name = f"files/{digest.removeprefix('sha256:')}.bin"

    path = desk.export("national:1", Wanted(files=True), stamped=False)
    assert contents(path)[name] == b"a file"
    assert verified(path).holds
    assert by_script(path, tmp_path / "court").code == 0
    for wanted, why in ((Wanted(), NOT_ASKED), (Wanted(personal_data=False, files=True), PERSONAL)):
        assert [(each.path, each.why) for each in desk.collect("national:1", wanted).left_out if "files/" in each.path] == [
            (name, why)
        ]


def test_a_large_file_never_stands_in_memory_whole(ledger: Ledger, tmp_path: Path) -> None:
    desk = Desk(ledger, tmp_path)
    size = 40_000_000
    give(desk, take(ledger), (bytes([number % 251]) * 1_000_000 for number in range(size // 1_000_000)))
    tracemalloc.start()
    try:
        path = desk.export("national:1", Wanted(files=True), stamped=False)
        assert verified(path).holds
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert path.stat().st_size > size
    assert peak < size / 4


def test_nothing_is_sealed_that_is_not_what_the_ledger_says(ledger: Ledger, tmp_path: Path) -> None:
    desk = Desk(ledger, tmp_path)
    take(ledger)
    with ledger._engine.begin() as conn:
        conn.execute(update(payloads).values(body=b"other"))
    with pytest.raises(Damaged):
        desk.export("national:1", stamped=False)


# --- the report -----------------------------------------------------------------------------------------------------


def test_the_report_says_who_what_and_when_in_both_languages(made: Made) -> None:
    report = contents(made.path)["report.html"].decode()

    words = ("Bằng chứng điện tử", "Electronic evidence", "CN=Signer", "CN=Authority", made.message)
    assert [word for word in words if word not in report] == []
    assert "02/03/2026 09:15:04 (UTC+7)" in report
    assert "TOTAL-PASSED" in report
    assert NAME.decode() not in report


def test_the_report_runs_nothing_whatever_stands_in_it(ledger: Ledger, tmp_path: Path) -> None:
    key = "national:<script>alert(1)</script>"
    ledger.record_received(acceptance(subject=key, endpoint='"><img src=x>', dossiers=(change(key, codes=(key,)),)))
    report = contents(Desk(ledger, tmp_path).export(key, stamped=False))["report.html"].decode()

    assert "<script" not in report
    assert "<img" not in report
    assert "default-src 'none'" in report


def test_a_signer_with_a_path_seals_with_it(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger)
    signer = in_memory("x", SIGNER.key, SIGNER.certificate, [AUTHORITY.certificate])
    path = Desk(ledger, tmp_path, signer=signer).export("national:1", stamped=False)
    done = subprocess.run(
        ["openssl", "pkcs7", "-inform", "DER", "-print_certs"], input=contents(path)[asic.SEAL], capture_output=True, check=True
    )

    assert verified(path).holds
    assert AUTHORITY.certificate.public_bytes(Encoding.PEM).split(b"\n")[1] in done.stdout
    assert by_script(path, tmp_path / "court").code == 0
