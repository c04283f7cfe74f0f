"""The watch over pure functions sees clock, chance, files and network, and lets thinking pass."""

import datetime
import json
import os
import random
import re
import secrets
import socket
import time
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.conformance.purity import Impure, purely

HERE = Path(__file__)


def _connect() -> None:
    with socket.socket() as found, pytest.raises(OSError):
        found.connect(("127.0.0.1", 1))


def _fetch() -> None:
    with pytest.raises(OSError):
        urllib.request.urlopen("http://127.0.0.1:1/", timeout=5)


@pytest.mark.parametrize(
    ("act", "what"),
    [
        (time.time, "clock"),
        (time.time_ns, "clock"),
        (time.monotonic, "clock"),
        (time.perf_counter, "clock"),
        (datetime.datetime.now, "clock"),
        (lambda: datetime.datetime.now(datetime.UTC), "clock"),
        (datetime.date.today, "clock"),
        (lambda: time.strftime("%Y"), "clock"),
        (time.localtime, "clock"),
        (time.gmtime, "clock"),
        (uuid.uuid1, "clock"),
        (uuid.uuid4, "chance"),
        (random.random, "chance"),
        (lambda: random.choice("ab"), "chance"),
        (lambda: secrets.token_hex(4), "chance"),
        (lambda: os.urandom(4), "chance"),
        (lambda: open(HERE).close(), "file"),
        (HERE.read_text, "file"),
        (HERE.exists, "file"),
        (lambda: os.listdir(HERE.parent), "file"),
        (_connect, "network"),
        (_fetch, "network"),
    ],
)
def test_an_impure_call_is_seen(act: Callable[[], object], what: str) -> None:
    """Whatever library it goes through."""
    act()
    with pytest.raises(Impure, match=what):
        purely(act)


def test_thinking_is_let_pass_and_gives_its_result() -> None:
    """Parsing, moments that are given, and identifiers made of names are pure."""

    def think(text: str) -> tuple[object, ...]:
        moment = datetime.datetime.fromisoformat(text)
        named = uuid.uuid5(uuid.NAMESPACE_URL, text)
        return json.loads("[1]"), moment.strftime("%Y"), named.hex, re.sub("a", "b", text)

    assert purely(think, "2026-03-02T09:15:04+07:00")[1] == "2026"


def test_the_watch_ends_with_the_call() -> None:
    """Also where the function fails."""
    with pytest.raises(ZeroDivisionError):
        purely(lambda: 1 / 0)
    time.time()

    assert purely(len, "abc") == 3
