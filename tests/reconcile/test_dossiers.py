"""What a partner holds is compared with what the ledger says that it was told: kinds, causes, and what is not compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import operations
from tests.support.hub import SENDER
from tests.support.reconciled import House, house


@pytest.fixture
def at(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


def test_what_both_hold_alike_is_no_finding(at: House) -> None:
    for number in range(1, 6):
        at.send(number, f"H01-{number}", steps=2)

    run = at.compare()

    assert (run.state, run.findings, run.counted["same"], run.counted["listed"]) == ("done", 0, 5, 5)


def test_what_the_partner_lost_is_missing_and_its_receipt_is_named(at: House) -> None:
    at.send(1, "H01-1")
    at.send(2, "H01-2")
    at.lose("H01-1")

    run = at.compare()

    assert at.found(run) == {"H01-1": ("missing", "lost", "send_again")}
    (finding,) = at.findings(run)
    assert finding.about["receipt"] == "00"
    assert finding.receipt_digest
    assert finding.evidence_digest, "what the partner answered is kept"


def test_a_status_of_before_is_stale_and_one_of_its_own_is_different(at: House) -> None:
    for dossier in ("H01-1", "H01-2"):
        at.send(1, dossier, "TIEPNHAN", identity=f"{dossier}/1")
        at.send(2, dossier, "XULY", identity=f"{dossier}/2")
    at.put("H01-1", trangThai="TIEPNHAN")
    at.put("H01-2", trangThai="DUNG")

    run = at.compare()

    assert at.found(run) == {
        "H01-1": ("stale", "not_applied", "send_again"),
        "H01-2": ("different", "partner_changed", "tell_partner"),
    }
    first, second = at.findings(run)
    assert [(each.name, each.ours, each.theirs) for each in first.fields] == [("status", "4", "2")]
    assert [(each.name, each.ours, each.theirs) for each in second.fields] == [("status", "4", "8")]
    assert second.evidence_digest


def test_what_it_lists_and_was_not_told_is_extra(at: House) -> None:
    at.send(1, "H01-1")
    at.put("H09-7", soHoSo="H09-7", trangThai="XULY", thuTuc={"ma": "TT-01"})

    run = at.compare()

    assert at.found(run) == {"H09-7": ("extra", "unknown", "tell_partner")}


def test_what_stands_still_is_missing_for_that_reason(at: House) -> None:
    at.partner.faults.add("code", value="13", match="GuiHoSo")
    at.send(1, "H01-1")
    at.send(2, "H01-2")

    run = at.compare()

    assert at.found(run) == {"H01-1": ("missing", "parked", "release")}
    assert at.findings(run)[0].about["partner_code"] == "13"


def test_what_is_under_way_is_not_compared(at: House) -> None:
    at.send(1, "H01-1")
    operations.pause(at.hub, "bo", actor="lan", why="bảo trì")
    at.send(2, "H01-1", "XONG")
    operations.resume(at.hub, "bo", actor="lan", why="xong")

    run = at.compare()

    assert (run.findings, run.counted["under_way"]) == (0, 1)
    assert SENDER == "mot_cua"
