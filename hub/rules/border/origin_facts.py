"""What the rules on Form D ask of a certificate, answered once: regional value, FOB by country, quantities of originals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from hub.canonical.border.message import BorderMessage
from hub.canonical.border.origin import Criterion, OriginalProof, OriginCertificate, OriginItem
from hub.canonical.border.parts import BorderParty, Measure
from hub.rules.border import clocks
from hub.rules.border.capability import Capability

#: Annex 7, overleaf note 10: members that ask for the FOB value where regional value content is used (Rule 25).
FOB_COUNTRIES = frozenset({"KH", "ID", "LA"})
#: Box 8. RVC and PC are counted with a percentage; the tariff criteria may be combined with one.
TARIFF_CRITERIA = frozenset({"CC", "CTH", "CTSH"})
CRITERIA = frozenset({"WO", "RVC", "SP", "PC"}) | TARIFF_CRITERIA
#: Below this percentage it is partial cumulation (box 8: PC x%, x below 40).
PARTIAL_BELOW = Decimal(40)
#: Article 33: goods whose materials without the change of class are worth no more of the FOB value.
DE_MINIMIS_PERCENT = Decimal(10)
#: In ``BorderMessage.native``, by item: that share, where the issuer states it. It is on no box of the form.
DE_MINIMIS_SHARE = "deMinimisPercent."


@dataclass(frozen=True, slots=True)
class OriginCase:
    """A certificate as the rules look at it."""

    certificate: OriginCertificate
    message: BorderMessage
    #: None: days are not held against a clock.
    today: date | None
    #: What the other country declared; None: not known.
    capability: Capability | None = None
    validity_months: int = clocks.VALIDITY_MONTHS

    @property
    def items(self) -> tuple[tuple[str, OriginItem], ...]:
        """The items, each with its place."""
        return tuple((f"items.{index}", item) for index, item in enumerate(self.certificate.items))

    @property
    def asks_fob(self) -> bool:
        """One of the two countries asks for the FOB value."""
        return any(map(self._country_asks, (self.certificate.issuing_country, self.message.importing_country)))

    def _country_asks(self, country: str) -> bool:
        if self.capability is not None and self.capability.country == country:
            return self.capability.needs_fob
        return country in FOB_COUNTRIES


def uses_regional_value(criterion: Criterion) -> bool:
    """Say whether regional value content is part of a criterion: RVC itself, or a tariff criterion with a percentage."""
    combined = criterion.code in TARIFF_CRITERIA and criterion.percent is not None
    return criterion.code == "RVC" or "RVC" in criterion.also or combined


def may_have_value(criterion: Criterion) -> bool:
    """Say whether a FOB value may stand there: where it must, and with partial cumulation, which is counted like it (assumed)."""
    return uses_regional_value(criterion) or criterion.code == "PC"


def valid_until(original: OriginalProof) -> date | None:
    """Give the last day of an original proof: its own, else by its issue; None where neither is said."""
    if original.expires_on is not None or original.issued_on is None:
        return original.expires_on
    return clocks.expires_on(original.issued_on)


def measures(item: OriginItem) -> tuple[Measure, ...]:
    """Give every quantity that is certified of an item."""
    return (*item.quantities, *((item.gross_weight,) if item.gross_weight is not None else ()))


def covered(certificate: OriginCertificate, number: int) -> dict[str, Decimal]:
    """Sum up by unit what the originals cover of an item."""
    found: dict[str, Decimal] = {}
    for original in certificate.originals:
        for item, measure in original.quantities:
            if item == number:
                found[measure.unit] = found.get(measure.unit, Decimal(0)) + measure.value
    return found


def de_minimis_shares(message: BorderMessage) -> Iterator[tuple[int, Decimal | None]]:
    """Give the stated share by item; None where what is stated is no number."""
    for key, text in message.native.items():
        number = key.removeprefix(DE_MINIMIS_SHARE)
        if key.startswith(DE_MINIMIS_SHARE) and number.isascii() and number.isdigit() and len(number) <= 9:
            yield int(number), _decimal(text)


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def incomplete(party: BorderParty) -> bool:
    """Say whether name, address or country of a party is missing."""
    return not (party.name.strip() and any(line.strip() for line in party.lines) and party.country)
