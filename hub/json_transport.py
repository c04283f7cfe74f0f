"""What transports of plain JSON services share: one POST for each call, a look-up by MaThongDiep, a bearer token."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from pydantic import SecretStr

from hub.canonical.message import Message
from hub.canonical.national_procedure import read_with_level
from hub.canonical.procedure import Procedure
from hub.contract import Outgoing, Reply
from hub.endpoint import Endpoint, OutboundPolicy
from hub.errors import BadSettings, Fault, InvalidMessage, NotSent
from hub.rules.json_door import CONTENT_TYPE, read_finding, write_json
from hub.wire import Wire, raise_for_busy, recorded, shown

LOOK_UP = "traCuuThongDiep"
#: The services of a partner that gives its catalogue.
LIST_PROCEDURES, GIVE_PROCEDURE = "layDanhMucTTHC", "layTTHC"
#: No message has this identifier: a look-up of it changes and tells nothing.
NEVER_SENT = "00000000-0000-0000-0000-000000000000"


class JsonOptions(Protocol):
    """What a transport needs of an endpoint's ``[options]``."""

    @property
    def base_url(self) -> str: ...
    @property
    def token(self) -> SecretStr: ...
    @property
    def paths(self) -> Mapping[str, str]: ...


class JsonTransport:
    """One endpoint's side of the wire; the token lives here and never in recorded bytes."""

    def __init__(self, options: JsonOptions, policy: OutboundPolicy, wire: Wire) -> None:
        self._options = options
        self._deadline = policy.deadline_seconds
        self._wire = wire

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        """Post one call."""
        signature = {"X-JWS-Signature": outgoing.head["jws"]} if "jws" in outgoing.head else {}
        return self._post(outgoing.service, outgoing.body, signature, fence)

    def ask(self, outgoing: Outgoing, subject: Message) -> Reply:
        """Ask whether the partner has the message with this MaThongDiep."""
        return self._post(LOOK_UP, write_json({"MaThongDiep": outgoing.head["MaThongDiep"]}), {}, _pass)

    def probe(self) -> str:
        """Say that the partner answers; what it answers matters only where it refuses the token or is broken."""
        url = self._options.base_url
        reply = self._wire.call("GET", url, headers=self._headers(), deadline_seconds=self._deadline)
        if reply.status in (401, 403) or reply.status >= 500:
            raise NotSent(f"{url} answers {reply.status}", f"{url} trả lời {reply.status}", where=url)
        return f"{url} answers {reply.status}"

    @property
    def address(self) -> str:
        """Where the partner is reached."""
        return self._options.base_url

    def ping(self) -> Iterator[tuple[str, str, str]]:
        """Look up a message that cannot exist: our token is taken, and the answer can be read."""
        reply = self._post(LOOK_UP, write_json({"MaThongDiep": NEVER_SENT}), {}, _pass)
        url = self._url(LOOK_UP)
        if reply.status in (401, 403):
            vi, en = f"{url} không nhận token của trục ({reply.status})", f"{url} refuses our token ({reply.status})"
            raise NotSent(en, vi, where=url)
        yield "authenticated", "đối tác nhận token", "the token is taken"
        if read_finding(reply.status, reply.body, where=LOOK_UP).outcome == "unknown":
            vi, en = f"{url} trả lời {reply.status} không hiểu được", f"{url} answers {reply.status} without sense"
            raise NotSent(en, vi, where=url)
        yield "answered", "đối tác trả lời tra cứu", "the look-up was answered"

    def close(self) -> None:
        """Leave the pool alone: it belongs to the process."""

    def _post(self, service: str, body: bytes, more: Mapping[str, str], fence: Callable[[], None]) -> Reply:
        url, headers = self._url(service), {**self._headers(), **more}
        sent = shown("POST", url, headers, body)
        with recorded(sent):
            reply = self._wire.call("POST", url, body=body, headers=headers, deadline_seconds=self._deadline, fence=fence)
            raise_for_busy(reply, url)
        return Reply(status=reply.status, body=reply.body, sent=sent)

    def _url(self, service: str) -> str:
        return self._options.base_url.rstrip("/") + self._options.paths[service]

    def _headers(self) -> dict[str, str]:
        token = self._options.token.get_secret_value()
        return {"Content-Type": CONTENT_TYPE, "Accept": "application/json"} | (
            {"Authorization": f"Bearer {token}"} if token else {}
        )


class CatalogueTransport(JsonTransport):
    """A partner that also gives its catalogue: a list of codes, and each record with its level (shapes ours, assumed)."""

    def __init__(self, options: JsonOptions, policy: OutboundPolicy, wire: Wire, *, writes: bool) -> None:
        super().__init__(options, policy, wire)
        self._writes = writes

    @property
    def writes_procedures(self) -> bool:
        """True where the partner takes procedures from us."""
        return self._writes

    def list_procedures(self) -> list[str]:
        """List the codes of all procedures the partner holds."""
        rows = self._rows(LIST_PROCEDURES, {})
        codes = (row.get("MATTHC") for row in rows if isinstance(row, dict))
        return [code for code in codes if isinstance(code, str) and code]

    def procedure(self, code: str) -> Procedure | None:
        """Fetch one procedure; None where the partner has none of this code. Raises InvalidMessage with every fault."""
        rows = self._rows(GIVE_PROCEDURE, {"MATTHC": code})
        if not rows:
            return None
        faults: list[Fault] = []
        found = read_with_level(rows[0], "/DanhSachTTHC/0", faults)
        if faults or found is None:
            raise InvalidMessage(faults)
        return found

    def _rows(self, service: str, asked: Mapping[str, str]) -> list[Any]:
        reply = self._post(service, write_json(asked), {}, _pass)
        tree = _tree(reply.body) if reply.status == 200 else {}
        code, rows = str(tree.get("error_code")), tree.get("DanhSachTTHC")
        if code != "0" or not isinstance(rows, list):
            url = self._url(service)
            told = f"{reply.status}, {code[:20]}"
            vi, en = f"{url} không trả danh mục ({told})", f"{url} gives no catalogue ({told})"
            raise NotSent(en, vi, where=service, partner_code=code[:20])
        return rows


def _tree(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):  # a reply may be anything
        return {}
    return found if isinstance(found, dict) else {}


def _pass() -> None:
    """Let the call go: a look-up changes nothing."""


def open_catalogue(endpoint: Endpoint, wire: Wire, *, writes: bool) -> JsonTransport:
    """Open the socket side of an endpoint whose option ``gives_catalogue`` says whether it can be asked for its procedures."""
    plain = open_transport(endpoint, wire)
    if not endpoint.options.gives_catalogue:
        return plain
    return CatalogueTransport(endpoint.options, endpoint.outbound or OutboundPolicy(), wire, writes=writes)


def open_transport(endpoint: Endpoint, wire: Wire) -> JsonTransport:
    """Open the socket side of one endpoint; raise BadSettings where its file gives no address."""
    if not endpoint.options.base_url:
        raise BadSettings(
            f"endpoint {endpoint.name!r}: [options] base_url is empty, but the endpoint has an outbound side",
            f"điểm kết nối {endpoint.name!r}: chưa khai base_url trong [options] nhưng có chiều gửi đi",
            where=f"endpoints/{endpoint.name}/options/base_url",
        )
    return JsonTransport(endpoint.options, endpoint.outbound or OutboundPolicy(), wire)
