"""Never sent twice: what may have arrived is asked about, resent where that is declared safe, or left to a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.app import Hub
from hub.ledger import payloads
from hub.ledger.tables import attempts, journal
from hub.rules.lifecycle import State
from hub.simulation import Call, Said, SimulatorServer
from tests.promises.conftest import MakeHub
from tests.support import hub as support
from tests.support.clock import Clock
from tests.support.looking import all_deliveries, check_chains
from tests.support.partner import Partner, served
from tests.support.raw_partner import HALF, RawPartner, closing
from tests.support.world import LONG_SECONDS, World

SETTLE_AFTER_SECONDS = 120.0
UNPROVEN = support.ASKS.replace("absence_proves = true\n", "")


class Forgetful:
    """A partner that does with the next call what it is told."""

    def __init__(self) -> None:
        self.partner = Partner()
        self.next = ""

    def answer(self, call: Call, usual: Callable[[], Said]) -> Said:
        fault, self.next = (self.next, "") if call.path != "/TraCuu" else ("", self.next)
        if fault == "lose":
            return Said(hang=0.0)
        answer = usual()
        return Said(hang=0.0) if fault == "drop" else answer


@pytest.fixture
def forgetful() -> Iterator[tuple[Forgetful, SimulatorServer]]:
    partner = Forgetful()
    with served(partner.partner, partner.answer) as server:
        yield partner, server


def states(hub: Hub) -> list[str]:
    return [row.state for row in all_deliveries(hub.ledger)]


@pytest.mark.parametrize("fault", ["lose", "drop"])
def test_a_doubt_is_asked_about_when_its_time_has_come_and_not_before(
    make_hub: MakeHub, clock: Clock, forgetful: tuple[Forgetful, SimulatorServer], fault: str
) -> None:
    partner, server = forgetful
    hub = make_hub({support.PARTNER: support.At(url=server.url)})
    support.send(hub, 1)
    support.send(hub, 2)
    partner.next = fault
    support.carry_all(hub)
    assert states(hub) == [State.IN_DOUBT, State.HELD]

    clock.advance(SETTLE_AFTER_SECONDS - 1)
    assert support.carry(hub) == 0
    clock.advance(1)
    support.carry_all(hub)

    assert partner.partner.calls["TraCuu"] == 1
    assert partner.partner.marks("H01-1") == ["#1", "#2"]
    assert states(hub) == [State.DELIVERED, State.DELIVERED]


def test_an_attempt_in_doubt_keeps_what_went_and_what_came(make_hub: MakeHub, clock: Clock) -> None:
    """Also the inquiry after it keeps the part of a reply that came; the token stands in neither."""
    with RawPartner(closing(HALF)) as partner:
        hub = make_hub({support.PARTNER: support.At(url=partner.url)})
        support.send(hub, 1)
        support.carry_all(hub)
        clock.advance(SETTLE_AFTER_SECONDS)
        support.carry_all(hub)

    assert states(hub) == [State.IN_DOUBT]
    with hub.ledger.read() as conn:
        attempt = conn.execute(select(attempts)).one()
        sent, business, reply = (
            payloads.get(conn, digest) for digest in (attempt.sent_digest, attempt.business_digest, attempt.reply_digest)
        )
        inquiry = conn.execute(select(journal.c.entry).where(journal.c.event == "inquiry.unknown")).scalar_one()
    assert sent == f"POST {partner.url}/GuiHoSo\r\nContent-Type: application/json; charset=utf-8\r\n".encode() + (
        b"Authorization: Bearer ***\r\n\r\n" + business
    )
    assert (reply, attempt.reply_status) == (HALF, 0)
    assert attempt.reply_digest in inquiry


def test_an_attempt_that_was_not_sent_has_nothing_to_keep(make_hub: MakeHub) -> None:
    with RawPartner(closing(b"")) as gone:
        pass
    hub = make_hub({support.PARTNER: support.At(url=gone.url)})
    support.send(hub, 1)
    support.carry_all(hub)

    assert states(hub) == [State.WAITING]
    with hub.ledger.read() as conn:
        attempt = conn.execute(select(attempts)).one()
    assert (attempt.sent_digest, attempt.reply_digest, attempt.reply_status) == ("", "", 0)


def test_absence_that_does_not_prove_leaves_it_in_doubt(
    make_hub: MakeHub, clock: Clock, forgetful: tuple[Forgetful, SimulatorServer]
) -> None:
    partner, server = forgetful
    hub = make_hub({support.PARTNER: support.At(url=server.url, services=UNPROVEN)})
    support.send(hub, 1)
    support.send(hub, 2)
    partner.next = "lose"
    support.carry_all(hub)

    for _ in range(3):
        clock.advance(LONG_SECONDS)
        support.carry_all(hub)

    assert partner.partner.calls["TraCuu"] == 3
    assert partner.partner.arrivals == []
    assert states(hub) == [State.IN_DOUBT, State.HELD]


@pytest.mark.parametrize("answer", ["unknown", "not sent"])
def test_an_answer_that_tells_nothing_proves_nothing(tmp_path: Path, ledger_url: str, answer: str) -> None:
    """The partner has it, and its look-up is out of order: sent again, it would have it twice."""
    world = World.open(tmp_path, ledger_url, services=support.ASKS)
    support.send(world.hub, 1)
    world.dispatch()
    world.outcome = "taken, no reply"
    world.work(world.bag.dues.pop())
    world.advance(LONG_SECONDS)
    world.dispatch()
    world.answer = answer
    world.work(world.bag.dues.pop())
    assert states(world.hub) == [State.IN_DOUBT]

    world.heal()

    assert world.partner.marks("H01-1") == ["#1"]
    assert states(world.hub) == [State.DELIVERED]
    world.close()


@pytest.mark.parametrize("outcome", ["bug", "taken, garbage"])
def test_a_bug_or_an_unreadable_reply_after_the_bytes_left_is_a_doubt(tmp_path: Path, ledger_url: str, outcome: str) -> None:
    world = World.open(tmp_path, ledger_url, services=support.ASKS)
    support.send(world.hub, 1)
    world.dispatch()
    world.outcome = outcome

    world.work(world.bag.dues.pop())

    assert states(world.hub) == [State.IN_DOUBT]
    world.heal()
    assert world.partner.marks("H01-1") == ["#1"]
    world.close()


def test_what_can_neither_be_asked_nor_resent_waits_for_a_person(
    make_hub: MakeHub, clock: Clock, forgetful: tuple[Forgetful, SimulatorServer]
) -> None:
    partner, server = forgetful
    hub = make_hub({support.PARTNER: support.At(url=server.url, services="")})
    support.send(hub, 1)
    support.send(hub, 2)
    partner.next = "drop"
    support.carry_all(hub)
    clock.advance(LONG_SECONDS)
    assert support.carry(hub) == 0
    assert states(hub) == [State.IN_DOUBT, State.HELD]

    (doubtful, _) = all_deliveries(hub.ledger)
    hub.ledger.settle(
        doubtful.id,
        arrived=True,
        evidence=b"letter",
        found={"dossier": "H01-1"},
        waits=False,
        notice=hub.notice(doubtful, "delivered"),
        actor="an",
        why="they say they have it",
        now=hub.now(),
    )
    support.carry_all(hub)

    assert partner.partner.marks("H01-1") == ["#1", "#2"]
    assert b'"CAPNHAT"' in partner.partner.arrivals[1].body
    check_chains(hub.ledger)


def test_a_partner_that_had_it_already_is_written_to_again_as_an_update(hub: Hub, partner: Partner) -> None:
    """On a first attempt "already" says that something is held, not that it is this."""
    partner.holds.add("H01-1")

    support.send(hub, 1)
    support.carry_all(hub)

    assert [b'"CAPNHAT"' in each.body for each in partner.arrivals] == [True]
    assert states(hub) == [State.DELIVERED]


def test_already_after_a_doubt_settles_it(make_hub: MakeHub, clock: Clock) -> None:
    """The partner drops repeats by the message's identifier: "already" is then about these very bytes."""
    dropping = Forgetful()
    dropping.partner.drops_repeats = frozenset({"GuiHoSo"})
    with served(dropping.partner, dropping.answer) as server:
        hub = make_hub({support.PARTNER: support.At(url=server.url, services=support.RESENDS)})
        support.send(hub, 1)
        dropping.next = "drop"
        support.carry_all(hub)
        clock.advance(SETTLE_AFTER_SECONDS)
        support.carry_all(hub)

    assert [each.identity for each in dropping.partner.dropped] == [each.identity for each in dropping.partner.arrivals]
    assert len(dropping.partner.arrivals) == 1
    assert states(hub) == [State.DELIVERED]


def test_a_doubt_at_an_endpoint_whose_file_was_taken_away_is_left_to_a_person(tmp_path: Path, ledger_url: str) -> None:
    """Nobody declares any more that a resend is safe, so nothing may be resent when the file comes back."""
    world = World.open(tmp_path, ledger_url)
    support.send(world.hub, 1)
    world.dispatch()
    world.work(world.bag.dues.pop(), dies=("record_all_delivered", "before"))
    world.close()
    path = tmp_path / "endpoints" / f"{support.PARTNER}.toml"
    file = path.read_text(encoding="utf-8")
    path.unlink()
    (tmp_path / "routes.toml").unlink()

    without = support.open_hub(tmp_path, world.clock)
    without.ledger.recall_all(without.now() + LONG_SECONDS, without.doubt_policy)
    (row,) = all_deliveries(without.ledger)
    support.close(without)

    assert (row.state, row.doubt) == (State.IN_DOUBT, "park")
    path.write_text(file, encoding="utf-8")
    back = support.open_hub(tmp_path, world.clock)
    world.clock.advance(10 * LONG_SECONDS)
    assert support.carry(back) == 0
    support.close(back)


def test_a_receipt_that_comes_when_the_claim_is_lost_does_no_harm(tmp_path: Path, ledger_url: str) -> None:
    """A worker stood still for longer than its lease; meanwhile the partner was asked, and the chain went on."""
    world = World.open(tmp_path, ledger_url)
    support.send(world.hub, 1)
    world.dispatch()

    def meanwhile() -> None:
        world.dispatch()
        world.advance(LONG_SECONDS)
        world.dispatch()
        world.work(world.bag.dues.pop())

    world.outcome, world.meanwhile = "taken, stalled after", meanwhile
    world.work(world.bag.dues.pop())

    assert states(world.hub) == [State.DELIVERED]
    assert world.partner.marks("H01-1") == ["#1"]
    world.close()
