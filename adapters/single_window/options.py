"""The dialect of one endpoint that speaks the Single Window's envelope: names, versions, parties, rules of the answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from adapters.single_window.dialects import DIALECTS, OF_PROCEDURES, AnswerRules, Dialect, DialectOptions, with_pre_year
from adapters.single_window.operations import MINISTRY_SERVICE, PRESETS, RECEIVE_GATEWAY, URI, Operation
from adapters.single_window.parties import GATEWAY, Part, PartyValues, party_of
from adapters.single_window.registry import Procedure, Registry, registry

__all__ = [
    "GATEWAY",
    "MINISTRY_SERVICE",
    "RECEIVE_GATEWAY",
    "AnswerRules",
    "DialectOptions",
    "Inbound",
    "Operation",
    "Options",
    "Outbound",
    "PartyValues",
]

SoapVersion = Literal["1.1", "1.2"]
#: Procedures of the first generation have one or two digits.
_LONGEST_CODE = 6


def _preset(name: str) -> str:
    if name not in PRESETS:
        raise ValueError(f"no operation is known as {name!r}; known: {', '.join(PRESETS)}; or give its names")
    return name


#: A preset by name, the names of one operation, or several of these: all at one address.
Operations = Operation | Annotated[str, AfterValidator(_preset)] | tuple[Operation | Annotated[str, AfterValidator(_preset)], ...]


def _operations(given: Operations | None, otherwise: Operation) -> tuple[Operation, ...]:
    """Give the operations of a door, the usual one first."""
    if given is None:
        return (otherwise,)
    parts = given if isinstance(given, tuple) else (given,)
    return tuple(one for part in parts for one in (PRESETS[part] if isinstance(part, str) else (part,)))


def _each_once(given: Operations | None) -> Operations | None:
    names = [one.operation for one in _operations(given, MINISTRY_SERVICE)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"operation {twice[0]} is there twice")
    if any(one.shape == "wrapped" for one in _operations(given, MINISTRY_SERVICE)[1:]):
        raise ValueError("an operation with shape wrapped stands first")
    if all(one.shape == "check" for one in _operations(given, MINISTRY_SERVICE)):
        raise ValueError("no operation takes a document")
    return given


class Inbound(Part):
    """How the partner calls the hub."""

    soap: tuple[SoapVersion, ...] = Field(("1.1", "1.2"), min_length=1, description="SOAP versions that are let in")
    operation: Annotated[Operations | None, AfterValidator(_each_once)] = Field(
        None, description="Operations at the hub's door: a preset by name, names of your own, or a list of these; empty: by role"
    )


class Outbound(Part):
    """How the hub calls the partner."""

    url: str = Field("", description="Address of the partner's service")
    soap: SoapVersion = Field("1.1", description="SOAP version")
    operation: Annotated[Operations | None, AfterValidator(_each_once)] = Field(
        None, description="Operations at the partner: a preset by name, names of your own, or a list of these; empty: by role"
    )
    payload: Literal["cdata", "escaped"] = Field("cdata", description="How the document travels in its string element")
    typed: Literal["no", "yes", "alternating"] = Field(
        "no", description="xsi:type and encodingStyle at the parameter; alternating: in every second attempt of a delivery"
    )
    signature_slot: Literal["", "Body/Signature", "SystemSignature"] = Field(
        "", description="Where our own signature is put, where the endpoint's sign makes one; empty: last in Envelope"
    )
    soap_action: str = Field("", pattern=URI, description="SOAPAction, or action (1.2); empty: the operation's own")
    wsa_to: str = Field("", pattern=URI, description="WS-Addressing To, mustUnderstand; empty: no such header")
    wsa_action: str = Field("", pattern=URI, description="WS-Addressing Action, mustUnderstand; empty: no such header")
    wsa_namespace: Literal["http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing"] = Field(
        "http://www.w3.org/2005/08/addressing", description="Version of WS-Addressing"
    )


class Options(Part):
    """Options of an endpoint with adapter ``single_window``."""

    role: Literal["gateway", "ministry"] = Field(
        "gateway", description="The partner is the Single Window's gateways, or a ministry's system that speaks the same envelope"
    )
    version: str = Field("01", max_length=50, description="Reference/version of what the hub writes (01, 1.0)")
    gateway_party: PartyValues = Field(GATEWAY, description="The Single Window in headers")
    ministry_parties: dict[str, PartyValues] = Field(
        default_factory=lambda: {code: party_of(code) for code in ("BTNMT", "BNN")},
        min_length=1,
        description="The ministry in headers, by office code; only procedures of these offices are taken and sent",
    )
    pre_document_year: bool = Field(True, description="Write preDocumentYear (one family of readers refuses it)")
    inbound: Inbound = Field(default_factory=Inbound, description="Names and versions at the hub's door")
    outbound: Outbound = Field(default_factory=Outbound, description="Names, version and form at the partner")
    answer: AnswerRules = Field(
        default_factory=AnswerRules, description="Header of the synchronous answer of the second generation (of others: dialects)"
    )
    dialect: Literal["gen2", "maritime", "vehicle_inspection", "food_safety"] = Field(
        "gen2", description="Dialect in which a document of an unknown procedure is read and answered"
    )
    dialects: dict[Literal["gen2", "maritime", "vehicle_inspection", "food_safety"], DialectOptions] = Field(
        default_factory=dict, description="What this endpoint has otherwise than a dialect"
    )
    procedures: dict[str, DialectOptions] = Field(
        default_factory=dict, description="What this endpoint has otherwise for one procedure, by document type"
    )
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
        self.book.prepare(self.ministry_parties)

    @cached_property
    def _effective(self) -> Mapping[str, Dialect]:
        """Dialects with what this endpoint and its procedures have otherwise, by document type; empty: of unknown procedures."""
        known = {code: self._spoken(procedure.dialect, code) for code, procedure in self.book.procedures.items()}
        return {**known, "": self._spoken(self.dialect, "")}

    def _spoken(self, name: str, document_type: str) -> Dialect:
        """Lay what is set over a dialect: for all of the second generation, by procedure as known, by dialect, by procedure."""
        dialect = DIALECTS[name]
        if name == "gen2":
            everywhere = {"version": self.version} if "version" in self.model_fields_set else {}
            dialect = DialectOptions(**everywhere, answer=self.answer).on(with_pre_year(dialect, self.pre_document_year))
        if document_type in OF_PROCEDURES:
            dialect = dataclasses.replace(dialect, **OF_PROCEDURES[document_type])
        if name in self.dialects:
            dialect = self.dialects[name].on(dialect)
        return self.procedures[document_type].on(dialect) if document_type in self.procedures else dialect

    @cached_property
    def book(self) -> Registry:
        """The procedures and messages this endpoint knows."""
        return registry(self.registry)

    def find(self, document_type: str) -> Procedure | None:
        """Find a procedure by its code as it came: a number may have zeros in front."""
        found = self.book.find(document_type)
        if found is None and document_type.isascii() and document_type.isdigit() and len(document_type) <= _LONGEST_CODE:
            found = self.book.find(str(int(document_type)))
        return found

    def dialect_of(self, procedure: Procedure | None) -> Dialect:
        """Give the dialect of a procedure as this endpoint has it; None: of procedures that nobody knows."""
        return self._effective.get(procedure.document_type if procedure else "", self._effective[""])

    @property
    def incoming(self) -> str:
        """Direction of what the partner sends."""
        return "to_ministry" if self.role == "gateway" else "to_gateway"

    @property
    def outgoing(self) -> str:
        """Direction of what the partner is sent."""
        return "to_gateway" if self.role == "gateway" else "to_ministry"

    @cached_property
    def doors(self) -> tuple[Operation, ...]:
        """The operations at the hub's door."""
        return _operations(self.inbound.operation, MINISTRY_SERVICE if self.role == "gateway" else RECEIVE_GATEWAY)

    @cached_property
    def door(self) -> Operation:
        """The usual operation at the hub's door."""
        return _usual(self.doors)

    @cached_property
    def services(self) -> tuple[Operation, ...]:
        """The operations at the partner."""
        return _operations(self.outbound.operation, RECEIVE_GATEWAY if self.role == "gateway" else MINISTRY_SERVICE)

    @cached_property
    def service(self) -> Operation:
        """The usual operation at the partner."""
        return _usual(self.services)

    def service_for(self, procedure: Procedure) -> Operation:
        """Give the partner's operation that takes a procedure's messages: the registry names it, where there are several."""
        named = (one for one in self.services if one.operation == procedure.gateway_operation)
        return next(named, self.service)

    def own(self, office_code: str, dialect: Dialect | None = None) -> PartyValues:
        """The party as which the hub speaks: the ministry towards the Single Window, the Single Window towards a ministry."""
        return self._ministry(office_code, dialect) if self.role == "gateway" else self._gateway(dialect)

    def partner(self, office_code: str, dialect: Dialect | None = None) -> PartyValues:
        """The party to which the hub speaks."""
        return self._gateway(dialect) if self.role == "gateway" else self._ministry(office_code, dialect)

    def _ministry(self, office_code: str, dialect: Dialect | None) -> PartyValues:
        return (dialect.ministry_party if dialect else None) or self.ministry_parties[office_code]

    def _gateway(self, dialect: Dialect | None) -> PartyValues:
        return (dialect.gateway_party if dialect else None) or self.gateway_party


def _usual(operations: Iterable[Operation]) -> Operation:
    return next(one for one in operations if one.shape != "check")
