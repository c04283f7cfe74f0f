"""What all canonical values share: frozen, strict about names, Vietnamese local time when a zone is missing."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

#: Wire dates of every Vietnamese system seen carry no zone and mean this one.
VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


class Frozen(BaseModel):
    """A canonical value: cannot change, refuses unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def local(moment: datetime) -> datetime:
    """Give the moment in Vietnamese local time; a naive one is taken to be local already."""
    return moment.replace(tzinfo=VIETNAM) if moment.tzinfo is None else moment.astimezone(VIETNAM)
