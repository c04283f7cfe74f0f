"""One session for all workers: kept, renewed in time, and made anew once where the portal forgot it."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from adapters.national_portal.receipts import read_receipt
from adapters.national_portal.sessions import Sessions
from adapters.national_portal.simulator import simulator
from adapters.national_portal.transport import PortalTransport
from hub.contract import Reply
from hub.errors import NotSent
from hub.simulation import Call as HttpCall
from hub.simulation import Said, SimulatorServer
from hub.wire import Wire


def no_fence() -> None:
    """Let every call go."""


def logins(portal: SimulatorServer) -> int:
    found: int = portal.account()["logins"]
    return found


def test_one_session_serves_many_calls(portal: SimulatorServer, connect: Any, record: Any) -> None:
    transport = connect(portal)

    for number in range(3):
        transport.send(record(f"A-{number}"), no_fence)

    assert logins(portal) == 1


def test_a_session_the_portal_forgot_is_made_anew_within_the_attempt(portal: SimulatorServer, connect: Any, record: Any) -> None:
    transport = connect(portal)
    transport.send(record("A-1"), no_fence)
    portal.verbs["expire_sessions"]({})

    outgoing = record("A-2")

    assert read_receipt(transport.send(outgoing, no_fence), outgoing).code == "0"
    assert logins(portal) == 2


def test_many_workers_renew_the_session_once(portal: SimulatorServer, connect: Any, record: Any) -> None:
    transport = connect(portal)
    transport.send(record("A-0"), no_fence)
    portal.verbs["expire_sessions"]({})
    portal.faults.add("latency", value=0.2, match="mapi/login")  # the others arrive while the first logs in
    together = threading.Barrier(8)

    def send(number: int) -> Reply:
        together.wait()
        return transport.send(record(f"A-{number}"), no_fence)

    with ThreadPoolExecutor(8) as workers:
        replies = list(workers.map(send, range(1, 9)))

    assert [read_receipt(reply, record()).code for reply in replies] == ["0"] * 8
    assert logins(portal) == 2
    assert len(portal.account()["dossiers"]) == 9


def test_eight_workers_under_load_share_each_session(portal: SimulatorServer, connect: Any, record: Any) -> None:
    """The portal forgets the session again and again; its sign is the configured code, and each loss costs one log-in."""
    transport = connect(portal, session_expired_codes=("401",), session_expired_texts=())
    losses, calls = 5, 12
    together = threading.Barrier(8, action=lambda: portal.verbs["expire_sessions"]({}))

    def work(worker: int) -> list[Reply]:
        replies = []
        for turn in range(losses * calls):
            if turn % calls == 0:
                together.wait()
            replies.append(transport.send(record(f"A-{worker}-{turn}"), no_fence))
        return replies

    with ThreadPoolExecutor(8) as workers:
        replies = [reply for done in workers.map(work, range(8)) for reply in done]

    assert {read_receipt(reply, record()).code for reply in replies} == {"0"}
    assert len(portal.account()["dossiers"]) == 8 * losses * calls
    assert logins(portal) == losses


def test_a_session_that_is_never_known_is_not_sent_after_one_new_log_in(
    portal: SimulatorServer, connect: Any, record: Any
) -> None:
    portal.faults.add("expire_session", times=2, match="DongBoHoSoMC")

    with pytest.raises(NotSent) as caught:
        connect(portal).send(record(), no_fence)

    assert caught.value.partner_code == "401"
    assert logins(portal) == 2
    assert portal.account()["dossiers"] == {}


def test_a_session_used_up_is_renewed_call_by_call(connect: Any, record: Any) -> None:
    with simulator(session_uses=2) as portal:
        transport = connect(portal)
        for number in range(6):
            read_receipt(transport.send(record(f"A-{number}"), no_fence), record())

        assert (len(portal.account()["dossiers"]), logins(portal)) == (6, 3)


def test_an_old_session_is_renewed_before_the_portal_has_to_say_so(
    portal: SimulatorServer, wire: Wire, endpoint: Any, record: Any
) -> None:
    now = [0.0]
    transport = PortalTransport(endpoint(portal.url, session_seconds=600), wire, clock=lambda: now[0])
    for moment in (0.0, 599.0, 600.0, 1199.0, 1200.0):
        now[0] = moment
        transport.send(record(f"A-{moment}"), no_fence)

    assert logins(portal) == 3


@pytest.mark.parametrize(
    ("answer", "options", "expired"),
    [
        ({"error_code": "401", "message": ""}, {}, True),
        ({"error_code": "-1", "message": "PHIÊN LÀM VIỆC đã hết hạn"}, {}, True),
        ({"error_code": "-1", "message": "Thiếu MaHoSo"}, {}, False),
        ({"error_code": "0", "message": "phiên làm việc"}, {}, False),
        ({"error_code": "-9", "message": ""}, {"session_expired_codes": ["-9"]}, True),
        ({"error_code": "401", "message": ""}, {"session_expired_codes": []}, False),
        ({"error_code": "-1", "message": "Token cũ"}, {"session_expired_texts": ["token cũ"]}, True),
        ({"error_code": "-1", "message": "phiên làm việc"}, {"session_expired_texts": []}, False),
    ],
)
def test_what_means_that_the_session_is_not_known(
    connect: Any, record: Any, answer: dict[str, str], options: dict[str, Any], expired: bool
) -> None:
    paths: list[str] = []

    def handle(call: HttpCall) -> Said:
        paths.append(call.path.rsplit("/", 1)[-1])
        return Said(json.dumps({"error_code": 0, "session": "S"} if paths[-1] == "login" else answer).encode())

    with SimulatorServer("portal", handle) as server:
        transport = connect(server, **options)
        if expired:
            with pytest.raises(NotSent):
                transport.send(record(), no_fence)
        else:
            transport.send(record(), no_fence)

    assert (["login", "g", "login", "g"] if expired else ["login", "g"]) == paths


@pytest.mark.parametrize(("status", "asked"), [(401, 2), (500, 1)])
def test_only_a_definite_no_is_a_reason_to_send_again(connect: Any, record: Any, status: int, asked: int) -> None:
    calls: list[str] = []

    def handle(call: HttpCall) -> Said:
        if call.path.endswith("login"):
            return Said(b'{"error_code":"00","session":"S"}')
        calls.append(call.path)
        return Said(b'{"error_code":"401","message":"session expired"}', status=status)

    with SimulatorServer("portal", handle) as server:
        transport = connect(server)
        if status == 401:
            with pytest.raises(NotSent):
                transport.send(record(), no_fence)
        else:
            assert transport.send(record(), no_fence).status == 500

    assert asked == len(calls)


@pytest.mark.parametrize(
    "answer", [b"<html>", b'{"error_code":0}', b'{"error_code":0,"session":""}', b'{"error_code":0,"session":7}']
)
def test_a_log_in_without_session_is_not_sent(connect: Any, record: Any, answer: bytes) -> None:
    with SimulatorServer("portal", lambda call: Said(answer)) as server, pytest.raises(NotSent):
        connect(server).send(record(), no_fence)


def test_a_wrong_password_is_not_sent_and_told_without_it(portal: SimulatorServer, connect: Any, record: Any) -> None:
    with pytest.raises(NotSent) as caught:
        connect(portal, password="wrong-one").send(record(), no_fence)

    assert caught.value.partner_code == "-1"
    assert "wrong-one" not in caught.value.en + caught.value.vi


def test_no_time_left_after_the_log_in_means_not_sent(portal: SimulatorServer, wire: Wire, endpoint: Any, record: Any) -> None:
    transport = PortalTransport(endpoint(portal.url, deadline=20), wire, clock=lambda: 30.0 if logins(portal) else 0.0)

    with pytest.raises(NotSent):
        transport.send(record(), no_fence)

    assert portal.account()["dossiers"] == {}


def test_a_worker_waits_for_the_session_no_longer_than_its_own_deadline() -> None:
    entered, leave = threading.Event(), threading.Event()

    def log_in(deadline: float) -> str:
        entered.set()
        leave.wait(20)
        return "S"

    sessions = Sessions(log_in=log_in, lifetime_seconds=600, clock=lambda: 0.0)
    first = threading.Thread(target=sessions.get, args=(20.0,))
    first.start()
    entered.wait(20)
    try:
        with pytest.raises(NotSent):
            sessions.get(0.0)
    finally:
        leave.set()
        first.join()
    assert sessions.get(1.0) == "S"
