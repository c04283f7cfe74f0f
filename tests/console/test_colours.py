"""Every pair of colours in which something is written can be read: WCAG 2.2 AA, computed from the style sheet itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.edge.console import rendering

SHEET = (rendering.STATIC / "console.css").read_text(encoding="utf-8")
#: What is written in which colour on which ground, and the contrast that it needs (1.4.3: 4.5; 1.4.11, no text: 3).
WRITTEN = [
    *((text, ground, 4.5) for text in ("text", "soft", "accent") for ground in ("page", "sheet", "sunk", "accent-sunk")),
    *((text, f"{text}-sunk", 4.5) for text in ("ok", "warn", "bad")),
    *((text, ground, 4.5) for text in ("ok", "warn", "bad") for ground in ("page", "sheet")),
    ("text", "ok-sunk", 4.5),
    ("text", "warn-sunk", 4.5),
    ("on-accent", "accent", 4.5),
    *((line, ground, 3.0) for line in ("edge", "plot", "plot-two", "accent") for ground in ("page", "sheet")),
]


def colours(text: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", text))


LIGHT = colours(SHEET.partition("@media")[0])
DARK = {**LIGHT, **colours(SHEET.partition("@media (prefers-color-scheme: dark)")[2].partition("\n}\n")[0])}


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_pair_can_be_read(scheme: dict[str, str]) -> None:
    low = [
        f"{text} on {ground}: {contrast(scheme[text], scheme[ground]):.2f}, needs {needed}"
        for text, ground, needed in WRITTEN
        if contrast(scheme[text], scheme[ground]) < needed
    ]

    assert low == []


def test_dark_has_every_colour_of_its_own() -> None:
    assert [name for name in LIGHT if LIGHT[name] == DARK[name]] == []


def test_colours_stand_only_at_the_top_and_in_print() -> None:
    """Else a pair could be written that no test computes."""
    body = SHEET.partition("\n* {")[2].partition("@media print")[0]

    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsl", body) == []


def test_the_sheet_stays_small_and_loads_nothing() -> None:
    assert len(SHEET.splitlines()) < 600
    assert "url(" not in SHEET
    assert "@import" not in SHEET


def test_what_is_not_ours_lies_beside_its_licence() -> None:
    foreign = [path for path in rendering.STATIC.iterdir() if path.suffix == ".js" and path.name != "console.js"]

    assert [path.name for path in foreign] == ["htmx.min.js"]
    assert "Zero-Clause BSD" in Path(rendering.STATIC / "htmx.LICENSE.txt").read_text(encoding="utf-8")
