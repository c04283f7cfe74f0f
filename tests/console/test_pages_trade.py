"""The page of a trade dossier says its stage, its versions with the names of what each changed, and what it replaces."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from hub import bootstrap
from hub.canonical.codes import Event
from hub.edge.console.app import make_console
from hub.edge.http.server import HttpServer
from hub.registers.trade import VERSION_STATES
from tests.console.office import Office, words
from tests.support.hub import SQLITE
from tests.support.night_shift import Shift
from tests.support.trade_world import Window, opened

E = Event
FIRST, SECOND, STOPPED = "BNNPTNT09260000001", "BNNPTNT09260000002", "BNNPTNT09260000003"

STATES = {vi for vi, _ in VERSION_STATES.values()}


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Window, Office]]:
    folder = tmp_path_factory.mktemp("trade") / "config"
    with opened(folder, SQLITE) as made:
        app = make_console(made.hub, bootstrap.load_settings(folder))
        with HttpServer(app, socket.create_server(("127.0.0.1", 0)), None, lambda _url: None) as server:
            told(made)
            yield made, Office(cast(Shift, SimpleNamespace(hub=made.hub)), server.url)


def told(window: Window) -> None:
    """Let one dossier be edited after receipt and replaced later, and one be licensed before receipt."""
    assert window.say(E.SUBMITTED, FIRST, seed=1)
    assert window.say(E.EDITED, FIRST, seed=2)
    window.tell(FIRST, E.RECEIVED, E.EDIT_ASKED, E.EDIT_REFUSED, E.EDIT_ASKED)
    assert window.say(E.SUBMITTED, SECOND, earlier=FIRST)
    window.tell(STOPPED, E.SUBMITTED, E.LICENCE_ISSUED)


def test_the_page_says_stage_versions_and_names_of_fields(window: tuple[Window, Office]) -> None:
    page = window[1].seat("an").page(f"/timeline/vnsw:{FIRST}")
    read = words(page)

    assert "Chờ trả lời đề nghị sửa hồ sơ" in read
    states = [each.strip() for each in read.split("\n") if each.strip() in STATES]
    assert states == ["chờ trả lời", "không được chấp nhận", "đang có hiệu lực", "đã được thay thế"], "the newest first"
    assert "ImporterAddress" in read
    assert "Đường Thử Nghiệm" not in read


def test_joined_dossiers_lead_to_each_other(window: tuple[Window, Office]) -> None:
    seat = window[1].seat("an")
    first, second = (seat.page(f"/timeline/vnsw:{number}") for number in (FIRST, SECOND))

    assert f'<a href="/timeline/vnsw%3A{SECOND}">{SECOND}</a>' in first
    assert f'<a href="/timeline/vnsw%3A{FIRST}">{FIRST}</a>' in second


def test_what_was_set_aside_says_why_and_is_released_by_the_ordinary_form(window: tuple[Window, Office]) -> None:
    (parked,) = window[0].parked(STOPPED)
    seat = window[1].seat("an")
    before = words(seat.page(f"/deliveries/{parked.id}"))
    seat.post("/do/release", {"delivery": parked.id, "why": "đã hỏi bộ", "back": f"/deliveries/{parked.id}"})
    after = words(seat.page(f"/timeline/vnsw:{STOPPED}"))

    assert "“Chờ tiếp nhận”" in before
    assert "Đã cấp giấy phép" in after
    assert "giai đoạn hồ sơ: Đã cấp giấy phép" in after
