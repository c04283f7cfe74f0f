"""Corrections on pages: only what was changed is proposed, faults stand at their fields, and a second person decides."""

from __future__ import annotations

import html
import json
import re
from itertools import count

import pytest

from hub.registers.records import DeliveryDetail
from hub.rules.lifecycle import State
from tests.console.office import Office, Seat, found, text, words

NUMBERS = count(600)


@pytest.fixture
def parked(house: Office) -> DeliveryDetail:
    """A delivery that stands still for its code."""
    number = next(NUMBERS)
    house.night.unmapped(number, f"H50-{number}")
    return house.night.deliveries(f"H50-{number}")[0]


def shown(page: str) -> dict[str, str]:
    """Give the fields of the form as a browser would send them back."""
    form = found(page, r'(?s)<form class="verb whole edit"(.*?)</form>')
    given = dict(re.findall(r'(?s)<textarea [^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', form))
    for field in re.findall(r"<input [^>]+>", form):
        value = re.search(r' value="([^"]*)"', field)
        given[found(field, r' name="([^"]+)"')] = value[1] if value else ""
    return {html.unescape(name): html.unescape(value) for name, value in given.items()}


def propose(seat: Seat, delivery: str, **changed: str) -> str:
    fields = shown(seat.page(f"/deliveries/{delivery}/edit")) | {"why": "bên gửi ghi nhầm"} | changed
    answer = seat.post(f"/deliveries/{delivery}/edit", fields)
    assert answer.status == 303, words(text(answer))
    return answer.location


def test_only_what_was_changed_is_proposed_and_the_original_is_untouched(house: Office, parked: DeliveryDetail) -> None:
    page = propose(house.seat("an"), parked.id, **{"value:/dossier/procedure/code": "1.000001"})
    told = house.act("edit show", edit=page.rpartition("/")[2])

    assert told.edit.paths == ("/dossier/procedure/code",)
    assert told.edit.state == "proposed"
    assert "<ins>1.000001</ins>" in house.seat("an").page(page)
    assert house.night.state(parked.id) == State.PARKED


def test_another_person_approves_it_and_the_corrected_one_arrives(house: Office, parked: DeliveryDetail) -> None:
    page = propose(house.seat("an"), parked.id, **{"value:/dossier/procedure/code": "1.000001"})
    edit = page.rpartition("/")[2]
    assert "/do/edit/approve" not in house.seat("an").page(page)
    assert "/do/edit/approve" in house.seat("duyet").page(page)
    answer = house.seat("duyet").post("/do/edit/approve", {"edit": edit, "why": "đúng với hồ sơ giấy", "back": page})
    house.night.carry()

    assert (answer.status, answer.location) == (303, page)
    assert house.night.state(parked.id) == State.DELIVERED
    (body,) = house.night.bodies(parked.subject.partition(":")[2])
    assert body["hoSo"]["thuTuc"]["ma"] == "TT-01"
    assert "đúng với hồ sơ giấy" in words(house.seat("xem").page(page))


def test_it_can_be_withdrawn(house: Office, parked: DeliveryDetail) -> None:
    page = propose(house.seat("an"), parked.id, **{"value:/dossier/procedure/code": "1.000001"})
    answer = house.seat("an").post("/do/edit/reject", {"edit": page.rpartition("/")[2], "why": "ghi nhầm", "back": page})

    assert answer.status == 303
    assert "không duyệt" in words(house.seat("an").page(page))
    assert house.night.state(parked.id) == State.PARKED


def test_hidden_values_stay_hidden_and_are_never_sent_back_as_masks(house: Office, parked: DeliveryDetail) -> None:
    page = house.seat("an").page(f"/deliveries/{parked.id}/edit")
    fields = shown(page)

    assert "Nguyễn" not in page
    assert fields["value:/dossier/applicant/name"] == ""
    edit = propose(house.seat("an"), parked.id, **{"value:/dossier/applicant/name": "Trần Thử"}).rpartition("/")[2]
    assert house.act("edit show", edit=edit).edit.paths == ("/dossier/applicant/name",)
    assert "Trần Thử" not in house.seat("duyet").page(f"/edits/{edit}")


def test_after_a_reason_the_values_can_be_seen_and_mended(house: Office, parked: DeliveryDetail) -> None:
    house.seat("an").post("/do/reveal", {"about": parked.id, "why": "sửa họ tên theo giấy tờ"})
    fields = shown(house.seat("an").page(f"/deliveries/{parked.id}/edit"))
    page = propose(house.seat("an"), parked.id, **{"value:/dossier/applicant/name": "Trần Thử"})

    assert fields["value:/dossier/applicant/name"] == "Nguyễn Thử Nghiệm"
    assert "<ins>Trần Thử</ins>" in house.seat("an").page(page)


def test_faults_stand_at_their_fields_with_what_was_written(house: Office, parked: DeliveryDetail) -> None:
    seat = house.seat("an")
    fields = shown(seat.page(f"/deliveries/{parked.id}/edit")) | {
        "value:/dossier/status": "không có trạng thái này",
        "value:/sent_at": "hôm qua",
        "why": "thử",
    }
    answer = seat.post(f"/deliveries/{parked.id}/edit", fields)

    assert answer.status in (409, 422)
    for pointer, written in (("/dossier/status", "không có trạng thái này"), ("/sent_at", "hôm qua")):
        field = found(text(answer), rf'(?s)(<input id="\w+" type="text" name="value:{pointer}".*?</div>)')
        assert f'value="{written}"' in field
        assert 'aria-invalid="true"' in field
        assert '<p class="fault"' in field


def test_nothing_changed_and_no_reason_are_told(house: Office, parked: DeliveryDetail) -> None:
    seat = house.seat("an")
    fields = shown(seat.page(f"/deliveries/{parked.id}/edit"))
    nothing = seat.post(f"/deliveries/{parked.id}/edit", {**fields, "why": "thử"})
    silent = seat.post(f"/deliveries/{parked.id}/edit", {**fields, "value:/dossier/note": "x", "why": " "})

    assert (nothing.status, silent.status) == (422, 422)
    assert "chưa có trường nào được sửa" in words(text(nothing))
    assert house.act("edit show", delivery=parked.id).edits == ()


def test_types_stay_what_they_were_and_lists_can_grow(house: Office, parked: DeliveryDetail) -> None:
    page = propose(
        house.seat("an"),
        parked.id,
        **{"value:/dossier/verified_by_vneid": "true", "more": '/dossier/papers/- = {"name": "Đơn giấy", "count": 2}'},
    )
    edit = house.act("edit show", edit=page.rpartition("/")[2]).edit
    tree = json.loads(house.bytes_of(edit.after_digest))

    assert tree["dossier"]["verified_by_vneid"] is True
    assert tree["dossier"]["papers"] == [{"name": "Đơn giấy", "count": 2, "kind": 0}]


def test_what_cannot_be_corrected_says_why(house: Office) -> None:
    number = next(NUMBERS)
    house.night.send(number, f"H50-{number}")
    (delivery,) = house.night.deliveries(f"H50-{number}")
    page = house.seat("an").page(f"/deliveries/{delivery.id}/edit")

    assert '<p class="fault">' in page
    assert 'name="value:' not in page


def test_the_list_tells_who_proposed_what_and_can_be_narrowed(house: Office, parked: DeliveryDetail) -> None:
    page = propose(house.seat("an"), parked.id, **{"value:/dossier/procedure/code": "1.000001"})

    assert page in house.seat("duyet").page("/edits")
    assert page in house.seat("duyet").page("/edits", state="proposed")
    assert page not in house.seat("duyet").page("/edits", state="rejected")
    assert house.seat("duyet").get("/edits", state="no such state").status == 200
