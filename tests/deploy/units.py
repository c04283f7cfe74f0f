"""Reads the units under deploy/systemd as the tests see them: sections, and each key with all its values."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from tests.docs.pages import ROOT

FOLDER = ROOT / "deploy/systemd"
SERVICES = sorted(FOLDER.glob("*.service"))
#: Where the units look for the program.
PROGRAM = "/opt/lienthong/.venv/bin/lienthong"

Unit = dict[str, dict[str, list[str]]]


def read(path: Path) -> Unit:
    """Read a unit; comments are left out."""
    found: Unit = defaultdict(lambda: defaultdict(list))
    section = ""
    for line in path.read_text(encoding="ascii").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found[section][key].append(value)
    return found


def role(path: Path) -> str:
    """Give what a unit is named after: lienthong-ROLE@.service."""
    return path.name.removeprefix("lienthong-").removesuffix("@.service")
