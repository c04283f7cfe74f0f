"""All rooms of pages; a page of a later room never stands in the way of an earlier one's."""

from __future__ import annotations

from hub.edge.console import (
    pages_alerts,
    pages_campaigns,
    pages_codes,
    pages_dashboard,
    pages_doubts,
    pages_dry_runs,
    pages_edits,
    pages_failures,
    pages_find,
    pages_links,
    pages_mappings,
    pages_partners,
    pages_people,
    pages_procedures,
    pages_reconciliations,
    pages_replays,
    pages_statistics,
    pages_timeline,
    pages_verbs,
)

ROOMS = (
    pages_dashboard.room,
    pages_failures.room,
    pages_replays.room,
    pages_reconciliations.room,
    pages_doubts.room,
    pages_find.room,
    pages_timeline.room,
    pages_edits.room,
    pages_mappings.room,
    pages_procedures.room,
    pages_codes.room,
    pages_campaigns.room,
    pages_statistics.room,
    pages_dry_runs.room,
    pages_partners.room,
    pages_links.room,
    pages_alerts.room,
    pages_people.room,
    pages_verbs.room,
)
