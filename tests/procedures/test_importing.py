"""A spreadsheet is taken whole or not at all, is shown before, and is kept like a message that was received."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.canonical.digests import digest_of
from hub.errors import InvalidMessage, NotAllowed
from hub.ledger.tables import journal, messages
from hub.reconcile.procedures import importing, looking, pulling
from hub.registers import history, procedures
from hub.rules import spreadsheets
from tests.support import catalogue_world
from tests.support.catalogue_world import PORTAL, WHO, Catalogues
from tests.support.engines import ENGINES, ledger_on

HEAD = ("Mã TTHC", "Tên TTHC", "Trạng thái", "Mức độ", "Cơ quan thực hiện", "Ngày hiệu lực", "Yêu cầu, điều kiện")


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalogues]:
    with ledger_on(request.param) as ledger, catalogue_world.opened(tmp_path / "config", ledger=ledger) as opened:
        yield opened


def book(*rows: Any, head: Any = HEAD, papers: Any = ()) -> bytes:
    sheets = [("TTHC", head, rows)]
    if papers:
        sheets.append(("Thành phần hồ sơ", ("Mã TTHC", "Tên giấy tờ", "Số bản chính"), papers))
    return spreadsheets.write_workbook(sheets)


def take(world: Catalogues, content: bytes, owner: str = "G10", **more: Any) -> importing.Imported:
    return importing.take(world.hub, content, "a.xlsx", owner, **{**WHO, **more})


def test_it_is_kept_with_its_bytes_who_and_why_and_goes_where_the_agency_s_own_messages_go(world: Catalogues) -> None:
    content = book(("1.8", "Cấp giấy phép", "1", "4", "H55.07: Sở A", "01/03/2026", "Không"), papers=[("1.8", "Tờ khai", 1)])

    done = take(world, content)
    world.carry()

    with world.hub.ledger.read() as conn:
        row = conn.execute(select(messages).where(messages.c.id == done.message_id)).one()
        said = conn.execute(select(journal.c.actor, journal.c.entry).where(journal.c.subject == "catalogue:G10")).first()
        kept = history.body(conn, row.raw_digest)
        found = procedures.owned(conn, "G10")["1.8"]
    assert (done.new, kept, row.raw_digest) == (1, content, digest_of(content))
    assert said is not None
    assert said.actor == WHO["actor"]
    assert WHO["why"] in said.entry
    assert (found.level, found.agencies[0].code, found.details["NGAYHIEULUC"]) == (4, "H55.07", "2026-03-01")
    assert found.details["THANHPHANHOSO"][0]["GIAYTO"][0]["TENGIAYTO"] == "Tờ khai"
    assert "1.8" in world.account("thai_nguyen")


def test_all_faults_are_named_by_cell_and_nothing_is_taken(world: Catalogues) -> None:
    twice = ("1.8", "", "x", "", "", "32/13/2026", "")
    content = book(("1.8", "A", "1", "9", "", "", ""), twice, ("1.9", "B", "", "", "", "", ""))

    with pytest.raises(InvalidMessage) as raised:
        take(world, content)

    assert {fault.path for fault in raised.value.faults} == {"TTHC!D2", "TTHC!A3", "TTHC!B3", "TTHC!C3", "TTHC!F3"}
    with world.hub.ledger.read() as conn:
        assert procedures.owned(conn, "G10") == {}


def test_a_preview_says_what_would_change_and_changes_nothing(world: Catalogues) -> None:
    usual = {"TENTTHC": "A", "TRANGTHAI": "1"}
    world.told([{"MATTHC": "1.8", **usual, "TUKHOA": "giữ"}, {"MATTHC": "1.9", **usual}], "k")
    content = book(("1.8", "A mới", "1", "", "", "", ""), ("2.0", "C", "1", "", "", "", ""))

    seen = take(world, content, whole=True, dry_run=True)

    assert (seen.new, seen.changed, seen.gone, seen.message_id) == (1, 1, 1, "")
    assert {each.code: (each.kind, each.fields) for each in seen.changes} == {
        "1.8": ("changed", ("name",)), "2.0": ("new", ()), "1.9": ("gone", ()),
    }  # fmt: skip
    with world.hub.ledger.read() as conn:
        assert procedures.one(conn, "G10", "1.8").name == "A"  # type: ignore[union-attr]


def test_a_column_that_is_not_there_leaves_what_is_known(world: Catalogues) -> None:
    world.told([{"MATTHC": "1.8", "TENTTHC": "A", "TRANGTHAI": "0", "YEUCAU": "Có", "MucDo": "3"}], "k")
    take(world, book(("1.8", "A mới"), head=HEAD[:2]))

    with world.hub.ledger.read() as conn:
        found = procedures.one(conn, "G10", "1.8")

    assert found is not None
    assert (found.name, found.active, found.level, found.details["YEUCAU"]) == ("A mới", False, 3, "Có")


def test_the_same_file_again_changes_nothing(world: Catalogues) -> None:
    content = book(("1.8", "A", "1", "", "", "", ""))
    take(world, content)

    assert take(world, content).message_id == ""


def test_versions_are_kept_with_their_days_and_a_coming_one_is_not_compared_yet(world: Catalogues) -> None:
    today = world.clock().date()
    coming = (today + timedelta(days=30)).isoformat()
    take(world, book(("1.8", "A", "1", "", "", "", "")))
    world.hold(PORTAL, [{"MATTHC": "1.8", "TENTTHC": "A", "TRANGTHAI": "1"}])
    take(world, book(("1.8", "A mới", "1", "", "", coming, "")))
    pulling.pull(world.hub, PORTAL, **WHO)

    versions = looking.show(world.hub, "G10", "1.8").versions
    assert [(each.number, each.standing, each.changed) for each in versions] == [
        (2, "coming", ("name", "NGAYHIEULUC")), (1, "in_force", ()),
    ]  # fmt: skip
    assert looking.differences(world.hub, holder=PORTAL).procedures == ()
    world.hold(PORTAL, [{"MATTHC": "1.8", "TENTTHC": "A mới", "TRANGTHAI": "1"}])
    pulling.pull(world.hub, PORTAL, **WHO)
    assert looking.differences(world.hub, holder=PORTAL).procedures == ()
    world.hold(PORTAL, [{"MATTHC": "1.8", "TENTTHC": "A", "TRANGTHAI": "1"}])
    world.clock.advance(31 * 86_400)
    pulling.pull(world.hub, PORTAL, **WHO)
    assert [each.code for each in looking.differences(world.hub, holder=PORTAL).procedures] == ["1.8"]


def test_a_province_may_have_a_list_of_its_own(world: Catalogues) -> None:
    take(world, book(("1.8", "A", "1", "3", "", "", "")), owner="H55")

    with world.hub.ledger.read() as conn:
        assert procedures.levels(conn, "H55") == {"1.8": 3}
    assert world.carry() == 0


def test_it_needs_who_and_why_and_an_agency(world: Catalogues) -> None:
    with pytest.raises(NotAllowed):
        take(world, book(("1.8", "A", "", "", "", "", "")), why=" ")
    with pytest.raises(InvalidMessage):
        take(world, book(("1.8", "A", "", "", "", "", "")), owner="../x")
