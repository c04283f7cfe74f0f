"""Bytes by digest: kept for the longest that any row wants, there again when they come again, and never lost to a race."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from hub.canonical.digests import digest_of
from hub.ledger import payloads, retention_verbs
from hub.ledger.ledger import Ledger
from hub.ledger.tables import payloads as rows
from hub.rules.retention import DAY_SECONDS, Cuts, Kept, Stored
from tests.support import acceptances as make
from tests.support.crossing import crossed

OLD = make.AT
NOW = make.AT + 1000 * DAY_SECONDS
CUTS = Cuts(work=NOW - 30 * DAY_SECONDS, proof=NOW - 300 * DAY_SECONDS, border=NOW - 1096 * DAY_SECONDS)


def put(ledger: Ledger, body: bytes, at: float, kept_for: Kept = Kept.WORK) -> str:
    return ledger._write(lambda conn: payloads.put(conn, body, at, kept_for))


def row(ledger: Ledger, digest: str) -> Any:
    with ledger.read() as conn:
        return conn.execute(select(rows).where(rows.c.digest == digest)).one()


def stored(ledger: Ledger, digest: str) -> Stored:
    found = row(ledger, digest)
    return Stored(digest=digest, size=found.size, named_at=found.named_at, kept_for=found.kept_for)


def delete(ledger: Ledger, *chosen: Stored) -> list[int]:
    return ledger.delete_bodies("run", chosen, CUTS, actor="a", now=NOW)


def test_bytes_are_kept_for_the_longest_that_anybody_wants(ledger: Ledger) -> None:
    digest = put(ledger, b"x", OLD, Kept.WORK)
    seen = []
    for given in (Kept.PROOF, Kept.WORK, Kept.REPEAT, Kept.PROOF):
        put(ledger, b"x", OLD, given)
        seen.append(row(ledger, digest).kept_for)

    assert seen == [Kept.PROOF, Kept.PROOF, Kept.REPEAT, Kept.REPEAT]


def test_bytes_of_a_border_document_are_kept_longer_than_proof_and_an_answer_for_ever(ledger: Ledger) -> None:
    digest = put(ledger, b"x", OLD, Kept.PROOF)
    seen = []
    for given in (Kept.BORDER, Kept.PROOF, Kept.REPEAT, Kept.BORDER):
        put(ledger, b"x", OLD, given)
        seen.append(row(ledger, digest).kept_for)

    assert seen == [Kept.BORDER, Kept.BORDER, Kept.REPEAT, Kept.REPEAT]


def test_a_certificate_that_is_remembered_as_proof_is_kept_longer_when_a_border_document_names_it(ledger: Ledger) -> None:
    remembered = payloads.Remembered()
    digest = digest_of(b"certificate")

    def share(kept_for: Kept) -> None:
        shelf = payloads.Shelf(remembered)
        shelf.share(digest, b"certificate", OLD, kept_for)
        ledger._write(shelf.write)
        remembered.add(shelf.shared)

    for given in (Kept.PROOF, Kept.BORDER, Kept.PROOF):
        share(given)

    assert row(ledger, digest).kept_for == Kept.BORDER


def test_the_same_bytes_twice_in_one_message_are_kept_for_the_longer(ledger: Ledger) -> None:
    digests = ledger._write(lambda conn: payloads.put_all(conn, ((b"x", Kept.PROOF), (b"", Kept.PROOF), (b"x", Kept.WORK)), OLD))

    assert digests[0] == digests[2] and digests[1] == ""
    assert row(ledger, digests[0]).kept_for == Kept.PROOF


def test_bytes_that_are_named_again_are_as_young_as_that_to_the_day(ledger: Ledger) -> None:
    digest = put(ledger, b"x", OLD)

    put(ledger, b"x", OLD + DAY_SECONDS / 2)
    assert row(ledger, digest).named_at == OLD
    put(ledger, b"x", OLD + 1.5 * DAY_SECONDS)
    assert (row(ledger, digest).named_at, row(ledger, digest).stored_at) == (OLD + 1.5 * DAY_SECONDS, OLD)
    put(ledger, b"x", OLD, Kept.PROOF)
    assert row(ledger, digest).named_at == OLD + 1.5 * DAY_SECONDS, "a clock that is behind makes nothing older"


def test_bytes_that_were_deleted_are_there_again_when_they_come_again(ledger: Ledger) -> None:
    digest = put(ledger, b"x", OLD)
    assert delete(ledger, stored(ledger, digest)) == [1]
    gone = row(ledger, digest)
    assert (gone.body, gone.deleted_at, gone.size) == (None, NOW, 1)

    put(ledger, b"x", NOW)

    again = row(ledger, digest)
    assert (again.body, again.deleted_at, again.named_at) == (b"x", None, NOW)


def test_what_was_chosen_and_then_named_anew_is_not_deleted(ledger: Ledger) -> None:
    digest = put(ledger, b"x", OLD)
    seen = stored(ledger, digest)
    put(ledger, b"x", NOW)

    assert delete(ledger, seen) == []
    assert row(ledger, digest).body == b"x"


def test_what_was_chosen_as_work_and_is_proof_by_now_is_not_deleted(ledger: Ledger) -> None:
    at = CUTS.work - 1
    digest = put(ledger, b"x", at)
    seen = stored(ledger, digest)
    put(ledger, b"x", at, Kept.PROOF)

    assert delete(ledger, seen) == []


@pytest.mark.parametrize("deleter_first", [True, False])
def test_a_deletion_and_a_new_use_at_the_same_time_never_lose_the_bytes(url: str, deleter_first: bool) -> None:
    """Two processes: the second waits for the first one's commit (on SQLite for its turn to write), and then sees it."""
    one = Ledger(url)
    one.create()
    digest = put(one, b"x", OLD)
    seen = stored(one, digest)

    def deletes(conn: Connection) -> None:
        retention_verbs.delete_bodies(conn, [seen], CUTS, now=NOW)

    def uses(conn: Connection) -> None:
        payloads.put(conn, b"x", NOW, Kept.WORK)

    crossed(url, *((deletes, uses) if deleter_first else (uses, deletes)))

    assert row(one, digest).body == b"x"
    one.close()


def test_the_old_are_found_by_an_index_without_the_deleted(ledger: Ledger) -> None:
    """A run every night must not read what the runs of all years before have deleted."""
    for number in range(50):
        put(ledger, b"%d" % number, OLD)
    with ledger.read() as conn:
        found = retention_verbs.old_bodies(conn, CUTS, (-1.0, ""), 100, Kept.WORK)
        query = "EXPLAIN {} SELECT digest FROM payloads WHERE body IS NOT NULL AND kept_for = 0 AND named_at < 5"
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
        how = str(conn.exec_driver_sql(query.format("" if conn.dialect.name == "postgresql" else "QUERY PLAN")).all())

    assert len(found) == 50
    assert "payloads_by_age" in how


def test_lists_go_on_from_the_place_where_the_last_one_ended(ledger: Ledger) -> None:
    wanted = [put(ledger, b"%d" % number, OLD + number // 3) for number in range(10)]
    found: list[Stored] = []
    after = (-1.0, "")
    with ledger.read() as conn:
        while some := retention_verbs.old_bodies(conn, CUTS, after, 4, Kept.WORK):
            found += some
            after = (some[-1].named_at, some[-1].digest)

    assert sorted(each.digest for each in found) == sorted(wanted)
    assert len(found) == len(wanted)


# --- what many messages name


def certificate_of(ledger: Ledger, at: float, identity: str = "") -> Any:
    ledger.record_received(make.acceptance(make.new_id(), make.new_id().encode(), certificate=b"C", at=at, identity=identity))
    return row(ledger, digest_of(b"C"))


def test_what_many_messages_name_is_named_right_to_the_day_though_it_is_not_looked_at_each_time(ledger: Ledger) -> None:
    hour = payloads.REMEMBER_SECONDS
    last = OLD
    for step in range(60):
        at = OLD + step * hour * 0.9
        assert at - certificate_of(ledger, at).named_at <= DAY_SECONDS
        last = at
    assert certificate_of(ledger, last + hour).named_at > OLD


def test_what_was_not_committed_is_not_remembered(ledger: Ledger) -> None:
    taken = make.acceptance(make.new_id(), b"first")
    ledger.record_received(taken)
    with pytest.raises(IntegrityError):
        ledger.record_received(make.acceptance(make.new_id(), b"second", message_id=taken.message_id, certificate=b"C"))

    assert certificate_of(ledger, OLD).body == b"C"


def test_what_another_server_may_not_have_is_not_remembered(ledger: Ledger) -> None:
    """After a failover the new server may lack the last commits of the old one."""
    certificate_of(ledger, OLD)
    ledger._write(lambda conn: conn.execute(rows.delete().where(rows.c.digest == digest_of(b"C"))))
    ledger._writer._forget_connection()

    assert certificate_of(ledger, OLD + 1).body == b"C"


def test_what_is_remembered_is_not_sent_to_the_database_again(ledger: Ledger) -> None:
    certificate_of(ledger, OLD)
    ledger._write(lambda conn: conn.execute(update(rows).values(kept_for=int(Kept.WORK))))

    assert certificate_of(ledger, OLD + 1).kept_for == Kept.WORK
    assert certificate_of(ledger, OLD + payloads.REMEMBER_SECONDS).kept_for == Kept.PROOF
