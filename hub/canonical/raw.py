"""A call whose shape nobody has published: passed on as it came, to whom a rule says."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from hub.canonical.base import Frozen


class RawMessage(Frozen):
    """A canonical message that only its sender and its recipient can read."""

    kind: Literal["raw"] = "raw"
    #: The partner's own name of the service.
    service: str
    #: Tells this call from others of the same service.
    id: str
    #: The call's own fields, as a JSON text.
    body: str
    native: dict[str, str] = Field(default_factory=dict)
    sent_at: datetime | None = None

    @property
    def subject(self) -> str:
        return f"raw:{self.service}:{self.id}"
