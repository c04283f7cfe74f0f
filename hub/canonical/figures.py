"""An agency's own figures on its dossiers in a month (DongBoThongKeHoSo)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from hub.canonical.base import Frozen
from hub.canonical.party import Agency


class Figures(Frozen):
    """Numbers of dossiers; sums and shares follow from them, so that they can never contradict each other."""

    month: int = Field(ge=1, le=12)
    year: int = Field(ge=2000, le=2199)
    agency: Agency
    #: LoaiThongKe, as the portal and the agency agree on it.
    kind: str = ""
    received: int = Field(0, ge=0)
    carried_over: int = Field(0, ge=0)
    done_on_time: int = Field(0, ge=0)
    done_late: int = Field(0, ge=0)
    open_on_time: int = Field(0, ge=0)
    open_late: int = Field(0, ge=0)
    note: str = ""

    @property
    def done(self) -> int:
        return self.done_on_time + self.done_late

    @property
    def open(self) -> int:
        return self.open_on_time + self.open_late

    @property
    def total(self) -> int:
        return self.done + self.open


class StatisticsMessage(Frozen):
    """A canonical message with an agency's figures of a month."""

    kind: Literal["statistics"] = "statistics"
    figures: Figures
    native: dict[str, str] = Field(default_factory=dict)
    sent_at: datetime | None = None

    @property
    def subject(self) -> str:
        given = self.figures
        return f"statistics:{given.agency.code}:{given.year:04d}{given.month:02d}:{given.kind}"
