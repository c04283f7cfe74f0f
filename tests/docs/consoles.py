"""Runs the ``console`` blocks of a page as a reader would, and compares what comes out with what the page shows.

What differs from one machine and day to the next is not compared: moments, seconds, addresses, digests, tokens. An identifier
may differ, but must be the same wherever the page shows the same. ``…`` stands for anything; alone on a line, for any number of
lines.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from typer.testing import CliRunner

from hub.edge.cli import app
from tests.docs import pages

_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\d\d/\d\d/\d{4} \d\d:\d\d:\d\d"), "<moment>"),
    (re.compile(r"\b20\d{12}\b"), "<moment>"),
    (re.compile(r"\b\d+(?:\.\d+)? s\b"), "<seconds>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<address>"),
    (re.compile(r"sha256:[0-9a-f]+"), "<digest>"),
    (re.compile(r"(?<![\w-])[\w-]{43}(?![\w-])"), "<token>"),
    (re.compile(r"─+"), "─"),
    (re.compile(r"\s+"), " "),
)
_IDENTIFIER = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{16}\b|\b[0-9a-f]{10}\b|\b[0-9a-f]{8}\b")
ANYTHING = "…"
_CUT = re.compile(rf"(?:\\ )?{ANYTHING}(?:\\ )?")


@dataclass(frozen=True)
class Step:
    """One command of a page, and what the page shows below it."""

    command: str
    shown: tuple[str, ...]


def steps(page: str) -> tuple[Step, ...]:
    """List the commands of a page: lines that begin with ``$``, in blocks named ``console``."""
    found: list[Step] = []
    for block in pages.blocks(page, "console"):
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, shown = part.replace("\\\n", " ").partition("\n")
            found.append(step(command, shown))
    return tuple(found)


def step(command: str, shown: str) -> Step:
    """Make a step of a command and the text that a page shows below it."""
    return Step(command.strip(), tuple(line for line in map(varied, shown.splitlines()) if line))


def varied(line: str) -> str:
    """Replace what varies, and lay out a line with single blanks."""
    for pattern, name in _VARYING:
        line = pattern.sub(name, line)
    return line.strip()


@dataclass
class Reader:
    """Follows a page, and remembers which identifier here is which one there."""

    #: Programs that are run here and not by the shell: name -> what takes the words after it and gives the output.
    programs: Mapping[str, Callable[[list[str]], str]]
    folder: Path
    known: dict[str, str] = field(default_factory=dict)

    def follow(self, step: Step) -> None:
        """Carry out a command, and compare."""
        command = _IDENTIFIER.sub(lambda found: self.known.get(found[0], found[0]), step.command)
        actual = [line for line in map(varied, self._output(command).splitlines()) if line]
        try:
            self._compare(list(step.shown), actual)
        except AssertionError as error:
            told = "\n".join(actual)
            raise AssertionError(f"$ {step.command}\n{error}\n--- what came out:\n{told}") from None

    def _output(self, command: str) -> str:
        name, _, rest = command.partition(" ")
        if name in self.programs:
            return self.programs[name](shlex.split(rest))
        done = subprocess.run(["/bin/bash", "-c", command], cwd=self.folder, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def _compare(self, shown: list[str], actual: list[str]) -> None:
        place = 0
        skipping = False
        for line in shown:
            if line == ANYTHING:
                skipping = True
                continue
            while place < len(actual) and skipping and not self._same(line, actual[place]):
                place += 1
            assert place < len(actual), f"nothing is left for: {line}"
            assert self._same(line, actual[place]), f"shown:  {line}\nactual: {actual[place]}"
            place, skipping = place + 1, False
        assert skipping or place == len(actual), f"not shown: {actual[place]}"

    def _same(self, line: str, actual: str) -> bool:
        pieces = _IDENTIFIER.split(line)
        names = _IDENTIFIER.findall(line)
        pattern = rf"({_IDENTIFIER.pattern})".join(_CUT.sub(".*", re.escape(piece)) for piece in pieces)
        found = re.fullmatch(pattern, actual)
        if found is None:
            return False
        pairs = list(zip(names, found.groups(), strict=True))
        shown = {real: name for name, real in self.known.items()}
        if any(self.known.get(name, real) != real or shown.get(real, name) != name for name, real in pairs):
            return False
        self.known.update(pairs)
        return True


def run_in_process(words: list[str]) -> str:
    """Run ``lienthong`` here: its start is most of the time it takes."""
    return CliRunner().invoke(app, words).output
