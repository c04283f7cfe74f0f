"""The rules on Form D: each is broken by one change, and each boundary is where the sentence says it is."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.canonical.border.message import BorderEvent, BorderMessage
from hub.canonical.border.origin import Carriage, Certified, Criterion, Declared, Indicators, Invoice, OriginalProof, OriginItem
from hub.canonical.border.parts import BorderParty, Measure, Money
from hub.rules.border import clocks, judging, origin_rules
from hub.rules.border.capability import Capability
from tests.rules.border.border_samples import (
    EXPORTER,
    ISSUED,
    TODAY,
    dollars,
    item,
    kilograms,
    origin,
    regional,
    said_of_origin,
)

DAYS = st.dates(date(2000, 1, 1), date(2190, 12, 31))
AMOUNTS = st.decimals(min_value=Decimal("0.001"), max_value=Decimal(10**9), places=3)
SHARES = st.decimals(min_value=-1, max_value=101, places=2)


def broken(message: BorderMessage, today: date = TODAY, **more: Any) -> list[tuple[str, str]]:
    """Give what is not as the rules have it: number and place."""
    return [(found.rule, found.path.removeprefix("origin.")) for found in judging.judge(message, today, **more)]


def rules(message: BorderMessage, today: date = TODAY, **more: Any) -> set[str]:
    return {rule for rule, _ in broken(message, today, **more)}


def changed(**values: Any) -> BorderMessage:
    """Change a certificate that keeps every rule."""
    return said_of_origin(origin(**values))


def ticked(**boxes: bool) -> Indicators:
    return Indicators(**boxes)


def proof(**values: Any) -> OriginalProof:
    first = {"number": "SG-1", "issued_on": date(2026, 1, 5), "quantities": ((1, kilograms(50000)), (2, kilograms(50000)))}
    return OriginalProof(**(first | values))


def back_to_back(*originals: OriginalProof, **values: Any) -> BorderMessage:
    return changed(originals=originals, indicators=ticked(back_to_back=True), **values)


NOWHERE = BorderParty(name="PT CONTOH PENERIMA", country="ID")
#: rule -> a message that breaks it, and the place.
BREAKS: dict[str, tuple[BorderMessage, str]] = {
    "D01": (changed(issued_on=TODAY + timedelta(days=1), carriage=Carriage()), "issued_on"),
    "D02": (changed(issued_on=date(2025, 3, 5), certified=Certified(authority="09", on=date(2025, 3, 5))), "issued_on"),
    "D03": (changed(carriage=Carriage(departs_on=date(2026, 3, 4))), "indicators.issued_retroactively"),
    "D04": (
        changed(carriage=Carriage(departs_on=date(2025, 3, 4)), indicators=ticked(issued_retroactively=True)),
        "issued_on",
    ),
    "D05": (changed(indicators=ticked(issued_retroactively=True)), "indicators.issued_retroactively"),
    "D06": (changed(consignee=NOWHERE), "consignee"),
    "D07": (changed(items=()), "items"),
    "D08": (changed(items=(item(3), item(3))), "items.1"),
    "D09": (changed(items=(item(1, description=" "),)), "items.0.description"),
    "D10": (changed(items=(item(1, hs_code="0810"),)), "items.0.hs_code"),
    "D11": (changed(items=(item(1, criterion=Criterion(code="RVX")),)), "items.0.criterion"),
    "D12": (changed(items=(regional(1, criterion=Criterion(code="RVC")),)), "items.0.criterion.percent"),
    "D13": (
        changed(
            items=(item(1, criterion=Criterion(code="PC", percent=Decimal(40))),), indicators=ticked(partial_cumulation=True)
        ),
        "items.0.criterion.percent",
    ),
    "D14": (changed(indicators=ticked(partial_cumulation=True)), "indicators.partial_cumulation"),
    "D15": (changed(items=(item(1, gross_weight=None),)), "items.0.gross_weight"),
    "D16": (changed(items=(regional(1, fob=None),)), "items.0.fob"),
    "D17": (changed(items=(item(1, fob=dollars(400)),)), "items.0.fob"),
    "D18": (changed(items=(regional(1, fob=Money(value=Decimal(5))),)), "items.0.fob"),
    "D19": (changed(items=(item(1, invoices=()),), invoices=()), "invoices"),
    "D20": (changed(items=(item(1, invoices=(2,)),)), "items.0.invoices"),
    "D21": (said_of_origin(origin(declared=Declared(importing_country="ID"))), "declared.country_of_production"),
    "D22": (changed(certified=Certified(on=ISSUED)), "certified.authority"),
    "D23": (changed(indicators=ticked(exhibition=True)), "exhibition"),
    "D24": (
        changed(indicators=ticked(third_country_invoicing=True), third_country_invoicer=BorderParty(name="SAMPLE PTE LTD")),
        "third_country_invoicer",
    ),
    "D25": (changed(exhibition=EXPORTER), "indicators.exhibition"),
    "D26": (back_to_back(), "originals"),
    "D27": (changed(originals=(proof(),)), "indicators.back_to_back"),
    "D28": (back_to_back(proof(expires_on=date(2026, 3, 4))), "originals.0"),
    "D29": (back_to_back(proof(quantities=((1, kilograms(20010)), (2, kilograms(50000))))), "items.0"),
    "D30": (back_to_back(proof(quantities=((1, Measure(value=Decimal(9), unit="CT")), (2, kilograms(50000))))), "items.0"),
    "D31": (changed(indicators=ticked(de_minimis=True)), "indicators.de_minimis"),
    "D32": (
        said_of_origin(
            origin(items=(item(1, criterion=Criterion(code="CTH")),), indicators=ticked(de_minimis=True)),
            native={"deMinimisPercent.1": "10.01"},
        ),
        "items.0.criterion",
    ),
    "D33": (changed(items=(regional(1, fob=dollars(200)),)), "items"),
}


def test_a_certificate_that_keeps_every_rule_has_no_finding() -> None:
    assert broken(said_of_origin()) == []


def test_every_rule_is_broken_below() -> None:
    assert list(BREAKS) == [rule.number for rule in origin_rules.RULES]


@pytest.mark.parametrize("number", BREAKS)
def test_one_change_breaks_one_rule_in_its_place(number: str) -> None:
    message, place = BREAKS[number]

    assert broken(message) == [(number, place)]


@pytest.mark.parametrize("number", BREAKS)
def test_what_goes_out_is_refused_and_what_comes_in_is_told_as_the_table_says(number: str) -> None:
    message, _ = BREAKS[number]
    (rule,) = (each for each in origin_rules.RULES if each.number == number)

    (out,) = judging.judge(message, TODAY, country="VN")
    (into,) = judging.judge(message, TODAY, country="ID")

    assert (out.level, into.level) == (rule.outgoing, rule.incoming)
    assert out.en.endswith(f"({rule.clause[1]})")


# --- dates -------------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(DAYS, st.integers(-800, 800))
def test_a_certificate_is_late_from_the_day_after_its_twelfth_month(issued: date, days: int) -> None:
    """Also for 29 February: its last day is the 28th a year later."""
    today = issued + timedelta(days=days)
    last = clocks.expires_on(issued)

    found = rules(changed(issued_on=issued, carriage=Carriage()), today)

    assert ("D02" in found) == (today > last)
    assert ("D01" in found) == (days < 0)


@pytest.mark.parametrize(
    ("issued", "last"),
    [(date(2028, 2, 29), date(2029, 2, 28)), (date(2027, 2, 28), date(2028, 2, 28)), (ISSUED, date(2027, 3, 5))],
)
def test_the_twelfth_month_ends_in_time(issued: date, last: date) -> None:
    message = changed(issued_on=issued, carriage=Carriage())

    assert "D02" not in rules(message, last)
    assert "D02" in rules(message, last + timedelta(days=1))


def test_an_officer_may_let_a_late_certificate_pass_and_nothing_else() -> None:
    late = changed(issued_on=date(2025, 3, 5), carriage=Carriage(), items=())

    found = judging.judge(late, TODAY, accepted=frozenset({"D02", "D07"}))

    assert {(each.rule, each.level) for each in found} == {("D02", "warn"), ("D07", "refuse")}


def test_the_months_of_validity_are_a_setting() -> None:
    message = changed(carriage=Carriage())

    assert "D02" in rules(message, date(2026, 9, 6), validity_months=6)
    assert "D02" not in rules(message, date(2026, 9, 5), validity_months=6)


@settings(max_examples=150, deadline=None)
@given(DAYS, st.integers(-500, 500), st.booleans())
def test_what_is_issued_after_the_shipment_is_ticked_and_within_a_year(shipped: date, days: int, box: bool) -> None:
    issued = shipped + timedelta(days=days)
    message = changed(issued_on=issued, carriage=Carriage(departs_on=shipped), indicators=ticked(issued_retroactively=box))

    found = rules(message, issued) & {"D03", "D04", "D05"}

    assert ("D03" in found) == (days > 0 and not box)
    assert ("D05" in found) == (days <= 0 and box)
    assert ("D04" in found) == (issued > clocks.add_months(shipped, 12))


def test_where_the_shipment_is_not_known_nothing_is_said_of_it() -> None:
    message = changed(carriage=Carriage(), indicators=ticked(issued_retroactively=True))

    assert broken(message) == []


# --- FOB and percentages -----------------------------------------------------------------------------------------

MEMBERS = ("BN", "KH", "ID", "LA", "MM", "MY", "PH", "SG", "TH", "VN")
ASKING = {"KH", "ID", "LA"}
CRITERIA = st.sampled_from(
    [
        Criterion(code="WO"),
        Criterion(code="SP"),
        Criterion(code="CTH"),
        Criterion(code="CTSH", percent=Decimal(35)),
        Criterion(code="CC", also=("RVC",), percent=Decimal(40)),
        Criterion(code="RVC", percent=Decimal(40)),
        Criterion(code="PC", percent=Decimal(20)),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.permutations(MEMBERS), CRITERIA, st.booleans())
def test_the_value_stands_where_regional_value_meets_a_country_that_asks_and_nowhere_else(
    members: list[str], criterion: Criterion, with_value: bool
) -> None:
    one, other = members[:2]
    given_item = item(1, criterion=criterion, fob=dollars(900) if with_value else None)
    declared = Declared(country_of_production=one, importing_country=other)
    message = said_of_origin(origin(issuing_country=one, declared=declared, items=(given_item,)))

    found = rules(message, country=one) & {"D16", "D17"}

    asked = bool(ASKING & {one, other})
    regional_value = criterion.code == "RVC" or (criterion.percent is not None and criterion.code != "PC")
    assert ("D16" in found) == (asked and regional_value and not with_value)
    assert ("D17" in found) == (with_value and not (asked and (regional_value or criterion.code == "PC")))


def test_what_a_country_declared_counts_before_the_list() -> None:
    needs = Capability(country="TH", needs_fob=True)
    waives = Capability(country="ID", needs_fob=False)
    to_thailand = said_of_origin(
        origin(declared=Declared(country_of_production="VN", importing_country="TH"), items=(regional(1, fob=None),))
    )
    to_indonesia = changed(items=(regional(1, fob=None),))

    assert (rules(to_thailand), rules(to_thailand, capability=needs)) == (set(), {"D16"})
    assert (rules(to_indonesia), rules(to_indonesia, capability=waives)) == ({"D16"}, set())


@settings(max_examples=150, deadline=None)
@given(st.none() | SHARES)
def test_regional_value_has_a_percentage_above_nothing_and_up_to_all(percent: Decimal | None) -> None:
    found = rules(changed(items=(regional(1, criterion=Criterion(code="RVC", percent=percent)),)))

    assert ("D12" in found) == (percent is None or not 0 < percent <= 100)


@settings(max_examples=150, deadline=None)
@given(st.none() | SHARES)
def test_partial_cumulation_is_below_forty(percent: Decimal | None) -> None:
    criterion = Criterion(code="PC", percent=percent)
    found = rules(changed(items=(item(1, criterion=criterion),), indicators=ticked(partial_cumulation=True)))

    assert ("D13" in found) == (percent is None or percent >= 40)


@settings(max_examples=150, deadline=None)
@given(st.lists(AMOUNTS, min_size=1, max_size=5))
def test_no_certificate_is_needed_up_to_two_hundred_dollars_together(values: list[Decimal]) -> None:
    items = tuple(regional(number, fob=dollars(str(value))) for number, value in enumerate(values, start=1))

    assert ("D33" in rules(changed(items=items))) == (sum(values) <= 200)


# --- items -------------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(-1, 4) | st.integers(9998, 10001), min_size=1, max_size=5))
def test_items_are_numbered_apart_from_one_on(numbers: list[int]) -> None:
    found = rules(changed(items=tuple(item(number) for number in numbers)))

    assert ("D08" in found) == (len(set(numbers)) < len(numbers) or min(numbers) < 1 or max(numbers) > 9999)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("0123456789. a²"), max_size=14))
def test_a_tariff_code_is_six_to_twelve_digits(text: str) -> None:
    digits = text.replace(".", "").replace(" ", "")
    good = digits != "" and set(digits) <= set("0123456789") and 6 <= len(digits) <= 12

    assert ("D10" in rules(changed(items=(item(1, hs_code=text),)))) == (not good)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(1, 4), unique=True, min_size=1), st.lists(st.integers(1, 4), max_size=4))
def test_items_name_invoices_that_are_there(sequences: list[int], named: list[int]) -> None:
    invoices = tuple(Invoice(sequence=each, number=f"INV-{each}", issued_on=ISSUED) for each in sequences)

    found = rules(changed(invoices=invoices, items=(item(1, invoices=tuple(named)),)))

    assert ("D20" in found) == (not set(named) <= set(sequences))


# --- back-to-back and de minimis ---------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.lists(AMOUNTS, min_size=1, max_size=4), AMOUNTS)
def test_an_item_never_has_more_than_its_originals_together(originals: list[Decimal], certified: Decimal) -> None:
    proofs = tuple(proof(number=f"SG-{n}", quantities=((1, kilograms(str(value))),)) for n, value in enumerate(originals))
    message = back_to_back(*proofs, items=(item(1, gross_weight=kilograms(str(certified))),))

    assert ("D29" in rules(message)) == (certified > sum(originals))


@given(AMOUNTS)
@settings(max_examples=60, deadline=None)
def test_quantities_in_other_units_are_not_compared(amount: Decimal) -> None:
    cartons = Measure(value=amount, unit="CT")
    message = back_to_back(proof(quantities=((1, cartons),)), items=(item(1),))

    assert rules(message) == {"D30"}


def test_a_second_quantity_is_held_against_the_originals_too() -> None:
    boxes = Measure(value=Decimal(41), unit="CT")
    of_originals = ((1, kilograms(50000)), (1, Measure(value=Decimal(40), unit="CT")))

    assert rules(back_to_back(proof(quantities=of_originals), items=(item(1, quantities=(boxes,)),))) == {"D29"}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(-400, 400), st.booleans()), min_size=1, max_size=4))
def test_every_original_is_valid_when_back_to_back_is_issued(moved: list[tuple[int, bool]]) -> None:
    """The earliest expiry decides; an original that says none lasts twelve months from its issue."""
    proofs = []
    for days, own in moved:
        day = ISSUED + timedelta(days=days)
        proofs.append(proof(expires_on=day, issued_on=date(2020, 1, 1)) if own else proof(issued_on=day))
    last = min(each.expires_on or clocks.expires_on(each.issued_on or ISSUED) for each in proofs)

    assert ("D28" in rules(back_to_back(*proofs))) == (last < ISSUED)


@settings(max_examples=150, deadline=None)
@given(st.decimals(min_value=-5, max_value=30, places=3) | st.sampled_from(["", "mười", "NaN", "Infinity", "1e999999"]))
def test_what_did_not_change_class_is_a_tenth_at_most(share: Decimal | str) -> None:
    certificate = origin(items=(item(1, criterion=Criterion(code="CTSH")),), indicators=ticked(de_minimis=True))
    message = said_of_origin(certificate, native={"deMinimisPercent.1": str(share)})

    within = isinstance(share, Decimal) and 0 <= share <= 10
    assert ("D32" in rules(message)) == (not within)


def test_a_share_is_looked_at_only_where_the_box_is_ticked() -> None:
    assert rules(said_of_origin(native={"deMinimisPercent.1": "80"})) == set()


# --- sent again --------------------------------------------------------------------------------------------------


def test_a_document_that_is_sent_again_goes_as_it_was() -> None:
    late = said_of_origin(origin(issued_on=date(2020, 1, 1), items=()), event=BorderEvent.COPIED)

    assert {each.level for each in judging.judge(late, TODAY)} == {"warn"}


def test_a_withdrawn_document_may_be_as_wrong_as_it_was() -> None:
    withdrawn = said_of_origin(origin(items=()), event=BorderEvent.CANCELLED, reason="cấp nhầm")

    assert judging.judge(withdrawn, TODAY) == ()


def test_items_are_the_part_of_every_kind() -> None:
    """A hostile certificate is judged, and never makes the rules fail."""
    odd = OriginItem(number=-(10**30), criterion=Criterion(code=""), hs_code="\x00")

    assert {"D08", "D09", "D10", "D11", "D15"} <= rules(changed(items=(odd,)))
