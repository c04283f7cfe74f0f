"""What every test needs: that logging is as if nobody had set it up before, and engines that are ended with the tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import structlog

from tests.support import needed, postgres, rabbit


@pytest.fixture(autouse=True)
def logging_as_new() -> Iterator[None]:
    """Undo what a verb of the command line, run inside a test, says about logging for its whole process."""
    yield
    structlog.reset_defaults()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """End the engines that tests have started."""
    postgres.end_shared()
    rabbit.end_shared()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was not tested, for want of an engine."""
    reasons = (str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", ()))
    absences = Counter(reason.removeprefix("Skipped: ") for reason in reasons if reason.endswith(needed.SKIPPED))
    for absent, number in absences.items():
        terminalreporter.write_line(f"NOT TESTED: {number} tests. {absent}", red=True, bold=True)
