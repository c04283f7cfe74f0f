"""Tables of those who work with the hub: people, plans that run, corrections, codes, alerts, …; the messages' own are in tables.py.

Times are seconds since 1970 UTC. Nothing on a message's way writes here but the search index (finding_keys).
"""

from __future__ import annotations

from hub.ledger.tables import metadata

__all__ = ["metadata"]
