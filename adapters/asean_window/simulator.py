"""Another country's single window, behind its gateway: takes Form D and ACDD, answers per item, asks for copies, cancels its own.

It speaks the assumed schema and knows nothing of the adapter's code. It stands behind a double of a gateway (``peer`` of that
double is this one's address, ``gateway`` here is that of the double on the hub's side), or calls a door of the hub.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from hub.errors import InvalidMessage
from hub.rules import xml
from hub.simulation import Call, Said, SimulatorServer

SECONDS = 10.0
EFORMD = "urn:lienthong:asw:eformd:assumed-1"
ACDD = "urn:lienthong:asw:acdd:assumed-1"
RESPONSE = "urn:lienthong:asw:response:assumed-1"
RECEIPT = "urn:lienthong:asw:receipt:assumed-1"
#: Root -> namespace, and where its reference stands.
ROOTS = {
    "EFormD": (EFORMD, "Certificate/ReferenceNumber"),
    "EFormDCancellation": (EFORMD, "ReferenceNumber"),
    "Acdd": (ACDD, "Declaration/DeclarationNumber"),
    "AcddCancellation": (ACDD, "DeclarationNumber"),
    "CustomsResponse": (RESPONSE, "ReferenceNumber"),
    "CopyRequest": (RESPONSE, "ReferenceNumber"),
    "HopStatus": (RESPONSE, "ReferenceNumber"),
}
RESULTS_OF_RECEIPT = ("RES-REC", "RES-NOT")


class Country:
    """What one country has: documents of others by reference, what was said of its own, and what it sent."""

    def __init__(self, country: str, gateway: str, door: str, token: str, answers: str) -> None:
        self._lock = threading.RLock()
        self.country, self._gateway, self._door, self._token, self._answers = country, gateway, door, token, answers
        #: Reference -> root, sender, identifier of the message, standing, document.
        self.documents: dict[str, dict[str, str]] = {}
        #: Identifier of a message -> digest of its content.
        self.seen: dict[str, str] = {}
        self.told: list[dict[str, str]] = []
        self.sent: list[dict[str, str]] = []
        #: What to do wrong next (``Faults``); set by the server.
        self.fault: Any = lambda kind, text: None

    # --- what comes

    def take(self, body: bytes) -> str:
        """Take a document; give the code of the receipt."""
        try:
            found = _read(body)
        except (InvalidMessage, LookupError):
            return "INVALID"
        if found["receiver"] != self.country:
            return "NOT-PERMITTED"
        with self._lock:
            digest = hashlib.sha256(body).hexdigest()
            if self.seen.setdefault(found["message"], digest) != digest:
                return "CONFLICT"
            if any(each["message"] == found["message"] for each in self.told):
                return "DUPLICATE"
            self._store(found, body)
        if found["root"] in ("EFormD", "Acdd"):
            self._answer_at_once(found["number"])
        return "RECEIVED"

    def _store(self, found: dict[str, str], body: bytes) -> None:
        self.told.append({name: found[name] for name in ("root", "number", "message", "function", "sender")})
        if found["root"] in ("EFormD", "Acdd"):
            self.documents[found["number"]] = {**found, "standing": "issued", "document": body.decode("utf-8", "replace")}
        elif found["number"] in self.documents and found["root"].endswith("Cancellation"):
            self.documents[found["number"]]["standing"] = "cancelled"

    def _answer_at_once(self, number: str) -> None:
        if self.fault("lost", number):
            return
        for result in ["RES-NOT"] if self.fault("not_received", number) else self._answers.split():
            self.answer({"number": number, "result": result})

    def receive(self, given: dict[str, Any]) -> dict[str, str]:
        """Take what a gateway's double carries here (verb ``receive``): ``body_base64``."""
        body = base64.b64decode(given["body_base64"]) if "body_base64" in given else str(given.get("body", "")).encode()
        return {"number": str(given.get("number", "")), "code": self.take(body)}

    # --- what it says (verbs)

    def answer(self, given: dict[str, Any]) -> dict[str, Any]:
        """Answer about a document: ``number``, ``result`` (RES-REC, GIVEN, ...), ``declaration``, ``items``, ``reason``."""
        with self._lock:
            about = self.documents[given["number"]]
        result = str(given.get("result", "GIVEN"))
        stage = "RECEIPT" if result in RESULTS_OF_RECEIPT else "UTILISATION"
        declaration = _e("Number", given.get("declaration"))
        content = (
            _e("ReferenceNumber", given["number"])
            + _e("Stage", stage)
            + (f"<ImportDeclaration>{declaration}</ImportDeclaration>" if declaration else "")
            + _e("Overall", result)
            + _e("Reason", given.get("reason"))
            + "".join(map(_item, given.get("items", ())))
        )
        kind = "ATIGA-EFORMD-RESPONSE" if about["root"] == "EFormD" else "ACDD-RESPONSE"
        return self._say("CustomsResponse", kind, "", about["sender"], content, about=about["message"], fault=given["number"])

    def ask_copy(self, given: dict[str, Any]) -> dict[str, Any]:
        """Ask for a document again: ``number``, ``to``; ``of`` is its type."""
        content = _e("ReferenceNumber", given["number"]) + _e("Reason", given.get("reason", "lost"))
        return self._say("CopyRequest", f"{given.get('of', 'ATIGA-EFORMD')}-COPY", "13", given.get("to", "VN"), content)

    def cancel(self, given: dict[str, Any]) -> dict[str, Any]:
        """Cancel a Form D of its own: ``number``, ``replaced_by``, ``to``."""
        content = _e("ReferenceNumber", given["number"]) + _e("ReplacedBy", given.get("replaced_by"))
        content += _e("Reason", given.get("reason", "test"))
        return self._say("EFormDCancellation", "ATIGA-EFORMD", "1", given.get("to", "VN"), content)

    def issue(self, given: dict[str, Any]) -> dict[str, Any]:
        """Issue a Form D: ``number``, ``to``, ``function``, ``items`` (number, description, hs, criterion, weight)."""
        to, day = given.get("to", "VN"), given.get("date") or datetime.now(UTC).date().isoformat()
        items = given.get("items") or [{"number": 1}]
        content = (
            f"<Certificate><ReferenceNumber>{_t(given['number'])}</ReferenceNumber><IssuingCountry>{self.country}</IssuingCountry>"
            f"<IssueDate>{_t(day)}</IssueDate><Consignor><Name>PT CONTOH PENGIRIM</Name><Address>JALAN UJI 2</Address>"
            f"<Country>{self.country}</Country></Consignor><Consignee><Name>CONG TY MAU NHAP KHAU</Name>"
            f"<Address>1 DUONG THU NGHIEM</Address><Country>{_t(to)}</Country></Consignee>"
            f"<Transport><ModeCode>1</ModeCode><DepartureDate>{_t(day)}</DepartureDate></Transport>"
            f"<Items>{''.join(map(_goods, items))}</Items>"
            f'<Invoices><Invoice seq="1"><Number>INV-TEST-1</Number><Date>{_t(day)}</Date></Invoice></Invoices>'
            f"<Declaration><CountryOfProduction>{self.country}</CountryOfProduction><ImportingCountry>{_t(to)}</ImportingCountry>"
            f"<Place>TEST</Place><Date>{_t(day)}</Date><Signatory>NGUYEN THU NGHIEM</Signatory></Declaration>"
            f"<Certification><AuthorityCode>09</AuthorityCode><Place>TEST</Place><Date>{_t(day)}</Date></Certification></Certificate>"
        )
        return self._say("EFormD", "ATIGA-EFORMD", given.get("function", "9"), to, content, fault=given["number"])

    def hop(self, given: dict[str, Any]) -> dict[str, Any]:
        """Say where a document of the hub is: ``number``, ``hop`` (AS1 to AS4), ``country`` that issued it."""
        content = _e("ReferenceNumber", given["number"]) + _e("IssuingCountry", given.get("country", "VN"))
        content += _e("Hop", given["hop"]) + _e("At", datetime.now(UTC).isoformat())
        return self._say("HopStatus", f"{given.get('of', 'ATIGA-EFORMD')}-HOP", "", given.get("to", "VN"), content)

    def connect(self, given: dict[str, Any]) -> dict[str, str]:
        """Speak through another double of our gateway from now on (verb ``connect``): ``gateway``."""
        self._gateway = str(given["gateway"]).rstrip("/")
        return {"gateway": self._gateway}

    def account(self) -> dict[str, Any]:
        """Say what is stored, for the tests."""
        with self._lock:
            return {"documents": dict(self.documents), "told": list(self.told), "sent": list(self.sent)}

    # --- how it says it

    def _say(
        self, root: str, kind: str, function: str, to: str, content: str, *, about: str = "", fault: str = ""
    ) -> dict[str, Any]:
        message = f"{uuid.uuid4()}@asw.{self.country.lower()}.example"
        head = _e("MessageId", message) + _e("RefToMessageId", about) + _e("DocumentType", kind) + _e("FunctionCode", function)
        head += _e("SenderCountry", self.country) + _e("ReceiverCountry", to) + _e("PreparedAt", datetime.now(UTC).isoformat())
        document = f'<{root} xmlns="{ROOTS[root][0]}"><Header>{head}</Header>{content}</{root}>'.encode()
        told = self._send(document, root, to)
        if self.fault("twice", fault):
            told["again"] = self._send(document, root, to)
        if self.fault("altered", fault):
            told["altered"] = self._send(document.replace(b"</Header>", b"</Header><!-- altered -->"), root, to)
        return {"message": message, **told}

    def _send(self, document: bytes, root: str, to: str) -> dict[str, Any]:
        self.sent.append({"root": root, "to": to, "document": document.decode()})
        if self._gateway:
            return self._by_gateway(document, root, to)
        if not self._door:
            return {}
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/xml"}
        return _call(self._door, document, headers)

    def _by_gateway(self, document: bytes, root: str, to: str) -> dict[str, Any]:
        service = "ACDD" if root.startswith("Acdd") else "eFormD"
        actions = {"EFormD": "Submit", "CustomsResponse": "Respond", "CopyRequest": "AskCopy", "HopStatus": "Track"}
        given = {
            "verb": "receive",
            "from_party": self.country,
            "to_party": to,
            "service": service,
            "action": actions.get(root, "Cancel"),
            "body_base64": base64.b64encode(document).decode(),
        }
        return _call(f"{self._gateway}/_do", json.dumps(given).encode(), {"Content-Type": "application/json"})


def _read(body: bytes) -> dict[str, str]:
    root = xml.parse(body, max_bytes=10_000_000)
    namespace, _, name = str(root.tag).removeprefix("{").partition("}")
    known, place = ROOTS[name]
    if namespace != known:
        raise LookupError(namespace)

    def text(path: str) -> str:
        return xml.text(root, "/".join(f"{{{known}}}{step}" for step in path.split("/")))

    found = {"root": name, "number": text(place), "message": text("Header/MessageId"), "function": text("Header/FunctionCode")}
    found |= {"sender": text("Header/SenderCountry"), "receiver": text("Header/ReceiverCountry")}
    if not all(found[each] for each in ("number", "message", "sender", "receiver")):
        raise LookupError(name)
    return found


def _t(value: object) -> str:
    return escape(str(value))


def _e(name: str, value: object) -> str:
    """Write an element; none where there is nothing to say."""
    return f"<{name}>{_t(value)}</{name}>" if value else ""


def _item(given: dict[str, Any]) -> str:
    used = reason = ""
    if "used" in given:
        used = f"<UtilisedQuantity unit={quoteattr(given.get('unit', 'KGM'))}>{_t(given['used'])}</UtilisedQuantity>"
    if "code" in given:
        reason = f"<Reason code={quoteattr(given['code'])}>{_t(given.get('reason', ''))}</Reason>"
    return f"<Item number={quoteattr(str(given['number']))}>{_e('Preference', given['preference'])}{used}{reason}</Item>"


def _goods(given: dict[str, Any]) -> str:
    return (
        f"<Item number={quoteattr(str(given['number']))}><Packages><Marks>N/M</Marks><Kind>CT</Kind><Count>10</Count></Packages>"
        f"<Description>{_t(given.get('description', 'SYNTHETIC GOODS'))}</Description>"
        f'<HsCode nomenclature="AHTN">{_t(given.get("hs", "08109092"))}</HsCode>'
        f"<OriginCriterion code={quoteattr(given.get('criterion', 'WO'))}/>"
        f'<GrossWeight unit="KGM">{_t(given.get("weight", "1000"))}</GrossWeight><InvoiceRef>1</InvoiceRef></Item>'
    )


def _call(url: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 - a simulator, told where
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as reply:  # noqa: S310 - see above
            return {"status": reply.status, "body": reply.read().decode("utf-8", "replace")}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "body": error.read().decode("utf-8", "replace")}


def simulator(
    *,
    port: int = 0,
    country: str = "ID",
    gateway: str = "",
    hub_url: str = "",
    endpoint: str = "asw",
    token: str = "",
    answers: str = "RES-REC",
) -> SimulatorServer:
    """Make the double, not yet started.

    ``country``: which one it is. ``gateway``: address of the double of our gateway, through which it speaks; else ``hub_url``,
    ``endpoint`` and ``token``: a door of the hub. ``answers``: results it says of each document by itself, in their order.
    Faults of its own: ``lost`` (says nothing of a document), ``not_received`` (RES-NOT), ``twice`` (the same again), ``altered``
    (the same identifier with other content).
    """
    there = Country(country, gateway.rstrip("/"), f"{hub_url.rstrip('/')}/doors/{endpoint}" if hub_url else "", token, answers)

    def handle(call: Call) -> Said:
        if call.method != "POST":
            return Said(status=405)
        code = there.take(call.body)
        return Said(f'<Receipt xmlns="{RECEIPT}"><Code>{code}</Code></Receipt>'.encode(), content_type="application/xml")

    server = SimulatorServer("asean_window", handle, port=port)
    there.fault = server.faults.take
    server.account = there.account
    verbs = (there.receive, there.answer, there.ask_copy, there.cancel, there.issue, there.hop, there.connect)
    server.verbs |= {verb.__name__: verb for verb in verbs}
    return server


SIMULATOR = simulator
