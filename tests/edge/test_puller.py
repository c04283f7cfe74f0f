"""Pulling what the portal's lists have: taken once, with its files, by one process at a time; nothing is lost anywhere."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from hub.app import Hub
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import from_json
from hub.canonical.question import QuestionMessage
from hub.edge.puller import FILE_TRIES, Puller, Pullers
from hub.ledger import payloads
from hub.ledger.pull_tables import pull_items, pulls
from tests.support.dying_puller import touched
from tests.support.engines import ENGINES, ledger_on
from tests.support.looking import all_deliveries, all_messages, broken_rows
from tests.support.portal_world import EVERY_SECONDS, PORTAL, QUESTIONS_ASKED, SHARED_DOSSIERS, PortalWorld, portal_world


@pytest.fixture(params=ENGINES)
def ledger(request: pytest.FixtureRequest) -> Iterator[str]:
    with ledger_on(request.param) as address:
        yield address


@pytest.fixture
def world(tmp_path: Path, ledger: str) -> Iterator[PortalWorld]:
    with portal_world(tmp_path, ledger) as made:
        yield made


@pytest.fixture
def small(tmp_path: Path) -> Iterator[PortalWorld]:
    """The same on SQLite, for what is not about what a ledger does."""
    with portal_world(tmp_path) as made:
        yield made


def dossiers(world: PortalWorld) -> list[DossierMessage]:
    """Give the accepted dossiers, in order of arrival."""
    found = []
    with world.hub.ledger.read() as conn:
        for row in all_messages(world.hub.ledger):
            for digest in json.loads(row.canonical):
                message = from_json(payloads.get(conn, digest) or b"")
                found += [message] if isinstance(message, DossierMessage) else []
    return found


def stored(world: PortalWorld, digest: str) -> bytes:
    """Read a file out of the store."""
    reading = world.hub.payloads.open(digest)
    assert reading is not None
    body = b"".join(iter(reading.read, b""))
    reading.close()
    return body


def test_a_listed_dossier_is_taken_once_with_its_files(world: PortalWorld) -> None:
    listed = world.portal.verbs["list_dossier"]({})

    world.pull()
    world.later()
    world.pull()

    (message,) = dossiers(world)
    assert message.dossier.code == listed["number"]
    assert message.dossier.numbering == "national_portal"
    assert [each.id for each in message.dossier.attachments] == listed["files"]
    assert all(stored(world, each.digest).startswith(b"%PDF") for each in message.dossier.attachments)
    assert all(each.url == f"http://hub.example.org/attachments/{each.digest}" for each in message.dossier.attachments)
    assert [each.endpoint for each in all_deliveries(world.hub.ledger)] == ["mot_cua"]
    # The same again was not even asked for its files.
    assert world.portal.account()["calls"]["LayTaiLieuHoSo"] == len(listed["files"])
    assert [row.repeats for row in all_messages(world.hub.ledger)] == [0]


def test_a_dossier_that_came_on_the_list_late_is_found_by_the_overlap(small: PortalWorld) -> None:
    small.pull()
    small.later(7_200)
    small.portal.verbs["list_dossier"]({"at": "20260302070000"})

    small.pull()

    assert len(dossiers(small)) == 1


def test_a_long_absence_is_gone_through_window_by_window(small: PortalWorld) -> None:
    small.pull()
    small.portal.verbs["list_dossier"]({"at": "20260304120000"})
    small.later(5 * 86_400)
    before = small.portal.account()["calls"]["DanhSachHoSo"]

    small.pull()

    assert len(dossiers(small)) == 1
    assert small.portal.account()["calls"]["DanhSachHoSo"] - before == 5
    assert small.list_row().cursor == "20260307090000"


def test_one_process_at_a_time_pulls(world: PortalWorld) -> None:
    world.pull()
    world.later()
    asked = world.portal.account()["calls"]["DanhSachHoSo"]
    world.portal.verbs["list_dossier"]({})
    inside, go_on = threading.Event(), threading.Event()
    first = slow(world.hub, inside, go_on)
    thread = threading.Thread(target=lambda: world.puller("first", hub=first).round())
    thread.start()
    assert inside.wait(30)

    world.puller("second").round()

    assert world.portal.account()["calls"]["DanhSachHoSo"] == asked
    go_on.set()
    thread.join(30)
    assert len(dossiers(world)) == 1


def slow(hub: Hub, inside: threading.Event, go_on: threading.Event) -> Hub:
    """Make a hub whose transport waits before it asks."""

    class Waiting:
        def __init__(self, real: Any) -> None:
            self._real = real

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

        def pull(self, *given: Any) -> Any:
            inside.set()
            assert go_on.wait(30)
            return self._real.pull(*given)

    return replace(hub, transports=lambda endpoint: Waiting(hub.transports(endpoint)))


def test_a_process_that_lost_its_lease_does_not_move_the_cursor(small: PortalWorld) -> None:
    inside, go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: small.puller("first", hub=slow(small.hub, inside, go_on)).round())
    thread.start()
    assert inside.wait(30)
    small.later(3_600)

    small.pull("second")
    cursor = small.list_row().cursor
    small.later(3_600)
    go_on.set()
    thread.join(30)

    assert small.list_row().cursor == cursor


# --- dying anywhere ----------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone."""


def mortal(hub: Hub, last: int) -> tuple[Hub, list[int]]:
    """Make a hub that dies at its n-th touch of ledger, portal or store; give how many there were."""
    count = [0]

    def touch() -> None:
        count[0] += 1
        if count[0] == last:
            raise Killed

    return touched(hub, touch), count


def test_wherever_the_process_dies_each_dossier_is_taken_once(tmp_path: Path, ledger: str) -> None:
    with portal_world(tmp_path, ledger) as world:
        world.pull()
        world.later()
        last, died = 0, True
        while died:
            last += 1
            number = world.portal.verbs["list_dossier"]({"at": f"{world.clock():%Y%m%d%H%M%S}"})["number"]
            doomed, count = mortal(world.hub, last)
            with contextlib.suppress(Killed):
                world.puller("doomed", hub=doomed).round()
            died = count[0] >= last
            # Its lease ends; another process goes on.
            world.later(3_600)
            world.pull("heir")
            world.later()

            assert [each.dossier.code for each in dossiers(world)].count(number) == 1
        assert last > 10
        assert len(dossiers(world)) == last
        with world.hub.ledger.read() as conn:
            assert conn.execute(select(pull_items)).all() == []


def test_a_process_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    with portal_world(tmp_path, pull_first_days=0.5) as world:
        listed = [world.portal.verbs["list_dossier"]({})["number"] for _ in range(2)]
        for last in ("3", "8", "11", "14"):
            command = [sys.executable, "-m", "tests.support.dying_puller", str(world.folder), SHARED_DOSSIERS, last]
            ended = subprocess.run(command, capture_output=True, check=False, timeout=120)
            assert ended.returncode == -signal.SIGKILL, ended.stderr
            # Until its lease ends nobody else pulls; the process's clock stands where this one began.
            with world.hub.ledger.apart() as conn:
                conn.execute(update(pulls).values(leased_until=0.0))

        world.pull("heir")

        assert sorted(each.dossier.code for each in dossiers(world)) == sorted(listed)
        assert broken_rows(world.hub.ledger) == []
        # What was being received when the process ended counts for nothing.
        assert all(stored(world, file.digest) for each in dossiers(world) for file in each.dossier.attachments)


# --- what goes wrong at the portal -------------------------------------------------------------------------------


def test_while_the_portal_is_away_the_cursor_stays_and_the_pauses_grow(small: PortalWorld) -> None:
    small.pull()
    cursor = small.list_row().cursor
    small.portal.verbs["list_dossier"]({})
    small.later()
    small.portal.faults.add("status", times=3, value=503, match="DanhSachHoSo")
    pauses = []
    for _ in range(3):
        small.pull()
        row = small.list_row()
        assert (row.cursor, row.error) == (cursor, "busy")
        pauses.append(row.next_at - small.hub.now())
        small.later(pauses[-1])

    small.pull()

    assert pauses == [5.0, 10.0, 20.0]
    assert small.list_row().error == ""
    assert len(dossiers(small)) == 1


def test_a_file_that_the_portal_does_not_have_does_not_keep_the_dossier(small: PortalWorld) -> None:
    listed = small.portal.verbs["list_dossier"]({})
    small.portal.faults.add("refuse", value="Không tìm thấy tệp", match=listed["files"][0])

    small.pull()

    (message,) = dossiers(small)
    assert message.dossier.attachments[0].url == ""
    assert message.dossier.attachments[0].name == "giay-to-1.pdf"
    assert all(each.url for each in message.dossier.attachments[1:])


def test_a_file_whose_answer_breaks_off_is_asked_for_again_and_then_done_without(small: PortalWorld) -> None:
    listed = small.portal.verbs["list_dossier"]({})
    other = small.portal.verbs["list_dossier"]({})
    small.portal.faults.add("hang_before", times=100, value=0, match=listed["files"][0])
    for tried in range(FILE_TRIES):
        # The other one on the list is not kept waiting by it.
        assert {each.dossier.code for each in dossiers(small)} == ({other["number"]} if tried else set())
        small.pull()
        small.later()

    assert {each.dossier.code for each in dossiers(small)} == {other["number"], listed["number"]}


def test_a_portal_that_is_busy_with_a_file_is_no_reason_to_do_without_it(small: PortalWorld) -> None:
    listed = small.portal.verbs["list_dossier"]({})
    small.portal.faults.add("busy", times=2 * FILE_TRIES, value=1, match=listed["files"][0])
    for _ in range(2 * FILE_TRIES + 1):
        small.pull()
        small.later()

    (message,) = dossiers(small)
    assert all(each.url for each in message.dossier.attachments)


def test_a_session_that_ended_is_renewed_for_a_file_too(small: PortalWorld) -> None:
    small.portal.verbs["list_dossier"]({})
    small.portal.faults.add("expire_session", match="LayTaiLieuHoSo")

    small.pull()

    assert all(each.url for each in dossiers(small)[0].dossier.attachments)


# --- what stands on the list -------------------------------------------------------------------------------------


def test_a_row_that_cannot_be_read_is_refused_once_and_taken_when_it_was_mended(small: PortalWorld) -> None:
    wrong = small.portal.verbs["list_dossier"]({"row": {"NgayNop": "hôm qua"}})["number"]
    for _ in range(3):
        small.pull()
        small.later()

    assert [(row.accepted, row.error_where) for row in all_messages(small.hub.ledger)] == [(False, "/HoSo/NgayNop")]
    small.portal.verbs["list_dossier"]({"row": {"MaHoSo": wrong, "NgayNop": "20260302073000"}})
    small.pull()
    assert [each.dossier.code for each in dossiers(small)] == [wrong]
    with small.hub.ledger.read() as conn:
        # The wrong one is still on the list: it is the same dossier, and was taken.
        assert conn.execute(select(pull_items)).all() == []


def test_the_portal_s_own_status_does_not_make_another_message_of_a_dossier(small: PortalWorld) -> None:
    number = small.portal.verbs["list_dossier"]({})["number"]
    small.pull()
    small.portal.verbs["list_dossier"]({"row": {"MaHoSo": number, "MaTrangThai": "4", "TrangThaiHoSo": "Đang xử lý"}})
    small.later()

    small.pull()

    assert len(all_messages(small.hub.ledger)) == 1


@pytest.mark.parametrize(
    "row",
    [
        {"MaHoSo": None},
        {"MaHoSo": ["x"]},
        {"MaHoSo": "x" * 100_000},
        {"MaHoSo": "G99\u0000"},
        {"MaTTHC": {"a": 1}},
        {"TaiLieuNop": "x"},
        {"TaiLieuNop": [1, None, {"DuongDanTepTin": 5}]},
        {"HoTenNguoiNop": float("nan")},
        {"HoTenNguoiNop": "\ud800"},
    ],
    ids=str,
)
def test_a_hostile_row_is_refused_and_the_others_are_taken(small: PortalWorld, row: dict[str, Any]) -> None:
    good = small.portal.verbs["list_dossier"]({})["number"]
    small.portal.verbs["list_dossier"]({"row": {"MaHoSo": "G99.99-260302-0001"}, "spoilt": row})

    for _ in range(2):
        small.pull()
        small.later()

    assert [each.dossier.code for each in dossiers(small)] == [good]
    assert [row.accepted for row in all_messages(small.hub.ledger)].count(False) == 1


# --- questions, and threads --------------------------------------------------------------------------------------


def test_questions_are_pulled_as_messages_of_their_own(tmp_path: Path) -> None:
    with portal_world(tmp_path, pull=[QUESTIONS_ASKED]) as world:
        first = world.portal.verbs["ask"]({})["id"]
        world.portal.verbs["ask"]({"row": {"TRANGTHAI": "0"}})
        for _ in range(2):
            world.pull(name=QUESTIONS_ASKED)
            world.later()

        (row,) = all_messages(world.hub.ledger)
        with world.hub.ledger.read() as conn:
            message = from_json(payloads.get(conn, json.loads(row.canonical)[0]) or b"")
        assert isinstance(message, QuestionMessage)
        assert (row.subject, message.event, message.question.agency.code) == (f"question:{first}", "asked", "H99")


def test_the_threads_pull_and_give_their_leases_back(small: PortalWorld) -> None:
    small.portal.verbs["list_dossier"]({})
    taken = threading.Event()
    real = Puller.round

    def seen(self: Puller) -> bool:
        more = real(self)
        if dossiers(small):
            taken.set()
        return more

    Puller.round = seen  # type: ignore[method-assign]
    try:
        pullers = Pullers(small.hub)
        pullers.start()
        assert taken.wait(30)
        assert pullers.alive()
        pullers.stop()
    finally:
        Puller.round = real  # type: ignore[method-assign]

    assert len(dossiers(small)) == 1
    assert small.list_row().holder == ""


def test_who_pulls_nothing_has_no_thread(tmp_path: Path) -> None:
    with portal_world(tmp_path, pull=[]) as world:
        pullers = Pullers(world.hub)
        pullers.start()

        assert pullers.alive()
        pullers.stop()
        assert world.list_row() is None


def test_after_a_list_was_taken_it_rests(small: PortalWorld) -> None:
    small.pull()

    assert small.list_row().next_at == small.hub.now() + EVERY_SECONDS
    assert small.hub.endpoint(PORTAL).options.pull_seconds == EVERY_SECONDS
