"""Messages whose structure nobody has published: composed of what the dossier says, as the registry has it."""

from __future__ import annotations

from datetime import datetime

from adapters.single_window import ADAPTER
from adapters.single_window.options import Options
from adapters.single_window.parties import party_of
from adapters.single_window.places import NUMBERING
from hub.canonical.codes import CodeTables, Event, Status
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef, Step
from hub.contract import Call, Opened, Outgoing, Writing
from hub.rules import xml

NOW = datetime.fromisoformat("2026-03-02T09:15:04+07:00")
FOOD = "BYT0000300"


def options(role: str = "gateway") -> Options:
    return Options(role=role, ministry_parties={"BYT": party_of("BYT")})


def status(*steps: Step, **more: object) -> DossierMessage:
    """Answer the question where a dossier stands, by the message's numbers and without its content."""
    procedure = ProcedureRef(code=FOOD, name="Công bố")
    given = {"code": "ATTP26000001", "numbering": NUMBERING, "procedure": procedure, "status": Status.PROCESSING, **more}
    native = {"documentType": FOOD, "type": "ATTP", "function": "312"}
    return DossierMessage(event=Event.STATUS, dossier=Dossier.model_validate(given), steps=steps, native=native)


def written(message: DossierMessage) -> Outgoing:
    (call,) = ADAPTER.plan(message, options())
    assert call == Call(service="ATTP/312")
    writing = Writing(options=options(), codes=CodeTables(), held={}, now=NOW, message_id="7d0f5b1e-2c3a-4a77-9a55-0c6e9b1f2a10")
    outgoing = ADAPTER.write_message(message, call, writing)
    assert outgoing is not None
    return outgoing


def content(outgoing: Outgoing) -> list[tuple[str, str]]:
    (found,) = xml.parse(outgoing.body).findall("Body/Content/*")
    assert found.tag == "DnStatus312"
    return [(str(child.tag), child.text or "") for child in found]


def test_the_answer_to_an_asked_status_says_where_the_dossier_stands() -> None:
    assert content(written(status())) == [("NswFileCode", "ATTP26000001"), ("Status", "4"), ("StatusName", "Đang xử lý")]


def test_what_the_officer_says_goes_before_the_name_of_the_status() -> None:
    step = Step(status=Status.PROCESSING, at=NOW, note="Chờ kiểm nghiệm")

    assert content(written(status(step)))[-1] == ("StatusName", "Chờ kiểm nghiệm")


def test_the_sender_s_own_content_goes_on_as_it_is() -> None:
    outgoing = written(status(form={"StatusDto": {"Status": "7"}}))

    assert xml.text(xml.parse(outgoing.body), "Body/Content/StatusDto/Status") == "7"


def test_nobody_who_was_not_asked_tells_a_status() -> None:
    assert ADAPTER.plan(status().model_copy(update={"native": {}}), options()) == ()


def test_it_is_read_by_the_other_side_whatever_its_element_is_called() -> None:
    body = written(status()).body.replace(b"DnStatus312", b"StatusDto")

    (message,) = ADAPTER.read_message(body, Opened(document=body), options("ministry")).messages

    assert isinstance(message, DossierMessage)
    assert (message.event, message.dossier.code) == (Event.STATUS, "ATTP26000001")
    assert message.steps[-1].note == "Đang xử lý"
