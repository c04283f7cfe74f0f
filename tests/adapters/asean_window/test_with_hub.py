"""Form D out and in through a hub: sent once, followed, answered per item; taken once, answered back; repeats."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from hub.canonical.border.message import AnswerResult, BorderEvent
from tests.adapters.asean_window.world import ASW, CUSTOMS, AswWorld, asw_world, received, sample
from tests.support.looking import all_messages

OURS, THEIRS = "border:origin:VN:VN-ID 26/09/00017", "border:origin:ID:ID-VN 26/09/00017"
NUMBER = "VN-ID 26/09/00017"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AswWorld]:
    with asw_world(tmp_path) as made:
        yield made


def test_our_form_d_reaches_the_other_country_once_and_its_customs_answer_item_by_item(world: AswWorld) -> None:
    """Out through the gateway, RES-REC back, then two partial answers; the register knows what was used of each item."""
    assert world.say("eformd", "K-1").status == 202
    world.carry()
    first = {"number": NUMBER, "result": "PARTLY_GIVEN", "declaration": "0001"}
    items = [{"number": 1, "preference": "GIVEN", "used": "20000"}, {"number": 2, "preference": "NOT_GIVEN", "code": "HS"}]
    world.country.verbs["answer"]({**first, "items": items})
    rest = [{"number": 1, "preference": "GIVEN", "used": "10.5"}]
    world.country.verbs["answer"]({**first, "declaration": "0002", "items": rest})
    world.carry()
    shown = world.shown(OURS)

    assert [(each["root"], each["number"]) for each in world.told()] == [("EFormD", NUMBER)]
    assert world.states() == ["acknowledged"]
    assert shown.row.result == AnswerResult.PARTLY_GIVEN
    assert shown.row.hop >= "AS2"
    used = {item.number: [amount.value for amount in item.used] for item in shown.items}
    assert used == {1: [Decimal("20010.5")], 2: []}
    # The ministry that issued it is told of each answer.
    told = world.trade.account()["documents"][NUMBER]
    assert [each["TraLoi"]["result"] for each in told] == ["available", "partly_given", "partly_given"]


def test_their_form_d_is_taken_once_goes_to_customs_and_customs_answer_goes_back(world: AswWorld) -> None:
    """Listed until it is marked, marked after it was stored; the answer names the message that brought the document."""
    world.country.verbs["issue"]({"number": "ID-VN 26/09/00017", "date": "2026-03-02"})
    world.carry()
    arrived = world.customs.account()["documents"]["ID-VN 26/09/00017"]
    answered = sample("answer_partly").model_copy(update={"native": {}})
    assert world.give(CUSTOMS, answered, "C-1").status == 202
    world.carry()

    assert [each["SuKien"] for each in arrived] == ["issued"]
    assert [each["state"] for each in world.gateway.account()["inbox"]] == ["PROCESSED"]
    (back,) = [each for each in world.told() if each["root"] == "CustomsResponse"]
    assert back["number"] == "ID-VN 26/09/00017"
    sent = world.gateway.account()["sent"][-1]["body"]
    brought = world.country.account()["sent"][0]["document"]
    identifier = brought.partition("<MessageId>")[2].partition("</MessageId>")[0]
    assert f"<RefToMessageId>{identifier}</RefToMessageId>" in sent


def test_the_same_again_gets_the_same_answer_and_other_content_is_refused(world: AswWorld) -> None:
    """By whichever transport it comes again; the document that was taken first stays what it was."""
    body = received("eformd")
    first, again = world.come(body), world.come(body)
    other = world.come(body.replace(b"MV TEST STAR", b"MV OTHER STAR"))
    world.carry()

    assert (first.status, again) == (200, first)
    assert other.status == 409
    assert b"CONFLICT" in other.body
    assert len(world.customs.account()["documents"]["ID-VN 26/09/00017"]) == 1
    assert world.shown(THEIRS).row.number == "ID-VN 26/09/00017"


def test_the_same_identifier_by_the_gateway_with_other_content_is_taken_once(world: AswWorld) -> None:
    """Twice the same and once altered: one document, two words that it was taken, one that it failed; nothing waits for ever."""
    world.country.faults.add("twice")
    world.country.faults.add("altered")
    world.country.verbs["issue"]({"number": "ID-VN 26/09/00017", "date": "2026-03-02"})
    world.carry()

    assert len(world.customs.account()["documents"]["ID-VN 26/09/00017"]) == 1
    accepted = [each.accepted for each in all_messages(world.hub.ledger) if each.endpoint == ASW]
    assert sorted(map(bool, accepted)) == [False, True]
    assert world.gateway.verbs is not None


def test_an_amendment_is_a_new_document_and_the_old_ones_cancellation(world: AswWorld) -> None:
    """Both reach the other country, in this order, each with the link to the other."""
    world.say("eformd", "K-1")
    new = sample("eformd_replacing")
    assert new.origin is not None
    number = "VN-ID 26/09/00021"
    changed = {"number": number, "supersedes": NUMBER, "native": {}, "dossier": ""}
    new = new.model_copy(update={**changed, "origin": new.origin.model_copy(update={"number": number})})
    assert world.give("bo_ct", new, "K-2").status == 202
    world.say("cancelled", "K-3")
    world.carry()

    roots = [(each["root"], each["number"]) for each in world.told()]
    assert roots.index(("EFormD", number)) >= 0
    assert roots[-1] == ("EFormDCancellation", NUMBER) or ("EFormDCancellation", NUMBER) in roots
    assert world.country.account()["documents"][NUMBER]["standing"] == "cancelled"
    assert world.shown(OURS).row.standing in ("cancelled", "superseded")


def test_res_rec_is_said_after_the_document_is_stored_where_that_is_asked_for(tmp_path: Path) -> None:
    """Once for each document, and with the document's own identifier."""
    with asw_world(tmp_path, options='available_after = "store"\n') as world:
        world.country.verbs["issue"]({"number": "ID-VN 26/09/00017", "date": "2026-03-02"})
        world.carry()
        told = [each for each in world.told() if each["root"] == "CustomsResponse"]

        assert [each["number"] for each in told] == ["ID-VN 26/09/00017"]
        assert "<Overall>RES-REC</Overall>" in world.gateway.account()["sent"][-1]["body"]
        assert world.states() == ["acknowledged"]


def test_another_country_than_the_importing_one_cannot_answer(world: AswWorld) -> None:
    """One endpoint carries all members: each speaks of what is for it, and of nothing else."""
    world.say("eformd", "K-1")
    world.carry()
    before = world.shown(OURS).row.result
    forged = received("response_partly").replace(b"<SenderCountry>ID", b"<SenderCountry>SG")

    assert world.come(forged).status == 403
    assert world.shown(OURS).row.result == before


def test_a_request_for_a_copy_is_recorded_and_changes_nothing(world: AswWorld) -> None:
    """An officer sends the copy; until then the document stands as it did."""
    world.say("eformd", "K-1")
    world.carry()
    before = world.shown(OURS).row.standing
    world.country.verbs["ask_copy"]({"number": NUMBER, "to": "VN"})
    world.carry()

    kinds = [each.event for each in all_messages(world.hub.ledger) if each.endpoint == ASW]
    assert BorderEvent.COPY_ASKED in kinds
    assert world.shown(OURS).row.standing == before
    assert len([each for each in world.told() if each["root"] == "EFormD"]) == 1
