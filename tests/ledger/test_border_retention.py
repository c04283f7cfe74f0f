"""Bytes of a border document outlive what ``[retention]`` says: three years at least, whatever was sent and answered."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import select

from hub.canonical.digests import digest_of
from hub.canonical.receipt import Receipt
from hub.contract import Outgoing
from hub.ledger import retention_verbs
from hub.ledger.ledger import Ledger
from hub.ledger.tables import payloads
from hub.ledger.values import Evidence
from hub.rules.retention import BORDER_DAYS, DAY_SECONDS, Kept, cuts, deletable
from tests.support import acceptances as make

FORM_D = "border:origin:VN:VN-ID-2026-0001"
DOSSIER = "national:H01-1"
FILE = "sha256:" + "7" * 64


def carried(ledger: Ledger, subject: str) -> dict[str, str]:
    """Take a message with a file in, deliver it, and give the digests of everything that was kept of it."""
    mark = subject.encode()
    ledger.record_given(FILE, size=9, givers=("mot_cua",), now=make.AT)
    planned = make.planned(subject, "bo", canonical=b"canonical " + mark)
    ledger.record_received(
        make.acceptance(
            subject,
            body=b"raw " + mark,
            certificate=b"certificate " + mark,
            canonical=(b"canonical " + mark,),
            planned=(planned,),
            attachments=(FILE,),
        )
    )
    (due,) = ledger.queue(make.AT, make.budgets("bo"))
    held = ledger.claim(due, make.AT, make.LEASE_SECONDS)
    assert held is not None
    outgoing = Outgoing(service=held.service, body=b"business " + mark)
    sending = ledger.record_sending(held, outgoing, held.id, make.AT, make.LEASE_SECONDS)
    evidence = Evidence(sent=b"sent " + mark, reply=b"reply " + mark)
    ledger.record_delivered(sending, Receipt(), evidence, make.DELIVERED, make.AT, waits=False)
    kept = ("raw", "certificate", "canonical", "business", "sent", "reply")
    return {name: digest_of(f"{name} {subject}".encode()) for name in kept}


def deleted_by(ledger: Ledger, days_later: float, days: int, proof_days: int, border_days: int) -> tuple[set[str], set[str]]:
    """Do what a run does; give the bodies that are gone, and the files that are to go."""
    now = make.AT + days_later * DAY_SECONDS
    at = cuts(now, days=days, proof_days=proof_days, border_days=border_days)
    with ledger.read() as conn:
        needed = retention_verbs.needed(conn, at, now=now)
        listed = [each for kind in Kept for each in retention_verbs.old_bodies(conn, at, (-1.0, ""), 1000, kind)]
        files = retention_verbs.old_attachments(conn, at, (-1.0, ""), 1000)
    ledger.delete_bodies("run", deletable(listed, needed, at), at, actor="an", now=now)
    with ledger.read() as conn:
        gone = set(conn.execute(select(payloads.c.digest).where(payloads.c.body.is_(None))).scalars())
    return gone, {each.digest for each in deletable(files, needed, at)}


def sum_of(given: Sequence[dict[str, str]]) -> set[str]:
    return {digest for each in given for digest in each.values()}


@pytest.mark.parametrize(("border_days", "last_day"), [(BORDER_DAYS, 1097.0), (2000, 2001.0)])
def test_a_form_d_outlives_what_a_short_retention_deletes(ledger: Ledger, border_days: int, last_day: float) -> None:
    """One day of work and proof: the dossier beside it goes, the certificate stays to its last day, then goes as well."""
    form, dossier = carried(ledger, FORM_D), carried(ledger, DOSSIER)

    gone, files = deleted_by(ledger, last_day - 0.01, 1, 1, border_days)
    assert gone == sum_of([dossier])
    assert files == set(), "a file of the certificate is a part of it"

    gone, files = deleted_by(ledger, last_day + 0.01, 1, 1, border_days)
    assert gone == sum_of([form, dossier])
    assert files == {FILE}


def test_where_proof_is_kept_longer_so_is_a_border_document(ledger: Ledger) -> None:
    form = carried(ledger, FORM_D)

    assert deleted_by(ledger, 3000, 1, 3650, BORDER_DAYS)[0] & sum_of([form]) == set()
