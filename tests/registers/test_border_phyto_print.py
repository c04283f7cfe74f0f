"""The printed phytosanitary certificate says all that the certificate says, and nothing that it does not say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from adapters.ephyto.sps import read_certificate
from hub.canonical.border.message import BorderDocument, BorderEvent, BorderMessage
from hub.canonical.border.parts import Country, Text
from hub.canonical.border.phyto import Clause, Note, Phyto, Unplaced
from hub.canonical.border.phyto_words import TREATMENT_KINDS
from hub.edge.console import rendering
from hub.registers.border_phyto_labels import LABELS, STAMPS
from hub.registers.border_phyto_print import moment, printed
from tests.adapters.ephyto.phytos import certificate, phytos

EXPORT, RE_EXPORT = (read_certificate(certificate(name)) for name in ("export_851", "re_export_657"))
#: Codes that are shown by their names, or not at all; moments, which are shown as a form has them; the store's own words.
_CODES = frozenset(
    {"type_code", "status", "language", "subject", "relationship", "mode", "unit", "kind", "level", "system"}
    | {"issued_at", "at", "starts_at", "ends_at", "url", "digest", "media_type", "reused", "value", "count", "cargo_types"}
)


def message(phyto: Phyto) -> BorderMessage:
    return BorderMessage(
        event=BorderEvent.ISSUED, document=BorderDocument.PHYTO, number=phyto.number, issuing_country="VN", phyto=phyto
    )


def page(phyto: Phyto, language: str = "vi") -> str:
    given = {"shown": None, "made_at": 1_772_415_304.0, "back": "", "here": "/", "other_language": "en", "language": language}
    template = rendering.environment(language).get_template("print_phyto.html")
    return template.render(printed=printed(message(phyto), language), **given)  # type: ignore[arg-type]


def note(subject: str, text: str) -> Note:
    return Note(subject=subject, texts=(Text(text=text),))


def marked(phyto: Phyto) -> tuple[Phyto, list[str]]:
    """Put a mark of its own in the place of each text, and give the marks."""
    marks: list[str] = []

    def put(value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return {key: put(each, key) for key, each in value.items()}
        if isinstance(value, list):
            return [put(each, name) for each in value]
        kept = name in _CODES or value in TREATMENT_KINDS or value in ("True", "False")
        if not isinstance(value, str) or not value or kept:
            return value
        marks.append(f"M{len(marks):04}X")
        return marks[-1]

    return Phyto.model_validate(put(phyto.model_dump(mode="json"), "")), marks


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("phyto", [EXPORT, RE_EXPORT])
def test_every_text_of_a_certificate_stands_on_its_print(phyto: Phyto, language: str) -> None:
    """Each box is filled by its own; nothing is left out."""
    made, marks = marked(phyto)
    shown = page(made, language)

    assert len(marks) > 15
    assert [mark for mark in marks if mark not in shown] == []


@pytest.mark.parametrize("language", ["vi", "en"])
def test_codes_and_moments_stand_as_a_reader_knows_them(language: str) -> None:
    """Kilograms, cartons, sea; the day with the hour and the offset that were said."""
    shown = page(EXPORT, language)
    names = {"vi": ["18400.50 kg", "2300 thùng các-tông", "Đường biển"], "en": ["18400.50 kg", "2300 carton", "sea"]}

    for expected in [*names[language], "46.50 °C", "40 min", "27/02/2026 09:15 (+07:00)", "25/02/2026 08:00 (+07:00)"]:
        assert expected in shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("2026-02-27", "27/02/2026"),
        ("2026-02-27T09:15:00", "27/02/2026 09:15"),
        ("2026-02-27T23:30:00-11:00", "27/02/2026 23:30 (-11:00)"),
        ("2026-02-27T09:15:00Z", "27/02/2026 09:15 (+00:00)"),
        ("27 FEB 2026", "27 FEB 2026"),
        ("", ""),
    ],
)
def test_a_day_gets_no_hour_and_no_offset_is_moved(written: str, shown: str) -> None:
    """What cannot be read stays as it is."""
    assert moment(written) == shown


@pytest.mark.parametrize("status", ["70", "39", "71", *STAMPS, "99"])
def test_what_does_not_count_is_stamped(status: str) -> None:
    """A withdrawn certificate is never taken for a good one, and one of unknown status neither."""
    stamped = 'class="stamp"' in page(EXPORT.model_copy(update={"status": status}))

    assert stamped == (status not in ("70", "39", "71"))


def test_nothing_is_certified_that_the_certificate_does_not_certify() -> None:
    """The model's sentence stands only where its clause does; own words of the certificate stand as they are."""
    assert EXPORT.signing is not None

    def with_clauses(*clauses: Clause) -> str:
        assert EXPORT.signing is not None
        return page(EXPORT.model_copy(update={"signing": EXPORT.signing.model_copy(update={"clauses": clauses})}), "en")

    sentence, free = "This is to certify that", "practically free from other pests"
    assert (sentence in with_clauses(), free in with_clauses()) == (False, False)
    assert "certifies no clause" in with_clauses()
    assert (sentence in with_clauses(Clause(id=1)), free in with_clauses(Clause(id=1))) == (True, False)
    assert free in with_clauses(Clause(id=2))
    assert "Own words &lt;b&gt;" in with_clauses(Clause(id=1, text="Own words <b>"))
    assert "Clause 9" in with_clauses(Clause(id=9))


def test_boxes_of_a_re_export_are_ticked_as_they_are_said() -> None:
    """What is not said is not ticked."""
    sheet = printed(message(RE_EXPORT), "en")
    assert sheet.re_export is not None
    boxes = [*sheet.re_export.attached, *sheet.re_export.packed, *sheet.re_export.containers, *sheet.re_export.based]

    assert [ticked for _, ticked in boxes] == [False, True, True, False, True, False, True, False]
    assert (sheet.re_export.origin, sheet.re_export.original) == ("Cambodia", "KH-TEST-2026-0055")
    silent = printed(message(RE_EXPORT.model_copy(update={"notes": ()})), "en").re_export
    assert silent is not None
    assert not any(ticked for each in (silent.attached, silent.packed, silent.containers, silent.based) for _, ticked in each)
    # Named by the reference and by the lines of goods, where no note says it.
    assert (silent.origin, silent.original) == ("Cambodia (KH)", "KH-TEST-2026-0055")
    by_code = printed(message(RE_EXPORT.model_copy(update={"notes": (note("RPCCO", "KH"),)})), "en").re_export
    assert by_code is not None
    assert by_code.origin == "Cambodia (KH)"


def test_what_has_no_box_of_its_own_is_shown_all_the_same() -> None:
    """A note of an unknown subject, what the reader found no place for, and notes of re-export in a certificate for export."""
    shown = page(
        EXPORT.model_copy(
            update={
                "notes": (note("QQQ", "strange note"), note("RPCRF", "an original")),
                "unplaced": (Unplaced(path="/SPSCertificate/New", text="later edition"),),
                "export_country": Country(code="VN"),
            }
        )
    )

    for expected in ("QQQ", "strange note", "an original", "/SPSCertificate/New: later edition", "Việt Nam (VN)"):
        assert expected in shown


def test_labels_stand_in_both_languages_in_either() -> None:
    """The reader's own first."""
    for language in ("vi", "en"):
        shown = page(EXPORT, language)
        assert list(_missing(shown)) == []


def _missing(shown: str) -> Iterator[str]:
    for name in ("consignor", "consignee", "packages", "marks", "origin", "conveyance", "entry", "produce", "botanical"):
        for label in LABELS[name]:
            if label not in shown:
                yield label


def test_hostile_texts_are_written_out() -> None:
    """Nothing that a certificate says becomes markup."""
    shown = page(EXPORT.model_copy(update={"issuer": "<script>alert(1)</script>", "examination": '"><img src=x>'}))

    assert "<script" not in shown
    assert "<img" not in shown
    assert not re.search(r"\sstyle=", shown)


def test_a_message_without_certificate_has_no_print() -> None:
    """Its document has not come."""
    with pytest.raises(ValueError, match="no phytosanitary certificate"):
        printed(message(EXPORT).model_copy(update={"phyto": None}), "vi")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(phytos)
def test_whatever_a_certificate_says_it_can_be_printed(phyto: Phyto) -> None:
    """Its number stands on it, and no other markup than the form's own."""
    shown = page(phyto, "en")

    assert phyto.number in shown
    assert "<script" not in shown
