"""Every gateway product by its driver: given once, listed until marked, fetched whole, and asked what became of ours."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hub.canonical.border.message import TechnicalState
from hub.canonical.gateway_word import GatewayWord
from hub.contract import GATEWAY_PARTNER, GATEWAY_WORD_PATH, Acknowledging, Answering, Following, Owed, Pulling
from hub.errors import BadSettings, Busy, HubError, InDoubt, NotSent, Refused
from tests.support.gateway_world import (
    CALLED,
    DOCUMENT,
    FAILED,
    OURS,
    PRODUCTS,
    UNDERWAY,
    Gateways,
    gateways,
    never,
    outgoing,
)

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SUBJECT: Any = SimpleNamespace()
#: What only the call has that gives a message.
GIVING = {"domibus": "submitRequest", "domibus4": "submitRequest", "ebms_core": "dataSources", "hermes": "payload"}


@pytest.fixture(params=PRODUCTS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateways]:
    with gateways(request.param, tmp_path) as made:
        yield made


@pytest.fixture(params=CALLED)
def called(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateways]:
    with gateways(request.param, tmp_path) as made:
        made.deadline_seconds = 0.5
        yield made


def taken(world: Gateways, transport: Any = None) -> list[tuple[str, bytes]]:
    """Pull as the hub does, to the end of the list, and mark everything."""
    transport, cursor, found = transport or world.transport(), "", []
    while True:
        page = transport.pull("gateway", cursor, NOW)
        for listed in page.items:
            request = transport.joined(listed, {})
            found.append((request.owed, request.body))
            transport.acknowledge(Owed(number=request.owed, kind="taken"))
        if not page.more:
            return found
        cursor = page.cursor


def test_it_is_a_transport_that_pulls_acknowledges_and_follows(world: Gateways) -> None:
    transport = world.transport()

    assert isinstance(transport, Pulling) and isinstance(transport, Acknowledging)
    assert isinstance(transport, Following) and isinstance(transport, Answering)
    assert [step for step, _, _ in transport.ping()] == ["authenticated", "answered"]


def test_a_document_is_given_with_parties_service_action_and_conversation(world: Gateways) -> None:
    reply = world.transport().send(outgoing(), never)

    (sent,) = world.sent
    assert reply.handed_over and reply.follow == sent["number"] and sent["body"].encode() == DOCUMENT
    assert (sent["from_party"].rpartition(":")[2], sent["to_party"].rpartition(":")[2]) == ("VN", "ID")
    assert sent["conversation"].startswith("c-7")
    if world.product != "hermes":
        assert (sent["service"], sent["action"]) == ("urn:example:service:eFormD", "Submit")
        assert sent["number"] == f"{OURS}@gw.vn.example"


def test_the_same_message_is_given_once_however_often_it_is_sent(world: Gateways) -> None:
    first = world.transport().send(outgoing(), never)
    again = world.transport().send(outgoing(), never)
    world.work()
    after_work = world.transport().send(outgoing(), never)

    assert first.follow == again.follow == after_work.follow
    assert len(world.sent) == 1


def test_nothing_is_given_where_the_claim_was_lost_at_the_last_moment(world: Gateways) -> None:
    def lost() -> None:
        raise NotSent("lost", "mất")

    with pytest.raises(NotSent, match="lost"):
        world.transport().send(outgoing(), lost)
    assert world.sent == []


def test_an_unknown_partner_is_named_before_anything_leaves(world: Gateways) -> None:
    with pytest.raises(BadSettings, match="there are: ID, TH"):
        world.transport().send(outgoing(**{GATEWAY_PARTNER: "XX"}), never)
    assert world.sent == []


def test_a_lost_answer_is_a_doubt_that_asking_ends(called: Gateways) -> None:
    transport = called.transport()
    # Hermes is asked first whether an earlier try has brought it; that answer is not the one that is lost.
    called.server.faults.add("hang_after", value=1.0, match=GIVING[called.product])

    with pytest.raises(InDoubt) as doubt:
        transport.send(outgoing(), never)
    found = transport.ask(outgoing(), SUBJECT)

    assert doubt.value.sent and b"let me in" not in doubt.value.sent and b"Bearer ***" in doubt.value.sent
    assert (found.known, found.follow) == ("found", called.sent[0]["number"])


def test_asking_about_what_never_came_proves_its_absence(called: Gateways) -> None:
    assert called.transport().ask(outgoing(), SUBJECT).known == "absent"


def test_an_answer_that_is_not_the_gateways_leaves_a_doubt(called: Gateways) -> None:
    called.server.faults.add("malformed", match=GIVING[called.product])

    with pytest.raises(InDoubt):
        called.transport().send(outgoing(), never)
    assert called.transport().ask(outgoing(), SUBJECT).known == "found"


def test_a_proxys_page_says_nothing_of_the_message(called: Gateways) -> None:
    transport = called.transport()
    transport.probe()
    called.server.faults.add("proxy", times=1)

    with pytest.raises((InDoubt, NotSent)):
        transport.send(outgoing(), never)
    assert called.sent == []


@pytest.mark.parametrize(("status", "kind"), [(503, Busy), (401, NotSent), (404, NotSent)])
def test_who_surely_did_not_take_it_leaves_no_doubt(called: Gateways, status: int, kind: type[HubError]) -> None:
    called.server.faults.add("status", value=status)

    with pytest.raises(kind) as found:
        called.transport().send(outgoing(), never)
    assert not isinstance(found.value, InDoubt) and called.sent == []


def test_a_wrong_account_is_told_as_such(called: Gateways) -> None:
    called.policy = called.policy.model_copy(update={"user": "somebody"})

    with pytest.raises(NotSent, match="401"):
        called.transport().probe()


# --- what came --------------------------------------------------------------------------------------------------------


def test_what_came_is_listed_until_it_was_marked(world: Gateways) -> None:
    number = world.receive()

    first, again = world.numbers(), world.numbers()
    assert first == again == [number]
    transport = world.transport()
    assert taken(world, transport) == [(number, DOCUMENT)]
    assert taken(world, transport) == []


def test_a_fetched_message_says_who_sent_what_to_whom(world: Gateways) -> None:
    number = world.receive(about=f"{OURS}@gw.vn.example")
    transport = world.transport()
    page = transport.pull("gateway", "", NOW)
    page = transport.pull("gateway", page.cursor, NOW) if page.more else page
    (listed,) = page.items
    request = transport.joined(listed, {})

    assert (request.body, request.owed, request.idempotency_key) == (DOCUMENT, number, f"gateway/{number}")
    assert request.path == "/submit" and DOCUMENT != request.page != b""
    assert request.headers["gateway-partner"] == "ID" and request.headers["gateway-service"] == "form"
    assert request.headers["gateway-message"] == number and request.headers["gateway-parts"] == "1"
    if world.product != "hermes":
        assert request.headers["gateway-about"] == f"{OURS}@gw.vn.example" and request.headers["gateway-number"] == OURS


def test_a_sender_who_is_none_of_ours_has_no_name(world: Gateways) -> None:
    world.receive(from_party="XX")
    transport = world.transport()
    page = transport.pull("gateway", "", NOW)
    page = transport.pull("gateway", page.cursor, NOW) if page.more else page

    headers = transport.joined(page.items[0], {}).headers
    assert (headers["gateway-partner"], headers["gateway-party"]) == ("", "XX")


def test_a_process_that_dies_after_fetching_fetches_again(world: Gateways) -> None:
    """The cursor is the ledger's; what this process remembers is gone."""
    number, cursor = world.receive(), ""
    for _ in range(3):  # a process each: it fetches, and dies before it has stored
        transport = world.transport()
        page = transport.pull("gateway", cursor, NOW)
        if page.more:
            cursor = page.cursor
            page = transport.pull("gateway", cursor, NOW)
        (listed,) = page.items
        assert transport.joined(listed, {}).body == DOCUMENT and listed.request.owed == number


def test_a_message_is_marked_a_second_time_without_harm(world: Gateways) -> None:
    number = world.receive()
    transport = world.transport()
    transport.acknowledge(Owed(number=number, kind="taken"))

    with contextlib.suppress(Refused):  # it waits for no word any more
        transport.acknowledge(Owed(number=number, kind="taken"))
    # Whom fetching marks, fetching takes from the list; of Hermes a new process looks at the last that were marked.
    assert world.numbers() == ([number] if world.product in ("domibus4", "hermes") else [])


def test_a_message_that_is_cut_is_not_taken_and_stays(called: Gateways) -> None:
    number = called.receive()
    transport = called.transport()
    page = transport.pull("gateway", "", NOW)
    page = transport.pull("gateway", page.cursor, NOW) if page.more else page
    if called.product in ("domibus", "domibus4"):
        return  # there only the content would be shorter, and that is the document's own reader's to see
    called.server.faults.add("truncated", match=number)

    with pytest.raises(HubError):
        transport.joined(page.items[0], {})
    assert transport.joined(page.items[0], {}).body == DOCUMENT


def test_a_number_that_is_listed_twice_is_one_message(called: Gateways) -> None:
    number = called.receive()
    called.server.faults.add("lists_twice", times=1)

    assert called.numbers() == [number]


# --- what became of ours ----------------------------------------------------------------------------------------------


def test_a_delivered_message_is_followed_to_its_last_word(world: Gateways) -> None:
    number = world.transport().send(outgoing(), never).follow
    world.work()
    followed = world.transport().follow(number)
    word = GatewayWord.model_validate_json(followed.request.body)

    assert followed.final and (word.technical, word.message_id, word.number) == (TechnicalState.DELIVERED, OURS, number)
    assert followed.request.path == GATEWAY_WORD_PATH and followed.state == word.code
    assert world.transport().follow(number).request == followed.request  # the same word again is the same bytes


def test_a_failure_comes_late_and_says_why(called: Gateways) -> None:
    number = called.transport().send(outgoing(), never).follow
    called.say(number, UNDERWAY[called.product])
    underway = called.transport().follow(number)
    called.say(number, FAILED[called.product], errors="no route to ID")
    failed = called.transport().follow(number)
    word = GatewayWord.model_validate_json(failed.request.body)

    assert not underway.final and underway.state != failed.state
    assert failed.final and word.technical is TechnicalState.FAILED
    assert word.text == ("EBMS_0005 no route to ID" if called.product.startswith("domibus") else "")


def test_a_state_that_nobody_knows_is_not_the_last_word(called: Gateways) -> None:
    number = called.transport().send(outgoing(), never).follow
    called.say(number, "NEW_IN_VERSION_9")
    followed = called.transport().follow(number)

    assert (followed.state, followed.final) == ("NEW_IN_VERSION_9", False)
    assert json.loads(followed.request.body)["technical"] == "unknown"
