"""All acts, by the names of their verbs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.edge.acts import (
    looking,
    on_alerts,
    on_deliveries,
    on_dry_runs,
    on_edits,
    on_evidence,
    on_groups,
    on_mappings,
    on_partners,
    on_people,
    on_replays,
)
from hub.edge.acts.act import Act

#: Rooms with acts; each has ``ACTS``.
ROOMS = (
    looking,
    on_alerts,
    on_deliveries,
    on_dry_runs,
    on_edits,
    on_evidence,
    on_groups,
    on_mappings,
    on_partners,
    on_people,
    on_replays,
)
ACTS: Mapping[str, Act[Any]] = {act.verb: act for room in ROOMS for act in room.ACTS}
