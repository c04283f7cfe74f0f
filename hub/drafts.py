"""Drafts: the bytes of a call, written and signed step by step, for many deliveries at a time.

What may have to wait (files elsewhere, a key in a token, a time-stamping authority) is done by each delivery's own thread.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from hub import file_links, inline_files
from hub.app import Hub, notices_of
from hub.canonical.codes import CodeTables
from hub.canonical.message import Message, from_json
from hub.contract import FILE_NAME, SIGNATURE_SLOT, Call, Outgoing, Writing
from hub.endpoint import Endpoint, OutboundPolicy, folder_of, outbound_of
from hub.errors import HubError, NoMapping
from hub.ledger import chains, outbox_verbs
from hub.ledger.values import Delivery
from hub.rounds import each_takes, raise_kept
from hub.rules import folder_names, signing
from hub.rules.border import purposes
from hub.rules.xml_signing import Policy as SignedBy


class WordsFirst(Exception):
    """The partner has not heard yet what became of its own messages, and takes this only after that."""


@dataclass(slots=True, kw_only=True, eq=False)
class Draft:
    """One call that is being written."""

    hub: Hub
    endpoint: Endpoint
    held: Delivery
    #: Under which the partner will know the message.
    native_id: str
    message: Message | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    #: Files whose bytes stand inside of it; None: they are not had yet.
    contents: Mapping[str, bytes] | None = None
    outgoing: Outgoing | None = None
    is_written: bool = False
    is_signed: bool = False
    #: Nothing is left to be done before it is recorded and sent.
    is_finished: bool = False
    #: Bound to the log lines of its steps.
    ids: dict[str, str | int]
    #: What speaks against it, or went wrong; no further step is done.
    error: Exception | None = None

    @property
    def policy(self) -> OutboundPolicy:
        return outbound_of(self.endpoint)

    @property
    def call(self) -> Call:
        return Call(service=self.held.service, part=self.held.part)


def begun(hub: Hub, held: Delivery, ids: dict[str, str | int]) -> Draft:
    """Begin the draft of a call; raise BadSettings where its endpoint is none any more."""
    # A rebuilt delivery is another document: it must not carry the identifier of the one the partner refused.
    native_id = held.id if not held.attempts else str(uuid.uuid5(uuid.UUID(held.id), str(held.attempts)))
    return Draft(hub=hub, endpoint=hub.endpoint(held.endpoint), held=held, native_id=native_id, ids=ids)


def write(drafts: Sequence[Draft]) -> None:
    """Write and sign these as far as that waits for nothing; what fails keeps its error for ``completed``."""
    new = [draft for draft in drafts if draft.held.business is None and _refusal(draft) is None]
    each_takes(_read, new)
    each_takes(_write, [draft for draft in new if draft.contents is not None])
    each_takes(_sign, [draft for draft in new if _is_signed_at_once(draft)])
    each_takes(_finish, [draft for draft in new if draft.is_signed])


def completed(draft: Draft) -> Outgoing | None:
    """Do what may have to wait, and give the bytes to send: those of an earlier attempt, else written and signed now.

    None where nothing is to be sent. Raises WordsFirst, and what adapters, signers and files raise.
    """
    hub, endpoint, held = draft.hub, draft.endpoint, draft.held
    if draft.is_finished:
        return draft.outgoing
    if refused := _refusal(draft):
        # Also of one that was released, and of one that was planned while the partner's file still allowed it.
        raise refused
    if held.business is not None:
        file_links.send_again(hub, endpoint, held, kept := recorded(held))
        return kept
    if (message := draft.message) is not None:
        _check_words(draft, message)
    raise_kept(draft)
    assert message is not None
    if not draft.is_written:
        draft.contents = inline_files.contents(hub, endpoint, held, message, draft.call)
        _write(draft)
    if draft.outgoing is None:
        return None
    file_links.prepare(hub, endpoint, held, message, draft.outgoing, draft.links)
    if not draft.is_signed:
        _sign(draft)
    return _numbered(hub, endpoint, draft.outgoing) if _is_numbered(endpoint) else draft.outgoing


def recorded(held: Delivery) -> Outgoing:
    """Give the bytes that the ledger holds of an earlier attempt."""
    body = held.business or b""
    return Outgoing(service=held.service, body=body, variant=held.variant, head=held.head, message_id=held.native_id)


def _refusal(draft: Draft) -> HubError | None:
    return purposes.refusal(draft.endpoint.name, draft.endpoint.purposes, draft.held.subject)


def _is_numbered(endpoint: Endpoint) -> bool:
    return endpoint.folder is not None and bool(endpoint.folder.put)


def _comes_after_words(draft: Draft, message: Message) -> bool:
    return draft.hub.adapter(draft.endpoint).after_words(message, draft.call, draft.endpoint.options)


def _check_words(draft: Draft, message: Message) -> None:
    if _comes_after_words(draft, message):
        with draft.hub.ledger.glance() as conn:
            if chains.is_open(conn, draft.held.endpoint, notices_of(draft.held.subject)):
                raise WordsFirst


def _read(draft: Draft) -> None:
    hub, endpoint = draft.hub, draft.endpoint
    draft.message = from_json(draft.held.canonical)
    if not draft.policy.sees_to_files and not hub.adapter(endpoint).inlines(draft.message, draft.call, endpoint.options):
        draft.contents = {}


def _write(draft: Draft) -> None:
    try:
        # A list is mended, and what stood still for it rebuilt right after: that must not meet what this process knew before.
        _write_by(draft, draft.hub.codes(fresh=True) if draft.held.epoch > 1 else draft.hub.codes())
    except NoMapping:
        _write_by(draft, draft.hub.codes(fresh=True))
    draft.is_written = True


def _write_by(draft: Draft, codes: CodeTables) -> None:
    hub, endpoint, held, message = draft.hub, draft.endpoint, draft.held, draft.message
    assert message is not None and draft.contents is not None
    draft.links = file_links.foreseen(hub, endpoint, held.id, message)
    writing = Writing(
        options=endpoint.options,
        codes=codes,
        held=held.held,
        now=hub.clock(),
        message_id=draft.native_id,
        links=draft.links,
        contents=draft.contents,
    )
    draft.outgoing = hub.adapter(endpoint).write_message(message, draft.call, writing)


def _is_signed_at_once(draft: Draft) -> bool:
    """Say whether signing asks nobody: a token is waited for, and so is a time-stamping authority."""
    if draft.error is not None or draft.outgoing is None:
        return False
    policy = draft.policy
    if policy.sees_to_files or policy.sign == "xades-t":
        return False
    ring = draft.hub.signers.get(policy.signer)
    return policy.sign == "none" or (ring is not None and ring.is_in_memory)


def _sign(draft: Draft) -> None:
    assert draft.outgoing is not None
    signed = _signed(draft.hub, draft.policy, draft.outgoing)
    draft.outgoing = replace(signed, message_id=draft.native_id, root=None)
    draft.is_signed = True


def _finish(draft: Draft) -> None:
    """Say that it is finished, where nothing has to be asked of the ledger."""
    assert draft.message is not None
    draft.is_finished = not _is_numbered(draft.endpoint) and not _comes_after_words(draft, draft.message)


def _signed(hub: Hub, policy: OutboundPolicy, outgoing: Outgoing) -> Outgoing:
    if policy.sign == "none":
        return outgoing
    signer, body = hub.signer(policy.signer), outgoing.body
    if policy.sign == "jws":
        return replace(outgoing, head={**outgoing.head, "jws": signing.sign_jws(body, signer, policy.algorithm)})
    slot = outgoing.head.get(SIGNATURE_SLOT, "")
    if policy.sign == "xml":
        return replace(outgoing, body=signing.sign_xml(body, signer, policy.algorithm, slot, outgoing.root))
    named = policy.signature_policy
    signed = signing.sign_xades(
        body,
        signer,
        hub.clock(),
        algorithm=policy.algorithm,
        policy=SignedBy(identifier=named.identifier, digest=bytes.fromhex(named.sha256)) if named else None,
        stamp=hub.stamp if policy.sign == "xades-t" else None,
        slot=slot,
        root=outgoing.root,
    )
    return replace(outgoing, body=signed)


def _numbered(hub: Hub, endpoint: Endpoint, outgoing: Outgoing) -> Outgoing:
    """Name the file that is put into a partner's folder; it keeps its name as long as its bytes."""
    number = hub.ledger.change(partial(outbox_verbs.next_number, endpoint=endpoint.name), f"endpoint:{endpoint.name}")
    name = folder_names.name_of(
        folder_of(endpoint).name,
        number=number,
        service=outgoing.service,
        identity=outgoing.message_id,
        body=outgoing.body,
    )
    return replace(outgoing, head={**outgoing.head, FILE_NAME: name})
