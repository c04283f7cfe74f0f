"""Senders: each dossier's messages one after the other, each sent again with the same key until the hub has answered."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from hub.errors import HubError
from hub.wire import Wire
from tests.fire.town import SENDERS, sender, token
from tests.support.hub import document

THREADS = 10
CALL_SECONDS = 15.0
#: A sender that was not answered comes again after so long.
AGAIN_SECONDS = 0.3
#: Every so many messages a file is given, larger than a full disk takes.
EACH_WITH_FILE, FILE_BYTES = 10, 1_500_000
JSON = "application/json"


@dataclass
class Sent:
    """What the hub has accepted: sender, dossier and the numbers of its messages, in order."""

    numbers: dict[tuple[int, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    #: Files that the hub has taken: digest -> who gave it.
    files: dict[str, int] = field(default_factory=dict)
    #: Calls that had to be made again.
    repeats: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, who: int, dossier: str, number: int) -> None:
        with self.lock:
            self.numbers[who, dossier].append(number)

    @property
    def messages(self) -> int:
        return sum(len(numbers) for numbers in self.numbers.values())


def send_all(doors: Sequence[str], messages: int, dossiers: int, seed: int, told: Callable[[], None]) -> Sent:
    """Send so many messages of so many dossiers; returns when the hub has accepted all of them."""
    drawn, sent = random.Random(seed), Sent()
    work: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)
    for number in range(1, messages + 1):
        which = drawn.randrange(dossiers)
        work[1 + which % SENDERS, f"H01-{which}"].append((number, drawn.choice((0, 0, 1, 2))))
    wire = Wire()

    def one(item: tuple[tuple[int, str], list[tuple[int, int]]]) -> None:
        (who, dossier), numbers = item
        for number, steps in numbers:
            if number % EACH_WITH_FILE == 0:
                _give_file(wire, doors, who, random.Random(f"{seed}/{number}").randbytes(FILE_BYTES), sent)
            body = document(number, dossier, steps=steps)
            key = json.loads(body)["maThongDiep"]
            _call(wire, doors, f"/doors/{sender(who)}", who, body, {"Idempotency-Key": key, "Content-Type": JSON}, sent)
            sent.note(who, dossier, number)
            told()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, work.items()))
    wire.close()
    return sent


def _give_file(wire: Wire, doors: Sequence[str], who: int, body: bytes, sent: Sent) -> None:
    reply = _call(wire, doors, "/attachments", who, body, {"Content-Type": "application/octet-stream"}, sent)
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    assert digest.encode() in reply, reply
    with sent.lock:
        sent.files[digest] = who


def _call(
    wire: Wire, doors: Sequence[str], path: str, who: int, body: bytes, headers: Mapping[str, str], sent: Sent
) -> bytes:
    """Call one door after the other until one of them answers that it has taken the body; give its answer."""
    known = {"Authorization": f"Bearer {token(who)}", **headers}
    for door in itertools.chain.from_iterable(itertools.repeat(doors[who % 2 :] + doors[: who % 2])):
        try:
            reply = wire.call("POST", door + path, body=body, headers=known, deadline_seconds=CALL_SECONDS)
            if reply.status < 300:
                return reply.body
            assert reply.status in (429, 503, 507), (reply.status, reply.body)
        except HubError:
            pass
        with sent.lock:
            sent.repeats += 1
        threading.Event().wait(AGAIN_SECONDS)
    raise AssertionError("endless")
