"""Files in what is sent: each gets an address at which the partner fetches it here, and every address is tried before it is sent.

Done between a delivery's claim and the recording of its bytes, so that whatever is missing costs a wait and no attempt. What
lies elsewhere is fetched at this moment into the payload store: the partner then gets the very bytes whose digest stands in the
ledger, however short-lived the sender's own address is, and nobody outside can make the hub call another host.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape

import structlog

from hub.app import Hub
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import Message, from_json
from hub.contract import Outgoing
from hub.endpoint import Endpoint, OutboundPolicy, outbound_of
from hub.errors import Damaged, InvalidMessage, NotAllowed, NotSent, bad_value
from hub.fetching import is_address
from hub.ledger import link_verbs
from hub.ledger.link_verbs import NewLink
from hub.ledger.values import Delivery
from hub.registers import links as register
from hub.rules import file_links as rules
from hub.rules.file_links import Item

log = structlog.get_logger()

DAY_SECONDS = 86_400.0
#: A file that the hub fetched for a dossier is not fetched again for so long.
FETCHED_SECONDS = DAY_SECONDS


def foreseen(
    hub: Hub, endpoint: Endpoint, delivery: str, message: Message, ended: Mapping[str, int] | None = None
) -> Mapping[str, str]:
    """Say at which address a partner will fetch each file of a message: address there -> address here. Nothing is recorded.

    ``ended``: how many addresses of each file were ended before; None: look.
    """
    policy = endpoint.outbound
    if policy is None or policy.file_links == "none" or not isinstance(message, DossierMessage):
        return {}
    wanted = [item for item in rules.items(message) if _is_linked(hub, policy, item)]
    if not wanted:
        return {}
    if ended is None:
        with hub.ledger.glance() as conn:
            ended = register.ended(conn, delivery)
    counted = ended
    named = {item.url: rules.name(hub.link_key, delivery, item.source, counted.get(item.source, 0)) for item in wanted}
    return {url: rules.address(hub.public_url, name) for url, name in named.items()}


def _is_linked(hub: Hub, policy: OutboundPolicy, item: Item) -> bool:
    return bool(rules.digest_of(item, hub.public_url)) or (policy.file_links == "relay" and is_address(item.url))


# --- bytes that were just written ------------------------------------------------------------------------------------


def prepare(
    hub: Hub, endpoint: Endpoint, held: Delivery, message: Message, outgoing: Outgoing, links: Mapping[str, str]
) -> None:
    """See to every file that bytes about to be recorded speak of.

    Raises NotSent where one cannot be fetched now, NotAllowed where one is not kept any more, InvalidMessage where an address
    is none.
    """
    policy = outbound_of(endpoint)
    if not policy.sees_to_files or not isinstance(message, DossierMessage):
        return
    said = [item for item in rules.items(message) if _says(outgoing.body, links.get(item.url, item.url))]
    work = _Work(hub, policy, held, hub.fetching.clock() + policy.file_seconds)
    work.make([item for item in said if item.url in links], links)
    if policy.checks_files:
        work.check([item for item in said if item.url not in links], [links[item.url] for item in said if item.url in links])


def relayed(hub: Hub, endpoint: Endpoint, held: Delivery, items: Sequence[Item]) -> dict[str, str]:
    """Fetch files that lie elsewhere into the payload store: address -> digest; raises NotSent where one cannot be fetched."""
    policy = outbound_of(endpoint)
    return _Work(hub, policy, held, hub.fetching.clock() + policy.file_seconds).relayed(items)


def _says(body: bytes, url: str) -> bool:
    """Say whether an address stands in written bytes, as text, in JSON or in XML."""
    written = {url, escape(url), json.dumps(url)[1:-1], json.dumps(url, ensure_ascii=False)[1:-1]}
    return any(each.encode() in body for each in written)


@dataclass(frozen=True, slots=True)
class _Work:
    """One delivery whose files are seen to, until a moment."""

    hub: Hub
    policy: OutboundPolicy
    held: Delivery
    ends_at: float

    @property
    def left(self) -> float:
        return self.ends_at - self.hub.fetching.clock()

    def make(self, items: Sequence[Item], links: Mapping[str, str]) -> None:
        """Make the addresses, each leading to a file that is here."""
        if not items:
            return
        digests = self._served(items) | self.relayed(items)
        made = [
            NewLink(id=_id(links[item.url]), item=item.path, source=item.source, digest=digests[item.url], kind=item.kind)
            for item in items
        ]
        now = self.hub.now()
        verb = partial(
            link_verbs.make,
            made=made,
            delivery=self.held.id,
            endpoint=self.held.endpoint,
            subject=self.held.subject,
            expires_at=now + self.policy.file_link_days * DAY_SECONDS,
            most_fetches=self.policy.file_link_fetches,
            now=now,
        )
        self.hub.ledger.change(verb, self.held.subject)

    def _served(self, items: Iterable[Item]) -> dict[str, str]:
        """Find the files that were given to the hub, for this very message."""
        wanted = {item: digest for item in items if (digest := rules.digest_of(item, self.hub.public_url))}
        if not wanted:
            return {}
        with self.hub.ledger.read() as conn:
            there = register.used(conn, self.held.message_id, frozenset(wanted.values()))
        for item, digest in wanted.items():
            if digest not in there:
                raise link_verbs.gone(item.path)
            _check_kept(self.hub, digest)
        return {item.url: digest for item, digest in wanted.items()}

    def relayed(self, items: Iterable[Item]) -> dict[str, str]:
        """Fetch the others, but for those that were fetched for this dossier not long ago."""
        wanted = [item for item in items if not rules.digest_of(item, self.hub.public_url)]
        if not wanted:
            return {}
        with self.hub.ledger.read() as conn:
            known = register.fetched(conn, self.held.subject, self.hub.now() - FETCHED_SECONDS)
        there = {source: digest for source, digest in known.items() if self.hub.payloads.size(digest) is not None}
        return {item.url: there.get(item.source) or self._fetched(item) for item in wanted}

    def _fetched(self, item: Item) -> str:
        receiving = self.hub.payloads.receive()
        try:
            self.hub.fetching.fetch(item.url, receiving.write, max_bytes=self.hub.largest_file, seconds=self._time(item))
            if not receiving.size:
                raise NotSent("", "", where="0 byte")
            kept = receiving.keep()
        except NotSent as error:
            raise _not_fetched(item, error.where) from error
        finally:
            receiving.discard()
        self.hub.ledger.change(
            partial(
                link_verbs.record_fetched,
                subject=self.held.subject,
                source=item.source,
                digest=kept.digest,
                size=kept.size,
                delivery=self.held.id,
                now=self.hub.now(),
            ),
            self.held.subject,
        )
        if self.hub.payloads.size(kept.digest) is None:
            # Retention deleted the same file between the two; from now on it is named, and the next try fetches it again.
            raise _not_fetched(item, "deleted meanwhile")
        log.info("file.fetched", delivery=self.held.id, digest=kept.digest, size=kept.size)
        return kept.digest

    def check(self, elsewhere: Sequence[Item], own: Sequence[str]) -> None:
        """Try the addresses that are sent; one of ours stands for all of ours."""
        if strange := [item for item in elsewhere if not is_address(item.url)]:
            raise InvalidMessage(
                bad_value(item.path, "không phải địa chỉ http(s) tải được tệp", "is no http(s) address of a file")
                for item in strange
            )
        for item in elsewhere:
            try:
                self.hub.fetching.try_elsewhere(item.url, seconds=self._time(item))
            except NotSent as error:
                raise _not_fetched(item, error.where) from error
        if own:
            self._try_own(own[0])

    def _try_own(self, address: str) -> None:
        try:
            self.hub.fetching.try_own(address, seconds=max(self.left, 1.0))
        except NotSent as error:
            place = f"{self.hub.public_url.rstrip('/')}{rules.PLACE}"
            raise NotSent(
                f"the hub's own address for files, {place}, does not answer ({error.where}): no partner could fetch them",
                f"địa chỉ tải tệp của trục, {place}, không trả lời ({error.where}): đối tác sẽ không tải được tệp",
                where="hub.toml [hub] public_url",
            ) from error

    def _time(self, item: Item) -> float:
        if self.left <= 0:
            raise _not_fetched(item, f"{self.policy.file_seconds:g} s")
        return self.left


def _id(address: str) -> str:
    return rules.hash_of(address.rpartition("/")[2])


def _check_kept(hub: Hub, digest: str) -> None:
    if hub.payloads.size(digest) is None:
        raise Damaged(f"the stored file {digest} is lost", f"tệp đã lưu {digest} không còn trong kho", where=digest)


def _not_fetched(item: Item, cause: str) -> NotSent:
    return NotSent(
        f"the file at {item.path} cannot be fetched ({cause}); the dossier waits for it",
        f"không tải được tệp tại {item.path} ({cause}); hồ sơ chờ đến khi tải được",
        where=item.path,
    )


# --- bytes of an earlier attempt -------------------------------------------------------------------------------------


def send_again(hub: Hub, endpoint: Endpoint, held: Delivery, outgoing: Outgoing) -> None:
    """Let the addresses in bytes that are sent again be good for as long from now; raises as ``prepare`` does.

    Of bytes that may have arrived already nothing is checked: the partner may have fetched everything, and the doubt goes first.
    """
    policy = outbound_of(endpoint)
    names = rules.names_in(outgoing.body, hub.public_url)
    if names:
        _renew(hub, policy, held, [rules.hash_of(name) for name in names])
    if held.doubted or not policy.checks_files:
        return
    message = from_json(held.canonical)
    if isinstance(message, DossierMessage):
        work = _Work(hub, policy, held, hub.fetching.clock() + policy.file_seconds)
        elsewhere = [item for item in rules.items(message) if _says(outgoing.body, item.url)]
        work.check(elsewhere, [rules.address(hub.public_url, name) for name in names])


def _renew(hub: Hub, policy: OutboundPolicy, held: Delivery, ids: Sequence[str]) -> None:
    now = hub.now()
    with hub.ledger.read() as conn:
        known = register.of_ids(conn, ids, now)
    mine = [each for each in known.values() if each.delivery_id == held.id]
    if not held.doubted:
        _check_good([known.get(each) for each in ids])
        for each in mine:
            _check_kept(hub, each.digest)
    verb = partial(
        link_verbs.renew,
        names=[each.id for each in mine],
        expires_at=now + policy.file_link_days * DAY_SECONDS,
        most_fetches=policy.file_link_fetches,
    )
    hub.ledger.change(verb, held.subject)


def _check_good(found: Iterable[register.Link | None]) -> None:
    for each in found:
        if each is None or each.state in ("ended", "deleted"):
            item = each.item if each is not None else "/HoSo"
            raise NotAllowed(
                f"the address of the file at {item} has ended for good: rebuild this delivery, which gives it a new one",
                f"địa chỉ tải tệp tại {item} đã bị chấm dứt: hãy dựng lại lượt này (rebuild) để cấp địa chỉ mới",
                where=item,
            )
