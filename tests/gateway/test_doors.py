"""What only the hub itself writes beside a document is never taken from outside: at a door, or from a partner's own broker."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub import bootstrap, intake
from hub.amqp.connecting import Properties
from hub.amqp.consuming import Arrived
from hub.contract import FOLLOWED_SUBJECT, Request
from hub.edge.http.server import serve_http
from hub.edge.poller import request_of
from hub.endpoint import AmqpPolicy, Endpoint
from hub.wire import Wire
from tests.support import hub as support

FORGED = {"Gateway-Partner": "ID", "GATEWAY-MESSAGE": "m", FOLLOWED_SUBJECT: "border:origin:VN:1"}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """Every request that intake was given."""
    found: list[Request] = []
    receive = intake.receive

    def looked_at(hub: Any, request: Request) -> Any:
        found.append(request)
        return receive(hub, request)

    monkeypatch.setattr(intake, "receive", looked_at)
    return found


@pytest.fixture
def door(tmp_path: Path) -> Iterator[str]:
    token = hashlib.sha256(b"a token").hexdigest()
    folder = support.configure(tmp_path, sender=f'token_sha256 = ["{token}"]\n')
    hub = support.open_hub(folder)
    server = serve_http(hub, "127.0.0.1", 0, settings=bootstrap.load_settings(folder)).start()
    yield f"{server.url}/doors/{support.SENDER}"
    server.stop()
    support.close(hub)


def test_a_caller_at_a_door_is_no_gateway(door: str, seen: list[Request]) -> None:
    headers = {"Authorization": "Bearer a token", "Content-Type": "application/json", "X-Own": "kept", **FORGED}
    headers |= {"Idempotency-Key": "M-1"}
    reply = Wire().call("POST", door, body=support.document(1, identity="M-1"), headers=headers, deadline_seconds=20.0)

    (request,) = seen
    assert reply.status == 200 and request.headers["x-own"] == "kept"
    assert not [name for name in request.headers if name.startswith(("gateway-", "followed-"))]


def test_a_partners_own_broker_is_no_gateway() -> None:
    endpoint = Endpoint(name="bo", adapter="template", title="Bộ")
    policy = AmqpPolicy.model_validate({"url": "amqp://a@b/", "password": "x", "consume_queue": "q"})
    arrived = Arrived(body=b"{}", properties=Properties(headers={"x-own": "kept", **FORGED}), tag=1)

    assert request_of(endpoint, policy, arrived).headers == {"x-own": "kept"}
