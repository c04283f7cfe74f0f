"""Options of an endpoint that speaks with the IPPC ePhyto Hub."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapters.ephyto.operations import CODE_LISTS, HEADERS

#: Addresses of the service; the host tells which of the two it is.
ADDRESSES: Mapping[str, str] = MappingProxyType(
    {
        "uat": "https://uat-hub.ephytoexchange.org/hub/DeliveryService",
        "production": "https://hub.ephytoexchange.org/hub/DeliveryService",
    }
)
#: UAT has codes like VN1: the country, and a digit.
_CONNECTION = re.compile(r"([A-Z]{2})[0-9]?")
_Code = Annotated[str, Field(min_length=1, max_length=20, pattern="^[!-~]+$")]
_Country = Annotated[str, Field(pattern="^[A-Z]{2}$")]


class Options(BaseModel):
    """Table ``[options]`` of an endpoint's file. What is marked assumed has no public source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: Literal["uat", "production"] = Field(
        "uat", description="Which Hub this is; a number of the other one is never acknowledged nor asked about."
    )
    url: str = Field("", pattern="^(https?://[!-~]+)?$", description="Address of the service; empty: that of the environment.")
    country: _Country = Field("VN", description="Our country (ISO 3166-1): what it issues goes out, all else comes in.")
    connection_code: _Code = Field("VN", description="Our code at the Hub; in UAT it may be another than the country's. Assumed.")
    connection_codes: dict[_Country, _Code] = Field(
        default_factory=dict,
        description="Codes at the Hub of countries where they are not the country's own, by country: { ID = 'ID1' }.",
    )
    deliver: Literal["ValidateAndDeliverEnvelope", "DeliverEnvelope", "DeliverPhytoEnvelope"] = Field(
        "ValidateAndDeliverEnvelope", description="Operation by which certificates are delivered."
    )
    validate_first: bool = Field(
        False, description="Ask ValidatePhytoXML before each delivery; what it finds SEVERE is refused, and not delivered."
    )
    check_receiver: bool = Field(
        True, description="Ask GetActiveNppos whether the country receives this type and status before something is delivered."
    )
    receivers_seconds: float = Field(3600.0, gt=0, le=86_400, description="What GetActiveNppos said is good for so long.")
    country_responses: bool = Field(
        True, description="Tell the issuing country by DeliverCountryResponseEnvelope whether its certificate was accepted."
    )
    content: Literal["escaped", "cdata"] = Field("escaped", description="How the certificate stands in the envelope's Content.")
    local_check: bool = Field(
        True, description="Refuse to deliver what our own check of the profile finds SEVERE, before the Hub is asked."
    )
    pull: bool = Field(True, description="Ask GetImportEnvelopeHeaders for what waits; false where the Hub calls us (PUSH).")
    pull_seconds: float = Field(120.0, ge=5, le=86_400, description="What waits is asked for so often.")
    code_list_prefix: str = Field(
        "ephyto_", pattern="^[a-z0-9_]{0,40}$", description="The hub's lists that the ten code lists fill begin with this."
    )

    @model_validator(mode="after")
    def _of_its_environment(self) -> Options:
        """Refuse the address of one Hub under the name of the other."""
        host = urlsplit(self.url).hostname
        for name, address in ADDRESSES.items():
            if host and host == urlsplit(address).hostname and name != self.environment:
                raise ValueError(f"url is that of {name}, environment says {self.environment}")
        return self

    @property
    def address(self) -> str:
        """Where the service is."""
        return self.url or ADDRESSES[self.environment]

    def code_of(self, country: str) -> str:
        """Give a country's code at the Hub."""
        return self.connection_code if country == self.country else self.connection_codes.get(country, country)

    def country_of(self, code: str) -> str:
        """Give the country of a code at the Hub; the code itself where nothing tells."""
        if code == self.connection_code:
            return self.country
        named = next((country for country, known in self.connection_codes.items() if known == code), "")
        found = _CONNECTION.fullmatch(code)
        return named or (found[1] if found else code)

    def number_here(self, number: str) -> str:
        """Name a number of this Hub so that it is never taken for one of the other."""
        return f"{self.environment}/{number}"


def pulls(options: Options) -> dict[str, float]:
    """Say which list is pulled, and how often."""
    return {HEADERS: options.pull_seconds} if options.pull else {}


def check(options: Options) -> list[str]:
    """Say what is assumed of these options."""
    if "connection_code" in options.model_fields_set:
        return []
    return [f"connection_code = {options.connection_code!r} is assumed: the Hub's GetProfile says what it is"]


def code_lists(options: Options) -> dict[str, str]:
    """Say which lists of the Hub fill which lists of ours."""
    return {operation: options.code_list_prefix + name for operation, name in CODE_LISTS.items()}
