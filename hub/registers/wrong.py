"""What the checks of the ledger give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

#: Is told how many rows were read since it was told last.
Tick = Callable[[int], None]


def no_tick(_count: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One thing that is not as it was written."""

    #: ``journal``, ``seal``, ``pin``, ``payload`` or ``message``.
    kind: str
    name: str
    vi: str
    en: str
