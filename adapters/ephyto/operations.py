"""The 27 operations of the Hub's service, its namespaces, and the states that it tells: names as they are on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from hub.canonical.border.message import TechnicalState

NAMESPACE = "http://ephyto.ippc.int/"
ENTITIES = "http://ephyto.ippc.int/HUB.Entities"
WSDL = Path(__file__).parents[2] / "schemas" / "ephyto" / "hub" / "delivery_service.wsdl"

DELIVER, VALIDATE_AND_DELIVER = "DeliverEnvelope", "ValidateAndDeliverEnvelope"
DELIVER_PHYTO, DELIVER_RESPONSE = "DeliverPhytoEnvelope", "DeliverCountryResponseEnvelope"
TRACKING, UNDER_DELIVERY, TRACKING_UPDATE = "GetEnvelopeTrackingInfo", "GetUnderDeliveryEnvelope", "SetTrackingInfoUpdate"
HEADERS, PULL_ONE, PULL_ALL = "GetImportEnvelopeHeaders", "PULLSingleImportEnvelope", "PULLImportEnvelope"
ACKNOWLEDGE, ACKNOWLEDGE_WARNED = "AcknowledgeEnvelopeReceipt", "AdvancedAcknowledgeEnvelopeReceipt"
ACKNOWLEDGE_FAILED = "AcknowledgeFailedEnvelopeReceipt"
NPPOS, PROFILE, CHANNELS, VALIDATE = "GetActiveNppos", "GetProfile", "GetAvailableChannels", "ValidatePhytoXML"
#: The ten code lists, with the names of the hub's lists.
CODE_LISTS: Mapping[str, str] = MappingProxyType(
    {
        "GetTreatmentTypes": "treatment_types",
        "GetAdditionalDeclarations": "additional_declarations",
        "GetIntendedUses": "intended_uses",
        "GetPesticides": "pesticides",
        "GetProductDescriptions": "product_descriptions",
        "GetUnitMeasures": "unit_measures",
        "GetMeanOfTransports": "means_of_transport",
        "GetStatements": "statements",
        "GetConditions": "conditions",
        "GetPackageTypes": "package_types",
    }
)
#: What brings an envelope, to the Hub and, where it calls us (PUSH), to our door: the parameter that holds it.
BRINGS: Mapping[str, str] = MappingProxyType(
    {DELIVER: "env", VALIDATE_AND_DELIVER: "envelope", DELIVER_PHYTO: "env", DELIVER_RESPONSE: "env"}
)
OPERATIONS = (
    *BRINGS,
    *(TRACKING, UNDER_DELIVERY, TRACKING_UPDATE, HEADERS, PULL_ONE, PULL_ALL),
    *(ACKNOWLEDGE, ACKNOWLEDGE_WARNED, ACKNOWLEDGE_FAILED, NPPOS, PROFILE, CHANNELS, VALIDATE),
    *CODE_LISTS,
)
#: The service declares another action for this one than its name.
_ACTIONS = {ACKNOWLEDGE_WARNED: "NegativeAcknowledgeEnvelopeReceipt"}


def soap_action(operation: str) -> str:
    """Give the SOAPAction that the contract declares for an operation."""
    return f"{NAMESPACE}IDeliveryService/{_ACTIONS.get(operation, operation)}"


# --- states -------------------------------------------------------------------------------------------------------

PENDING, DELIVERED, WARNED = "PendingDelivery", "Delivered", "DeliveredWithWarnings"
NOT_READABLE, FAILED, NOT_THERE = "DeliveredNotReadable", "FailedDelivery", "EnvelopeNotExists"
#: What each state means, by its exact word: part of a word would take a failure for a success.
TECHNICAL: Mapping[str, TechnicalState] = MappingProxyType(
    {
        PENDING: TechnicalState.PENDING,
        DELIVERED: TechnicalState.DELIVERED,
        WARNED: TechnicalState.DELIVERED_WITH_WARNINGS,
        NOT_READABLE: TechnicalState.NOT_READABLE,
        FAILED: TechnicalState.FAILED,
        # Not queued yet, or not known: asked again.
        NOT_THERE: TechnicalState.UNKNOWN,
    }
)
#: These do not change any more; of them these say that the receiver does not have it.
FINAL = frozenset({DELIVERED, WARNED, NOT_READABLE, FAILED})
NOT_ARRIVED = frozenset({NOT_READABLE, FAILED})

# --- codes of certificates ----------------------------------------------------------------------------------------

#: Types of document that are phytosanitary certificates (UNTDID 1001).
TYPES = ("851", "657")
#: Status (UNTDID 4405).
ISSUED, WITHDRAWN, APPROVED, REJECTED, REPLACED = "70", "40", "39", "41", "44"
