"""Form D and the ASEAN customs declaration as they are printed, box by box, from their canonical form; pure.

Quantities stand as they were certified, not rounded and not written anew; names of units and countries in the reader's language.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Literal

from babel import Locale

from hub.canonical.border.declaration import DeclaredItem, ExportDeclaration
from hub.canonical.border.message import BorderMessage
from hub.canonical.border.origin import Carriage, Criterion, Indicators, Invoice, OriginalProof, OriginCertificate, OriginItem
from hub.canonical.border.parts import BorderParty, Measure, Money, Package, Place
from hub.registers.border import BorderShown, UseShown
from hub.registers.border_units import package_name, unit_name

Language = Literal["vi", "en"]
Words = tuple[str, str]

#: UN/ECE Recommendation 19.
MODES: Mapping[str, Words] = {
    "1": ("đường biển", "sea"),
    "2": ("đường sắt", "rail"),
    "3": ("đường bộ", "road"),
    "4": ("đường hàng không", "air"),
    "5": ("bưu chính", "mail"),
    "8": ("đường thủy nội địa", "inland water"),
}
_GIVEN = ("given", "partly_given", "accepted")
#: Box 13, in the order of the form.
INDICATORS: Sequence[tuple[str, Words]] = (
    ("third_country_invoicing", ("Hóa đơn nước thứ ba", "Third Country Invoicing")),
    ("exhibition", ("Triển lãm", "Exhibition")),
    ("accumulation", ("Cộng gộp", "Accumulation")),
    ("de_minimis", ("De minimis", "De Minimis")),
    ("back_to_back", ("Giáp lưng", "Back-to-Back CO")),
    ("issued_retroactively", ("Cấp sau", "Issued Retroactively")),
    ("partial_cumulation", ("Cộng gộp từng phần", "Partial Cumulation")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedItem:
    """One line of goods."""

    number: int
    #: Each one line.
    marks: tuple[str, ...]
    packages: tuple[str, ...]
    description: tuple[str, ...]
    hs_code: str
    #: Box 8, or the country of origin.
    origin: str
    quantities: tuple[str, ...]
    value: str
    invoices: tuple[str, ...]
    #: Box 4: what customs said of it, each with the import declaration; given or not.
    answers: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedForm:
    """A Form D, or a declaration: texts in one language, in the order of its boxes."""

    #: ``origin`` or ``declaration``.
    document: str
    number: str
    issuing_country: str
    importing_country: str
    issued_on: date | None
    #: Boxes 1 and 2: name and lines of the address; and country.
    consignor: tuple[str, ...]
    consignee: tuple[str, ...]
    #: Box 3: each with its name.
    carriage: tuple[tuple[Words, str], ...]
    items: tuple[PrintedItem, ...]
    invoices: tuple[str, ...]
    #: Box 4, of the whole document.
    answers: tuple[tuple[str, bool], ...] = ()
    #: Box 13.
    indicators: tuple[tuple[Words, bool], ...] = ()
    preference_given: bool = False
    preference_refused: bool = False
    #: What the indicators ask for: who invoiced, where the exhibition is.
    third_country_invoicer: tuple[str, ...] = ()
    exhibition: tuple[str, ...] = ()
    originals: tuple[str, ...] = ()
    #: Boxes 11 and 12: country of production, place and day, name.
    production_country: str = ""
    export_to: str = ""
    declared: tuple[str, ...] = ()
    certified: tuple[str, ...] = ()
    #: Of a declaration: kind and office, certificates, totals, terms.
    facts: tuple[tuple[Words, str], ...] = ()


def printed(message: BorderMessage, shown: BorderShown | None, language: Language) -> PrintedForm:
    """Lay out a Form D or a declaration; ``shown``: what the register has of it, for box 4."""
    uses = shown.uses if shown else ()
    if message.origin is not None:
        return _origin(message, message.origin, uses, language)
    if message.declaration is not None:
        return _declaration(message.declaration, uses, language)
    raise ValueError(f"a message about {message.document} has no form to print")


def _origin(message: BorderMessage, form: OriginCertificate, uses: Sequence[UseShown], language: Language) -> PrintedForm:
    importing = message.importing_country or form.consignee.country
    return PrintedForm(
        document="origin",
        number=form.number,
        issuing_country=country(form.issuing_country, language),
        importing_country=country(importing, language),
        issued_on=form.issued_on,
        consignor=party(form.consignor, language),
        consignee=party(form.consignee, language),
        carriage=tuple(_carriage(form.carriage, language)),
        items=tuple(_origin_item(each, form.invoices, uses, language) for each in form.items),
        invoices=tuple(map(_invoice, form.invoices)),
        answers=_answers(uses, 0, language),
        # One item refused is enough for the second box of box 4, and stands at that item (Annex 7).
        preference_given=any(each.result in _GIVEN for each in uses),
        preference_refused=any(each.result in ("not_given", "partly_given") for each in uses),
        indicators=tuple((words, ticked(form.indicators, name)) for name, words in INDICATORS),
        third_country_invoicer=party(form.third_country_invoicer, language) if form.third_country_invoicer else (),
        exhibition=party(form.exhibition, language) if form.exhibition else (),
        originals=tuple(_original(each, language) for each in form.originals),
        production_country=country(form.declared.country_of_production, language),
        export_to=country(form.declared.importing_country or importing, language),
        declared=_lines(_at(form.declared.place, form.declared.on), form.declared.signatory),
        certified=_lines(form.certified.authority, _at(form.certified.place, form.certified.on), form.certified.officer),
    )


def _declaration(form: ExportDeclaration, uses: Sequence[UseShown], language: Language) -> PrintedForm:
    facts = (
        (("Loại hình", "Type"), form.type_code),
        (("Cơ quan hải quan", "Customs office"), form.office),
        (("Số chứng nhận xuất xứ", "Certificates of origin"), ", ".join(form.certificates)),
        (("Tổng số kiện", "Total packages"), number(form.total_packages)),
        (("Tổng trọng lượng", "Total gross weight"), measure(form.total_gross_weight, language)),
        (("Tổng trị giá", "Total value"), money(form.total_value)),
        (("Điều kiện giao hàng", "Delivery terms"), form.delivery_terms),
    )
    return PrintedForm(
        document="declaration",
        number=form.number,
        issuing_country=country(form.export_country, language),
        importing_country=country(form.import_country, language),
        issued_on=form.declared_on,
        consignor=party(form.exporter, language),
        consignee=party(form.importer, language),
        carriage=tuple(_carriage(form.carriage, language)),
        items=tuple(_declared_item(each, uses, language) for each in form.items),
        invoices=tuple(map(_invoice, form.invoices)),
        answers=_answers(uses, 0, language),
        facts=tuple((name, value) for name, value in facts if value),
    )


def _origin_item(item: OriginItem, invoices: Sequence[Invoice], uses: Sequence[UseShown], language: Language) -> PrintedItem:
    named = {each.sequence: each for each in invoices}
    return PrintedItem(
        number=item.number,
        marks=_marks(item.packages),
        packages=tuple(map(lambda each: package(each, language), item.packages)),
        description=_split(item.description),
        hs_code=f"{item.hs_code} ({item.nomenclature})" if item.nomenclature else item.hs_code,
        origin=criterion(item.criterion),
        quantities=_lines(measure(item.gross_weight, language), *(measure(each, language) for each in item.quantities)),
        value=money(item.fob),
        invoices=tuple(_invoice(named[each]) for each in item.invoices if each in named),
        answers=_answers(uses, item.number, language),
    )


def _declared_item(item: DeclaredItem, uses: Sequence[UseShown], language: Language) -> PrintedItem:
    weights = ((("tịnh", "net"), item.net_weight), (("cả bì", "gross"), item.gross_weight))
    told = (f"{measure(given, language)} ({_of(words, language)})" for words, given in weights if given)
    return PrintedItem(
        number=item.number,
        marks=_marks(item.packages),
        packages=tuple(map(lambda each: package(each, language), item.packages)),
        description=_split(item.description),
        hs_code=item.hs_code,
        origin=country(item.origin_country, language),
        quantities=_lines(*told, measure(item.quantity, language)),
        value=money(item.value),
        invoices=(),
        answers=_answers(uses, item.number, language),
    )


# --- pieces --------------------------------------------------------------------------------------------------------


def country(code: str, language: str) -> str:
    """Name a country, with its code; a code that is none stays as it is."""
    named = _territories(language).get(code, "") if code else ""
    return f"{named} ({code})" if named else code


@cache
def _territories(language: str) -> Mapping[str, str]:
    return dict(Locale.parse(language).territories)


def party(given: BorderParty, language: Language) -> tuple[str, ...]:
    """Lay out who it is: name, address, country, tax number."""
    tax = _of((f"Mã số thuế: {given.tax_id}", f"Tax number: {given.tax_id}"), language) if given.tax_id else ""
    return _lines(given.name, *given.lines, country(given.country, language), tax)


def measure(given: Measure | None, language: Language) -> str:
    """Write a quantity with its unit."""
    if given is None:
        return ""
    return f"{number(given.value)} {unit_name(given.unit, language)}".strip()


def money(given: Money | None) -> str:
    """Write an amount with its currency."""
    return f"{number(given.value)} {given.currency}".strip() if given else ""


def number(given: Decimal | None) -> str:
    """Write a number as it was certified: no digit more, none less."""
    return format(given, "f") if given is not None else ""


def package(given: Package, language: Language) -> str:
    """Write packages of one kind."""
    return f"{number(given.count)} {package_name(given.kind, language)}".strip()


def criterion(given: Criterion) -> str:
    """Write box 8: ``RVC 40 %``, ``CTH + RVC 35 %``."""
    share = f" {number(given.percent)} %" if given.percent is not None else ""
    return " + ".join((given.code, *given.also)) + share


def ticked(indicators: Indicators, name: str) -> bool:
    """Say whether a box of box 13 is ticked."""
    return bool(getattr(indicators, name))


def _marks(packages: Iterable[Package]) -> tuple[str, ...]:
    return tuple(line for each in packages for line in _split(each.marks))


def _carriage(given: Carriage, language: Language) -> Iterable[tuple[Words, str]]:
    mode = _of(MODES[given.mode], language) if given.mode in MODES else given.mode
    rows = (
        (("Ngày khởi hành", "Departure date"), day(given.departs_on)),
        (("Phương thức vận tải", "Mode of transport"), mode),
        (("Tên tàu, phương tiện", "Vessel's name / aircraft etc."), " ".join(_lines(given.conveyance, given.voyage))),
        (("Nơi xếp hàng", "Port of loading"), place(given.loading)),
        (("Nơi dỡ hàng", "Port of discharge"), place(given.discharge)),
    )
    return ((name, value) for name, value in rows if value)


def place(given: Place) -> str:
    """Write a place: its name, and its code."""
    return f"{given.name} ({given.code})" if given.name and given.code else given.name or given.code


def _invoice(given: Invoice) -> str:
    return f"{given.number}, {day(given.issued_on)}" if given.issued_on else given.number


def _original(given: OriginalProof, language: Language) -> str:
    covered = (f"{_of(('mục', 'item'), language)} {item}: {measure(amount, language)}" for item, amount in given.quantities)
    until = f"{_of(('có giá trị đến', 'valid until'), language)} {day(given.expires_on)}" if given.expires_on else ""
    return ", ".join(_lines(given.number, country(given.issuing_country, language), day(given.issued_on), until, *covered))


def _answers(uses: Sequence[UseShown], item: int, language: Language) -> tuple[tuple[str, bool], ...]:
    """Say box 4: for one item, or of the whole document (0)."""
    return tuple(
        (", ".join(_lines(each.declaration, text_day(each.declared_on), _used(each, language), each.reason_code)),
         each.result in _GIVEN)
        for each in uses
        if each.item == item and each.result in (*_GIVEN, "not_given", "rejected")
    )  # fmt: skip


def _used(use: UseShown, language: Language) -> str:
    return measure(Measure(value=use.used.value, unit=use.used.unit), language) if use.used else ""


def text_day(text: str) -> str:
    """Write a day that stands as a text, 2026-03-02, as officials do; what is none stays as it is."""
    try:
        return day(date.fromisoformat(text)) if text else ""
    except ValueError:
        return text


def day(given: date | None) -> str:
    """Write a day as officials do."""
    return f"{given.day:02}/{given.month:02}/{given.year:04}" if given else ""


def _at(where: str, on: date | None) -> str:
    return ", ".join(_lines(where, day(on)))


def _split(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _lines(*given: str) -> tuple[str, ...]:
    return tuple(each for each in given if each)


def _of(words: Words, language: Language) -> str:
    return words[0] if language == "vi" else words[1]
