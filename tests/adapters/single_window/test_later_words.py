"""Our later word on a message of the Single Window's: 11 when its recipient has it, 22 when it does not get it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.single_window import ADAPTER, soap
from adapters.single_window.options import Options
from adapters.single_window.parties import party_of
from adapters.single_window.registry import registry
from adapters.single_window.samples import generator
from adapters.single_window.send_gateway import SendGateway
from adapters.single_window.simulator import PATHS, simulator
from hub import intake
from hub.app import Hub
from hub.canonical.codes import CodeTables
from hub.canonical.dossier import DossierMessage
from hub.canonical.notice import NoticeMessage
from hub.contract import Call, Incoming, Opened, Outgoing, Reply, Request, Writing
from hub.errors import InDoubt, Untold
from hub.simulation import SimulatorServer
from tests.support import hub as hubs
from tests.support.clock import Clock
from tests.support.looking import all_deliveries

NOW = datetime.fromisoformat("2026-03-02T09:15:04+07:00")
VEHICLES, TRADE = "DANGKIEM", "BNNPTNT0600009"


@cache
def options_of(role: str) -> Options:
    offices = {one.office_code for one in registry().procedures.values()}
    return Options(role=role, ministry_parties={office: party_of(office) for office in offices})


def given(procedure: str = VEHICLES, numbers: str = "100/01") -> DossierMessage:
    """Give a message as the hub has read it from the Single Window."""
    kind, _, function = numbers.partition("/")
    document = generator.message(
        procedure, kind, function, seed=3, options=options_of("ministry"), direction="to_ministry", reference="700001"
    )
    (message,) = ADAPTER.read_message(document, Opened(document=document), options_of("gateway")).messages
    assert isinstance(message, DossierMessage)
    return message


def notice(outcome: str = "delivered", *, about: DossierMessage | None = None, **more: Any) -> NoticeMessage:
    about = about or given()
    numbers = {about.dossier.numbering: about.dossier.code}
    values = {"message_id": "m", "recipient": "bo", "outcome": outcome, "at": NOW, "numbers": numbers, "native": about.native}
    return NoticeMessage.model_validate(values | more)


def written(message: NoticeMessage, held: Mapping[str, str] | None = None) -> Outgoing | None:
    (call,) = ADAPTER.plan(message, options_of("gateway"))
    writing = Writing(options=options_of("gateway"), codes=CodeTables({}), held=held or {}, now=NOW, message_id="own")
    return ADAPTER.write_message(message, call, writing)


def heard(outgoing: Outgoing | None) -> Incoming:
    """Read it as the other side does."""
    assert outgoing is not None
    return ADAPTER.read_message(outgoing.body, Opened(document=outgoing.body), options_of("ministry"))


@pytest.mark.parametrize(
    ("outcome", "refused"),
    [("delivered", False), ("acknowledged", False), ("refused", True), ("refused_late", True), ("abandoned", True)],
)
def test_the_other_side_hears_which_message_it_is_about_and_what_became_of_it(outcome: str, refused: bool) -> None:
    about = given()

    word = heard(written(notice(outcome, about=about, code="E1", vi="thiếu giấy tờ")))

    assert (word.correlation, word.correlation_refused) == (about.native["messageId"], refused)
    (message,) = word.messages
    assert isinstance(message, DossierMessage)
    assert (message.dossier.code, message.native["type"]) == ("700001", "100")
    if refused:
        assert message.dossier.form["Reject"]["RejectDesc"] == "E1 thiếu giấy tờ"


def test_a_word_is_said_once_and_never_taken_back() -> None:
    message = notice()
    outgoing = written(message)
    assert outgoing is not None
    held = ADAPTER.read_receipt(Reply(status=200, body=empty(outgoing)), outgoing).held

    assert written(message, held) is None
    with pytest.raises(Untold):
        written(notice("refused"), held)


@pytest.mark.parametrize(
    "message",
    [
        notice("in_doubt"),
        notice(native={}),
        notice(numbers={}),
        notice(native={**given().native, "messageId": ""}),
        notice(native={**given().native, "documentType": "KHONGCO"}),
        notice(native={**given().native, "type": "999"}),
        notice(native={**given().native, "type": "99", "function": "21"}),
        notice(about=given(TRADE, "10/01")),
    ],
    ids=range(8),
)
def test_of_anything_else_nothing_is_said(message: NoticeMessage) -> None:
    assert ADAPTER.plan(message, options_of("gateway")) == ()


def empty(outgoing: Outgoing) -> bytes:
    """Write the operation's own reply, with nothing in it."""
    options = options_of("gateway")
    procedure = options.find(VEHICLES)
    assert procedure is not None
    operation = options.service_for(procedure)
    assert operation.result == outgoing.head["result"]
    return soap.response("1.1", operation, "")


NOTHING = b"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body/></s:Envelope>"


@pytest.mark.parametrize("body", [b"", b"<x/>", NOTHING])
def test_what_is_not_the_operation_s_empty_answer_leaves_it_in_doubt(body: bytes) -> None:
    outgoing = written(notice())
    assert outgoing is not None

    with pytest.raises(InDoubt):
        ADAPTER.read_receipt(Reply(status=200, body=body), outgoing)


def test_an_empty_answer_to_anything_else_is_no_receipt() -> None:
    outgoing = written(notice())
    assert outgoing is not None

    with pytest.raises(InDoubt):
        ADAPTER.read_receipt(Reply(status=200, body=empty(outgoing)), replace(outgoing, service="100/01"))


# --- through the hub ---------------------------------------------------------------------------------------------

WINDOW, MINISTRY = sorted(PATHS["gateway"])[0], sorted(PATHS["ministry"])[0]
PARTY = {name: value for name, value in party_of("BGTVT").model_dump().items() if value}


def endpoint(role: str, url: str, outbound: str = "") -> str:
    """Write an endpoint's file: the Single Window's, or the inspection register's, which both speak the envelope."""
    party = "".join(f'{name} = "{value}"\n' for name, value in PARTY.items())
    return (
        f'adapter = "single_window"\ntitle = "{role}"\n[inbound]\n[outbound]\n{outbound}'
        f'[outbound.redelivery]\nfirst_seconds = 5\njitter = 0\n[options]\nrole = "{role}"\n'
        f'[options.ministry_parties.BGTVT]\n{party}[options.outbound]\nurl = "{url}"\n'
    )


@dataclass
class Between:
    """The hub between the Single Window and the inspection register."""

    hub: Hub
    clock: Clock
    window: SimulatorServer

    def say(self, name: str, numbers: str, seed: int) -> None:
        """Let one side say something of the dossier."""
        role, way = ("gateway", "to_ministry") if name == "nsw" else ("ministry", "to_gateway")
        kind, _, function = numbers.partition("/")
        writer = options_of("ministry" if role == "gateway" else "gateway")
        document = generator.message(VEHICLES, kind, function, seed=seed, options=writer, direction=way, reference="700001")
        wrapped = SendGateway(options_of(role), "http://hub", "1.1", "cdata", addressing=False)
        body = wrapped.wrap(document.decode(), VEHICLES, "BGTVT")
        intake.receive(self.hub, Request(endpoint=name, body=body, content_type="text/xml"))

    def carry(self) -> None:
        hubs.carry_all(self.hub)

    def told(self) -> list[str]:
        """Give what the Single Window has, in order."""
        return [f"{row['type']}/{row['function']}" for row in self.window.account()["dossiers"].get("700001", [])]


@pytest.fixture
def between(tmp_path: Path) -> Iterator[Between]:
    parties = {"ministry_parties": {"BGTVT": PARTY}}
    with simulator(dialect=parties) as window, simulator(role="ministry", dialect=parties) as register:
        hubs.configure(tmp_path, {})
        files = {
            "nsw": endpoint("gateway", window.url + WINDOW, "notify = true\n"),
            "bo": endpoint("ministry", register.url + MINISTRY),
        }
        for name, text in files.items():
            (tmp_path / "endpoints" / f"{name}.toml").write_text(text, encoding="utf-8")
        routes = [("to", "nsw", "bo"), ("back", "bo", "nsw")]
        lines = (f'[[route]]\nname = "{name}"\nfrom = ["{sender}"]\nto = ["{to}"]\n' for name, sender, to in routes)
        (tmp_path / "routes.toml").write_text("".join(lines), encoding="utf-8")
        clock = Clock()
        hub = hubs.open_hub(tmp_path, clock)
        try:
            yield Between(hub, clock, window)
        finally:
            hubs.close(hub)


def test_the_single_window_is_told_when_the_ministry_has_its_message(between: Between) -> None:
    between.say("nsw", "100/01", 3)

    between.carry()

    told = {(each.endpoint, each.service): (each.state, each.error_en) for each in all_deliveries(between.hub.ledger)}
    assert told["nsw", "notice"] == ("delivered", "")
    (stored,) = between.window.account()["dossiers"]["700001"]
    assert (stored["type"], stored["function"], stored["messageId"]) == ("100", "11", given().native["messageId"])


def test_a_debit_notice_waits_until_the_window_has_heard_of_its_own_message(between: Between) -> None:
    between.window.faults.add("status", times=2, value=503)
    between.say("nsw", "100/01", 3)
    between.carry()
    between.say("bo", "208/01", 9)
    between.carry()
    states = {each.service: each.state for each in all_deliveries(between.hub.ledger) if each.endpoint == "nsw"}
    assert states == {"notice": "waiting", "208/01": "waiting"}
    assert between.told() == []

    for _ in range(6):
        between.clock.advance(30)
        between.carry()

    assert between.told() == ["100/11", "208/01"]


def test_where_it_has_heard_nothing_waits(between: Between) -> None:
    between.say("nsw", "100/01", 3)
    between.carry()
    between.say("bo", "208/01", 9)

    between.carry()

    assert between.told() == ["100/11", "208/01"]


def test_call_names_the_service_that_policies_name() -> None:
    assert ADAPTER.plan(notice(), options_of("gateway")) == (Call(service="notice"),)
