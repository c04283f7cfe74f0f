"""Each page in each role and language; who works elsewhere sees nothing of it; hostile content does no harm."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest

from hub import intake
from hub.registers import history
from hub.registers.records import Filters
from hub.rules.people import Person
from tests.console.office import ELSEWHERE, PEOPLE, Office, text, words
from tests.support import hub as hubs

VIETNAMESE = re.compile(r"[ăâđêôơưàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ]", re.I)
#: Address -> the verb that it needs; ``{...}`` stands for what is there.
PAGES = {
    "/find": "find",
    "/find?q={dossier}": "find",
    "/timeline/{dossier}": "timeline",
    "/messages/{message}": "show",
    "/deliveries/{delivery}": "show",
    "/bytes/{digest}?of={delivery}": "show",
    "/deliveries/{delivery}/edit": "edit propose",
    "/edits": "edit show",
    "/edits?state=proposed": "edit show",
    "/edits/{edit}": "edit show",
    "/mappings": "mapping show",
    "/mappings/template_procedures": "mapping show",
    "/mappings/template_procedures?code=9.999999&value=TT": "mapping show",
    "/codes": "codes check",
    "/codes/one?code=H62.14": "codes show",
    "/dry-run": "dry-run",
    "/partners": "partner show",
    "/partners/bo": "partner show",
    "/alerts": "alert show",
    "/alerts?over=1": "alert show",
    "/people": "person show",
    "/people/an": "person show",
    "/tokens": "token show",
    "/journal": "journal",
    "/journal?person=an&since=2026-03-02T08:00": "journal",
}
#: Pages of something that belongs to who sends or receives it.
OF_SOMETHING = [page for page in PAGES if re.search(r"\{(dossier|message|delivery|edit)\}", page) and "find" not in page]
HOSTILE = '<script>alert(1)</script>"\'><img src=x onerror=alert(2)>\u202eđảo'


@dataclass
class Things:
    dossier: str
    message: str
    delivery: str
    digest: str
    edit: str

    def at(self, page: str) -> str:
        return page.format(**vars(self))


@pytest.fixture(scope="module")
def things(house: Office) -> Things:
    """A parked delivery with a follower and a correction that waits."""
    house.night.unmapped(201, "H20-1")
    house.night.send(202, "H20-1")
    parked, _ = house.night.deliveries("H20-1")
    proposed = house.act("edit propose", "an", delivery=parked.id, values={"/dossier/procedure/code": "1.000001"})
    return Things("national:H20-1", parked.message_id, parked.id, parked.canonical_digest, proposed.edit.id)


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("login", [login for login in PEOPLE if login != "noi_khac"])
def test_each_page_opens_for_the_roles_that_its_verb_belongs_to(house: Office, things: Things, login: str, language: str) -> None:
    person = Person(login=login, roles=frozenset(PEOPLE[login][0]))
    seat = house.seat(login, language)
    wrong = {}
    for page, verb in PAGES.items():
        answer = seat.get(things.at(page))
        if (answer.status == 200) != person.may(verb) or answer.status not in (200, 403, 404):
            wrong[page] = answer.status
        if answer.status == 200:
            assert f'<html lang="{language}">' in text(answer)
            _Well().check(text(answer), page)

    assert wrong == {}


def test_english_pages_are_english(house: Office, things: Things) -> None:
    seat = house.seat("an", "en")
    loose = {}
    for page, verb in PAGES.items():
        if Person(login="an", roles=frozenset(PEOPLE["an"][0])).may(verb):
            lines = [line for line in words(seat.page(things.at(page))).splitlines() if VIETNAMESE.search(line)]
            # What people wrote stays as they wrote it: reasons, titles of endpoints, names and notes in code lists.
            kept = ("chuẩn bị", "Bộ thử", "Một cửa", "Thủ tục", "Người vận hành", "Phú Thọ", "Vĩnh Phúc", "tỉnh", "mã đóng")
            if found := [line for line in lines if not any(word in line for word in kept)]:
                loose[page] = found

    assert loose == {}


# --- scope -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", OF_SOMETHING)
def test_by_address_nothing_of_others_is_there(house: Office, things: Things, page: str) -> None:
    answer = house.seat("noi_khac").get(things.at(page))

    assert answer.status == 404, words(text(answer))
    assert "1.000001" not in text(answer)


@pytest.mark.parametrize("page", ["/partners/bo", "/partners/mot_cua"])
def test_by_address_no_other_partner_is_there(house: Office, things: Things, page: str) -> None:
    assert house.seat("noi_khac").get(page).status == 404


def test_lists_and_searches_show_nothing_of_others(house: Office, things: Things) -> None:
    seat = house.seat("noi_khac")
    shown = {page: seat.page(page) for page in ("/edits", "/partners", "/alerts", "/journal", "/mappings")}
    found = seat.post("/find", {"q": "H20-1"})
    by_id = seat.post("/find", {"q": things.delivery})

    for page, told in shown.items():
        assert "H20-1" not in told, page
        assert things.delivery not in told, page
    assert f'href="/partners/{ELSEWHERE}"' in shown["/partners"]
    assert 'href="/partners/bo"' not in shown["/partners"]
    for answer in (found, by_id):
        assert answer.status == 200
        assert "/timeline/" not in text(answer)
        assert "/deliveries/" not in text(answer)


@pytest.mark.parametrize(
    ("verb", "fields"),
    [
        ("reveal", {"about": "{delivery}"}),
        ("release", {"delivery": "{delivery}"}),
        ("abandon", {"delivery": "{delivery}"}),
        ("edit/approve", {"edit": "{edit}"}),
        ("edit/reject", {"edit": "{edit}"}),
        ("pause", {"endpoint": "bo"}),
        ("partner/test", {"endpoint": "bo"}),
        ("partner/onboard", {"endpoint": "bo", "step": "contact", "evidence": "x"}),
    ],
)
def test_no_verb_reaches_what_others_work_on(house: Office, things: Things, verb: str, fields: dict[str, str]) -> None:
    given = {name: things.at(value) for name, value in fields.items()}
    answer = house.seat("noi_khac").post(f"/do/{verb}", {**given, "why": "thử"})

    assert answer.status in (403, 404, 409), words(text(answer))
    assert house.night.state(things.delivery) == "parked"


@pytest.mark.parametrize(
    "path",
    ["/find", "/evidence", "/dry-run", "/mappings", "/people", "/people/password", "/tokens", "/deliveries/x/edit", "/do/pause"],
)
def test_a_form_without_its_mark_does_nothing(house: Office, path: str) -> None:
    login = "quan_tri" if path.startswith(("/people", "/tokens")) else "an"

    assert house.seat(login).post(path, {"q": "x", "why": "x", "endpoint": "bo"}, csrf=False).status == 403
    assert house.seat(login).post(path, {"csrf": "0" * 64, "why": "x", "endpoint": "bo"}, csrf=False).status == 403


# --- hostile content ---------------------------------------------------------------------------------------------


def hostile_message(house: Office, body: bytes, key: str) -> str:
    """Let the sender give something, accepted or not; give the message's id."""
    before = _ids(house)
    intake.receive(house.hub, hubs.Request(endpoint="mot_cua", body=body, content_type="application/json", idempotency_key=key))
    house.night.carry()
    (new,) = _ids(house) - before
    return new


def _ids(house: Office) -> set[str]:
    with house.hub.ledger.read() as conn:
        return {row.id for row in history.listing(conn, Filters(limit=10_000))}


def _document(number: int, dossier: str, **changed: Any) -> bytes:
    tree = json.loads(hubs.document(number, dossier))
    tree["hoSo"].update(changed)
    return json.dumps(tree, ensure_ascii=False).encode()


BODIES = {
    "script": _document(301, "H30-1", thuTuc={"ma": "1.000001", "ten": HOSTILE}, nguoiNop={"hoTen": HOSTILE}),
    "number": _document(302, f"H30-{HOSTILE}"),
    "broken": _document(303, "H30-3")[:-20],
    "NUL": b"\x00\x01\xff\xfe<script>alert(1)</script>",
    "xml": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;<script>alert(1)</script></a>",
    "deep": b"[" * 100_000,
    "large": _document(304, "H30-4", thuTuc={"ma": "1.000001", "ten": "<script>" + "x" * 10_000_000}),
}


@pytest.mark.parametrize("name", BODIES)
def test_hostile_content_is_shown_harmlessly(house: Office, name: str) -> None:
    message = hostile_message(house, BODIES[name], f"hostile-{name}")
    seat = house.seat("an")
    reveal = {"about": message, "why": "kiểm tra nội dung lạ"}
    masked = _pages(house, message)
    seat.post("/do/reveal", reveal)
    for address in (*masked, *_pages(house, message)):
        answer = seat.get(address)
        assert answer.status == 200, f"{address}: {words(text(answer))}"
        _Well().check(text(answer), address)
        assert len(answer.body) < 700_000, address
        assert "\u202e" not in text(answer), address
        assert "root:" not in text(answer), address


def _pages(house: Office, message: str) -> list[str]:
    """Name every page on which something of a message stands."""
    told = house.act("show", name=message)
    found = [f"/messages/{message}", f"/timeline/{message}"]
    found += [f"/deliveries/{one.detail.id}" for one in told.deliveries]
    found += [f"/bytes/{each.digest}?of={message}&form={form}" for each in told.bytes for form in ("pretty", "raw", "hex")]
    return found


NAMED = ("timeline", "messages", "deliveries", "edits", "mappings", "partners", "people", "alerts")


@pytest.mark.parametrize("page", [*(f"/{each}/{{}}" for each in NAMED), "/bytes/{}?of={}", "/find?q={}"])
def test_hostile_addresses_are_told_harmlessly(house: Office, page: str) -> None:
    for given in (HOSTILE, "../../etc/passwd", "\x00", "a" * 5000, "%", "'; DROP TABLE messages; --"):
        login = "quan_tri" if "people" in page else "an"
        answer = house.seat(login).get(page.replace("{}", quote(given, safe="")))
        assert answer.status in (200, 404, 422), (page, given[:30], answer.status)
        _Well().check(text(answer), page)


class _Well(HTMLParser):
    """Reads a page as a browser does: nothing runs, each field has a label, headings go down step by step."""

    VOID = frozenset({"meta", "link", "input", "br", "img", "hr"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.headings: list[int] = []
        self.labels: set[str] = set()
        self.fields: list[str] = []
        self.ids: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self._harmless(tag, given)
        if tag not in self.VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "label" and given.get("for"):
            self.labels.add(str(given["for"]))
        if tag in ("input", "select", "textarea") and given.get("type") != "hidden" and "label" not in self.open:
            self.fields.append(str(given.get("id", "")))
        if given.get("id"):
            self.ids.append(str(given["id"]))

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Read a part of a drawing, which closes itself."""
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def _harmless(self, tag: str, given: dict[str, str | None]) -> None:
        self.wrong += [f"<{tag} {name}>" for name in given if name.startswith("on") or name == "style"]
        if tag == "script" and not str(given.get("src", "")).startswith("/static/"):
            self.wrong.append("a script that is not ours")
        if tag in ("img", "iframe", "object", "embed"):
            self.wrong.append(f"<{tag}>")
        for name in ("href", "action", "formaction"):
            value = given.get(name)
            if value is not None and not value.startswith(("/", "#")):
                self.wrong.append(f"{name}={value}")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing")

    def check(self, page: str, address: str) -> None:
        """Read a page and name what is wrong with it."""
        self.feed(page)
        self.close()
        steps = [b - a for a, b in zip(self.headings, self.headings[1:], strict=False)]
        if self.open:
            self.wrong.append(f"left open: {self.open}")
        if self.headings.count(1) != 1 or any(step > 1 for step in steps):
            self.wrong.append(f"headings {self.headings}")
        self.wrong += [f"no label for {each!r}" for each in self.fields if each not in self.labels]
        self.wrong += [f"id {each!r} twice" for each in set(self.ids) if self.ids.count(each) > 1]
        assert self.wrong == [], address
