"""Prints of Form D and the customs declaration: what was certified, not a digit otherwise, and harmless whatever stands in it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from hub.canonical.border.declaration import DeclaredItem, ExportDeclaration
from hub.canonical.border.message import BorderDocument, BorderEvent, BorderMessage
from hub.canonical.border.origin import Criterion, Indicators, Invoice, OriginalProof
from hub.canonical.border.parts import Measure, Money, Package
from hub.edge import printing
from hub.operations.border import Print
from hub.registers import border_print
from hub.registers.border import Amount, BorderRow, BorderShown, UseShown
from tests.console.markup import faults
from tests.support.border_world import form_d, issued

NUMBER = "VN-ID 26/02/00017"


def use(item: int, result: str, used: str = "") -> UseShown:
    amount = Amount(value=Decimal(used), unit="KGM") if used else None
    told = {"declaration": "100", "reason_code": "", "declared_on": "2026-03-20", "at": 1.0, "message_id": "m"}
    return UseShown(item=item, result=result, used=amount, **told)  # type: ignore[arg-type]


def shown(message: BorderMessage, *uses: UseShown, standing: str = "in_force") -> BorderShown:
    row = BorderRow(
        key=message.subject, document=message.document, issuing_country="VN", importing_country="ID", number=message.number,
        outgoing=True, state="issued", technical="unknown", hop="", result="", standing=standing, origin="bo", dossier="",
        issued_on="2026-03-02", answer_due=None, hop_due=None, expires_at=None, updated_at=1.0,
    )  # fmt: skip
    return BorderShown(
        row=row, version=1, technical_code="", technical_at=None, hops=(), result_at=None, cancelled_at=None, available_at=None,
        late_accepted_at=None, first_at=1.0, canonical_digest="", content_message="", items=(), uses=uses, more_uses=False,
        history=(), more_history=False, marks=(), links=(),
    )  # fmt: skip


def page(message: BorderMessage, *uses: UseShown, language: str = "vi", standing: str = "in_force") -> str:
    known = shown(message, *uses, standing=standing)
    laid = border_print.printed(message, known, "vi" if language == "vi" else "en")
    return printing.page(Print(shown=known, language=language, made_at=1.0, until_at=1.0, printed=laid))


@pytest.mark.parametrize(
    ("results", "given", "refused"),
    [
        ((), False, False),
        (("given",), True, False),
        (("not_given",), False, True),
        (("given", "not_given"), True, True),
        (("partly_given",), True, True),
        (("available",), False, False),
    ],
)
def test_box_4_is_ticked_as_customs_answered(results: tuple[str, ...], given: bool, refused: bool) -> None:
    message = issued(form_d(NUMBER))
    uses = [use(number, result) for number, result in enumerate(results, start=1)]

    laid = border_print.printed(message, shown(message, *uses), "vi")

    assert (laid.preference_given, laid.preference_refused) == (given, refused)


def test_quantities_stand_as_they_were_certified() -> None:
    weight = Measure(value=Decimal("46.50"), unit="KGM")
    message = issued(form_d(NUMBER, gross_weight=weight, quantities=(Measure(value=Decimal("1E+3"), unit="XX"),)))
    item = border_print.printed(message, None, "en").items[0]

    assert item.quantities == ("46.50 kg", "1000 XX")
    assert item.packages == ("2300 carton",) and item.marks == ("N/M",)
    assert item.invoices == ("INV-031, 02/03/2026",)


def test_a_criterion_stands_with_its_percentage_and_what_it_is_joined_with() -> None:
    assert border_print.criterion(Criterion(code="WO")) == "WO"
    assert border_print.criterion(Criterion(code="RVC", percent=Decimal("43.25"))) == "RVC 43.25 %"
    assert border_print.criterion(Criterion(code="CTSH", also=("RVC",), percent=Decimal(35))) == "CTSH + RVC 35 %"


def test_every_box_of_a_form_d_is_on_the_page_in_both_languages() -> None:
    form = form_d(NUMBER, fob=Money(value=Decimal("15230.00"), currency="USD")).model_copy(
        update={
            "indicators": Indicators(back_to_back=True),
            "originals": (OriginalProof(number="TH-VN 1", issuing_country="TH", expires_on=date(2026, 12, 1)),),
            "invoices": (Invoice(sequence=1, number="INV-031", issued_on=date(2026, 3, 2)),),
        }
    )
    for language, title in (("vi", "GIẤY CHỨNG NHẬN XUẤT XỨ"), ("en", "CERTIFICATE OF ORIGIN")):
        html = page(issued(form), use(1, "given", "5000"), language=language)

        assert [each for each in faults(html) if "<style>" not in each] == []
        parties = ("CONG TY MAU", "PT CONTOH", "MV TEST STAR")
        for text in (title, NUMBER, *parties, "08109092", "FOB 15230.00 USD", "5000 kg", "TH-VN 1"):
            assert text in html


def test_a_declaration_is_printed_with_its_totals() -> None:
    weight = Measure(value=Decimal("7.10"), unit="KGM")
    item = DeclaredItem(number=1, description="FRESH FRUIT", hs_code="081090", net_weight=weight)
    form = ExportDeclaration(
        number="300", export_country="VN", import_country="ID", declared_on=date(2026, 3, 3), items=(item,),
        total_value=Money(value=Decimal(12000), currency="USD"), certificates=(NUMBER,),
    )  # fmt: skip
    message = BorderMessage(
        event=BorderEvent.ISSUED, document=BorderDocument.DECLARATION, number="300", issuing_country="VN", declaration=form
    )
    html = page(message)

    assert [each for each in faults(html) if "<style>" not in each] == []
    for text in ("7.10 kg (tịnh)", "12000 USD", NUMBER, "03/03/2026"):
        assert text in html


@pytest.mark.parametrize("standing", ["cancelled", "superseded"])
def test_what_does_not_count_any_more_says_so_at_the_top(standing: str) -> None:
    message = issued(form_d(NUMBER))

    assert 'class="stamp"' in page(message, standing=standing)
    assert 'class="stamp"' not in page(message)


def test_a_hostile_document_does_nothing_on_the_page() -> None:
    nasty = "<script>alert(1)</script><style>*{display:none}</style>\u202e"
    html = page(issued(form_d(NUMBER, description=nasty, packages=(Package(kind=nasty, marks=nasty, count=Decimal(1)),))))

    assert "<script" not in html and "\u202e" not in html and html.count("<style>") == 1
    assert printing.policy(html).count("'sha256-") == 1
