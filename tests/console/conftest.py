"""A real browser for the console's tests: Debian's chromium, or the one that Playwright installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, Playwright, sync_playwright

from tests.console.office import Office, office
from tests.support.needed import SKIPPED, lacking

#: Nothing leaves the machine; as root there is no sandbox of its own.
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--font-render-hinting=none",
    "--lang=vi",
)


def started(playwright: Playwright) -> Browser:
    """Start Debian's chromium; where there is none, the one that Playwright installed."""
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, for all tests of one process."""
    with sync_playwright() as playwright:
        try:
            found = started(playwright)
        except Error as error:
            lacking(f"there is no Chromium that starts ({str(error).splitlines()[0]}): {SKIPPED}; apt-get install chromium")
        yield found
        found.close()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A hub with its console and people, for all tests of one process: each works on dossiers of its own."""
    with office(tmp_path_factory.mktemp("office") / "config") as opened:
        yield opened
