"""Logs: where they go, the ids that are bound to their lines, and what they never hold."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import structlog

from hub.telemetry import bind_subject, configure_logging, lines_about


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


def test_a_line_that_cannot_be_written_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk under a log in a file; one that takes lines again has the next."""
    configure_logging(json=True)
    written = io.StringIO()

    with monkeypatch.context() as full:
        full.setattr("sys.stderr", open("/dev/full", "w", buffering=1))  # noqa: SIM115 - closing it would write once more
        structlog.get_logger().error("one")
    monkeypatch.setattr("sys.stderr", written)
    structlog.get_logger().error("two")

    assert '"two"' in written.getvalue()


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Any:
    configure_logging(json=True)

    def read() -> list[dict[str, Any]]:
        said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        return [{key: value for key, value in line.items() if key not in ("level", "timestamp")} for line in said]

    return read


def test_ids_are_in_every_line_until_their_end(lines: Any) -> None:
    log = structlog.get_logger()
    with lines_about(delivery="d", endpoint="bo"):
        log.info("one")
        bind_subject("national:1", message="m")
        log.info("two", endpoint="own words go before")
    log.info("three")

    assert lines() == [
        {"event": "one", "delivery": "d", "endpoint": "bo"},
        {"event": "two", "delivery": "d", "endpoint": "own words go before", "subject": "national:1", "message": "m"},
        {"event": "three"},
    ]


def test_ids_within_ids_are_those_alone(lines: Any) -> None:
    """And those outside are back after an error, too."""
    log = structlog.get_logger()
    with lines_about(delivery="one"):
        with pytest.raises(ZeroDivisionError), lines_about(endpoint="bo"):
            bind_subject("national:2")
            log.info("inside")
            raise ZeroDivisionError
        log.info("outside")

    assert lines() == [{"event": "inside", "endpoint": "bo", "subject": "national:2"}, {"event": "outside", "delivery": "one"}]


def test_ids_belong_to_their_thread(lines: Any) -> None:
    with lines_about(delivery="one"), ThreadPoolExecutor(1) as other:
        other.submit(structlog.get_logger().info, "elsewhere").result()

    assert lines() == [{"event": "elsewhere"}]


def test_a_subject_that_nobody_ends_is_not_bound(lines: Any) -> None:
    bind_subject("national:1")
    structlog.get_logger().info("one")

    assert lines() == [{"event": "one"}]


def test_what_tells_a_sender_about_a_dossier_is_found_with_it(lines: Any) -> None:
    with lines_about(delivery="d"):
        bind_subject("notices:national:1")
        structlog.get_logger().info("one")

    assert lines()[0]["subject"] == "national:1"


def test_of_an_exception_types_and_places_are_told_and_no_text(lines: Any) -> None:
    person = "Nguyễn Thử Nghiệm"

    def cause() -> None:
        raise LookupError(person)

    try:
        try:
            cause()
        except LookupError as error:
            raise ValueError(f"cannot read {person.upper()}") from error
    except ValueError:
        structlog.get_logger().exception("bug")
    (line,) = lines()

    assert "in cause" in line["exception"] and "test_telemetry.py" in line["exception"]
    assert line["exception"].index("LookupError\n") < line["exception"].index("ValueError")
    assert line["exception"].endswith("\nValueError")
    assert "nghiệm" not in json.dumps(line, ensure_ascii=False).lower()
