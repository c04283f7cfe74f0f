"""The page of a dossier lists its border documents, and tells of their answers among what happened."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from hub import bootstrap
from hub.canonical.border.message import AnswerResult
from hub.canonical.codes import Event
from hub.edge.console.app import make_console
from hub.edge.http.server import HttpServer
from tests.console.markup import faults
from tests.console.office import Office, words
from tests.support.border_world import EPHYTO, MARD, WINDOW, answered, dossier, issued, opened, plants
from tests.support.hub import SQLITE
from tests.support.night_shift import Shift

DOSSIER, NUMBER = "BNNPTNT0426000001", "ID-2026-0009"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("dossier") / "config"
    with opened(folder, SQLITE) as world:
        given = issued(plants(NUMBER))
        world.say(EPHYTO, given)
        world.say(WINDOW, dossier(DOSSIER, "BNNPTNT0300004", Event.SUBMITTED, {"PhytoCerNo": NUMBER}))
        world.say(MARD, answered(given, AnswerResult.ACCEPTED))
        app = make_console(world.hub, bootstrap.load_settings(folder))
        with HttpServer(app, socket.create_server(("127.0.0.1", 0)), None, lambda _url: None) as server:
            yield Office(cast(Shift, SimpleNamespace(hub=world.hub)), server.url)


def test_the_page_lists_documents_and_what_was_said_of_them(office: Office) -> None:
    page = office.seat("an").page(f"/timeline/vnsw:{DOSSIER}")
    read = words(page)

    assert not faults(page)
    assert f'href="/border/phyto/ID/{NUMBER}"' in page
    assert "Gắn chứng từ với hồ sơ" in read and "Phản hồi của nước nhập khẩu" in read
    assert "Cong ty" not in page and "dragon" not in page


def test_it_reads_in_english(office: Office) -> None:
    read = words(office.seat("an", "en").page(f"/timeline/vnsw:{DOSSIER}"))

    assert "Border documents" in read and "Border document joined to its dossier" in read
