"""Routing by rule and by place; the day decides what a place code means."""

from datetime import date, datetime

import pytest

from hub.canonical.base import VIETNAM
from hub.canonical.codes import CodeRow, CodeTables, Event
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.canonical.procedure import CatalogueMessage
from hub.errors import NoRoute
from hub.rules.routing import Route, recipients

NOW = datetime(2026, 3, 2, 9, 15, tzinfo=VIETNAM)
REFORM = date(2025, 7, 1)
#: Area code 24 was Bắc Giang (H02) and is Bắc Ninh (H05) since the reform; 27 was Bắc Ninh and is closed.
CODES = CodeTables(
    {
        "areas": (
            CodeRow("24", "H02", "Bắc Giang", None, REFORM),
            CodeRow("24", "H05", "Bắc Ninh", REFORM, None),
            CodeRow("27", "H05", "Bắc Ninh", None, REFORM),
            CodeRow("01", "H26", "Hà Nội"),
        )
    }
)
PILOT = Route.model_validate(
    {
        "name": "pilot",
        "from": ["single_window"],
        "procedures": ["BTNMT060000?"],
        "to": ["ministry"],
        "place": {"path": "native.unitCode", "table": "areas", "to": {"H05": "bac_ninh", "H19": "dong_nai"}},
    }
)


def application(place: str, submitted: datetime, procedure: str = "BTNMT0600001") -> DossierMessage:
    dossier = Dossier(
        code="BTNMT01250000001", numbering="vnsw", procedure=ProcedureRef(code=procedure), submitted_at=submitted
    )
    return DossierMessage(event=Event.SUBMITTED, dossier=dossier, native={"unitCode": place})


def routed(
    message: DossierMessage | CatalogueMessage, *routes: Route, source: str = "single_window", **more: object
) -> tuple[str, ...]:
    return recipients(message, source, routes, CODES, NOW, origin="single_window", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("place", "day", "expected"),
    [
        ("24", datetime(2025, 6, 30, 23, 59, tzinfo=VIETNAM), "ministry"),
        ("24", datetime(2025, 7, 1, 0, 0, tzinfo=VIETNAM), "bac_ninh"),
        ("27", datetime(2025, 6, 30, 12, 0, tzinfo=VIETNAM), "bac_ninh"),
        ("27", datetime(2025, 7, 1, 12, 0, tzinfo=VIETNAM), "bac_ninh"),  # closed, and was Bắc Ninh to the end
        ("01", datetime(2026, 1, 5, 8, 0, tzinfo=VIETNAM), "ministry"),
        ("", datetime(2026, 1, 5, 8, 0, tzinfo=VIETNAM), "ministry"),
    ],
)
def test_a_piloted_procedure_goes_by_place_and_day(place: str, day: datetime, expected: str) -> None:
    assert routed(application(place, day), PILOT) == (expected,)


def test_a_dossier_stays_where_its_first_message_went() -> None:
    later = application("", NOW)

    assert routed(later, PILOT, known=("bac_ninh",)) == ("bac_ninh",)


def test_the_first_matching_rule_decides() -> None:
    other = Route.model_validate({"name": "all", "to": ["ministry"]})

    assert routed(application("24", NOW), other, PILOT) == ("ministry",)


def test_origin_is_the_endpoint_that_made_the_dossier_known() -> None:
    back = Route.model_validate({"name": "back", "from": ["ministry"], "to": ["@origin"]})

    assert routed(application("", NOW), back, source="ministry") == ("single_window",)


def test_a_catalogue_is_routed_by_kind() -> None:
    route = Route.model_validate({"name": "catalogue", "kind": "catalogue", "to": ["thai_nguyen"]})

    assert routed(CatalogueMessage(owner="G10", procedures=()), PILOT, route) == ("thai_nguyen",)


def test_no_rule_is_an_error_that_names_source_and_procedure() -> None:
    with pytest.raises(NoRoute) as caught:
        routed(application("24", NOW, procedure="BTTTT0200003"), PILOT)

    assert "BTTTT0200003" in caught.value.en
    assert "BTTTT0200003" in caught.value.vi


# --- rules with days, and places elsewhere -----------------------------------------------------------------------


def pilot(*places: str, since: date | None = None, until: date | None = None) -> Route:
    place = {"path": "native.unitCode", "table": "areas", "elsewhere": "next", "to": {code: code.lower() for code in places}}
    return Route.model_validate({"name": "pilot", "place": place, "valid_from": since, "valid_to": until})


WIDENED = date(2026, 3, 1)
NARROW, WIDE = pilot("H05", until=WIDENED), pilot("H05", "H26", since=WIDENED)
MINISTRY = Route.model_validate({"name": "elsewhere", "to": ["ministry"]})


@pytest.mark.parametrize(
    ("place", "day", "expected"),
    [
        ("24", datetime(2026, 2, 28, 23, 59, tzinfo=VIETNAM), "h05"),
        ("01", datetime(2026, 2, 28, 23, 59, tzinfo=VIETNAM), "ministry"),
        ("01", datetime(2026, 3, 1, 0, 0, tzinfo=VIETNAM), "h26"),
        ("99", datetime(2026, 3, 1, 0, 0, tzinfo=VIETNAM), "ministry"),
    ],
)
def test_a_rule_with_days_is_for_what_began_within_them(place: str, day: datetime, expected: str) -> None:
    """The other places go on to the next rule, which a rule by place does not do by itself."""
    assert routed(application(place, day), NARROW, WIDE, MINISTRY) == (expected,)


def test_what_began_before_a_change_goes_on_as_it_began() -> None:
    """A later message tells another day and another place, or none: the register's day and its recipients count."""
    before = datetime(2026, 2, 1, 8, 0, tzinfo=VIETNAM)
    later = application("", NOW)

    assert routed(later, NARROW, WIDE, MINISTRY, known=("h05",), begun=before) == ("h05",)
    assert routed(application("01", NOW), NARROW, WIDE, MINISTRY, known=("ministry",), begun=before) == ("ministry",)


def test_a_place_of_no_rule_has_no_route() -> None:
    with pytest.raises(NoRoute):
        routed(application("99", NOW), NARROW, WIDE)


def test_days_of_a_rule_must_be_in_order() -> None:
    with pytest.raises(ValueError, match="valid_to must be after"):
        pilot("H05", since=WIDENED, until=WIDENED)
