"""What watches the hub: alive, ready, metrics."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from hub import bootstrap, rounds
from hub.edge.http import health
from hub.edge.http.identity import Gate
from hub.edge.http.server import serve_http
from tests.support.held_rounds import standing_step

from .conftest import HubFolder, Serve, Served, dossier


def _sql(folder: HubFolder, statement: str) -> None:
    engine = create_engine(f"sqlite:///{folder.path / 'var' / 'ledger.db'}")
    with engine.begin() as conn:
        conn.execute(text(statement))
    engine.dispose()


def test_a_hub_that_can_record_is_ready(served: Served) -> None:
    said = served.call("GET", "/health/ready")

    assert (said.status, said.json) == (200, {"status": "ready", "ledger_read": "ok", "ledger_write": "ok"})


@pytest.mark.parametrize(("table", "failed"), [("messages", "ledger_read"), ("notices", "ledger_write")])
def test_a_hub_whose_ledger_does_not_answer_is_alive_but_not_ready(served: Served, table: str, failed: str) -> None:
    _sql(served.folder, f"ALTER TABLE {table} RENAME TO away")
    said = served.call("GET", "/health/ready")

    other = {"ledger_read": "ok", "ledger_write": "ok"} | {failed: "failed"}
    assert (said.status, said.json) == (503, {"status": "not ready", **other})
    assert served.call("GET", "/health/live").json == {"status": "alive"}


def test_a_process_whose_round_hangs_is_not_alive(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "STUCK_SECONDS", 0.0)

    with standing_step({"message": "a"}):
        said = served.call("GET", "/health/live")

    assert (said.status, said.json) == (503, {"status": "stuck"})
    assert served.call("GET", "/health/live").status == 200


def test_the_ledger_is_not_tried_for_every_caller(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 3600.0)
    assert served.call("GET", "/health/ready").status == 200
    _sql(served.folder, "ALTER TABLE messages RENAME TO away")
    assert served.call("GET", "/health/ready").status == 200

    monkeypatch.setattr(health, "CHECK_SECONDS", 0.0)
    assert served.call("GET", "/health/ready").status == 503


def test_metrics_are_for_this_machine(served: Served) -> None:
    said = served.call("GET", "/metrics")

    assert said.status == 200 and said.headers["content-type"].startswith("text/plain")
    assert b"lienthong_commit_seconds_count" in said.body
    assert served.call("GET", "/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status == 401


def test_metrics_are_there_when_the_ledger_is_not(served: Served) -> None:
    _sql(served.folder, "ALTER TABLE deliveries RENAME TO away")
    said = served.call("GET", "/metrics")

    assert said.status == 200 and b"lienthong_received_total" in said.body


def test_metrics_behind_a_front_are_for_that_machine_only(hub_folder: HubFolder, serve: Serve) -> None:
    hub_folder.hub(doors={"trusted_proxies": ["127.0.0.1"]})
    served = serve()

    assert served.call("GET", "/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status == 401
    assert served.call("GET", "/metrics").status == 401


def test_a_metrics_token_is_asked_for_from_everyone(hub_folder: HubFolder, serve: Serve) -> None:
    hub_folder.hub(doors={"metrics_token_sha256": hashlib.sha256(b"m").hexdigest().upper()})
    served = serve()

    def status(token: str) -> int:
        return served.call("GET", "/metrics", headers={"Authorization": token}).status

    assert [status(token) for token in ("Bearer m", "Bearer n", "")] == [200, 401, 401]


class Broker:
    """A bus whose connections stand or not, as the test says."""

    def __init__(self, bus: Any, *, stands: bool) -> None:
        self._bus, self._stands = bus, stands

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    def ready(self) -> bool:
        return self._stands


@pytest.mark.parametrize(("stands", "status", "said"), [(True, 200, "ok"), (False, 503, "failed")])
def test_a_process_that_uses_the_bus_is_ready_only_with_it(
    hub_folder: HubFolder, stands: bool, status: int, said: str
) -> None:
    with opened(hub_folder, stands=stands, uses_bus=True) as served:
        answer = served.call("GET", "/health/ready")

    assert (answer.status, answer.json["bus"], answer.json["ledger_write"]) == (status, said, "ok")


def test_doors_are_ready_without_the_broker(hub_folder: HubFolder) -> None:
    """They record; what they record is sent when it is back."""
    with opened(hub_folder, stands=False, uses_bus=False) as served:
        answer = served.call("GET", "/health/ready")

    assert (answer.status, "bus" in answer.json) == (200, False)


@contextmanager
def opened(folder: HubFolder, *, stands: bool, uses_bus: bool) -> Iterator[Served]:
    settings = folder.settings()
    hub = bootstrap.open_hub(settings)
    hub = replace(hub, bus=Broker(hub.bus, stands=stands))  # type: ignore[arg-type]
    try:
        with serve_http(hub, "127.0.0.1", 0, settings=settings, uses_bus=uses_bus) as server:
            yield Served(folder, hub, server.url)
    finally:
        hub.ledger.close()


def test_a_ledger_that_hangs_is_not_called_well(hub_folder: HubFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit may wait for ever; who asks meanwhile must not be told what was true before."""
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr(health, "PATIENCE_SECONDS", 0.0)
    settings = hub_folder.settings()
    hub = bootstrap.open_hub(settings)
    checked = health.Health(hub, Gate(hub.endpoints, settings.file.doors), "")
    begun, end = threading.Event(), threading.Event()
    before = checked.check()

    def hangs(*_given: Any) -> int:
        begun.set()
        end.wait()
        return 0

    monkeypatch.setattr(hub.ledger, "take_notices", hangs)
    first = threading.Thread(target=checked.check)
    first.start()
    begun.wait()
    meanwhile = checked.check()
    end.set()
    first.join()
    hub.ledger.close()

    assert set(before.values()) == {"ok"}
    assert meanwhile == {"ledger_read": "no answer", "ledger_write": "no answer"}


def test_the_gauges_tell_what_stands_in_the_ledger(served: Served) -> None:
    served.hub.ledger.pause("commune", paused=True, actor="an", why="bảo trì", now=served.hub.now())
    served.send("province_a", dossier(), "A-1")
    lines = served.call("GET", "/metrics").body.decode().splitlines()

    assert 'lienthong_paused{endpoint="commune"} 1.0' in lines
    assert 'lienthong_breaker{endpoint="commune"} 0.0' in lines
    assert 'lienthong_deliveries{endpoint="commune",state="pending"} 1.0' in lines
    assert any(line.startswith('lienthong_oldest_due_seconds{endpoint="commune"} ') for line in lines)
    assert any(line.startswith('lienthong_door_seconds_count{endpoint="province_a"} ') for line in lines)
    assert any(line.startswith("lienthong_read_seconds_count ") for line in lines)
    assert any(line.startswith('lienthong_sealing_behind_seconds{step="seal"} ') for line in lines)
    # This hub asks nobody for timestamps.
    assert not any('step="timestamp"' in line for line in lines)
    assert any(line.startswith('lienthong_commit_verbs_bucket{le="1.0"} ') for line in lines)


def test_what_cannot_be_counted_is_absent_and_not_old(served: Served) -> None:
    """An alarm sees what is absent."""
    served.call("GET", "/metrics")
    _sql(served.folder, "ALTER TABLE deliveries RENAME TO away")

    assert b"\nlienthong_oldest_due_seconds{" not in served.call("GET", "/metrics").body
