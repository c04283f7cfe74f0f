"""The template works end to end: its transport and receipts against its simulator, its simulator against its readers."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import adapters.template
from adapters.template import ADAPTER
from adapters.template.simulator import simulator
from hub.canonical.codes import CodeTables
from hub.canonical.dossier import DossierMessage
from hub.canonical.receipt import Finding, Receipt
from hub.conformance import samples
from hub.contract import Outcome as Decided
from hub.contract import Outgoing, Request, Transport, Writing
from hub.endpoint import Endpoint, OutboundPolicy
from hub.errors import Busy, HubError, InDoubt, NoMapping, NotSent, Refused
from hub.simulation import Call as Received
from hub.simulation import Said, SimulatorServer
from hub.wire import Wire
from tests.support.raw_partner import HALF, RawPartner, closing

SAMPLES = Path(adapters.template.__file__).parent / "samples"
NUMBER = "000.00.01.M01-260302-0001"


def no_fence() -> None:
    """Let the call go."""


class Partner:
    """One endpoint of the sample system, on loopback, as the hub uses it."""

    def __init__(self, server: SimulatorServer, wire: Wire, token: str = "right") -> None:
        self.server = server
        self.options = ADAPTER.options(url=server.url, token=token, unit="M01")
        policy = OutboundPolicy(deadline_seconds=20)
        self.endpoint = Endpoint(name="mau", adapter="template", title="Mẫu", outbound=policy, options=self.options)
        self.transport: Transport = ADAPTER.open_transport(self.endpoint, wire)

    def write(self, name: str, held: dict[str, str], prefix: str = "id") -> list[Outgoing]:
        """Write all calls of a sample, each with an identifier of its own, as each delivery has."""
        message = self.message(name)
        return [
            ADAPTER.write_message(message, call, self.writing(held, f"{prefix}-{number}"))
            for number, call in enumerate(ADAPTER.plan(message, self.options))
        ]

    def writing(self, held: dict[str, str], message_id: str) -> Writing:
        codes = samples.codes_of(SAMPLES)
        return Writing(options=self.options, codes=codes, held=held, now=samples.NOW, message_id=message_id)

    def message(self, name: str) -> DossierMessage:
        found = samples.canonical(json.loads((SAMPLES / f"out/{name}.message.json").read_bytes()))
        assert isinstance(found, DossierMessage)
        return found

    def send(self, outgoing: Outgoing) -> Receipt:
        return ADAPTER.read_receipt(self.transport.send(outgoing, no_fence), outgoing)

    def ask(self, outgoing: Outgoing) -> Finding:
        return ADAPTER.read_finding(self.transport.ask(outgoing, self.message("first_time")), outgoing)


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.close()


@pytest.fixture
def partner(wire: Wire) -> Iterator[Partner]:
    with simulator(accepts="right") as server:
        yield Partner(server, wire)


def test_a_code_is_sought_on_the_day_that_it_is_in_vietnam(partner: Partner) -> None:
    late = datetime(2026, 3, 2, 17, 30, tzinfo=UTC)
    writing = replace(partner.writing({}, "id-1"), codes=CodeTables(), now=late)
    message = partner.message("first_time")

    with pytest.raises(NoMapping) as refused:
        ADAPTER.write_message(message, ADAPTER.plan(message, partner.options)[0], writing)

    assert "2026-03-03" in refused.value.en and "03/03/2026" in refused.value.vi


def test_a_dossier_is_created_then_updated_with_its_progress(partner: Partner) -> None:
    """The partner ends with the dossier as it stands last, and with all steps in order."""
    receipt = partner.send(partner.write("first_time", {}, "first")[0])
    calls = partner.write("progress_of_a_known_dossier", receipt.held, "second")
    for call in calls:
        partner.send(call)

    account = partner.server.account()
    assert receipt == Receipt(code="00", text="đã nhận", held={"dossier": NUMBER})
    assert [calls[0].variant, account["dossiers"][NUMBER]["trangThai"]] == ["update", "XULY"]
    assert [step["noiDung"] for step in account["progress"][NUMBER]] == [f"Bước {number}" for number in range(1, 12)]


def test_the_same_bytes_are_stored_once(partner: Partner) -> None:
    """A repeated call is answered: had it already."""
    [create] = partner.write("first_time", {})

    assert [partner.send(create).already, partner.send(create).already] == [False, True]
    assert partner.server.account()["messages"] == ["id-0"]


def test_creating_what_the_partner_holds_teaches_us_to_update(partner: Partner) -> None:
    """After "had it already" the next writing is an update, and that is taken."""
    partner.send(partner.write("first_time", {}, "first")[0])
    receipt = partner.send(partner.write("first_time", {}, "second")[0])
    [again] = partner.write("first_time", receipt.held, "second")

    assert [receipt.already, again.variant] == [True, "update"]
    assert partner.send(again).already is False


def test_the_look_up_tells_what_arrived(partner: Partner) -> None:
    """Found and absent go by our message identifier."""
    [create] = partner.write("first_time", {})
    before = partner.ask(create).outcome
    partner.send(create)

    assert [before, partner.ask(create).outcome] == ["absent", "found"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "code", "value": "13"}, Refused),
        ({"kind": "code", "value": "90"}, Busy),
        ({"kind": "code", "value": "77"}, InDoubt),
        ({"kind": "status", "value": 503}, Busy),
        ({"kind": "status", "value": 500}, InDoubt),
        ({"kind": "malformed"}, InDoubt),
        ({"kind": "hang_before", "value": 0}, InDoubt),
        ({"kind": "hang_after", "value": 0}, InDoubt),
    ],
)
def test_a_fault_is_read_by_who_acts_next(partner: Partner, fault: dict[str, Any], error: type[HubError]) -> None:
    """Each fault on demand ends in the error that the README names."""
    partner.server.faults.add(**fault)
    with pytest.raises(HubError) as raised:
        partner.send(partner.write("first_time", {})[0])

    assert type(raised.value) is error


def test_a_wrong_token_surely_did_not_send(partner: Partner, wire: Wire) -> None:
    """The partner stores nothing for a stranger, and the token stands in no record."""
    stranger = Partner(partner.server, wire, token="wrong")
    reply = stranger.transport.send(stranger.write("first_time", {})[0], no_fence)
    with pytest.raises(NotSent):
        stranger.send(stranger.write("first_time", {})[0])

    assert partner.server.account()["messages"] == []
    assert b"wrong" not in reply.sent


def test_a_doubt_keeps_what_went_and_what_came(wire: Wire) -> None:
    """Of a call and of a look-up, with the token masked; where there is none, none is shown and none is sent."""
    with RawPartner(closing(HALF)) as server:
        partner = Partner(server, wire)  # type: ignore[arg-type]
        [create] = partner.write("first_time", {})
        with pytest.raises(InDoubt) as sent:
            partner.send(create)
        with pytest.raises(InDoubt) as asked:
            partner.ask(create)

    assert sent.value.sent.startswith(f"POST {server.url}/GuiHoSo\r\n".encode())
    assert sent.value.sent.endswith(b"\r\n\r\n" + create.body)
    assert asked.value.sent.startswith(f"GET {server.url}/TraCuu?maThongDiep=id-0\r\n".encode())
    for error in (sent.value, asked.value):
        assert b"Authorization: Bearer ***\r\n" in error.sent
        assert b"right" not in error.sent
        assert (error.reply, error.reply_status) == (HALF, 0)


def test_without_token_no_authorization_goes(wire: Wire) -> None:
    with simulator(accepts="") as server:
        partner = Partner(server, wire, token="")
        [create] = partner.write("first_time", {})
        reply = partner.transport.send(create, no_fence)

    assert reply.status == 200
    assert b"Authorization" not in reply.sent


def test_the_probe_says_who_answers(partner: Partner, wire: Wire) -> None:
    """The probe succeeds with the right token only."""
    assert partner.server.url in partner.transport.probe()
    with pytest.raises(NotSent):
        Partner(partner.server, wire, token="wrong").transport.probe()


def test_a_fence_stops_the_call_before_its_first_byte(partner: Partner) -> None:
    """What the fence raises comes out, and the partner got nothing."""

    def lost() -> None:
        raise NotSent("claim lost", "mất quyền xử lý")

    with pytest.raises(NotSent, match="claim lost"):
        partner.transport.send(partner.write("first_time", {})[0], lost)
    assert partner.server.account()["messages"] == []


def test_a_detached_signature_goes_in_a_header() -> None:
    """``jws`` in the head of the bytes is sent as X-JWS-Signature, and shown in the record."""
    seen: list[str] = []

    def answer(call: Received) -> Said:
        seen.append(call.headers.get("x-jws-signature", ""))
        return Said(b'{"ma": "00"}')

    wire = Wire()
    with SimulatorServer("signed", answer) as server:
        partner = Partner(server, wire)
        [plain] = partner.write("first_time", {})
        signed = Outgoing(service=plain.service, body=plain.body, head={**plain.head, "jws": "a..b"})
        reply = partner.transport.send(signed, no_fence)
    wire.close()

    assert seen == ["a..b"]
    assert b"X-JWS-Signature: a..b" in reply.sent


def door(read: list[Any]) -> Callable[[Received], Said]:
    """Make a door that reads with the adapter and answers with it, like the hub's."""

    def answer(call: Received) -> Said:
        request = Request(endpoint="mau", body=call.body, headers=call.headers)
        opened, error = ADAPTER.open_request(request, None), None
        try:
            read.extend(ADAPTER.read_message(opened.document, opened, None).messages)
        except HubError as found:
            error = found
        outcome = Decided(message_id="id-1", received_at=samples.NOW, error=error)
        said = ADAPTER.answer(outcome, opened, request, None)
        return Said(said.body, status=said.status, content_type=said.content_type)

    return answer


def test_the_simulator_sends_to_the_door_and_tells_the_answer(wire: Wire) -> None:
    """The verb ``send`` posts the document as it is given, good or bad."""
    read: list[Any] = []
    good = json.loads((SAMPLES / "in/submitted.json").read_bytes())
    with SimulatorServer("door", door(read)) as hub, simulator(hub_url=hub.url, endpoint="mau", token="key") as server:
        answers = []
        for message in (good, {**good, "hoSo": None}):
            body = json.dumps({"verb": "send", "message": message}).encode()
            answers.append(json.loads(wire.call("POST", f"{server.url}/_do", body=body, deadline_seconds=20).body))

    assert [answer["status"] for answer in answers] == [200, 422]
    assert [message.dossier.code for message in read] == [NUMBER]
    assert json.loads(answers[1]["body"])["loi"] == [{"cho": "/hoSo", "ma": "missing", "moTa": "thiếu trường bắt buộc hoSo"}]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"maThongDiep": "1", "hoSo": 1}', b"\xff"])
def test_the_simulator_refuses_what_is_no_call(wire: Wire, body: bytes) -> None:
    """A double that breaks on a bad call would look like a doubt."""
    with simulator() as server:
        reply = wire.call("POST", f"{server.url}/GuiHoSo", body=body, deadline_seconds=20)

    assert json.loads(reply.body)["ma"] == "10"
