"""The dossier (hồ sơ) and what happens to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from hub.canonical.base import Frozen
from hub.canonical.codes import Event, Stage, Status
from hub.canonical.document import Attachment, Fee, Paper, ResultDocument
from hub.canonical.party import Agency, Party


class ProcedureRef(Frozen):
    """The procedure a dossier is about, as the sender names it (codes may be local ones)."""

    code: str
    name: str = ""
    field_code: str = ""
    field_name: str = ""


class Step(Frozen):
    """One step of processing: who did what, when, and the status it led to (a progress row)."""

    status: Status
    actor: str = ""
    title: str = ""
    unit: str = ""
    note: str = ""
    at: datetime
    started_at: datetime | None = None
    due_at: datetime | None = None


class Supplement(Frozen):
    """One round of supplements (DanhSachHoSoBoSung)."""

    id: str = ""
    asked_by: str = ""
    content: str = ""
    asked_at: datetime | None = None
    received_by: str = ""
    received_note: str = ""
    received_at: datetime | None = None
    done: bool = False
    attachments: tuple[Attachment, ...] = ()
    fees: tuple[Fee, ...] = ()
    due_before: datetime | None = None
    due_after: datetime | None = None


class Licence(Frozen):
    """A decision document: number, date, who signed it."""

    number: str = ""
    issued_at: datetime | None = None
    signer: str = ""
    signer_position: str = ""
    link: str = ""


class Dossier(Frozen):
    """A dossier as the hub holds it between any two systems."""

    #: Number in the system that runs the dossier; opaque.
    code: str
    #: ``national`` for one-stop, ministry and portal numbers (one numbering scheme), ``vnsw`` for the Single Window's.
    numbering: str = "national"
    #: Other numbers of the same dossier, e.g. {"national_portal": "..."} for one born there.
    other_codes: dict[str, str] = Field(default_factory=dict)
    procedure: ProcedureRef
    status: Status = Status.REGISTERED
    applicant: Party = Party()
    agency: Agency = Agency()
    #: KenhThucHien: 1 in person, 2 online, 3 by post.
    channel: str = ""
    #: HinhThuc: 0 at the one-stop desk, 1 by post.
    return_method: str = ""
    summary: str = ""
    note: str = ""
    receipt_number: str = ""
    other_information: str = ""
    return_note: str = ""
    #: NoiNopHoSo, inferred: 1 on the national portal, 2 on the agency's own system.
    submitted_on: str = ""
    has_digitised_parts: bool = False
    verified_by_vneid: bool = False
    #: DuocThanhToanTrucTuyen: 0 none, 1 on the national platform, 2 by the agency's gateway.
    paid_online: str = ""
    submitted_at: datetime | None = None
    received_at: datetime | None = None
    due_at: datetime | None = None
    finished_at: datetime | None = None
    returned_at: datetime | None = None
    refused_at: datetime | None = None
    national_databases: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    papers: tuple[Paper, ...] = ()
    fees: tuple[Fee, ...] = ()
    supplements: tuple[Supplement, ...] = ()
    results: tuple[ResultDocument, ...] = ()
    #: The procedure's own form, as a tree of names, lists and texts (e-form, or content of a trade document).
    form: dict[str, Any] = Field(default_factory=dict)

    @property
    def key(self) -> str:
        """The dossier's name inside the hub: its numbering and number."""
        return f"{self.numbering}:{self.code}"


#: In ``native``: progress rows came without their dossier's record, of which only the number is said; intake fills it in.
ROWS_ALONE = "rows_alone"


class DossierMessage(Frozen):
    """A canonical message about one dossier: what happened, and the dossier as the sender sees it now."""

    kind: Literal["dossier"] = "dossier"
    event: Event
    dossier: Dossier
    #: Progress rows that came with it, in the sender's order.
    steps: tuple[Step, ...] = ()
    licence: Licence | None = None
    #: What the sender's protocol said and a later answer needs (documentType, type, function, year ...).
    native: dict[str, str] = Field(default_factory=dict)
    sent_at: datetime | None = None
    #: Stages of a trade dossier in which its procedure allows this message; empty: as the table of all procedures says.
    from_stages: tuple[Stage, ...] = ()
    #: So many hours after it its business answer is due; 0: not known.
    answer_within_hours: float = 0.0

    @property
    def subject(self) -> str:
        return self.dossier.key
