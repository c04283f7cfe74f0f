"""Hub: the frozen bundle of parts that a flow may use."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from cryptography import x509

from hub.bus.membership import Member
from hub.bus.port import Bus
from hub.canonical.border.message import BorderMessage
from hub.canonical.codes import CodeRow, CodeTables
from hub.canonical.compact_json import compact_texts
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import Message, from_json, to_json
from hub.canonical.notice import NoticeMessage
from hub.canonical.procedure import CatalogueMessage
from hub.contract import Adapter, Transport
from hub.endpoint import Endpoint
from hub.endpoint_names import NO_PARTNER
from hub.errors import BadSettings, HubError, NoRoute
from hub.fetching import Fetching
from hub.ledger import chains, payloads
from hub.ledger.ledger import Ledger
from hub.ledger.values import URGENT, USUAL, Budget, Delivery, Holding, Notice, Planned
from hub.payloads import PayloadStore
from hub.registers import procedures, successors
from hub.registers.container import Sealing
from hub.registers.successors import SuccessorBook
from hub.rounds import OwnRounds
from hub.rules import dossier_facts, succession
from hub.rules.alerts import Book
from hub.rules.applicant_numbers import NumberKey
from hub.rules.border import purposes
from hub.rules.border.policy import BorderPolicy
from hub.rules.catalogue import Policy
from hub.rules.expiry import InUse
from hub.rules.routing import Route
from hub.rules.signing import Ring, Stamp
from hub.rules.statistics.monthly import Monthly
from hub.rules.trust import Signer, TrustSnapshot

#: Deliveries of messages that no rule matched stand in this endpoint's chains, parked until an operator rebuilds them.
UNROUTED = NO_PARTNER
#: A lease outlives the endpoint's total deadline by this much, where hub.toml says nothing else.
LEASE_MARGIN_SECONDS = 30.0

OUT_OF_STEP = (
    "out_of_step",
    "/HoSo/TrangThaiHoSo",
    "the step is not in the table of statuses; release it if it is right",
    "bước chuyển trạng thái không có trong bảng; nếu đúng, hãy cho gửi tiếp (release)",
)


def notices_of(subject: str) -> str:
    """Name the chain in which a sender is told what became of its messages about a subject."""
    return f"notices:{subject}"


def sleep(seconds: float) -> bool:
    """Wait so long, where nobody tells to stop."""
    time.sleep(seconds)
    return False


class Codes(Protocol):
    """The code lists: those of the files, with the ledger's rows laid over them."""

    def __call__(self, *, fresh: bool = False) -> CodeTables:
        """Give the tables; ``fresh``: with all that was committed before this call, else up to half a second older."""
        ...

    def files(self) -> Mapping[str, tuple[CodeRow, ...]]:
        """Give the lists of the files alone."""
        ...

    def shipped(self) -> Mapping[str, tuple[CodeRow, ...]]:
        """Give the lists of the package alone."""
        ...


@dataclass(frozen=True, kw_only=True)
class Configured:
    """What decides where a message goes and what is written of it."""

    endpoints: Mapping[str, Endpoint]
    routes: Sequence[Route]
    codes: CodeTables


@dataclass(frozen=True, kw_only=True)
class Hub:
    """Everything a flow needs, built once by bootstrap; clock, ids and chance are parts like the others."""

    ledger: Ledger
    bus: Bus
    adapters: Mapping[str, Adapter]
    endpoints: Mapping[str, Endpoint]
    routes: Sequence[Route]
    #: Gives the code lists as they stand now (files and rows of the ledger may be mended while the hub runs).
    codes: Codes
    trust: Callable[[Endpoint], TrustSnapshot]
    #: The keys with which the hub signs, by the names of their signers.
    signers: Mapping[str, Ring]
    #: Gives a time token over a SHA-256 digest, for XAdES-B-T; a call to a time-stamping authority, which may take its deadline.
    stamp: Stamp
    #: Every certificate that the configuration uses.
    certificates: Sequence[InUse] = ()
    transports: Callable[[Endpoint], Transport]
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    #: A random number from 0 to 1.
    draw: Callable[[], float]
    #: Files that partners give.
    payloads: PayloadStore
    #: Address under which partners reach this hub: a link below it may name one of these files.
    public_url: str
    #: A lease outlives the endpoint's total deadline by this much: clocks differ, commits take time.
    lease_margin: float = LEASE_MARGIN_SECONDS
    #: Under which applicants' numbers are hashed so that they can be found; None: they cannot.
    number_key: NumberKey | None = None
    #: The hub's own name, and which of the signers seals containers of evidence.
    name: str = ""
    evidence_signer: str = "default"
    #: There is an authority that gives time tokens.
    has_timestamps: bool = False
    #: What is an alert, and who is told.
    alerts: Book = field(default_factory=Book)
    #: Border documents: the hub's own country, their clocks, how long they are kept.
    border: BorderPolicy = field(default_factory=BorderPolicy)
    #: Which side is right where catalogues differ.
    catalogue: Policy = field(default_factory=Policy)
    #: From when on the reports of the month before are made by themselves.
    monthly: Monthly = field(default_factory=Monthly)
    #: Partners that are members of the bus, by the names of their endpoints.
    members: Mapping[str, Member] = field(default_factory=dict)
    #: Gives which partners' places others have taken.
    successors: SuccessorBook = field(default_factory=SuccessorBook)
    #: Fetches files that lie elsewhere, and tries addresses of files before they are sent.
    fetching: Fetching = field(default_factory=Fetching)
    #: Under which the names in addresses of files are made; no file larger than this is fetched.
    link_key: bytes = field(default=b"", repr=False)
    largest_file: int = 200_000_000
    #: By whom signatures in result files (PDF) are trusted: anchors of signers, of time stamps, and authorities in between.
    document_anchors: Sequence[x509.Certificate] = ()
    document_stampers: Sequence[x509.Certificate] = ()
    document_intermediates: Sequence[x509.Certificate] = ()
    #: Reads the configuration as it would be with these files (path in the folder -> bytes) in place of its own, for a dry
    #: run; secrets stay references, and what is given is good only inside of the ``with``.
    configured: Callable[[Mapping[str, bytes]], AbstractContextManager[Configured]]
    #: What many threads bring at the same time is carried in these.
    rounds: OwnRounds = field(default_factory=OwnRounds)
    #: Waits so many seconds, or until its process is told to stop; says whether that was told.
    pause: Callable[[float], bool] = sleep
    #: Takes leave of all partners; for who stops.
    close_transports: Callable[[], None] = lambda: None

    def now(self) -> float:
        """Give the moment in seconds since 1970 UTC, as the ledger keeps it."""
        return self.clock().timestamp()

    def endpoint(self, name: str) -> Endpoint:
        """Find an endpoint; raise BadSettings where no file under config/endpoints/ names it."""
        if name not in self.endpoints:
            raise BadSettings(
                f"no endpoint {name!r}: add config/endpoints/{name}.toml",
                f"không có điểm kết nối {name!r}: hãy thêm config/endpoints/{name}.toml",
                where=name,
            )
        return self.endpoints[name]

    def signer(self, name: str) -> Signer:
        """Find the key of a signer whose time it is; raises as ``Ring.at`` does, BadSettings where there is no such signer."""
        if name not in self.signers:
            raise BadSettings(
                f"there is no signer {name!r}: add [signers.{name}] to hub.toml",
                f"không có khóa ký {name!r}: thêm [signers.{name}] vào hub.toml",
                where=f"signers/{name}",
            )
        return self.signers[name].at(self.clock())

    def evidence_seal(self, *, stamped: bool = True) -> Sealing:
        """Say who seals containers of evidence, with a time token where there are authorities for it; raises as ``signer``."""
        stamp = self.stamp if stamped and self.has_timestamps else None
        return Sealing(hub=self.name, signer=self.signer(self.evidence_signer), now=self.clock(), stamp=stamp)

    def adapter(self, endpoint: Endpoint) -> Adapter:
        return self.adapters[endpoint.adapter]

    def lease_seconds(self, endpoint: str) -> float:
        """Give the time after which a claim of this endpoint is taken back."""
        outbound = self.endpoints[endpoint].outbound if endpoint in self.endpoints else None
        files = outbound.file_seconds if outbound and outbound.sees_to_files else 0.0
        return (outbound.deadline_seconds if outbound else 0.0) + files + self.lease_margin

    def budgets(self) -> tuple[Budget, ...]:
        """Say how much of each endpoint's backlog may be on the bus; one that is not open now has no budget."""
        now = self.clock()
        outbound = (
            Budget(
                endpoint=name,
                concurrency=each.outbound.concurrency,
                lease_seconds=self.lease_seconds(name),
                rate_per_minute=each.outbound.rate_per_minute,
                max_inquiries=each.outbound.redelivery.max_attempts,
                tests=each.outbound.test_dossiers,
            )
            for name, each in self.endpoints.items()
            if each.outbound and each.outbound.is_open(now)
        )
        return (*outbound, Budget(endpoint=UNROUTED, concurrency=1, lease_seconds=self.lease_margin))

    def doubt_policy(self, endpoint: str, service: str, variant: str) -> tuple[str, float]:
        """Give what may be done about a doubt (ask, resend, park), and after how many seconds."""
        if endpoint == UNROUTED:
            # Routing a message late changes nothing outside the ledger.
            return "resend", 0.0
        outbound = self.endpoints[endpoint].outbound if endpoint in self.endpoints else None
        if outbound is None:
            # Its file was taken away: nobody declares that anything is safe.
            return "park", 0.0
        return outbound.service(service, variant).on_doubt, outbound.settle_after

    def waits_for_acknowledgement(self, delivery: Delivery) -> bool:
        outbound = self.endpoint(delivery.endpoint).outbound
        return outbound is not None and outbound.service(delivery.service, delivery.variant).advance_on == "acknowledged"

    def plan(
        self,
        message: Message,
        recipients: Iterable[str],
        subject: str,
        *,
        park: tuple[str, str, str, str] | None = None,
        canonical: bytes = b"",
    ) -> tuple[Planned, ...]:
        """Plan the native calls that a message needs at each recipient; ``canonical``: its bytes, if they are written already."""
        written = canonical or to_json(message)
        names = self.finals(recipients)
        return tuple(planned for name in names for planned in self._plan_at(message, written, name, subject, park))

    def unrouted(self, message: Message, canonical: bytes, subject: str, source: str, error: NoRoute | None = None) -> Planned:
        """Plan to route a message later: parked, for an operator to add the rule and rebuild it, or behind one that is.

        Its sender did nothing wrong, so it is accepted.
        """
        park = (error.code, error.where, error.en, error.vi) if error else None
        return self.planned(message, canonical, UNROUTED, subject, "route", {"source": source}, park)

    def waits_for_a_route(self, subject: str) -> bool:
        """Say whether an earlier message about a subject waits for a rule: later ones stand behind it, so as not to overtake."""
        with self.ledger.read() as conn:
            return chains.is_open(conn, UNROUTED, subject)

    def plan_catalogue(
        self, message: CatalogueMessage, held: Mapping[str, Mapping[str, str]]
    ) -> tuple[tuple[Planned, ...], tuple[Holding, ...]]:
        """Plan what of a catalogue each recipient does not hold yet; give the deliveries, and what they will give.

        ``held``: recipient -> the fingerprints of what it was last given, by code.
        """
        planned: list[Planned] = []
        holdings: list[Holding] = []
        for name, before in held.items():
            different = procedures.changed(message.procedures, before)
            wanted = message.model_copy(update={"procedures": different})
            calls = self.plan(wanted, (name,), message.subject) if different else ()
            planned += calls
            # A holder that takes no catalogue (it is written procedure by procedure) is compared by reconcile instead.
            holdings += [(name, each.code, procedures.fingerprint(each)) for each in different if calls]
        return tuple(planned), tuple(holdings)

    def finals(self, names: Iterable[str], source: str = "") -> tuple[str, ...]:
        """Give who stands for these partners now, each once, without who stands for ``source``."""
        return successors.finals(self.successors.current(), names, source)

    def line_of(self, name: str) -> tuple[str, ...]:
        """Give a partner and all whose place it has taken."""
        return succession.line_of(self.successors.current(), name)

    def lines_of(self, names: Iterable[str]) -> tuple[str, ...]:
        """Give these partners and all whose places they have taken: what was told or given to those is theirs to read."""
        return tuple(dict.fromkeys(each for name in names for each in self.line_of(name)))

    def _plan_at(
        self, message: Message, canonical: bytes, name: str, subject: str, park: tuple[str, str, str, str] | None
    ) -> Iterable[Planned]:
        endpoint = self.endpoint(name)
        if refused := purposes.refusal(name, endpoint.purposes, subject):
            # Accepted all the same: its sender did nothing wrong, and an operator sees what a rule would have given away.
            park = (refused.code, refused.where, refused.en, refused.vi)
        # In the chain of the one before it stands behind what is not done there, and is moved with that.
        at = self._place_of(name, subject)
        for call in self.adapter(endpoint).plan(message, endpoint.options):
            planned = self.planned(message, canonical, name, subject, call.service, call.part, park)
            yield planned if at == name else replace(planned, endpoint=at)

    def _place_of(self, name: str, subject: str) -> str:
        known = self.successors.current()
        if len(succession.line_of(known, name)) == 1:
            return name
        with self.ledger.glance() as conn:
            return successors.place_of(conn, known, name, subject)

    def planned(
        self,
        message: Message,
        canonical: bytes,
        endpoint: str,
        subject: str,
        service: str,
        part: Mapping[str, str],
        park: tuple[str, str, str, str] | None = None,
    ) -> Planned:
        """Make one planned delivery."""
        event = message.event.value if isinstance(message, DossierMessage | BorderMessage) else ""
        return Planned(
            id=self.new_id(),
            endpoint=endpoint,
            subject=subject,
            service=service,
            part=compact_texts(part),
            canonical=canonical,
            kind=message.kind,
            event=event,
            procedure=message.dossier.procedure.code if isinstance(message, DossierMessage) else "",
            priority=self._priority(endpoint, event),
            happened_at=dossier_facts.happened_at(message) if isinstance(message, DossierMessage) else None,
            park=park,
        )

    def _priority(self, endpoint: str, event: str) -> int:
        outbound = self.endpoints[endpoint].outbound if endpoint in self.endpoints else None
        return URGENT if outbound and outbound.is_urgent(event) else USUAL

    def notice(self, delivery: Any, outcome: str, error: HubError | None = None) -> Notice:
        """Say what a message's sender is told about a delivery, with the call to it where it wants one.

        ``delivery`` has origin, message_id, subject and endpoint, and the canonical message or its digest.
        """
        code, vi, en = (error.partner_code or error.code, error.vi, error.en) if error else ("", "", "")
        (name,) = self.finals([delivery.origin])
        origin = self.endpoints.get(name)
        callback = None
        if origin is not None and origin.outbound is not None and origin.outbound.notify:
            numbers, native = self._about(delivery)
            told = NoticeMessage(
                message_id=delivery.message_id,
                dossier=delivery.subject.partition(":")[2],
                recipient=delivery.endpoint,
                outcome=outcome,
                code=code,
                vi=vi,
                en=en,
                at=self.clock(),
                numbers=numbers,
                native=native,
            )
            callback = next(iter(self.plan(told, (name,), notices_of(delivery.subject))), None)
        return Notice(outcome=outcome, code=code, vi=vi, en=en, callback=callback)

    def _about(self, delivery: Any) -> tuple[dict[str, str], dict[str, str]]:
        """Give the numbers of the dossier that a delivery is about, and what its sender's protocol says of the message."""
        body = getattr(delivery, "canonical", None)
        if body is None:
            with self.ledger.glance() as conn:
                body = payloads.get(conn, delivery.canonical_digest)
        message = from_json(body) if body else None
        if not isinstance(message, DossierMessage):
            return {}, {}
        dossier = message.dossier
        return {**dossier.other_codes, dossier.numbering: dossier.code}, dict(message.native)


class OfHub(Protocol):
    """What belongs to a hub."""

    hub: Hub


H = TypeVar("H", bound=OfHub)


def by_ledger(those: Iterable[H]) -> list[tuple[Ledger, list[H]]]:
    """Part those whose hubs have different ledgers, as two hubs in one process do."""
    parts: dict[int, tuple[Ledger, list[H]]] = {}
    for each in those:
        parts.setdefault(id(each.hub.ledger), (each.hub.ledger, []))[1].append(each)
    return list(parts.values())
