"""A ministry's documents at the door: its decisions, its own dossiers, its catalogue, and never a crash."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ministry import ADAPTER
from adapters.ministry.events import EVENTS
from adapters.ministry.samples.generator import MINISTRIES, TRADE, catalogue, event_document, trade_way
from hub.canonical.base import VIETNAM
from hub.canonical.codes import Event, Status
from hub.canonical.dossier import DossierMessage
from hub.canonical.message import Message
from hub.canonical.procedure import CatalogueMessage
from hub.contract import Request
from hub.errors import InvalidMessage

OPTIONS = ADAPTER.options()
MOMENT = datetime(2026, 3, 3, 14, tzinfo=VIETNAM)


def read(document: Any) -> Message:
    request = Request(endpoint="x", body=json.dumps(document).encode(), content_type="application/json", idempotency_key="k")
    opened = ADAPTER.open_request(request, OPTIONS)
    (message,) = ADAPTER.read_message(opened.document, opened, OPTIONS).messages
    return message


def event(word: str, **more: Any) -> dict[str, Any]:
    return {**event_document(word, "BTNMT06260000123", "BTNMT0600001", MOMENT, message_id="m-1"), **more}


def fault_paths(document: Any) -> list[str]:
    with pytest.raises(InvalidMessage) as caught:
        read(document)
    return [fault.path for fault in caught.value.faults]


@pytest.mark.parametrize("word", EVENTS)
def test_an_event_becomes_one_step_with_a_fitting_status(word: Event) -> None:
    message = read(event(word))

    assert isinstance(message, DossierMessage)
    assert message.event is word
    assert message.subject == "vnsw:BTNMT06260000123"
    assert message.dossier.status is EVENTS[word]
    assert [step.status for step in message.steps] == [EVENTS[word]]
    assert message.steps[0].at == MOMENT
    assert (message.licence is not None) == word.startswith("licence")


@pytest.mark.parametrize("word", sorted(set(Event) - set(EVENTS)))
def test_what_an_applicant_says_is_not_the_ministrys_to_say(word: Event) -> None:
    assert fault_paths(event(word)) == ["/SuKien"]


def test_a_status_of_its_own_overrules_the_fitting_one() -> None:
    message = read(event("status", TrangThai="8"))

    assert isinstance(message, DossierMessage)
    assert message.dossier.status is message.steps[0].status is Status.STOPPED


def test_a_form_keeps_the_windows_names_and_becomes_text() -> None:
    message = read(event("result", BieuMau={"Result": {"Pass": True, "Items": [{"Id": 1}], "Reason": None}}))

    assert isinstance(message, DossierMessage)
    assert message.dossier.form == {"Result": {"Pass": "true", "Items": [{"Id": "1"}], "Reason": ""}}


@pytest.mark.parametrize("lacking", ["SuKien", "HeThong", "MaHoSo", "MaThuTuc", "ThoiDiem", "NguoiXuLy"])
def test_every_required_field_of_an_event_is_missed(lacking: str) -> None:
    document = event("received")
    document[lacking] = ""

    assert fault_paths(document) == [f"/{lacking}"]


@pytest.mark.parametrize("part", ["So", "NgayCap"])
def test_a_licence_needs_number_and_date(part: str) -> None:
    document = event("licence_issued")
    del document["GiayPhep"][part]

    assert fault_paths(document) == [f"/GiayPhep/{part}"]


# --- catalogue ----------------------------------------------------------------------------------------------------


def test_the_environment_ministrys_catalogue_has_82_procedures() -> None:
    message = read(catalogue(1))

    assert isinstance(message, CatalogueMessage)
    assert message.subject == "catalogue:G10"
    assert message.complete
    assert Counter(procedure.level for procedure in message.procedures) == {3: 67, 4: 15}
    assert {name for procedure in message.procedures for name in procedure.details} >= {"CACHTHUCTHUCHIEN", "THANHPHANHOSO"}


@pytest.mark.parametrize("ministry", MINISTRIES)
def test_every_ministrys_catalogue_is_read(ministry: str) -> None:
    message = read(catalogue(4, ministry=ministry, count=40))

    assert isinstance(message, CatalogueMessage)
    assert len({procedure.code for procedure in message.procedures}) == 40
    assert len({procedure.name for procedure in message.procedures}) == 40


def test_changed_procedures_differ_and_no_others() -> None:
    before, after = read(catalogue(7)), read(catalogue(7, changed=5))
    assert isinstance(before, CatalogueMessage)
    assert isinstance(after, CatalogueMessage)
    different = [new for old, new in zip(before.procedures, after.procedures, strict=True) if old != new]
    only = read(catalogue(7, changed=5, whole=False))

    assert len(different) == 5
    assert isinstance(only, CatalogueMessage)
    assert (list(only.procedures), only.complete) == (different, False)


def test_whether_a_list_is_whole_is_never_guessed() -> None:
    document = catalogue(1, count=3)
    for guess in (None, "True", 1, ""):
        assert fault_paths({**document, "ToanBo": guess}) == ["/ToanBo"]


# --- anything -----------------------------------------------------------------------------------------------------

GOOD: tuple[dict[str, Any], ...] = (event("licence_issued", BieuMau={"A": {"B": "1"}}), catalogue(1, count=2))
names = st.sampled_from(sorted({name for document in GOOD for name in document} | {"HoSo", "TienDo", "TrangThai"}))
inner_names = names | st.sampled_from(["MATTHC", "TENTTHC", "So"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(inner_names, inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(values)
def test_any_document_is_read_or_refused(document: Any) -> None:
    try:
        assert read(document)
    except InvalidMessage as error:
        assert error.faults


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(GOOD), names, values)
def test_any_value_in_a_good_document_is_read_or_refused(document: dict[str, Any], name: str, value: Any) -> None:
    try:
        assert read({**document, name: value})
    except InvalidMessage as error:
        assert error.faults


def test_trade_events_follow_a_way_that_the_seed_chooses() -> None:
    ways = {trade_way(1, f"BTNMT0626{number:07d}") for number in range(60)}

    assert len(TRADE) == 11
    assert trade_way(1, "BTNMT06260000123") == trade_way(1, "BTNMT06260000123")
    assert len(ways) == 4
    assert all(Event(word) in EVENTS for way in ways for word in way)
