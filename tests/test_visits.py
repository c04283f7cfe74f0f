"""Visits: messages that are read, thought of and recorded in one round get what each would have got alone."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.exc import OperationalError

from hub import intake, telemetry, visits
from hub.app import Hub
from hub.contract import JWS_HEADER, Answer, Incoming, Opened, Request
from hub.errors import Unavailable
from hub.ledger import intake_verbs
from hub.rounds import ALONE_BYTES
from hub.rules.signing import sign_jws
from tests.support import hub as support
from tests.support import signers
from tests.support.clock import Clock
from tests.support.held_rounds import PATIENCE_SECONDS, HeldRounds, caught, held_rounds
from tests.support.looking import all_deliveries, all_messages, broken_rows, check_chains

SIGNED = 'signature = "required"\nanchors = ["authority.crt"]\n'


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Hub]]:
    """Open hubs, each on a folder of its own."""
    hubs: list[Hub] = []

    def open_one(name: str = "config", **given: Any) -> Hub:
        folder = support.configure(tmp_path / name, **given)
        (folder / "trust").mkdir(exist_ok=True)
        (folder / "trust" / "authority.crt").write_bytes(signers.AUTHORITY.certificate.public_bytes(Encoding.PEM))
        hubs.append(support.open_hub(folder, Clock()))
        return hubs[-1]

    yield open_one
    for hub in hubs:
        support.close(hub)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> HeldRounds:
    """Hold the rounds of the doors."""
    return held_rounds(monkeypatch, visits.go_on)


def call(hub: Hub, request: Request) -> Callable[[], Answer]:
    return partial(intake.receive, hub, request)


def plain(number: int, dossier: str = "", **more: Any) -> Request:
    return support.request(support.document(number, dossier or f"H01-{number}", **more))


def signed(request: Request, over: bytes | None = None, by: Any = signers.SIGNER) -> Request:
    token = sign_jws(request.body if over is None else over, by.signer)
    return replace(request, headers={JWS_HEADER.lower(): token})


def with_adapter(hub: Hub, **parts: Any) -> Hub:
    adapter = hub.adapters["template"]
    return replace(hub, adapters={**hub.adapters, "template": replace(adapter, **parts)})


def buggy(hub: Hub, step: str, mark: bytes, error: type[BaseException] = ZeroDivisionError) -> Hub:
    """Give a hub whose adapter fails in one step with the message that has this mark."""
    usual = getattr(hub.adapters["template"], step)

    def fails(*given: Any) -> Any:
        if any(mark in _bytes(each) for each in given):
            raise error
        return usual(*given)

    return with_adapter(hub, **{step: fails})


def _bytes(given: Any) -> bytes:
    body = getattr(given, "body", given)
    return body if isinstance(body, bytes) else repr(given).encode()


def told(answer: Any) -> Any:
    """Give what an answer says but for the identifier of its message."""
    if isinstance(answer, BaseException):
        return type(answer)
    said = json.loads(answer.body)
    said.pop("maTiepNhan")
    return answer.status, said


def sixteen(mark: str = "") -> list[Request]:
    """Make sixteen messages: most are good, some are refused each for its own cause, two are of one dossier, one comes twice."""
    good = [signed(plain(number, mark and f"{mark}-{number}")) for number in range(9)]
    invalid = plain(20)
    invalid = signed(replace(invalid, body=invalid.body.replace(b'"XULY"', b'"NOWHERE"')))
    return [
        *good[:4],
        signed(plain(10), over=b"something else"),
        signed(plain(11), by=signers.ATTACKER),
        plain(12),
        *good[4:],
        signed(plain(13, "H01-BUG")),
        invalid,
        signed(plain(14, "H01-0")),
        # The same message as the first.
        good[0],
    ]


def rows_of(hub: Hub) -> Counter[tuple[Any, ...]]:
    return Counter(
        (row.identity, bool(row.accepted), row.error_code, row.error_where, row.repeats, json.loads(row.verdict)["indication"])
        for row in all_messages(hub.ledger)
    )


def test_sixteen_in_one_round_get_what_each_would_have_got_alone(opened: Callable[..., Hub], held: HeldRounds) -> None:
    alone, together = opened("alone", sender=SIGNED), opened("together", sender=SIGNED)
    requests = sixteen()
    assert len(requests) == 16
    expected = [caught(call(buggy(alone, "read_message", b"H01-BUG"), request)) for request in requests]

    held.carried.clear()
    hub = buggy(together, "read_message", b"H01-BUG")
    outcomes = held.together([call(hub, request) for request in requests])

    assert [len(each) for each in held.carried] == [16]
    assert [told(each) for each in outcomes] == [told(each) for each in expected]
    assert Counter(told(each)[0] for each in outcomes) == {200: 11, 403: 3, 503: 1, 422: 1}
    assert rows_of(together) == rows_of(alone)
    assert Counter((row.subject, row.place) for row in all_deliveries(together.ledger)) == Counter(
        (row.subject, row.place) for row in all_deliveries(alone.ledger)
    )
    check_chains(together.ledger)
    assert broken_rows(together.ledger) == broken_rows(alone.ledger)


def test_the_same_message_many_times_in_one_round_is_accepted_once(opened: Callable[..., Hub], held: HeldRounds) -> None:
    hub = opened()

    outcomes = held.together([call(hub, plain(1)) for _ in range(8)])

    assert len({each.body for each in outcomes}) == 1
    (row,) = all_messages(hub.ledger)
    assert (bool(row.accepted), row.repeats) == (True, 7)
    assert len(all_deliveries(hub.ledger)) == 1


def test_one_identity_with_two_contents_in_one_round_is_a_conflict_for_the_later(
    opened: Callable[..., Hub], held: HeldRounds
) -> None:
    hub = opened()
    other = support.request(support.document(2, "H01-2", identity="M-000001"))

    first, second = held.together([call(hub, plain(1)), call(hub, other)])

    assert (first.status, second.status) == (200, 409)


def test_messages_of_one_dossier_in_one_round_are_all_accepted_each_with_a_place_of_its_own(
    opened: Callable[..., Hub], held: HeldRounds
) -> None:
    hub = opened()

    outcomes = held.together([call(hub, plain(number, "H01-1")) for number in range(6)])

    assert [each.status for each in outcomes] == [200] * 6
    assert len({row.subject for row in all_messages(hub.ledger)}) == 1
    assert sorted(row.place for row in all_deliveries(hub.ledger)) == [1, 2, 3, 4, 5, 6]
    check_chains(hub.ledger)


@pytest.mark.parametrize("step", ["open_request", "read_message", "plan"])
def test_a_bug_in_one_messages_step_is_that_messages_alone(opened: Callable[..., Hub], held: HeldRounds, step: str) -> None:
    hub = buggy(opened(), step, b"H01-3")

    outcomes = held.together([call(hub, plain(number)) for number in range(8)])

    assert [each.status for each in outcomes] == [503 if number == 3 else 200 for number in range(8)]
    refused = [row for row in all_messages(hub.ledger) if not row.accepted]
    assert [row.error_where for row in refused] == ["ZeroDivisionError"]
    assert len(all_deliveries(hub.ledger)) == 7


def test_each_step_logs_with_its_own_messages_ids(opened: Callable[..., Hub], held: HeldRounds) -> None:
    hub = opened()
    usual, seen = hub.adapters["template"], {}

    def read(document: bytes, given: Opened, options: Any) -> Incoming:
        seen[json.loads(document)["maThongDiep"]] = telemetry.bound_ids()
        return usual.read_message(document, given, options)

    held.together([call(with_adapter(hub, read_message=read), plain(number)) for number in range(4)])

    rows = {row.identity: row.id for row in all_messages(hub.ledger)}
    assert seen == {identity: {"endpoint": support.SENDER, "message": row} for identity, row in rows.items()}


def test_a_ledger_that_is_gone_accepts_nothing_of_the_round_and_each_sender_may_come_again(
    opened: Callable[..., Hub], held: HeldRounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = opened()

    def away(*given: Any) -> None:
        raise OperationalError("", {}, Exception("gone"))

    with monkeypatch.context() as patched:
        patched.setattr(intake_verbs, "find_repeated", away)
        outcomes = held.together([call(hub, plain(number)) for number in range(6)])
    assert [type(each) for each in outcomes] == [Unavailable] * 6
    assert all_messages(hub.ledger) == []

    again = held.together([call(hub, plain(number)) for number in range(6)])

    assert [each.status for each in again] == [200] * 6
    assert [row.repeats for row in all_messages(hub.ledger)] == [0] * 6


def test_a_bug_in_the_rounds_commit_costs_only_the_message_that_has_it(
    opened: Callable[..., Hub], held: HeldRounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = opened()
    usual = intake_verbs.find_repeated

    def fails(commit: Any, works: Any, *given: Any) -> None:
        if any(work.given.identity == "M-000002" for work in works):
            raise ZeroDivisionError
        usual(commit, works, *given)

    monkeypatch.setattr(intake_verbs, "find_repeated", fails)
    outcomes = held.together([call(hub, plain(number)) for number in range(5)])

    assert [each.status for each in outcomes] == [503 if number == 2 else 200 for number in range(5)]
    assert Counter((bool(row.accepted), row.repeats) for row in all_messages(hub.ledger)) == {(True, 0): 4, (False, 0): 1}
    assert len(all_deliveries(hub.ledger)) == 4


def test_a_large_message_goes_beside_the_rounds_while_one_is_held(opened: Callable[..., Hub], held: HeldRounds) -> None:
    hub = opened()
    note = "x" * ALONE_BYTES
    large = support.request(support.document(1, "H01-1", steps=1, ghiChu=note))
    assert len(large.body) > ALONE_BYTES
    reached, go_on = threading.Event(), threading.Event()

    def carry(given: list[Any]) -> None:
        reached.set()
        assert go_on.wait(PATIENCE_SECONDS)
        visits.go_on(given)

    held.carries = carry
    small: list[Answer] = []
    waiting = threading.Thread(target=lambda: small.append(intake.receive(hub, plain(2))), daemon=True)
    waiting.start()
    assert reached.wait(PATIENCE_SECONDS)
    answer = intake.receive(hub, large)
    go_on.set()
    waiting.join(PATIENCE_SECONDS)

    assert answer.status == 200 and [each.status for each in small] == [200]
    assert [[visit.request.idempotency_key for visit in each] for each in held.carried] == [["M-000002"]]


def test_two_hubs_of_one_process_share_a_round_and_each_keeps_its_own(opened: Callable[..., Hub], held: HeldRounds) -> None:
    one, other = opened("one"), opened("other")

    # Both have a dossier of the same number.
    outcomes = held.together([call(hub, plain(number, "H01-1")) for number, hub in enumerate((one, other, one, other))])

    assert [len(each) for each in held.carried] == [4]
    assert [each.status for each in outcomes] == [200] * 4
    assert [sorted(row.identity for row in all_messages(hub.ledger)) for hub in (one, other)] == [
        ["M-000000", "M-000002"],
        ["M-000001", "M-000003"],
    ]


def test_a_hub_whose_ledger_was_closed_does_not_hold_up_the_other(opened: Callable[..., Hub], held: HeldRounds) -> None:
    one, other = opened("one"), opened("other")
    one.ledger._writer.close()

    outcomes = held.together([call(hub, plain(number)) for number, hub in enumerate((one, other, one, other))])

    assert [told(each) if isinstance(each, BaseException) else each.status for each in outcomes] == [
        Unavailable,
        200,
        Unavailable,
        200,
    ]
