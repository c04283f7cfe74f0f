"""docs/dependencies.md names every package that the project declares, with the licence that the package itself tells."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata

import pytest

from tests.docs import pages

PAGE = "docs/dependencies.md"
PROJECT = tomllib.loads(pages.page("pyproject.toml"))["project"]
GROUPS = {
    "Run time": PROJECT["dependencies"],
    "Building": PROJECT["optional-dependencies"]["build"],
    "Development": PROJECT["optional-dependencies"]["dev"],
}
#: How packages write what SPDX writes otherwise.
SPDX = {
    "Apache Software License": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "BSD 2-Clause License": "BSD-2-Clause",
    # python-dateutil: new code under Apache-2.0 and BSD-3-Clause, to be chosen; old code under BSD-3-Clause.
    "Dual License": "BSD-3-Clause",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
#: May be used by, and shipped beside, a project under Apache-2.0 that does not change them.
ALLOWED = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "LGPL-2.1", "LGPL-3.0-only", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0"}


def names(declared: list[str]) -> list[str]:
    return [re.match(r"[A-Za-z0-9_.-]+", each)[0] for each in declared]


def licence(package: str) -> str:
    """Give what an installed package says of its licence: as an expression, in one line, or by its classifiers."""
    told = metadata.metadata(package)
    classifiers = [each.split(" :: ")[-1] for each in told.get_all("Classifier") or [] if each.startswith("License")]
    line = told.get("License") or ""
    found = told.get("License-Expression") or (line if line and len(line) < 40 and "\n" not in line else "")
    return SPDX.get(found, found) or SPDX.get(classifiers[0], classifiers[0])


@pytest.mark.parametrize("title", GROUPS)
def test_every_declared_package_has_its_entry(title: str) -> None:
    """Nothing more, nothing less, each where it belongs."""
    assert sorted(pages.named(pages.below(PAGE, title))) == sorted(names(GROUPS[title]))


@pytest.mark.parametrize("section", [each for title in GROUPS for each in pages.below(PAGE, title)], ids=lambda each: each.title)
def test_an_entry_tells_the_licence_use_and_replacement(section: pages.Section) -> None:
    """The licence is the installed package's own word."""
    assert section.text.strip().startswith(f"Licence: {licence(section.names[0])}. ")
    assert "Instead: " in section.text


def locked() -> list[str]:
    return re.findall(r"^([A-Za-z0-9_.-]+)==", pages.page("requirements.lock"), re.MULTILINE)


def test_every_package_at_run_time_has_a_licence_that_fits() -> None:
    """Also those that only come along; a package for another system is not installed here."""
    installed = {each.metadata["Name"].lower().replace("_", "-") for each in metadata.distributions()}
    found = {name: licence(name) for name in locked() if name in installed}
    parts = {name: set(re.split(r" OR | AND ", text)) for name, text in found.items()}

    assert len(found) > 40
    assert {name: text for name, text in found.items() if not parts[name] <= ALLOWED} == {}


def importers(module: str) -> list[str]:
    """List the files of the hub and of the adapters that import a module."""
    imported = re.compile(rf"^\s*(?:import|from) {module}\b", re.MULTILINE)
    paths = [path for top in ("hub", "adapters") for path in (pages.ROOT / top).rglob("*.py")]
    return [path.relative_to(pages.ROOT).as_posix() for path in paths if imported.search(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(
    ("package", "homes"),
    [
        ("signxml", "hub/rules/signatures.py"),
        ("kombu", "hub/bus/connecting.py"),
        ("paramiko", "hub/folder/sftp.py"),
        ("pika", "hub/amqp/connecting.py"),
        # An adapter is a folder that can be taken away: each of the two has its own.
        ("zeep", "adapters/ephyto/requests.py adapters/single_window/transport.py"),
        ("uvicorn", "hub/edge/http/server.py"),
    ],
)
def test_what_is_said_to_stand_in_one_file_does(package: str, homes: str) -> None:
    """Its traps are handled there, and nowhere else can they bite."""
    entry = next(section for title in GROUPS for section in pages.below(PAGE, title) if section.names == (package,))

    assert sorted(importers(package)) == homes.split()
    assert all(home in entry.text for home in homes.split())
