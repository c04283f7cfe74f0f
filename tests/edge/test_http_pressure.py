"""Backpressure: what cannot be recorded now is turned away at once, and one sender's flood does not shut the others out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree
from prometheus_client import REGISTRY

from hub.app import Hub
from hub.contract import Answer
from hub.edge.http.pressure import THREADS
from hub.errors import Unavailable
from hub.ledger.values import Acceptance
from hub.visits import go_on
from tests.support.waiting import Waiting

from .conftest import PATIENCE_SECONDS, HubFolder, Said, Serve, Served, dossier

#: Three doors: each has two of them as its share.
MOST = 6


class SlowLedger:
    """A ledger that records nothing until it is told to go on."""

    def __init__(self, hub: Hub) -> None:
        self._ledger = hub.ledger
        self.go_on = threading.Event()
        self.begun = threading.Event()
        # One message is in the round that waits here, the others wait for the next.
        self.waiting = hub.rounds.of(go_on).waiting = Waiting()

    def record_all_received(self, given: Sequence[Acceptance]) -> list[Callable[[], Answer]]:
        self.begun.set()
        assert self.go_on.wait(PATIENCE_SECONDS)
        return self._ledger.record_all_received(given)

    def wait_for(self, calls: int) -> None:
        assert self.begun.wait(PATIENCE_SECONDS)
        self.waiting.wait_for(calls - 1, PATIENCE_SECONDS)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


class Flood:
    """Calls that wait for the ledger."""

    def __init__(self, served: Served, ledger: SlowLedger, threads: ThreadPoolExecutor) -> None:
        self.served, self.ledger, self._threads = served, ledger, threads
        self.calls: list[Future[Said]] = []

    def send(self, door: str, count: int) -> None:
        """Send so many messages; return when all of them wait for the ledger."""
        for _ in range(count):
            number = len(self.calls)
            self.calls.append(self._threads.submit(self.served.send, door, dossier(f"H55-{number}"), f"k{number}"))
        self.ledger.wait_for(len(self.calls))

    def answers(self) -> list[int]:
        self.ledger.go_on.set()
        return [each.result(PATIENCE_SECONDS).status for each in self.calls]


@contextmanager
def flooded(hub_folder: HubFolder, serve: Serve, most: int = MOST) -> Iterator[Flood]:
    """Serve a hub whose ledger records nothing yet."""
    hub_folder.hub(doors={"max_waiting": most})
    slow: list[SlowLedger] = []

    def slowed(hub: Hub) -> Hub:
        slow.append(SlowLedger(hub))
        return replace(hub, ledger=slow[0])

    served = serve(slowed)
    with ThreadPoolExecutor(most + THREADS) as threads:
        try:
            yield Flood(served, slow[0], threads)
        finally:
            slow[0].go_on.set()


def turned_away(endpoint: str, code: str) -> float:
    return REGISTRY.get_sample_value("lienthong_turned_away_total", {"endpoint": endpoint, "code": code}) or 0.0


def test_a_call_too_many_is_turned_away_at_once_and_nothing_of_it_is_recorded(hub_folder: HubFolder, serve: Serve) -> None:
    before = turned_away("province_a", "too_busy")
    with flooded(hub_folder, serve) as flood:
        flood.send("province_a", MOST)
        said = flood.served.send("province_a", dossier("H55-more"), "more")

        assert (said.status, said.headers["retry-after"]) == (503, "5")
        assert said.json["DanhSachLoi"][0]["Ma"] == "too_busy"
        assert "hãy gửi lại sau" in said.json["message"] and "send again later" in said.json["message_en"]
        assert turned_away("province_a", "too_busy") == before + 1
        assert flood.answers() == [202] * MOST
        assert flood.served.recorded() == MOST

        assert flood.served.send("province_a", dossier("H55-more"), "more").status == 202


def test_the_answer_comes_before_the_body_is_sent(hub_folder: HubFolder, serve: Serve) -> None:
    """Ten megabytes are announced, and not one byte of them is waited for."""
    with flooded(hub_folder, serve) as flood:
        flood.send("province_a", MOST)
        headers = flood.served.folder.authorized("province_a", **{"Idempotency-Key": "more", "Content-Length": "10000000"})
        with flood.served.connect() as connection:
            lines = [f"{name}: {value}" for name, value in {"Host": "x", **headers}.items()]
            connection.sendall("\r\n".join(["POST /doors/province_a HTTP/1.1", *lines, "", ""]).encode())
            reply = connection.recv(4000)

    assert reply.startswith(b"HTTP/1.1 503 ")


def test_a_soap_caller_is_told_in_soap(hub_folder: HubFolder, serve: Serve) -> None:
    with flooded(hub_folder, serve) as flood:
        flood.send("province_a", MOST)
        headers = flood.served.folder.authorized("province_a") | {"Content-Type": "text/xml; charset=utf-8"}
        said = flood.served.call("POST", "/doors/province_a", b"<a/>", headers)

    assert (said.status, said.headers["retry-after"]) == (503, "5")
    assert etree.fromstring(said.body).findtext(".//faultcode") == "soap:Server"


def test_a_flood_at_one_door_leaves_the_others_their_share(hub_folder: HubFolder, serve: Serve) -> None:
    with flooded(hub_folder, serve) as flood:
        flood.send("province_a", MOST)
        flood.send("province_b", MOST // 3)

        assert flood.served.send("province_b", dossier("H55-more"), "more").status == 503
        assert flood.answers() == [202] * (MOST + MOST // 3)


def test_who_cannot_prove_who_it_is_is_told_nothing_of_it(hub_folder: HubFolder, serve: Serve) -> None:
    with flooded(hub_folder, serve) as flood:
        flood.send("province_a", MOST)
        said = flood.served.call("POST", "/doors/province_a", b"{}", {"Content-Type": "application/json"})

    assert said.status == 401


def test_bodies_that_came_at_the_same_time_are_counted_too(hub_folder: HubFolder, serve: Serve) -> None:
    """The first look was before there was anything to count."""
    body = json.dumps(dossier("H55-more")).encode()
    with flooded(hub_folder, serve) as flood:
        headers = flood.served.folder.authorized("province_a", **{"Idempotency-Key": "more", "Content-Length": str(len(body))})
        with flood.served.connect() as connection:
            lines = [f"{name}: {value}" for name, value in {"Host": "x", "Expect": "100-continue", **headers}.items()]
            connection.sendall("\r\n".join(["POST /doors/province_a HTTP/1.1", *lines, "", ""]).encode())
            assert connection.recv(4000).startswith(b"HTTP/1.1 100 ")
            flood.send("province_a", MOST)
            connection.sendall(body)
            assert connection.recv(4000).startswith(b"HTTP/1.1 503 ")
        assert flood.answers() == [202] * MOST


def test_while_every_thread_waits_for_the_ledger_health_and_the_senders_view_answer(hub_folder: HubFolder, serve: Serve) -> None:
    with flooded(hub_folder, serve, most=2 * THREADS) as flood:
        flood.send("province_a", THREADS)

        assert flood.served.call("GET", "/health/live").status == 200
        assert flood.served.call("GET", "/health/ready").status == 200
        assert flood.served.read("province_a", "/notices").status == 200


def test_a_ledger_that_fails_gives_the_room_back(hub_folder: HubFolder, serve: Serve) -> None:
    """Nothing is recorded for as long as it does not answer; then everything that is sent."""

    class Away:
        def __init__(self, hub: Hub) -> None:
            self._ledger, self.away = hub.ledger, True

        def record_all_received(self, given: Sequence[Acceptance]) -> list[Callable[[], Answer]]:
            if self.away:
                raise Unavailable("away", "không phản hồi", where="ledger")
            return self._ledger.record_all_received(given)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._ledger, name)

    ledgers: list[Away] = []

    def gone(hub: Hub) -> Hub:
        ledgers.append(Away(hub))
        return replace(hub, ledger=ledgers[0])

    hub_folder.hub(doors={"max_waiting": 1})
    served = serve(gone)
    told = [served.send("province_a", dossier(), "k") for _ in range(3)]
    ledgers[0].away = False

    assert [(said.status, said.headers["retry-after"]) for said in told] == [(503, "5")] * 3
    assert {said.json["DanhSachLoi"][0]["Ma"] for said in told} == {"not_ready"}
    assert served.send("province_a", dossier(), "k").status == 202


@pytest.mark.parametrize("path", ["/doors/nobody", "/doors/%00"])
def test_what_strangers_ask_for_is_no_label(served: Served, path: str) -> None:
    before = turned_away("unknown", "unauthenticated") + turned_away("unknown", "not_there")
    served.call("POST", path, b"{}", {"Content-Type": "application/json"})

    assert turned_away("unknown", "unauthenticated") + turned_away("unknown", "not_there") == before + 1
