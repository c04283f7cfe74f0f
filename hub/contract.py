"""What an adapter and a transport are (Channel Adapter).

An adapter is a value: a bundle of pure functions and two factories. Bytes in, canonical out; canonical in,
bytes out. Only what ``open_transport`` returns has a socket, and that only through ``hub.wire``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

from lxml import etree
from pydantic import BaseModel

from hub.canonical.codes import CodeTables
from hub.canonical.dossier import DossierMessage
from hub.canonical.held import HeldDossier
from hub.canonical.message import Message
from hub.canonical.procedure import Procedure
from hub.canonical.receipt import Finding, Receipt
from hub.endpoint import Endpoint
from hub.errors import HubError, InvalidMessage, Untrusted
from hub.wire import Wire

#: Header in which a detached JWS (RFC 7797) over the whole body travels, to us and from us.
JWS_HEADER = "X-JWS-Signature"
#: In ``Outgoing.head``: the name of the file as which it is put into the partner's folder.
FILE_NAME = "file_name"

#: In ``Outgoing.head`` of what leaves through a gateway (``[gateway]``): the partner there, and what it is in the agreement.
GATEWAY_PARTNER, GATEWAY_SERVICE, GATEWAY_ACTION = "gateway_partner", "gateway_service", "gateway_action"
GATEWAY_CONVERSATION, GATEWAY_ABOUT = "gateway_conversation", "gateway_about"
#: ``Request.path`` of what the hub was told by a gateway about a message of ours; the body is a ``GatewayWord`` as JSON.
GATEWAY_WORD_PATH = "/gateway-word"
#: Headers of ``Followed.request`` when intake is given it: what the delivery that was asked about is of, and the identifier
#: that we gave the partner with it (``Outgoing.message_id``), for ``Incoming.correlation``.
FOLLOWED_SUBJECT, FOLLOWED_MESSAGE = "followed-subject", "followed-message"

#: How headers of a request begin that only the hub itself writes: what comes from outside with such a name is left out.
OWN_HEADERS = ("gateway-", "followed-")

#: Name in ``Outgoing.head``: path of the empty element in which our XML signature is put; none: it becomes the root's last child.
SIGNATURE_SLOT = "signatureSlot"

# --- inbound ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call at a door, as it came; the sender is authenticated already."""

    endpoint: str
    body: bytes
    content_type: str = ""
    #: What follows the door's own path, e.g. ``/DongBoHoSoMC``.
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    #: Lower-case names; credentials are removed before.
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Value of ``Idempotency-Key``, where the door has one.
    idempotency_key: str = ""
    #: Where it was taken from a partner's list: that list's answer, exactly as it came. Kept beside what was made of it.
    page: bytes = field(default=b"", repr=False)
    #: Number under which whoever holds it for us waits for our word that we have it (``Acknowledging``); empty: nobody does.
    owed: str = ""

    @property
    def jws(self) -> str:
        """The detached signature that came with the body; empty where none did."""
        return self.headers.get(JWS_HEADER.lower(), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A request out of its transport wrapping (SOAP envelope, form field)."""

    #: The document: what may carry a signature, and what is read after verification.
    document: bytes
    #: Transport facts that the answer needs (SOAP version, operation, ...) and the reader may use.
    head: Mapping[str, str] = field(default_factory=dict)
    #: Where the document's signature is: None, in the document itself (enveloped XML-DSig); else the detached JWS that came
    #: beside it, empty where none did. See ``Adapter.signature``.
    jws: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineFile:
    """A file that travelled inside a document: known by its digest, its bytes made again piece by piece when they are kept."""

    #: ``sha256:`` and 64 hex digits. It stands in the message in place of the file's address, and of its content in the form.
    digest: str
    size: int
    #: Give the bytes from the beginning, piece by piece.
    pieces: Callable[[], Iterator[bytes]] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """What a document says."""

    messages: tuple[Message, ...]
    #: The partner's identity of this message (id with type and function); empty: compare with the dossier's last one.
    identity: str = ""
    #: Identifier of an earlier delivery of ours which this message acknowledges or refuses; closes it.
    correlation: str = ""
    #: True: it refuses that delivery (late) instead of acknowledging it.
    correlation_refused: bool = False
    #: Files that stood inside the document; intake keeps them before the message is recorded.
    files: tuple[InlineFile, ...] = ()
    #: What the adapter's own answer needs of the document, so that it is not read twice; nobody else looks at it.
    asked: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the hub decided about a message, for the answer."""

    message_id: str
    received_at: datetime
    #: None: accepted.
    error: HubError | None = None
    #: ``Incoming.asked``; None where the document was not read to its end.
    asked: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The exact reply at the door; recorded, and given again for a repeated message."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Where it is given again: the message that it was recorded with.
    repeats: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """Our word on what a partner holds for us: recorded with the message, said afterwards, one of three kinds.

    What our own failure kept us from taking is owed no word: the partner keeps it, and we take it later.
    """

    #: The partner's number of it.
    number: str
    #: ``taken``; ``warned``: taken, and there is something to say of its content; ``failed``: it cannot be read.
    kind: Literal["taken", "warned", "failed"]
    text: str = ""


def owes(outcome: Outcome, opened: Opened | None, request: Request, options: Any) -> Owed | None:
    """Say what is owed for a request that names a number (``Request.owed``): taken, or failed by the sender's own fault."""
    if not request.owed:
        return None
    if outcome.error is None:
        return Owed(number=request.owed, kind="taken")
    if isinstance(outcome.error, InvalidMessage | Untrusted):
        return Owed(number=request.owed, kind="failed", text=outcome.error.en)
    return None


# --- outbound ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One native call that a message needs at a partner: one delivery."""

    #: The partner's own name of the service or operation.
    service: str
    #: Which part of the message, where one message takes several calls, e.g. {"from": "0", "to": "10"}.
    part: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What a writer may know beside the message: a value, so that writing is a pure function."""

    options: Any
    codes: CodeTables
    #: What the ledger knows this partner to hold for this dossier (merged from receipts).
    held: Mapping[str, str]
    #: The moment of writing; dates that the protocol wants in the document.
    now: datetime
    #: Identifier for the outgoing message, drawn once and kept with the bytes.
    message_id: str
    #: Address of a file as the message has it -> address at which this partner fetches it (``hub.canonical.links``). Only where
    #: the endpoint asks for it (``outbound.file_links``), and only for an adapter with ``file_links``; it must stand in the
    #: body as it is here.
    links: Mapping[str, str] = field(default_factory=dict)
    #: Address of a file as the message has it -> its bytes: those that ``Adapter.inlines`` named for this call.
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """Business bytes for one call: recorded before they are sent, and sent again as they are."""

    service: str
    body: bytes
    #: Refines the service where doubt is handled differently: ``create``, ``update``.
    variant: str = ""
    #: What the transport and the receipt reader need beside the bytes (expected type, number, ...); recorded with
    #: them. ``jws`` holds the detached signature where the endpoint's ``sign`` is ``jws``.
    head: Mapping[str, str] = field(default_factory=dict)
    #: ``Writing.message_id``, where a transport has a place for it beside the bytes; delivery sees to it.
    message_id: str = ""
    #: The tree of which ``body`` was written, all of it, where an adapter has one: signing then need not read the body again.
    #: It is not recorded, and gone when the body is signed.
    root: etree._Element | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, and the wire bytes that went (secrets masked), for the attempt's record."""

    status: int
    body: bytes
    sent: bytes = b""
    #: True: the wire itself took the message over for the partner (a broker's confirm); there is no answer to read.
    handed_over: bool = False
    #: Seconds within which the partner, which fetches the message itself, must say what it did with it; None: this is the reply.
    awaited: float | None = None
    #: Of a question: what the wire itself knows of the message; empty: the adapter reads the reply.
    known: Literal["", "found", "absent", "unknown"] = ""
    #: Where the wire itself has it (``handed_over``, ``known``): the number by which it is asked later what became of it.
    follow: str = ""


class Transport(Protocol):
    """The only room of an adapter with a socket."""

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        """Send one call within the endpoint's total deadline.

        ``fence`` is called right before the first byte of the business call leaves; it raises where the claim
        was lost meanwhile. Raises NotSent, Busy or InDoubt as hub.wire maps them.
        """
        ...

    def ask(self, outgoing: Outgoing, subject: Message) -> Reply:
        """Ask the partner what it holds; only where a service is declared ``on_doubt = "ask"``."""
        ...

    def probe(self) -> str:
        """Say in one line that the partner can be reached; raises NotSent where not (``lienthong check``)."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class Answering(Protocol):
    """A transport that can ask its partner something which changes nothing there: what a test message is made of."""

    @property
    def address(self) -> str:
        """Where it is reached: ``http`` or ``https``."""
        ...

    def ping(self) -> Iterator[tuple[str, str, str]]:
        """Give each step as it is done, with what there is to say of it in Vietnamese and English.

        ``authenticated`` where the partner lets us in by a call of its own or takes our credential, then ``answered``: it read
        our question and answered in its own words. Never a dossier. Raises NotSent, or as ``send`` does.
        """
        ...


class File(Protocol):
    """A file of the payload store that is being read; its last piece is only given where the digest is right."""

    @property
    def size(self) -> int: ...

    def read(self) -> bytes:
        """Give the next piece; none at the end."""
        ...

    def close(self) -> None: ...


class Files(Protocol):
    """The files that were given to the hub, by digest."""

    def open(self, digest: str) -> File | None:
        """Open a file; None where there is none of this digest."""
        ...


@runtime_checkable
class SendsFiles(Protocol):
    """A transport whose calls carry files of the payload store beside the business bytes, which name them by digest."""

    def use_files(self, files: Files) -> None:
        """Take the files from here; the hub calls it once, when it has opened the transport."""
        ...


@runtime_checkable
class ProcedureHolder(Protocol):
    """A transport whose partner holds a catalogue of procedures that can be read one by one, for the comparison."""

    @property
    def writes_procedures(self) -> bool:
        """True where the partner takes procedure records from us (``plan`` gives a ProcedureMessage a call)."""
        ...

    def list_procedures(self) -> list[str]:
        """List the codes of all procedures the partner holds."""
        ...

    def procedure(self, code: str) -> Procedure | None:
        """Fetch one procedure; None where the partner has none of this code."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPage:
    """One page of a partner's list of dossiers."""

    dossiers: tuple[HeldDossier, ...]
    #: What asks for the next page; empty: there is none.
    following: str = ""


@runtime_checkable
class DossierHolder(Protocol):
    """A transport whose partner can be asked what it holds of a dossier, for the reconciliation."""

    @property
    def tells(self) -> frozenset[str]:
        """Services of which one delivered call says everything that a look-up shows."""
        ...

    def number_of(self, message: DossierMessage) -> str:
        """Give the number under which the partner has a dossier; empty where its look-up does not know such ones."""
        ...

    def told(self, outgoing: Outgoing) -> HeldDossier | None:
        """Read from the bytes of a delivered call what they told the partner; None where they cannot be read."""
        ...

    def dossier(self, code: str) -> HeldDossier:
        """Look one dossier up; ``absent`` where the partner says that it has none. Raises as ``send``, and InvalidMessage."""
        ...


@runtime_checkable
class DossierLister(Protocol):
    """A transport whose partner can list what it holds, so that what it holds beyond what it was told is found."""

    def dossiers(self, since: datetime, until: datetime, after: str) -> HeldPage:
        """Fetch one page of the dossiers of these days in one call; ``after``: what the page before gave, first empty."""
        ...


# --- pulled -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One item of a list that a partner keeps for us."""

    #: What a call at our door would be; its ``idempotency_key`` is the identity that ``read_message`` gives it, and begins with
    #: the name of the list and a slash.
    request: Request
    #: The partner's own names of its files, which are fetched before.
    files: tuple[str, ...] = ()
    #: The answer in which it was listed, exactly as it came.
    page: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of a list."""

    items: tuple[Listed, ...]
    #: Where to go on when all of these were taken.
    cursor: str
    #: True: there may be more at once.
    more: bool = False


@runtime_checkable
class Pulling(Protocol):
    """A transport whose partner keeps lists for us (``Adapter.pulls``); an item may come again, and again."""

    def pull(self, name: str, cursor: str, now: datetime) -> Page:
        """Ask for what a list has since the cursor; empty: from the beginning. Raises as ``Transport.ask``."""
        ...

    def fetch(self, file: str, give: Callable[[bytes], None]) -> None:
        """Fetch a file and give its bytes, piece by piece; raises Refused where the partner has none, else as ``pull``."""
        ...

    def joined(self, listed: Listed, addresses: Mapping[str, str]) -> Request:
        """Write the addresses at which the hub holds an item's files into it; an empty one: it could not be had."""
        ...


@runtime_checkable
class Acknowledging(Protocol):
    """A transport whose partner waits for our word on what it holds for us."""

    def acknowledge(self, owed: Owed) -> None:
        """Give our word on one thing. Raises as ``Transport.ask``; Refused where the partner waits for none (any more)."""
        ...


# --- followed -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What became of a delivered call, as the partner says now."""

    #: The partner's own word, exact: the same word again is not told again.
    state: str
    #: True: it will not change any more.
    final: bool
    #: What a call at our door that says so would be; its message closes the delivery by ``Incoming.correlation``, where final.
    request: Request


@runtime_checkable
class Following(Protocol):
    """A transport that can ask, call by call, what became of what was delivered (``Receipt.follow``)."""

    def follow(self, number: str) -> Followed:
        """Ask what became of the call that has this number. Raises as ``Transport.ask``."""
        ...


# --- asked by people ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """A question that a partner answers at once, and that changes nothing there."""

    vi: str
    en: str
    #: What may be asked by, in the partner's own names; ``required`` of these must be there.
    fields: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    #: True: the answer is a file (``look_up_file``), else records.
    gives_file: bool = False


@runtime_checkable
class LooksUp(Protocol):
    """A transport whose partner answers questions of people."""

    def look_ups(self) -> Mapping[str, LookUp]:
        """Say what can be asked here, by the partner's own names of its services."""
        ...

    def look_up(self, service: str, asked: Mapping[str, str]) -> tuple[Any, ...]:
        """Ask, and give the records as they came. Raises as ``Transport.ask``, and Refused."""
        ...

    def look_up_file(self, service: str, asked: Mapping[str, str], give: Callable[[bytes], None]) -> None:
        """Ask for a file and give its bytes, piece by piece; raises as ``Pulling.fetch``."""
        ...


@runtime_checkable
class CodeHolder(Protocol):
    """A transport whose partner holds lists of codes that the hub can take over."""

    @property
    def code_lists(self) -> Mapping[str, str]:
        """Say which lists it has: its own name of each, and the name of the hub's list that it fills."""
        ...

    def codes_of(self, name: str) -> tuple[tuple[str, str], ...]:
        """Fetch one list, each code with its name, as the partner has them. Raises as ``LooksUp.look_up``."""
        ...


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """A partner system, as a value."""

    name: str
    #: Name as an official reads it.
    title: str
    #: Model of ``[options]`` in an endpoint's file.
    options: type[BaseModel]
    #: What the documents of this protocol can carry: ``xml`` (enveloped), ``jws`` (not XML; detached, given as ``Opened.jws``),
    #: or ``none`` (not XML, and no signature comes). ``lienthong check`` holds it against ``signature`` and ``sign``.
    signature: Literal["xml", "jws", "none"] = "xml"

    #: Take a request out of its wrapping. Raises InvalidMessage.
    open_request: Callable[[Request, Any], Opened]
    #: Read the verified document. Raises InvalidMessage (all faults), OutOfStep never (rules decide that).
    read_message: Callable[[bytes, Opened, Any], Incoming]
    #: Write the answer in the partner's own words. Must not fail on a document that could not be read.
    answer: Callable[[Outcome, Opened | None, Request, Any], Answer]
    #: Say what our word on a request is, where somebody holds it for us until we gave it.
    owes: Callable[[Outcome, Opened | None, Request, Any], Owed | None] = owes
    #: Answer a call that brings no message and asks only whether the service is there; nothing of it is recorded. None: it is
    #: another call. It must be quick to say so, since every message comes by.
    greeting: Callable[[Request, Any], Answer | None] = lambda request, options: None

    #: The services that ``plan`` names, where no option or message adds others; empty: they are not known beforehand.
    services: frozenset[str] = frozenset()
    #: Say which native calls a message needs at this partner; none = nothing to tell it.
    plan: Callable[[Message, Any], tuple[Call, ...]]
    #: Write the business bytes of one call. Same input, same bytes. None: by ``Writing.held`` the partner holds already what
    #: this call would tell it, so nothing is sent. Raises Untold where the partner has no service for it, InvalidMessage,
    #: NoMapping, and OutOfStep where it cannot be written since an earlier call of the dossier has not taught what it needs
    #: (given up, or settled without the partner's reply).
    write_message: Callable[[Message, Call, Writing], Outgoing | None]
    #: Read the reply. Returns a Receipt, or raises Refused, Busy, InDoubt (a code not in the table is in doubt).
    read_receipt: Callable[[Reply, Outgoing], Receipt]
    #: Read the reply to an inquiry.
    read_finding: Callable[[Reply, Outgoing], Finding]

    #: Say whether a call waits until every notice about the dossier's messages (service ``notice``) has arrived at this partner.
    after_words: Callable[[Message, Call, Any], bool] = lambda message, call, options: False
    #: It writes ``Writing.links`` in place of the addresses of files.
    file_links: bool = False
    #: Say which files must stand inside the body of a call, by their addresses as the message has them; the writer then has
    #: their bytes in ``Writing.contents``. The call waits, or is parked with its cause, where one of them cannot be had.
    inlines: Callable[[Message, Call, Any], tuple[str, ...]] = lambda message, call, options: ()
    #: Documents of this protocol hold whole files as one text: texts longer than ``hub.rules.xml.MAX_TEXT_BYTES`` are read.
    long_texts: bool = False
    #: Signatures over a part, and bare ones without ds:Signature around them, are met: they are verified, and told as such.
    odd_signatures: bool = False
    #: Say what the partner holds once a call was handed over to its broker, where no answer tells it.
    held_after: Callable[[Outgoing], Mapping[str, str]] = lambda outgoing: {}

    #: What its partner says comes from other countries: it brings their border documents and answers ours, issues none of ours.
    abroad: bool = False

    #: Open the socket side for one endpoint; secrets are resolved already.
    open_transport: Callable[[Endpoint, Wire], Transport]
    #: Say which lists of this partner are pulled, and every how many seconds; what ``open_transport`` gives then is ``Pulling``.
    pulls: Callable[[Any], Mapping[str, float]] = lambda options: {}
    #: Documents this adapter serves at a door by GET (``?wsdl``), name to bytes; empty where none.
    contract_documents: Callable[[Endpoint, str], Mapping[str, tuple[str, bytes]]] = lambda endpoint, url: {}
    #: What an operator must know of these options (``lienthong check``), one line each: what is assumed (such a line has
    #: the word "assumed"), and what is not right, with how to mend it.
    check: Callable[[Any], list[str]] = lambda options: []
    #: Where an endpoint's policies do not fit this protocol's habits (``lienthong check``): Vietnamese, English.
    check_policies: Callable[[Endpoint], list[tuple[str, str]]] = lambda endpoint: []
