"""How many calls a rate per minute allows at a moment (token bucket, kept as the one moment up to which it is used up).

In no minute, whichever second it begins, are there more calls than the rate. A small part of a minute's calls may go at
once, so that a dispatcher which looks four times a second reaches a high rate.
"""

from __future__ import annotations

MINUTE_SECONDS = 60.0
#: One call more at once for so many calls a minute.
AT_ONCE_PART = 30
#: Seconds since 1970 as a double are exact to a quarter of a microsecond; a call is not put off for that.
_ROUNDING = 1e-4


def allowed(used_until: float, now: float, per_minute: int) -> int:
    """Say how many calls may go now; ``used_until`` is what ``after`` gave last, 0 where nothing has gone yet."""
    used = _started(used_until, now, per_minute) - now
    return int(_at_once(per_minute) - used / _step(per_minute) + _ROUNDING)


def after(used_until: float, now: float, per_minute: int, calls: int) -> float:
    """Give the moment up to which the rate is used up when so many calls go now."""
    return _started(used_until, now, per_minute) + calls * _step(per_minute)


def _started(used_until: float, now: float, per_minute: int) -> float:
    # Never further ahead than one rate can have come: the clock was set back, or the rate was raised.
    return min(max(used_until, now), now + _at_once(per_minute) * _step(per_minute))


def _at_once(per_minute: int) -> int:
    return 1 + per_minute // AT_ONCE_PART


def _step(per_minute: int) -> float:
    """Give the seconds between two calls, so that those at once and those that follow them are a minute's calls together."""
    return MINUTE_SECONDS / (per_minute - _at_once(per_minute) + 1)
