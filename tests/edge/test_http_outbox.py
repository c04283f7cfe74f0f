"""Partners that ask for what they are sent: given in order until they say what they did with it; nothing is lost."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from hub import bootstrap, delivery
from hub.errors import BadSettings, Refused
from hub.ledger.ledger import Ledger
from hub.ledger.outbox_tables import outbox
from hub.ledger.tables import journal, payloads
from tests.support.clock import Clock
from tests.support.engines import ENGINES, ledger_on
from tests.support.looking import all_deliveries, broken_rows
from tests.support.polling_partner import PollingPartner

from .conftest import HubFolder, Serve, Served, dossier

HOUR_SECONDS = 3600.0


class World:
    """A hub whose commune asks for what it is sent, by a clock that is turned by hand."""

    def __init__(self, served: Served, clock: Clock) -> None:
        self.served, self.clock, self.hub = served, clock, served.hub
        self.partner = PollingPartner("commune", self.call)

    def call(self, method: str, path: str, body: bytes | None, name: str = "commune") -> tuple[int, bytes]:
        said = self.served.call(method, path, body, self.served.folder.authorized(name))
        return said.status, said.body

    def send(self, code: str, key: str, **fields: Any) -> None:
        assert self.served.send("province_a", dossier(code, **fields), key).status == 202

    def deliver(self) -> None:
        """Do what dispatch and the workers do, in this thread."""
        self.hub.ledger.lapse(self.hub.now(), self.hub.doubt_policy)
        for due in self.hub.ledger.queue(self.hub.now(), self.hub.budgets()):
            delivery.deliver(self.hub, due)

    def states(self) -> list[str]:
        return [row.state for row in all_deliveries(self.hub.ledger)]


Make = Callable[..., World]


@pytest.fixture
def make(hub_folder: HubFolder, serve: Serve) -> Make:
    def made(lines: str = "", *, ledger: str = "", outbound: dict[str, Any] | None = None) -> World:
        if ledger:
            hub_folder.hub(hub={"name": "test"}, ledger={"url": ledger})
        hub_folder.endpoint("commune", title="Một cửa xã Thử Nghiệm", outbound=outbound or {}, options={"base_url": "http://127.0.0.1:9"})
        file = hub_folder.path / "endpoints" / "commune.toml"
        file.write_text(f"{file.read_text('utf-8')}\n[outbox]\n{lines}", encoding="utf-8")
        clock = Clock()
        return World(serve(lambda hub: replace(hub, clock=clock)), clock)

    return made


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, make: Make) -> Iterator[World]:
    with ledger_on(request.param) as address:
        yield make(ledger=address)


@pytest.fixture
def small(make: Make) -> World:
    return make()


def test_messages_are_given_until_they_are_acknowledged_and_in_order(world: World) -> None:
    world.send("A-1", "k1")
    world.send("A-1", "k2", NgayNopHoSo="20260302074600")
    world.send("A-2", "k3")
    world.deliver()
    first, again = world.partner.ready(), world.partner.ready()
    before = world.states()
    taken = world.partner.work()
    world.deliver()
    rest = world.partner.work()

    ids = [item["id"] for item in first["messages"]]
    assert (len(ids), first["waiting"], [item["id"] for item in again["messages"]]) == (2, 2, ids)
    assert [item["given"] for item in again["messages"]] == [1, 1]
    assert (sorted(before), taken, rest) == (["held", "sending", "sending"], 2, 1)
    assert world.states() == ["delivered"] * 3
    assert world.partner.ready() == {"messages": [], "waiting": 0}
    codes = [json.loads(body)["HoSo"]["MaHoSo"] for body in world.partner.kept.values()]
    assert sorted(codes[:2]) == ["A-1", "A-2"] and codes[2] == "A-1"
    assert broken_rows(world.hub.ledger) == []


def test_the_journal_says_when_it_lay_ready_was_fetched_and_was_taken(small: World) -> None:
    small.send("A-1", "k1")
    small.deliver()
    small.partner.ready()
    small.partner.work()

    with small.hub.ledger.read() as conn:
        events = [row.event for row in conn.execute(select(journal).order_by(journal.c.seq)) if row.event.startswith("delivery.")]
    assert events == ["delivery.sending", "delivery.laid_out", "delivery.given", "delivery.delivered"]


def test_what_a_partner_refuses_is_parked_with_its_code_and_its_words_as_evidence(world: World) -> None:
    world.send("A-1", "k1")
    world.deliver()
    (item,) = world.partner.ready()["messages"]
    said = world.partner.say(item, "refused", code="E-7", reason="thiếu thành phần")
    repeated = world.partner.say(item, "refused", code="E-7")
    taken = world.partner.say(item, "taken")

    (row,) = all_deliveries(world.hub.ledger)
    assert (said[1]["repeated"], repeated[1]["repeated"], taken[0]) == (False, True, 409)
    assert (row.state, row.error_code, row.partner_code) == ("parked", Refused.code, "E-7")
    assert "thiếu" not in row.error_vi + row.error_en
    assert world.partner.ready()["messages"] == []
    world.hub.ledger.release(row.id, actor="admin", why="sửa xong", now=world.hub.now())
    world.deliver()
    assert (world.partner.work(), world.states()) == (1, ["delivered"])


def test_the_same_word_twice_is_recorded_once(small: World) -> None:
    small.send("A-1", "k1")
    small.deliver()
    (item,) = small.partner.ready()["messages"]

    answers = [small.partner.say(item) for _ in range(3)]
    refused = small.partner.say(item, "refused", code="E-1")

    assert [(status, told["repeated"]) for status, told in answers] == [(200, False), (200, True), (200, True)]
    assert (refused[0], refused[1]["DanhSachLoi"][0]["Ma"]) == (409, "settled_otherwise")


def test_two_words_at_once_settle_once(world: World) -> None:
    world.send("A-1", "k1")
    world.deliver()
    (item,) = world.partner.ready()["messages"]
    answers: list[tuple[int, Any]] = []
    threads = [threading.Thread(target=lambda: answers.append(world.partner.say(item))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted((status, told["repeated"]) for status, told in answers) == [(200, False)] + [(200, True)] * 3
    assert broken_rows(world.hub.ledger) == []


def test_yes_and_no_at_once_is_one_of_them_and_the_other_is_told(world: World) -> None:
    world.send("A-1", "k1")
    world.deliver()
    (item,) = world.partner.ready()["messages"]
    answers: list[tuple[str, int]] = []

    def say(outcome: str) -> None:
        answers.append((outcome, world.partner.say(item, outcome, code="E-1")[0]))

    threads = [threading.Thread(target=say, args=(outcome,)) for outcome in ("taken", "refused", "taken", "refused")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    won = "taken" if world.states() == ["delivered"] else "refused"
    assert sorted(answers) == sorted((outcome, 200 if outcome == won else 409) for outcome, _ in answers)


def test_an_acknowledgement_of_other_bytes_settles_nothing(small: World) -> None:
    small.send("A-1", "k1")
    small.deliver()
    (item,) = small.partner.ready()["messages"]
    status, told = small.partner.say({**item, "digest": "sha256:" + 64 * "0"})

    assert (status, told["DanhSachLoi"][0]["Ma"], small.states()) == (409, "digest_mismatch", ["sending"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"outcome": "taken"}',
        b'{"outcome": "maybe", "digest": "sha256:' + 64 * b"0" + b'"}',
        b'{"outcome": "refused", "digest": "sha256:' + 64 * b"0" + b'"}',
        b'{"outcome": "taken", "digest": 1}',
        b'{"outcome": "taken", "outcome": "refused", "digest": "sha256:' + 64 * b"0" + b'"}',
        b'{"outcome": "taken", "digest": "sha256:' + 64 * b"0" + b'", "more": 1}',
        b"\xff\x00",
        b"[" * 5000,
        b'{"outcome": "refused", "reason": "' + 600 * b"x" + b'", "digest": "sha256:' + 64 * b"0" + b'"}',
    ],
)
def test_a_word_that_cannot_be_read_changes_nothing(small: World, body: bytes) -> None:
    small.send("A-1", "k1")
    small.deliver()
    (item,) = small.partner.ready()["messages"]

    status, _ = small.call("POST", f"{item['href']}/ack", body)

    assert (status, small.states()) == (400, ["sending"])


def test_what_is_not_acknowledged_in_time_is_in_doubt_and_is_still_given(make: Make) -> None:
    world = make(f"acknowledge_seconds = {HOUR_SECONDS}\n")
    world.send("A-1", "k1")
    world.deliver()
    world.clock.advance(HOUR_SECONDS + 1)
    world.deliver()
    (late,) = all_deliveries(world.hub.ledger)
    (item,) = world.partner.ready()["messages"]
    said = world.partner.say(item)

    assert (late.state, late.doubt, late.error_en) == (
        "in_doubt",
        "park",
        "the partner did not say in time whether it took the message that lies ready for it",
    )
    assert (said[0], world.states()) == (200, ["delivered"])


def test_a_late_no_parks_it_too(make: Make) -> None:
    world = make(f"acknowledge_seconds = {HOUR_SECONDS}\n")
    world.send("A-1", "k1")
    world.deliver()
    world.clock.advance(HOUR_SECONDS + 1)
    world.deliver()
    (item,) = world.partner.ready()["messages"]

    assert world.partner.say(item, "refused", code="E-9")[0] == 200
    (row,) = all_deliveries(world.hub.ledger)
    assert (row.state, row.partner_code) == ("parked", "E-9")


def test_what_was_given_is_hidden_as_long_as_configured(make: Make) -> None:
    world = make("hidden_seconds = 60\n")
    world.send("A-1", "k1")
    world.send("A-2", "k2")
    world.deliver()
    first = world.partner.ready(limit=1)["messages"]
    second = world.partner.ready(limit=1)["messages"]
    nothing = world.partner.ready()
    world.clock.advance(61)

    assert first[0]["id"] != second[0]["id"]
    assert (nothing["messages"], nothing["waiting"]) == ([], 2)
    assert [item["id"] for item in world.partner.ready()["messages"]] == [first[0]["id"], second[0]["id"]]


def test_a_large_message_is_fetched_by_its_own_address(make: Make) -> None:
    world = make("inline_bytes = 10\n")
    world.send("A-1", "k1")
    world.deliver()
    (item,) = world.partner.ready()["messages"]
    said = world.served.call("GET", item["href"], headers=world.served.folder.authorized("commune"))
    world.partner.work()
    gone = world.served.call("GET", item["href"], headers=world.served.folder.authorized("commune"))

    assert (item["content"], item["size"]) == (None, len(said.body))
    assert (said.status, said.headers["content-type"]) == (200, "application/json")
    assert said.headers["content-digest"].startswith("sha-256=:")
    assert (len(world.partner.kept), gone.status) == (1, 404)


def test_what_the_ledger_has_lost_is_never_given_as_an_empty_message(world: World) -> None:
    """Others are given all the same; once the bytes are restored it is given, and a word that came meanwhile is not lost."""
    world.send("A-1", "k1")
    world.send("A-2", "k2")
    world.deliver()
    lost, other = world.partner.ready()["messages"]
    body = change_bodies(world.hub.ledger, lost["digest"], None)
    listed, first = world.partner.ready(), world.partner.ready(limit=1)
    said = world.served.call("GET", lost["href"], headers=world.served.folder.authorized("commune"))
    word = world.partner.say(lost, "taken")

    assert ([item["id"] for item in listed["messages"]], listed["waiting"]) == ([other["id"]], 2)
    assert [item["id"] for item in first["messages"]] == [other["id"]]
    assert (said.status, word[0]) == (503, 503)
    assert world.states() == ["sending", "sending"]
    change_bodies(world.hub.ledger, lost["digest"], body)
    assert [item["given"] for item in world.partner.ready()["messages"]] == [1, 3]
    assert (world.partner.say(lost, "taken")[0], world.partner.work(), world.states()) == (200, 1, ["delivered"] * 2)


def change_bodies(ledger: Ledger, digest: str, body: bytes | None) -> bytes | None:
    """Have a body of the ledger lost, or restored; give what was there."""
    with ledger.apart() as conn:
        before = conn.execute(select(payloads.c.body).where(payloads.c.digest == digest)).scalar()
        conn.execute(update(payloads).where(payloads.c.digest == digest).values(body=body))
    return before


def test_nobody_else_sees_or_settles_it(small: World) -> None:
    small.send("A-1", "k1")
    small.deliver()
    (item,) = small.partner.ready()["messages"]
    said = json.dumps({"outcome": "taken", "digest": item["digest"]}).encode()
    stranger = small.served.call("GET", "/doors/commune/outbox", headers={"Authorization": "Bearer no"})
    other = small.call("GET", "/doors/commune/outbox", None, "province_b")
    ack = small.call("POST", f"{item['href']}/ack", said, "province_b")
    no_outbox = small.call("GET", "/doors/province_b/outbox", None, "province_b")
    no_such = small.call("GET", f"/doors/commune/outbox/{'0' * 36}", None)
    strange = small.call("GET", "/doors/commune/outbox/..%2f..%2fetc", None)

    assert (stranger.status, other[0], ack[0]) == (401, 401, 401)
    assert (no_outbox[0], no_such[0], strange[0], small.states()) == (404, 404, 404, ["sending"])


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit="])
def test_a_limit_that_cannot_be_is_said(small: World, query: str) -> None:
    assert small.call("GET", f"/doors/commune/outbox?{query}", None)[0] == 400


def test_a_hub_that_starts_anew_gives_the_same_again(small: World, hub_folder: HubFolder) -> None:
    small.send("A-1", "k1")
    small.deliver()
    (given,) = small.partner.ready()["messages"]
    hub = bootstrap.open_hub(hub_folder.settings(), clock=small.clock)
    hub.ledger.recall_all(hub.now(), hub.doubt_policy)
    hub.ledger.close()
    (again,) = small.partner.ready()["messages"]

    assert (again["id"], small.states()) == (given["id"], ["sending"])


def test_a_worker_that_dies_before_it_is_laid_out_loses_nothing(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*given: Any) -> None:
        raise SystemExit

    small.send("A-1", "k1")
    with monkeypatch.context() as patched:
        patched.setattr(delivery, "_lay_out", dies)
        with pytest.raises(SystemExit):
            small.deliver()
    (item,) = small.partner.ready()["messages"]

    assert (small.partner.say(item)[0], small.states()) == (200, ["delivered"])


def test_the_next_of_a_dossier_waits_and_the_number_at_once_is_bounded(make: Make) -> None:
    world = make(outbound={"concurrency": 1})
    for number in range(6):
        world.send(f"A-{number}", f"k{number}")
    world.deliver()

    assert (world.partner.ready(limit=100)["waiting"], world.states().count("sending")) == (4, 4)


def test_rows_of_what_was_settled_do_not_pile_up(small: World) -> None:
    for number in range(5):
        small.send(f"A-{number}", f"k{number}")
        small.deliver()
        small.partner.work()

    with small.hub.ledger.read() as conn:
        assert len(conn.execute(select(outbox)).all()) == 1


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('[outbound.services.x]\non_doubt = "ask"\n', "cannot be asked"),
        ('[amqp]\nurl = "amqp://a@b/"\npassword = "env:HOME"\npublish_exchange = "x"\n', "spoken with in one way"),
    ],
)
def test_what_would_have_no_effect_is_refused(hub_folder: HubFolder, table: str, says: str) -> None:
    hub_folder.endpoint("commune", outbound={}, options={"base_url": "http://127.0.0.1:9"})
    file = hub_folder.path / "endpoints" / "commune.toml"
    file.write_text(f"{file.read_text('utf-8')}\n[outbox]\n{table}", encoding="utf-8")

    with pytest.raises(BadSettings, match=says):
        hub_folder.settings()


def test_the_description_tells_of_it(small: World) -> None:
    tree = small.served.call("GET", "/openapi.json").json
    listed = tree["paths"]["/doors/{endpoint}/outbox"]["get"]
    said = tree["paths"]["/doors/{endpoint}/outbox/{delivery_id}/ack"]["post"]

    assert (listed["operationId"], "409" in said["responses"]) == ("layThongDiepCho", True)
    assert tree["components"]["schemas"]["Item"]["title"] == "Một thông điệp chờ lấy"
