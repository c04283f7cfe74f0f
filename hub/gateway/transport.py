"""The transport over any gateway: ours is submitted once, what came is listed, fetched, and marked when it was taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from hub.canonical.gateway_word import GatewayWord
from hub.canonical.message import Message
from hub.contract import (
    GATEWAY_ABOUT,
    GATEWAY_ACTION,
    GATEWAY_CONVERSATION,
    GATEWAY_PARTNER,
    GATEWAY_SERVICE,
    GATEWAY_WORD_PATH,
    Followed,
    Listed,
    Outgoing,
    Owed,
    Page,
    Reply,
    Request,
)
from hub.endpoint import Endpoint, gateway_of
from hub.errors import BadSettings, HubError, InDoubt, InvalidMessage, NotSent, Refused
from hub.gateway.kept import Kept, write
from hub.gateway.port import Fetched, Gateway, Submission
from hub.gateway_policy import GATEWAY, GatewayPartner

JSON = "application/json"
#: What one header of a request holds at most; these words came from abroad.
_HEADER = 300
#: A gateway that failed over one message.
_FAILED_THERE = 500


class GatewayTransport:
    """One endpoint's side of its gateway."""

    def __init__(self, endpoint: Endpoint, gateway: Gateway) -> None:
        self._name = endpoint.name
        self._policy = gateway_of(endpoint)
        self._gateway = gateway
        self._kept = Kept()

    # --- ours ---------------------------------------------------------------------------------------------------------

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        """Submit one document; the gateway's word that it has it is the hand-over, what becomes of it is followed."""
        submitted = self._gateway.submit(self._submission(outgoing), fence)
        return Reply(
            status=submitted.status,
            body=submitted.reply,
            sent=submitted.sent,
            handed_over=True,
            follow=submitted.number,
        )

    def ask(self, outgoing: Outgoing, subject: Message) -> Reply:
        """Ask the gateway whether it has a document about which there is a doubt."""
        found = self._gateway.find(self._submission(outgoing))
        known: Any = found.outcome
        return Reply(status=found.status, body=found.reply, sent=found.sent, known=known, follow=found.number)

    def _submission(self, outgoing: Outgoing) -> Submission:
        head = outgoing.head
        service, action = head.get(GATEWAY_SERVICE, outgoing.service), head.get(GATEWAY_ACTION, outgoing.service)
        return Submission(
            body=outgoing.body,
            message_id=outgoing.message_id,
            partner=self._partner(head.get(GATEWAY_PARTNER, "")),
            service=self._policy.services.get(service, service),
            action=self._policy.actions.get(action, action),
            named=action,
            conversation=head.get(GATEWAY_CONVERSATION, "") or outgoing.message_id,
            about=head.get(GATEWAY_ABOUT, ""),
        )

    def _partner(self, name: str) -> GatewayPartner:
        """Give the partner that the adapter names; where it names none, the only one there is."""
        partners = self._policy.partners
        if name in partners:
            return partners[name]
        if not name and len(partners) == 1:
            return next(iter(partners.values()))
        where = f"endpoints/{self._name}.toml [gateway.partners.{name or '?'}]"
        raise BadSettings(
            f"{where}: there is no such partner; there are: {', '.join(partners)}",
            f"{where}: chưa khai báo đối tác này; hiện có: {', '.join(partners)}",
            where=where,
        )

    # --- what came ----------------------------------------------------------------------------------------------------

    def pull(self, name: str, cursor: str, now: datetime) -> Page:
        """List what came and was not marked; its content is fetched when it is taken (``joined``).

        Where fetching marks, the numbers are kept with the cursor before anything is fetched, and until the hub has said its
        word: a process that dies between fetching and storing fetches them again, and so does one that could not store them.
        """
        waiting = {each.number: each.row for each in self._gateway.list_inbound()}
        if not self._gateway.fetching_marks:
            return Page(items=tuple(self._listed(*each) for each in waiting.items()), cursor="")
        kept = self._kept.open(cursor, now.timestamp())
        if new := {number: now.timestamp() for number in waiting if number not in kept}:
            return Page(items=(), cursor=write({**kept, **new}), more=True)
        return Page(items=tuple(self._listed(number, number.encode()) for number in kept), cursor=write(kept))

    def _listed(self, number: str, row: bytes) -> Listed:
        key = f"{GATEWAY}/{number}"
        return Listed(request=Request(endpoint=self._name, body=row, idempotency_key=key, owed=number), page=row)

    def fetch(self, file: str, give: Callable[[bytes], None]) -> None:
        """Raise Refused: the files of a message are in it."""
        raise Refused("gateways give no files apart", "cổng truyền nhận không có tệp rời", where=file)

    def joined(self, listed: Listed, addresses: Mapping[str, str]) -> Request:
        """Fetch a message, and make the call at the partner's door that it would be.

        Raises InDoubt where this one cannot be fetched as it should: that is no fault of its sender, and says nothing of others.
        """
        self._kept.fetching(listed.request.owed)
        fetched = self._fetched(listed.request.owed)
        service, action = self._policy.service_of(fetched.service), self._policy.action_of(fetched.action)
        return replace(
            listed.request,
            body=fetched.body,
            content_type=fetched.content_type or self._policy.content_type,
            path=f"/{action}",
            headers=self._headers(fetched, service, action),
            page=fetched.raw,
        )

    def _fetched(self, number: str) -> Fetched:
        try:
            return self._gateway.fetch(number)
        except InvalidMessage as error:
            raise _unfetched(number, error) from error
        except NotSent as error:
            # The list was answered just now; a proxy's words (502 to 504) are about the gateway, these about the message.
            if error.reply_status == _FAILED_THERE:
                raise _unfetched(number, error) from error
            raise

    def _headers(self, fetched: Fetched, service: str, action: str) -> dict[str, str]:
        about, at, domain = fetched.about.partition("@")
        given = {
            # Whom the gateway authenticated, in our word; empty where it is none of ours.
            "gateway-partner": self._policy.partner_of(fetched.from_party, fetched.from_type),
            "gateway-party": fetched.from_party,
            "gateway-to": fetched.to_party,
            "gateway-service": service,
            "gateway-action": action,
            "gateway-conversation": fetched.conversation,
            "gateway-message": fetched.number,
            "gateway-about": fetched.about,
            # Ours of the message that it is about, where that was one of ours.
            "gateway-number": about if at and domain == self._policy.id_domain else "",
            "gateway-parts": str(fetched.parts),
        }
        return {name: "".join(filter(str.isprintable, value))[:_HEADER] for name, value in given.items()}

    def acknowledge(self, owed: Owed) -> None:
        """Mark a message that the hub has, or has refused for good."""
        self._gateway.mark_processed(owed.number, taken=owed.kind != "failed")
        self._kept.said(owed.number)

    # --- what became of ours ------------------------------------------------------------------------------------------

    def follow(self, number: str) -> Followed:
        """Ask the gateway what became of a document of ours."""
        word: GatewayWord = self._gateway.status(number)
        request = Request(
            endpoint=self._name,
            body=word.model_dump_json().encode(),
            content_type=JSON,
            path=GATEWAY_WORD_PATH,
            idempotency_key=f"gateway-word/{number}/{word.code}",
        )
        return Followed(state=word.code, final=word.final, request=request)

    # --- reaching it --------------------------------------------------------------------------------------------------

    def probe(self) -> str:
        """Say that the gateway answers; raise NotSent where it does not, or not in its own words."""
        try:
            return self._gateway.probe()
        except InDoubt as error:
            raise NotSent(error.en, error.vi, where=error.where) from error

    @property
    def address(self) -> str:
        """Where it is reached; empty where it is a folder."""
        return self._gateway.address

    def ping(self) -> Iterator[tuple[str, str, str]]:
        """Ask the gateway what waits: our account is taken, and it answers in its own words; nothing is changed."""
        told = self.probe()
        yield "authenticated", "cổng truyền nhận nhận tài khoản của trục", "the gateway takes our account"
        yield "answered", told, told

    def close(self) -> None:
        """Hang up."""
        self._gateway.close()


def _unfetched(number: str, error: HubError) -> InDoubt:
    where = "".join(filter(str.isprintable, number))[:_HEADER]
    en, vi = f"message {where} cannot be fetched: {error.en}", f"không lấy được thông điệp {where}: {error.vi}"
    return InDoubt(en, vi, where=where, partner_code=error.partner_code)
