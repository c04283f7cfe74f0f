"""Files that stand inside messages: kept by digest when they come, put back in when a call is written, never left out."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from adapters.single_window import ADAPTER
from adapters.single_window.samples import generator
from adapters.single_window.simulator import simulator as single_window
from hub import bootstrap, inline_files, intake, operations, retention
from hub.app import Hub
from hub.canonical.message import from_json
from hub.contract import Answer, Call, Request
from hub.errors import InvalidMessage, NotAllowed, NotSent, Unavailable
from hub.fetching import Fetching, networks
from hub.ledger import intake_verbs, payloads
from hub.ledger.journal import verify
from hub.ledger.tables import attachment_givers, attachments, deliveries, journal, messages
from hub.ledger.values import Acceptance, Brought
from hub.ledger.works import Commit, Work
from hub.payloads import FolderStore
from hub.rules.retention import DAY_SECONDS, Kept, Stored, cuts
from hub.simulation import SimulatorServer
from hub.trust import keys
from tests.support.clock import Clock
from tests.support.engines import ENGINES, ledger_on
from tests.support.file_server import FileServer
from tests.support.hub import carry_all, close
from tests.support.world import Killed, MortalLedger

FILE = b"%PDF-1.7 bien lai thu nghiem " * 3_000
DIGEST = f"sha256:{hashlib.sha256(FILE).hexdigest()}"
PARTY = 'name = "BNN"\nidentity = "BNN"\nministry_code = "BNN"\norganization_code = "BNN"\n'


@dataclass
class World:
    """A hub between the Single Window, which sends files inside, and a ministry's system, which wants them inside."""

    hub: Hub
    clock: Clock
    ministry: SimulatorServer

    def send(self, file: bytes = FILE, *, seed: int = 1, hub: Hub | None = None, text: str = "") -> Answer:
        """Let the Single Window send an application with its file."""
        return self.receive(application(seed, text or base64.b64encode(file).decode()), hub)

    def receive(self, document: str, hub: Hub | None = None) -> Answer:
        """Let the Single Window send a document."""
        body = (
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><Request xmlns="http://tempuri.org/">'
            f"<payload><![CDATA[{document}]]></payload></Request></s:Body></s:Envelope>"
        ).encode()
        request = Request(endpoint="nsw", body=body, content_type="text/xml; charset=utf-8")
        return intake.receive(hub or self.hub, request)

    def rows(self, table: Any) -> list[Any]:
        with self.hub.ledger.read() as conn:
            return list(conn.execute(select(table)))

    def kept(self, digest: str) -> bytes:
        with self.hub.ledger.read() as conn:
            return payloads.get(conn, digest) or b""

    def forget(self) -> None:
        """Let retention delete what nobody has used for 200 days."""
        self.clock.advance(200 * DAY_SECONDS)
        retention.run(self.hub, days=100, proof_days=1000, actor="an", why="định kỳ")


def application(seed: int, file: str) -> str:
    """Write an application with this text in place of each file."""
    return generator.message("BNN&PTNT0300002", "10", "01", seed=seed, given={"FileByte": file}).decode()


def opened(folder: Path, ledger: str, ministry: SimulatorServer, clock: Clock, more: str = "") -> Hub:
    for name in ("endpoints", "codes", "keys"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "keys" / "seal.pem").write_bytes(keys.make_seal_key())
    (folder / "hub.toml").write_text(f'[ledger]\nurl = "{ledger}"\n', encoding="utf-8")
    (folder / "endpoints" / "nsw.toml").write_text(
        f'adapter = "single_window"\ntitle = "VNSW"\n[options.ministry_parties.BNN]\n{PARTY}[inbound]\n'
        # A fee is paid of a dossier that the hub never saw submitted.
        'out_of_stage = "warn"\n',
        encoding="utf-8",
    )
    (folder / "endpoints" / "bo.toml").write_text(
        'adapter = "single_window"\ntitle = "Bộ"\n[options]\nrole = "ministry"\n[options.outbound]\n'
        f'url = "{ministry.url}/MardService.asmx"\n[options.ministry_parties.BNN]\n{PARTY}[outbound]\n{more}',
        encoding="utf-8",
    )
    (folder / "routes.toml").write_text('[[route]]\nname = "all"\nfrom = ["nsw"]\nto = ["bo"]\n', encoding="utf-8")
    hub = bootstrap.open_hub(bootstrap.load_settings(folder), clock=clock)
    hub.bus.open()
    return hub


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with ledger_on(request.param) as ledger, single_window(role="ministry") as ministry:
        clock = Clock()
        hub = opened(tmp_path / "config", ledger, ministry, clock)
        yield World(hub, clock, ministry)
        close(hub)


def test_a_file_inside_goes_through_the_hub_by_its_digest_and_arrives_inside_again(world: World) -> None:
    answer = world.send()

    assert b"<function>99</function>" in answer.body.replace(b"&lt;", b"<").replace(b"&gt;", b">")
    (message,) = world.rows(messages)
    (planned,) = world.rows(deliveries)
    canonical = world.kept(planned.canonical_digest)
    assert base64.b64encode(FILE)[:40] not in canonical and len(canonical) < 10_000
    assert base64.b64encode(FILE) in world.kept(message.raw_digest), "received bytes are kept as they came"
    dossier = from_json(canonical).dossier  # type: ignore[union-attr]
    assert {(one.digest, one.size) for one in dossier.attachments} == {(DIGEST, len(FILE))}
    assert {one.url for one in dossier.attachments} == {f"{world.hub.public_url.rstrip('/')}/attachments/{DIGEST}"}
    assert f"'FileByte': '{DIGEST}'" in str(dossier.form)

    assert carry_all(world.hub) == 1

    (sent,) = world.rows(deliveries)
    assert sent.state == "delivered"
    assert base64.b64encode(FILE) in world.kept(sent.business_digest)
    assert [each["function"] for each in world.ministry.account()["dossiers"]["QG2026000001"]] == ["01"]


def test_a_text_that_libxml2_would_refuse_for_its_length_is_taken(world: World) -> None:
    large = bytes(range(256)) * 43_000
    seed = next(each for each in range(1, 99) if application(each, "YWJj").count("<FileByte>") == 1)

    world.send(large, seed=seed)

    assert [row.size for row in world.rows(attachments)] == [len(large)]
    assert len(world.kept(world.rows(deliveries)[0].canonical_digest)) < 10_000


def test_a_process_that_dies_before_the_commit_leaves_a_file_that_retention_removes(world: World, tmp_path: Path) -> None:
    mortal = replace(world.hub, ledger=MortalLedger(world.hub.ledger, "record_all_received", "before"))
    with pytest.raises(Killed):
        world.send(hub=mortal)
    assert world.hub.payloads.size(DIGEST) == len(FILE)
    assert not [row for row in world.rows(messages) if row.accepted]

    for path in tmp_path.rglob(DIGEST.partition(":")[2]):
        # Of one that nothing recorded the disk knows alone how old it is.
        os.utime(path, (1.0, 1.0))
    world.forget()

    assert world.hub.payloads.size(DIGEST) is None


def test_the_same_message_sent_again_after_the_death_is_taken_whole(world: World) -> None:
    mortal = replace(world.hub, ledger=MortalLedger(world.hub.ledger, "record_all_received", "before"))
    with pytest.raises(Killed):
        world.send(hub=mortal)

    first, second = world.send(), world.send()

    assert first == second
    assert len(world.rows(messages)) == 1 and world.rows(messages)[0].repeats == 1
    assert carry_all(world.hub) == 1
    assert [row.endpoint for row in world.rows(attachment_givers)] == ["nsw"]


def test_a_file_that_is_deleted_between_the_store_and_the_commit_lets_nothing_be_accepted(world: World) -> None:
    class Deleting:
        """Retention deletes the same file, of an old message, right before the commit."""

        def __getattr__(self, name: str) -> Any:
            return getattr(world.hub.ledger, name)

        def record_all_received(self, given: Sequence[Acceptance]) -> Any:
            world.hub.payloads.delete(DIGEST)
            return world.hub.ledger.record_all_received(given)

    with pytest.raises(Unavailable):
        world.send(hub=replace(world.hub, ledger=Deleting()))

    assert world.rows(messages) == [] and world.rows(attachments) == []
    world.send()
    assert world.hub.payloads.size(DIGEST) == len(FILE) and len(world.rows(messages)) == 1


def age(folder: Path) -> None:
    """Let the disk say that a file is old."""
    for path in folder.rglob(DIGEST.partition(":")[2]):
        os.utime(path, (1.0, 1.0))


def forget_file(world: World) -> None:
    """Delete the file of a delivery that is not done, as retention does for those that are."""
    late = cuts(world.hub.now() + 400 * DAY_SECONDS, days=100, proof_days=1000, border_days=1000)
    chosen = [Stored(digest=DIGEST, size=len(FILE), named_at=0.0, kept_for=Kept.WORK)]
    remove = world.hub.payloads.delete
    assert world.hub.ledger.delete_attachments("r", chosen, late, remove=remove, actor="an", now=world.hub.now())


def test_a_repeated_message_brings_its_deleted_file_back_until_retention_deletes_it_again(world: World, tmp_path: Path) -> None:
    world.send()
    carry_all(world.hub)
    world.forget()
    assert world.hub.payloads.size(DIGEST) is None

    world.send()
    assert world.hub.payloads.size(DIGEST) == len(FILE)
    assert [row.deleted_at for row in world.rows(attachments)] == [None]

    age(tmp_path)
    world.forget()
    assert world.hub.payloads.size(DIGEST) is None


def test_a_refused_message_brings_no_deleted_file_back_for_good(world: World, tmp_path: Path) -> None:
    world.send()
    carry_all(world.hub)
    world.forget()
    other = application(1, base64.b64encode(FILE).decode()).replace("<function>01</function>", "<function>99999</function>")

    answer = world.receive(other)

    assert len([row for row in world.rows(messages) if row.accepted]) == 1, answer.body
    age(tmp_path)
    world.forget()
    assert world.hub.payloads.size(DIGEST) is None


def test_a_sender_that_sends_the_same_message_again_lets_its_delivery_go_on(world: World) -> None:
    world.send()
    forget_file(world)
    carry_all(world.hub)
    (parked,) = world.rows(deliveries)
    assert (parked.state, parked.error_code) == ("parked", "not_allowed")

    world.send()
    operations.release(world.hub, parked.id, actor="an", why="đã có lại tệp")
    carry_all(world.hub)

    assert [row.state for row in world.rows(deliveries)] == ["delivered"]


def test_messages_that_bring_the_same_file_are_recorded_in_one_commit_with_all_their_givers(world: World) -> None:
    def given(number: int, sender: str) -> Acceptance:
        brought = (Brought(digest=DIGEST, size=len(FILE), is_there=lambda: True),)
        return Acceptance(
            message_id=f"m{number}", endpoint=sender, at=world.hub.now(), subject=f"s{number}", kind="raw", event="",
            procedure="", identity=f"i{number}", raw=b"r", signed=b"s%d" % number, certificate=b"",
            canonical=(b"c",), verdict="{}",
            warnings="[]", answer=Answer(status=200, content_type="text/plain", body=b"ok"), planned=(), dossiers=(),
            attachments=(DIGEST,), brought=brought,
        )  # fmt: skip

    works = [Work(given(1, "nsw")), Work(given(2, "bo")), Work(given(3, "nsw"))]

    def verb(conn: Any) -> None:
        commit = Commit(conn, (subject for work in works for subject in work.given.subjects | work.given.files))
        intake_verbs.record_received(commit, works)
        commit.write()

    world.hub.ledger.change(verb)

    assert [work.problem for work in works] == [None, None, None]
    assert sorted(row.endpoint for row in world.rows(attachment_givers)) == ["bo", "nsw"]
    assert len([row for row in world.rows(journal) if row.event == "attachment.given"]) == 3
    with world.hub.ledger.read() as conn:
        assert not list(verify(conn))


def test_a_message_is_never_sent_without_its_file(world: World) -> None:
    world.send()
    world.hub.payloads.delete(DIGEST)

    carry_all(world.hub)

    (parked,) = world.rows(deliveries)
    assert (parked.state, parked.error_code) == ("parked", "damaged")
    assert parked.business_digest in (None, "")
    assert world.ministry.account()["dossiers"] == {}

    # Its sender gives it again, and the delivery goes on.
    world.send(seed=2)
    operations.release(world.hub, parked.id, actor="an", why="đã có lại tệp")
    carry_all(world.hub)
    assert {row.state for row in world.rows(deliveries)} == {"delivered"}


def test_a_file_that_is_no_base64_is_refused_with_its_place_and_nothing_is_kept(world: World) -> None:
    answer = world.send(text="đây không phải tệp")

    assert b"FileByte" in answer.body
    assert world.rows(attachments) == [] and not list(world.hub.payloads.kept())


def test_nobody_elses_file_is_named_by_its_digest(world: World) -> None:
    """A digest as text is no Base64, so that a sender cannot have another's file sent in its name."""
    world.send()

    answer = world.send(text=DIGEST, seed=2)

    assert b"FileByte" in answer.body
    assert len([row for row in world.rows(messages) if row.accepted]) == 1


def test_files_too_large_to_stand_inside_are_refused_before_they_are_read(world: World) -> None:
    world.send()
    (row,) = world.rows(deliveries)
    bo = world.hub.endpoint("bo")
    small = replace(bo, outbound=bo.outbound.model_copy(update={"inline_bytes": len(FILE) - 1}))
    message, call = from_json(world.kept(row.canonical_digest)), Call(service="10/01")

    with pytest.raises(InvalidMessage) as refused:
        inline_files.contents(world.hub, small, row_as_held(row), message, call)

    assert [(one.path, one.code) for one in refused.value.faults] == [("/HoSo/TaiLieuNop/0/DuongDanTaiTepTin", "too_large")]


def row_as_held(row: Any) -> Any:
    """Give what ``contents`` looks at of a claimed delivery."""

    class Held:
        id, message_id, subject, endpoint = row.id, row.message_id, row.subject, row.endpoint

    return Held()


def test_a_file_that_lies_elsewhere_is_fetched_where_that_is_allowed_else_the_call_does_not_go(world: World) -> None:
    world.send()
    (row,) = world.rows(deliveries)
    message, call, bo = from_json(world.kept(row.canonical_digest)), Call(service="10/01"), world.hub.endpoint("bo")
    with FileServer() as elsewhere:
        url = elsewhere.keep("/bien-lai.pdf", b"%PDF-1.7 elsewhere")
        wanting = replace(ADAPTER, inlines=lambda message, call, options: (url,))
        fetching = Fetching(allowed=networks(["127.0.0.0/8"], "test"))
        hub = replace(world.hub, adapters={**world.hub.adapters, "single_window": wanting}, fetching=fetching)
        relaying = replace(bo, outbound=bo.outbound.model_copy(update={"file_links": "relay"}))

        with pytest.raises(NotAllowed, match="relay"):
            inline_files.contents(hub, bo, row_as_held(row), message, call)
        assert elsewhere.calls == []
        assert inline_files.contents(hub, relaying, row_as_held(row), message, call) == {url: b"%PDF-1.7 elsewhere"}

        elsewhere.files["/khac.pdf"] = 503
        url = f"{elsewhere.url}/khac.pdf"
        wanting = replace(ADAPTER, inlines=lambda message, call, options: (url,))
        hub = replace(hub, adapters={**world.hub.adapters, "single_window": wanting})
        with pytest.raises(NotSent, match="HTTP 503"):
            inline_files.contents(hub, relaying, row_as_held(row), message, call)


def test_what_would_be_written_is_shown_with_a_stand_in_for_the_file(world: World) -> None:
    world.send()
    (row,) = world.rows(deliveries)
    message, call, bo = from_json(world.kept(row.canonical_digest)), Call(service="10/01"), world.hub.endpoint("bo")

    assert inline_files.stand_ins(world.hub, bo, message, call) == {DIGEST: inline_files.STAND_IN}


def test_the_journal_says_who_gave_it_and_no_name(world: World) -> None:
    world.send()

    events = [row.event for row in world.rows(journal)]
    assert events.count("attachment.given") == 1
    assert isinstance(world.hub.payloads, FolderStore)


def test_links_are_fetched_and_the_ministry_is_told_addresses_of_the_hub(tmp_path: Path) -> None:
    """Of the list and of the form alike; a file that cannot be fetched is a wait, and nothing is sent meanwhile."""
    with single_window(role="ministry") as ministry, FileServer() as elsewhere:
        more = 'file_links = "relay"\nfile_check = false\n'
        clock = Clock()
        hub = opened(tmp_path / "config", "sqlite:///ledger.db", ministry, clock, more)
        hub = replace(hub, fetching=Fetching(allowed=networks(["127.0.0.0/8"], "test")))
        world = World(hub, clock, ministry)
        url = f"{elsewhere.url}/hop-dong.pdf"
        document = generator.message("BNNPTNT0600009", "10", "01", seed=1, given={"LinkFile": url})
        assert url.encode() in document

        world.receive(document.decode())
        carry_all(hub)
        (waiting,) = world.rows(deliveries)
        assert waiting.state == "waiting" and ministry.account()["dossiers"] == {}

        elsewhere.keep("/hop-dong.pdf", FILE)
        hub = replace(hub, fetching=Fetching(allowed=hub.fetching.allowed))
        clock.advance(3_600.0)
        carry_all(hub)
        (sent,) = world.rows(deliveries)
        body = world.kept(sent.business_digest)
        kept = [row.digest for row in world.rows(attachments)]
        close(hub)

    assert sent.state == "delivered"
    assert url.encode() not in body and f"{hub.public_url.rstrip('/')}/files/".encode() in body
    assert kept == [DIGEST]
