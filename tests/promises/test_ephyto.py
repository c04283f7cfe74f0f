"""Certificates to and from the ePhyto Hub, through a real hub: followed to their end, taken once, one of three words on each."""

from __future__ import annotations

import base64
import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

import adapters.ephyto
from adapters.ephyto.simulator_certificates import certificate
from hub import intake
from hub.app import Hub
from hub.contract import Request
from hub.errors import Unavailable
from hub.ledger.pull_tables import pulls
from hub.ledger.tables import messages
from hub.registers import border
from tests.support import hub as support
from tests.support.dying_ephyto import touched, work
from tests.support.engines import ENGINES, ledger_on
from tests.support.ephyto_world import EPHYTO, EphytoWorld, ephyto_world

PUSHED = Path(adapters.ephyto.__file__).parent / "samples" / "in" / "pushed.xml"
OURS, THEIRS = "VN-TEST-2026-000017", "ID-TEST-2026-000017"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EphytoWorld]:
    with ephyto_world(tmp_path) as running:
        yield running


@pytest.fixture(params=ENGINES)
def on_each(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EphytoWorld]:
    with ledger_on(request.param) as ledger, ephyto_world(tmp_path, ledger) as running:
        yield running


def accepted(world: EphytoWorld, endpoint: str = EPHYTO) -> list[str]:
    """List the subjects of the messages that were accepted from an endpoint, in their order."""
    with world.hub.ledger.read() as conn:
        chosen = select(messages.c.subject).where(messages.c.endpoint == endpoint, messages.c.accepted)
        return [row.subject for row in conn.execute(chosen.order_by(messages.c.received_at))]


def technical(world: EphytoWorld, country: str, number: str) -> str:
    with world.hub.ledger.read() as conn:
        shown = border.shown(conn, f"border:phyto:{country}:{number}", world.hub.now())
    assert shown is not None
    return str(shown.row.technical)


def words(world: EphytoWorld) -> list[tuple[str, str]]:
    return [(each["number"], each["state"]) for each in world.post.account()["words"]]


def sent(world: EphytoWorld) -> list[tuple[str, str, str]]:
    """List our envelopes at the ePhyto Hub: to whom, status, certificate."""
    rows = world.post.account()["envelopes"]
    return [(row["to"], row["status"], row["certificate"]) for row in rows if row["from"] == "VN"]


# --- out ---------------------------------------------------------------------------------------------------------


def test_a_certificate_goes_out_and_is_followed_to_its_last_word(on_each: EphytoWorld) -> None:
    world = on_each
    assert world.say("issued", "K-1").status == 202
    world.carry_all(2)
    assert sent(world) == [("ID", "70", OURS)]
    assert world.states() == ["delivered"]

    world.follow()
    assert technical(world, "VN", OURS) == "pending"
    world.post.verbs["settle"]({"certificate": OURS, "state": "DeliveredWithWarnings", "message": "unit of a package"})
    world.follow()

    assert world.states() == ["acknowledged"]
    assert technical(world, "VN", OURS) == "delivered_with_warnings"


@pytest.mark.parametrize(
    ("state", "delivery", "shown"),
    [
        ("Delivered", "acknowledged", "delivered"),
        ("DeliveredNotReadable", "refused_late", "not_readable"),
        ("FailedDelivery", "refused_late", "failed"),
    ],
)
def test_each_last_word_closes_the_delivery(state: str, delivery: str, shown: str, world: EphytoWorld) -> None:
    world.say("issued", "K-1")
    world.carry_all(2)
    world.post.verbs["settle"]({"certificate": OURS, "state": state})
    world.follow()

    assert world.states() == [delivery]
    assert technical(world, "VN", OURS) == shown


def test_a_word_that_nobody_knows_is_no_success(world: EphytoWorld) -> None:
    world.say("issued", "K-1")
    world.carry_all(2)
    world.post.faults.add("state", times=2, value="DeliveredToday", match="GetEnvelopeTrackingInfo")
    world.follow()
    world.follow()
    assert world.states() == ["delivered"]

    world.post.verbs["settle"]({"certificate": OURS, "state": "Delivered"})
    world.follow()

    assert world.states() == ["acknowledged"]


def test_a_lost_answer_is_asked_about_and_followed_all_the_same(world: EphytoWorld) -> None:
    world.post.faults.add("hang_after", value=0, match="ValidateAndDeliverEnvelope")
    world.say("issued", "K-1")
    world.carry_all()
    assert sent(world) == [("ID", "70", OURS)]
    assert world.states() == ["delivered"]

    world.post.verbs["settle"]({"certificate": OURS, "state": "Delivered"})
    world.follow()

    assert world.states() == ["acknowledged"]


def test_the_tls_front_that_says_no_in_html_costs_time_only(world: EphytoWorld) -> None:
    world.post.faults.add("front_403", times=3)
    world.say("issued", "K-1")
    world.carry_all(1)
    assert world.states() == ["waiting"]

    world.carry_all()

    assert sent(world) == [("ID", "70", OURS)]


def test_a_withdrawal_goes_out_with_the_certificate_that_the_hub_has(world: EphytoWorld) -> None:
    world.say("issued", "K-1")
    world.carry_all(2)

    assert world.say("withdrawn", "K-2", content=False).status == 202
    world.carry_all(2)
    assert sent(world) == [("ID", "70", OURS), ("ID", "40", OURS)]


def test_a_replaced_certificate_can_still_be_withdrawn(world: EphytoWorld) -> None:
    world.say("issued", "K-1")
    world.carry_all(2)
    assert world.say("replacement", "K-2").status == 202
    world.carry_all(2)
    assert world.say("withdrawn", "K-3").status == 202
    world.carry_all(2)

    assert sent(world) == [("ID", "70", OURS), ("ID", "70", "VN-TEST-2026-000018"), ("ID", "40", OURS)]


# --- in ----------------------------------------------------------------------------------------------------------


def test_a_certificate_comes_in_and_our_answer_goes_back(on_each: EphytoWorld) -> None:
    world = on_each
    number = world.arrive()
    world.pull()
    assert world.state(number) == "PendingDelivery"
    world.acknowledge()
    world.carry_all(2)
    assert (world.state(number), accepted(world)) == ("Delivered", [f"border:phyto:ID:{THEIRS}"])
    assert list(world.ministry.account()["documents"]) == [THEIRS]

    answered = world.say("rejected", "K-1")
    world.carry_all(2)

    assert answered.status == 202
    assert sent(world) == [("ID", "41", THEIRS)]


def test_a_file_inside_a_certificate_is_kept_and_put_back_in(world: EphytoWorld) -> None:
    told = {"from": "ID", "to": "VN", "number": THEIRS}
    file = base64.b64encode(b"%PDF-1.7 plan of the samples").decode()
    reference = (
        "<ram:ReferenceSPSReferencedDocument><ram:TypeCode>916</ram:TypeCode><ram:RelationshipTypeCode>ZZZ</ram:RelationshipTypeCode>"
        f'<ram:ID>R1</ram:ID><ram:AttachmentBinaryObject filename="plan.pdf">{file}</ram:AttachmentBinaryObject>'
        "</ram:ReferenceSPSReferencedDocument>"
    )
    place = "<ram:SignatorySPSAuthentication>"
    world.arrive(**told, content=certificate(told).replace(place, reference + place))
    world.pull()
    world.acknowledge()
    world.carry_all(2)
    (reference_there,) = world.ministry.account()["documents"][THEIRS][0]["NoiDung"]["references"]
    assert reference_there["file"]["url"].endswith(reference_there["file"]["digest"])

    assert world.say("issued", "K-1", references=[reference_there]).status == 202
    world.carry_all(4)
    (sent_bytes,) = [row["size"] for row in world.post.account()["envelopes"] if row["from"] == "VN"]
    assert world.states() == ["delivered"]
    assert sent_bytes > len(file) + 3_000


def test_withdrawal_and_replacement_of_another_country_come_in(world: EphytoWorld) -> None:
    for given in ({"number": THEIRS}, {"number": "ID-2", "replaces": THEIRS}, {"number": "ID-2", "status": "40"}):
        told = {"from": "ID", "to": "VN", **given}
        world.arrive(**told, content=certificate(told))
        world.pull()
        world.acknowledge()
        world.later()

    assert [state for _, state in words(world)] == ["Delivered"] * 3
    with world.hub.ledger.read() as conn:
        rows = {number: border.shown(conn, f"border:phyto:ID:{number}", world.hub.now()) for number in (THEIRS, "ID-2")}
    assert [str(each.row.standing) for each in rows.values() if each] == ["superseded", "cancelled"]


def test_what_cannot_be_read_is_said_to_have_failed_and_kept_as_it_came(world: EphytoWorld) -> None:
    bad = [world.arrive(number=f"BAD-{place}", content=text) for place, text in enumerate(("<a", "<!DOCTYPE a><a/>", "NULL"))]
    world.pull()
    world.acknowledge()

    assert words(world) == [(number, "DeliveredNotReadable") for number in bad]
    with world.hub.ledger.read() as conn:
        refused = conn.execute(select(messages.c.error_code).where(messages.c.endpoint == EPHYTO)).all()
    assert [row.error_code for row in refused] == ["invalid_message"] * 3


def test_what_is_questionable_is_taken_and_its_sender_is_told(world: EphytoWorld) -> None:
    number = world.arrive(**{"from": "TH"})
    world.pull()
    world.acknowledge()

    assert words(world) == [(number, "DeliveredWithWarnings")]
    assert "From TH is not the issuing country ID" in world.post.account()["words"][0]["message"]
    assert accepted(world) == [f"border:phyto:ID:{THEIRS}"]


def test_our_own_failure_leaves_it_at_the_hub(world: EphytoWorld) -> None:
    number = world.arrive()
    for failure in (Unavailable("no ledger", "không có sổ"), RuntimeError("a bug")):
        broken = replace(world.hub, ledger=_Failing(world.hub.ledger, failure))  # type: ignore[arg-type]
        work(broken, "one")
        work(world.hub, "two")
        world.later(1.0)
    assert world.state(number) == "PendingDelivery"
    assert accepted(world) == []

    for _ in range(5):
        world.later(3_600)
        work(world.hub, "three")

    assert words(world) == [(number, "Delivered")]
    assert accepted(world) == [f"border:phyto:ID:{THEIRS}"]


class _Failing:
    """A ledger that takes no message."""

    def __init__(self, ledger: Any, failure: Exception) -> None:
        self._ledger, self._failure = ledger, failure

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def record_all_received(self, acceptances: Any) -> Any:
        raise self._failure


def test_an_envelope_that_cannot_be_fetched_keeps_no_other_away(world: EphytoWorld) -> None:
    stuck, fine = world.arrive(number="ID-STUCK"), world.arrive()
    world.post.faults.add("soap_fault", times=2, value="", match=f">{stuck}<")
    world.pull()
    world.acknowledge()
    assert words(world) == [(fine, "Delivered")]

    for _ in range(3):
        world.later(3_600)
        world.pull()
        world.acknowledge()

    assert world.state(stuck) in ("Delivered", "DeliveredWithWarnings")


def test_a_copied_ledger_never_speaks_for_production(tmp_path: Path) -> None:
    with ephyto_world(tmp_path, environment="production") as world:
        number = world.arrive()
        world.pull()
        file = tmp_path / "endpoints" / f"{EPHYTO}.toml"
        file.write_text(file.read_text().replace('environment = "production"', 'environment = "uat"'))
        copied = _reopened(world)
        world.hub = copied
        world.acknowledge()

        assert world.state(number) == "PendingDelivery"
        assert words(world) == []


def _reopened(world: EphytoWorld) -> Hub:
    return support.open_hub(world.folder, world.clock)


def test_what_is_pushed_and_pulled_is_one(world: EphytoWorld) -> None:
    number = world.arrive()
    body = PUSHED.read_bytes()
    request = Request(endpoint=EPHYTO, body=body.replace(b"TEST-HUB-0000042", number.encode()), content_type="text/xml")
    assert intake.receive(world.hub, request).status == 200
    assert b"PendingDelivery" in intake.receive(world.hub, request).body
    world.pull()
    world.acknowledge()

    assert words(world) == [(number, "Delivered")]
    assert accepted(world) == [f"border:phyto:ID:{THEIRS}"]


# --- dying anywhere ----------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone."""


#: What waits, by the word that is owed for it.
KINDS = {
    "Delivered": {},
    "DeliveredWithWarnings": {"from": "TH"},
    "DeliveredNotReadable": {"content": "<a"},
}


@pytest.mark.parametrize(
    ("kind", "engine"),
    [*((kind, "sqlite") for kind in KINDS), ("Delivered", "postgresql")],
)
def test_wherever_the_process_dies_each_is_taken_once_and_has_one_word(kind: str, engine: str, tmp_path: Path) -> None:
    with ledger_on(engine) as ledger, ephyto_world(tmp_path, ledger) as world:
        last, died, numbers = 0, True, []
        while died:
            last += 1
            told = {"from": "ID", "to": "VN", "number": f"ID-{last}"}
            numbers.append(world.arrive(**{"content": certificate(told), "number": told["number"], **KINDS[kind]}))
            count = [0]

            def touch(last: int = last, count: list[int] = count) -> None:
                count[0] += 1
                if count[0] == last:
                    raise Killed

            with contextlib.suppress(Killed):
                work(touched(world.hub, touch), "doomed")
            died = count[0] >= last
            # Its leases end; another process goes on.
            world.later(3_600)
            work(world.hub, "heir")
            world.later(3_600)
            work(world.hub, "heir")

        assert last > 8
        assert words(world) == [(number, kind) for number in numbers]
        assert len(accepted(world)) == (0 if kind == "DeliveredNotReadable" else last)
        assert len(set(accepted(world))) == len(accepted(world))


def test_a_process_that_is_killed_loses_nothing_and_says_nothing_twice(world: EphytoWorld) -> None:
    number = world.arrive()
    for last in ("4", "6", "9", "11", "12"):
        command = [sys.executable, "-m", "tests.support.dying_ephyto", str(world.folder), last]
        ended = subprocess.run(command, capture_output=True, check=False, timeout=120)
        assert ended.returncode in (-signal.SIGKILL, 0), ended.stderr
        with world.hub.ledger.apart() as conn:
            conn.execute(update(pulls).values(leased_until=0.0, next_at=0.0))
    world.later(3_600)
    work(world.hub, "heir")

    assert words(world) == [(number, "Delivered")]
    assert accepted(world) == [f"border:phyto:ID:{THEIRS}"]
