"""Taking what a partner puts into a queue of its own broker: recorded before it is acknowledged, in order, nothing lost."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pika
import pytest

from hub.app import Hub
from hub.edge.poller import Pollers
from hub.errors import Unavailable
from hub.ledger import payloads
from hub.ledger.ledger import Ledger
from hub.rules.lifecycle import State
from hub.telemetry import POLL_FAILED, POLL_REPLIES
from tests.support import hub as support
from tests.support import rabbit
from tests.support.amqp_partner import Cuttable, Partner, table
from tests.support.looking import all_deliveries, all_messages, broken_rows

Make = Callable[..., Hub]


@pytest.fixture
def partner(monkeypatch: pytest.MonkeyPatch) -> Iterator[Partner]:
    made = Partner(rabbit.shared())
    monkeypatch.setenv(rabbit.PASSWORD_VARIABLE, rabbit.PASSWORD)
    yield made
    made.close()


@pytest.fixture
def queue(partner: Partner) -> str:
    """Where the partner puts its messages."""
    return partner.queue("out")


@pytest.fixture
def make(tmp_path: Path, partner: Partner, queue: str) -> Iterator[Make]:
    """Make a hub whose sender speaks over its own broker, and give keys to its ``[amqp]``."""
    opened: list[Hub] = []

    def made(*, url: str = "", inbound: str = "", to: dict[str, support.At] | None = None, **keys: Any) -> Hub:
        given = {"consume_queue": queue, **keys}
        sender = f"{inbound}\n{table(url or partner.node.url, **given)}"
        opened.append(support.open_hub(support.configure(tmp_path, to, sender=sender)))
        return opened[-1]

    yield made
    for each in opened:
        support.close(each)


@pytest.fixture
def polling() -> Iterator[Callable[[Hub], Pollers]]:
    """Start to poll; whatever a test leaves running is stopped."""
    started: list[Pollers] = []

    def start(hub: Hub) -> Pollers:
        started.append(Pollers(hub))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.stop()


def until_taken(partner: Partner, queue: str) -> None:
    """Wait until everything in a queue is acknowledged."""
    rabbit.wait_until(lambda: partner.stands(queue) == (0, 0))


def put(partner: Partner, queue: str, number: int, dossier: str = "H01-1", **given: Any) -> None:
    """Let the partner send one message, as the sample system writes it."""
    body = support.document(number, dossier, **given)
    partner.put(queue, body, message_id=json.loads(body)["maThongDiep"], content_type="application/json", type="GuiHoSo")


def count(metric: Any, *labels: str) -> float:
    return float(metric.labels(*labels)._value.get())


# --- the way of a message --------------------------------------------------------------------------------------------


def test_a_message_goes_from_one_partners_broker_to_anothers(
    partner: Partner, queue: str, make: Make, polling: Callable[[Hub], Pollers]
) -> None:
    """Consumed, recorded, delivered with a confirm as its receipt; the second one as an update of the first."""
    onward = partner.queue("in")
    services = support.RESENDS + table(partner.node.url, publish_routing_key=onward)
    hub = make(to={support.PARTNER: support.At(services=services)})
    polling(hub)

    put(partner, queue, 1, status="MOI")
    put(partner, queue, 2)
    until_taken(partner, queue)
    support.carry_all(hub)

    rows = all_deliveries(hub.ledger)
    arrived = partner.take(onward)
    assert [row.state for row in rows] == [State.DELIVERED, State.DELIVERED]
    assert [message.properties["message_id"] for message in arrived] == [row.native_id for row in rows]
    assert [json.loads(message.body)["hoSo"]["thuTuc"]["ten"] for message in arrived] == ["#1", "#2"]
    assert [json.loads(message.body)["hanhDong"] for message in arrived] == ["TAO", "CAPNHAT"]
    assert broken_rows(hub.ledger) == []


def test_messages_are_taken_in_the_order_of_the_queue(
    partner: Partner, queue: str, make: Make, polling: Callable[[Hub], Pollers]
) -> None:
    hub = make()
    for number in range(1, 21):
        put(partner, queue, number)

    polling(hub)
    until_taken(partner, queue)

    assert [row.identity for row in all_messages(hub.ledger)] == [f"M-{number:06}" for number in range(1, 21)]


def test_an_answer_goes_to_the_queue_that_the_message_names_and_a_repeat_gets_the_same_one(
    partner: Partner, queue: str, make: Make, polling: Callable[[Hub], Pollers]
) -> None:
    hub, answers = make(reply="reply_to"), partner.queue("answers")
    polling(hub)
    for _ in range(2):
        partner.put(queue, support.document(1), message_id="M-1", correlation_id="c-7", reply_to=answers)
    until_taken(partner, queue)

    first, again = partner.take(answers)
    (message,) = all_messages(hub.ledger)
    assert bytes(first.body) == bytes(again.body)
    assert json.loads(first.body) == {"ma": "00", "thongBao": "Đã nhận", "maTiepNhan": message.id}
    assert first.properties["correlation_id"] == "c-7"
    assert first.properties["application_headers"]["status"] == "200"
    assert message.repeats == 1
    assert len(all_deliveries(hub.ledger)) == 1


def test_without_a_reply_policy_nothing_is_answered(
    partner: Partner, queue: str, make: Make, polling: Callable[[Hub], Pollers]
) -> None:
    hub, answers = make(), partner.queue("answers")
    polling(hub)

    partner.put(queue, support.document(1), message_id="M-1", reply_to=answers)
    until_taken(partner, queue)

    assert len(all_messages(hub.ledger)) == 1
    assert partner.take(answers) == []


@pytest.mark.parametrize("reply_to", ["nobody-waits-there", "amq.rabbitmq.reply-to.gone", "đ" * 100])
def test_an_answer_that_nobody_waits_for_holds_nothing_up(
    partner: Partner, queue: str, make: Make, polling: Callable[[Hub], Pollers], reply_to: str
) -> None:
    hub = make(reply="reply_to")
    told = count(POLL_REPLIES, support.SENDER, "return")
    polling(hub)

    partner.put(queue, support.document(1), message_id="M-1", reply_to=reply_to)
    put(partner, queue, 2)
    until_taken(partner, queue)

    assert len(all_messages(hub.ledger)) == 2
    assert count(POLL_REPLIES, support.SENDER, "return") == told + 1


def test_an_answer_that_we_may_not_publish_holds_nothing_up(
    partner: Partner, queue: str, make: Make, polling: Callable[[Hub], Pollers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker ends the conversation over it, not the one in which the message is acknowledged."""
    node = partner.node
    node.erlang('rabbit_auth_backend_internal:add_user(<<"reader">>, <<"pw">>, <<"tests">>).')
    node.erlang('rabbit_auth_backend_internal:set_permissions(<<"reader">>, <<"/">>, <<"^$">>, <<"^$">>, <<".*">>, <<"tests">>).')
    monkeypatch.setenv(rabbit.PASSWORD_VARIABLE, "pw")
    told = count(POLL_REPLIES, support.SENDER, "denied")
    try:
        hub = make(url=node.url.replace(rabbit.USER, "reader"), reply="reply_to")
        pollers = polling(hub)
        for number in (1, 2):
            partner.put(queue, support.document(number), message_id=f"M-{number}", reply_to=queue)
        until_taken(partner, queue)
        pollers.stop()
    finally:
        node.erlang('rabbit_auth_backend_internal:delete_user(<<"reader">>, <<"tests">>).')

    assert len(all_messages(hub.ledger)) == 2
    assert count(POLL_REPLIES, support.SENDER, "denied") == told + 2


@pytest.mark.parametrize(
    ("identity", "properties", "headers"),
    [
        ("message_id", {"message_id": "K-1"}, {}),
        ("correlation_id", {"correlation_id": "K-1", "message_id": "other"}, {}),
        ("header:X-Request-Id", {"message_id": "other"}, {"x-request-ID": "K-1"}),
        ("header:number", {}, {"Number": 17}),
    ],
)
def test_the_partners_own_identifier_is_taken_from_where_the_endpoint_says(
    tmp_path: Path, partner: Partner, queue: str, polling: Callable[[Hub], Pollers], identity: str,
    properties: dict[str, str], headers: dict[str, Any],
) -> None:  # fmt: skip
    """The one-stop adapter identifies messages by it."""
    lines = table(partner.node.url, consume_queue=queue, identity=identity)
    hub = support.open_hub(support.configure(tmp_path, sender=lines, sender_adapter="one_stop"))
    pollers = polling(hub)
    partner.put(queue, b"{}", headers, **properties)
    until_taken(partner, queue)
    pollers.stop()

    (message,) = all_messages(hub.ledger)
    support.close(hub)
    assert "Idempotency-Key" not in {fault["path"] for fault in json.loads(message.faults)}


# --- what is not right -----------------------------------------------------------------------------------------------

HOSTILE = {
    "nothing": b"",
    "NULs": bytes(1000),
    "not UTF-8": b"\xff\xfe\x80" * 100,
    "half a document": support.document(1)[:50],
    "deeply nested": b"[" * 100_000,
    "a huge number": b'{"a": ' + b"9" * 100_000 + b"}",
    "twice the same key": b'{"maThongDiep": "a", "maThongDiep": "b"}',
    "XML": b"<a/>",
}


def test_hostile_bytes_are_recorded_as_refused_acknowledged_and_hold_nothing_up(
    partner: Partner, queue: str, make: Make, polling: Callable[[Hub], Pollers]
) -> None:
    hub = make()
    polling(hub)

    for body in HOSTILE.values():
        partner.put(queue, body)
    put(partner, queue, 1)
    until_taken(partner, queue)

    *refused, accepted = all_messages(hub.ledger)
    assert [row.error_code for row in refused] == ["invalid_message"] * len(HOSTILE)
    assert accepted.error_code == ""
    assert broken_rows(hub.ledger) == []


class Raw(pika.BasicProperties):  # type: ignore[misc]
    """Properties whose bytes a test writes itself."""

    def __init__(self, flags: int, body: bytes) -> None:
        super().__init__()
        self._raw = struct.pack(">H", flags), body

    def encode(self) -> list[bytes]:
        return list(self._raw)


def _table(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


FLAG = pika.BasicProperties
#: Properties that a partner's library can write and that a reader may stumble over.
STUMBLING = {
    "a date beyond all calendars": Raw(FLAG.FLAG_HEADERS, _table(b"\x01aT" + b"\xff" * 8)),
    "a name that is not UTF-8": Raw(FLAG.FLAG_HEADERS, _table(b"\x02\xff\xfeS\x00\x00\x00\x02\xff\xfe")),
    "a table in a table": Raw(FLAG.FLAG_HEADERS, _table(b"\x01aF" + _table(b"\x01bF" + _table(b"")))),
    "an identifier with NULs": Raw(FLAG.FLAG_MESSAGE_ID, b"\x03a\x00b"),
    "an identifier that is not UTF-8": Raw(FLAG.FLAG_MESSAGE_ID, b"\x02\xff\xfe"),
    "a type with line ends": Raw(FLAG.FLAG_TYPE, b"\x04a\r\nb"),
}


def test_properties_that_cannot_be_read_stop_nothing(
    partner: Partner, queue: str, make: Make, polling: Callable[[Hub], Pollers]
) -> None:
    """What the document itself says counts; the sample system identifies a message in it."""
    hub = make()
    polling(hub)
    parameters = pika.ConnectionParameters(
        "127.0.0.1", partner.node.port, credentials=pika.PlainCredentials(rabbit.USER, rabbit.PASSWORD)
    )
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for number, properties in enumerate(STUMBLING.values(), start=1):
            channel.basic_publish("", queue, support.document(number, f"H01-{number}"), properties, mandatory=True)
    until_taken(partner, queue)

    assert [row.error_code for row in all_messages(hub.ledger)] == [""] * len(STUMBLING)


def test_the_same_identifier_with_other_content_is_refused_and_acknowledged(
    partner: Partner, queue: str, make: Make, polling: Callable[[Hub], Pollers]
) -> None:
    hub = make()
    polling(hub)

    put(partner, queue, 1, identity="M-1")
    put(partner, queue, 2, identity="M-1")
    until_taken(partner, queue)

    assert [row.error_code for row in all_messages(hub.ledger)] == ["", "conflict"]


def test_what_is_larger_than_the_endpoint_takes_is_recorded_as_refused(
    partner: Partner, queue: str, make: Make, polling: Callable[[Hub], Pollers]
) -> None:
    hub = make(inbound="max_bytes = 1000")
    polling(hub)

    large = support.document(1, note="x" * 1000)
    partner.put(queue, large)
    put(partner, queue, 2)
    until_taken(partner, queue)

    refused, accepted = all_messages(hub.ledger)
    assert [fault["code"] for fault in json.loads(refused.faults)] == ["too_large"]
    assert accepted.error_code == ""
    with hub.ledger.read() as conn:
        assert payloads.get(conn, refused.raw_digest) == large


# --- what fails ------------------------------------------------------------------------------------------------------


class DownLedger:
    """A ledger that does not answer for a while."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._state = threading.Condition()
        self._down = True
        self._asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def record_all_received(self, acceptances: Any) -> Any:
        """Record, or say that this is not possible now."""
        with self._state:
            self._asked += 1
            self._state.notify_all()
            if self._down:
                raise Unavailable("the ledger does not answer", "sổ cái không trả lời")
        return self._ledger.record_all_received(acceptances)

    def wait_asked(self, times: int) -> None:
        """Wait until it was asked so often."""
        with self._state:
            assert self._state.wait_for(lambda: self._asked >= times, rabbit.PATIENCE_SECONDS)

    def come_back(self) -> None:
        with self._state:
            self._down = False


def test_while_the_ledger_is_down_a_message_is_held_and_then_taken(
    partner: Partner, queue: str, make: Make, polling: Callable[[Hub], Pollers]
) -> None:
    hub = make()
    ledger = DownLedger(hub.ledger)
    told = count(POLL_FAILED, support.SENDER, "ledger")
    polling(replace(hub, ledger=ledger))
    put(partner, queue, 1)

    ledger.wait_asked(3)
    assert partner.stands(queue) == (0, 1)
    assert all_messages(hub.ledger) == []

    ledger.come_back()
    until_taken(partner, queue)
    (message,) = all_messages(hub.ledger)
    assert message.error_code == "" and message.repeats == 0
    assert count(POLL_FAILED, support.SENDER, "ledger") >= told + 2


def test_what_a_stopped_process_could_not_record_is_given_back_and_taken_by_the_next(
    partner: Partner, queue: str, make: Make, polling: Callable[[Hub], Pollers]
) -> None:
    hub = make()
    ledger = DownLedger(hub.ledger)
    pollers = polling(replace(hub, ledger=ledger))
    for number in (1, 2, 3):
        put(partner, queue, number)
    ledger.wait_asked(1)

    pollers.stop()

    rabbit.wait_until(lambda: partner.stands(queue) == (3, 0))
    assert all_messages(hub.ledger) == []
    polling(hub)
    until_taken(partner, queue)
    assert [row.identity for row in all_messages(hub.ledger)] == ["M-000001", "M-000002", "M-000003"]


def test_a_line_that_is_cut_is_made_anew_and_nothing_is_taken_twice(
    partner: Partner, queue: str, make: Make, polling: Callable[[Hub], Pollers]
) -> None:
    wire = Cuttable(partner.node.port)
    hub = make(url=wire.url)
    polling(hub)
    try:
        put(partner, queue, 1)
        until_taken(partner, queue)
        wire.cut()
        put(partner, queue, 2)
        until_taken(partner, queue)
    finally:
        wire.close()

    assert [row.repeats for row in all_messages(hub.ledger)] == [0, 0]


def test_a_queue_that_is_deleted_and_made_again_is_consumed_again(
    partner: Partner, make: Make, polling: Callable[[Hub], Pollers]
) -> None:
    queue = partner.queue("later")
    hub = make(consume_queue=queue)
    told = count(POLL_FAILED, support.SENDER, "broker")
    polling(hub)
    put(partner, queue, 1)
    until_taken(partner, queue)

    partner.delete(queue)
    rabbit.wait_until(lambda: count(POLL_FAILED, support.SENDER, "broker") > told + 1)
    partner.queue("later")
    put(partner, queue, 2)
    until_taken(partner, queue)

    assert len(all_messages(hub.ledger)) == 2


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_one_of_two_processes_consumes_and_the_other_takes_over(
    partner: Partner, make: Make, polling: Callable[[Hub], Pollers], kind: str
) -> None:
    """So the order of the queue is the order of intake."""
    queue = partner.queue(kind, **{"x-queue-type": kind})
    hub = make(consume_queue=queue)
    first = polling(hub)
    put(partner, queue, 1)
    until_taken(partner, queue)
    second = polling(hub)
    rabbit.wait_until(lambda: second._pollers[0]._stands_by)

    first.stop()
    put(partner, queue, 2)

    # The broker's own counts of a quorum queue come late.
    rabbit.wait_until(lambda: len(all_messages(hub.ledger)) == 2)
    assert not second._pollers[0]._stands_by


CHILD = """
import os, signal, sys
from pathlib import Path
from hub.amqp.consuming import Taking
from hub.edge.poller import Pollers
from tests.support import hub as support
Taking.acknowledge = lambda self, arrived: os.kill(os.getpid(), signal.SIGKILL)
pollers = Pollers(support.open_hub(Path(sys.argv[1])))
pollers.start()
signal.pause()
"""


def test_a_process_that_is_killed_between_commit_and_acknowledgement_takes_nothing_twice(
    tmp_path: Path, partner: Partner, queue: str, make: Make, polling: Callable[[Hub], Pollers]
) -> None:
    hub, answers = make(reply="reply_to"), partner.queue("answers")
    partner.put(queue, support.document(1), message_id="M-1", reply_to=answers)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path)], check=False, env=environment, timeout=120)
    assert child.returncode == -signal.SIGKILL
    assert len(all_messages(hub.ledger)) == 1
    rabbit.wait_until(lambda: partner.stands(queue) == (1, 0))

    polling(hub)
    until_taken(partner, queue)

    (message,) = all_messages(hub.ledger)
    first, again = partner.take(answers)
    assert message.repeats == 1
    assert bytes(first.body) == bytes(again.body)
    assert len(all_deliveries(hub.ledger)) == 1


def test_an_endpoint_without_a_queue_is_not_polled(tmp_path: Path) -> None:
    hub = support.open_hub(support.configure(tmp_path))

    pollers = Pollers(hub)
    pollers.start()

    assert pollers.alive() and pollers._threads == []
    pollers.stop()
    support.close(hub)


# --- processes -------------------------------------------------------------------------------------------------------


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run ``serve`` in a process of its own until a test is done with it; it must end well."""
    command = [sys.executable, "-m", "hub.edge.cli", "--config", str(folder), "serve", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
            process.terminate()
            _, errors = process.communicate(timeout=rabbit.PATIENCE_SECONDS)
        finally:
            process.kill()
        assert process.returncode == 0, errors
        assert "Traceback" not in errors


def test_a_process_of_the_embedded_bus_polls_too(partner: Partner, queue: str, make: Make, tmp_path: Path) -> None:
    hub = make()
    put(partner, queue, 1)

    with serving(tmp_path, "--port", "0"):
        until_taken(partner, queue)

    assert len(all_messages(hub.ledger)) == 1


@pytest.mark.parametrize(("words", "taken"), [(["--only", "poll"], True), (["--only", "dispatch", "--only", "work"], False)])
def test_only_a_process_that_is_to_poll_polls(
    partner: Partner, queue: str, make: Make, tmp_path: Path, words: list[str], taken: bool
) -> None:
    hub = make()
    with rabbit.corner(partner.node) as corner:
        with (tmp_path / "hub.toml").open("a") as file:
            file.write(corner.settings)
        put(partner, queue, 1)
        with serving(tmp_path, *words) as process:
            assert process.stdout is not None
            process.stdout.readline()
            if taken:
                until_taken(partner, queue)

    assert len(all_messages(hub.ledger)) == int(taken)


def test_a_process_that_polls_and_has_nobody_to_poll_idles_until_told_to_stop(partner: Partner, tmp_path: Path) -> None:
    support.configure(tmp_path)
    with rabbit.corner(partner.node) as corner:
        with (tmp_path / "hub.toml").open("a") as file:
            file.write(corner.settings)
        with serving(tmp_path, "--only", "poll") as process:
            assert process.stdout is not None
            assert "poll" in process.stdout.readline()
