"""Visits: what a door has read and thought of one message before it is recorded, step by step and many at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from hub import inline_files
from hub.app import Hub, by_ledger
from hub.canonical.border.message import BorderMessage
from hub.canonical.codes import Event
from hub.canonical.compact_json import compact
from hub.canonical.digests import digest_of, named
from hub.canonical.dossier import DossierMessage
from hub.contract import Answer, Incoming, Opened, Outcome, Owed, Request
from hub.endpoint import Endpoint, InboundPolicy
from hub.errors import Fault, InvalidMessage, Unavailable
from hub.ledger.ledger import Ledger
from hub.ledger.values import Acceptance, Brought
from hub.rounds import each_takes, raise_kept
from hub.rules import certificates, signatures
from hub.rules.trust import Verdict, Verified
from hub.telemetry import told_as
from hub.thought import Looked, Thought, look_up, think

log = structlog.get_logger()

#: The verdict on a message that was refused before its signature was looked at.
NOT_CHECKED = Verdict(indication="NOT-CHECKED")


@dataclass(slots=True, kw_only=True, eq=False)
class Visit:
    """One message at a door, and how far we are with it."""

    hub: Hub
    endpoint: Endpoint
    request: Request
    message_id: str
    opened: Opened | None = None
    verified: Verified | None = None
    verdict: Verdict = NOT_CHECKED
    incoming: Incoming | None = None
    #: Files that stood inside the document; None: they are not kept yet.
    brought: tuple[Brought, ...] | None = None
    looked: Looked = field(default_factory=dict)
    answer: Answer | None = None
    owed: Owed | None = None
    thoughts: list[Thought] = field(default_factory=list)
    acceptance: Acceptance | None = None
    #: Returns the answer that is recorded, or raises why nothing was; None: it was not recorded yet.
    recorded: Callable[[], Answer] | None = None
    #: Bound to the log lines of its steps.
    ids: dict[str, str | int] = field(default_factory=dict)
    #: What speaks against it, or went wrong; no further step is done.
    error: Exception | None = None

    def outcome(self) -> tuple[Acceptance, Answer]:
        """Give what was to be recorded and the answer that is; raise what went wrong, DossierMoved where it must think again."""
        raise_kept(self)
        assert self.acceptance is not None and self.recorded is not None
        return self.acceptance, self.recorded()

    def keep_files(self) -> bool:
        """Keep the files that stood inside the document; False where there is nothing to keep, or no use in it."""
        if self.error is not None or self.incoming is None or self.brought is not None:
            return False
        self.incoming, self.brought = inline_files.kept(self.hub, self.endpoint, self.incoming)
        return True

    def think_again(self) -> None:
        """Think anew of what changed meanwhile, and record it."""
        self.recorded = None
        _conclude([self])

    def signature(self) -> bytes:
        """Give the signature that came beside the document, as it came, also where it was not looked at."""
        token = self.request.jws if self.opened is None else self.opened.jws or ""
        return token.encode("latin-1", "backslashreplace")  # as HTTP servers read headers (RFC 9110 5.5)

    def told(self, verdict: Verdict) -> str:
        """Write a verdict; of what was taken from a partner's list it names the list's answer, too."""
        text, page = verdict.to_json(), self.request.page
        return compact({**json.loads(text), "page_digest": digest_of(page)}) if page else text


def go_on(visits: Sequence[Visit]) -> None:
    """Take each as far as it can go now: until its files are to be kept, or it is recorded; what fails keeps its error."""
    unread = [visit for visit in visits if visit.incoming is None]
    for step in (_open, _verify, _read):
        each_takes(step, unread)
    ready = [visit for visit in visits if visit.brought is not None and visit.recorded is None]
    each_takes(_answer, ready)
    _conclude(ready)


def _conclude(visits: Sequence[Visit]) -> None:
    """Think of each, and record those that nothing speaks against in one commit."""
    for ledger, group in by_ledger(visit for visit in visits if visit.error is None):
        _look_up(ledger, group)
    for step in (_think, _sum_up):
        each_takes(step, visits)
    ready = [visit for visit in visits if visit.error is None]
    for ledger, group in by_ledger(ready):
        outcomes = ledger.record_all_received([visit.acceptance for visit in group if visit.acceptance])
        for visit, outcome in zip(group, outcomes, strict=True):
            visit.recorded = outcome


def _look_up(ledger: Ledger, visits: Sequence[Visit]) -> None:
    """Look up the dossiers of all at once; where that fails each asks for its own, since one may be the cause."""
    messages = (message for visit in visits if visit.incoming for message in visit.incoming.messages)
    try:
        looked = look_up(ledger, messages)
    except Unavailable as error:
        for visit in visits:
            visit.error = Unavailable(error.en, error.vi, where=error.where)
        return
    except Exception as error:
        log.warning("visits.not_looked_up", error=type(error).__name__)
        looked = {}
    for visit in visits:
        visit.looked = looked


def _open(visit: Visit) -> None:
    _check_size(visit.endpoint, visit.request)
    visit.opened = visit.hub.adapter(visit.endpoint).open_request(visit.request, visit.endpoint.options)


def _check_size(endpoint: Endpoint, request: Request) -> None:
    """Refuse what is too large; over HTTP it did not come as far as this."""
    most = (endpoint.inbound or InboundPolicy()).max_bytes
    if len(request.body) > most:
        vi, en = f"thông điệp lớn hơn {most} byte", f"the message is larger than {most} bytes"
        raise InvalidMessage([Fault("", "too_large", vi, en)])


def _verify(visit: Visit) -> None:
    """Verify the document's signature, of the kinds that its protocol has."""
    hub, opened = visit.hub, visit.opened
    assert opened is not None
    adapter = hub.adapter(visit.endpoint)
    visit.verified = signatures.verify(
        opened.document,
        opened.jws,
        hub.trust(visit.endpoint),
        hub.clock(),
        long_texts=adapter.long_texts,
        odd=adapter.odd_signatures,
    )
    visit.verdict = visit.verified.verdict


def _read(visit: Visit) -> None:
    verified, opened = visit.verified, visit.opened
    assert verified is not None and opened is not None
    incoming = visit.hub.adapter(visit.endpoint).read_message(verified.signed_bytes, opened, visit.endpoint.options)
    _check_may_sign(visit.verdict, incoming)
    visit.incoming = incoming
    visit.brought = None if incoming.files else ()
    visit.ids["subject"] = told_as(incoming.messages[0].subject)


def _check_may_sign(verdict: Verdict, incoming: Incoming) -> None:
    """Check each message against what the register of the trust store lets its signer sign."""
    for message in incoming.messages:
        event = f".{message.event.value}" if isinstance(message, DossierMessage | BorderMessage) else ""
        certificates.check_may_sign(verdict, message.kind + event)


def _answer(visit: Visit) -> None:
    hub, endpoint, incoming, opened = visit.hub, visit.endpoint, visit.incoming, visit.opened
    assert incoming is not None and opened is not None
    outcome = Outcome(message_id=visit.message_id, received_at=hub.clock(), asked=incoming.asked)
    visit.answer = hub.adapter(endpoint).answer(outcome, opened, visit.request, endpoint.options)
    visit.owed = hub.adapter(endpoint).owes(outcome, opened, visit.request, endpoint.options)


def _think(visit: Visit) -> None:
    incoming = visit.incoming
    assert incoming is not None
    sizes = {file.digest: file.size for file in visit.brought or ()}
    visit.thoughts = []
    for message in incoming.messages:
        visit.thoughts.append(think(visit.hub, visit.endpoint, message, visit.thoughts, visit.message_id, sizes, visit.looked))
    # Of a dossier with several numbers the first one by which it became known.
    visit.ids["subject"] = told_as(visit.thoughts[0].subject)


def _sum_up(visit: Visit) -> None:
    verified, incoming, answer, request, thoughts = visit.verified, visit.incoming, visit.answer, visit.request, visit.thoughts
    assert verified is not None and incoming is not None and answer is not None
    first = thoughts[0]
    about = first.message
    visit.acceptance = Acceptance(
        message_id=visit.message_id,
        endpoint=visit.endpoint.name,
        at=visit.hub.now(),
        subject=first.subject,
        kind=about.kind,
        event=about.event.value if isinstance(about, DossierMessage | BorderMessage) else "",
        procedure=about.dossier.procedure.code if isinstance(about, DossierMessage) else "",
        identity=incoming.identity,
        raw=request.body,
        signed=verified.signed_bytes,
        signature=visit.signature(),
        certificate=verified.certificate,
        proofs=_proofs(verified),
        canonical=tuple(thought.canonical for thought in thoughts),
        verdict=visit.told(verified.verdict),
        warnings=compact([warning for thought in thoughts for warning in thought.warnings]),
        answer=answer,
        planned=() if _only_closes(incoming) else tuple(planned for thought in thoughts for planned in thought.planned),
        dossiers=tuple(each for thought in thoughts for each in (thought.dossier, thought.replaced) if each),
        procedures=tuple(row for thought in thoughts for row in thought.procedures),
        holdings=tuple(row for thought in thoughts for row in thought.holdings),
        catalogues=first.catalogues,
        attachments=tuple(digest for thought in thoughts for digest in thought.files),
        brought=visit.brought or (),
        page=request.page,
        owed=visit.owed,
        correlation=incoming.correlation,
        correlation_refused=incoming.correlation_refused,
        finding=tuple((hashed, thought.subject) for thought in thoughts for hashed in thought.finding),
        border=tuple(change for thought in thoughts for change in thought.border),
        named=tuple(naming for thought in thoughts for naming in thought.named),
    )


def _only_closes(incoming: Incoming) -> bool:
    """Say whether a document does nothing but close a delivery of ours: its message's sender hears of that by a notice."""
    return bool(incoming.correlation) and all(
        isinstance(message, DossierMessage) and message.event is Event.CONFIRMED for message in incoming.messages
    )


def _proofs(verified: Verified) -> dict[str, bytes]:
    """Give on what the trust in the signer leans, by digest: issuers of its certificate, revocation lists and answers."""
    verdict = verified.verdict
    names = map(named, (*verdict.path_digests, *verdict.revocation_digests))
    return dict(zip(names, verified.proofs, strict=True))
