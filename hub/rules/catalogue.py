"""In what two records of one procedure differ, whose it is to mend, and what is then written (pure).

How a text is written is no difference: blanks, the two encodings of Vietnamese marks, and where a tone stands in a syllable
(hoà, hòa). What a holder does not say at all is one; what only the holder says is its own business and is left to it.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from hub.canonical.procedure import Procedure

#: Field of a difference: the holder lacks the whole procedure.
LACKS = "+"
#: It has the procedure, but its record cannot be read.
UNREADABLE = "?"
#: Attributes that are compared, in the order in which they are shown; then the details, by name.
FIELDS = ("name", "active", "level", "field_code", "field_name", "announcing_agency", "agencies")
#: What a record always says.
_ALWAYS = ("name", "active")
#: Numbers that each holder gives itself, and the days of a version, which no holder's record has.
NOT_COMPARED = frozenset({"ID", "IDQUYETDINHCONGBO", "NGAYHIEULUC", "NGAYHETHIEULUC"})
#: Sides that may be right, and what is not compared at all.
OWNER, PORTAL, PROVINCE, MINISTRY, NOBODY = "owner", "portal", "province", "ministry", "nobody"
#: Who must act.
BY_HOLDER, BY_OWNER = "holder", "owner"

_TONES = "\u0300\u0301\u0303\u0309\u0323"
_TONED = re.compile(r"(?:[^\W\d_][\u0300-\u036f]*)+")
_WITHOUT_TONES = str.maketrans("", "", _TONES)
_DAYS = ("%Y%m%d", "%Y%m%d%H%M%S", "%d/%m/%Y", "%Y-%m-%d")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Which side is right (table ``[catalogue]`` of hub.toml)."""

    #: The side that is right where a field says nothing else.
    right: str = OWNER
    fields: Mapping[str, str] = field(default_factory=dict)
    #: Holder -> the endpoint that it follows in place of the owners' catalogues.
    follows: Mapping[str, str] = field(default_factory=dict)
    #: Holders that need not have all: what they lack is no difference.
    partial: frozenset[str] = frozenset()
    #: The largest guidance or form file that is fetched.
    max_file_bytes: int = 20_000_000
    #: Every day from this time on, in Vietnamese time, holders are pulled; empty: only when somebody asks for it.
    pull_at: str = ""

    def who(self, field_name: str, kind: str) -> str:
        """Say who must act on a difference at a holder of this kind; empty: the field is not compared."""
        right = self.fields.get(field_name, self.right)
        if right == NOBODY:
            return ""
        return BY_OWNER if right == kind else BY_HOLDER


def kind_of(adapter: str) -> str:
    """Say which side a holder is, by its adapter."""
    if "portal" in adapter:
        return PORTAL
    return PROVINCE if adapter == "one_stop" else adapter


# --- texts -------------------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """Write a text in the one way in which texts are compared."""
    joined = " ".join(text.split())
    return joined if joined.isascii() else _TONED.sub(_tones_last, unicodedata.normalize("NFD", joined))


def _tones_last(found: re.Match[str]) -> str:
    word = found[0]
    tones = "".join(char for char in word if char in _TONES)
    return word.translate(_WITHOUT_TONES) + tones if tones else word


def plain_tree(value: Any) -> Any:
    """Write a tree so that trees are compared: texts plain, and without what is empty."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        parts = {name: plain_tree(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part not in ("", [], {}, None)}
    if isinstance(value, list | tuple):
        return [part for part in map(plain_tree, value) if part not in ("", [], {}, None)]
    return value


def plain_print(procedure: Procedure) -> str:
    """Name a procedure's content as it is compared; code, field code and level stand beside it, since holders map them."""
    details = {name: value for name, value in procedure.details.items() if name not in NOT_COMPARED}
    tree = {
        "name": procedure.name,
        "active": "1" if procedure.active else "",
        "field": procedure.field_name,
        "by": procedure.announcing_agency,
        "at": [[each.code, each.name] for each in procedure.agencies],
        "more": details,
    }
    text = json.dumps(plain_tree(tree), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


# --- differences -------------------------------------------------------------------------------------------------


def value_of(procedure: Procedure | None, name: str) -> Any:
    """Give the value of a field, as a tree of plain values."""
    if procedure is None:
        return ""
    if name == "agencies":
        return [{"MADONVI": each.code, "TENDONVI": each.name} for each in procedure.agencies]
    return getattr(procedure, name) if name in FIELDS else procedure.details.get(name, "")


def differing(mine: Procedure, theirs: Procedure) -> tuple[str, ...]:
    """Name the fields in which a holder's record is not what it should be; ``theirs`` in the codes of ``mine``.

    Of what ``mine`` leaves empty nothing is known. A level is compared only where both say one: the portal's record has none.
    What is out of use at both is not compared.
    """
    if not mine.active and not theirs.active:
        return ()
    names = [name for name in FIELDS if name in _ALWAYS or value_of(mine, name)]
    if theirs.level is None and "level" in names:
        names.remove("level")
    names += sorted(name for name in mine.details if name not in NOT_COMPARED)
    return tuple(name for name in names if not _same(mine, theirs, name))


def _same(mine: Procedure, theirs: Procedure, name: str) -> bool:
    # Nearly always to the letter; writing it plainly costs a hundred times as much.
    return bool(value_of(mine, name) == value_of(theirs, name)) or _said(mine, name) == _said(theirs, name)


def _said(procedure: Procedure, name: str) -> Any:
    found = plain_tree(value_of(procedure, name))
    return "" if found in ([], {}, None) else found


def merged(mine: Procedure, theirs: Procedure | None, kept: Iterable[str]) -> Procedure:
    """Give what is to be written at a holder: what it should say, with what only it says, and what it is right in (``kept``)."""
    if theirs is None:
        return mine
    own = {name: theirs.details.get(name) for name in (*NOT_COMPARED, *kept) if name in theirs.details}
    silent = [name for name in FIELDS if name not in _ALWAYS and not _said(mine, name)]
    values = {name: getattr(theirs, name) for name in (*kept, *silent) if name in FIELDS}
    said = {name: value for name, value in mine.details.items() if name not in NOT_COMPARED}
    return mine.model_copy(update={"code": theirs.code, "details": {**theirs.details, **said, **own}, **values})


# --- days --------------------------------------------------------------------------------------------------------


def days_of(procedure: Procedure, told: date) -> tuple[str, str]:
    """Say from which day a version holds and until before which; from the day on which it was told where it does not say."""
    return _day(procedure.details.get("NGAYHIEULUC")) or told.isoformat(), _day(procedure.details.get("NGAYHETHIEULUC"))


def _day(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    for form in _DAYS:
        try:
            return datetime.strptime(value.strip(), form).date().isoformat()
        except ValueError:
            continue
    return ""
