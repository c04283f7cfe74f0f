"""The rules on ASEAN customs declaration documents, one row each; no public text has them, so all are assumed.

docs/border-rules.md shows the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hub.canonical.border.declaration import DeclaredItem, ExportDeclaration
from hub.canonical.border.message import BorderMessage
from hub.canonical.border.parts import Measure, Money
from hub.rules.border.finding import REFUSE, WARN, Level, Rule, absent, later, numbered, repeated, where

#: Incoterms 2010 and 2020.
DELIVERY_TERMS = frozenset(["EXW", "FCA", "FAS", "FOB", "CFR", "CIF", "CPT", "CIP", "DAP", "DPU", "DAT", "DDP"])
_HS_FEWEST = 6


@dataclass(frozen=True, slots=True)
class DeclarationCase:
    """A declaration as the rules look at it."""

    declaration: ExportDeclaration
    message: BorderMessage
    #: None: days are not held against a clock.
    today: date | None

    @property
    def items(self) -> tuple[tuple[str, DeclaredItem], ...]:
        """The items, each with its place."""
        return tuple((f"items.{index}", item) for index, item in enumerate(self.declaration.items))


def _countries(case: DeclarationCase) -> Iterator[str]:
    declaration, importing = case.declaration, case.message.importing_country
    yield from where("export_country", declaration.export_country != case.message.issuing_country)
    yield from where("import_country", not declaration.import_country or declaration.import_country != importing)


def _declared_in_future(case: DeclarationCase) -> Iterator[str]:
    return where("declared_on", later(case.declaration.declared_on, case.today))


def _parties(case: DeclarationCase) -> Iterator[str]:
    yield from absent("exporter", name=case.declaration.exporter.name)
    yield from absent("importer", name=case.declaration.importer.name)


def _no_items(case: DeclarationCase) -> Iterator[str]:
    return where("items", not case.items)


def _item_numbers(case: DeclarationCase) -> Iterator[str]:
    return numbered("items", (item.number for _, item in case.items))


def _goods(case: DeclarationCase) -> Iterator[str]:
    for place, item in case.items:
        digits = item.hs_code.replace(".", "").replace(" ", "")
        yield from absent(place, description=item.description)
        yield from where(f"{place}.hs_code", not (digits.isascii() and digits.isdigit() and len(digits) >= _HS_FEWEST))


def _net_and_gross(case: DeclarationCase) -> Iterator[str]:
    for place, item in case.items:
        net, gross = item.net_weight, item.gross_weight
        above = net is not None and gross is not None and net.unit == gross.unit and net.value > gross.value
        yield from where(f"{place}.net_weight", above)


def _total_value(case: DeclarationCase) -> Iterator[str]:
    total = case.declaration.total_value
    values = [item.value for item in case.declaration.items]
    return where("total_value", _differs(total, values))


def _total_weight(case: DeclarationCase) -> Iterator[str]:
    total = case.declaration.total_gross_weight
    return where("total_gross_weight", _differs(total, [item.gross_weight for item in case.declaration.items]))


def _differs(total: Money | Measure | None, parts: Iterable[Money | Measure | None]) -> bool:
    """Say whether a total is not the sum of its parts; not where one of them is not said, or in another unit."""
    said = list(parts)
    if total is None or not said or any(part is None or _unit(part) != _unit(total) for part in said):
        return False
    return sum((part.value for part in said if part is not None), Decimal(0)) != total.value


def _unit(amount: Money | Measure) -> str:
    return amount.currency if isinstance(amount, Money) else amount.unit


def _total_packages(case: DeclarationCase) -> Iterator[str]:
    total = case.declaration.total_packages
    counts = [package.count for _, item in case.items for package in item.packages]
    known = [count for count in counts if count is not None]
    comparable = total is not None and bool(counts) and len(known) == len(counts)
    return where("total_packages", comparable and sum(known, Decimal(0)) != total)


def _delivery_terms(case: DeclarationCase) -> Iterator[str]:
    terms = case.declaration.delivery_terms
    return where("delivery_terms", terms not in ("", *DELIVERY_TERMS))


def _invoices(case: DeclarationCase) -> Iterator[str]:
    yield from repeated("invoices", (invoice.sequence for invoice in case.declaration.invoices))
    for index, invoice in enumerate(case.declaration.invoices):
        yield from absent(f"invoices.{index}", number=invoice.number)


def _certificates(case: DeclarationCase) -> Iterator[str]:
    yield from repeated("certificates", case.declaration.certificates)
    for index, number in enumerate(case.declaration.certificates):
        yield from where(f"certificates.{index}", not number.strip())


_ASSUMED = ("giả định", "assumed")


def _row(
    number: str, vi: str, en: str, check: Callable[[DeclarationCase], Iterator[str]], out: Level = REFUSE, into: Level = WARN
) -> Rule[DeclarationCase]:
    return Rule(number=number, clause=_ASSUMED, vi=vi, en=en, outgoing=out, incoming=into, check=check)


RULES: tuple[Rule[DeclarationCase], ...] = (
    _row(
        "T01",
        "Nước xuất khẩu, nước nhập khẩu đúng như thông điệp",
        "Exporting and importing country are those of the message",
        _countries,
    ),
    _row("T02", "Ngày đăng ký không sau ngày hôm nay", "It is not declared after today", _declared_in_future),
    _row("T03", "Người xuất khẩu và người nhập khẩu có tên", "Exporter and importer are named", _parties),
    _row("T04", "Có ít nhất một dòng hàng", "There is at least one item", _no_items, REFUSE, REFUSE),
    _row(
        "T05",
        "Số thứ tự dòng hàng từ 1 đến 9999 và không trùng nhau",
        "Item numbers are from 1 to 9999 and different",
        _item_numbers,
        REFUSE,
        REFUSE,
    ),
    _row(
        "T06",
        "Mỗi dòng hàng có mô tả và mã HS từ 6 chữ số",
        "Each item has a description and an HS code of at least 6 digits",
        _goods,
    ),
    _row("T07", "Trọng lượng tịnh không lớn hơn cả bì", "Net weight is not above gross weight", _net_and_gross),
    _row("T08", "Tổng trị giá bằng tổng các dòng", "The total value is the sum of the items", _total_value, WARN),
    _row("T09", "Tổng trọng lượng bằng tổng các dòng", "The total weight is the sum of the items", _total_weight, WARN),
    _row("T10", "Tổng số kiện bằng tổng các dòng", "The number of packages is the sum of the items", _total_packages, WARN),
    _row("T11", "Điều kiện giao hàng theo Incoterms", "Delivery terms are of the Incoterms", _delivery_terms, WARN),
    _row("T12", "Mỗi hóa đơn có số, thứ tự không trùng", "Each invoice has a number, and its own place", _invoices, WARN),
    _row(
        "T13", "Số chứng từ xuất xứ không trống, không trùng", "Named certificates have numbers, each once", _certificates, WARN
    ),
)
