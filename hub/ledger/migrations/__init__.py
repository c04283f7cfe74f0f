"""Revisions of the ledger's tables (Alembic), from the first version on; ``hub.ledger.schema`` carries them out.

A revision runs while processes of the version before are at work: what it may do stands in docs/architecture.md, and
``hub.ledger.migrations.online`` has the words for it.
"""

#: The last revision of this program.
HEAD = "0019"
