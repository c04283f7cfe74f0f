"""Find: every kind of number leads to its page, and a citizen's number stands in no address and is not shown again."""

from __future__ import annotations

import pytest

from tests.console.office import Office, found, text, words


@pytest.fixture(scope="module")
def parked(house: Office) -> str:
    """A delivery that stands still, of a dossier of its own."""
    house.night.unmapped(401, "000.00.01.H40-260302-0401")
    house.night.send(402, "000.00.01.H40-260302-0401")
    return house.night.ids("000.00.01.H40-260302-0401")[0]


def test_before_anything_was_asked_the_page_says_what_can_be_found(house: Office) -> None:
    told = words(house.seat("an").page("/find"))

    for what in ("Mã hồ sơ", "Số định danh", "Mã thủ tục", "Mã băm", "Từ trong thông báo lỗi"):
        assert what in told


LEADS = [("000.00.01.H40-260302-0401", "/timeline/"), ("{id}", "/deliveries/{id}"), ("9.999999", "/")]


@pytest.mark.parametrize(("asked", "leads"), LEADS)
def test_numbers_lead_to_their_pages(house: Office, parked: str, asked: str, leads: str) -> None:
    page = text(house.seat("an").post("/find", {"q": asked.format(id=parked)}))

    assert f'<td data-label="Mục"><a href="{leads.format(id=parked)}' in page


def test_the_hits_can_be_opened(house: Office, parked: str) -> None:
    page = text(house.seat("an").post("/find", {"q": "000.00.01.H40-260302-0401"}))

    assert "9.999999" in words(house.seat("an").page(found(page, r'<td data-label="Mục"><a href="([^"]+)"')))


def test_a_link_can_ask_too(house: Office, parked: str) -> None:
    assert f'href="/deliveries/{parked}' in house.seat("an").page("/find", q=parked)


def test_a_citizens_number_is_not_looked_for_from_an_address_nor_shown_again(house: Office) -> None:
    number = "000000000000"
    from_address = house.seat("an").get("/find", q=number)
    posted = house.seat("an").post("/find", {"q": number})

    assert (from_address.status, from_address.location, from_address.body) == (303, "/find", b"")
    assert posted.status == 200
    assert number not in words(text(posted))
    assert f'type="search" value="{number}"' not in text(posted)
    assert posted.location == ""


def test_what_is_not_there_is_said_with_what_to_try(house: Office) -> None:
    assert "Không tìm thấy gì" in words(text(house.seat("an").post("/find", {"q": "khong-co-ho-so-nay"})))


def test_more_of_one_kind_is_had_by_a_form(house: Office) -> None:
    for number in range(12):
        house.night.unmapped(420 + number, f"H41-{number}")
    page = text(house.seat("an").post("/find", {"q": "9.999999"}))
    form = found(page, r'(?s)(<input type="hidden" name="section".*?>\s*<input type="hidden" name="after"[^>]*>)')
    fields = {name: found(form, rf'name="{name}" value="([^"]*)"') for name in ("section", "after")}
    more = house.seat("an").post("/find", {"q": "9.999999", **fields})

    assert more.status == 200
    assert text(more).count("<tr>") > 1


def test_what_is_too_long_is_told_at_once(house: Office) -> None:
    answer = house.seat("an").post("/find", {"q": "x" * 300})

    assert answer.status == 422
