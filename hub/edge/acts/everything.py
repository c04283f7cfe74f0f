"""All acts, by the names of their verbs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.edge.acts import on_deliveries
from hub.edge.acts.act import Act

#: Rooms with acts; each has ``ACTS``.
ROOMS = (on_deliveries,)
ACTS: Mapping[str, Act[Any]] = {act.verb: act for room in ROOMS for act in room.ACTS}
