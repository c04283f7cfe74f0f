"""``[gateway]`` of an endpoint: the gateway that speaks ebMS for the hub, ourselves and the partners in its agreements."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

#: Name under which the gateway's list is pulled, beside the lists that adapters pull.
GATEWAY = "gateway"

#: What stands in headers of a message: one line of printable signs.
_Word = Annotated[str, Field(max_length=250, pattern=r"^[^\x00-\x20\x7f]*$")]
_Line = Annotated[str, Field(max_length=250, pattern=r"^[^\x00-\x1f\x7f]*$")]
#: A folder below that of ``url``; no step of it begins with a dot.
_Folder = Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$")]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GatewayPartner(_Table):
    """``[gateway.partners.PARTNER]``: one partner as it stands in the agreements; PARTNER is our name of it, e.g. ``ID``."""

    #: Its identifier there, and of which kind that is.
    party_id: _Word
    party_type: _Word = ""
    role: _Word = ""
    #: The agreement with it: CPA identifier (ebMS 2.0), AgreementRef (ebMS 3); empty = the gateway knows.
    agreement: _Word = ""
    #: Holodeck B2B: the P-Mode that a message goes by; empty = found by parties, service and action.
    pmode: _Word = ""
    #: Domibus, Holodeck B2B: message properties of what goes to it, over those of ``[gateway.properties]``.
    properties: dict[str, _Line] = Field(default_factory=dict)
    #: Hermes: the partnership of each action, in our names of actions; ``*`` is that of all others.
    partnerships: dict[str, _Word] = Field(default_factory=dict)


class GatewayPolicy(_Table):
    """``[gateway]``: what the adapter reads and writes is carried by a gateway product, whose backend port the hub speaks.

    The hub never builds ebMS itself: it gives documents to the product, fetches those that came, and marks them when it has them.
    """

    #: Which product: ``holodeck`` (files), ``domibus`` (WS plugin), ``ebms_core`` (REST), ``hermes`` (REST).
    driver: Literal["holodeck", "domibus", "ebms_core", "hermes"]
    #: The product's backend port: an http address, or for files ``file:///folder`` or ``sftp://USER@HOST[:PORT]/folder``.
    url: _Word
    #: Account at the port (Basic); empty = none.
    user: _Word = ""
    #: Reference to its password; for files, that of the SFTP server, or the one that opens ``key``.
    password: SecretStr = SecretStr("")
    #: Files behind SFTP: references ``file:path`` to our private key, and to the server's host key.
    key: str = ""
    known_hosts: str = ""
    #: Ourselves in the agreements.
    party_id: _Word
    party_type: _Word = ""
    role: _Word = ""
    #: What stands behind the @ of the identifiers of our messages.
    id_domain: str = Field("lienthong", max_length=100, pattern=r"^[A-Za-z0-9]+([.-][A-Za-z0-9]+)*$")
    partners: dict[str, GatewayPartner] = Field(min_length=1)
    #: Services and actions in the adapter's words -> in the agreements'; what is not named is written as it is.
    services: dict[str, _Line] = Field(default_factory=dict)
    actions: dict[str, _Line] = Field(default_factory=dict)
    service_type: _Word = ""
    #: Domibus, Holodeck B2B: message properties that agreements ask for, e.g. ``originalSender``.
    properties: dict[str, _Line] = Field(default_factory=dict)
    #: Content type of our documents.
    content_type: str = Field("application/xml", max_length=127, pattern=r"^[!-~]+/[!-~]+$")
    #: So often it is asked what came.
    every_seconds: float = Field(30.0, gt=0, le=86_400)
    #: So many messages are listed at once.
    most: int = Field(200, ge=1, le=5000)
    #: Domibus: ``5`` has a call of its own that marks a message; in ``4`` fetching it marks it.
    version: Literal["4", "5"] = "5"
    #: Hermes gives each message an identifier of its own, so ours travels in the conversation's: ``message`` puts it behind, and
    #: a doubt can be asked about; ``business`` leaves it out, and a doubt stays one.
    conversation: Literal["message", "business"] = "message"
    #: Holodeck B2B: the folder where it looks for ours, the one where it puts what came, and where that goes when it was taken.
    put: _Folder = "msg_out"
    take: _Folder = "msg_in"
    taken: _Folder = "msg_taken"

    def partner_of(self, party_id: str, party_type: str = "") -> str:
        """Give our name of a partner whom the gateway authenticated; empty where it is none of ours, or could be two."""
        found = [
            name
            for name, each in self.partners.items()
            if each.party_id == party_id and (not (each.party_type and party_type) or each.party_type == party_type)
        ]
        return found[0] if len(found) == 1 else ""

    def service_of(self, wire: str) -> str:
        """Give our name of a service."""
        return _ours(self.services, wire)

    def action_of(self, wire: str) -> str:
        """Give our name of an action."""
        return _ours(self.actions, wire)


def _ours(names: dict[str, str], wire: str) -> str:
    return next((ours for ours, theirs in names.items() if theirs == wire), wire)
