"""Bench: messages a second end to end on the embedded engine, and as a ratio to this machine's RSA-2048 rate.

What is measured: a trader's application with an RSA-2048 XML signature comes in at the SOAP door (HTTP, one hub process
with one worker pool), is verified, validated, translated, recorded, sealed, queued, claimed, written, signed (RSA-2048
JWS), sent to a ministry's system over HTTP, and its receipt recorded. The Single Window and the ministry are simulators
in processes of their own on the same machine; making and signing the applications is their work and is included.

The hub process has one core for itself where the machine has several (its own share is one core's at most: Python), and
its partners have the others; so the ratio is to what that core could sign and verify if it did nothing else.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from hub import bootstrap
from hub.edge.demo import world
from hub.edge.demo.watch import Watch
from hub.rules.lifecycle import State
from hub.wire import Wire

DOCUMENT_TYPE = "BTNMT0600001"
#: Connections of the trader's software; each sends so many applications one after the other.
SENDERS = 8
BATCH = 5
#: Calls to the ministry at the same time.
CONCURRENCY = 12
#: Messages before the clock starts: every part loads what it loads once.
WARM_UP = 40
#: Beyond those of the warm-up.
FIRST_SEED = 1000
#: Messages of one round; the RSA rate is measured between the rounds.
ROUND = 500
RSA_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was measured; rates are per second of wall clock, the RSA rate is one core's, the ratio the median of rounds."""

    machine: str
    versions: dict[str, str]
    messages: int
    seconds: float
    messages_per_second: float
    accepted_per_second: float
    rsa_verify_and_sign_per_second: float
    ratio: float
    #: The ratio of each round; machines that are shared are not equally fast from one second to the next.
    rounds: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """One round: its messages, and the RSA rate measured right before and after."""

    messages: int
    to_door: float
    to_end: float
    rsa: float

    @property
    def ratio(self) -> float:
        return self.messages / self.to_end / self.rsa


def run(messages: int) -> Report:
    """Measure in rounds; the hub and its partners are started and ended here."""
    with tempfile.TemporaryDirectory() as folder, _world(Path(folder)) as (hub_folder, sender):
        _warm_up(hub_folder, sender)
        rounds = _rounds(hub_folder, sender, messages)
    done, seconds = sum(each.messages for each in rounds), sum(each.to_end for each in rounds)
    return Report(
        machine=f"{platform.machine()}, {_processor()}, Python {platform.python_version()}",
        versions={name: version(name) for name in ("lxml", "signxml", "cryptography", "sqlalchemy", "kombu", "fastapi")},
        messages=done,
        seconds=round(seconds, 2),
        messages_per_second=round(done / seconds, 1),
        accepted_per_second=round(done / sum(each.to_door for each in rounds), 1),
        rsa_verify_and_sign_per_second=round(statistics.median(each.rsa for each in rounds), 0),
        ratio=round(statistics.median(each.ratio for each in rounds), 3),
        rounds=tuple(round(each.ratio, 3) for each in rounds),
    )


def _rounds(hub_folder: Path, sender: str, messages: int) -> list[_Round]:
    rounds: list[_Round] = []
    before, sent = rsa_rate(), 0
    while sent < messages:
        some = min(ROUND, messages - sent)
        begun = time.perf_counter()
        _send(sender, range(FIRST_SEED + sent, FIRST_SEED + sent + some))
        accepted = time.perf_counter()
        sent += some
        _wait(hub_folder, sent + WARM_UP)
        ended, after = time.perf_counter(), rsa_rate()
        rsa_now = statistics.mean((before, after))
        rounds.append(_Round(messages=some, to_door=accepted - begun, to_end=ended - begun, rsa=rsa_now))
        before = after
    return rounds


def rsa_rate() -> float:
    """Measure one core's rate of RSA-2048 verify and sign, one of each."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    body, done, begun = b"x" * 256, 0, time.perf_counter()
    while time.perf_counter() - begun < RSA_SECONDS:
        signature = key.sign(body, padding.PKCS1v15(), hashes.SHA256())
        key.public_key().verify(signature, body, padding.PKCS1v15(), hashes.SHA256())
        done += 1
    return done / (time.perf_counter() - begun)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


@contextmanager
def _world(folder: Path) -> Iterator[tuple[Path, str]]:
    """Write the demo's configuration and start three processes: the Single Window, the ministry, the hub."""
    hub_port = world.free_port()
    tokens, trader = world.prepare(folder)
    settings: dict[str, dict[str, Any]] = {
        "single_window": {
            "hub_url": f"http://127.0.0.1:{hub_port}",
            "endpoint": "vnsw",
            "token": tokens["vnsw"],
            # From files: what stands on a command line can be read by every user of the machine.
            "key_pem": f"@{world.secret(folder / 'keys' / 'trader.pem', trader.key_pem)}",
            "certificate_pem": f"@{world.secret(folder / 'keys' / 'trader.crt', trader.certificate_pem)}",
        },
        "ministry": {"endpoint": "bo_nnmt", "accepts": tokens["bo_nnmt"]},
    }
    processes: list[subprocess.Popen[bytes]] = []
    try:
        urls = {}
        for name, given in settings.items():
            with _on_cores(_cores()[1:]):
                process, urls[name] = _simulator(name, given)
            processes.append(process)
        addresses = dict.fromkeys(world.PARTNERS, "http://127.0.0.1:9")
        addresses |= {"bo_nnmt": urls["ministry"], "vnsw": urls["single_window"]}
        world.write_config(folder, hub_port, tokens, addresses, level="WARNING", concurrency=CONCURRENCY)
        with _on_cores(_cores()[:1]):
            processes.append(world.start_hub(folder))
        yield folder, urls["single_window"]
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(world.START_SECONDS)


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@contextmanager
def _on_cores(cores: list[int]) -> Iterator[None]:
    """Start processes on these cores; anywhere where none are given."""
    before = _cores()
    if not cores or len(before) < 2:
        yield
        return
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _simulator(name: str, given: dict[str, Any]) -> tuple[subprocess.Popen[bytes], str]:
    words = [word for key, value in given.items() for word in ("--set", f"{key}={value}")]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "hub.edge.cli", "simulate", name, "--json", *words], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    return process, str(json.loads(process.stdout.readline())["url"])


def _send(sender: str, seeds: range) -> None:
    wire = Wire()

    def some(first: int) -> None:
        given = {"document_type": DOCUMENT_TYPE, "seed": first, "count": min(BATCH, seeds.stop - first)}
        body = json.dumps({"verb": "applications", **given}).encode()
        reply = wire.call("POST", f"{sender}/_do", body=body, deadline_seconds=BATCH * 60)
        for sent in json.loads(reply.body):
            if sent["answer"]["function"] != "99":
                raise RuntimeError(f"the hub refused: {sent}")

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(some, range(seeds.start, seeds.stop, BATCH)))
    wire.close()


def _warm_up(folder: Path, sender: str) -> None:
    """Let every part load what it loads once."""
    _send(sender, range(1, 1 + WARM_UP))
    _wait(folder, WARM_UP)


def _wait(folder: Path, delivered: int) -> None:
    ledger = bootstrap.open_ledger(bootstrap.load_settings(folder))
    try:
        watch = Watch(ledger)
        watch.until(lambda: watch.states().get(State.DELIVERED.value, 0) >= delivered, f"{delivered} deliveries")
    finally:
        ledger.close()
