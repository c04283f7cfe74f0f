"""Logins by password: who is let in, what a browser is given, and what ends a session at once, in every process."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from hub.operations import people
from tests.edge.web.conftest import BY, PASSWORD, Site, log_in


def test_a_login_leads_to_the_page_that_was_wanted(site: Site) -> None:
    site.person()
    browser = site.browser()
    asked = browser.get("/page?a=1")
    assert (asked.status, asked.location) == (303, "/login?next=%2Fpage%3Fa%3D1")

    page = log_in(browser, next="/page?a=1")

    assert (page.status, page.location) == (303, "/page?a=1")
    told = browser.get("/page").json
    assert (told["login"], told["roles"], told["scope"], told["how"]) == ("lan", ["operator"], None, "password")


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(
    "target", ["//evil.example/x", "https://evil.example/", "/\\evil.example", "/\t/evil.example", "page", "/logout"]
)
def test_a_login_leads_nowhere_else(site: Site, target: str) -> None:
    site.person()

    assert log_in(site.browser(), next=target).location == "/"


def test_a_wrong_password_an_unknown_login_and_a_closed_account_are_told_alike(site: Site) -> None:
    site.person()
    site.person("minh", roles=("administrator",))
    site.person("hoa")
    people.change(site.hub, "hoa", enabled=False, **BY)
    pages = [log_in(site.browser(), login, "not the password") for login in ("lan", "nobody", "hoa")]
    pages.append(log_in(site.browser(), "hoa", PASSWORD))

    assert {page.status for page in pages} == {403}
    assert {tuple(page.json["error"]) for page in pages} == {
        ("not_logged_in", "sai tên đăng nhập hoặc mật khẩu", "wrong login or password")
    }
    assert [(row.subject, json.loads(row.entry)["cause"]) for row in site.journal("person.login_failed")] == [
        ("person:lan", "password"),
        ("people", "not_known"),
        ("person:hoa", "closed"),
        ("person:hoa", "closed"),
    ]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_cookie_on_this_machine_is_unreadable_for_scripts_and_stays_at_home(site: Site) -> None:
    site.person()
    cookie = log_in(site.browser()).cookies["lienthong"]

    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "lax", "/", "")
    assert len(cookie.value) == 43


@pytest.mark.parametrize("engine", ["sqlite"])
def test_over_https_the_cookie_is_bound_to_the_host(site: Site) -> None:
    with (site.folder / "hub.toml").open("a") as file:
        file.write('[console]\npublic_url = "https://truc.example.org"\n')
    site.open()
    site.person()
    page = log_in(site.browser(1, "https://truc.example.org"))
    cookie = page.cookies["__Host-lienthong"]

    assert (cookie["secure"], cookie["httponly"], cookie["path"], cookie["domain"]) == (True, True, "/", "")
    assert page.headers["strict-transport-security"].startswith("max-age=")


def test_a_login_begins_a_new_session_and_ends_the_one_that_the_browser_had(site: Site) -> None:
    """Session fixation: what somebody put into the browser before is worth nothing after."""
    site.person()
    fixed = site.browser()
    log_in(fixed)
    attacker = site.browser()
    attacker.cookies = dict(fixed.cookies)
    victim = site.browser()
    victim.cookies = {**fixed.cookies}

    log_in(victim)

    assert victim.cookies["lienthong"] != attacker.cookies["lienthong"]
    assert attacker.get("/page").status == 303
    assert victim.get("/page").status == 200


def test_a_cookie_that_somebody_made_up_is_no_session(site: Site) -> None:
    site.person()
    browser = site.browser()
    browser.cookies["lienthong"] = "A" * 43
    log_in(browser)

    assert browser.cookies["lienthong"] != "A" * 43


def test_only_digests_of_sessions_are_kept(site: Site) -> None:
    site.person()
    browser = site.browser()
    log_in(browser)

    assert browser.cookies["lienthong"] not in _everything(site)


def test_no_secret_stands_in_the_journal(site: Site) -> None:
    site.person(password="")
    made = people.set_password(site.hub, "lan", **BY)
    token = people.make_token(site.hub, "lan", title="t", verbs=("pause",), **BY)
    log_in(site.browser(), "lan", "typed a wrong one")
    log_in(site.browser(), "my password typed as login", "x")
    text = _everything(site)

    for secret in (made.password, token.secret, "typed a wrong one", "my password typed as login"):
        assert secret
        assert secret not in text


def test_no_secret_and_nothing_typed_by_strangers_stands_in_the_logs(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.person()
    browser = site.browser()
    log_in(browser, "lan", "typed a wrong one")
    log_in(browser, "my password typed as login", "x")
    log_in(browser)
    token = people.make_token(site.hub, "lan", title="t", verbs=("pause",), **BY)
    browser.get("/api/v1/who", Authorization=f"Bearer {token.secret}")
    kept = browser.cookies["lienthong"]
    browser.post("/logout", {"csrf": browser.get("/page").json["csrf"]})
    logged = capsys.readouterr().out

    assert logged.count("person.login_failed") == 2
    assert "person.login " in logged
    for secret in (PASSWORD, "typed a wrong one", "my password typed as login", token.secret, kept):
        assert secret not in logged


def _everything(site: Site) -> str:
    """Give all that stands in the tables of people and the journal."""
    from hub.ledger import working_tables as tables
    from hub.ledger.tables import journal

    every = (tables.people, tables.sessions, tables.tokens, tables.login_failures, tables.reveals, journal)
    with site.hub.ledger.read() as conn:
        return repr([[tuple(row) for row in conn.execute(table.select())] for table in every])


# --- many tries --------------------------------------------------------------------------------------------------


def test_after_some_failures_an_account_waits_longer_each_time_and_never_for_ever(site: Site) -> None:
    site.person()
    waits = []
    for _ in range(14):
        page = log_in(site.browser(), "lan", "wrong")
        site.seconds[0] += 60
        if page.status == 429:
            waits.append(int(page.headers["retry-after"]))
            site.clock.advance(waits[-1] + 1)

    assert waits == [15, 30, 60, 120, 240]
    for _ in range(20):
        site.seconds[0] += 60
        if log_in(site.browser(), "lan", "wrong").status == 429:
            site.clock.advance(901)
    site.clock.advance(901)
    assert log_in(site.browser()).status == 303


def test_while_it_waits_the_right_password_is_not_even_looked_at(site: Site) -> None:
    site.person()
    for _ in range(5):
        log_in(site.browser(), "lan", "wrong")

    page = log_in(site.browser())

    assert page.status == 429
    assert page.json["error"][0] == "too_often"


def test_all_processes_count_together_and_a_success_forgets(site: Site) -> None:
    site.person()
    site.open()
    for place in (0, 1, 0, 1):
        assert log_in(site.browser(place), "lan", "wrong").status == 403
    assert log_in(site.browser(1)).status == 303
    for place in (0, 1, 0, 1, 0):
        assert log_in(site.browser(place), "lan", "wrong").status == 403

    assert log_in(site.browser(1), "lan", "wrong").status == 429


def test_an_unknown_login_waits_like_a_known_one(site: Site) -> None:
    for _ in range(5):
        assert log_in(site.browser(), "nobody", "wrong").status == 403

    assert log_in(site.browser(), "nobody", "wrong").status == 429


def test_many_tries_at_once_are_no_more_than_many_in_a_row(site: Site) -> None:
    """Each is counted before it is judged."""
    site.person()
    site.open()
    browsers = [site.browser(each % 2) for each in range(12)]
    with ThreadPoolExecutor(12) as pool:
        pages = list(pool.map(lambda browser: log_in(browser, "lan", "wrong").status, browsers))

    assert sorted(pages) == [403] * 5 + [429] * 7


def test_one_address_may_try_so_often(site: Site) -> None:
    """Other logins each time: the accounts do not slow it down, the address does."""
    statuses = [log_in(site.browser(), f"nobody{number}", "wrong").status for number in range(21)]

    assert statuses == [403] * 20 + [429]
    site.seconds[0] += 3
    assert log_in(site.browser(), "another", "wrong").status == 403


# --- the end of sessions -----------------------------------------------------------------------------------------


def test_a_session_is_known_in_every_process(site: Site) -> None:
    site.person()
    site.open()
    browser = site.browser()
    log_in(browser)
    other = site.browser(1)
    other.cookies = browser.cookies

    assert other.get("/page").json["login"] == "lan"


def test_a_session_ends_when_nothing_is_asked_in_it(site: Site) -> None:
    site.person()
    browser = site.browser()
    log_in(browser)
    for _ in range(3):
        site.clock.advance(29 * 60)
        assert browser.get("/page").status == 200
    site.clock.advance(31 * 60)

    assert browser.get("/page").status == 303


def test_a_session_ends_in_any_case_after_its_time(site: Site) -> None:
    site.person()
    browser = site.browser()
    log_in(browser)
    for _ in range(29):
        site.clock.advance(20 * 60)
        assert browser.get("/page").status == 200
    site.clock.advance(21 * 60)

    assert browser.get("/page").status == 303


def test_logout_ends_the_session_for_whoever_has_the_cookie(site: Site) -> None:
    site.person()
    site.open()
    browser = site.browser()
    log_in(browser)
    thief = site.browser(1)
    thief.cookies = dict(browser.cookies)
    csrf = browser.get("/page").json["csrf"]

    page = browser.post("/logout", {"csrf": csrf})

    assert (page.status, page.location) == (303, "/login")
    assert "lienthong" not in browser.cookies
    assert thief.get("/page").status == 303
    assert [row.event for row in site.journal()][-2:] == ["person.login", "person.logout"]


@pytest.mark.parametrize("change", ["closed", "roles", "scope", "password"])
def test_a_person_whose_rights_change_is_out_at_once_in_every_process(site: Site, change: str) -> None:
    site.person()
    site.person("minh", roles=("administrator",))
    site.open()
    browsers = [site.browser(0), site.browser(1)]
    for browser in browsers:
        log_in(browser)
    other = site.consoles[1].hub
    if change == "closed":
        people.change(other, "lan", enabled=False, **BY)
    elif change == "roles":
        people.change(other, "lan", roles=("viewer",), **BY)
    elif change == "scope":
        people.change(other, "lan", scope=("bo_a",), **BY)
    else:
        people.set_password(other, "lan", **BY)

    assert [browser.get("/page").status for browser in browsers] == [303, 303]


def test_a_closed_account_cannot_log_in_and_an_opened_one_can(site: Site) -> None:
    site.person()
    site.person("minh", roles=("administrator",))
    people.change(site.hub, "lan", enabled=False, **BY)
    assert log_in(site.browser()).status == 403
    people.change(site.hub, "lan", enabled=True, **BY)

    assert log_in(site.browser()).status == 303


def test_a_scope_is_resolved_at_each_call(site: Site) -> None:
    site.person(scope="H55")
    browser = site.browser()
    log_in(browser)

    assert browser.get("/page").json["scope"] == ["bo_b"]


# --- one's own password ------------------------------------------------------------------------------------------


def test_a_temporary_password_must_be_changed_before_anything_else(site: Site) -> None:
    site.person(temporary=True)
    browser = site.browser()
    assert log_in(browser, next="/page").location == "/password"
    assert browser.get("/page").location == "/password"
    form = browser.get("/password").json
    assert (form["template"], form["must"], form["login"]) == ("password.html", True, "lan")

    other = "một mật khẩu khác hẳn"
    changed = browser.post("/password", {"current": PASSWORD, "password": other, "again": other, "csrf": form["csrf"]})

    assert (changed.status, changed.location) == (303, "/")
    assert browser.get("/page").json["login"] == "lan"
    assert log_in(site.browser()).status == 403
    assert log_in(site.browser(), "lan", "một mật khẩu khác hẳn").location == "/"


def test_another_password_ends_all_other_sessions(site: Site) -> None:
    site.person()
    own, other = site.browser(), site.browser()
    log_in(own)
    log_in(other)
    before = own.cookies["lienthong"]
    csrf = own.get("/password").json["csrf"]
    own.post("/password", {"current": PASSWORD, "password": "mười hai ký tự", "again": "mười hai ký tự", "csrf": csrf})

    assert own.cookies["lienthong"] != before
    assert own.get("/page").status == 200
    assert other.get("/page").status == 303


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"current": "wrong"}, "mật khẩu hiện tại không đúng"),
        ({"again": "something else 1"}, "hai lần nhập mật khẩu mới không giống nhau"),
        ({"password": "short", "again": "short"}, "mật khẩu phải có từ 12 đến 200 ký tự"),
        ({"password": PASSWORD, "again": PASSWORD}, "mật khẩu mới phải khác mật khẩu cũ"),
        ({"password": "a" * 12, "again": "a" * 12}, "mật khẩu không được trùng tên đăng nhập hoặc chỉ lặp vài ký tự"),
    ],
)
def test_a_password_that_cannot_be_taken_is_told(site: Site, fields: dict[str, str], said: str) -> None:
    site.person()
    browser = site.browser()
    log_in(browser)
    usual = {"current": PASSWORD, "password": "a new password", "again": "a new password"}
    page = browser.post("/password", {**usual, **fields, "csrf": browser.get("/password").json["csrf"]})

    assert page.status == 422
    assert page.json["error"][1] == said
    assert log_in(site.browser()).status == 303


def test_a_stolen_session_cannot_try_passwords_for_ever(site: Site) -> None:
    site.person()
    browser = site.browser()
    log_in(browser)
    csrf = browser.get("/password").json["csrf"]
    fields = {"current": "wrong", "password": "a new password", "again": "a new password", "csrf": csrf}
    statuses = [browser.post("/password", fields).status for _ in range(6)]

    assert statuses == [422] * 5 + [429]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_password_may_be_typed_on_any_keyboard(site: Site) -> None:
    """One letter as one code point or as three is the same password."""
    import unicodedata

    site.person()

    assert log_in(site.browser(), "lan", unicodedata.normalize("NFD", PASSWORD)).status == 303


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_login_may_be_typed_with_large_letters(site: Site) -> None:
    site.person()

    assert log_in(site.browser(), " Lan ").status == 303
