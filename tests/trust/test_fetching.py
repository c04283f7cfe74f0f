"""Fetching lists and answers, from servers that may be down, slow, wrong or hostile."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path as File
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.trust import fetching
from hub.trust.fetching import Fetched, Refresher, answer_addresses, list_addresses
from hub.trust.held import HeldFiles
from hub.trust.paths import Path
from hub.trust.store import RevocationTable
from hub.wire import Wire
from tests.support import pki
from tests.support.pki import DAY, NOW, Party, RevocationServer
from tests.support.trusted import anchor, store

ROOT = pki.root("Government root")


class World:
    """A server, an authority whose certificates name it, and what fetches into a folder."""

    def __init__(self, server: RevocationServer, folder: File) -> None:
        self.server, self.folder, self.now = server, folder, NOW
        urls = {"crl_url": f"{server.url}/root.crl", "ocsp_url": f"{server.url}/ocsp"}
        self.authority = pki.intermediate(ROOT, "Authority", **urls)
        self.signer = self.issued("Signer")
        self.files = HeldFiles(folder, 10_000_000)

    def issued(self, name: str, **more: Any) -> Party:
        urls = {"crl_url": f"{self.server.url}/lower.crl", "ocsp_url": f"{self.server.url}/ocsp", **more}
        return pki.leaf(self.authority, name, **urls)

    def clock(self) -> datetime:
        return self.now

    def refresh(
        self, *parties: Party, call: Callable[..., Any] | None = None, everything: bool = True, **rules: Any
    ) -> list[Fetched]:
        table = RevocationTable(**{"deadline_seconds": 5, **rules})
        known = store(anchor(ROOT), between=[self.authority.certificate], revocation=table)
        wire = Wire()
        try:
            refresher = Refresher(known, self.folder, call or wire.call, self.clock)
            return list(refresher.refresh([path(each) for each in parties], everything=everything))
        finally:
            wire.close()

    def outcomes(self, *parties: Party, **more: Any) -> dict[str, str]:
        return {each.url.removeprefix(self.server.url): each.outcome for each in self.refresh(*parties, **more)}

    def word(self, party: Party) -> str:
        return self.files.current().revocation.of(party.certificate, party.path[:1], self.now).word

    def crl(self, *revoked: x509.Certificate, **more: Any) -> bytes:
        return pki.crl(self.authority, revoked, **{"at": self.now, **more})


def path(party: Party) -> Path:
    return Path((party.certificate, *party.path), anchor(ROOT))


@pytest.fixture
def world(tmp_path: File) -> Iterator[World]:
    with RevocationServer().running() as server:
        made = World(server, tmp_path / "var" / "revocation")
        server.files = {"/root.crl": pki.crl(ROOT), "/lower.crl": made.crl()}
        yield made


def test_what_is_listed_and_what_certificates_name_is_fetched_and_used(world: World):
    assert world.word(world.signer) == "unknown"
    assert world.outcomes(world.signer) == {"/root.crl": "new", "/lower.crl": "new", "/ocsp": "status"}
    assert world.word(world.signer) == "good"

    world.server.files["/lower.crl"] = world.crl(world.signer.certificate, hours=(-0.5, 24))
    assert world.outcomes() == {"/root.crl": "same", "/lower.crl": "new", "/ocsp": "status"}
    assert world.word(world.signer) == "revoked"


def test_answers_are_asked_for_signers_and_for_authorities(world: World):
    responder = pki.responder_party(world.authority)
    signer = world.issued("Answered", crl_url="")
    asked = {}
    for issuer, certificate, by in ((world.authority, signer.certificate, responder), (ROOT, world.authority.certificate, None)):
        asked[certificate.serial_number] = pki.ocsp_answer(certificate, issuer, by)
    world.server.answer = lambda request: asked[request.serial_number]

    fetched = world.refresh(signer)
    assert [each.outcome for each in fetched] == ["new", "new", "new"]
    assert world.word(signer) == "good"
    assert {each.ends for each in fetched[1:]} == {NOW.replace(microsecond=0) + timedelta(hours=24)}


def test_a_path_is_remembered_over_a_restart_until_its_signer_ends(world: World):
    world.refresh(world.signer)
    assert "/lower.crl" in world.outcomes()

    world.now = NOW + 366 * DAY
    assert "/lower.crl" not in world.outcomes()
    assert list((world.folder / "paths").iterdir()) == []


def test_a_round_for_news_asks_only_for_what_is_new(world: World):
    other = world.issued("Other", crl_url=f"{world.server.url}/other.crl", ocsp_url="")
    world.refresh(world.signer)

    assert set(world.outcomes(other, everything=False)) == {"/root.crl", "/other.crl", "/ocsp"}
    assert world.outcomes(everything=False) == {}


@pytest.mark.parametrize(
    ("rules", "asked"),
    [
        ({"fetch": "none"}, set()),
        ({"fetch": "listed"}, {"/listed.crl"}),
        ({"fetch": "certificates"}, {"/listed.crl", "/root.crl", "/lower.crl", "/ocsp"}),
    ],
)
def test_the_settings_say_what_may_be_asked_for(world: World, rules: dict[str, str], asked: set[str]):
    world.server.files["/listed.crl"] = world.crl()

    assert set(world.outcomes(world.signer, lists=(f"{world.server.url}/listed.crl",), **rules)) == asked
    assert set(world.server.asked) == asked


@pytest.mark.parametrize(
    ("made", "outcome"),
    [
        (lambda world: b"<html>", "unreadable"),
        (lambda world: b"", "unreadable"),
        (lambda world: pki.crl(pki.intermediate(ROOT, "Another")), "unsigned"),
        (lambda world: world.crl(signed_by=ROOT.key), "unsigned"),
        (lambda world: world.crl(hours=(-48, -1)), "ended"),
        (lambda world: b"\x30" * 3000, "too_large"),
        (lambda world: pki.ocsp_answer(world.signer.certificate, world.authority), "unreadable"),
        (lambda world: None, "status"),
    ],
)
def test_what_is_no_list_of_a_trusted_authority_takes_no_place(world: World, made: Callable[[World], bytes | None], outcome: str):
    world.refresh(world.signer)
    before = world.files.current().files
    world.server.files["/lower.crl"] = made(world)

    assert world.outcomes(max_bytes=2500)["/lower.crl"] == outcome
    assert world.files.current().files == before
    assert world.word(world.signer) == "good"


def test_an_older_list_is_not_played_back(world: World):
    old = world.crl(hours=(-5, 100))
    world.server.files["/lower.crl"] = world.crl(world.signer.certificate)
    world.refresh(world.signer)
    world.server.files["/lower.crl"] = old

    assert world.outcomes()["/lower.crl"] == "older"
    assert world.word(world.signer) == "revoked"


def test_what_nobody_signed_keeps_no_place_from_a_real_list(world: World):
    world.refresh(world.signer)
    for file in world.folder.glob("list-*.crl"):
        file.write_bytes(world.crl(hours=(10, 999), signed_by=pki.new_key()))

    assert world.outcomes() == {"/root.crl": "new", "/lower.crl": "new", "/ocsp": "status"}


@pytest.mark.parametrize(
    "special", [{"unknown": True}, {"hours": (-9, -1)}, {"signed_by": pki.new_key()}, {"revoked_at": NOW - DAY}, {}]
)
def test_only_an_answer_that_says_something_takes_a_place(world: World, special: dict[str, Any]):
    world.server.know(world.authority, world.signer.certificate, **special)
    expected = {"unknown": "unsigned", "hours": "ended", "signed_by": "unsigned"}.get(next(iter(special), ""), "new")
    fetched = [each for each in world.refresh(world.signer) if each.url.endswith("/ocsp")]

    assert expected in {each.outcome for each in fetched}
    assert bool(list(world.folder.glob("answer-*"))) is (expected == "new")


def test_an_answer_about_another_certificate_takes_no_place(world: World):
    other = world.issued("Other")
    world.server.answer = lambda request: pki.ocsp_answer(other.certificate, world.authority)

    assert world.outcomes(world.signer)["/ocsp"] == "unsigned"


def test_a_server_that_hangs_or_is_not_there_costs_its_own_time_only(world: World):
    def call(method: str, url: str, **more: Any) -> Any:
        assert more["deadline_seconds"] == 5
        return Wire().call(method, "http://127.0.0.1:9/" if "root" in url else url, **more)

    assert world.outcomes(world.signer, call=call) == {"/root.crl": "unreachable", "/lower.crl": "new", "/ocsp": "status"}


def test_no_redirect_and_no_other_scheme_is_followed():
    for url in ("ldap://ca.example.org/x", "file:///etc/passwd", "ftp://ca.example.org/x.crl"):
        assert list_addresses(pki.leaf(ROOT, crl_url=url).certificate) == []
        assert answer_addresses(pki.leaf(ROOT, ocsp_url=url).certificate) == []
    assert list_addresses(ROOT.certificate) == answer_addresses(ROOT.certificate) == []


def test_a_certificate_that_names_many_addresses_is_asked_about_few(world: World):
    points = [
        x509.DistributionPoint([x509.UniformResourceIdentifier(f"{world.server.url}/{number}.crl")], None, None, None)
        for number in range(50)
    ]
    greedy = pki.leaf(world.authority, extensions=[(x509.CRLDistributionPoints(points), False)])

    assert len(list_addresses(greedy.certificate)) == fetching.MAX_NAMED


def test_paths_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetching, "MAX_PATHS", 2)
    world.refresh(*[world.issued(f"Signer {number}") for number in range(4)])

    assert len(list((world.folder / "paths").iterdir())) == 2


def test_files_are_written_whole_for_this_account_alone(world: World):
    world.refresh(world.signer)
    files = [file for file in world.folder.rglob("*") if file.is_file()]

    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert [file for file in files if file.name.startswith(".")] == []


def test_what_is_over_is_tidied_and_what_people_put_there_stays(world: World):
    world.server.know(world.authority, world.signer.certificate, hours=(-1, 1))
    world.refresh(world.signer)
    (world.folder / "by-hand.ocsp").write_bytes(pki.ocsp_answer(world.signer.certificate, world.authority, hours=(-1, 1)))
    half = world.folder / ".list.crl.99"
    half.write_bytes(b"half")
    os.utime(half, (NOW.timestamp(), NOW.timestamp()))
    assert list(world.folder.glob("answer-*"))

    world.now = NOW + 9 * DAY
    world.server.answer = None
    world.refresh()
    assert list(world.folder.glob("answer-*")) == []
    assert (world.folder / "by-hand.ocsp").exists()
    assert not half.exists()


def test_a_list_may_come_as_pem(world: World):
    world.server.files["/lower.crl"] = x509.load_der_x509_crl(world.crl()).public_bytes(Encoding.PEM)

    assert world.outcomes(world.signer)["/lower.crl"] == "new"
    assert world.word(world.signer) == "good"


def test_a_path_file_that_is_broken_is_forgotten(world: World):
    world.refresh(world.signer)
    (file,) = (world.folder / "paths").iterdir()
    file.write_bytes(b"rubbish")

    assert set(world.outcomes()) == {"/root.crl"}
    assert not file.exists()


def test_the_path_of_a_party_is_what_is_kept(world: World):
    world.refresh(world.signer)
    (file,) = (world.folder / "paths").iterdir()
    kept = x509.load_pem_x509_certificates(file.read_bytes())

    assert kept == [world.signer.certificate, *world.signer.path]
    assert all(below.issuer == above.subject for below, above in pairwise(kept))
