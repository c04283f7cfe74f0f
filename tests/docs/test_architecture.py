"""The picture of a delivery's life in docs/architecture.md is drawn from the table.

After a change of the table: ``python tests/docs/test_architecture.py`` draws it anew.
"""

from __future__ import annotations

from pathlib import Path

from hub.rules.lifecycle import DELIVERY

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
BEGIN, END = "<!-- lifecycle:begin -->\n", "<!-- lifecycle:end -->"


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


def test_the_picture_is_the_table() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert page.split(BEGIN)[1].split(END)[0] == drawn()


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    PAGE.write_text(head + BEGIN + drawn() + END + rest.split(END)[1], encoding="utf-8")
