"""Tables of border documents: where each stands, what is used of it, what was said of it, and what an officer must look at.

Moments are seconds since 1970 UTC; days are texts like 2026-03-02; quantities are decimal texts, as they were certified.
No name of a person and no text of a partner stands here: only codes, numbers and digests. Contents are in the payload store.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Double, Index, Integer, Table, Text, text

from hub.ledger.tables import Counter, metadata

__all__ = ["border_documents", "border_events", "border_items", "border_marks", "border_named", "border_uses", "metadata"]


def _only(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


#: One row for each border document that anybody spoke of.
border_documents = Table(
    "border_documents",
    metadata,
    #: ``border:<document>:<issuing country>:<number>``, the subject of its messages.
    Column("key", Text, primary_key=True),
    #: ``phyto``, ``origin`` or ``declaration``.
    Column("document", Text, nullable=False),
    Column("issuing_country", Text, nullable=False),
    Column("importing_country", Text, nullable=False),
    Column("number", Text, nullable=False),
    #: Its number as it is compared with what dossiers name: capitals and digits alone.
    Column("number_key", Text, nullable=False),
    #: Issued by our own country.
    Column("outgoing", Boolean, nullable=False),
    #: The other country: the importing one of what is ours, the issuing one of what comes in.
    Column("partner", Text, nullable=False),
    #: Endpoint that issued it, or brought it from abroad; empty: only others have spoken of it yet.
    Column("origin", Text, nullable=False),
    #: Key of the dossier that it belongs to; empty: none that is known.
    Column("dossier", Text, nullable=False),
    #: Raised by everything that changes it; intake compares it (optimistic lock).
    Column("version", Integer, nullable=False),
    #: Digest of what is certified, by which a repeated document is told from another one; of the canonical message that has
    #: the content, in the payload store; and our number of that message. Empty: not known yet.
    Column("content_digest", Text, nullable=False),
    Column("canonical_digest", Text, nullable=False),
    Column("content_message", Text, nullable=False),
    Column("issued_on", Text, nullable=False),
    #: Axes (hub.rules.border.axes), each apart: the transport's, with the next one's own word;
    Column("technical", Text, nullable=False),
    Column("technical_code", Text, nullable=False),
    Column("technical_at", Double),
    #: the hop that it has come to, and when each hop was first told, JSON;
    Column("hop", Text, nullable=False),
    Column("hops", Text, nullable=False),
    #: the other side's answer;
    Column("result", Text, nullable=False),
    Column("result_at", Double),
    #: and the document itself: ``awaited``, ``in_force``, ``cancelled`` or ``superseded``.
    Column("standing", Text, nullable=False),
    Column("cancelled_at", Double),
    #: Numbers of the document that it takes the place of, and of the one that took its place.
    Column("supersedes", Text, nullable=False),
    Column("superseded_by", Text, nullable=False),
    #: The business axis in one word, by which lists are asked for; ``expired`` is told by ``expires_at``.
    Column("state", Text, nullable=False),
    #: When its importing side had it, as far as that is known.
    Column("available_at", Double),
    #: Clocks; NULL: none runs.
    Column("answer_due", Double),
    Column("hop_due", Double),
    Column("expires_at", Double),
    #: An officer took it although it was late.
    Column("late_accepted_at", Double),
    Column("first_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("last_message", Text, nullable=False),
    Index("border_by_time", "updated_at", "key"),
    Index("border_by_state", "state", "updated_at", "key"),
    Index("border_by_partner", "partner", "updated_at", "key"),
    Index("border_by_partner_state", "partner", "state", "updated_at", "key"),
    Index("border_by_document", "document", "updated_at", "key"),
    Index("border_by_document_state", "document", "state", "updated_at", "key"),
    Index("border_by_number", "number_key", "document"),
    Index("border_by_dossier", "dossier", **_only("dossier <> ''")),
    Index("border_answers_due", "answer_due", **_only("answer_due IS NOT NULL")),
    Index("border_hops_due", "hop_due", **_only("hop_due IS NOT NULL")),
    Index("border_expiries", "expires_at", **_only("expires_at IS NOT NULL")),
)

#: Lines of a document, and how much each certifies.
border_items = Table(
    "border_items",
    metadata,
    Column("key", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("hs_code", Text, nullable=False),
    #: JSON list of [quantity, unit], each certified by itself.
    Column("certified", Text, nullable=False),
)

#: What was said of one item with one import declaration; the newest word of each counts.
border_uses = Table(
    "border_uses",
    metadata,
    Column("key", Text, primary_key=True),
    #: Number of the import declaration; empty: the answer named none.
    Column("declaration", Text, primary_key=True),
    #: 0: the answer as a whole.
    Column("item", Integer, primary_key=True),
    Column("result", Text, nullable=False),
    Column("used", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("reason_code", Text, nullable=False),
    Column("declared_on", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("message_id", Text, nullable=False),
)

#: What was said of a document, in the order in which it was recorded.
border_events = Table(
    "border_events",
    metadata,
    Column("id", Counter, primary_key=True),
    Column("key", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    #: Who said it.
    Column("endpoint", Text, nullable=False),
    #: ``issued``, ``cancelled``, ``copy_asked``, ``copied``, ``answered``, ``tracked``; of people: ``decided``.
    Column("event", Text, nullable=False),
    #: In one word: a hop, a transport state, an answer, a decision.
    Column("detail", Text, nullable=False),
    #: ``applied``, ``late`` (it moved nothing), ``repeated``, ``differs`` (an incident), ``awaiting`` (its document).
    Column("effect", Text, nullable=False),
    #: When it happened, as its sender says, and when it was recorded.
    Column("at", Double, nullable=False),
    Column("recorded_at", Double, nullable=False),
    #: Digest of the canonical message in the payload store.
    Column("canonical_digest", Text, nullable=False),
    Index("border_events_by_key", "key", "id"),
    Index("border_events_by_message", "message_id"),
)

#: What an officer must look at; closed by a decision, opened again by the next cause.
border_marks = Table(
    "border_marks",
    metadata,
    Column("key", Text, primary_key=True),
    #: hub.rules.border.marks.Mark.
    Column("mark", Text, primary_key=True),
    Column("since", Double, nullable=False),
    Column("message_id", Text, nullable=False),
    #: An item, a declaration: what the mark is about, never a name.
    Column("detail", Text, nullable=False),
    Column("closed_at", Double),
    Column("closed_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index("border_marks_open", "mark", "since", "key", **_only("closed_at IS NULL")),
)

#: Numbers of border documents that dossiers name, whether the document is here or not.
border_named = Table(
    "border_named",
    metadata,
    Column("number_key", Text, primary_key=True),
    Column("document", Text, primary_key=True),
    Column("dossier", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Index("border_named_by_dossier", "dossier"),
)
