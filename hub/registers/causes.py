"""Causes of failures, and groups of what stands still for the same one: frozen values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

#: Identifiers shown of each group.
SAMPLES = 3
#: What came in the last of these seconds makes a group grow; where nothing came in the others, it is quiet.
GROWING_SECONDS, QUIET_SECONDS, DAY_SECONDS = 900.0, 3600.0, 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What the failures of one group have in common."""

    #: ``parked``, ``in_doubt``, ``delivered`` (and not acknowledged) or ``refused`` (at a door).
    state: str
    error_code: str
    endpoint: str
    partner_code: str = ""
    #: ``dossier/submitted`` (kind and event), or the procedure where groups were asked for by procedure.
    what: str = ""
    #: Code list, field, service, …; never a partner's address.
    error_where: str = ""
    #: Of a refusal: code of the first thing that was wrong there; empty where the error's own code says it.
    fault: str = ""

    @property
    def group(self) -> str:
        """Name the group: the same cause has the same name tomorrow and on another machine."""
        fields = [self.state, self.error_code, self.endpoint, self.partner_code, self.what, self.error_where]
        if self.fault:
            fields.append(self.fault)
        return hashlib.sha256(json.dumps(fields, ensure_ascii=False).encode()).hexdigest()[:10]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Failures of one cause."""

    cause: Cause
    count: int
    first_at: float
    last_at: float
    #: Of these, how many came in the last quarter of an hour, hour and day.
    new_15m: int = 0
    new_1h: int = 0
    new_24h: int = 0
    #: Deliveries that wait behind them in the same chains.
    followers: int = 0
    #: How many procedures are concerned.
    procedures: int = 0
    error_en: str = ""
    error_vi: str = ""
    samples: tuple[str, ...] = ()
    #: Who takes care of it, and since when; empty: nobody.
    taken_by: str = ""
    taken_at: float | None = None
    #: How many notes people wrote about it.
    notes: int = 0
    #: The group's name, and ``growing``, ``steady`` or ``quiet``: both follow from the others.
    name: str = field(init=False)
    trend: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.cause.group)
        object.__setattr__(self, "trend", "growing" if self.new_15m else "steady" if self.new_1h else "quiet")


@dataclass(slots=True)
class Collected:
    """What is known of one group while rows are read."""

    #: Since when each of its members stands, and its identifier.
    oldest: list[tuple[float, str]] = field(default_factory=list)
    followers: int = 0
    procedures: set[str] = field(default_factory=set)

    def group(self, cause: Cause, now: float, samples: Sequence[tuple[float, str]], vi: str, en: str) -> Group:
        """Make the group; what it says in words is that of one of its members."""
        moments = [at for at, _ in self.oldest]
        new_15m, new_1h, new_24h = (
            sum(at >= now - seconds for at in moments) for seconds in (GROWING_SECONDS, QUIET_SECONDS, DAY_SECONDS)
        )
        return Group(
            cause=cause,
            count=len(moments),
            first_at=min(moments),
            last_at=max(moments),
            new_15m=new_15m,
            new_1h=new_1h,
            new_24h=new_24h,
            followers=self.followers,
            procedures=len(self.procedures - {""}),
            error_vi=vi,
            error_en=en,
            samples=tuple(sample for _, sample in samples),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Everything that stands still."""

    parked: tuple[Group, ...]
    #: Apart: the partner may have these; they are asked about or settled, never simply sent again.
    in_doubt: tuple[Group, ...]
    #: The partner has these, and their chains wait for its acknowledgement, which is a message of its own.
    unacknowledged: tuple[Group, ...] = field(default=())
    refused: tuple[Group, ...] = field(default=())
