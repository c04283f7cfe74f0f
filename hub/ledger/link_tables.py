"""Tables of the addresses at which partners fetch files: what each leads to, until when, and whether it was fetched.

Times are seconds since 1970 UTC. Nothing is written for a message without files, or a partner that is given no such addresses.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Index, Integer, Table, Text, text

from hub.ledger.tables import attachments, deliveries, metadata

__all__ = ["attachments", "deliveries", "file_links", "metadata"]

#: One address of one file for one delivery.
file_links = Table(
    "file_links",
    metadata,
    #: SHA-256 (hex) of the name in the address, which itself stands nowhere; also what an operator calls it by.
    Column("id", Text, primary_key=True),
    Column("delivery_id", Text, ForeignKey("deliveries.id"), nullable=False),
    #: The partner that is given it.
    Column("endpoint", Text, nullable=False),
    Column("subject", Text, nullable=False),
    #: Which file of the message, by its path there.
    Column("item", Text, nullable=False),
    #: SHA-256 (hex) of the address in the message.
    Column("source", Text, nullable=False),
    Column("digest", Text, ForeignKey("attachments.digest"), nullable=False),
    #: Ending of the file's name, one of hub.rules.file_links.KINDS; empty where it is another.
    Column("kind", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    #: It is good until then; one that was ended, until it was ended.
    Column("expires_at", Double, nullable=False),
    #: It can be fetched so often; 0 = as often as the partner wants.
    Column("most_fetches", Integer, nullable=False),
    #: Fetches that were begun, and those of them in which the whole file was sent.
    Column("fetches", Integer, nullable=False),
    Column("whole", Integer, nullable=False),
    Column("last_fetched_at", Double),
    Column("ended_at", Double),
    Column("ended_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index("file_links_by_delivery", "delivery_id"),
    Index("file_links_by_subject", "subject", "made_at"),
    Index("file_links_by_endpoint", "endpoint", "made_at"),
    Index(
        "file_links_not_fetched",
        "endpoint",
        "made_at",
        sqlite_where=text("whole = 0"),
        postgresql_where=text("whole = 0"),
    ),
    Index("file_links_by_digest", "digest"),
    Index("file_links_by_end", "expires_at"),
)

#: Deliveries that wait for a file: how often it was asked for in vain, and when last.
file_tries = Table(
    "file_tries",
    metadata,
    Column("delivery_id", Text, ForeignKey("deliveries.id"), primary_key=True),
    Column("tries", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Index("file_tries_by_time", "at"),
)

#: What the hub itself fetched for a dossier, so that a file is not fetched anew for each message about it.
fetched_files = Table(
    "fetched_files",
    metadata,
    Column("subject", Text, primary_key=True),
    #: SHA-256 (hex) of the address in the message.
    Column("source", Text, primary_key=True),
    Column("digest", Text, ForeignKey("attachments.digest"), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("fetched_at", Double, nullable=False),
    Index("fetched_files_by_time", "fetched_at"),
)
