"""The three date formats of one flow, as the portal writes them, in Vietnamese local time."""

from __future__ import annotations

import re
from datetime import datetime

from hub.canonical.base import local

#: Dates of birth and of identity papers, as other systems write them.
_SHAPES = (
    re.compile(r"(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})(?P<time>[0-9]{6})?"),
    re.compile(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})([T ].*)?"),
    re.compile(r"(?P<d>[0-9]{1,2})/(?P<m>[0-9]{1,2})/(?P<y>[0-9]{4})( .*)?"),
)


def with_blank(moment: datetime | None) -> str | None:
    """Write yyyy-MM-dd HH:mm:ss (dates of the dossier); None where there is none."""
    return None if moment is None else f"{local(moment):%Y-%m-%d %H:%M:%S}"


def with_milliseconds(moment: datetime | None) -> str | None:
    """Write yyyy-MM-ddTHH:mm:ss.fff (dates of rows); None where there is none."""
    return None if moment is None else local(moment).replace(tzinfo=None).isoformat(timespec="milliseconds")


def day_digits(text: str) -> str | None:
    """Write a day, as a form has it, as yyyyMMddHHmmss (dates of a person); None where it is no day."""
    for shape in _SHAPES:
        if found := shape.fullmatch(text.strip()):
            parts = found.groupdict()
            digits = f"{parts['y']}{int(parts['m']):02}{int(parts['d']):02}{parts.get('time') or '000000'}"
            return digits if _is_moment(digits) else None
    return None


def _is_moment(digits: str) -> bool:
    try:
        datetime.strptime(digits, "%Y%m%d%H%M%S")
    except ValueError:
        return False
    return True
