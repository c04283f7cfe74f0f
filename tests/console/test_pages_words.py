"""Pages of words between partners and us: what is owed, what is asked about, and the way to do either at once."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hub import bootstrap
from hub.edge.console.app import make_console
from hub.edge.http.server import HttpServer
from hub.ledger.word_tables import followed, owed
from tests.console import office as offices
from tests.console.office import Office
from tests.support.waiting_partner import BUG, away
from tests.support.words_world import PARTNER, World, thing, world_at


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A partner that waits for two words, was away, and is asked about one delivery."""
    with world_at(tmp_path_factory.mktemp("words")) as made:
        made.give()
        made.partner.hold("N1", thing(1))
        made.partner.hold("N2", b"{")
        made.partner.hold("N3", thing(3, loi=BUG))
        made.pull()
        made.partner.failing["acknowledge"] = [away()]
        made.say()
        yield made


@pytest.fixture(scope="module")
def office(world: World) -> Iterator[Office]:
    app = make_console(world.hub, bootstrap.load_settings(world.folder))
    with HttpServer(app, socket.create_server(("127.0.0.1", 0)), None, lambda _url: None) as server:
        yield Office(cast(Any, SimpleNamespace(hub=world.hub)), server.url)


def words(page: str) -> str:
    return " ".join(offices.words(page).split())


def test_the_page_of_lists_says_what_stands_between_partners_and_us(office: Office) -> None:
    said = words(office.seat("an").page("/pulls"))

    assert f"Bộ thử nghiệm {PARTNER} 2 02/03/2026 09:00 lỗi not_sent 1 0 1 Báo ngay · Hỏi ngay" in said
    assert "Báo ngay" not in words(office.seat("xem").page("/pulls"))


def test_each_word_and_each_delivery_is_listed_in_both_languages(office: Office) -> None:
    said = words(office.seat("an").page(f"/pulls/{PARTNER}/owed"))
    assert "N1 đã nhận" in said and "N2 không đọc được" in said
    assert "N1 taken" in words(office.seat("an", "en").page(f"/pulls/{PARTNER}/owed"))

    page = office.seat("an").page(f"/pulls/{PARTNER}/followed")
    assert "H01-1" in words(page) and "B1 chưa có" in words(page)
    assert "/timeline/national%3AH01-1" in page or "/timeline/national:H01-1" in page


def test_both_are_hurried_with_a_reason(world: World, office: Office) -> None:
    seat = office.seat("an")
    assert seat.post("/do/pull/now", {"endpoint": PARTNER, "list_name": "owed"}).status == 422
    world.later(1)

    for name in ("owed", "followed"):
        done = seat.post("/do/pull/now", {"endpoint": PARTNER, "list_name": name, "why": "đối tác đã trở lại"})
        assert (done.status, done.location) == (303, "/pulls")

    assert {row.next_at for row in (*world.rows(owed), *world.rows(followed))} == {world.hub.now()}
    assert office.seat("xem").post("/do/pull/now", {"endpoint": PARTNER, "list_name": "owed", "why": "x"}).status == 403


def test_words_of_no_partner_are_not_found(office: Office) -> None:
    assert office.seat("an").get("/pulls/mot_cua/owed").status == 404
