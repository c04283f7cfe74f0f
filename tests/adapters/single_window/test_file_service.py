"""The two-step file service: files first, each by a call of its own; then the message, which names them by their FileIds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from adapters.single_window import ADAPTER, file_service
from adapters.single_window.options import Options
from adapters.single_window.samples import generator
from hub.canonical.codes import CodeTables, Event
from hub.canonical.document import Attachment
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.contract import Call, Opened, Outgoing, Reply, Writing
from hub.errors import InvalidMessage, OutOfStep
from hub.rules import xml

NOW = datetime.fromisoformat("2026-03-02T09:15:04+07:00")
FILE, OTHER = "https://hub.example/attachments/sha256:" + "a" * 64, "https://hub.example/attachments/sha256:" + "b" * 64
CODE = "BKHCN0200002"


def options() -> Options:
    party = {"name": "BKHCN", "identity": "BKHCN", "ministry_code": "BKHCN", "organization_code": "BKHCN"}
    return Options(role="ministry", ministry_parties={"BKHCN": party})


def message(event: Event = Event.SUBMITTED, files: int = 2) -> DossierMessage:
    listed = (Attachment(id="7", name="a.pdf", url=FILE), Attachment(name="b.pdf", url=OTHER))[:files]
    form = {"ImportLicence": {"Name": "x", "Files": {"FileId": [FILE, OTHER][:files]}}}
    dossier = Dossier(
        code="QG2026000012", numbering="vnsw", procedure=ProcedureRef(code=CODE), attachments=listed, form=form
    )
    return DossierMessage(event=event, dossier=dossier, sent_at=NOW, native={"type": "10", "function": "01"})


def write(told: DossierMessage, call: Call, held: dict[str, str], first: bytes = b"one", **contents: bytes) -> Outgoing | None:
    known = {FILE: first, OTHER: b"two"} if not contents else {}
    writing = Writing(options=options(), codes=CodeTables(), held=held, now=NOW, message_id="m-1", contents=known)
    return ADAPTER.write_message(told, call, writing)


def taken(outgoing: Outgoing, inside: str = "") -> Reply:
    document = generator.message(CODE, "10", "01", seed=1, options=options()).decode()
    root = xml.parse(document.encode())
    for path, value in (("Header/Subject/type", outgoing.head["type"]), ("Header/Subject/function", "99")):
        root.find(path).text = value  # type: ignore[union-attr]
    root.find("Header/Subject/reference").text = outgoing.head["reference"]  # type: ignore[union-attr]
    content = root.find("Body/Content")
    assert content is not None
    for child in list(content):
        content.remove(child)
    content.append(xml.from_tree("ReceiveDate", {"#text": "2026-03-02 09:15:05"}))
    text = xml.serialise(root).decode().replace("</Content>", f"{inside}</Content>").replace("&", "&amp;").replace("<", "&lt;")
    body = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><R>'
        f"<{outgoing.head['result']}>{text}</{outgoing.head['result']}></R></s:Body></s:Envelope>"
    )
    return Reply(status=200, body=body.encode())


def test_a_tree_that_lacks_a_long_file_does_not_go_with_the_bytes() -> None:
    told = message()
    call = ADAPTER.plan(told, options())[0]

    short, long = write(told, call, {}), write(told, call, {}, first=b"x" * 5000)

    assert short is not None and short.root is not None
    assert long is not None and long.root is None


def test_the_files_go_first_and_what_is_learnt_of_them_is_what_the_message_names() -> None:
    told = message()
    calls = ADAPTER.plan(told, options())
    assert [(call.service, dict(call.part)) for call in calls] == [
        ("22/23", {"file": "0"}),
        ("22/23", {"file": "1"}),
        ("10/01", {}),
    ]
    assert [ADAPTER.inlines(told, call, options()) for call in calls] == [(FILE,), (OTHER,), ()]

    held: dict[str, str] = {}
    for call in calls[:2]:
        outgoing = write(told, call, held)
        assert outgoing is not None
        server = xml.parse(outgoing.body).find("Body/Content/FileServer")
        assert server is not None and [child.tag for child in server] == ["FileId", "FileName", "FileByte"]
        held |= ADAPTER.read_receipt(taken(outgoing), outgoing).held
    outgoing = write(told, calls[2], held)

    assert outgoing is not None
    second = file_service.own_id(told.dossier.attachments[1])
    assert [one.text for one in xml.parse(outgoing.body).iter("FileId")] == ["7", second]
    assert FILE.encode() not in outgoing.body


def test_an_identifier_in_the_answer_is_the_right_one() -> None:
    outgoing = write(message(), Call(service="22/23", part={"file": "0"}), {})
    assert outgoing is not None

    held = ADAPTER.read_receipt(taken(outgoing, "<FileId>NSW-99</FileId>"), outgoing).held

    assert list(held.values()) in (["NSW-99"], ["7"])
    assert list(held) == [outgoing.head["fileKey"]]


def test_a_file_that_the_partner_has_is_not_sent_again() -> None:
    first = write(message(), Call(service="22/23", part={"file": "0"}), {})
    assert first is not None

    assert write(message(), Call(service="22/23", part={"file": "0"}), {first.head["fileKey"]: "7"}) is None
    assert write(message(files=1), Call(service="22/23", part={"file": "1"}), {}) is None


def test_a_message_never_names_a_file_that_was_not_given() -> None:
    with pytest.raises(OutOfStep):
        write(message(), Call(service="10/01"), {})


def test_a_file_is_never_given_without_its_content() -> None:
    with pytest.raises(InvalidMessage) as refused:
        write(message(), Call(service="22/23", part={"file": "0"}), {}, none=b"")

    assert [one.code for one in refused.value.faults] == ["without_content"]


def test_a_file_that_comes_is_taken_out_and_known_by_its_identifier() -> None:
    reading = replace_role(options())
    given = {"FileId": "F-1", "FileName": "a.pdf", "FileByte": "dGjhu60="}
    document = generator.message(CODE, "22", "23", seed=3, given=given, options=reading)

    incoming = ADAPTER.read_message(document, Opened(document=document), reading)

    (told,) = incoming.messages
    assert isinstance(told, DossierMessage) and told.event is Event.FILE
    (file,) = told.dossier.attachments
    assert (file.url, file.digest) == (incoming.files[0].digest, incoming.files[0].digest)
    assert file.id == xml.parse(document).findtext("Body/Content/FileServer/FileId")


def replace_role(given: Options) -> Options:
    return given.model_copy(update={"role": "gateway"})


def test_other_procedures_have_no_such_calls() -> None:
    told = message().model_copy(update={"native": {}})
    other = told.model_copy(update={"dossier": told.dossier.model_copy(update={"procedure": ProcedureRef(code="BTNMT0600001")})})

    plain = Options(role="ministry")
    assert [call.part for call in ADAPTER.plan(other, plain)] == [{}]
    assert replace(Call(service="x"), part={}) == Call(service="x")
