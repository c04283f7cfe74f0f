"""Idempotent intake, at the ledger: the same again gets the recorded answer, other content is a conflict,
refusals hold nothing.
"""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from hub.contract import Answer
from hub.errors import Conflict
from hub.ledger.acceptance_looks import DossierMoved
from hub.ledger.ledger import Ledger
from hub.ledger.tables import journal
from hub.ledger.values import Acceptance
from tests.support import acceptances as make
from tests.support.looking import all_deliveries, all_messages, broken_rows, check_chains


def known(body: bytes, version: int, *, identity: str = "", status: str = "4", dossier: str = "national:1") -> Acceptance:
    """A message about a dossier, as intake thought of it when the register held this version."""
    return make.acceptance(
        dossier,
        body=body,
        identity=identity,
        dossiers=(make.change(dossier, version, status=status),),
        planned=(make.planned(dossier),),
    )


def test_a_message_that_comes_again_gets_the_recorded_answer_and_nothing_is_made(ledger: Ledger) -> None:
    first = known(b"one", 0, identity="M-1")
    ledger.record_received(first)

    again = dataclasses.replace(known(b"one", 1, identity="M-1"), answer=Answer(status=200, body=b"new", content_type="x"))

    assert ledger.record_received(again) == first.answer
    (row,) = all_messages(ledger)
    assert (row.id, row.repeats) == (first.message_id, 1)
    assert len(all_deliveries(ledger)) == 1
    assert broken_rows(ledger) == []


def test_the_answer_is_kept_with_its_status_type_and_headers(ledger: Ledger) -> None:
    answer = Answer(status=202, body="đã nhận".encode(), content_type="text/xml; charset=utf-8", headers={"X-One": "1"})
    ledger.record_received(dataclasses.replace(known(b"one", 0, identity="M-1"), answer=answer))

    assert ledger.record_received(known(b"one", 1, identity="M-1")) == answer


def test_an_answer_without_a_body_is_given_again_without_one(ledger: Ledger) -> None:
    answer = Answer(status=204, body=b"", content_type="")
    ledger.record_received(dataclasses.replace(known(b"one", 0, identity="M-1"), answer=answer))

    assert ledger.record_received(known(b"one", 1, identity="M-1")) == answer


def test_the_same_identity_with_other_content_is_a_conflict(ledger: Ledger) -> None:
    ledger.record_received(known(b"one", 0, identity="M-1"))

    with pytest.raises(Conflict):
        ledger.record_received(known(b"two", 1, identity="M-1"))

    assert len(all_messages(ledger)) == 1


def test_identities_of_two_senders_are_two(ledger: Ledger) -> None:
    ledger.record_received(known(b"one", 0, identity="M-1"))
    other = dataclasses.replace(known(b"two", 0, identity="M-1", dossier="national:2"), endpoint="khac")

    ledger.record_received(other)

    assert len(all_messages(ledger)) == 2


def test_without_identity_only_the_dossiers_last_message_is_the_same_again(ledger: Ledger) -> None:
    """Received, supplements asked, received again: three messages, though the third has the bytes of the first."""
    answers = [ledger.record_received(known(body, version)) for version, body in enumerate([b"4", b"5", b"4"])]
    assert len({answer.body for answer in answers}) == 3

    assert ledger.record_received(known(b"4", 3)) == answers[2]
    assert len(all_messages(ledger)) == 3
    assert len(all_deliveries(ledger)) == 3


def test_with_identities_the_same_content_three_times_is_three_messages(ledger: Ledger) -> None:
    for version, name in enumerate(["M-1", "M-2", "M-3"]):
        ledger.record_received(known(b"4", version, identity=name))

    assert len(all_messages(ledger)) == 3


def test_without_identity_a_list_is_the_same_again_only_for_all_its_dossiers(ledger: Ledger) -> None:
    """A list about 1 and 2, then news of 2, then the list again: dossier 2 goes back, and that must not be lost."""

    def listed(versions: tuple[int, int]) -> Acceptance:
        changes = tuple(make.change(f"national:{number}", version) for number, version in zip((1, 2), versions, strict=True))
        return make.acceptance("national:1", body=b"list", dossiers=changes)

    first = ledger.record_received(listed((0, 0)))
    assert ledger.record_received(listed((1, 1))) == first
    ledger.record_received(known(b"news", 1, dossier="national:2"))

    assert ledger.record_received(listed((1, 2))) != first
    assert len(all_messages(ledger)) == 3


def test_intake_must_look_again_where_the_dossier_moved(ledger: Ledger) -> None:
    ledger.record_received(known(b"one", 0))
    ledger.record_received(known(b"two", 1))

    for stale in (known(b"three", 0), known(b"three", 1)):
        with pytest.raises(DossierMoved):
            ledger.record_received(stale)

    assert len(all_messages(ledger)) == 2
    assert len(all_deliveries(ledger)) == 2
    ledger.record_received(known(b"three", 2))
    check_chains(ledger)


def test_a_number_of_another_dossier_is_looked_at_again(ledger: Ledger) -> None:
    ledger.record_received(known(b"one", 0))
    taken = make.change("national:2", 0, codes=("national:2", "national:1"))

    with pytest.raises(DossierMoved):
        ledger.record_received(make.acceptance("national:2", body=b"two", dossiers=(taken,)))

    assert len(all_messages(ledger)) == 1


def test_a_refused_message_holds_no_identity(ledger: Ledger) -> None:
    ledger.record_refused(make.refusal(b"wrong"))

    ledger.record_received(known(b"corrected", 0, identity="M-1"))

    assert [row.accepted for row in all_messages(ledger)] == [False, True]
    assert broken_rows(ledger) == []


def test_the_same_message_from_eight_threads_is_one_message(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as threads:
        given = [known(b"one", 0, identity="M-1") for _ in range(64)]
        answers = set(threads.map(lambda each: ledger.record_received(each).body, given))

    (row,) = all_messages(ledger)
    assert answers == {f"answer to {row.id}".encode()}
    assert row.repeats == 63
    assert len(all_deliveries(ledger)) == 1


def test_messages_of_eight_threads_get_places_in_the_order_of_their_commits(ledger: Ledger) -> None:
    """Each thread looks again until its message is recorded, as intake does."""

    def record(number: int) -> None:
        for version in range(64):
            try:
                ledger.record_received(known(f"{number}".encode(), version))
            except DossierMoved:
                continue
            return

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(record, range(32)))

    with ledger.read() as conn:
        here = journal.c.event == "message.received"
        recorded = conn.execute(select(journal.c.entry).where(here).order_by(journal.c.number)).scalars().all()
    in_chain = [row.message_id for row in all_deliveries(ledger)]
    assert len(in_chain) == 32
    assert [message in text for message, text in zip(in_chain, recorded, strict=True)] == [True] * 32
    check_chains(ledger)
    assert broken_rows(ledger) == []
