"""Ways that dossiers go: who says what, in order; both generations, from the procedures' own tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["gateway", "ministry"]


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a dossier."""

    side: Side
    type: str
    function: str

    @property
    def service(self) -> str:
        return f"{self.type}/{self.function}"


@dataclass(frozen=True, slots=True)
class Way:
    """What is said of one dossier; a tuple in it is said in one go, without waiting for the other side."""

    document_type: str
    turns: tuple[tuple[Said, ...], ...]

    @property
    def said(self) -> tuple[Said, ...]:
        return tuple(each for turn in self.turns for each in turn)


def _way(document_type: str, text: str) -> Way:
    """Read ``>10/01 <11/07 | >10/03``: > to the ministry, < to the Single Window, a bar between turns."""
    sides: dict[str, Side] = {">": "gateway", "<": "ministry"}
    turns = [
        tuple(Said(sides[word[0]], *word[1:].split("/", 1)) for word in turn.split())
        for turn in text.split("|")  # type: ignore[misc]
    ]
    return Way(document_type, tuple(turns))


#: Second generation: supplements, edits agreed and refused, withdrawals before and after receipt, fees, licences amended.
SECOND = (
    _way("BNNPTNT0600009", ">10/01 | <11/07 | >10/03 | <11/05 | >15/11 | <16/12 | <18/15"),
    _way("BNNPTNT0600009", ">10/01 >10/02 | >12/04"),
    _way("BNNPTNT0600009", ">10/01 | <11/05 | >13/08 | <14/10 | <18/15 <18/17"),
    _way("BNN&PTNT0300002", ">10/01 | <13/07 <18/14 | >19/15 | <22/19 | >23/20 | <21/18 | >24/22 | <21/24"),
    _way("BNN&PTNT0300002", ">10/01 | <12/06 | >10/03 | <12/05"),
    _way("BTNMT0600001", ">10/01 | <11/05 | <17/14"),
    _way("BTNMT0600002", ">10/01 | >15/03"),
)
#: First generation: ships come in, declarations follow in one go, the permit goes back.
FIRST = (
    _way("1", ">30/01 | <99/21 | >50/01 >51/01 >54/01 | <70/01 <61/01"),
    _way("2", ">31/01 >31/02 | <99/21 | >50/01 | <60/01"),
    _way("4", ">30/01 | <30/25 | >30/05 | <99/21 | >50/01 | <70/01 | <99/23"),
    _way("14", ">50/01 | <99/22"),
)
