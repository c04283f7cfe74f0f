"""What stands in a message's row, in one digest: the journal has it, so that a change of any of it shows."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from hub.canonical.compact_json import compact_octets
from hub.canonical.digests import digest_of

#: In this order for ever: a column that is added later belongs into another digest.
_TEXTS = (
    "id",
    "endpoint",
    "subject",
    "kind",
    "event",
    "procedure",
    "identity",
    "raw_digest",
    "signed_digest",
    "certificate_digest",
    "signature_digest",
    "canonical",
    "verdict",
    "error_code",
    "error_where",
    "faults",
    "warnings",
    "answer_status",
    "answer_type",
    "answer_headers",
    "answer_digest",
)
_texts_of = itemgetter(*_TEXTS)


def facts_octets(row: Mapping[str, Any]) -> bytes:
    """Write what is digested of a message's row: its fields as a JSON array, all but how often it was repeated."""
    return compact_octets([f"{row['received_at']:.6f}", bool(row["accepted"]), *_texts_of(row)])


def facts_of(row: Mapping[str, Any]) -> str:
    """Digest a message's row."""
    return digest_of(facts_octets(row))
