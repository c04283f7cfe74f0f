"""Routes of border documents: by document, event and country; an answer waits for an origin that is not known yet."""

from __future__ import annotations

from datetime import datetime

import pytest
from pydantic import ValidationError

from hub.canonical.base import VIETNAM
from hub.canonical.border.message import BorderDocument, BorderEvent, BorderMessage
from hub.canonical.codes import CodeTables
from hub.errors import NoRoute
from hub.rules.routing import Route, recipients

NOW = datetime(2026, 3, 2, tzinfo=VIETNAM)
PHYTO, ORIGIN = BorderDocument.PHYTO, BorderDocument.ORIGIN
E = BorderEvent


def goes(
    route: Route, event: BorderEvent = E.ISSUED, document: BorderDocument = ORIGIN, *, origin: str = "bo_ct"
) -> tuple[str, ...]:
    message = BorderMessage(event=event, document=document, number="N", issuing_country="VN", importing_country="ID")
    try:
        return recipients(message, "nguon", (route,), CodeTables(()), NOW, origin=origin)
    except NoRoute:
        return ("none",)


def rule(**given: object) -> Route:
    return Route.model_validate({"name": "x", "kind": "border", "to": ["asw"], **given})


@pytest.mark.parametrize(
    ("given", "event", "document", "expected"),
    [
        ({}, E.ISSUED, ORIGIN, ("asw",)),
        ({}, E.TRACKED, ORIGIN, ("none",)),
        ({"events": ["tracked"]}, E.TRACKED, ORIGIN, ("asw",)),
        ({"events": ["issued", "cancel*"]}, E.CANCELLED, ORIGIN, ("asw",)),
        ({"events": ["issued"]}, E.ANSWERED, ORIGIN, ("none",)),
        ({"documents": ["phyto"]}, E.ISSUED, ORIGIN, ("none",)),
        ({"documents": ["phyto"]}, E.ISSUED, PHYTO, ("asw",)),
        ({"countries": ["ID"]}, E.ISSUED, ORIGIN, ("asw",)),
        ({"countries": ["V?"]}, E.ISSUED, ORIGIN, ("asw",)),
        ({"countries": ["TH", "LA"]}, E.ISSUED, ORIGIN, ("none",)),
        ({"from": ["khac"]}, E.ISSUED, ORIGIN, ("none",)),
        ({"kind": "dossier"}, E.ISSUED, ORIGIN, ("none",)),
    ],
)
def test_a_rule_matches_by_document_event_and_country(
    given: dict[str, object], event: BorderEvent, document: BorderDocument, expected: tuple[str, ...]
) -> None:
    assert goes(rule(**given), event, document) == expected


def test_an_origin_that_nobody_knows_is_no_recipient() -> None:
    back = rule(to=["@origin", "luu"], events=["answered"])
    assert goes(back, E.ANSWERED) == ("bo_ct", "luu")
    assert goes(back, E.ANSWERED, origin="") == ("luu",)


@pytest.mark.parametrize("given", [{"documents": ["origin"]}, {"countries": ["ID"]}])
def test_documents_and_countries_are_for_border_documents_alone(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Route.model_validate({"name": "x", "to": ["asw"], **given})


def test_what_no_document_is_called_is_refused() -> None:
    with pytest.raises(ValidationError):
        rule(documents=["certificate"])
