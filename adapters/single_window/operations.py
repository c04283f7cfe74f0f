"""SOAP operations by name: what the doors of both sides are called, as presets, and the model for any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from adapters.single_window.parties import Part

#: An element's name without prefix.
_NAME = r"^[A-Za-z_][A-Za-z0-9_.\-]*$"
_NAME_OR_NONE = r"^([A-Za-z_][A-Za-z0-9_.\-]*)?$"
#: What may stand in a namespace name (RFC 3986 2), and in a header of HTTP.
URI = r"^[^\s<>\"{}|\\^`]*$"


class Operation(Part):
    """Names of one SOAP operation."""

    shape: Literal["text", "routed", "wrapped", "check"] = Field(
        description="text: one string parameter; routed: office code, document type and text; wrapped: these inside one element; "
        "check: no parameter, tells whether the service is there"
    )
    namespace: str = Field(min_length=1, pattern=URI, description="Namespace of the operation's element")
    operation: str = Field(pattern=_NAME, description="Name of the request element")
    payload: str = Field("", pattern=_NAME_OR_NONE, description="Name of the parameter that holds the document")
    response: str = Field(pattern=_NAME, description="Name of the response element")
    result: str = Field(pattern=_NAME, description="Name of the element that holds the answer")
    qualified: bool = Field(True, description="Parameters are in the operation's namespace (false: in none, as JAX-WS has it)")
    office_code: str = Field("officeCode", pattern=_NAME, description="routed, wrapped: parameter for the office code")
    document_type: str = Field("documentType", pattern=_NAME, description="routed, wrapped: parameter for the document type")
    wrapper: str = Field("request", pattern=_NAME, description="wrapped: element around the three parameters")
    result_wrapper: str = Field("receiveResult", pattern=_NAME, description="wrapped: element around the answer")
    data_namespace: str = Field("", pattern=URI, description="wrapped: namespace of what is inside the wrapper")
    soap_action: str = Field("", pattern=URI, description="SOAPAction of this operation; empty: the endpoint's")

    @model_validator(mode="after")
    def _whole(self) -> Operation:
        if not self.payload and self.shape != "check":
            raise ValueError("payload: the name of the parameter that holds the document is needed")
        return self

    def parameter_namespace(self) -> str:
        """Give the namespace of the payload's element; empty where it has none."""
        if self.shape == "wrapped":
            return self.data_namespace
        return self.namespace if self.qualified else ""


def _text(namespace: str, operation: str, payload: str, result: str = "", *, response: str = "", action: str = "") -> Operation:
    return Operation(
        shape="text",
        namespace=namespace,
        operation=operation,
        payload=payload,
        response=response or f"{operation}Response",
        result=result or f"{operation}Result",
        soap_action=action,
    )


def _jax_ws(operation: str, payload: str) -> Operation:
    return _text("http://ws.viettel.com/", operation, payload, "return").model_copy(update={"qualified": False})


def _check(namespace: str, result: str, action: str = "") -> Operation:
    return Operation(
        shape="check",
        namespace=namespace,
        operation="CheckAvailable",
        response="CheckAvailableResponse",
        result=result,
        soap_action=action,
    )


_TEMPURI = "http://tempuri.org/"
_MT = f"{_TEMPURI}IMTService/"
#: The Single Window's service of the first generation. Which operation takes a procedure stands in its registry file.
MT_OPERATIONS = ("Receive", "ReceiveResultFromMT", "ReceiveFromInland", "ReceiveFromVIWA")

#: The Single Window's receive gateway; one contract for all ministries.
RECEIVE_GATEWAY = Operation(
    shape="routed",
    namespace="http://com/vnsw/receive/gateway/generated",
    operation="receiveRequest",
    payload="requestPayload",
    response="receiveResponse",
    result="responsePayload",
)
#: What the agriculture ministry offers to the send gateway.
MINISTRY_SERVICE = _text(_TEMPURI, "Request", "payload")
#: The agriculture ministry's own gateway in front of the receive gateway.
MARD_GATEWAY = Operation(
    shape="wrapped",
    namespace="http://mard.gov.vn/nsw/services",
    operation="receive",
    payload="requestPayload",
    response="receiveResponse",
    result="responsePayload",
    data_namespace="http://mard.gov.vn/nsw/data/contract",
    soap_action="http://mard.gov.vn/nsw/services/IMardGateway/receive",
)


def _send_and_get(namespace: str) -> Operation:
    return _text(namespace, "sendAndGetMessage", "requestMessage", "sendAndGetMessageReturn")


#: Every door that is known, by name: its operations, the usual one first.
PRESETS: Mapping[str, tuple[Operation, ...]] = {
    "receive_gateway": (RECEIVE_GATEWAY,),
    "mard_gateway": (MARD_GATEWAY,),
    "request": (MINISTRY_SERVICE,),
    "mt_service": (
        *(_text(_TEMPURI, name, "XMLData", action=f"{_MT}{name}") for name in MT_OPERATIONS),
        _check(_TEMPURI, "CheckAvailableResult", f"{_MT}CheckAvailable"),
    ),
    # Maritime; vehicle inspection; both are Apache Axis 1, with an empty SOAPAction.
    "send_and_get_message": (_send_and_get("http://ws.gt.vn"),),
    "send_and_get_message_inspection": (
        _send_and_get("http://facade.dk.gt.dtt.vn"),
        _check("http://facade.dk.gt.dtt.vn", "CheckAvailableReturn"),
    ),
    "get_message_from_nsw": (_jax_ws("getMessageFromNSW", "name"),),
    "get_message_from_nsw_cosmetic": (_jax_ws("getMessageFromNSWCosmetic", "name"),),
    "import_document": (_jax_ws("ImportDocument", "data"),),
    # A port authority's own system (ASMX); the parameter's name was not seen.
    "send_message": (_text(_TEMPURI, "sendMessage", "message", action=f"{_TEMPURI}sendMessage"),),
}
#: Text with which a service answers that it is there; its own word for the opposite begins otherwise.
AVAILABLE = "ok"
