"""Dossiers from one-stop software through the hub to the portal's second generation, whatever is lost on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.national_portal_v2.samples.generator import way
from hub import delivery, dispatch, operations
from hub.canonical.document import Attachment
from hub.canonical.dossier import DossierMessage
from hub.ledger import payloads
from hub.ledger.tables import attempts
from hub.registers import dossiers, history, timeline
from hub.rules.lifecycle import ENDED, State
from tests.support import looking
from tests.support.second_portal import WHO, SecondPortal, document, second_portal
from tests.support.world import Bag, Killed, MortalLedger

MESSAGES = way(1, 1)
NUMBER = "G99.20-20260302-0000001"
FILES = (b"%PDF-1.7 to khai", b"\x00\r\n--lienthong" * 40_000)
SERVICES = ("SoTiepTheo", "TaiTepTin", "NoiHoSo", "CapNhatTienTrinh", "CapNhatTrangThai")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SecondPortal]:
    with second_portal(tmp_path) as opened:
        yield opened


def with_files(world: SecondPortal, message: DossierMessage) -> DossierMessage:
    """Let a dossier name files that were given to the hub."""
    named = tuple(
        Attachment(id=str(place), name=f'tờ "khai" {place}.pdf', component_code=f"KQ-{place}", url=world.give_file(content))
        for place, content in enumerate(FILES)
    )
    return message.model_copy(update={"dossier": message.dossier.model_copy(update={"attachments": named})})


def all_ended(world: SecondPortal) -> bool:
    return all(State(row.state) in ENDED for row in world.deliveries())


def sent_bodies(world: SecondPortal, service: str) -> list[bytes]:
    """Give the business bytes of each attempt at a service."""
    with world.hub.ledger.read() as conn:
        digests = {row.id: row.business_digest for row in world.deliveries() if row.service == service}
        found = [digests[row.delivery_id] for row in conn.execute(attempts.select()) if row.delivery_id in digests]
        return [payloads.get(conn, digest) or b"" for digest in found]


# --- the way -------------------------------------------------------------------------------------------------------


def test_a_dossier_is_numbered_created_and_told_of_once(world: SecondPortal) -> None:
    for message in MESSAGES:
        assert world.send(with_files(world, message)).status == 202
    world.carry()

    account = world.account
    kept = account["dossiers"][NUMBER]
    assert all_ended(world)
    assert (account["drawn"], account["unused"], account["creates"], account["files"]) == ([NUMBER], [], 1, 2)
    assert [len(component["GiayToDinhKem"]) for component in kept["record"]["ThanhPhanHoSo"]] == [1, 1]
    assert kept["statuses"] == [int(message.dossier.status) for message in MESSAGES]
    assert [row["TrangThai"] for row in kept["rows"]] == kept["statuses"]
    assert account["doubled_rows"] == [] == account["created_again"]
    assert account["tokens"] == 1


def test_a_file_is_streamed_as_it_was_given(world: SecondPortal) -> None:
    world.send(with_files(world, MESSAGES[0]))
    world.carry()

    record = world.account["dossiers"][NUMBER]["record"]
    hashes = [paper["HashTepTin"] for component in record["ThanhPhanHoSo"] for paper in component["GiayToDinhKem"]]
    rows = [row for row in world.deliveries() if row.service == "TaiTepTin"]
    assert [json.loads(row.part)["file"] for row in rows] == [f"sha256:{hashed}" for hashed in hashes]


def test_the_two_numbers_are_joined_in_the_commit_of_the_receipt(world: SecondPortal) -> None:
    world.send(MESSAGES[0])
    world.carry()
    local = MESSAGES[0].dossier.code

    assert world.codes(local) == (f"national:{local}", f"national_portal:{NUMBER}") == world.codes(NUMBER)
    with world.hub.ledger.read() as conn:
        story = history.timeline(conn, NUMBER)
        found = dossiers.find(conn, [f"national_portal:{NUMBER}"])
    assert found is not None and found.key == f"national:{local}"
    told = [row.entry["numbers"] for row in story.journal if "numbers" in row.entry]
    assert told == [{"national_portal": NUMBER}]


def test_the_timeline_by_either_number_tells_which_number_the_portal_gave(world: SecondPortal) -> None:
    world.send(MESSAGES[0])
    world.carry()

    for name in (MESSAGES[0].dossier.code, NUMBER):
        with world.hub.ledger.read() as conn:
            page = timeline.page(conn, name, after="", limit=50, newest=False, scope=None)
        assert [each.facts["numbers"] for each in page.entries if "numbers" in each.facts] == [f"national_portal:{NUMBER}"]


def test_a_later_message_by_the_portals_number_too_finds_the_dossier(world: SecondPortal) -> None:
    world.send(MESSAGES[0])
    world.carry()
    tree = document(MESSAGES[1])
    tree["HoSo"] |= {"MaHoSoKhac": NUMBER, "HeThongKhac": "DVCQG"}

    assert world.send_record(tree).status == 202
    world.carry()

    assert world.account["creates"] == 1 == len(world.account["drawn"])
    assert {row.subject for row in world.deliveries()} == {f"national:{MESSAGES[0].dossier.code}"}


def test_what_is_sent_on_carries_the_number_in_the_place_of_other_numbers(world: SecondPortal) -> None:
    for message in MESSAGES[:2]:
        world.send(message)
        world.carry()
    with world.hub.ledger.read() as conn:
        canonical = json.loads(payloads.get(conn, world.deliveries()[-1].canonical_digest) or b"")

    assert canonical["dossier"]["other_codes"] == {"national_portal": NUMBER}


# --- what is lost --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arrived", [True, False], ids=["taken", "lost"])
@pytest.mark.parametrize("service", SERVICES)
def test_a_lost_answer_never_makes_two_dossiers(world: SecondPortal, service: str, arrived: bool) -> None:
    world.fault("hang_after" if arrived else "hang_before", match=f"/{service}", value=0.0)
    for message in MESSAGES:
        world.send(with_files(world, message))
    world.carry_on()
    doubtful = world.in_doubt()
    # A number and a file are drawn and sent again; what cannot be asked about waits for a person.
    assert [row.doubt for row in doubtful] == ([] if service in ("SoTiepTheo", "TaiTepTin") else ["park"])
    for row in doubtful:
        world.settle_truly(row)
    world.carry_on()

    account = world.account
    assert all_ended(world)
    assert account["creates"] == 1
    assert account["created_again"] == [] == account["doubled_rows"]
    assert account["unused"] == ([NUMBER] if service == "SoTiepTheo" and arrived else [])
    (kept,) = account["dossiers"].values()
    assert kept["status"] == int(MESSAGES[-1].dossier.status)
    assert len(kept["rows"]) == len(MESSAGES)


@pytest.mark.parametrize("kind", ["hang_after", "hang_before"])
def test_followers_of_a_creation_in_doubt_wait(world: SecondPortal, kind: str) -> None:
    world.fault(kind, match="/NoiHoSo", value=0.0)
    world.send(MESSAGES[0])
    world.carry_on()

    assert world.states() == [
        ("CapMaHoSo", "delivered"),
        ("NoiHoSo", "in_doubt"),
        ("CapNhatTienTrinh", "held"),
        ("CapNhatTrangThai", "held"),
    ]


def test_every_retry_of_a_creation_has_the_number_that_was_drawn_first(world: SecondPortal) -> None:
    world.fault("proxy_down", match="/NoiHoSo", times=3)
    world.send(MESSAGES[0])
    world.carry_on()

    bodies = sent_bodies(world, "NoiHoSo")
    assert len(bodies) == 4
    assert {json.loads(body)["MaHoSo"] for body in bodies} == {NUMBER}
    assert world.account["drawn"] == [NUMBER]


def test_a_creation_that_was_refused_keeps_its_number_when_it_is_rebuilt(world: SecondPortal) -> None:
    world.fault("refuse", match="/NoiHoSo", value="Thiếu trường")
    world.send(MESSAGES[0])
    world.carry()
    (parked,) = [row for row in world.deliveries() if row.state == State.PARKED]
    operations.rebuild(world.hub, parked.id, **WHO)
    world.carry()

    assert (world.account["drawn"], world.account["unused"]) == ([NUMBER], [])
    assert all_ended(world)


VERBS = [(verb, when) for verb in ("claim", "record_sending", "record_delivered") for when in ("before", "after")]


@pytest.mark.parametrize(("verb", "when"), VERBS)
@pytest.mark.parametrize("place", range(4), ids=["number", "create", "rows", "status"])
def test_a_worker_that_dies_at_any_call_makes_no_second_dossier(
    world: SecondPortal, place: int, verb: str, when: str
) -> None:
    bag, real = Bag(), world.hub
    world.hub = replace(real, bus=bag)  # type: ignore[arg-type]
    world.send(MESSAGES[0])
    for step in range(60):
        _settle_all(world)
        world.clock.advance(700)
        _work(world, bag, dies=(verb, when) if step == place else None)
    world.hub = real

    account = world.account
    assert all_ended(world)
    assert account["creates"] == 1 and account["created_again"] == [] == account["doubled_rows"]
    assert len(account["unused"]) <= (1 if place == 0 else 0)
    assert looking.broken_rows(world.hub.ledger) == []


def _settle_all(world: SecondPortal) -> None:
    for row in world.in_doubt():
        if row.doubt == "park":
            world.settle_truly(row)


def _work(world: SecondPortal, bag: Bag, dies: tuple[str, str] | None) -> None:
    dispatch.queue(world.hub)
    while bag.dues:
        hub = replace(world.hub, ledger=MortalLedger(world.hub.ledger, *dies)) if dies else world.hub  # type: ignore[arg-type]
        try:
            delivery.deliver(hub, bag.dues.pop(0))
        except Killed:
            return


# --- what should not be ------------------------------------------------------------------------------------------


def test_a_number_that_another_dossier_has_leaves_the_second_one_in_doubt(world: SecondPortal) -> None:
    world.send(MESSAGES[0])
    world.carry()
    second = way(1, 2)[0]
    world.fault("same_number")
    world.send(second)
    world.carry()

    (doubtful,) = world.in_doubt()
    assert (doubtful.error_code, doubtful.doubt, doubtful.service) == ("number_taken", "park", "CapMaHoSo")
    assert world.codes(second.dossier.code) == (f"national:{second.dossier.code}",)
    assert world.account["creates"] == 1

    operations.settle(world.hub, doubtful.id, arrived=False, **WHO)
    world.carry()

    assert all_ended(world)
    assert world.account["creates"] == 2
    assert world.codes(second.dossier.code)[1] == "national_portal:G99.20-20260302-0000002"


def test_a_creation_under_another_number_is_in_doubt(world: SecondPortal) -> None:
    world.fault("renumber", value="G99.20-20260302-0009999")
    world.send(MESSAGES[0])
    world.carry()

    assert world.states()[1] == ("NoiHoSo", "in_doubt")


def test_a_creation_that_was_settled_without_the_reply_is_never_repeated(world: SecondPortal) -> None:
    world.fault("hang_after", match="/NoiHoSo", value=0.0)
    world.send(MESSAGES[0])
    world.carry()
    (doubtful,) = world.in_doubt()
    done = operations.settle(world.hub, doubtful.id, arrived=True, evidence=b"dien thoai", **WHO)
    world.send(MESSAGES[1])
    world.carry()

    assert dict(done.learned or {}) == {"created": "yes"}
    assert world.account["creates"] == 1 and world.account["created_again"] == []
    (parked,) = [row for row in world.deliveries() if row.state == State.PARKED]
    assert (parked.service, parked.error_code) == ("CapNhatTienTrinh", "out_of_step")


def test_no_number_is_drawn_for_a_dossier_that_cannot_be_created(world: SecondPortal) -> None:
    elsewhere = Attachment(id="1", name="a.pdf", url="https://elsewhere.example.org/1")
    message = MESSAGES[0].model_copy(update={"dossier": MESSAGES[0].dossier.model_copy(update={"attachments": (elsewhere,)})})
    world.send(message)
    world.carry()

    assert world.states()[0] == ("CapMaHoSo", "parked")
    assert world.deliveries()[0].error_code == "invalid_message"
    assert world.account["drawn"] == []


def test_a_file_that_is_gone_parks_its_upload_before_a_byte_is_sent(world: SecondPortal) -> None:
    message = with_files(world, MESSAGES[0])
    world.send(message)
    world.hub.payloads.delete(message.dossier.attachments[0].url.rpartition("/")[2])
    world.carry()

    (parked,) = [row for row in world.deliveries() if row.state == State.PARKED]
    assert (parked.service, parked.error_code) == ("TaiTepTin", "invalid_message")
    assert world.account["files"] == 0


def test_a_file_that_the_store_lost_a_byte_of_never_becomes_one_at_the_portal(world: SecondPortal) -> None:
    message = with_files(world, MESSAGES[0])
    world.send(message)
    digest = message.dossier.attachments[1].url.rpartition(":")[2]
    (path,) = world.folder.rglob(digest)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    world.carry()

    (parked,) = [row for row in world.deliveries() if row.state == State.PARKED]
    assert parked.error_code == "damaged"
    assert world.account["files"] == 1


def test_what_was_told_already_is_passed_over_and_said_so_in_the_journal(world: SecondPortal) -> None:
    world.send(MESSAGES[0])
    world.send(MESSAGES[0], key="again")
    world.carry()

    with world.hub.ledger.read() as conn:
        events: list[Any] = [row.event for row in history.timeline(conn, MESSAGES[0].dossier.code).journal]
    assert events.count("delivery.unneeded") == 4
    assert len(world.account["dossiers"][NUMBER]["rows"]) == 1 == len(world.account["dossiers"][NUMBER]["statuses"])


def test_a_file_that_comes_after_the_creation_is_told_on_the_timeline_and_the_rest_goes_on(world: SecondPortal) -> None:
    world.send(MESSAGES[0])
    world.carry()
    for key in ("later", "again"):
        world.send(with_files(world, MESSAGES[1]), key=key)
    world.carry()

    code = MESSAGES[0].dossier.code
    with world.hub.ledger.read() as conn:
        told = [row for row in history.timeline(conn, code).journal if row.event == "delivery.untold"]
        shown = timeline.page(conn, code, after="", limit=200, newest=False, scope=None)
    assert len(told) == len(FILES)
    assert [each.why for each in shown.entries if each.event == "delivery.untold"] == [row.entry["why"] for row in told]
    assert all_ended(world)
    assert world.account["files"] == 0
    assert world.account["dossiers"][NUMBER]["statuses"] == [int(each.dossier.status) for each in MESSAGES[:2]]
    # Nobody is told that the portal has it.
    assert [row.service for row in world.deliveries() if row.id == told[0].entry["delivery"]] == ["TaiTepTin"]
