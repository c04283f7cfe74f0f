"""The operator's night, in a real browser: 300 failures of four causes, understood, mended and replayed once and in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console import night as nights
from tests.console.night import Night

#: From the front page to the running replay; a form that is sent is one, with everything that was typed into it.
MOST_ACTIONS = 5
#: Milliseconds.
PATIENCE = nights.PATIENCE_SECONDS * 1000
#: Of the replay's third step: five have gone well before.
LOST = '"000.00.00.H55-260302-0010"'
WORDS = {
    "vi": {
        "log_in": "Đăng nhập",
        "dry_run": "Chạy thử",
        "apply": "Áp dụng: bổ sung mã này",
        "plan": "Lập kế hoạch gửi lại",
        "run": "Thực hiện kế hoạch",
        "resume": "Tiếp tục kế hoạch",
        "stopped": "tự dừng vì còn lỗi",
        "done": "đã xong",
        "settle": "Xác nhận kết quả, kèm bằng chứng",
        "nothing": "Không có lượt nào chưa rõ kết quả",
        "choose": "Lập kế hoạch theo đối tác, thủ tục, thời gian, danh sách mã",
    },
    "en": {
        "log_in": "Log in",
        "dry_run": "Dry run",
        "apply": "Apply: add this code",
        "plan": "Make a replay plan",
        "run": "Run the plan",
        "resume": "Resume a replay plan",
        "stopped": "stopped: failures returned",
        "done": "done",
        "settle": "State what became of it, with evidence",
        "nothing": "Nothing is in doubt",
        "choose": "Make a plan by partner, procedure, time or a list of ids",
    },
}


@dataclass
class Operator:
    """Somebody at the console, whose actions are counted; whatever the browser complains of is kept."""

    page: Page
    words: dict[str, str]
    actions: int = 0
    complaints: list[str] = field(default_factory=list)

    def press(self, name: str, within: str = "main") -> None:
        """Press a button or follow a link: one action."""
        found = self.page.locator(within).get_by_role("button", name=self.words.get(name, name), exact=True)
        self.actions += 1
        found.click()

    def follow(self, selector: str) -> None:
        """Follow a link: one action."""
        self.actions += 1
        self.page.locator(selector).first.click()


@contextmanager
def at_work(browser: Browser, night: Night, login: str, language: str) -> Iterator[Operator]:
    """Log somebody in, in a browser window of their own."""
    own = browser.new_context(locale="vi-VN" if language == "vi" else "en-GB", viewport={"width": 1280, "height": 900})
    page = own.new_page()
    operator = Operator(page, WORDS[language])
    page.on("console", lambda said: operator.complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: operator.complaints.append(str(error)))
    page.goto(f"{night.console}/login?lang={language}")
    page.locator("#login").fill(login)
    page.locator("#password").fill(nights.PASSWORD)
    operator.press("log_in")
    expect(page).to_have_url(f"{night.console}/")
    operator.actions = 0
    try:
        yield operator
    finally:
        own.close()


@pytest.mark.slow
@pytest.mark.parametrize("language", ["vi", "en"])
def test_an_operator_finds_the_cause_mends_it_and_replays_each_delivery_once_and_in_order(
    language: str, browser: Browser, tmp_path: Path
) -> None:
    with nights.night(tmp_path) as night:
        nights.fail_in_four_ways(night)
        with at_work(browser, night, "an", language) as an, at_work(browser, night, "binh", language) as binh:
            _mend(an)
            plan = _frozen(an)
            # The partner stores this one, and its answer is lost: it must not be sent again.
            night.fault("hang_after", times=1, value=0.1, match=LOST)
            _both_press(an, binh, plan)
            assert an.actions <= MOST_ACTIONS
            _go_on(an, night, plan)
            _the_rest(an)
            night.until({"delivered": night.sent})
            assert list(nights.stored_once_and_in_order(night)) == []
            assert [*an.complaints, *binh.complaints] == []


def _mend(an: Operator) -> None:
    """From the front page to the cause; a code is tried on real messages before it is added."""
    expect(an.page.locator("#now tbody tr")).to_have_count(4)
    an.follow("#now tbody tr a")
    expect(an.page.locator("main .card.bad b")).to_have_text(str(nights.UNMAPPED))
    an.page.locator("#mapping [name=value]").fill("TT-02")
    an.press("dry_run")
    expect(an.page.locator("section[aria-labelledby=result] .card b").first).to_have_text(str(nights.UNMAPPED))
    an.page.locator("form [name=why]").first.fill("bổ sung theo công văn của bộ")
    an.press("apply")


def _frozen(an: Operator) -> str:
    """Freeze the plan; give its address."""
    expect(an.page.locator("main")).to_contain_text("TT-02")
    an.page.locator("section:has(#mend) [name=why]").fill("đã bổ sung mã thủ tục")
    an.press("plan")
    expect(an.page).to_have_url(re.compile("/replays/"))
    expect(an.page.locator(".cards b").first).to_have_text(str(nights.UNMAPPED))
    expect(an.page.locator(".cards b").nth(1)).to_have_text(str(nights.FOLLOWERS))
    expect(an.page.locator("main")).to_contain_text("TT-02")
    return an.page.url


def _both_press(an: Operator, binh: Operator, plan: str) -> None:
    """Two operators press at the same time: one runs it, the other is told so, and nothing goes twice."""
    binh.page.goto(plan)
    for each in (an, binh):
        each.page.locator("section:has(#run) [name=why]").fill("chạy kế hoạch")
        each.actions += 1
    for each in (an, binh):
        # The browser presses when it comes to it; neither waits for the other.
        each.page.evaluate("setTimeout(() => document.querySelector('section:has(#run) form').requestSubmit(), 0)")
    told = [_answer(each, plan) for each in (an, binh)]
    assert sorted(told) == ["runs", "told"], told
    for each in (an, binh):
        each.complaints[:] = [said for said in each.complaints if "409" not in said]
        each.page.goto(plan)


def _answer(each: Operator, plan: str) -> str:
    """Wait for what the press came to."""
    each.page.locator("#progress, main [role=alert].fault").first.wait_for()
    return "runs" if each.page.url == plan else "told"


def _go_on(an: Operator, night: Night, plan: str) -> None:
    """The lost answer stops the plan; the operator looks at the partner's screen, says what is there, and lets it go on."""
    progress = an.page.locator("#progress .badge")
    expect(progress).to_have_text(an.words["stopped"], timeout=PATIENCE)
    an.page.goto(f"{night.console}/doubts")
    expect(an.page.locator("main section")).to_have_count(1)
    an.page.locator("summary", has_text=an.words["settle"]).click()
    an.page.locator("[name=outcome]").select_option("arrived")
    an.page.locator("[name=evidence]").fill('{"ma": "00", "thongBao": "Đã nhận"}')
    an.page.locator("details[open] [name=why]").fill("đã thấy hồ sơ trên màn hình của bộ")
    an.press("settle")
    expect(an.page.locator("main")).to_contain_text(an.words["nothing"])
    an.page.goto(plan)
    an.page.locator("#controls [name=why]").first.fill("đối tác đã nhận, tiếp tục")
    an.press("resume")
    expect(progress).to_have_text(an.words["done"], timeout=PATIENCE)


def _the_rest(an: Operator) -> None:
    """The partner has mended its side: what it refused is sent again, chosen by partner."""
    an.page.goto(an.page.url.partition("/replays")[0] + "/replays")
    an.page.locator("summary", has_text=an.words["choose"]).click()
    an.page.locator("details.verb [name=endpoint]").fill(nights.PARTNER)
    an.page.locator("details.verb [name=why]").fill("đối tác đã sửa xong")
    an.press("plan")
    refused = nights.UNKNOWN_THERE + nights.FAULTY + nights.ORPHANED
    expect(an.page.locator(".cards b").first).to_have_text(str(refused))
    an.page.locator("section:has(#run) [name=why]").fill("gửi lại")
    an.press("run")
    expect(an.page.locator("#progress .badge")).to_have_text(an.words["done"], timeout=PATIENCE)
