"""What a gateway says about a message that it carries for us, in the same words whichever gateway it is."""

from __future__ import annotations

from datetime import datetime

from hub.canonical.base import Frozen
from hub.canonical.border.message import TechnicalState


class GatewayWord(Frozen):
    """One gateway's word on one message."""

    #: Its number at the gateway, and ours (``Outgoing.message_id``).
    number: str
    message_id: str
    #: The gateway's own state, exact, and what it means.
    code: str
    technical: TechnicalState
    #: True: it will not change any more.
    final: bool
    text: str = ""
    at: datetime | None = None
