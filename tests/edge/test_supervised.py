"""What a supervisor is told, over the socket that it names."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.edge import supervised


@pytest.fixture(params=["path", "abstract"])
def supervisor(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Both kinds of names that systemd gives."""
    named = str(tmp_path / "notify") if request.param == "path" else f"@lienthong-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(named.replace("@", "\0"))
        listening.settimeout(10.0)
        monkeypatch.setenv("NOTIFY_SOCKET", named)
        yield listening


def words(supervisor: socket.socket, number: int) -> list[str]:
    return [supervisor.recv(100).decode() for _ in range(number)]


def test_ready_and_stopping_are_told(supervisor: socket.socket) -> None:
    stop = threading.Event()
    stop.set()

    supervised.wait(stop, lambda: True)

    assert words(supervisor, 2) == ["READY=1", "STOPPING=1"]


def test_it_is_told_that_all_is_well_only_while_it_is(supervisor: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that ended is not covered up; and nobody is told more often than asked."""
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    stop = threading.Event()
    lives = iter([True, True, False, False])

    def alive() -> bool:
        living = next(lives, None)
        if living is None:
            stop.set()
        return bool(living)

    supervised.wait(stop, alive)

    assert words(supervisor, 4) == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]


def test_without_a_supervisor_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)

    supervised.tell(supervised.READY)


def test_a_supervisor_that_is_gone_does_not_stop_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))

    supervised.tell(supervised.READY)
