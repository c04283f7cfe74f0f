"""What this hub does with border documents: ``[border]`` in hub.toml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from hub.rules.retention import BORDER_DAYS


class BorderPolicy(BaseModel):
    """``[border]``"""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: This hub's own country (ISO 3166-1 alpha-2): what it issues goes out, everything else comes in.
    country: str = Field("VN", pattern="^[A-Z]{2}$")
    #: An importing country has so many days for its answer about a Form D (OCP Rule 30), from when it has the document.
    answer_days: int = Field(60, ge=1, le=366)
    #: A Form D is good for so many months from its issue (OCP Rule 14).
    validity_months: int = Field(12, ge=1, le=60)
    #: Nothing heard of a sent document for so many hours, not even that the next hop has it: an alert.
    hop_hours: float = Field(24.0, gt=0, le=8784)
    #: So many days before a clock ends it is an alert.
    warn_days: int = Field(7, ge=1, le=60)
    #: Bytes of border documents (as received, as read, as sent, replies) are kept for so many days at least, whatever
    #: ``[retention]`` says: three years by OCP Rule 31.
    retention_days: int = Field(BORDER_DAYS, ge=BORDER_DAYS)
    #: An importing country's answer about a document of a Single Window dossier is told to the Single Window, too, as a report on
    #: the dossier; assumed: nobody has published such a message.
    tell_dossier: bool = False
