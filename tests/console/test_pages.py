"""Every page as each role: it is shown or refused as the table of verbs says, is sound HTML, and shows nobody's name."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

import pytest
from playwright.sync_api import Browser, BrowserContext

from hub.edge.console.every_room import ROOMS
from hub.rules.verbs import VERBS
from tests.console import house
from tests.console import night as nights
from tests.console.markup import faults
from tests.console.night import Night

#: Letters that no English word has.
VIETNAMESE = frozenset("ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ")


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Night, dict[str, str]]]:
    """A hub that serves, with something on every page."""
    with nights.night(tmp_path_factory.mktemp("night")) as night:
        yield night, house.furnish(night)


def logged_in(browser: Browser, night: Night, login: str, language: str = "vi") -> BrowserContext:
    own = browser.new_context(viewport={"width": 390, "height": 844})
    page = own.new_page()
    page.goto(f"{night.console}/login?lang={language}")
    page.locator("#login").fill(login)
    page.locator("#password").fill(nights.PASSWORD)
    page.locator("main button").click()
    page.wait_for_url(f"{night.console}/")
    page.close()
    return own


@pytest.mark.slow
@pytest.mark.parametrize("login", nights.PEOPLE)
def test_every_page_is_shown_or_refused_as_the_verbs_say(
    login: str, furnished: tuple[Night, dict[str, str]], browser: Browser
) -> None:
    night, known = furnished
    own = logged_in(browser, night, login)
    roles = {str(each) for each in nights.PEOPLE[login][1]}
    wrong = []
    try:
        page = own.new_page()
        said: list[str] = []
        page.on("console", lambda each: said.append(each.text) if each.type in ("error", "warning") else None)
        page.on("pageerror", lambda each: said.append(str(each)))
        for name, (address, verb) in house.addresses(known).items():
            said.clear()
            answer = page.goto(night.console + address)
            assert answer is not None
            wanted = 200 if roles & VERBS[verb].roles else 403
            if answer.status != wanted:
                wrong.append(f"{name}: {answer.status}, wanted {wanted}")
            text = answer.text()
            wrong += [f"{name}: {each}" for each in faults(text)]
            wrong += [f"{name}: shows {each}" for each in house.PERSONAL if each in page.locator("body").inner_text()]
            # A refused page is an error to the browser, and nothing else is.
            wrong += [f"{name}: {each}" for each in said if wanted == 200 or "403" not in each]
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                wrong.append(f"{name}: is wider than a phone")
    finally:
        own.close()

    assert wrong == []


@pytest.mark.slow
def test_english_pages_have_no_vietnamese_words_of_ours(furnished: tuple[Night, dict[str, str]], browser: Browser) -> None:
    """Titles and headings of every page; partners' names and what people wrote stay as they are."""
    night, known = furnished
    own = logged_in(browser, night, "quan_tri", "en")
    other = logged_in(browser, night, "an", "en")
    try:
        found = []
        windows = {True: other.new_page(), False: own.new_page()}
        for name, (address, verb) in house.addresses(known).items():
            page = windows["operator" in VERBS[verb].roles]
            page.goto(night.console + address)
            words = page.locator("h1, h2, th, label, button, summary").all_inner_texts()
            found += [f"{name}: {each}" for each in words if VIETNAMESE & set(_ours(each).lower())]
    finally:
        own.close()
        other.close()

    assert found == []


def _ours(text: str) -> str:
    """Take the partners' names out of a text, and what people named."""
    for title in sorted((*nights.TITLES.values(), *house.NAMES), key=len, reverse=True):
        text = text.replace(title, "")
    return text


@pytest.mark.slow
def test_the_first_tab_leads_to_the_main_part_and_every_row_can_be_reached(
    furnished: tuple[Night, dict[str, str]], browser: Browser
) -> None:
    night, known = furnished
    own = logged_in(browser, night, "an")
    try:
        page = own.new_page()
        page.goto(f"{night.console}/failures")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        reached = []
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.getAttribute('href') || ''"))
        assert f"/failures/{known['group']}" in reached
        page.evaluate("document.activeElement.blur()")
        outline = page.evaluate("getComputedStyle(document.querySelector('main a')).outlineStyle")
        assert outline == "none"
        page.locator("main a").first.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    finally:
        own.close()


@pytest.mark.slow
def test_every_verb_of_a_page_works_without_javascript(furnished: tuple[Night, dict[str, str]], browser: Browser) -> None:
    night, known = furnished
    own = browser.new_context(java_script_enabled=False)
    try:
        page = own.new_page()
        page.goto(f"{night.console}/failures/{known['group']}")
        page.locator("#login").fill("binh")
        page.locator("#password").fill(nights.PASSWORD)
        page.locator("main button").click()
        page.wait_for_url(f"{night.console}/failures/{known['group']}")
        page.locator("summary", has_text="Thêm ghi chú").click()
        page.locator("[name=text]").fill("Không cần JavaScript.")
        page.locator("details[open] button").click()
        page.wait_for_url(f"{night.console}/failures/{known['group']}")
        assert "Không cần JavaScript." in page.locator("main").inner_text()
        assert "Đã thực hiện" in page.locator(".flash").first.inner_text()
    finally:
        own.close()


@pytest.mark.slow
def test_what_cannot_be_done_is_said_at_its_field_and_what_was_written_stays(
    furnished: tuple[Night, dict[str, str]], browser: Browser
) -> None:
    night, known = furnished
    own = logged_in(browser, night, "an")
    try:
        page = own.new_page()
        page.goto(f"{night.console}/do/settle?delivery={known['doubt']}&back=/doubts")
        page.locator("[name=why]").evaluate("each => each.required = false")
        page.locator("[name=evidence]").fill("công văn số 1")
        page.locator("[name=outcome]").select_option("arrived")
        page.locator("main button.main").click()
        fault = page.locator(".field.wrong .fault")
        fault.wait_for()
        assert fault.all_inner_texts() == ["không được để trống (ít nhất 1 ký tự)"]
        assert page.locator("[name=evidence]").input_value() == "công văn số 1"
        assert page.locator("[name=why]").get_attribute("aria-invalid") == "true"
    finally:
        own.close()


def test_every_page_of_every_room_is_walked() -> None:
    names = ("group", "plan", "delivery", "message", "subject", "edit", "token", "digest", "of", "reconciliation", "campaign")
    known = dict.fromkeys(names, "x")
    walked = {address.partition("?")[0] for address, _ in house.addresses(known).values()}
    patterns = [declared.path for room in ROOMS for declared in room.pages if declared.method == "GET"]
    missing = [path for path in patterns if not any(_fits(path, each) for each in walked)]

    files = ["/bytes/{digest}/download", "/statistics/{form}/file", "/procedures/template.xlsx", "/procedures/worklist.xlsx"]
    # An alert, a plan of the catalogue, a list and a border document need a time, a holder, a partner of their own: their own
    # tests look at them.
    own = {"/alerts/{id}", "/procedures/plans/{id}", "/pulls/{endpoint}/{name}"}
    border = "/border/{document}/{country}/{number:path}"
    assert set(missing) == {*files, "/campaigns/template.xlsx", *own, border, f"{border}/print"}


def _fits(pattern: str, address: str) -> bool:
    if ":path}" in pattern:
        return address.startswith(pattern.partition("{")[0])
    parts = list(zip_longest(pattern.split("/"), address.split("/")))
    return all(other is not None and (one == other or (one or "").startswith("{")) for one, other in parts)
