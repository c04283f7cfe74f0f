"""The dialect of one endpoint that speaks the Single Window's envelope: names, versions, parties, rules of the answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from adapters.single_window.registry import Registry, registry

SoapVersion = Literal["1.1", "1.2"]
#: An element's name without prefix.
_NAME = r"^[A-Za-z_][A-Za-z0-9_.\-]*$"
#: What may stand in a namespace name (RFC 3986 2), and in a header of HTTP.
_URI = r"^[^\s<>\"{}|\\^`]*$"


class Part(BaseModel):
    """A table of the options: frozen, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PartyValues(Part):
    """The six values of a party in the envelope's header."""

    name: str = Field(min_length=1, max_length=255, description="Display name of the system")
    identity: str = Field(max_length=13, description="System code; parties are matched on it and on nothing else")
    country_code: str = Field("VN", min_length=1, max_length=2, description="countryCode")
    ministry_code: str = Field(min_length=1, max_length=20, description="ministryCode; several values are in use for one party")
    organization_code: str = Field(min_length=1, max_length=20, description="organizationCode")
    unit_code: str = Field("", max_length=20, description="unitCode, where the dossier does not name a receiving unit")
    aliases: tuple[str, ...] = Field((), description="Other identities under which this party is addressed")

    def answers_to(self, identity: str) -> bool:
        """Say whether a document addressed to this identity is meant for this party."""
        return identity in (self.identity, *self.aliases)


def _party(code: str) -> PartyValues:
    return PartyValues(name=code, identity=code, ministry_code=code, organization_code=code, unit_code=code)


#: Seen in the class sets of both sides and in samples; ministryCode differs between systems (BTC, NHNN, TCHQ).
GATEWAY = PartyValues(name="NSW", identity="NSW", ministry_code="BTC", organization_code="TCHQ", unit_code="NSW")


class Operation(Part):
    """Names of one SOAP operation."""

    shape: Literal["text", "routed", "wrapped"] = Field(
        description="text: one string parameter; routed: office code, document type and text; wrapped: these inside one element"
    )
    namespace: str = Field(min_length=1, pattern=_URI, description="Namespace of the operation's element")
    operation: str = Field(pattern=_NAME, description="Name of the request element")
    payload: str = Field(pattern=_NAME, description="Name of the parameter that holds the document")
    response: str = Field(pattern=_NAME, description="Name of the response element")
    result: str = Field(pattern=_NAME, description="Name of the element that holds the answer")
    qualified: bool = Field(True, description="Parameters are in the operation's namespace (false: in none, as JAX-WS has it)")
    office_code: str = Field("officeCode", pattern=_NAME, description="routed, wrapped: parameter for the office code")
    document_type: str = Field("documentType", pattern=_NAME, description="routed, wrapped: parameter for the document type")
    wrapper: str = Field("request", pattern=_NAME, description="wrapped: element around the three parameters")
    result_wrapper: str = Field("receiveResult", pattern=_NAME, description="wrapped: element around the answer")
    data_namespace: str = Field("", pattern=_URI, description="wrapped: namespace of what is inside the wrapper")

    def parameter_namespace(self) -> str:
        """Give the namespace of the payload's element; empty where it has none."""
        if self.shape == "wrapped":
            return self.data_namespace
        return self.namespace if self.qualified else ""


#: The Single Window's receive gateway; one contract for all ministries.
RECEIVE_GATEWAY = Operation(
    shape="routed",
    namespace="http://com/vnsw/receive/gateway/generated",
    operation="receiveRequest",
    payload="requestPayload",
    response="receiveResponse",
    result="responsePayload",
)

#: What the agriculture ministry offers to the send gateway. Other ministries' names differ: set them.
MINISTRY_SERVICE = Operation(
    shape="text",
    namespace="http://tempuri.org/",
    operation="Request",
    payload="payload",
    response="RequestResponse",
    result="RequestResult",
)


class Inbound(Part):
    """How the partner calls the hub."""

    soap: tuple[SoapVersion, ...] = Field(("1.1", "1.2"), min_length=1, description="SOAP versions that are let in")
    operation: Operation | None = Field(None, description="Names at the hub's door; empty: by role")


class Outbound(Part):
    """How the hub calls the partner."""

    url: str = Field("", description="Address of the partner's service")
    soap: SoapVersion = Field("1.1", description="SOAP version")
    operation: Operation | None = Field(None, description="Names at the partner; empty: by role")
    payload: Literal["cdata", "escaped"] = Field("cdata", description="How the document travels in its string element")
    soap_action: str = Field("", pattern=_URI, description="SOAPAction (1.1) or action parameter (1.2)")
    wsa_to: str = Field("", pattern=_URI, description="WS-Addressing To, mustUnderstand; empty: no such header")
    wsa_action: str = Field("", pattern=_URI, description="WS-Addressing Action, mustUnderstand; empty: no such header")
    wsa_namespace: Literal["http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing"] = Field(
        "http://www.w3.org/2005/08/addressing", description="Version of WS-Addressing"
    )


class AnswerRules(Part):
    """Header of the synchronous answer; partners' habits differ."""

    message_id: Literal["fresh", "same"] = Field("fresh", description="messageId of the answer: a new one, or the caller's")
    parties: Literal["fixed", "swapped"] = Field("fixed", description="From and To: configured values, or the caller's, swapped")


class Options(Part):
    """Options of an endpoint with adapter ``single_window``."""

    role: Literal["gateway", "ministry"] = Field(
        "gateway", description="The partner is the Single Window's gateways, or a ministry's system that speaks the same envelope"
    )
    version: str = Field("01", max_length=50, description="Reference/version of what the hub writes (01, 1.0)")
    gateway_party: PartyValues = Field(GATEWAY, description="The Single Window in headers")
    ministry_parties: dict[str, PartyValues] = Field(
        default_factory=lambda: {code: _party(code) for code in ("BTNMT", "BNN")},
        min_length=1,
        description="The ministry in headers, by office code; only procedures of these offices are taken and sent",
    )
    pre_document_year: bool = Field(True, description="Write preDocumentYear (one family of readers refuses it)")
    inbound: Inbound = Field(default_factory=Inbound, description="Names and versions at the hub's door")
    outbound: Outbound = Field(default_factory=Outbound, description="Names, version and form at the partner")
    answer: AnswerRules = Field(default_factory=AnswerRules, description="Header of the synchronous answer")
    registry: str = Field(
        "",
        description="Folder with further registry files, relative to the configuration folder; "
        "each replaces the shipped one of its procedure",
    )

    @field_validator("registry")
    @classmethod
    def _beside_the_configuration(cls, value: str, info: ValidationInfo) -> str:
        """Take a relative folder from the configuration folder, where the other files of the endpoint are."""
        folder = (info.context or {}).get("folder")
        return str(folder / value) if folder and value else value

    def model_post_init(self, context: Any) -> None:
        """Read the registry now, so that a broken file stops the start and no call reads files."""
        registry(self.registry)

    @property
    def book(self) -> Registry:
        """The procedures and messages this endpoint knows."""
        return registry(self.registry)

    @property
    def incoming(self) -> str:
        """Direction of what the partner sends."""
        return "to_ministry" if self.role == "gateway" else "to_gateway"

    @property
    def outgoing(self) -> str:
        """Direction of what the partner is sent."""
        return "to_gateway" if self.role == "gateway" else "to_ministry"

    @property
    def door(self) -> Operation:
        """The operation at the hub's door."""
        return self.inbound.operation or (MINISTRY_SERVICE if self.role == "gateway" else RECEIVE_GATEWAY)

    @property
    def service(self) -> Operation:
        """The operation at the partner."""
        return self.outbound.operation or (RECEIVE_GATEWAY if self.role == "gateway" else MINISTRY_SERVICE)

    def own(self, office_code: str) -> PartyValues:
        """The party as which the hub speaks: the ministry towards the Single Window, the Single Window towards a ministry."""
        return self.ministry_parties[office_code] if self.role == "gateway" else self.gateway_party

    def partner(self, office_code: str) -> PartyValues:
        """The party to which the hub speaks."""
        return self.gateway_party if self.role == "gateway" else self.ministry_parties[office_code]
