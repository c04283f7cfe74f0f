"""People, tokens and the journal on pages: secrets are shown once, roles and scope are as they were ticked, all is told."""

from __future__ import annotations

import re
from itertools import count

import pytest

from hub.rules.verbs import VERBS
from tests.console.office import PASSWORD, Office, found, text, words
from tests.support.browser import Browser

NUMBERS = count(1)


@pytest.fixture
def login() -> str:
    return f"moi_{next(NUMBERS)}"


def add(house: Office, login: str, *roles: str, **fields: str) -> str:
    """Add a person by the form; give the page that comes of it."""
    given = [("login", login), ("name", "Người Mới"), ("scope", "*"), ("sign_in", "password"), ("why", "nhận việc")]
    given += [("roles", role) for role in roles or ("viewer", "operator")]
    answer = house.seat("quan_tri").post("/people", [*given, *fields.items()])
    assert answer.status == 200, words(text(answer))
    return text(answer)


def test_a_new_person_gets_a_password_that_is_shown_once(house: Office, login: str) -> None:
    secret = found(add(house, login), r'<input id="secret" type="text" readonly value="([^"]+)"')
    page = house.seat("quan_tri").page(f"/people/{login}")

    assert secret not in page
    assert secret not in house.seat("thanh_tra").page("/journal", subject=f"person:{login}")
    assert "Người xem" in words(page) and "Người vận hành" in words(page)
    assert "mật khẩu tạm" in words(page)
    browser = Browser(house.url)
    token = found(text(browser.get("/login")), r'name="csrf" value="([^"]+)"')
    assert browser.post("/login", {"login": login, "password": secret, "csrf": token}).location == "/password"


def test_what_is_wrong_with_a_new_person_stands_at_the_fields(house: Office) -> None:
    answer = house.seat("quan_tri").post("/people", {"login": "Không Hợp Lệ", "scope": "no_such_endpoint", "why": ""})
    page = text(answer)

    assert answer.status == 422
    for name in ("login", "roles", "why"):
        assert found(page, rf'id="(f-{name})-wrong"')
    assert 'value="Không Hợp Lệ"' in page
    assert 'action="/people"' in page


def test_roles_scope_and_account_are_changed_as_they_are_ticked(house: Office, login: str) -> None:
    add(house, login)
    given = {"login": login, "roles": "auditor", "scope": "bo", "account": "closed", "why": "chuyển công tác", "back": "/people"}
    answer = house.seat("quan_tri").post("/do/person/change", given)
    told = words(house.seat("thanh_tra").page(f"/people/{login}"))

    assert (answer.status, answer.location) == (303, "/people")
    assert "Kiểm toán viên" in told
    assert "Người vận hành" not in told
    assert "đã khóa" in told


def test_a_password_set_anew_is_shown_once_and_ends_all_sessions(house: Office, login: str) -> None:
    add(house, login)
    answer = house.seat("quan_tri").post("/people/password", {"login": login, "why": "quên mật khẩu"})

    assert answer.status == 200
    assert len(found(text(answer), r'id="secret" type="text" readonly value="([^"]+)"')) >= 12


def test_a_token_is_shown_once_works_for_its_verbs_and_ends(house: Office) -> None:
    house.seat("an")
    seat = house.seat("quan_tri")
    given = {"login": "an", "title": "Báo cáo đêm", "days": "30", "why": "báo cáo"}
    made = seat.post("/tokens", [*given.items(), ("verbs", "status"), ("verbs", "failures")])
    secret = found(text(made), r'id="secret" type="text" readonly value="(lt_[^"]+)"')
    call = Browser(house.url)

    assert call.get("/api/v1/status", Authorization=f"Bearer {secret}").status == 200
    assert call.get("/api/v1/doubts", Authorization=f"Bearer {secret}").status == 403
    page = seat.page("/tokens", login="an")
    assert secret not in page
    assert "Báo cáo đêm" in words(page)
    token = found(page, r"/do/token/end\?token=([^&]+)")
    assert seat.post("/do/token/end", {"token": token, "why": "không dùng nữa"}).status == 303
    assert call.get("/api/v1/status", Authorization=f"Bearer {secret}").status == 401


@pytest.mark.parametrize("verb", ["token/make", "person/add", "person/password", "evidence/export"])
def test_a_secret_is_never_made_where_nobody_would_see_it(house: Office, verb: str) -> None:
    login = "an" if verb.startswith("evidence") else "quan_tri"
    form = house.seat(login).page(f"/do/{verb}")
    answer = house.seat(login).post(f"/do/{verb}", {"login": "an", "title": "x", "verbs": "status", "name": "x", "why": "x"})

    assert f'action="/do/{verb}"' not in form
    assert answer.status == 409
    assert "lt_" not in text(answer)


def test_who_administers_changes_and_who_audits_only_looks(house: Office, login: str) -> None:
    add(house, login)
    for page in ("/people", f"/people/{login}", "/tokens"):
        assert "<form class=\"verb" in house.seat("quan_tri").page(page)
        assert "<form class=\"verb" not in house.seat("thanh_tra").page(page)
    for verb in ("person/change", "token/end"):
        assert house.seat("thanh_tra").post(f"/do/{verb}", {"login": login, "token": "x", "why": "x"}).status == 403
    assert house.seat("quan_tri").get("/people/khong_co_ai").status == 404


# --- the journal -------------------------------------------------------------------------------------------------


def test_the_journal_tells_who_did_what_and_why_and_can_be_narrowed(house: Office, login: str) -> None:
    add(house, login)
    add(house, f"{login}b")
    seat = house.seat("thanh_tra")
    whole = words(seat.page("/journal"))
    of_one = seat.page("/journal", subject=f"person:{login}")
    by_verb = words(seat.page("/journal", person="quan_tri", verb="person add"))
    later = words(seat.page("/journal", since="2099-01-01T00:00"))

    assert "nhận việc" in whole
    assert f"person:{login}b" not in of_one
    assert f'href="/people/{login}"' in of_one
    assert "Thêm tài khoản" in by_verb
    assert "Không có thao tác nào khớp" in later


def test_the_journal_has_pages(house: Office) -> None:
    for number in range(60):
        house.act("pause" if number % 2 == 0 else "resume", endpoint="bo", why=f"lần {number}")
    seat = house.seat("thanh_tra")
    first = seat.page("/journal", subject="endpoint:bo")
    second = seat.page(found(first, r'href="([^"]+)" rel="next"').replace("&amp;", "&"))
    told = [set(re.findall(r"lần \d+", page)) for page in (first, second)]

    assert len(told[0]) == 50
    assert told[1] and not told[0] & told[1]


RUBBISH = [{"since": "rubbish"}, {"before": "-1"}, {"before": "9" * 30}, {"verb": "no such"}, {"until": "9999-12-31T23:59"}]


@pytest.mark.parametrize("query", RUBBISH)
def test_rubbish_in_the_address_narrows_nothing_and_breaks_nothing(house: Office, query: dict[str, str]) -> None:
    assert house.seat("thanh_tra").get("/journal", **query).status == 200


def test_every_verb_that_changes_can_be_chosen(house: Office) -> None:
    page = house.seat("thanh_tra").page("/journal")

    assert {each.name for each in VERBS.values() if each.changes} <= set(re.findall(r'<option value="([^"]+)"', page))
    assert PASSWORD not in page
