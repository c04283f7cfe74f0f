"""Which month's reports are due by themselves (table ``[statistics]`` of hub.toml)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.rules.statistics.periods import months_before


@dataclass(frozen=True, slots=True, kw_only=True)
class Monthly:
    """From which day and time of a month the reports of the month before are due."""

    #: 0: nobody makes reports but people.
    day: int = 0
    #: In Vietnamese time, ``03:00``.
    at: str = "03:00"

    def due(self, now: datetime) -> str:
        """Name the month whose reports are due; empty: none are. ``now`` is Vietnamese time.

        A process that was away on that day makes them later in the month.
        """
        if not self.day or (now.day, f"{now:%H:%M}") < (self.day, self.at):
            return ""
        return months_before(f"{now:%Y-%m}", 2)[0]
