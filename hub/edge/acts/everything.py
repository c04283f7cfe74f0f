"""All acts, by the names of their verbs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.edge.acts import (
    looking,
    on_alerts,
    on_border,
    on_campaigns,
    on_codes,
    on_deliveries,
    on_dry_runs,
    on_edits,
    on_evidence,
    on_groups,
    on_links,
    on_mappings,
    on_partners,
    on_people,
    on_procedures,
    on_pulls,
    on_reconciliations,
    on_replays,
    on_statistics,
)
from hub.edge.acts.act import Act

#: Rooms with acts; each has ``ACTS``.
ROOMS = (
    looking,
    on_alerts,
    on_border,
    on_campaigns,
    on_codes,
    on_deliveries,
    on_dry_runs,
    on_edits,
    on_evidence,
    on_groups,
    on_links,
    on_mappings,
    on_partners,
    on_people,
    on_procedures,
    on_pulls,
    on_reconciliations,
    on_replays,
    on_statistics,
)
ACTS: Mapping[str, Act[Any]] = {act.verb: act for room in ROOMS for act in room.ACTS}
