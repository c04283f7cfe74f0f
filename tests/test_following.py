"""Following a dossier through the logs: every line about it has its subject, in whichever process, and nothing of a person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.template.simulator import SIMULATOR as partner_double
from hub import dispatch, intake
from hub.app import Hub
from hub.contract import Adapter
from hub.edge.workers import Workers
from hub.rules.queued import Due
from hub.simulation import SimulatorServer
from hub.telemetry import configure_logging
from tests.support import hub as hubs

DOSSIER, SUBJECT = "H01-000777", "national:H01-000777"
#: What no line may hold: it is in the dossier, in the partner's refusal, in a bug's own words.
PERSON = {"Nguyễn Thử Nghiệm", "Nguy\\u1ec5n", "000000000777", "Số 7 đường Thử"}


@pytest.fixture
def double() -> Iterator[SimulatorServer]:
    with partner_double() as server:
        yield server


@pytest.fixture
def opened(tmp_path: Path, double: SimulatorServer) -> Iterator[Hub]:
    hub = hubs.open_hub(hubs.configure(tmp_path, {hubs.PARTNER: hubs.At(url=double.url)}))
    yield hub
    hubs.close(hub)


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Any:
    """Give what was logged since the last look, as machines read it."""
    configure_logging(json=True, level="DEBUG")

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    return read


def work(hub: Hub, due: Due) -> None:
    """Do what a worker's thread does with one bus message."""
    Workers(hub, dispatch=False, work=False)._work(due, lambda *, done=True: None)


def carry(hub: Hub) -> None:
    """Dispatch, and work, until nothing is due."""
    while True:
        taken: list[Due] = []
        bus = replace(hub, bus=_Taking(taken))  # type: ignore[arg-type]
        dispatch.queue(bus)
        if not taken:
            return
        for due in taken:
            work(hub, due)


class _Taking:
    """A bus between two processes: only what is sealed there travels."""

    def __init__(self, taken: list[Due]) -> None:
        self._taken = taken

    def takes(self, endpoint: str) -> bool:
        return True

    def publish(self, due: Any) -> list[Due]:
        self._taken += [replace(each, subject="") for each in due]
        return []


def document(number: int, **more: Any) -> bytes:
    """Write a message with a person in every field that has room for one."""
    tree = json.loads(hubs.document(number, DOSSIER, **more))
    tree["hoSo"]["nguoiNop"] = {"hoTen": "Nguyễn Thử Nghiệm", "soGiayTo": "000000000777", "diaChi": "Số 7 đường Thử"}
    return json.dumps(tree, ensure_ascii=False).encode()


def assert_clean(found: list[dict[str, Any]]) -> None:
    text = json.dumps(found, ensure_ascii=False)
    assert not [value for value in PERSON if value in text], text


def test_one_search_finds_the_way_of_a_dossier_through_all_processes(opened: Hub, lines: Any) -> None:
    """Received, queued, delivered: each with the same subject, and the ids of its own."""
    intake.receive(opened, hubs.request(document(1)))
    carry(opened)
    found = lines()

    assert {line["subject"] for line in found} == {SUBJECT}
    assert [line["event"] for line in found] == ["message.received", "delivery.queued", "delivery.delivered"]
    assert {line["message"] for line in found if "message" in line} == {found[0]["message"]}
    assert found[1]["delivery"] == found[2]["delivery"] and found[2]["endpoint"] == hubs.PARTNER
    assert_clean(found)


def test_a_message_that_goes_well_costs_two_lines(opened: Hub, lines: Any) -> None:
    """At the usual level, with one call at one recipient."""
    configure_logging(json=True)
    intake.receive(opened, hubs.request(document(1)))
    carry(opened)

    assert [line["event"] for line in lines()] == ["message.received", "delivery.delivered"]


def test_the_lines_of_one_message_do_not_stand_in_the_next(opened: Hub, lines: Any) -> None:
    """A thread works on one after the other."""
    intake.receive(opened, hubs.request(document(1)))
    intake.receive(opened, hubs.request(hubs.document(2, "H01-000888")))
    intake.receive(opened, hubs.request(b'{"maThongDiep": "x"}'))
    found = lines()

    assert [line.get("subject") for line in found] == [SUBJECT, "national:H01-000888", None]
    assert found[2]["event"] == "message.refused"


def test_a_repeated_message_names_its_dossier_and_the_message_that_was_recorded(opened: Hub, lines: Any) -> None:
    for _ in range(2):
        intake.receive(opened, hubs.request(document(1)))
    found = lines()

    assert [(line["event"], line["subject"]) for line in found][1] == ("message.repeated", SUBJECT)
    assert found[1]["message"] == found[0]["message"]


@pytest.mark.parametrize(
    ("fault", "event", "error"),
    [
        ({"kind": "code", "value": "Nguyễn Thử Nghiệm 000000000777"}, "delivery.failed", "in_doubt"),
        ({"kind": "malformed"}, "delivery.failed", "in_doubt"),
        ({"kind": "status", "value": 503}, "delivery.failed", "busy"),
    ],
)
def test_what_goes_wrong_at_a_partner_is_told_without_its_words(
    opened: Hub, double: SimulatorServer, lines: Any, fault: dict[str, Any], event: str, error: str
) -> None:
    double.faults.add(**fault)
    intake.receive(opened, hubs.request(document(1)))
    carry(opened)
    (told,) = [line for line in lines() if line["event"] == event]

    assert (told["subject"], told["error"], told["attempt"]) == (SUBJECT, error, 1)
    assert_clean([told])


def broken(hub: Hub, part: str) -> Hub:
    """Give the partner's adapter a bug that tells what it was working on."""

    def bug(*_given: Any, **_named: Any) -> Any:
        try:
            {}[" ".join(PERSON)]
        except KeyError as error:
            raise ValueError(f"cannot read {PERSON}") from error

    return replace(hub, adapters={**hub.adapters, "template": Adapter(**{**vars(hub.adapters["template"]), part: bug})})


@pytest.mark.parametrize(
    ("part", "event"), [("write_message", "delivery.bug"), ("read_receipt", "delivery.bug"), ("plan", "message.bug")]
)
def test_a_bug_is_told_by_its_types_and_places_only(opened: Hub, lines: Any, part: str, event: str) -> None:
    """A developer sees where; what was being worked on stays in the ledger."""
    if part == "plan":
        intake.receive(broken(opened, part), hubs.request(document(1)))
    else:
        intake.receive(opened, hubs.request(document(1)))
        carry(broken(opened, part))
    found = lines()
    (told,) = [line for line in found if line["event"] == event]

    assert told["subject"] == SUBJECT
    assert "KeyError" in told["exception"] and "ValueError" in told["exception"] and "in bug" in told["exception"]
    assert {line["subject"] for line in found} == {SUBJECT}
    assert_clean(found)


def test_a_worker_that_died_is_told_with_the_dossier_that_it_had(opened: Hub, lines: Any) -> None:
    """By whichever dispatcher takes it back."""
    intake.receive(opened, hubs.request(document(1)))
    taken: list[Due] = []
    dispatch.queue(replace(opened, bus=_Taking(taken)))  # type: ignore[arg-type]
    lines()
    dispatch.tell_lapsed(opened.ledger.lapse(opened.now() + 10_000, opened.doubt_policy))
    (told,) = lines()

    assert (told["event"], told["subject"], told["state"]) == ("delivery.lapsed", SUBJECT, "pending")
    assert told["delivery"] == taken[0].id


def test_what_a_worker_finds_nothing_to_claim_for_names_the_delivery(opened: Hub, lines: Any) -> None:
    """Its subject is the ledger's to say."""
    intake.receive(opened, hubs.request(document(1)))
    taken: list[Due] = []
    dispatch.queue(replace(opened, bus=_Taking(taken)))  # type: ignore[arg-type]
    lines()
    work(opened, replace(taken[0], canonical=b"{}"))
    (told,) = lines()

    assert (told["event"], told["delivery"]) == ("bus.not_as_in_ledger", taken[0].id)
