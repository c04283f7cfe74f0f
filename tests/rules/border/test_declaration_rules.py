"""The rules on ASEAN customs declaration documents: each is broken by one change, and totals are sums."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.canonical.border.message import BorderMessage
from hub.canonical.border.origin import Invoice
from hub.canonical.border.parts import BorderParty, Measure, Money, Package
from hub.rules.border import declaration_rules, judging
from tests.rules.border.border_samples import (
    TODAY,
    declaration,
    declared_item,
    dollars,
    kilograms,
    said_of_declaration,
)

AMOUNTS = st.decimals(min_value=0, max_value=10**6, places=2)


def broken(message: BorderMessage, today: date = TODAY) -> list[tuple[str, str]]:
    return [(found.rule, found.path.removeprefix("declaration.")) for found in judging.judge(message, today)]


def changed(**values: object) -> BorderMessage:
    return said_of_declaration(declaration(**values))


def rules(**values: object) -> set[str]:
    return {rule for rule, _ in broken(changed(**values))}


TWO = (Package(kind="CT", count=Decimal(2300)), Package(kind="CT", count=Decimal(2300)))
ONE = {"total_packages": None, "total_gross_weight": None, "total_value": None}
BREAKS: dict[str, tuple[BorderMessage, str]] = {
    "T01": (changed(import_country="MY"), "import_country"),
    "T02": (changed(declared_on=TODAY + timedelta(days=1)), "declared_on"),
    "T03": (changed(importer=BorderParty(country="ID")), "importer.name"),
    "T04": (changed(items=()), "items"),
    "T05": (changed(items=(declared_item(0),), **ONE), "items.0"),
    "T06": (changed(items=(declared_item(1, hs_code="8109"),), **ONE), "items.0.hs_code"),
    "T07": (changed(items=(declared_item(1, net_weight=kilograms(20001)),), **ONE), "items.0.net_weight"),
    "T08": (changed(total_value=dollars("62000.01")), "total_value"),
    "T09": (changed(total_gross_weight=kilograms("39999.999")), "total_gross_weight"),
    "T10": (changed(total_packages=Decimal(4601)), "total_packages"),
    "T11": (changed(delivery_terms="FOT"), "delivery_terms"),
    "T12": (changed(invoices=(Invoice(sequence=1, number=""),)), "invoices.0.number"),
    "T13": (changed(certificates=("VN-1", "VN-1")), "certificates.1"),
}


def test_a_declaration_that_keeps_every_rule_has_no_finding() -> None:
    assert broken(said_of_declaration()) == []


def test_every_rule_is_broken_below() -> None:
    assert list(BREAKS) == [rule.number for rule in declaration_rules.RULES]


@pytest.mark.parametrize("number", BREAKS)
def test_one_change_breaks_one_rule_in_its_place(number: str) -> None:
    message, place = BREAKS[number]

    assert broken(message) == [(number, place)]


@settings(max_examples=150, deadline=None)
@given(st.lists(AMOUNTS, min_size=1, max_size=4), AMOUNTS, st.booleans())
def test_totals_are_sums(parts: list[Decimal], wrong: Decimal, right: bool) -> None:
    total = sum(parts, Decimal(0)) if right else wrong
    items = tuple(
        declared_item(
            number,
            net_weight=None,
            gross_weight=kilograms(str(part)),
            value=dollars(str(part)),
            packages=(Package(kind="CT", count=part),),
        )
        for number, part in enumerate(parts, start=1)
    )

    found = rules(items=items, total_packages=total, total_gross_weight=kilograms(str(total)), total_value=dollars(str(total)))

    assert found == (set() if total == sum(parts) else {"T08", "T09", "T10"})


def test_a_total_is_not_held_against_parts_of_which_one_is_not_known_or_in_another_unit() -> None:
    other = declared_item(2, value=Money(value=Decimal(1), currency="VND"), gross_weight=Measure(value=Decimal(1), unit="TNE"))
    unknown = declared_item(2, value=None, gross_weight=None, net_weight=None, packages=(Package(kind="CT"),))

    assert rules(items=(declared_item(1), other)) == set()
    assert rules(items=(declared_item(1), unknown)) == set()
    assert (
        rules(items=(declared_item(1, packages=TWO),), total_packages=Decimal(4600), total_gross_weight=None, total_value=None)
        == set()
    )


@settings(max_examples=100, deadline=None)
@given(st.dates(date(2020, 1, 1), date(2030, 12, 31)))
def test_it_is_not_declared_after_today(declared_on: date) -> None:
    assert ("T02" in rules(declared_on=declared_on)) == (declared_on > TODAY)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-1, 3), min_size=1, max_size=4))
def test_items_are_numbered_apart_from_one_on(numbers: list[int]) -> None:
    items = tuple(declared_item(number) for number in numbers)

    found = rules(items=items, total_packages=None, total_gross_weight=None, total_value=None)

    assert ("T05" in found) == (len(set(numbers)) < len(numbers) or min(numbers) < 1)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["", "FOB", "cif", "DDP", "FOBX", "DPU"]))
def test_delivery_terms_are_of_the_list_or_not_said(terms: str) -> None:
    assert ("T11" in rules(delivery_terms=terms)) == (terms in ("cif", "FOBX"))
