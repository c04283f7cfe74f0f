"""What a partner holds of one dossier, as far as its look-up shows it: the other side of a reconciliation."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldDossier:
    """What a partner holds of one dossier, or was told of it; an empty field tells nothing."""

    #: The number under which the partner has it.
    code: str
    #: Name of who issued that number (``Dossier.numbering``).
    numbering: str = "national"
    #: A value of hub.canonical.codes.Status; a code of the partner's own that is none stands here as it is.
    status: str = ""
    procedure: str = ""
    agency: str = ""
    received_at: datetime | None = None
    due_at: datetime | None = None
    #: The partner says that it has no such dossier; all other fields but ``code`` and ``shown`` are empty.
    absent: bool = False
    #: The reply as it came: evidence.
    shown: bytes = field(default=b"", repr=False)
