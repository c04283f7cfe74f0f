"""What a certificate of origin Form D is looked at for: one small function for each row of ``origin_rules``.

Each gives the places in the certificate at which its row's sentence is not true.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from hub.canonical.border.parts import BorderParty
from hub.rules.border import clocks
from hub.rules.border import origin_facts as facts
from hub.rules.border.finding import absent, later, numbered, repeated, where
from hub.rules.border.origin_facts import OriginCase

#: Rule 15: no certificate is needed at or below this FOB value (US dollars).
NO_CERTIFICATE_FOB = Decimal(200)
#: Digits of a subheading (HS), and of a national line as long as they get (AHTN has 8).
HS_DIGITS = (6, 12)
_WHOLE = Decimal(100)

# --- dates -------------------------------------------------------------------------------------------------------


def issued_in_future(case: OriginCase) -> Iterator[str]:
    """Check D01."""
    return where("issued_on", later(case.certificate.issued_on, case.today))


def expired(case: OriginCase) -> Iterator[str]:
    """Check D02."""
    last = clocks.expires_on(case.certificate.issued_on, case.validity_months)
    return where("issued_on", case.today is not None and clocks.is_past(last, case.today))


def _after_shipment(case: OriginCase) -> bool:
    return later(case.certificate.issued_on, case.certificate.carriage.departs_on)


def retroactive_not_ticked(case: OriginCase) -> Iterator[str]:
    """Check D03."""
    ticked = case.certificate.indicators.issued_retroactively
    return where("indicators.issued_retroactively", _after_shipment(case) and not ticked)


def retroactive_too_late(case: OriginCase) -> Iterator[str]:
    """Check D04."""
    shipped = case.certificate.carriage.departs_on
    return where("issued_on", shipped is not None and later(case.certificate.issued_on, clocks.retroactive_until(shipped)))


def retroactive_without_cause(case: OriginCase) -> Iterator[str]:
    """Check D05."""
    known = case.certificate.carriage.departs_on is not None
    ticked = case.certificate.indicators.issued_retroactively
    return where("indicators.issued_retroactively", ticked and known and not _after_shipment(case))


# --- boxes 1 to 7, 10 to 12 ---------------------------------------------------------------------------------------


def parties(case: OriginCase) -> Iterator[str]:
    """Check D06."""
    yield from where("consignor", facts.incomplete(case.certificate.consignor))
    yield from where("consignee", facts.incomplete(case.certificate.consignee))


def no_items(case: OriginCase) -> Iterator[str]:
    """Check D07."""
    return where("items", not case.items)


def item_numbers(case: OriginCase) -> Iterator[str]:
    """Check D08."""
    return numbered("items", (item.number for _, item in case.items))


def goods_not_described(case: OriginCase) -> Iterator[str]:
    """Check D09."""
    for place, item in case.items:
        yield from where(f"{place}.description", not item.description.strip())


def hs_code(case: OriginCase) -> Iterator[str]:
    """Check D10."""
    fewest, most = HS_DIGITS
    for place, item in case.items:
        digits = item.hs_code.replace(".", "").replace(" ", "")
        yield from where(f"{place}.hs_code", not (digits.isascii() and digits.isdigit() and fewest <= len(digits) <= most))


def no_quantity(case: OriginCase) -> Iterator[str]:
    """Check D15."""
    for place, item in case.items:
        yield from where(f"{place}.gross_weight", not any(measure.value > 0 for measure in facts.measures(item)))


def no_invoice(case: OriginCase) -> Iterator[str]:
    """Check D19."""
    invoices = case.certificate.invoices
    yield from where("invoices", not invoices)
    for index, invoice in enumerate(invoices):
        yield from absent(f"invoices.{index}", number=invoice.number, issued_on=invoice.issued_on)


def unknown_invoice(case: OriginCase) -> Iterator[str]:
    """Check D20."""
    known = {invoice.sequence for invoice in case.certificate.invoices}
    yield from repeated("invoices", (invoice.sequence for invoice in case.certificate.invoices))
    for place, item in case.items:
        yield from where(f"{place}.invoices", not known.issuperset(item.invoices))


def declaration(case: OriginCase) -> Iterator[str]:
    """Check D21."""
    declared, importing = case.certificate.declared, case.message.importing_country
    yield from absent("declared", country_of_production=declared.country_of_production)
    yield from where("declared.importing_country", not declared.importing_country or declared.importing_country != importing)


def not_certified(case: OriginCase) -> Iterator[str]:
    """Check D22."""
    certified = case.certificate.certified
    return absent("certified", authority=certified.authority, on=certified.on)


# --- boxes 8 and 9 ------------------------------------------------------------------------------------------------


def unknown_criterion(case: OriginCase) -> Iterator[str]:
    """Check D11."""
    for place, item in case.items:
        criterion = item.criterion
        yield from where(f"{place}.criterion", not facts.CRITERIA.issuperset({criterion.code, *criterion.also}))


def rvc_without_percent(case: OriginCase) -> Iterator[str]:
    """Check D12."""
    for place, item in case.items:
        percent = item.criterion.percent
        said = percent is not None and 0 < percent <= _WHOLE
        rvc = "RVC" in (item.criterion.code, *item.criterion.also)
        yield from where(f"{place}.criterion.percent", (rvc or percent is not None) and not said)


def pc_percent(case: OriginCase) -> Iterator[str]:
    """Check D13."""
    for place, item in case.items:
        percent = item.criterion.percent
        below = percent is not None and percent < facts.PARTIAL_BELOW
        yield from where(f"{place}.criterion.percent", item.criterion.code == "PC" and not below)


def pc_ticked(case: OriginCase) -> Iterator[str]:
    """Check D14."""
    used = any(item.criterion.code == "PC" for _, item in case.items)
    return where("indicators.partial_cumulation", used != case.certificate.indicators.partial_cumulation)


def fob_missing(case: OriginCase) -> Iterator[str]:
    """Check D16."""
    for place, item in case.items:
        asked = case.asks_fob and facts.uses_regional_value(item.criterion)
        yield from where(f"{place}.fob", asked and item.fob is None)


def fob_not_wanted(case: OriginCase) -> Iterator[str]:
    """Check D17."""
    for place, item in case.items:
        wanted = case.asks_fob and facts.may_have_value(item.criterion)
        yield from where(f"{place}.fob", item.fob is not None and not wanted)


def fob_amount(case: OriginCase) -> Iterator[str]:
    """Check D18."""
    for place, item in case.items:
        if item.fob is not None:
            yield from where(f"{place}.fob", item.fob.value <= 0 or not item.fob.currency)


def not_needed(case: OriginCase) -> Iterator[str]:
    """Check D33."""
    values = [item.fob for _, item in case.items if item.fob is not None and item.fob.currency == "USD"]
    whole = bool(values) and len(values) == len(case.items)
    return where("items", whole and sum(fob.value for fob in values) <= NO_CERTIFICATE_FOB)


# --- box 13 -------------------------------------------------------------------------------------------------------


def de_minimis_criterion(case: OriginCase) -> Iterator[str]:
    """Check D31."""
    tariff = any(facts.TARIFF_CRITERIA.intersection((item.criterion.code, *item.criterion.also)) for _, item in case.items)
    return where("indicators.de_minimis", case.certificate.indicators.de_minimis and not tariff)


def de_minimis_share(case: OriginCase) -> Iterator[str]:
    """Check D32."""
    if not case.certificate.indicators.de_minimis:
        return
    places = {item.number: place for place, item in case.items}
    for number, share in facts.de_minimis_shares(case.message):
        within = share is not None and 0 <= share <= facts.DE_MINIMIS_PERCENT
        yield from where(f"{places.get(number, 'items')}.criterion", not within)


def exhibition(case: OriginCase) -> Iterator[str]:
    """Check D23."""
    party = case.certificate.exhibition
    return where("exhibition", case.certificate.indicators.exhibition and (party is None or facts.incomplete(party)))


def third_country(case: OriginCase) -> Iterator[str]:
    """Check D24."""
    party = case.certificate.third_country_invoicer
    named = party is not None and bool(party.name.strip()) and bool(party.country)
    return where("third_country_invoicer", case.certificate.indicators.third_country_invoicing and not named)


def not_ticked(case: OriginCase) -> Iterator[str]:
    """Check D25."""
    certificate, ticked = case.certificate, case.certificate.indicators
    said: tuple[tuple[str, BorderParty | None, bool], ...] = (
        ("indicators.exhibition", certificate.exhibition, ticked.exhibition),
        ("indicators.third_country_invoicing", certificate.third_country_invoicer, ticked.third_country_invoicing),
    )
    for place, party, box in said:
        yield from where(place, party is not None and not box)


# --- back-to-back -------------------------------------------------------------------------------------------------


def originals(case: OriginCase) -> Iterator[str]:
    """Check D26."""
    originals = case.certificate.originals
    yield from where("originals", case.certificate.indicators.back_to_back and not originals)
    for index, original in enumerate(originals):
        yield from absent(f"originals.{index}", number=original.number, issued_on=original.issued_on)


def back_to_back_not_ticked(case: OriginCase) -> Iterator[str]:
    """Check D27."""
    return where("indicators.back_to_back", bool(case.certificate.originals) and not case.certificate.indicators.back_to_back)


def original_expired(case: OriginCase) -> Iterator[str]:
    """Check D28."""
    for index, original in enumerate(case.certificate.originals):
        yield from where(f"originals.{index}", later(case.certificate.issued_on, facts.valid_until(original)))


def above_originals(case: OriginCase) -> Iterator[str]:
    """Check D29."""
    for place, item in case.items:
        covered = facts.covered(case.certificate, item.number)
        for measure in facts.measures(item):
            yield from where(place, measure.unit in covered and measure.value > covered[measure.unit])


def not_comparable(case: OriginCase) -> Iterator[str]:
    """Check D30."""
    if not case.certificate.originals:
        return
    for place, item in case.items:
        units = {measure.unit for measure in facts.measures(item)}
        yield from where(place, units.isdisjoint(facts.covered(case.certificate, item.number)))
