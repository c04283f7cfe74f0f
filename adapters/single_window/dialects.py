"""Dialects of the envelope: what differs between the Single Window's generations and procedures, as frozen values.

Everything here can be set anew for an endpoint (``options.dialects.<name>``) or for one procedure (``options.procedures``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import Field

from adapters.single_window.parties import FINANCE, PARTY, Part, PartyValues

Parties = Literal["fixed", "swapped", "unswapped"]
MessageId = Literal["fresh", "same", "empty"]
Kind = Literal["echoed", "document_type", "swapped"]
SubjectName = Literal[
    "documentType", "type", "function", "reference", "documentYear", "preReference", "preDocumentYear", "sendDate"
]
PartyName = Literal["name", "identity", "countryCode", "ministryCode", "organizationCode", "unitCode"]

#: Order in which Subject is written: the one that nearly all readers of the second generation accept.
SUBJECT = ("documentType", "type", "function", "reference", "documentYear", "preReference", "preDocumentYear", "sendDate")
#: The first generation has no preDocumentYear, and preReference before the year.
SUBJECT_GEN1 = ("documentType", "type", "function", "reference", "preReference", "documentYear", "sendDate")
#: Food safety writes documentType last.
SUBJECT_FOOD = ("type", "function", "reference", "documentYear", "preReference", "preDocumentYear", "sendDate", "documentType")
#: Procedures of domestic ships and inland craft, whose headers name the parties with all six values.
INLAND = frozenset({"4", "5", *(str(number) for number in range(12, 18))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How envelopes of some procedures are written, read and answered."""

    name: str
    #: Functions of the answer: it was taken, it was refused.
    received: str
    failed: str
    #: Functions that are read as a refusal; more are in use than each dialect's own.
    refusals: frozenset[str] = frozenset({"00", "22", "100"})
    #: Functions of the later message that confirms or refuses one of the same messageId; empty: there is none.
    confirmed: str = ""
    refused_late: str = ""
    #: ErrorList{Error{ErrorCode, ErrorName}}, or Reject{RejectCode, RejectDesc, Organization, Division, Name} and RejectDate.
    errors: Literal["list", "reject"] = "list"
    #: An error of the list says also what to do about it.
    solution: bool = False
    #: ``gen2``: ERR00_CODE ...; ``gen1``: N00, the rule's digit, the field's two digits.
    error_codes: Literal["gen2", "gen1"] = "gen2"
    #: Values of Subject that are whole numbers.
    integers: frozenset[str] = frozenset()
    #: The most digits that such a number may have.
    number_digits: int = 9
    version: str = "01"
    message_id_max: int = 36
    reference_max: int = 35
    subject_order: tuple[str, ...] = SUBJECT
    #: Elements of From and To that are written, and document types for which all six are.
    party_names: tuple[str, ...] = PARTY
    whole_parties: frozenset[str] = frozenset()
    #: Elements of From and To that must be there when a header is read by this dialect's own rules.
    party_required: tuple[str, ...] = ("name",)
    #: The Single Window and the ministry, where they are not the endpoint's.
    gateway_party: PartyValues | None = None
    ministry_party: PartyValues | None = None
    #: From/name is the officer who acts; To is the trader whose dossier it is.
    officer_sends: bool = False
    trader_receives: bool = False
    #: A document whose To names somebody else is refused.
    checks_receiver: bool = True
    #: Header is checked by our own rules, whose codes the dialect has; false: by the schema alone.
    checks_header: bool = False
    #: ``2026-03-02T09:15:04+07:00`` is read as the moment it means, and named in ``native.drift``.
    iso_dates: bool = False
    #: Empty slots that are written.
    #: Texts of a content that the hub composes are written also where they are empty.
    writes_empty: bool = False
    body_signature: bool = True
    system_signature: bool = False
    # --- header of the synchronous answer
    answer_message_id: MessageId = "fresh"
    answer_parties: Parties = "fixed"
    answer_kind: Kind = "echoed"
    failed_message_id: MessageId | None = None
    failed_parties: Parties | None = None
    failed_kind: Kind | None = None
    #: The caller's header is sent back with another function and content; false: a header of our own.
    answer_same_envelope: bool = False

    @property
    def writes_pre_year(self) -> bool:
        return "preDocumentYear" in self.subject_order


_GEN2 = Dialect(name="gen2", received="99", failed="00")
_MARITIME = Dialect(
    name="maritime",
    received="99",
    failed="22",
    errors="reject",
    error_codes="gen1",
    integers=frozenset({"documentType", "type", "reference", "preReference", "documentYear"}),
    version="1.0",
    reference_max=9,
    subject_order=SUBJECT_GEN1,
    party_names=("name", "identity"),
    whole_parties=INLAND,
    gateway_party=FINANCE,
    officer_sends=True,
    checks_header=True,
    iso_dates=True,
    writes_empty=True,
    body_signature=False,
    # The receipt's parties are not swapped, a refusal's are.
    answer_parties="unswapped",
    failed_parties="swapped",
)
_VEHICLE = replace(
    _MARITIME,
    name="vehicle_inspection",
    confirmed="11",
    refused_late="22",
    integers=frozenset({"type", "reference", "preReference", "documentYear"}),
    party_names=PARTY,
    whole_parties=frozenset(),
    party_required=("name", "identity", "countryCode", "ministryCode", "organizationCode"),
    gateway_party=None,
    officer_sends=False,
    trader_receives=True,
    checks_receiver=False,
    system_signature=True,
    answer_message_id="same",
    answer_parties="swapped",
)
_FOOD = Dialect(
    name="food_safety",
    received="199",
    failed="100",
    solution=True,
    version="1.0",
    subject_order=SUBJECT_FOOD,
    party_names=("name", "identity"),
    ministry_party=PartyValues(
        name="Cục An toàn thực phẩm - Bộ Y tế", identity="ATTP", ministry_code="BYT", organization_code="ATTP", aliases=("BYT",)
    ),
    iso_dates=True,
    answer_message_id="same",
)
#: Every dialect by its name, as registry files have it.
DIALECTS: Mapping[str, Dialect] = {one.name: one for one in (_GEN2, _MARITIME, _VEHICLE, _FOOD)}

#: What is known of single procedures of the second generation: readers that refuse preDocumentYear, and such as send the
#: caller's own envelope back.
OF_PROCEDURES: Mapping[str, Mapping[str, Any]] = {
    "BNNPTNT0300004": {"subject_order": tuple(name for name in SUBJECT if name != "preDocumentYear")},
    **{
        code: {"answer_same_envelope": True, "answer_message_id": "same", "answer_parties": "swapped"}
        # The second and third are assumed to be of the same family.
        for code in ("BNN0300003", "BNN0500003", "BNN0500004")
    },
}


class AnswerRules(Part):
    """Header of the synchronous answer; partners' habits differ. Left out: as the dialect has it."""

    message_id: MessageId | None = Field(None, description="messageId of the answer: a new one, the caller's, or empty")
    parties: Parties | None = Field(
        None, description="From and To: configured values, the caller's swapped, or the caller's as they came (unswapped)"
    )
    kind: Kind | None = Field(
        None, description="Subject/type: the caller's (echoed), its documentType, or changed places with function (swapped)"
    )
    failed_message_id: MessageId | None = Field(None, description="messageId of a refusal, where it differs")
    failed_parties: Parties | None = Field(None, description="From and To of a refusal, where they differ")
    failed_kind: Kind | None = Field(None, description="Subject/type of a refusal, where it differs")
    same_envelope: bool | None = Field(None, description="Send the caller's own header back, with another function")
    received: str | None = Field(None, pattern=r"^\d{2,3}$", description="Function of a receipt (99, 199)")
    failed: str | None = Field(None, pattern=r"^\d{2,3}$", description="Function of a refusal (00, 22, 100)")

    def changes(self) -> dict[str, Any]:
        """Give what is set, by the dialect's own names."""
        names = {"message_id": "answer_message_id", "parties": "answer_parties", "kind": "answer_kind"}
        names["same_envelope"] = "answer_same_envelope"
        return {names.get(name, name): value for name, value in self if value is not None}


class DialectOptions(Part):
    """What an endpoint has otherwise than the dialect; everything may be left out."""

    version: str | None = Field(None, max_length=50, description="Reference/version of what the hub writes")
    pre_document_year: bool | None = Field(None, description="Write preDocumentYear")
    subject_order: tuple[SubjectName, ...] | None = Field(None, description="Elements of Subject that are written, in this order")
    party_names: tuple[PartyName, ...] | None = Field(None, description="Elements of From and To that are written")
    gateway_party: PartyValues | None = Field(None, description="The Single Window in headers")
    ministry_party: PartyValues | None = Field(None, description="The ministry in headers")
    message_id_max: int | None = Field(
        None, ge=32, le=36, description="Longest messageId that is written; under 36 identifiers go without hyphens"
    )
    errors: Literal["list", "reject"] | None = Field(None, description="How a refusal tells its errors")
    checks_receiver: bool | None = Field(None, description="Refuse a document whose To names somebody else")
    iso_dates: bool | None = Field(None, description="Read dates with T and zone too; the message then says so")
    body_signature: bool | None = Field(None, description="Write an empty Body/Signature")
    system_signature: bool | None = Field(None, description="Write an empty SystemSignature")
    answer: AnswerRules = Field(default_factory=AnswerRules, description="Header of the synchronous answer")

    def on(self, dialect: Dialect) -> Dialect:
        """Give the dialect with what is set here."""
        known = {name: value for name, value in self if value is not None and name not in ("answer", "pre_document_year")}
        return with_pre_year(replace(dialect, **known, **self.answer.changes()), self.pre_document_year)


def with_pre_year(dialect: Dialect, wanted: bool | None) -> Dialect:
    """Write preDocumentYear or do not; it stands after preReference."""
    if wanted is None or wanted == dialect.writes_pre_year:
        return dialect
    order = [name for name in dialect.subject_order if name != "preDocumentYear"]
    if wanted:
        order.insert(order.index("preReference") + 1 if "preReference" in order else len(order), "preDocumentYear")
    return replace(dialect, subject_order=tuple(order))
