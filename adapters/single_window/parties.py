"""The two parties of a header: six values each, matched on identity and on nothing else."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

#: Order in which the values of a party are written.
PARTY = ("name", "identity", "countryCode", "ministryCode", "organizationCode", "unitCode")


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


def party_of(code: str) -> PartyValues:
    """Give the party whose code stands in all places, as most ministries write themselves."""
    return PartyValues(name=code, identity=code, ministry_code=code, organization_code=code, unit_code=code)


def party(values: PartyValues, unit_code: str = "") -> dict[str, str]:
    """Give a configured party's six values; a dossier's own receiving unit replaces the configured one."""
    return {
        "name": values.name,
        "identity": values.identity,
        "countryCode": values.country_code,
        "ministryCode": values.ministry_code,
        "organizationCode": values.organization_code,
        "unitCode": unit_code or values.unit_code,
    }


#: Seen in the class sets of both sides and in samples; ministryCode differs between systems (BTC, NHNN, TCHQ).
GATEWAY = PartyValues(name="NSW", identity="NSW", ministry_code="BTC", organization_code="TCHQ", unit_code="NSW")
#: As the transport ministry's maritime system addresses the Single Window.
FINANCE = PartyValues(
    name="System", identity="BTC", ministry_code="BTC", organization_code="BTC", unit_code="BTC", aliases=("NSW",)
)
