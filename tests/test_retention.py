"""Retention with a whole hub: what goes, what stays, what is said afterwards, and that a stopped run is simply run again."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from adapters.template.simulator import SIMULATOR
from hub import operations, retention
from hub.app import Hub
from hub.canonical.digests import digest_of
from hub.edge.cli import app
from hub.errors import NotAllowed, Unavailable
from hub.ledger import payloads as payload_verbs
from hub.ledger.layouts import LONG_BYTES
from hub.ledger.tables import attachments, deliveries, journal, messages, payloads
from hub.payloads import put
from hub.registers import evidence, integrity
from hub.registers.leaning import Leans
from hub.retention import Amount
from hub.rules.lifecycle import State
from hub.rules.retention import DAY_SECONDS, Kept
from hub.simulation import SimulatorServer
from tests.support import hub as support
from tests.support.clock import Clock

DAYS, PROOF_DAYS = 100, 1000


@pytest.fixture
def partner() -> Iterator[SimulatorServer]:
    with SIMULATOR() as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path, partner: SimulatorServer) -> Path:
    return support.configure(tmp_path, {support.PARTNER: support.At(url=partner.url)})


@pytest.fixture
def hub(folder: Path, clock: Clock) -> Iterator[Hub]:
    made = support.open_hub(folder, clock)
    yield made
    support.close(made)


def run(hub: Hub, days: int = DAYS, **given: Any) -> dict[str, Amount]:
    ran = retention.run(hub, days=days, proof_days=PROOF_DAYS, actor="an", why="định kỳ", **given)
    return {each.kind: each for each in ran.amounts}


def there(hub: Hub) -> set[str]:
    with hub.ledger.read() as conn:
        return set(conn.execute(select(payloads.c.digest).where(payloads.c.body.is_not(None))).scalars())


def only(hub: Hub, column: Any) -> Any:
    with hub.ledger.read() as conn:
        return conn.execute(select(column)).scalar_one()


def wrong(hub: Hub) -> list[str]:
    with hub.ledger.read() as conn:
        return [each.en for each in integrity.wrong(conn)]


def delivered(hub: Hub, number: int = 1, dossier: str = "H01-1") -> None:
    assert support.send(hub, number, dossier).status < 300
    assert support.carry_all(hub) == 1


def test_work_goes_first_proof_later_and_answers_never(hub: Hub, clock: Clock) -> None:
    delivered(hub)
    canonical, answer = only(hub, deliveries.c.canonical_digest), only(hub, messages.c.answer_digest)
    raw, business = only(hub, messages.c.raw_digest), only(hub, deliveries.c.business_digest)
    clock.advance((DAYS + 2) * DAY_SECONDS)

    assert run(hub)["work"].count == 1
    assert there(hub) >= {answer, raw, business} and canonical not in there(hub)

    clock.advance(PROOF_DAYS * DAY_SECONDS)
    assert run(hub)["proof"].count >= 3
    assert there(hub) == {answer}
    assert wrong(hub) == []


def test_a_long_text_goes_in_the_same_run_as_the_last_of_its_bodies(hub: Hub, clock: Clock) -> None:
    text = b"A" * LONG_BYTES
    for body, kind in ((b"<a>" + text + b"</a>", Kept.WORK), (b"<b>" + text + b"</b>", Kept.PROOF)):
        hub.ledger._write(partial(payload_verbs.put, body=body, at=hub.now(), kept_for=kind))
    clock.advance((DAYS + 2) * DAY_SECONDS)

    assert run(hub)["work"] == Amount(kind="work", count=1, bytes=len(b"<a></a>"), needed=0)
    assert digest_of(text) in there(hub)

    clock.advance(PROOF_DAYS * DAY_SECONDS)
    assert run(hub)["proof"] == Amount(kind="proof", count=2, bytes=len(b"<b></b>") + len(text), needed=0)
    assert there(hub) == set()
    assert wrong(hub) == []


def test_a_plan_says_what_a_run_then_does_and_changes_nothing(hub: Hub, clock: Clock) -> None:
    delivered(hub)
    support.send(hub, 2, "H01-2")
    clock.advance((DAYS + 2) * DAY_SECONDS)
    before = there(hub)

    planned = retention.plan(hub, days=DAYS, proof_days=PROOF_DAYS)

    assert there(hub) == before
    assert {each.kind: each for each in planned.amounts} == run(hub)
    assert planned.amounts[0].needed == 1, "the second message was not sent yet"


def test_what_waits_for_a_person_can_be_sent_years_later(hub: Hub, clock: Clock, folder: Path) -> None:
    delivered(hub, 1)
    codes = folder / "codes" / "template_procedures.csv"
    codes.write_text("code,value,name,valid_from,valid_to\n")
    support.send(hub, 2)
    support.send(hub, 3)
    support.carry_all(hub)
    codes.write_text(support.CODES)
    clock.advance(20 * 365 * DAY_SECONDS)

    run(hub)

    with hub.ledger.read() as conn:
        (parked,) = conn.execute(select(deliveries.c.id).where(deliveries.c.state == State.PARKED.value)).scalars()
    operations.release(hub, parked, actor="an", why="đã bổ sung mã")
    assert support.carry_all(hub) == 2
    with hub.ledger.read() as conn:
        assert set(conn.execute(select(deliveries.c.state)).scalars()) == {State.DELIVERED.value}


def test_a_message_that_is_repeated_after_everything_was_deleted_gets_its_answer_again(hub: Hub, clock: Clock) -> None:
    first = support.send(hub, 1)
    support.carry_all(hub)
    clock.advance(2 * PROOF_DAYS * DAY_SECONDS)
    run(hub)

    assert support.send(hub, 1) == first
    with hub.ledger.read() as conn:
        assert len(conn.execute(select(messages)).all()) == 1


def test_bytes_that_come_again_are_there_again(hub: Hub, clock: Clock) -> None:
    delivered(hub)
    canonical = only(hub, deliveries.c.canonical_digest)
    clock.advance((DAYS + 2) * DAY_SECONDS)
    run(hub)
    assert canonical not in there(hub)

    document = support.document(1, identity="M-other")
    support.send_all(hub, [document])

    assert support.carry_all(hub) == 1
    assert wrong(hub) == []


def test_a_run_needs_who_and_why_and_is_in_the_journal(hub: Hub, clock: Clock) -> None:
    delivered(hub)
    canonical = only(hub, deliveries.c.canonical_digest)
    clock.advance((DAYS + 2) * DAY_SECONDS)
    with pytest.raises(NotAllowed):
        retention.run(hub, days=DAYS, proof_days=PROOF_DAYS, actor="an", why=" ")

    ran = retention.run(hub, days=DAYS, proof_days=PROOF_DAYS, actor="an", why="định kỳ")

    with hub.ledger.read() as conn:
        rows = conn.execute(select(journal).where(journal.c.subject == f"retention:{ran.id}").order_by(journal.c.number)).all()
    assert [(row.event, row.actor) for row in rows] == [
        ("retention.started", "an"),
        ("retention.deleted", "an"),
        ("retention.ended", "an"),
    ]
    assert json.loads(rows[0].entry)["why"] == "định kỳ"
    assert json.loads(rows[1].entry)["digests"] == [canonical]


def test_a_run_that_is_stopped_is_run_again(hub: Hub, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for number in range(5):
        delivered(hub, number, f"H01-{number}")
    clock.advance((DAYS + 2) * DAY_SECONDS)
    told: list[int] = []

    def stop(count: int) -> None:
        told.append(count)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(hub, progress=stop)

    assert told == [2, 2]
    assert run(hub)["work"].count == 1
    assert wrong(hub) == []


# --- partners' files


def test_files_go_few_at_a_time_since_messages_wait_for_that(
    hub: Hub, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "FILES_AT_ONCE", 2)
    for number in range(5):
        give(hub, b"file %d" % number)
    clock.advance((DAYS + 2) * DAY_SECONDS)
    told: list[int] = []

    assert run(hub, progress=told.append)["attachments"].count == 5

    assert told == [2, 2, 1]


def give(hub: Hub, body: bytes, *givers: str) -> str:
    kept = put(hub.payloads, [body])
    hub.ledger.record_given(kept.digest, size=kept.size, givers=givers or (support.SENDER,), now=hub.now())
    return kept.digest


def message_with(hub: Hub, digest: str, number: int = 1) -> bytes:
    tree = json.loads(support.document(number))
    tree["hoSo"]["tep"] = [{"ten": "don.pdf", "duongDan": f"{hub.public_url}/attachments/{digest}"}]
    return json.dumps(tree).encode()


def test_a_file_goes_when_nothing_used_it_and_stays_while_a_delivery_needs_it(hub: Hub, clock: Clock) -> None:
    named, alone = give(hub, b"named"), give(hub, b"alone")
    support.send_all(hub, [message_with(hub, named)])
    clock.advance((DAYS + 2) * DAY_SECONDS)

    assert run(hub)["attachments"] == Amount(kind="attachments", count=1, bytes=5, needed=1)
    assert (hub.payloads.size(named), hub.payloads.size(alone)) == (5, None)

    assert support.carry_all(hub) == 1
    assert run(hub)["attachments"].count == 1
    assert hub.payloads.size(named) is None


def test_a_file_that_retention_deleted_may_be_named_again(hub: Hub, clock: Clock) -> None:
    """A dossier is said whole each time; its sender cannot know what is over here."""
    digest = give(hub, b"old")
    clock.advance((DAYS + 2) * DAY_SECONDS)
    run(hub)

    (answer,) = support.send_all(hub, [message_with(hub, digest)])
    assert answer.status < 300


def test_a_file_that_cannot_be_deleted_is_not_said_to_be(hub: Hub, clock: Clock) -> None:
    digest = give(hub, b"old")
    clock.advance((DAYS + 2) * DAY_SECONDS)

    class Stuck:
        def __getattr__(self, name: str) -> Callable[..., Any]:
            return getattr(hub.payloads, name)  # type: ignore[no-any-return]

        def delete(self, digest: str) -> None:
            raise Unavailable("", "")

    with pytest.raises(Unavailable):
        run(dataclasses.replace(hub, payloads=Stuck()))

    assert only(hub, attachments.c.deleted_at) is None and hub.payloads.size(digest) == 3
    assert run(hub)["attachments"].count == 1


def test_files_that_nobody_will_ask_for_are_swept_after_a_day(hub: Hub, clock: Clock, folder: Path) -> None:
    known, unrecorded = give(hub, b"known"), put(hub.payloads, [b"its process died before it was recorded"]).digest
    receiving = hub.payloads.receive()
    receiving.write(b"half")
    for path in (folder / "var" / "payloads").rglob("*"):
        os.utime(path, (hub.now(), hub.now()))

    def left_over() -> int:
        return retention.run(hub, days=DAYS, proof_days=PROOF_DAYS, actor="an", why="w").left_over

    assert left_over() == 0
    clock.advance(DAY_SECONDS + 1)
    assert left_over() == 2
    assert (hub.payloads.size(known), hub.payloads.size(unrecorded)) == (5, None)
    receiving.discard()


# --- what is said afterwards


def lienthong(folder: Path, *words: str) -> str:
    done = CliRunner().invoke(app, ["--config", str(folder), *words], env={"LIENTHONG_LANG": "en"})
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def long_ago(folder: Path, hub: Hub) -> str:
    """A dossier that was delivered before now by the real clock (the test's clock stands in 2026), and its message's id."""
    delivered(hub)
    with hub.ledger._engine.begin() as connection:
        connection.execute(payloads.update().values(named_at=0.0))
    message_id: str = only(hub, messages.c.id)
    return message_id


def test_the_command_line_plans_runs_and_says_what_is_gone(folder: Path, hub: Hub, long_ago: str) -> None:
    planned = lienthong(folder, "retention", "plan", "--older-than", "30")
    assert 'Run it: lienthong retention run --older-than 30 --why "…"' in planned
    before = json.loads(lienthong(folder, "retention", "plan", "--json"))

    ran = json.loads(lienthong(folder, "retention", "run", "--why", "định kỳ", "--json"))

    assert [each["count"] for each in ran["amounts"]] == [each["count"] for each in before["amounts"]]
    assert "Deleted 0 bodies" in lienthong(folder, "retention", "run", "--why", "again")
    assert "its bytes were deleted by retention at" in lienthong(folder, "show", long_ago)
    (message,) = json.loads(lienthong(folder, "show", long_ago, "--json"))["messages"]
    assert message["canonical"] == [None] and message["deleted_at"] is not None
    refused = CliRunner().invoke(app, ["--config", str(folder), "show", long_ago, "--bytes", message["raw_digest"], "--why", "x"])
    assert refused.exit_code == 1 and "deleted by retention" in refused.output
    assert "The ledger is whole" in lienthong(folder, "verify-ledger")


def test_evidence_says_what_was_deleted_and_when_and_still_verifies_the_rest(hub: Hub, clock: Clock) -> None:
    delivered(hub)
    clock.advance((DAYS + 2) * DAY_SECONDS)
    run(hub)
    deleted = hub.now()

    with hub.ledger.read() as conn:
        found = evidence.collect(conn, only(hub, messages.c.id), lambda *_: Leans(), hub.payloads)

    assert {each.path.rpartition("/")[2] for each in found.left_out} == {"canonical-1.bin", "canonical.bin"}
    assert {(each.why, each.deleted_at) for each in found.left_out} == {(evidence.DELETED, deleted)}
    assert any(each.path.endswith("/received.json") for each in found.items)


def test_bytes_that_somebody_else_deleted_are_found(hub: Hub) -> None:
    delivered(hub)
    with hub.ledger._engine.begin() as connection:
        connection.execute(payloads.update().where(payloads.c.kept_for == 0).values(body=None))

    assert wrong(hub) == ["its bytes are gone, not by retention"]
