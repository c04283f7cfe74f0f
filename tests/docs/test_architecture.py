"""The pictures of a delivery's and of a trade dossier's life in docs/architecture.md are drawn from their tables.

After a change of a table: ``python tests/docs/test_architecture.py`` draws them anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.canonical.codes import Stage
from hub.rules import trade_lifecycle as trade
from hub.rules.lifecycle import DELIVERY

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"


def drawn() -> str:
    """Draw the table as a Mermaid state diagram, events that lead the same way on one arrow."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> held", "    [*] --> pending"]
    for state, events in DELIVERY.items():
        arrows: dict[str, list[str]] = {}
        for event, target in events.items():
            arrows.setdefault(target.value, []).append(event)
        lines += [f"    {state.value} --> {target}: {', '.join(names)}" for target, names in arrows.items()]
        if not events:
            lines.append(f"    {state.value} --> [*]")
    return "\n".join([*lines, "```", ""])


def drawn_trade() -> str:
    """Draw the steps of a trade dossier; what is no step, and leaves every stage as it is, is told beside the picture."""
    lines = ["```mermaid", "stateDiagram-v2", '    state "the stage before the request" as before', "    [*] --> new"]
    for stage, events in trade.TRADE.items():
        arrows: dict[str, list[str]] = {}
        for event, target in events.items():
            if event not in trade.ANYWHERE | trade.WHILE_OPEN:
                arrows.setdefault(str(target), []).append(_when(stage, str(event)))
        lines += [f"    {stage.value} --> {target}: {', '.join(names)}" for target, names in arrows.items()]
        if stage in trade.ENDS:
            lines.append(f"    {stage.value} --> [*]")
    return "\n".join([*lines, "```", ""])


def _when(stage: Stage, event: str) -> str:
    """Say of the two stages that are before receipt as well as after it which of the two an event needs."""
    if stage not in (Stage.SUPPLEMENT_ASKED, Stage.SUPPLEMENT_WAITING):
        return event
    if event in trade.BEFORE_RECEIPT:
        return f"{event} (before receipt)"
    return f"{event} (after receipt)" if event in trade.AFTER_RECEIPT else event


#: What stands between which marks.
PICTURES = {"lifecycle": drawn, "trade": drawn_trade}


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_the_table(name: str) -> None:
    begin, end = _marks(name)

    assert PAGE.read_text(encoding="utf-8").split(begin)[1].split(end)[0] == PICTURES[name]()


def test_what_is_no_step_is_told_beside_the_picture() -> None:
    text = PAGE.read_text(encoding="utf-8").split("## Life of a trade dossier")[1].split("\n## ")[0]

    assert [event for event in (*trade.ANYWHERE, *trade.WHILE_OPEN) if f"`{event.value}`" not in text] == []


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    for named, draw in PICTURES.items():
        first, last = _marks(named)
        head, rest = text.split(first)
        text = head + first + draw() + last + rest.split(last)[1]
    PAGE.write_text(text, encoding="utf-8")
