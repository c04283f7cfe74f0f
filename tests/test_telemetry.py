"""Logs go to stderr as it is now, not as it was when logging was set up."""

from __future__ import annotations

import io

import pytest
import structlog

from hub.telemetry import configure_logging


def test_a_stderr_that_was_closed_and_replaced_takes_no_log_line_down(monkeypatch: pytest.MonkeyPatch) -> None:
    before, now = io.StringIO(), io.StringIO()
    log = structlog.get_logger()
    monkeypatch.setattr("sys.stderr", before)
    configure_logging(json=True)
    log.info("one")
    before.close()
    monkeypatch.setattr("sys.stderr", now)

    log.info("two")

    assert '"two"' in now.getvalue()
