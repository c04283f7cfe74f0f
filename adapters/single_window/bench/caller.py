"""Calls a vendor's system as the Single Window or a ministry would, and reads what it answers without trusting it."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from adapters.single_window.envelope import Head, read_head, without_prefix
from adapters.single_window.options import Options
from adapters.single_window.registry import Procedure, Row
from adapters.single_window.samples import generator
from adapters.single_window.send_gateway import SendGateway
from adapters.single_window.soap import CONTENT_TYPE, SOAP
from hub.canonical.codes import Event
from hub.errors import BadSettings, InDoubt, InvalidMessage
from hub.partner_bench import Evidence
from hub.rules import xml
from hub.wire import Wire

DEADLINE_SECONDS = 60.0
#: So much of what went either way is shown.
SHOWN = 20_000
#: The first thing that is told of a dossier, in each direction.
_OPENING = (Event.SUBMITTED, Event.RECEIVED, Event.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One call of ours, and what came back."""

    sent: str
    status: int = 0
    body: str = ""
    #: What kept the answer from being read, in Vietnamese and English; empty where it was.
    problem: tuple[str, str] = ("", "")
    #: The text inside the result element; None where there is none.
    text: str | None = None
    head: Head = field(default_factory=Head)
    received_at: str = ""
    #: Code and text of each fault.
    errors: tuple[tuple[str, str], ...] = ()

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Both texts, for the report."""
        return (
            Evidence(title="→", text=self.sent[:SHOWN]),
            Evidence(title=f"← HTTP {self.status}", text=self.body[:SHOWN]),
        )


class Caller:
    """Speaks to one system in the dialect of one endpoint."""

    def __init__(
        self,
        options: Options,
        wire: Wire,
        url: str,
        document_type: str,
        soap_version: str,
        payload: str,
        addressing: bool,
        token: str,
    ) -> None:
        self.options, self.url, self.version, self.payload = options, url, soap_version, payload
        self._wire, self._addressing, self._token = wire, addressing, token
        self.procedure = self._procedure(document_type)
        self.dialect = options.dialect_of(self.procedure)
        self.row = self._row(self.procedure)
        self._seed = 0

    def _procedure(self, document_type: str) -> Procedure:
        found = self.options.find(document_type)
        if found is None or found.office_code not in self.options.ministry_parties:
            raise BadSettings(
                f"there is no procedure {document_type}", f"không có thủ tục {document_type}", where="document_type"
            )
        return found

    def _row(self, procedure: Procedure) -> Row:
        rows = [row for event in _OPENING for row in procedure.telling(event, self.options.incoming)]
        return rows[0] if rows else next(row for row in procedure.rows if row.goes(self.options.incoming))

    def document(self) -> str:
        """Write a new valid message of the procedure."""
        self._seed += 1
        numbers = (self.procedure.document_type, self.row.type, self.row.function)
        return generator.message(*numbers, seed=self._seed, direction=self.options.incoming, options=self.options).decode()

    def say(self, document: str, *, payload: str = "", document_type: str = "") -> Heard:
        """Call the system with a document, and read the answer. Raises NotSent where the system is not reached at all."""
        gateway = SendGateway(self.options, self.url, self.version, payload or self.payload, self._addressing)
        body = gateway.wrap(document, document_type or self.procedure.document_type, self.procedure.office_code)
        headers = {"Content-Type": CONTENT_TYPE[self.version]}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        sent = body.decode()
        try:
            reply = self._wire.call("POST", self.url, body=body, headers=headers, deadline_seconds=DEADLINE_SECONDS)
        except InDoubt as error:
            return Heard(sent=sent, problem=(error.vi, error.en))
        return self._read(sent, reply.status, reply.body)

    def _read(self, sent: str, status: int, body: bytes) -> Heard:
        shown = body.decode("utf-8", "replace")
        try:
            root = xml.parse(body)
        except InvalidMessage as error:
            return Heard(sent=sent, status=status, body=shown, problem=(f"không phải XML: {error.vi}", f"not XML: {error.en}"))
        name = self.options.door.result
        found = next(iter(root.iter("{*}" + name)), None)
        if root.tag != f"{{{SOAP[self.version]}}}Envelope" or found is None:
            vi = f"không có phần tử {name} trong thông điệp SOAP {self.version}"
            return Heard(sent=sent, status=status, body=shown, problem=(vi, f"no {name} in a SOAP {self.version} message"))
        return _answered(sent, status, shown, found.text or "")


def _answered(sent: str, status: int, shown: str, text: str) -> Heard:
    try:
        answer = without_prefix(xml.parse(text.encode()))
    except InvalidMessage as error:
        problem = (f"kết quả không đọc được: {error.vi}", f"the result cannot be read: {error.en}")
        return Heard(sent=sent, status=status, body=shown, text=text, problem=problem)
    if answer.tag != "Envelope":
        problem = (f"kết quả là {answer.tag}, không phải Envelope", f"the result is {answer.tag}, not an Envelope")
        return Heard(sent=sent, status=status, body=shown, text=text, problem=problem)
    return Heard(
        sent=sent,
        status=status,
        body=shown,
        text=text,
        head=read_head(answer),
        received_at=xml.text(answer, "Body/Content/ReceiveDate"),
        errors=tuple(_errors(answer)),
    )


def _errors(answer: etree._Element) -> list[tuple[str, str]]:
    listed = [(xml.text(one, "ErrorCode"), xml.text(one, "ErrorName")) for one in answer.iterfind("Body/Content/ErrorList/Error")]
    refused = [(xml.text(one, "RejectCode"), xml.text(one, "RejectDesc")) for one in answer.iterfind("Body/Content/Reject")]
    return [*listed, *refused]
