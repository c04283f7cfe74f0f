"""The ePhyto Hub as a real HTTPS (or HTTP) server: it stores and forwards between countries, and does not interpret."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cryptography import x509
from lxml import etree

from adapters.ephyto import soap
from adapters.ephyto.operations import (
    ACKNOWLEDGE,
    ACKNOWLEDGE_FAILED,
    ACKNOWLEDGE_WARNED,
    BRINGS,
    CHANNELS,
    DELIVER_RESPONSE,
    HEADERS,
    NAMESPACE,
    NOT_THERE,
    NPPOS,
    OPERATIONS,
    PROFILE,
    PULL_ALL,
    PULL_ONE,
    TRACKING,
    TRACKING_UPDATE,
    UNDER_DELIVERY,
    VALIDATE,
    VALIDATE_AND_DELIVER,
    soap_action,
)
from adapters.ephyto.requests import wsdl
from adapters.ephyto.simulator_answers import Answered, Refused, codes_rows, findings, profile_of
from adapters.ephyto.simulator_certificates import certificate
from adapters.ephyto.simulator_post import Post, acknowledged_as
from hub.errors import InvalidMessage
from hub.simulation import Call, Said, SimulatorServer
from hub.wire import Wire, client_tls

PATH = "/hub/DeliveryService"
DEADLINE_SECONDS = 30.0
_FRONT = b"<!DOCTYPE html>\n<html><head><title>403 Forbidden</title></head><body><hr>nginx & friends</body></html>"


def simulator(
    *,
    port: int = 0,
    country: str = "VN",
    countries: Mapping[str, Any] | None = None,
    hub_url: str = "",
    endpoint: str = "ephyto",
    token: str = "",
    server_certificate: str = "",
    key: str = "",
    client_authorities: str = "",
    hub_ca: str = "",
) -> SimulatorServer:
    """Make a double of the Hub; not yet started.

    ``country``: the connection code of whoever calls. ``countries``: others by code, each with ``receive``, ``send`` and
    ``documents`` (pairs of type and status). ``server_certificate``, ``key``, ``client_authorities`` (files): TLS; callers need a
    certificate whose common name is their connection code. ``hub_url``, ``endpoint``, ``token``: the door that is called (PUSH).
    """
    partner = Partner(country, countries, Door(hub_url, endpoint, token), hub_ca)
    tls = _server_tls(server_certificate, key, client_authorities) if server_certificate else None
    server = SimulatorServer("ephyto", partner.handle, port=port, tls=tls)
    partner.server, partner.knows_by_certificate = server, bool(client_authorities)
    server.account = partner.post.account
    server.verbs = {
        "issue": partner.issue,
        "incoming": partner.incoming,
        "settle": partner.settle,
        "push": partner.push,
        "track": partner.track,
    }
    return server


def _server_tls(certificate: str, key: str, authorities: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(certificate, key)
    if authorities:
        # Optional, as the Hub's front has it: who comes without one is answered 403 in HTML.
        made.verify_mode = ssl.CERT_OPTIONAL
        made.load_verify_locations(authorities)
    return made


@dataclass(frozen=True, slots=True)
class Door:
    """Where the hub is called (PUSH)."""

    hub_url: str
    endpoint: str
    token: str

    def named(self, given: Mapping[str, Any]) -> Door:
        """Give the same, with what a verb names otherwise."""
        return replace(self, **{name: str(given[name]) for name in ("hub_url", "endpoint", "token") if name in given})

    @property
    def address(self) -> str:
        return f"{self.hub_url.rstrip('/')}/doors/{self.endpoint}"


class Partner:
    """The Hub: who calls is known by the certificate, what is called by the body's first element."""

    def __init__(self, country: str, countries: Mapping[str, Any] | None, door: Door, hub_ca: str) -> None:
        self.post = Post(country, countries)
        self.server: SimulatorServer | None = None
        self.knows_by_certificate = False
        self._door = door
        self._wire = Wire(tls=client_tls(hub_ca, "", "", "simulator")) if hub_ca else Wire()
        self._operations: dict[str, Callable[[etree._Element, str], Answered]] = {
            **dict.fromkeys(BRINGS, self._deliver),
            **dict.fromkeys((ACKNOWLEDGE, ACKNOWLEDGE_WARNED, ACKNOWLEDGE_FAILED), self._acknowledge),
            TRACKING: self._tracking,
            UNDER_DELIVERY: lambda call, caller: Answered(headers=self.post.under_way(caller)),
            HEADERS: self._headers,
            PULL_ONE: self._pull_one,
            PULL_ALL: lambda call, caller: Answered(envelopes=self.post.waiting(caller)),
            TRACKING_UPDATE: lambda call, caller: Answered(),
            NPPOS: lambda call, caller: Answered(trees=("Nppo", [profile_of(each) for each in self.post.active()])),
            PROFILE: lambda call, caller: Answered(tree=profile_of(self.post.nppo(caller))),
            CHANNELS: lambda call, caller: Answered(trees=("Channel", [{"Code": "ASW", "Name": "ASW"}])),
            VALIDATE: self._validate,
        }

    # --- what it is called for ----------------------------------------------------------------------------------

    def handle(self, call: Call) -> Said:
        """Answer one call, or give the contract."""
        assert self.server is not None
        text = call.body.decode("utf-8", "replace")
        if self.server.faults.take("front_403", text) or (self.knows_by_certificate and not call.certificate):
            return Said(_FRONT, status=403, content_type="text/html")
        if call.path != PATH:
            return Said(status=404, content_type="text/plain")
        if call.method == "GET":
            return Said(wsdl(f"{self.server.url}{PATH}"), content_type="text/xml; charset=utf-8")
        if (fault := self.server.faults.take("soap_fault", text)) is not None:
            return _faulted(str(fault["value"] or ""))
        try:
            return self._answered(call, text)
        except (Refused, InvalidMessage) as error:
            return _faulted(str(error))

    def _answered(self, call: Call, text: str) -> Said:
        element = soap.called(call.body)
        operation = soap.local(element)
        if str(element.tag) not in (f"{{{NAMESPACE}}}{each}" for each in OPERATIONS):
            raise Refused(f"unknown operation {operation}")
        if call.headers.get("soapaction", "").strip('"') != soap_action(operation):
            raise Refused("SOAPAction does not match")
        said = self._operations.get(operation, self._codes)(element, self._caller(call))
        self._spoil(said, text)
        return Said(said.written(operation), content_type=soap.CONTENT_TYPE[soap.SOAP_11])

    def _spoil(self, said: Answered, text: str) -> None:
        assert self.server is not None
        if (state := self.server.faults.take("state", text)) is not None:
            said.state = str(state["value"])

    def _caller(self, call: Call) -> str:
        if not self.knows_by_certificate:
            return self.post.country
        subject = x509.load_der_x509_certificate(call.certificate).subject
        return str(subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)

    def _deliver(self, call: etree._Element, caller: str) -> Answered:
        operation = soap.local(call)
        envelope = next((one for one in call if str(one.tag) == f"{{{NAMESPACE}}}{BRINGS[operation]}"), None)
        if envelope is None:
            raise Refused(f"parameter {BRINGS[operation]} is missing")
        header, content = soap.loose_header(envelope), soap.content_in(envelope)
        assert self.server is not None
        if self.server.faults.take("refuse", header.number):
            return Answered(header=self.post.failed(header, "refused on demand"))
        if operation == VALIDATE_AND_DELIVER and (severe := findings(content, severe_only=True)):
            return Answered(header=self.post.failed(header, "; ".join(each["msg"] for each in severe)))
        return Answered(header=self.post.take(header, content, caller, answer=operation == DELIVER_RESPONSE))

    def _acknowledge(self, call: etree._Element, caller: str) -> Answered:
        operation = soap.local(call)
        number = soap.text_of(soap.child(call, "hubTrackingNumber"))
        said = soap.text_of(soap.child(call, "warningMessage")) or soap.text_of(soap.child(call, "message"))
        if operation != ACKNOWLEDGE and not said:
            raise Refused("a message is needed")
        self.post.acknowledge(number, caller, acknowledged_as(operation), said)
        return Answered(text="OK" if operation == ACKNOWLEDGE_WARNED else None)

    def _tracking(self, call: etree._Element, caller: str) -> Answered:
        number = soap.text_of(soap.child(call, "hubTrackingNumber"))
        found = self.post.find(number)
        return Answered(header=found or soap.Header(hub_number=number, state=NOT_THERE, type="0", status="0"))

    def _headers(self, call: etree._Element, caller: str) -> Answered:
        country = soap.text_of(soap.child(call, "countryCode"))
        waiting = [header for header, _ in self.post.waiting(caller)]
        return Answered(headers=[each for each in waiting if not country or each.sender == country])

    def _pull_one(self, call: etree._Element, caller: str) -> Answered:
        number = soap.text_of(soap.child(call, "hubTrackingNumber"))
        found = next(((header, content) for header, content in self.post.waiting(caller) if header.hub_number == number), None)
        if found is None:
            raise Refused("envelope does not exist")
        return Answered(envelope=found)

    def _validate(self, call: etree._Element, caller: str) -> Answered:
        return Answered(validation=findings(soap.text_of(soap.child(call, "ePhytoXML")).encode(), severe_only=False))

    def _codes(self, call: etree._Element, caller: str) -> Answered:
        return Answered(trees=codes_rows(soap.local(call)))

    # --- what is done with it (POST /_do) -----------------------------------------------------------------------

    def issue(self, given: dict[str, Any]) -> Any:
        """Let a country issue a certificate for us: ``number``, and all of ``from``, ``to``, ``type``, ``status``, ``permit``,
        ``replaces`` that shall be otherwise; what is made of it waits like any other.
        """
        told = {"from": "ID", "to": self.post.country, **given}
        return {"number": self.post.arrive({**told, "content": certificate(told)})}

    def incoming(self, given: dict[str, Any]) -> Any:
        """Let an envelope of another country wait for us: ``from``, ``number``, ``content``, ``type``, ``status``."""
        return {"number": self.post.arrive(given)}

    def settle(self, given: dict[str, Any]) -> Any:
        """Let the receiver of one of our envelopes answer: ``certificate`` or ``number``, ``state``, ``message``."""
        return {"settled": self.post.settle(given)}

    def push(self, given: dict[str, Any]) -> Any:
        """Call the hub's door with an envelope (PUSH): as ``incoming``, or the whole ``body`` as it is.

        ``hub_url``, ``endpoint``, ``token``: another door than that of the settings.
        """
        door = self._door.named(given)
        if "body" in given:
            return self._called(door, given["body"].encode(), "")
        number = self.post.arrive(given)
        header, content = next(each for each in self.post.waiting(self.post.country) if each[0].hub_number == number)
        operation = given.get("operation", "DeliverEnvelope")
        return {"number": number, **self._called(door, Answered(envelope=(header, content)).call(operation), operation)}

    def track(self, given: dict[str, Any]) -> Any:
        """Tell the hub's door the state of one of its envelopes (SetTrackingInfoUpdate): ``number``."""
        header = self.post.find(given["number"])
        assert header is not None
        return self._called(self._door.named(given), Answered(header=header).call(TRACKING_UPDATE), TRACKING_UPDATE)

    def _called(self, door: Door, body: bytes, operation: str) -> dict[str, Any]:
        headers = {
            "Content-Type": soap.CONTENT_TYPE[soap.SOAP_11],
            "Authorization": f"Bearer {door.token}",
            "SOAPAction": f'"{soap_action(operation)}"',
        }
        reply = self._wire.call("POST", door.address, body=body, headers=headers, deadline_seconds=DEADLINE_SECONDS)
        result = soap.result_in(soap.called(reply.body))
        header = soap.loose_header(result) if result is not None else soap.Header()
        return {"status": reply.status, "state": header.state, "error": header.error, "body": reply.body.decode()}


def _faulted(text: str) -> Said:
    return Said(soap.fault(soap.SOAP_11, text, sender=False), status=500, content_type=soap.CONTENT_TYPE[soap.SOAP_11])


SIMULATOR = simulator
