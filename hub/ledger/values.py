"""What goes into and comes out of the ledger's verbs: frozen values, no SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hub.canonical.receipt import Receipt
from hub.contract import Answer, Outgoing, Owed
from hub.ledger.border_values import BorderChange, Naming
from hub.rules.dossier_facts import Facts
from hub.rules.lifecycle import State
from hub.rules.queued import Due
from hub.rules.trade_lifecycle import Course

#: One procedure that is given to a holder: (holder, code, fingerprint).
Holding = tuple[str, str, str]

#: Priorities of deliveries: of what is due at an endpoint, the smaller goes first.
URGENT, USUAL = 0, 1
#: Who gave the messages that the hub itself makes: no endpoint has this name, and no figure counts them.
OWN = "hub"


def file_subject(digest: str) -> str:
    """Name the subject under which the journal keeps what became of a partner's file."""
    return f"attachment:{digest}"


class Meanwhile(Exception):
    """Another process has just written what this verb was about to write; looked at again, it will find that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One delivery that a message needs; it gets its place in the chain when it is recorded."""

    id: str
    endpoint: str
    subject: str
    service: str
    part: str
    canonical: bytes
    kind: str
    event: str
    procedure: str
    priority: int = USUAL
    #: Since when the dossier has had the status that it carries, as its sender says.
    happened_at: float | None = None
    #: Not empty: parked when its turn comes, with this error (code, where, en, vi).
    park: tuple[str, str, str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierChange:
    """What a message changes in the register of dossiers; ``version`` is the one intake looked at (0 = none)."""

    key: str
    version: int
    procedure: str
    status: str
    native: str
    #: Every number of the dossier, ``numbering:number``.
    codes: tuple[str, ...]
    #: What statistics count it by, as it stands after this message.
    facts: Facts = field(default_factory=Facts)
    #: A test dossier: judged at its first message, and kept for ever.
    test: bool = False
    #: Of a test dossier: code of the agency that works on it, as the message or its number says.
    agency: str = ""
    #: Of a trade dossier: where it stands after this message; None: it is none.
    course: Course | None = None
    #: Only another dossier's message changes it: it is the one that this message's dossier replaces.
    replaced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcedureRow:
    """One procedure of an owner's catalogue, as the register keeps it."""

    owner: str
    code: str
    fingerprint: str
    record: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """A file that came inside a document: it lies in the payload store, and becomes its sender's with the message's commit."""

    digest: str
    size: int
    #: Ask the store; retention may have deleted the same file in between.
    is_there: Callable[[], bool] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Everything that is recorded, in one commit, when a message is accepted."""

    message_id: str
    endpoint: str
    at: float
    subject: str
    kind: str
    event: str
    procedure: str
    identity: str
    raw: bytes
    signed: bytes
    certificate: bytes
    canonical: tuple[bytes, ...]
    #: On what the trust in the signer leans (DER), by digest; the verdict names them.
    proofs: Mapping[str, bytes] = field(default_factory=dict)
    verdict: str
    warnings: str
    answer: Answer
    planned: tuple[Planned, ...]
    dossiers: tuple[DossierChange, ...]
    procedures: tuple[ProcedureRow, ...] = ()
    #: What these deliveries will give.
    holdings: tuple[Holding, ...] = ()
    #: How many catalogues of this subject intake saw; None where the message is no catalogue.
    catalogues: int | None = None
    #: The detached signature that came beside the document, as it came; empty where none did.
    signature: bytes = b""
    #: Digests of the files it names (``POST /attachments``), and those of them that came inside its document.
    attachments: tuple[str, ...] = ()
    brought: tuple[Brought, ...] = ()
    #: The answer of a partner's list from which it was taken; the verdict names it by its digest.
    page: bytes = b""
    correlation: str = ""
    correlation_refused: bool = False
    #: Keyed hashes of applicants' numbers, each with the subject in which it stands.
    finding: tuple[tuple[str, str], ...] = ()
    #: Our word to whoever holds it for us until we gave it.
    owed: Owed | None = None
    #: What it changes of border documents, and the numbers of such that its dossiers name.
    border: tuple[BorderChange, ...] = ()
    named: tuple[Naming, ...] = ()
    actor: str = ""
    why: str = ""

    @property
    def is_rare(self) -> bool:
        """Say whether it is of a kind that comes seldom: a catalogue, an answer to a delivery, what a word is owed for.

        Or it is about a border document.
        """
        known = self.procedures or self.holdings or self.correlation or self.owed or self.border or self.named
        return bool(self.catalogues is not None or known)

    @property
    def files(self) -> frozenset[str]:
        """Name the subjects of the files that it brings."""
        return frozenset(file_subject(each.digest) for each in self.brought)

    @property
    def subjects(self) -> frozenset[str]:
        """Name every subject that it changes something of, but for the files that it brings: others may bring the same."""
        return frozenset(
            (
                self.subject,
                *(each.subject for each in self.planned),
                *(each.key for each in self.dossiers),
                *(each.row.key for each in self.border),
                *(each.row.dossier for each in self.border if each.row.dossier),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Everything that is recorded when a message is refused at the door."""

    message_id: str
    endpoint: str
    at: float
    raw: bytes
    verdict: str
    error_code: str
    error_where: str
    faults: str
    answer: Answer
    signature: bytes = b""
    #: The answer of a partner's list in which it stood; the verdict names it by its digest.
    page: bytes = b""
    #: Our word to whoever holds it for us until we gave it.
    owed: Owed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery as a worker holds it after its claim."""

    id: str
    message_id: str
    origin: str
    endpoint: str
    subject: str
    place: int
    #: dossier, catalogue, procedure or notice.
    kind: str
    service: str
    part: Mapping[str, str]
    variant: str
    state: State
    epoch: int
    lease_until: float
    attempts: int
    canonical: bytes
    held: Mapping[str, str]
    #: The exact bytes of an earlier attempt; None: not written yet.
    business: bytes | None
    head: Mapping[str, str] = field(default_factory=dict)
    #: Identifier given to the partner with these bytes; empty: not written yet.
    native_id: str = ""
    #: An earlier attempt with these very bytes may have arrived.
    doubted: bool = False
    #: How often the partner was asked about the present doubt.
    inquiries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a sender is told about one delivery, with the callback it may want."""

    outcome: str
    code: str
    vi: str
    en: str
    callback: Planned | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What an attempt leaves: wire bytes with secrets masked, and the reply."""

    sent: bytes = b""
    reply: bytes = b""
    reply_status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many deliveries of an endpoint may be put on the bus now, and how long its lease is."""

    endpoint: str
    concurrency: int
    lease_seconds: float
    #: Calls in any minute; 0: as many as the concurrency allows.
    rate_per_minute: int = 0
    #: A doubt is left to an operator after so many questions about it.
    max_inquiries: int = 50
    #: Patterns of the numbers of test dossiers: while the partner is on trial, nothing else goes to it.
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Queueing:
    """What a dispatcher may put on the bus now."""

    now: float
    budgets: tuple[Budget, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claiming:
    """What a worker claims, and until when it may hold it."""

    due: Due
    now: float
    lease_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """The exact bytes that a worker is about to send."""

    held: Delivery
    outgoing: Outgoing
    native_id: str
    now: float
    lease_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A receipt, as it is recorded."""

    held: Delivery
    receipt: Receipt
    evidence: Evidence
    notice: Notice
    now: float
    #: Its chain waits for the partner's acknowledgement.
    waits: bool
    #: It was given before, and nobody knows whether that was committed.
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapsed:
    """A delivery that was taken back from a worker, and where it stands now."""

    delivery: str
    endpoint: str
    subject: str
    message: str
    state: State
