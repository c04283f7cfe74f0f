"""The socket side: requests built by zeep from our own WSDL, their bytes sent by the hub's pooled client."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

from adapters.ephyto import soap
from adapters.ephyto.inbound import NOT_HAD, identity_of, tree_of
from adapters.ephyto.look_ups import ASKED, LOOK_UPS, codes_in, records_in
from adapters.ephyto.operations import (
    ACKNOWLEDGE,
    ACKNOWLEDGE_FAILED,
    ACKNOWLEDGE_WARNED,
    CODE_LISTS,
    FINAL,
    HEADERS,
    NOT_THERE,
    NPPOS,
    PROFILE,
    PULL_ONE,
    TRACKING,
    UNDER_DELIVERY,
    VALIDATE,
)
from adapters.ephyto.options import ADDRESSES, Options, code_lists
from adapters.ephyto.receipts import check_status, doubt, headers_in, severe_in
from adapters.ephyto.receivers import Receiver, receivers_in, refuses
from adapters.ephyto.requests import Requests
from hub.canonical.message import Message
from hub.contract import Followed, Listed, LookUp, Outgoing, Owed, Page, Reply, Request
from hub.endpoint import Endpoint
from hub.errors import BadSettings, InDoubt, InvalidMessage, NotSent, Refused
from hub.wire import HttpReply, Wire, recorded

PROBE_SECONDS = 10.0
#: Our word on an envelope: by what is owed.
WORDS = {"taken": ACKNOWLEDGE, "warned": ACKNOWLEDGE_WARNED, "failed": ACKNOWLEDGE_FAILED}
_TEXT_OF = {"warned": "warningMessage", "failed": "message"}
_XML = "text/xml; charset=utf-8"


def _let_go() -> None:
    """Let a question go: it changes nothing."""


class EphytoTransport:
    """The Hub as one country's endpoint; shared by workers, safe in threads."""

    def __init__(self, endpoint: Endpoint, wire: Wire, clock: Callable[[], float] = time.monotonic) -> None:
        self._options: Options = endpoint.options
        _check(endpoint, self._options)
        assert endpoint.outbound is not None
        self._name, self._url = endpoint.name, self._options.address
        self._deadline = endpoint.outbound.deadline_seconds
        self._wire, self._clock = wire, clock
        self._requests = Requests(self._options)
        self._lock = threading.Lock()
        self._receivers: tuple[float, Mapping[str, Receiver]] = (0.0, {})

    # --- delivering ---------------------------------------------------------------------------------------------

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        """Deliver one envelope within the total deadline; what the receiver or the validation would refuse is not sent."""
        ends_at = self._clock() + self._deadline
        self._check_receiver(outgoing, ends_at)
        if (severe := self._validated(outgoing, ends_at)) is not None:
            return severe
        body = self._requests.delivery(outgoing)
        with recorded(body):
            reply = self._post(outgoing.service, body, ends_at, fence)
            check_status(reply.status, outgoing.service)
        return Reply(status=reply.status, body=reply.body, sent=body)

    def _check_receiver(self, outgoing: Outgoing, ends_at: float) -> None:
        """Raise Refused where the receiving country does not take this; asked at most every ``receivers_seconds``."""
        if not self._options.check_receiver:
            return
        until, known = self._receivers
        if self._clock() >= until:
            with self._lock:
                until, known = self._receivers
                if self._clock() >= until:
                    known = receivers_in(self._asked(NPPOS, ends_at=ends_at))
                    self._receivers = (self._clock() + self._options.receivers_seconds, known)
        head = outgoing.head
        if (error := refuses(known, head["to"], head["type"], head["status"])) is not None:
            # It may be connected by the next time that somebody tries.
            self._receivers = (0.0, {})
            raise error

    def _validated(self, outgoing: Outgoing, ends_at: float) -> Reply | None:
        """Have the certificate validated where that is wanted; give the answer where something is severe."""
        if not self._options.validate_first or outgoing.service not in self._requests.of_certificates:
            return None
        body = self._requests.build(VALIDATE, ePhytoXML=outgoing.body.decode())
        reply = self._post(VALIDATE, body, ends_at)
        if severe_in(self._read(reply, VALIDATE)):
            return Reply(status=reply.status, body=reply.body, sent=body)
        return None

    def ask(self, outgoing: Outgoing, subject: Message) -> Reply:
        """Ask for our envelopes that are still under way."""
        body = self._requests.build(UNDER_DELIVERY)
        reply = self._post(UNDER_DELIVERY, body, self._clock() + self._deadline)
        check_status(reply.status, UNDER_DELIVERY)
        return Reply(status=reply.status, body=reply.body, sent=body)

    def probe(self) -> str:
        """Ask for our own profile: it needs our certificate, and changes nothing."""
        profile = self._asked(PROFILE, ends_at=self._clock() + min(PROBE_SECONDS, self._deadline))
        return f"{self._url}: {self._options.environment}, {_country_in(profile)}"

    @property
    def address(self) -> str:
        """Where the Hub is reached."""
        return str(self._url)

    def ping(self) -> Iterator[tuple[str, str, str]]:
        """Ask for our own profile, and for who is connected."""
        country = _country_in(self._asked(PROFILE))
        yield "authenticated", f"Hub nhận ra chúng ta là {country}", f"the Hub knows us as {country}"
        known = receivers_in(self._asked(NPPOS))
        yield "answered", f"{len(known)} nước đang kết nối", f"{len(known)} countries are connected"

    def close(self) -> None:
        """Keep nothing open: connections belong to the wire."""

    # --- following ----------------------------------------------------------------------------------------------

    def follow(self, number: str) -> Followed:
        """Ask for the state of one of our envelopes; the state is the Hub's exact word."""
        plain = self._plain(number)
        reply = self._post(TRACKING, self._requests.build(TRACKING, hubTrackingNumber=plain), self._clock() + self._deadline)
        result = soap.result_in(self._read(reply, TRACKING))
        header = soap.loose_header(result) if result is not None else soap.Header()
        if not header.state:
            raise doubt(TRACKING, "no HUBTrackingInfo in the answer")
        if header.hub_number and header.hub_number != plain:
            raise doubt(TRACKING, "the answer is about another envelope")
        request = Request(
            endpoint=self._name,
            body=reply.body,
            content_type=_XML,
            path=f"/{TRACKING}",
            idempotency_key=f"{TRACKING}/{number}/{header.state[:60]}",
        )
        return Followed(state=header.state[:60], final=header.state in FINAL, request=request)

    # --- taking what waits --------------------------------------------------------------------------------------

    def pull(self, name: str, cursor: str, now: datetime) -> Page:
        """Ask which envelopes wait for us; each is fetched when its turn comes (``joined``), those that are settled never."""
        reply = self._post(HEADERS, self._requests.build(HEADERS), self._clock() + self._deadline)
        found = {header.hub_number: header for header in headers_in(self._read(reply, HEADERS))}
        return Page(items=tuple(self._listed(header, reply.body) for header in found.values()), cursor="")

    def _listed(self, header: soap.Header, page: bytes) -> Listed:
        # The state may change from one list to the next without another content.
        row = soap.header_tree(replace(header, state="", error=""))
        request = Request(
            endpoint=self._name,
            body=json.dumps(row, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace"),
            content_type=_XML,
            path=f"/{PULL_ONE}",
            idempotency_key=identity_of(header.hub_number, self._options) or f"{HEADERS}/{header.number}",
            owed=self._options.number_here(header.hub_number) if header.hub_number else "",
        )
        return Listed(request=request, page=page)

    def joined(self, listed: Listed, addresses: Mapping[str, str]) -> Request:
        """Fetch the envelope of a listed header; raises NotSent where the Hub is away.

        One that cannot be had alone keeps the others from nothing: intake is given what came in its place, and settles nothing.
        """
        try:
            return replace(listed.request, body=self._envelope(json.loads(listed.request.body)))
        except (Refused, InDoubt) as error:
            return replace(listed.request, body=error.reply or error.en.encode(), path=NOT_HAD)

    def _envelope(self, row: Mapping[str, str]) -> bytes:
        number = row.get(soap.FIELDS["hub_number"], "")
        if not number:
            raise doubt(HEADERS, "an envelope in the list has no hubDeliveryNumber")
        body = self._requests.build(PULL_ONE, hubTrackingNumber=number)
        reply = self._post(PULL_ONE, body, self._clock() + self._deadline)
        result = soap.result_in(self._read(reply, PULL_ONE))
        header = soap.loose_header(result) if result is not None else soap.Header()
        if header.hub_number != number:
            raise doubt(PULL_ONE, "the envelope that was given is another one, or none")
        return reply.body

    def fetch(self, file: str, give: Callable[[bytes], None]) -> None:
        """Refuse: files stand inside the certificates, none is listed beside them."""
        raise Refused("the Hub gives no files by themselves", "Hub không cấp tệp riêng", where=HEADERS)

    def acknowledge(self, owed: Owed) -> None:
        """Give our word on one envelope; where it was refused, its state says whether any is still waited for."""
        number, operation = self._plain(owed.number), WORDS[owed.kind]
        text = {_TEXT_OF[owed.kind]: owed.text} if owed.kind in _TEXT_OF else {}
        body = self._requests.build(operation, hubTrackingNumber=number, **text)
        reply = self._post(operation, body, self._clock() + self._deadline)
        try:
            self._read(reply, operation)
        except Refused as error:
            if self._waits(number):
                raise doubt(operation, error.en, error.partner_code) from error
            raise

    def _waits(self, number: str) -> bool:
        result = soap.result_in(self._asked(TRACKING, hubTrackingNumber=number))
        state = soap.loose_header(result).state if result is not None else ""
        return state not in (*FINAL, NOT_THERE)

    def _plain(self, number: str) -> str:
        """Take the name of its Hub off a number; raise Refused where it is the other Hub's."""
        environment, _, plain = number.partition("/")
        if environment != self._options.environment or not plain:
            here = self._options.environment
            raise Refused(
                f"{number} is not a number of this Hub ({here}): nothing is said or asked about it here",
                f"{number} không phải số của Hub này ({here}): không phản hồi, không tra cứu tại đây",
                where="options.environment",
            )
        return plain

    # --- asked by people, and code lists ------------------------------------------------------------------------

    def look_ups(self) -> Mapping[str, LookUp]:
        """Say what can be asked here."""
        return LOOK_UPS

    def look_up(self, service: str, asked: Mapping[str, str]) -> tuple[Any, ...]:
        """Ask, and give the records as the Hub gives them."""
        given = {name: asked[name] for name in ASKED.get(service, ()) if asked.get(name)}
        reply = self._post(service, self._requests.build(service, **given), self._clock() + self._deadline)
        self._read(reply, service)
        return records_in(tree_of(reply.body))

    def look_up_file(self, service: str, asked: Mapping[str, str], give: Callable[[bytes], None]) -> None:
        """Refuse: nothing that can be asked here is a file."""
        raise Refused("nothing that can be asked here is a file", "không có tra cứu nào ở đây trả về tệp", where=service)

    @property
    def code_lists(self) -> dict[str, str]:
        """Say which of the ten lists fill which of the hub's."""
        return code_lists(self._options)

    def codes_of(self, name: str) -> tuple[tuple[str, str], ...]:
        """Fetch one list: the codes that are active, each with its English name."""
        if name not in CODE_LISTS:
            raise Refused(f"the Hub has no list {name}", f"Hub không có danh mục {name}", where=name)
        return codes_in(self._asked(name))

    # --- one call -----------------------------------------------------------------------------------------------

    def _asked(self, operation: str, *, ends_at: float | None = None, **given: Any) -> etree._Element:
        body = self._requests.build(operation, **given)
        reply = self._post(operation, body, self._clock() + self._deadline if ends_at is None else ends_at)
        return self._read(reply, operation)

    def _post(self, operation: str, body: bytes, ends_at: float, fence: Callable[[], None] = _let_go) -> HttpReply:
        left = ends_at - self._clock()
        if left <= 0:
            raise NotSent("the deadline passed before the call", "hết hạn trước khi gọi", where=operation)
        headers = self._requests.headers(operation)
        return self._wire.call("POST", self._url, body=body, headers=headers, deadline_seconds=left, fence=fence)

    def _read(self, reply: HttpReply, operation: str) -> etree._Element:
        """Read the answer to a question; raise Refused for a fault, InDoubt where it is none."""
        check_status(reply.status, operation)
        try:
            answered = soap.called(reply.body)
        except InvalidMessage as error:
            code = error.faults[0].code
            raise doubt(operation, f"HTTP {reply.status}, no SOAP message ({code})", str(reply.status)) from error
        if (fault := soap.fault_in(answered)) is not None:
            text = fault.text or "(no text)"
            raise Refused(f"the Hub says no: {text}", f"Hub từ chối: {text}", where=operation, partner_code=fault.code)
        if reply.status != 200 or soap.local(answered) != f"{operation}Response":
            raise _not_told(operation, reply.status)
        return answered


def _not_told(operation: str, status: int) -> InDoubt:
    return doubt(operation, f"HTTP {status}, no answer to {operation}", str(status))


def _country_in(profile: etree._Element) -> str:
    found = next(profile.iter("{*}Country"), None)
    return "?" if found is None else soap.text_of(found)[:20]


def _check(endpoint: Endpoint, options: Options) -> None:
    where = f"endpoints/{endpoint.name}.toml"
    if endpoint.outbound is None:
        raise BadSettings(f"{where}: [outbound] is needed", f"{where}: thiếu bảng [outbound]", where=where)
    real = {urlsplit(address).hostname for address in ADDRESSES.values()}
    if endpoint.outbound.tls is None and urlsplit(options.address).hostname in real:
        raise _no_certificate(where)


def _no_certificate(where: str) -> BadSettings:
    return BadSettings(
        f"{where}: the Hub knows us by a client certificate: add [outbound.tls] certificate and key",
        f"{where}: Hub nhận biết chúng ta bằng chứng thư số máy khách: thêm [outbound.tls] certificate và key",
        where=f"{where} [outbound.tls]",
    )


def open_transport(endpoint: Endpoint, wire: Wire) -> EphytoTransport:
    """Open the socket side for one endpoint."""
    return EphytoTransport(endpoint, wire)
