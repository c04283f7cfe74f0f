"""What watches the hub: alive, ready, metrics."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import create_engine, text

from hub.edge.http import health

from .conftest import HubFolder, Serve, Served


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
