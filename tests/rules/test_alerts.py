"""Rules of alerts: what is wrong by which rule, in words that name no person; and messages as they are written."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from email.parser import BytesParser
from email.policy import SMTP, default

import pytest

from hub.rules import alert_conditions, alert_letters
from hub.rules.alert_conditions import (
    MORE,
    MOST,
    Awaited,
    BorderEnding,
    BorderMarked,
    Ending,
    Facts,
    Reconciled,
    Silent,
    Standstill,
    Stopped,
    Unfollowed,
    Unpulled,
    Unsaid,
    Untaken,
    judge,
)
from hub.rules.alert_kinds import KINDS, USUAL
from hub.rules.alerts import (
    Book,
    Condition,
    Event,
    Letter,
    Recipient,
    Rule,
    Severity,
    What,
    retry_seconds,
    waits,
)
from tests.support.clock import START

NOW = START.timestamp()
MINUTE, DAY = 60.0, 86_400.0
BOOK = Book(rules=USUAL, console_url="https://truc.example.org", hub="tinh")


def found(facts: Facts, book: Book = BOOK, now: float = NOW) -> list[Condition]:
    return list(judge(book, facts, now).conditions)


def only(facts: Facts, book: Book = BOOK, now: float = NOW) -> Condition:
    (condition,) = found(facts, book, now)
    return condition


def with_rules(*rules: Rule) -> Book:
    return replace(BOOK, rules=(*rules, *USUAL))


def _reconciled(findings: int, vi: str = "", en: str = "") -> Reconciled:
    return Reconciled(endpoint="bo", run="r1", at=NOW, findings=findings, vi=vi, en=en)


def parked(count: int = 1, **given: object) -> Facts:
    usual = {"endpoint": "bo", "count": count, "since": NOW, "group": "0123456789", "error_code": "refused", "where": "GuiHoSo"}
    return Facts(titles={"bo": "Bộ thử"}, parked=(Standstill(**{**usual, **given}),))  # type: ignore[arg-type]


# --- each kind


def test_nothing_is_wrong_where_nothing_is() -> None:
    assert found(Facts()) == []


def unpulled(since: float | None) -> Facts:
    return Facts(unpulled=(Unpulled(endpoint="bo", name="L", since=since, error="busy"),))


def awaited(due: float) -> Facts:
    return Facts(awaited=(Awaited(endpoint="nsw", procedure="BTNMT0600001", count=2, due=due),))


def ending(clock: str, ends: float, count: int = 1) -> Facts:
    return Facts(border_endings=(BorderEnding(clock=clock, endpoint="bo_ct", country="ID", count=count, ends=ends),))


def marked(mark: str, count: int = 1) -> Facts:
    return Facts(border_marks=(BorderMarked(mark=mark, endpoint="bo_ct", count=count, since=NOW - 1),))


#: Facts -> kind, about, severity, level.
CASES = {
    "parked": (parked(), "failures", "0123456789", "warning", 1),
    "many parked": (parked(50), "failures", "0123456789", "warning", 2),
    "very many parked": (parked(500), "failures", "0123456789", "warning", 3),
    "late": (Facts(oldest_due={"bo": NOW - 31 * MINUTE}), "oldest_due", "bo", "warning", 1),
    "down": (Facts(down=frozenset({"bo"})), "partner_down", "bo", "warning", 1),
    "doubt": (Facts(doubts=(Standstill(endpoint="bo", count=1, since=NOW - 16 * MINUTE),)), "in_doubt", "bo", "warning", 1),
    "doubts": (Facts(doubts=(Standstill(endpoint="bo", count=10, since=NOW - 16 * MINUTE),)), "in_doubt", "bo", "warning", 2),
    "ends": (Facts(certificates=(Ending(place="x", ends=NOW + 59 * DAY),)), "certificate", "x", "notice", 1),
    "ends sooner": (Facts(certificates=(Ending(place="x", ends=NOW + 29 * DAY),)), "certificate", "x", "warning", 2),
    "ends soon": (Facts(certificates=(Ending(place="x", ends=NOW + 6 * DAY),)), "certificate", "x", "critical", 3),
    "ended": (Facts(certificates=(Ending(place="x", ends=NOW - 1),)), "certificate", "x", "critical", 4),
    "list": (Facts(lists=(Ending(place="Root", ends=NOW + 60),)), "trust_list", "Root", "critical", 1),
    "list ended": (Facts(lists=(Ending(place="Root", ends=NOW - 60),)), "trust_list", "Root", "critical", 2),
    "conflict": (Facts(conflicts=(Standstill(endpoint="bo", count=1, since=NOW),)), "conflict", "bo", "warning", 1),
    "conflicts": (Facts(conflicts=(Standstill(endpoint="bo", count=12, since=NOW),)), "conflict", "bo", "warning", 2),
    "unsealed": (Facts(unsealed_since=NOW - 16 * MINUTE), "seal_late", "ledger", "critical", 1),
    "unstamped": (Facts(unstamped_since=NOW - 61 * MINUTE), "timestamps_late", "ledger", "warning", 1),
    "plan": (Facts(stopped=(Stopped(plan="p1", endpoints=("bo",), vi="lỗi", en="err"),)), "plan_stopped", "p1", "warning", 1),
    "reconciled": (Facts(reconciled=(_reconciled(1),)), "reconciled", "bo", "warning", 1),
    "reconciled, many": (Facts(reconciled=(_reconciled(51, "lỗi", "err"),)), "reconciled", "bo", "warning", 2),
    "reconciled, stopped": (Facts(reconciled=(_reconciled(0, "lỗi", "err"),)), "reconciled", "bo", "warning", 1),
    "silent": (Facts(silent=(Silent(role="work", host="m", seen_at=NOW - 360),)), "process_silent", "work@m", "critical", 1),
    "list late": (unpulled(NOW - 61 * MINUTE), "pull_late", "bo/L", "warning", 1),
    "list never": (unpulled(None), "pull_late", "bo/L", "warning", 1),
    "word late": (Facts(unsaid=(Unsaid(endpoint="bo", since=NOW - 61 * MINUTE, error="busy"),)), "word_late", "bo", "warning", 1),
    "given up": (Facts(unfollowed=(Unfollowed(endpoint="bo", count=3),)), "follow_given_up", "bo", "warning", 1),
    "many given up": (Facts(unfollowed=(Unfollowed(endpoint="bo", count=60),)), "follow_given_up", "bo", "warning", 2),
    "own failure": (Facts(untaken=(Untaken(endpoint="bo", count=10, error="bug"),)), "item_failed", "bo", "warning", 2),
    "answer due": (awaited(NOW + DAY / 2), "answer_due", "nsw/BTNMT0600001", "notice", 1),
    "answer late": (awaited(NOW - 1), "answer_due", "nsw/BTNMT0600001", "warning", 2),
    "border answer due": (ending("answer", NOW + DAY), "border_answer_due", "bo_ct/ID", "notice", 1),
    "border answer late": (ending("answer", NOW - 1), "border_answer_due", "bo_ct/ID", "warning", 2),
    "border expires": (ending("expiry", NOW + DAY), "border_expiring", "bo_ct/ID", "notice", 1),
    "border no hop": (ending("hop", NOW - 1), "border_no_hop", "bo_ct/ID", "warning", 1),
    "border no hop, many": (ending("hop", NOW - 1, 10), "border_no_hop", "bo_ct/ID", "warning", 2),
    "border over used": (marked("over_used"), "border_over_used", "bo_ct/over_used", "warning", 1),
    "border differs": (marked("differs"), "border_differs", "bo_ct/differs", "critical", 1),
    "border to decide": (marked("cancelled_after_use", 50), "border_to_decide", "bo_ct/cancelled_after_use", "warning", 2),
    "disk": (Facts(disks={"m1": 1_999_999_999}), "disk_low", "m1", "critical", 1),
    "disk nearly full": (Facts(disks={"m1": 400_000_000}), "disk_low", "m1", "critical", 2),
    "untold": (Facts(untold={"lan": NOW - 16 * MINUTE}), "not_told", "lan", "warning", 1),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_seen(name: str) -> None:
    facts, kind, about, severity, level = CASES[name]
    condition = only(facts)

    assert (condition.kind, condition.about, condition.severity.value, condition.level) == (kind, about, severity, level)
    assert condition.rule == kind
    assert condition.vi
    assert condition.en


def test_every_kind_has_a_case_and_a_rule() -> None:
    assert {kind for _, kind, *_ in CASES.values()} == set(KINDS) == {rule.kind for rule in USUAL}


#: What is not wrong yet, or not a partner's fault.
FINE = {
    "not late yet": Facts(oldest_due={"bo": NOW - 29 * MINUTE}),
    "late, paused": Facts(oldest_due={"bo": NOW - DAY}, paused=frozenset({"bo"})),
    "late, outside of its hours": Facts(oldest_due={"bo": NOW - DAY}, shut=frozenset({"bo"})),
    "down and paused": Facts(down=frozenset({"bo"}), paused=frozenset({"bo"})),
    "doubt of a moment": Facts(doubts=(Standstill(endpoint="bo", count=5, since=NOW - 14 * MINUTE),)),
    "long good": Facts(certificates=(Ending(place="x", ends=NOW + 61 * DAY),)),
    "sealed": Facts(unsealed_since=NOW - 14 * MINUTE, unstamped_since=NOW - 59 * MINUTE),
    "seen": Facts(silent=(Silent(role="work", host="m1", seen_at=NOW - 4 * MINUTE),)),
    "nothing differs": Facts(reconciled=(Reconciled(endpoint="bo", run="r1", at=NOW, findings=0),)),
    "list a moment late": unpulled(NOW - 59 * MINUTE),
    "word of a moment": Facts(unsaid=(Unsaid(endpoint="bo", since=NOW - 59 * MINUTE, error=""),)),
    "list of tomorrow": unpulled(NOW + DAY),
    "answer due in two days": awaited(NOW + 2 * DAY),
    "room": Facts(disks={"m1": 2_000_000_000}),
    "told again soon": Facts(untold={"lan": NOW - 14 * MINUTE}),
    "clock of another host": Facts(
        oldest_due={"bo": NOW + DAY}, silent=(Silent(role="work", host="m1", seen_at=NOW + DAY),), untold={"lan": NOW + DAY}
    ),
}


@pytest.mark.parametrize("name", FINE)
def test_what_is_fine_is_no_alert(name: str) -> None:
    assert found(FINE[name]) == []


def test_a_partner_that_is_down_is_one_alert_and_not_late_besides() -> None:
    facts = Facts(oldest_due={"bo": NOW - DAY}, down=frozenset({"bo"}))
    seen = judge(BOOK, facts, NOW)

    assert [each.kind for each in seen.conditions] == ["partner_down"]
    assert ("oldest_due", "bo") in seen.unknown


def test_lists_that_could_not_be_looked_at_are_not_judged() -> None:
    assert "trust_list" not in judge(BOOK, Facts(), NOW).judged
    assert "trust_list" in judge(BOOK, Facts(lists=()), NOW).judged


def test_more_than_can_be_told_one_by_one_is_one_alert() -> None:
    many = tuple(Standstill(endpoint="bo", count=1, since=NOW + n, group=f"g{n:04}") for n in range(MOST + 7))
    conditions = found(Facts(parked=many))

    assert len(conditions) == MOST + 1
    assert [each.about for each in conditions[:2]] == ["g0000", "g0001"]
    assert conditions[-1].about == MORE
    assert "7" in conditions[-1].vi


# --- rules


def test_the_first_rule_that_fits_judges_and_the_usual_one_the_rest() -> None:
    book = with_rules(
        Rule(name="portal", kind="oldest_due", endpoints=("dvcqg*",), after_seconds=300, severity=Severity.CRITICAL),
        Rule(name="all", kind="oldest_due", after_seconds=7200),
    )
    facts = Facts(oldest_due={"dvcqg": NOW - 600, "bo": NOW - 600, "so": NOW - 8000})

    assert {each.about: (each.rule, each.severity.value) for each in found(facts, book)} == {
        "dvcqg": ("portal", "critical"),
        "so": ("all", "warning"),
    }


def test_a_rule_that_is_off_keeps_the_usual_one_from_judging() -> None:
    book = with_rules(Rule(name="quiet", kind="failures", endpoints=("bo",), off=True))

    assert found(parked(), book) == []
    assert only(parked(endpoint="so"), book).rule == "failures"


def test_a_certificate_of_several_endpoints_is_judged_by_a_rule_for_one_of_them() -> None:
    book = with_rules(Rule(name="early", kind="certificate", endpoints=("bo",), steps=(90,)))
    ending = Ending(place="x", ends=NOW + 80 * DAY, endpoints=("so", "bo"))

    assert only(Facts(certificates=(ending,)), book).rule == "early"


# --- words


def test_words_say_endpoint_and_codes_in_both_languages() -> None:
    condition = only(parked(3, partner_code="13"))

    assert condition.vi == "Bộ thử (bo): từ 1 lượt chuyển dừng vì refused/13 tại GuiHoSo (nhóm lỗi 0123456789)"
    assert condition.en == "Bộ thử (bo): 1 or more deliveries are parked, refused/13 at GuiHoSo (group 0123456789)"
    assert condition.page == "/failures/0123456789"


def test_words_do_not_change_while_only_the_number_grows() -> None:
    """Else each look would write."""
    assert only(parked(3)) == only(parked(49))


def test_words_from_outside_stay_on_one_line() -> None:
    condition = only(parked(where="a\r\nBcc: x@example.org\u2028" + "y" * 1000))

    assert "\n" not in condition.vi + condition.en
    assert "\r" not in condition.vi
    assert len(condition.vi) <= 300


# --- waiting


@pytest.mark.parametrize(("failures", "seconds"), [(0, 60), (1, 60), (2, 120), (5, 960), (7, 3600), (1000, 3600)])
def test_it_is_tried_again_less_and_less_often(failures: int, seconds: float) -> None:
    assert retry_seconds(failures) == seconds


def test_a_moment_in_the_future_is_not_waited_for() -> None:
    assert waits(100.0, 10, 105)
    assert not waits(100.0, 10, 110)
    assert not waits(100.0, 10, 99)
    assert not waits(None, 10, 5)


# --- messages

TO = Recipient(name="lan", email="lan@example.org")


def event(what: What = What.OPENED, number: int = 1, **given: object) -> Event:
    usual = {
        "what": what,
        "alert_id": f"a{number}",
        "kind": "partner_down",
        "about": "bo",
        "endpoints": ("bo",),
        "severity": Severity.WARNING,
        "level": 1,
        "vi": f"Bộ {number}: không kết nối được",
        "en": f"Ministry {number} cannot be reached",
        "page": "/partners/bo",
        "opened_at": NOW,
    }
    return Event(**{**usual, **given})  # type: ignore[arg-type]


def letter(*events: Event, **given: object) -> Letter:
    return Letter(**{"id": "m1", "recipient": "lan", "made_at": NOW, "events": events, **given})  # type: ignore[arg-type]


def read(raw: bytes):  # type: ignore[no-untyped-def]
    return BytesParser(policy=default).parsebytes(raw)


def test_an_email_is_vietnamese_first_then_english_with_a_link() -> None:
    said = read(alert_letters.email(letter(event(), still_open=4), BOOK, "truc@example.org", TO.email))
    text = said.get_content()

    assert said["Subject"] == "[tinh] Cảnh báo mới: Bộ 1: không kết nối được"
    assert text.index("không kết nối được") < text.index("cannot be reached")
    assert "02/03/2026 09:00" in text
    assert "2026-03-02 09:00" in text
    assert "https://truc.example.org/partners/bo" in text
    assert "còn 4 cảnh báo" in text
    assert text.index("English") < text.index("4 alerts")


def test_an_email_has_the_headers_of_an_automatic_one() -> None:
    raw = alert_letters.email(letter(event(severity=Severity.CRITICAL)), BOOK, "truc@example.org", TO.email)
    said = read(raw)

    assert said["From"].addresses[0].addr_spec == "truc@example.org"
    assert said["To"] == "lan@example.org"
    assert said["Date"] == "Mon, 02 Mar 2026 09:00:00 +0700"
    assert said["Message-ID"] == "<alert.m1@example.org>"
    assert said["Auto-Submitted"] == "auto-generated"
    assert said["Importance"] == "high"
    assert said["References"] is None
    assert all(len(line) <= 998 and byte_ascii(line) for line in raw.split(b"\r\n"))
    assert said.get_content_type() == "text/plain"


def byte_ascii(line: bytes) -> bool:
    return line.isascii()


def test_the_end_is_in_the_thread_of_the_begin_and_doubles_are_alike() -> None:
    over = letter(event(What.OVER, thread="m0", closed_at=NOW + 600), event(What.OVER, 2, thread="m9", closed_at=NOW), id="m2")
    raw = alert_letters.email(over, BOOK, "truc@example.org", TO.email)
    said = read(raw)

    assert said["In-Reply-To"] == "<alert.m0@example.org>"
    assert said["References"] == "<alert.m0@example.org> <alert.m9@example.org>"
    assert raw == alert_letters.email(over, BOOK, "truc@example.org", TO.email)
    assert "đến 02/03/2026 09:10" in said.get_content()


def test_a_message_about_many_counts_them_and_shows_some() -> None:
    many = letter(*(event(number=n) for n in range(60)), event(What.OVER, 99, closed_at=NOW))
    said = read(alert_letters.email(many, BOOK, "truc@example.org", TO.email))

    assert said["Subject"] == "[tinh] 61 cảnh báo (cảnh báo mới: 60, đã hết: 1)"
    assert said.get_content().count("* [cảnh báo]") == alert_letters.MOST_LINES
    assert "và 41 cảnh báo nữa" in said.get_content()


def test_without_a_console_there_is_no_link() -> None:
    said = alert_letters.text(letter(event()), replace(BOOK, console_url=""))

    assert "http" not in said


def test_no_header_can_be_smuggled_in() -> None:
    said = read(alert_letters.email(letter(event(vi="x\r\nBcc: y@example.org")), BOOK, "truc@example.org", TO.email))

    assert said["Bcc"] is None


def test_an_email_can_be_read_by_old_software() -> None:
    raw = alert_letters.email(letter(event()), BOOK, "truc@example.org", TO.email)

    assert raw == BytesParser(policy=SMTP).parsebytes(raw).as_bytes()


def test_a_webhook_is_given_json_and_a_signature_over_moment_and_body() -> None:
    written = letter(event(), event(What.OVER, 2, closed_at=NOW + 60, thread="m0"), still_open=2)
    body = alert_letters.webhook(written, BOOK)
    headers = alert_letters.headers(written, body, b"k" * 32, NOW + 0.7)
    tree = json.loads(body)

    assert tree["id"] == headers["Idempotency-Key"] == "m1"
    assert (tree["hub"], tree["recipient"], tree["at"], tree["test"]) == ("tinh", "lan", "2026-03-02T09:00:00+07:00", False)
    assert [each["what"] for each in tree["events"]] == ["opened", "over"]
    assert tree["events"][1]["closed_at"] == "2026-03-02T09:01:00+07:00"
    assert headers["X-Lienthong-Timestamp"] == str(int(NOW))
    expected = hmac.new(b"k" * 32, f"{int(NOW)}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-Lienthong-Signature"] == f"sha256={expected}"
    assert "X-Lienthong-Signature" not in alert_letters.headers(written, body, b"", NOW)


def test_a_test_message_says_so() -> None:
    written = letter(test=True)

    assert "thử" in read(alert_letters.email(written, BOOK, "truc@example.org", TO.email))["Subject"]
    assert json.loads(alert_letters.webhook(written, BOOK))["test"] is True


def test_secrets_are_not_shown() -> None:
    assert "k" * 8 not in repr(Recipient(name="x", url="https://example.org/kkkkkkkk", key=b"k" * 32))


def test_moments_are_vietnamese_time() -> None:
    assert alert_conditions.moments(NOW) == ("02/03/2026 09:00", "2026-03-02 09:00")
