"""Files that stand inside messages as Base64: kept in the payload store when they come, put back in when a call is written.

Inside the hub such a file goes by its digest alone (Claim Check). On its way in it is kept before the message is recorded: a
process that dies in between leaves a file that nothing names, which retention removes. On its way out the bytes are had before
the call is written and signed; what cannot be had is a wait, or a parked delivery with its cause, never a message without it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from hub import file_links
from hub.app import Hub
from hub.canonical.border.message import BorderMessage
from hub.canonical.digests import DIGEST
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import Message
from hub.contract import Call, Incoming, InlineFile
from hub.endpoint import Endpoint, OutboundPolicy, outbound_of
from hub.errors import Damaged, Fault, InvalidMessage, NotAllowed
from hub.ledger import link_verbs
from hub.ledger.values import Brought, Delivery
from hub.payloads import PayloadStore, put
from hub.registers import links as register
from hub.rules import attachments
from hub.rules import file_links as rules
from hub.rules.attachments import digest_in
from hub.rules.border import files as border_files

log = structlog.get_logger()

#: What can carry files.
Carrier = DossierMessage | BorderMessage

#: In place of each file where a call is only looked at.
STAND_IN = "(tệp / file)".encode()


# --- in -----------------------------------------------------------------------------------------------------------


def kept(hub: Hub, endpoint: Endpoint, incoming: Incoming) -> tuple[Incoming, tuple[Brought, ...]]:
    """Keep the files that stand inside a document; the messages then name them by their address here.

    They are their sender's only with the message's own commit. Raises Unavailable where the store cannot take them: nothing
    was accepted, the sender may come again.
    """
    if not incoming.files:
        return incoming, ()
    files = {file.digest: _keep(hub, endpoint, file) for file in incoming.files}
    messages = (_addressed(message, files, hub.public_url) for message in incoming.messages)
    return replace(incoming, messages=tuple(messages)), tuple(files.values())


def _keep(hub: Hub, endpoint: Endpoint, file: InlineFile) -> Brought:
    there = put(hub.payloads, file.pieces())
    assert there.digest == file.digest, "the reader named another digest than its file has"
    log.info("attachment.taken_out", digest=there.digest, size=there.size, by=endpoint.name)
    is_there = partial(_is_there, hub.payloads, there.digest)
    return Brought(digest=there.digest, size=there.size, is_there=is_there)


def _is_there(store: PayloadStore, digest: str) -> bool:
    return store.size(digest) is not None


def _addressed(message: Message, digests: Collection[str], public_url: str) -> Message:
    if isinstance(message, BorderMessage):
        return border_files.addressed(message, digests, public_url)
    return attachments.addressed(message, digests, public_url) if isinstance(message, DossierMessage) else message


# --- out ----------------------------------------------------------------------------------------------------------


def contents(hub: Hub, endpoint: Endpoint, held: Delivery, message: Message, call: Call) -> Mapping[str, bytes]:
    """Have the bytes of every file that must stand inside a call: name in the message -> bytes.

    Raises NotSent where one cannot be fetched now, NotAllowed where one is not kept any more or may not be fetched, Damaged
    where the store has lost it, InvalidMessage where they are too large to stand inside a message.
    """
    names = hub.adapter(endpoint).inlines(message, call, endpoint.options)
    if not names or not isinstance(message, DossierMessage | BorderMessage):
        return {}
    policy = outbound_of(endpoint)
    digests = _given(hub, held, message, names)
    digests |= _fetched(hub, endpoint, held, message, [name for name in names if name not in digests])
    _check_sizes(hub, message, digests, policy)
    return {name: _read(hub, digest) for name, digest in digests.items()}


def stand_ins(hub: Hub, endpoint: Endpoint, message: Message, call: Call) -> Mapping[str, bytes]:
    """Give a stand-in for each file that would stand inside a call, for who only looks at what would be written."""
    return dict.fromkeys(hub.adapter(endpoint).inlines(message, call, endpoint.options), STAND_IN)


def _digest(name: str, public_url: str) -> str:
    """Give the digest of a file that was given to the hub; empty for an address elsewhere."""
    return name if DIGEST.fullmatch(name) else digest_in(name, public_url)


def _given(hub: Hub, held: Delivery, message: Carrier, names: Iterable[str]) -> dict[str, str]:
    """Find the files that were given to the hub, for this very message."""
    wanted = {name: digest for name in names if (digest := _digest(name, hub.public_url))}
    if not wanted:
        return {}
    with hub.ledger.glance() as conn:
        there = register.used(conn, held.message_id, frozenset(wanted.values()))
    for name, digest in wanted.items():
        if digest not in there:
            raise link_verbs.gone(_path(message, name, hub.public_url))
    return wanted


def _fetched(hub: Hub, endpoint: Endpoint, held: Delivery, message: Carrier, names: Iterable[str]) -> dict[str, str]:
    """Fetch the others into the payload store, where this endpoint's settings let the hub fetch."""
    known = {item.url: item for item in rules.items(message)} if isinstance(message, DossierMessage) else {}
    items = [known.get(name) or rules.Item(path=_path(message, name, hub.public_url), url=name) for name in names]
    if items and outbound_of(endpoint).file_links != "relay":
        where = items[0].path
        raise NotAllowed(
            f"the partner wants the file at {where} inside the message, and it lies elsewhere: set [outbound] file_links ="
            ' "relay" so that the hub may fetch it, then release',
            f"đối tác cần nội dung tệp tại {where} ngay trong thông điệp, mà tệp nằm ở nơi khác: đặt [outbound] file_links ="
            ' "relay" để trục được tải tệp, rồi cho gửi tiếp (release)',
            where=where,
        )
    return file_links.relayed(hub, endpoint, held, items) if items else {}


def _path(message: Carrier, name: str, public_url: str) -> str:
    """Say where in the message a file stands, for who reads the cause."""
    digest = _digest(name, public_url)
    if isinstance(message, BorderMessage):
        return next((path for path, file in border_files.files_of(message) if file.url == name), "/phyto/references")
    for item in rules.items(message):
        if item.url == name or (digest and digest_in(item.url, public_url) == digest):
            return item.path
    return "/HoSo"


def _check_sizes(hub: Hub, message: Carrier, digests: Mapping[str, str], policy: OutboundPolicy) -> None:
    """Refuse before anything is read what is too large to stand inside one message."""
    total = 0
    for name, digest in digests.items():
        size = hub.payloads.size(digest)
        if size is None:
            raise Damaged(f"the stored file {digest} is lost", f"tệp đã lưu {digest} không còn trong kho", where=digest)
        total += size
        if total > policy.inline_bytes:
            most = policy.inline_bytes
            vi = f"các tệp phải gửi kèm trong thông điệp lớn hơn {most} byte cho phép"
            en = f"the files that must stand inside the message are larger than the {most} bytes allowed"
            raise InvalidMessage([Fault(_path(message, name, hub.public_url), "too_large", vi, en)])


def _read(hub: Hub, digest: str) -> bytes:
    reading = hub.payloads.open(digest)
    if reading is None:
        raise Damaged(f"the stored file {digest} is lost", f"tệp đã lưu {digest} không còn trong kho", where=digest)
    try:
        return b"".join(_pieces(reading))
    finally:
        reading.close()


def _pieces(reading: Any) -> Iterator[bytes]:
    while piece := reading.read():
        yield piece
