"""A notice to a sender: what became of a message it gave us."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from hub.canonical.base import Frozen


class NoticeMessage(Frozen):
    """A canonical message that tells a sender the fate of one of its messages at one recipient."""

    kind: Literal["notice"] = "notice"
    message_id: str
    dossier: str = ""
    recipient: str
    #: delivered, acknowledged, refused, in_doubt, abandoned.
    outcome: str
    code: str = ""
    vi: str = ""
    en: str = ""
    at: datetime
    #: Of the message that it is about, where that was about a dossier: the dossier's numbers, numbering -> number, and what the
    #: sender's own protocol needs to say of it again.
    numbers: dict[str, str] = Field(default_factory=dict)
    native: dict[str, str] = Field(default_factory=dict)

    @property
    def subject(self) -> str:
        return f"notices:{self.message_id}"
