"""A dossier of a merged province goes to who answers for it today, under the number and codes that it came with."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from hub import settings
from hub.canonical.base import VIETNAM
from hub.canonical.codes import CodeRow, CodeTables, Event
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.canonical.message import to_json
from hub.canonical.party import Agency
from hub.errors import NoRoute
from hub.rules.routing import Route, recipients

CODES = CodeTables(settings.shipped_lists())
JUNE = datetime(2025, 6, 30, 23, 59, tzinfo=VIETNAM)
JULY = datetime(2025, 7, 1, 0, 0, tzinfo=VIETNAM)
AUGUST = datetime(2025, 8, 12, 9, 0, tzinfo=VIETNAM)
PATH = "dossier.form.MaTinh"


def route(**given: Any) -> Route:
    return Route.model_validate({"name": "r", **given})


def message(agency: str = "", *, place: str = "", submitted: datetime | None = JUNE) -> DossierMessage:
    dossier = Dossier(
        code="H62.14-250612-0001",
        procedure=ProcedureRef(code="1.004616", field_code="G13-TN01"),
        agency=Agency(code=agency, name="Sở TN&MT tỉnh Vĩnh Phúc"),
        submitted_at=submitted,
        form={"MaTinh": place, "MaHuyen": "243"} if place else {},
    )
    return DossierMessage(event=Event.STATUS, dossier=dossier)


def routed(
    said: DossierMessage, *routes: Route, now: datetime = AUGUST, codes: CodeTables = CODES, **more: Any
) -> tuple[str, ...]:
    return recipients(said, "bo", routes, codes, now, origin="bo", **more)


# --- by agency -------------------------------------------------------------------------------------------------------


AGENCIES = ["H62", "H62.14", "000.00.14.H62", "000.00.00.H62", "H44", "H44.09", "000.00.14.H44", "H28.01"]


@pytest.mark.parametrize("agency", AGENCIES)
def test_a_rule_for_a_province_takes_what_it_answers_for_today(agency: str) -> None:
    assert routed(message(agency), route(agencies=["H44*"], to=["phu_tho"])) == ("phu_tho",)


@pytest.mark.parametrize(("now", "expected"), [(JUNE, "vinh_phuc"), (JULY, "phu_tho")])
def test_the_day_of_the_merger_decides(now: datetime, expected: str) -> None:
    routes = (route(agencies=["H44*"], to=["phu_tho"]), route(agencies=["H62*"], to=["vinh_phuc"]))

    assert routed(message("H62.14"), *routes, now=now) == (expected,)


def test_the_code_as_it_was_written_still_matches() -> None:
    assert routed(message("H62.14"), route(agencies=["H62.*"], to=["vinh_phuc"])) == ("vinh_phuc",)


def test_a_rule_may_be_kept_from_following() -> None:
    literal = route(agencies=["H44*"], to=["phu_tho"], follow_successors=False)

    assert routed(message("H44.09"), literal) == ("phu_tho",)
    with pytest.raises(NoRoute):
        routed(message("H62.14"), literal)


def test_a_ministry_that_was_merged_is_followed_too() -> None:
    assert routed(message("G13"), route(agencies=["G10"], to=["bo_nnmt"])) == ("bo_nnmt",)


@pytest.mark.parametrize(("number", "expected"), [("H62.14-250612-0001", "phu_tho"), ("000.00.14.H62-250612-0001", "phu_tho")])
def test_where_a_message_names_no_agency_the_one_in_its_number_counts(number: str, expected: str) -> None:
    said = message()
    said = said.model_copy(update={"dossier": said.dossier.model_copy(update={"code": number, "agency": Agency(name="Sở")})})

    assert routed(said, route(agencies=["H44*"], to=["phu_tho"])) == (expected,)
    opaque = said.model_copy(update={"dossier": said.dossier.model_copy(update={"code": "TS-2026-1"})})
    with pytest.raises(NoRoute):
        routed(opaque, route(agencies=["H44*"], to=["phu_tho"]))


def test_codes_inside_of_other_codes_decide_nothing() -> None:
    """Field G13-TN01 and the number H62… are of closed agencies; only the processing agency is asked for."""
    with pytest.raises(NoRoute):
        routed(message("H26"), route(agencies=["G10", "H44*"], to=["x"]))


# --- by place --------------------------------------------------------------------------------------------------------


def by_place(to: dict[str, str], **more: Any) -> Route:
    return route(to=["bo"], place={"path": PATH, "table": "areas", "to": to}, **more)


@pytest.mark.parametrize(
    ("place", "submitted", "expected"),
    [
        ("26", JUNE, "phu_tho"),  # Vĩnh Phúc
        ("26", AUGUST, "phu_tho"),  # its code is closed, and is still sent
        ("25", JUNE, "phu_tho"),
        ("15", JUNE, "lao_cai"),  # Yên Bái
        ("15", JULY, "lao_cai"),  # Lào Cai
        ("10", JUNE, "lao_cai"),
        ("01", JUNE, "bo"),
        ("243", JUNE, "bo"),  # an old district: kept, means nothing here
    ],
)
def test_a_place_leads_to_who_answers_for_it_today(place: str, submitted: datetime, expected: str) -> None:
    places = by_place({"H44": "phu_tho", "H38": "lao_cai"})

    assert routed(message(place=place, submitted=submitted), places) == (expected,)


def test_where_only_the_old_code_is_named_it_still_leads_there() -> None:
    assert routed(message(place="26"), by_place({"H62": "vinh_phuc"})) == ("vinh_phuc",)


def test_a_running_dossier_moves_to_who_has_taken_over_and_else_stays() -> None:
    both = by_place({"H62": "vinh_phuc", "H44": "phu_tho"})

    assert routed(message(place="26"), both, now=JUNE, known=("vinh_phuc",)) == ("vinh_phuc",)
    assert routed(message(place="26"), both, known=("vinh_phuc",)) == ("phu_tho",)
    # A later message that names another place moves nothing.
    assert routed(message(place="01"), both, known=("phu_tho",)) == ("phu_tho",)
    literal = both.model_copy(update={"follow_successors": False})
    assert routed(message(place="26"), literal, known=("vinh_phuc",)) == ("vinh_phuc",)


def test_one_software_for_both_provinces_keeps_its_dossiers() -> None:
    one = by_place({"H62": "phu_tho", "H44": "phu_tho"})

    assert routed(message(place="26"), one, known=("phu_tho",)) == ("phu_tho",)


def test_a_circle_in_an_installations_own_rows_moves_nothing() -> None:
    rows = (CodeRow("H62", "H44", "", date(2025, 7, 1)), CodeRow("H44", "H62", "", date(2025, 7, 1)))
    circle = CodeTables({**CODES.tables, "agencies": rows})

    assert routed(message("H62"), route(agencies=["H62"], to=["vinh_phuc"]), codes=circle) == ("vinh_phuc",)


# --- nothing is rewritten --------------------------------------------------------------------------------------------


def test_the_message_keeps_its_codes() -> None:
    said = message("H62.14", place="26")
    before = to_json(said)

    routed(said, by_place({"H44": "phu_tho"}))

    assert to_json(said) == before
    assert b'"H62.14"' in before and b'"MaHuyen":"243"' in before
