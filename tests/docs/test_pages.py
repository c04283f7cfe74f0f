"""What is true of every page: links lead somewhere, and files that are named exist."""

from __future__ import annotations

import re
import unicodedata

import pytest

from tests.docs import pages

PAGES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "config/README.md",
    "schemas/README.md",
    *sorted(path.relative_to(pages.ROOT).as_posix() for path in (pages.ROOT / "docs").glob("*.md")),
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
#: A name of a file or folder in the text: it has a slash, and begins with a folder of ours.
_FILE = re.compile(r"`((?:hub|adapters|tests|docs|schemas|\.ci)/[\w./*-]+)`")


def anchors(name: str) -> set[str]:
    """Give the anchors of a page's headings as the usual hosts make them."""
    found = set()
    for section in pages.sections(name):
        kept = "".join(each for each in section.title.lower() if each in " -_" or unicodedata.category(each)[0] in "LNM")
        found.add(kept.replace(" ", "-"))
    return found


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_pages_and_headings(name: str) -> None:
    """A page that is renamed takes its links along."""
    folder = (pages.ROOT / name).parent
    broken = []
    for link in _LINK.findall(pages.page(name)):
        path, _, anchor = link.partition("#")
        if path.startswith("http"):
            continue
        target = (folder / path).resolve() if path else pages.ROOT / name
        here = target.relative_to(pages.ROOT).as_posix()
        if not target.exists() or (anchor and anchor not in anchors(here)):
            broken.append(link)

    assert broken == []


@pytest.mark.parametrize("name", PAGES)
def test_files_that_are_named_exist(name: str) -> None:
    """Patterns match something."""
    named = set(_FILE.findall(pages.page(name)))

    assert {each for each in named if not list(pages.ROOT.glob(each.rstrip("/")))} == set()


@pytest.mark.parametrize("name", PAGES)
def test_a_code_block_is_closed(name: str) -> None:
    """Else the rest of the page is code."""
    assert pages.page(name).count("```") == 2 * len(pages.blocks(name))


def test_every_page_of_the_documentation_is_linked_from_the_readme() -> None:
    """What cannot be found is not there."""
    linked = set(_LINK.findall(pages.page("README.md")))

    assert {name for name in PAGES if name.startswith("docs/")} <= linked
