"""What may be shown of a message without showing persons: codes, statuses and dates; everything else is hidden."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
#: Names of canonical fields whose values name no person. What is not here is hidden: a new field begins hidden.
SHOWN = frozenset(
    {
        "active", "announcing_agency", "answered_at", "at", "carried_over", "changed", "channel", "code", "collected",
        "complete", "component_code", "deleted", "digest", "digitised", "done", "done_late", "done_on_time", "due_after",
        "due_at", "due_before", "event", "field_code", "field_name", "finished_at", "from_national_store",
        "has_digitised_parts", "kind", "level", "message_id", "month", "numbering", "open_late", "open_on_time", "outcome",
        "owner", "paid_online", "received", "received_at", "recipient", "refused_at", "return_method", "returned_at",
        "reused", "sent_at", "size", "started_at", "asked_at", "issued_at", "status", "submitted_at", "submitted_on",
        "verified_by_vneid", "year",
    }
)  # fmt: skip
#: A ``name`` below one of these is an agency's, a procedure's or a fee's; elsewhere it is a person's or a file's.
NAMED = frozenset({"procedure", "procedures", "agency", "agencies", "fees"})
#: Mappings whose values are codes.
CODES = frozenset({"other_codes"})
#: Parts of a certificate's subject that name an organisation; CN, UID and serial numbers may name a person.
_ORGANISATION = re.compile(r"(?:^|,)((?:O|OU|C)=(?:\\.|[^,\\])*)")


def masked(value: Any, name: str = "", parent: str = "") -> Any:
    """Copy a canonical message's tree with everything hidden that may name a person; empty values stay."""
    if isinstance(value, Mapping):
        if name in CODES:
            return dict(value)
        return {key: masked(part, str(key), name) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [masked(part, name, parent) for part in value]
    shown = name in SHOWN or (name == "name" and parent in NAMED)
    return value if shown or value in ("", None) or isinstance(value, bool) else HIDDEN


def organisation(subject: str) -> str:
    """Give what a certificate's subject says of the organisation; the signer's own name stays hidden."""
    if not subject:
        return ""
    return ",".join((*_ORGANISATION.findall(subject), f"CN={HIDDEN}"))
