"""The procedure (thủ tục hành chính) and a catalogue of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from hub.canonical.base import Frozen
from hub.canonical.party import Agency


class Procedure(Frozen):
    """One procedure, in the fields that two holders can compare."""

    code: str
    name: str
    #: 1 public; else not (TRANGTHAI).
    active: bool = True
    #: Service level: 1-4 before 2022; 3 then reads "một phần", 4 "toàn trình". Not in the portal's record.
    level: int | None = None
    field_code: str = ""
    field_name: str = ""
    announcing_agency: str = ""
    agencies: tuple[Agency, ...] = ()
    #: Everything else of the portal's record (LayThuTuc), by its own upper-case names, kept as given.
    details: dict[str, Any] = Field(default_factory=dict)


class CatalogueMessage(Frozen):
    """A canonical message that says: these are one agency's procedures now."""

    kind: Literal["catalogue"] = "catalogue"
    #: Agency code of the owner, e.g. G10.
    owner: str
    procedures: tuple[Procedure, ...]
    #: True: the whole list, what is absent is no longer in use. False: only these changed.
    complete: bool = True
    sent_at: datetime | None = None
    native: dict[str, str] = Field(default_factory=dict)

    @property
    def subject(self) -> str:
        return f"catalogue:{self.owner}"


class ProcedureMessage(Frozen):
    """A canonical message about one procedure, for one holder: write this record."""

    kind: Literal["procedure"] = "procedure"
    owner: str
    procedure: Procedure
    #: Names of the fields that differ from what the holder had; empty where it had none.
    changed: tuple[str, ...] = ()
    native: dict[str, str] = Field(default_factory=dict)

    @property
    def subject(self) -> str:
        return f"procedure:{self.procedure.code}"
