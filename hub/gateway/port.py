"""The port of every gateway (Messaging Gateway): submit, find, list what came, fetch, mark as taken, ask what became of it.

Fetched is not taken: a message stays on the list until it was marked, and it is marked after the hub has stored it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from hub.canonical.gateway_word import GatewayWord
from hub.gateway_policy import GatewayPartner


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One document to be carried to a partner."""

    body: bytes = field(repr=False)
    #: Ours (``Outgoing.message_id``): what a gateway, or the hub after a doubt, knows a second submission by.
    message_id: str
    partner: GatewayPartner
    #: In the agreement's words.
    service: str
    action: str
    #: The action in the adapter's words.
    named: str
    conversation: str
    #: Identifier of the message that this one answers; empty: none.
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The gateway has it."""

    #: Its number there, by which it is asked later.
    number: str
    #: What was said on both sides, credentials masked.
    reply: bytes
    status: int = 200
    sent: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message that came and was not marked yet."""

    number: str
    #: What the list says of it beside the number: the same number with something else is another message.
    row: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A message that came, out of the gateway's wrapping."""

    number: str
    #: The document, and how many parts the message has (the document is the first).
    body: bytes = field(repr=False)
    parts: int = 1
    content_type: str = ""
    #: Whom the gateway authenticated as its sender, as the agreement names it.
    from_party: str
    from_type: str = ""
    to_party: str = ""
    to_type: str = ""
    service: str = ""
    action: str = ""
    conversation: str = ""
    about: str = ""
    #: What the gateway gave, exactly as it came.
    raw: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a gateway says about a submission that is in doubt."""

    #: ``found``, ``absent`` (surely not there) or ``unknown``.
    outcome: str
    number: str = ""
    reply: bytes = b""
    status: int = 200
    sent: bytes = b""


class Gateway(Protocol):
    """A driver: one product's backend port. Everything raises as ``Transport.send`` and ``Transport.ask`` do."""

    #: True: fetching a message takes it from the list, so its number must be kept before.
    fetching_marks: bool
    #: Who says that it may be called: an http address, or empty where it is a folder.
    address: str

    def submit(self, given: Submission, fence: Callable[[], None]) -> Submitted:
        """Give one document; what the gateway has already under this message id is not taken twice."""
        ...

    def find(self, given: Submission) -> Found:
        """Say whether the gateway has a submission about which there is a doubt."""
        ...

    def list_inbound(self) -> list[Waiting]:
        """List what came and was not marked; changes nothing."""
        ...

    def fetch(self, number: str) -> Fetched:
        """Fetch a message. Raises InvalidMessage where it can be read by nobody, Refused where there is none."""
        ...

    def mark_processed(self, number: str, *, taken: bool) -> None:
        """Mark a message that the hub has; ``taken`` False: it was refused. A second time does nothing."""
        ...

    def status(self, number: str) -> GatewayWord:
        """Say what became of what was submitted."""
        ...

    def probe(self) -> str:
        """Say in one line that it can be reached, by a call that changes nothing."""
        ...

    def close(self) -> None: ...
