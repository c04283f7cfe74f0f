"""Small hubs beside the night, for pictures of pages that are empty there: lists, words owed, trade dossiers, certificates."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub import bootstrap
from hub.app import Hub
from hub.canonical.border.message import AnswerResult
from hub.canonical.codes import Event
from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.edge.console.app import make_console
from hub.edge.http.server import HttpServer
from tests.console import house
from tests.console import night as nights
from tests.console import test_pages_border as border_pages
from tests.console import test_pages_trade as trade_pages
from tests.support import border_world, trade_world
from tests.support.border_world import answered, dossier, issued, plants
from tests.support.ephyto_world import EPHYTO, ephyto_world
from tests.support.hub import SQLITE
from tests.support.portal_world import PORTAL, QUESTIONS_ASKED, SHARED_DOSSIERS, portal_world

#: A dossier of the Single Window, and the certificate that it names.
_DOSSIER, _CERTIFICATE = "BNNPTNT0426000001", "ID-2026-0009"


@dataclass(frozen=True)
class Shown:
    """A console that serves, and what is shown of it."""

    console: str
    #: A picture's name -> address of a page, and the verb that one must have for it.
    pages: dict[str, tuple[str, str]]


@contextmanager
def _shown(hub: Hub, folder: Path, pages: dict[str, tuple[str, str]]) -> Iterator[Shown]:
    """Serve a hub's console to the people of the night."""
    nights.register(hub)
    app = make_console(hub, bootstrap.load_settings(folder))
    with HttpServer(app, socket.create_server(("127.0.0.1", 0)), None, lambda _url: None) as server:
        yield Shown(server.url, pages)


@contextmanager
def lists(folder: Path) -> Iterator[Shown]:
    """Show two lists of the portal: an item of one was refused, the other could not be asked for; and what it can be asked."""
    pages = {
        "pulls": ("/pulls", "pull show"),
        "pull": (f"/pulls/{PORTAL}/{SHARED_DOSSIERS}", "pull show"),
        "lookup": (f"/lookup?endpoint={PORTAL}", "partner lookup"),
    }
    with portal_world(folder, pull=[SHARED_DOSSIERS, QUESTIONS_ASKED]) as world:
        world.portal.verbs["list_dossier"]({})
        world.portal.verbs["list_dossier"]({"spoilt": {"MaTTHC": ""}})
        world.pull()
        world.portal.faults.add("status", times=1, value=503, match=QUESTIONS_ASKED)
        world.pull(name=QUESTIONS_ASKED)
        with _shown(world.hub, folder, pages) as shown:
            yield shown


@contextmanager
def words(folder: Path) -> Iterator[Shown]:
    """Show what the ePhyto Hub waits for, and what it is asked about."""
    pages = {name: (f"/pulls/{EPHYTO}/{name}", "pull show") for name in ("owed", "followed")}
    with ephyto_world(folder) as world:
        world.say("issued", "M-1")
        world.carry_all()
        for number in ("ID-TEST-2026-000017", "ID-TEST-2026-000018"):
            world.arrive(number=number)
        world.pull()
        with _shown(world.hub, folder, {"words": ("/pulls", "pull show"), **pages}) as shown:
            yield shown


@contextmanager
def trade(folder: Path) -> Iterator[Shown]:
    """Show a trade dossier that was edited, and replaced."""
    with trade_world.opened(folder, SQLITE) as world:
        trade_pages.told(world)
        with _shown(world.hub, folder, {"trade": (f"/timeline/vnsw:{trade_pages.FIRST}", "timeline")}) as shown:
            yield shown


@contextmanager
def border(folder: Path) -> Iterator[Shown]:
    """Show border documents: one used as it should be, one to be decided about, one that belongs to a dossier."""
    used = border_pages.address(border_pages.USED)
    pages = {
        "border": ("/border", "border list"),
        "border_document": (used, "border show"),
        "border_decision": (border_pages.address(border_pages.CANCELLED), "border decide"),
        "border_dossier": (f"/timeline/vnsw:{_DOSSIER}", "timeline"),
        "border_print": (f"{used}/print", "border print"),
    }
    with border_world.opened(folder, SQLITE) as world:
        border_pages.heard(world)
        plant = issued(plants(_CERTIFICATE))
        world.say(border_world.EPHYTO, plant)
        world.say(border_world.WINDOW, dossier(_DOSSIER, "BNNPTNT0300004", Event.SUBMITTED, {"PhytoCerNo": _CERTIFICATE}))
        world.say(border_world.MARD, answered(plant, AnswerResult.ACCEPTED))
        with _shown(world.hub, folder, pages) as shown:
            # Who has given a reason may see the content for a while.
            reason = {"name": f"border:origin:VN:{border_pages.USED}", "why": "hải quan đề nghị đối chiếu"}
            act = ACTS["border print"]
            perform(world.hub, house.AN, act, act.asked.model_validate(reason))
            yield shown


HUBS: tuple[Callable[[Path], AbstractContextManager[Shown]], ...] = (lists, words, trade, border)
