"""Where a page of a list ended: an opaque text, from which the next page goes on; never a number of rows to skip."""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from hub.errors import NotAllowed

#: Letters of a cursor at most.
_LONGEST = 2000


def written(*place: Any) -> str:
    """Write the place at which a page ended."""
    return base64.urlsafe_b64encode(json.dumps(place, ensure_ascii=False).encode()).decode().rstrip("=")


def read(cursor: str, *kinds: type) -> tuple[Any, ...] | None:
    """Read a place, whose parts are of these kinds; None for an empty cursor. Raises NotAllowed where it is none of ours."""
    if not cursor:
        return None
    try:
        octets = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        place = json.loads(octets) if len(cursor) <= _LONGEST else None
    except (binascii.Error, ValueError, RecursionError):
        place = None
    if not isinstance(place, list) or [type(each) for each in place] != list(kinds) or not all(map(_is_sound, place)):
        raise NotAllowed("this is no place in the list", "không phải vị trí trong danh sách", where="after")
    return tuple(place)


def _is_sound(part: Any) -> bool:
    """Say whether a database can be asked for it: text without NUL and halves of letters, a number that is one."""
    if isinstance(part, str):
        return "\0" not in part and part.isprintable()
    return not isinstance(part, float) or math.isfinite(part)


def after(place: tuple[Any, ...] | None, first: ColumnElement[Any], second: ColumnElement[Any]) -> ColumnElement[bool] | None:
    """Say, as a condition, what stands behind a place in ascending order; None for the beginning."""
    if place is None:
        return None
    return and_(first >= place[0], or_(first > place[0], second > place[1]))


def before(place: tuple[Any, ...] | None, first: ColumnElement[Any], second: ColumnElement[Any]) -> ColumnElement[bool] | None:
    """Say what stands behind a place in descending order; None for the beginning."""
    if place is None:
        return None
    return and_(first <= place[0], or_(first < place[0], second < place[1]))
