"""Reads the documentation as the tests see it: pages, their headings, what stands under each, and their code blocks."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(.*)\n((?s:.*?))^```$", re.MULTILINE)
_HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Section:
    """A heading and the text until the next heading of any level."""

    level: int
    title: str
    text: str

    @property
    def names(self) -> tuple[str, ...]:
        """What stands between backticks in the heading."""
        return tuple(_CODE.findall(self.title))


@dataclass(frozen=True)
class Block:
    """A fenced block: what follows the three ticks, and the lines."""

    head: str
    text: str


def page(name: str) -> str:
    """Read a page by its path from the project's root."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str = "") -> tuple[Block, ...]:
    """List the fenced blocks of a page, of one language where it is given."""
    found = (Block(head.strip(), text) for head, text in _FENCE.findall(page(name)))
    return tuple(block for block in found if not language or block.head.split(" ")[0] == language)


def sections(name: str) -> tuple[Section, ...]:
    """List the headings of a page with their texts; a ``#`` inside a code block is none."""
    text = page(name)
    bare = _FENCE.sub(lambda block: re.sub(r"(?m)^#", " ", block[0]), text)
    found = list(_HEADING.finditer(bare))
    ends = [heading.start() for heading in found[1:]] + [len(text)]
    return tuple(
        Section(len(heading[1]), heading[2].strip(), text[heading.end() : end]) for heading, end in zip(found, ends, strict=True)
    )


def below(name: str, title: str) -> tuple[Section, ...]:
    """List the sections below one heading, until the next of its level or above."""
    listed = sections(name)
    start = next(number for number, each in enumerate(listed) if each.title == title)
    level = listed[start].level
    found = []
    for each in listed[start + 1 :]:
        if each.level <= level:
            break
        found.append(each)
    return tuple(found)


def named(found: tuple[Section, ...]) -> list[str]:
    """List the names in the headings of sections."""
    return [name for section in found for name in section.names]


def every_module() -> Iterator[ModuleType]:
    """Import every module of the hub and of the adapters."""
    for package in ("hub", "adapters"):
        root = importlib.import_module(package)
        for found in pkgutil.walk_packages(root.__path__, f"{package}."):
            # Programs, and what only Alembic runs, in a setting of its own.
            if not found.name.endswith(("__main__", "migrations.env")):
                yield importlib.import_module(found.name)
