"""One message's work, as a user of another framework would write it with the same libraries: verify to POST.

The same as in the hub: the signed document of a trader comes from a durable quorum queue; its enveloped RSA-2048
signature is verified against a pinned certificate that was loaded once; it is validated against the same XSD, loaded
once; it becomes the same envelope for a ministry's system (our header, a message identifier of our own, the sending
date); that is signed as a whole with a loaded RSA-2048 key, wrapped in SOAP 1.1, and sent by POST over kept connections
to the same sink, whose receipt must have function 99. Only then is the message acknowledged.

Different, and always to the peer's advantage: the document lies in the queue as it is, where the hub takes it out of a
SOAP request, answers that request with an envelope of its own, and puts a sealed delivery on the bus; no ledger, so
nothing is recorded, nothing is asked for first or once, and no order is kept; one trusted certificate, where the hub
checks period, usage and issuer against the endpoint's trust; no checks of hostile documents beyond what the libraries do
(limits of size, depth and nodes; faults named by place); the SOAP request from a template instead of a WSDL; what goes
out is not validated again; and the receipt is searched for its function, not parsed.

``verify`` chooses the signature code: ``signxml`` is what there is to install; ``strict`` is the hub's own fast path
(``hub.rules.signatures``), verifying and signing, lent to the peer. ``translate`` chooses how the new envelope is made:
``direct`` changes the verified tree in place, as one would by hand for one pair of systems; ``rooms`` goes through the
hub's translators and its canonical message, which any other system could be told too. Both write the same bytes.
"""

from __future__ import annotations

import http.client
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit
from uuid import uuid4

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree
from signxml import CanonicalizationMethod, SignatureConfiguration, XMLSigner, XMLVerifier

from adapters.single_window import ADAPTER
from adapters.single_window.envelope import party, write_moment
from adapters.single_window.options import MINISTRY_SERVICE, Options
from adapters.single_window.soap import CONTENT_TYPE, SOAP
from benchmarks.dossiers import DOCUMENT_TYPE, OFFICE_CODE
from hub.canonical.codes import CodeTables
from hub.contract import Incoming, Opened, Writing
from hub.rules import signatures, signing, xml
from hub.rules.trust import TrustSnapshot
from hub.trust import keys

Verify = Literal["signxml", "strict"]
Translate = Literal["direct", "rooms"]

#: The envelope comes from the Single Window; it goes on to a ministry's system that speaks the same envelope.
COMING, GOING = Options(), Options(role="ministry")
_SERVICE = "10/01"
_CALL_SECONDS = 30.0
_HEADERS = {"Content-Type": CONTENT_TYPE["1.1"], "Accept": "text/xml", "SOAPAction": '""', "Connection": "keep-alive"}
_BEFORE = (
    f'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="{SOAP["1.1"]}"><soap:Body>'
    f'<{MINISTRY_SERVICE.operation} xmlns="{MINISTRY_SERVICE.namespace}"><{MINISTRY_SERVICE.payload}><![CDATA['
).encode()
_AFTER = f"]]></{MINISTRY_SERVICE.payload}></{MINISTRY_SERVICE.operation}></soap:Body></soap:Envelope>".encode()
_RECEIVED = (b"<function>99<", b"&lt;function&gt;99&lt;")


class WorkFailed(Exception):
    """A message cannot be worked on, or its receiver did not take it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a worker process is told, by environment variables."""

    amqp_url: str
    sink_url: str
    keys: Path
    queue: str
    verify: Verify = "signxml"
    translate: Translate = "direct"

    @classmethod
    def read(cls) -> Settings:
        """Read the settings from the environment."""
        values = {name: os.environ[f"BENCH_{name.upper()}"] for name in cls.__slots__}
        return cls(
            amqp_url=values["amqp_url"],
            sink_url=values["sink_url"],
            keys=Path(values["keys"]),
            queue=values["queue"],
            verify=cast(Verify, values["verify"]),
            translate=cast(Translate, values["translate"]),
        )

    def environment(self) -> Mapping[str, str]:
        """Write the settings as environment variables."""
        return {f"BENCH_{name.upper()}": str(getattr(self, name)) for name in self.__slots__}


class _Tools(threading.local):
    """A verifier and a signer for each thread: both keep arguments of their last call on themselves."""

    def __init__(self) -> None:
        self.verifier = XMLVerifier()
        self.signer = XMLSigner(c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0)


def schema() -> xml.Schema:
    """Give the schema of what comes, compiled once."""
    return COMING.book.procedures[DOCUMENT_TYPE].structures[_SERVICE].schema


class Unit:
    """The work up to the request's bytes; made once for each process, shared by its threads."""

    def __init__(self, folder: Path, *, verify: Verify = "signxml", translate: Translate = "direct") -> None:
        self._strict, self._by_rooms = verify == "strict", translate == "rooms"
        self._trader = keys.load_certificates((folder / "trader.crt").read_bytes())[0]
        key_pem, certificate_pem = ((folder / name).read_bytes() for name in ("ours.pem", "ours.crt"))
        self._signer = keys.load_signer("ours", key_pem, certificate_pem)
        #: For signxml alone, which wants the key itself.
        self._key = load_pem_private_key(key_pem, password=None)
        self._trust = TrustSnapshot(pinned=(self._trader,))
        self._tools = _Tools()
        # The signature is a child of the root, so that the document need not be searched for it.
        self._expected = SignatureConfiguration(location="./", expect_references=1)
        self._schema = schema()

    def request(self, document: bytes) -> bytes:
        """Make the SOAP request for one signed document."""
        return wrap(self._strictly(document) if self._strict else self._with_signxml(document))

    def _with_signxml(self, document: bytes) -> bytes:
        tools, message_id, now = self._tools, str(uuid4()), datetime.now(UTC)
        verified = tools.verifier.verify(document, x509_cert=self._trader, validate_schema=False, expect_config=self._expected)
        if self._by_rooms:
            root = etree.fromstring(by_rooms(bytes(verified.signed_data), message_id, now))
        else:
            root = verified.signed_xml
            self._valid(root)
            direct(root, message_id, now)
        signed = tools.signer.sign(root, key=self._key, cert=[self._signer.certificate])
        return etree.tostring(signed, encoding="utf-8")

    def _strictly(self, document: bytes) -> bytes:
        message_id, now = str(uuid4()), datetime.now(UTC)
        octets = signatures.signed_part(document, self._trust, now).signed_bytes
        if self._by_rooms:
            written = by_rooms(octets, message_id, now)
        else:
            root = xml.parse(octets)
            self._valid(root)
            direct(root, message_id, now)
            written = xml.serialise(root)
        return signing.sign_xml(written, self._signer)

    def _valid(self, root: etree._Element) -> None:
        if complaints := self._schema.complaints(root):
            raise WorkFailed(f"{len(complaints)} faults, the first at {complaints[0].path}")


def by_rooms(octets: bytes, message_id: str, now: datetime) -> bytes:
    """Translate as the hub does: read into the canonical message, write for the ministry's system."""
    incoming = ADAPTER.read_message(octets, Opened(document=octets), COMING)
    message = incoming.messages[0]
    contents = contents_of(incoming)
    writing = Writing(options=GOING, codes=CodeTables(), held={}, now=now, message_id=message_id, contents=contents)
    (call,) = ADAPTER.plan(message, GOING)
    return ADAPTER.write_message(message, call, writing).body


def contents_of(incoming: Incoming) -> dict[str, bytes]:
    """Give the files that stood inside a document, as the hub reads them back from its store."""
    return {file.digest: b"".join(file.pieces()) for file in incoming.files}


def direct(root: etree._Element, message_id: str, now: datetime) -> None:
    """Translate in place: the envelope is the same on both sides, its header is ours."""
    header = _found(root, "Header")
    unit = header.findtext("To/unitCode") or ""
    _fill(header, "Reference", {"version": GOING.version, "messageId": message_id})
    _fill(header, "From", party(GOING.own(OFFICE_CODE)))
    _fill(header, "To", party(GOING.partner(OFFICE_CODE), unit))
    _fill(header, "Subject", {"sendDate": write_moment(now)})


def _fill(header: etree._Element, name: str, values: Mapping[str, str]) -> None:
    for child in _found(header, name):
        if child.tag in values:
            child.text = values[str(child.tag)]


def _found(parent: etree._Element, name: str) -> etree._Element:
    child = parent.find(name)
    if child is None:  # the schema leaves some out
        raise WorkFailed(f"there is no {name}")
    return child


def wrap(document: bytes) -> bytes:
    """Put a document into the SOAP request of the ministry's service."""
    if b"]]>" in document:
        document = document.replace(b"]]>", b"]]]]><![CDATA[>")
    return _BEFORE + document + _AFTER


def check_taken(status: int, reply: bytes) -> None:
    """Raise WorkFailed unless the receiver says that it took the message."""
    if status != http.client.OK or not any(mark in reply for mark in _RECEIVED):
        raise WorkFailed(f"HTTP {status}, {len(reply)} bytes, no receipt")


class Post(threading.local):
    """POST over one kept connection for each thread: the least that a blocking client can cost."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=_CALL_SECONDS)
        self._path = parts.path

    def __call__(self, body: bytes) -> None:
        """Send a request and check its receipt; a connection that failed is opened anew by the next call."""
        try:
            self._connection.request("POST", self._path, body, _HEADERS)
            response = self._connection.getresponse()
            reply = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        check_taken(response.status, reply)


#: For clients that are not blocking.
HEADERS: Mapping[str, str] = {name: value for name, value in _HEADERS.items() if name != "Connection"}
