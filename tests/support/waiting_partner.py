"""A partner that holds things for us until it has our word, and says later what became of what it was given.

Everything it knows lies in files of a folder, so that a process which is killed finds it as it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from hub.app import Hub
from hub.contract import FOLLOWED_MESSAGE, Followed, Incoming, Listed, Opened, Outgoing, Owed, Page, Reply, Request
from hub.errors import HubError, NotSent, Refused
from tests.support import hub as support

HELD = "held"
#: A document with this in it lets the adapter fail: our own failure, a bug.
BUG = "bug-of-ours"


class WaitingPartner:
    """The partner, and the transport to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("held", "states"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        #: What its next calls fail with, by the name of the call.
        self.failing: dict[str, list[Exception]] = {}

    # --- what it does

    def hold(self, number: str, body: bytes) -> None:
        """Hold something for us."""
        (self._folder / "held" / number).write_bytes(body)

    def says(self, number: str, state: str, *, final: bool = False, refused: bool = False) -> None:
        """Say from now on that this became of what it was given."""
        told = {"state": state, "final": final, "refused": refused}
        (self._folder / "states" / number).write_text(json.dumps(told))

    @property
    def holds(self) -> list[str]:
        """What it waits for our word on."""
        return sorted(each.name for each in (self._folder / "held").iterdir())

    @property
    def heard(self) -> list[tuple[str, str, str]]:
        """Our words, as they came: number, kind, text."""
        return [tuple(each) for each in self._account("heard")]

    @property
    def asked(self) -> list[str]:
        """Numbers that it was asked about."""
        return self._account("asked")

    @property
    def given(self) -> list[str]:
        """Numbers that it gave to what we sent."""
        return self._account("given")

    def _account(self, name: str) -> list[Any]:
        path = self._folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def _note(self, name: str, entry: Any) -> None:
        with (self._folder / name).open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def _fail(self, call: str) -> None:
        if self.failing.get(call):
            raise self.failing[call].pop(0)

    # --- as a transport

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        fence()
        self._fail("send")
        number = f"B{len(self.given) + 1}"
        self._note("given", number)
        return Reply(status=202, body=number.encode(), sent=outgoing.body, handed_over=True, follow=number)

    def ask(self, outgoing: Outgoing, subject: Any) -> Reply:
        number = f"B{len(self.given) + 1}"
        self._note("given", number)
        return Reply(status=200, body=b"", known="found", follow=number)

    def pull(self, name: str, cursor: str, now: datetime) -> Page:
        self._fail("pull")
        return Page(items=tuple(self._listed(number) for number in self.holds), cursor="")

    def _listed(self, number: str) -> Listed:
        body = (self._folder / "held" / number).read_bytes()
        key = f"{HELD}/{number}"
        request = Request(endpoint=support.PARTNER, body=body, content_type="application/json", idempotency_key=key, owed=number)
        return Listed(request=request, page=b"list")

    def fetch(self, file: str, give: Callable[[bytes], None]) -> None:
        raise Refused("no files here", "không có tệp")

    def joined(self, listed: Listed, addresses: Any) -> Request:
        self._fail(f"joined {listed.request.owed}")
        return replace(listed.request, page=b"whole message")

    def acknowledge(self, owed: Owed) -> None:
        self._fail("acknowledge")
        if owed.number not in self.holds:
            raise Refused("no such thing waits", "không có mục này", partner_code="404")
        self._note("heard", [owed.number, owed.kind, owed.text])
        (self._folder / "held" / owed.number).unlink()

    def follow(self, number: str) -> Followed:
        self._note("asked", number)
        self._fail("follow")
        told = json.loads((self._folder / "states" / number).read_text())
        state = told["state"]
        body = support.document(1, f"H01-{number}", identity=f"{number}/{state}", cuoi=told["final"], tuChoi=told["refused"])
        request = Request(endpoint=support.PARTNER, body=body, content_type="application/json")
        return Followed(state=state, final=told["final"], request=request)

    def probe(self) -> str:
        return "there"

    def close(self) -> None:
        pass


def with_partner(hub: Hub, partner: WaitingPartner) -> Hub:
    """Put the partner where the hub's partner is, and let its later words close deliveries."""
    template = hub.adapters["template"]

    def open_request(request: Request, options: Any) -> Opened:
        opened = template.open_request(request, options)
        return replace(opened, head={FOLLOWED_MESSAGE: request.headers.get(FOLLOWED_MESSAGE, "")})

    def read_message(document: bytes, opened: Opened, options: Any) -> Incoming:
        if BUG.encode() in document:
            raise ZeroDivisionError(BUG)
        incoming = template.read_message(document, opened, options)
        tree = json.loads(document)
        message = opened.head[FOLLOWED_MESSAGE]
        return replace(incoming, correlation=message, correlation_refused=tree["tuChoi"]) if tree.get("cuoi") else incoming

    adapter = replace(template, open_request=open_request, read_message=read_message)
    return replace(hub, adapters={**hub.adapters, "template": adapter}, transports=lambda endpoint: partner)


def away() -> HubError:
    """Make the failure of a partner that cannot be reached."""
    return NotSent("away", "không kết nối được")
