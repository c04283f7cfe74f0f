"""Finding: by every kind of name, and by words of what stands still; what one may not see is not found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import ValidationError
from sqlalchemy import select

from hub import bootstrap, intake, retention
from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.errors import BadSettings, NotAllowed
from hub.ledger import finding_keys
from hub.ledger.tables import deliveries, journal, messages, payloads
from hub.ledger.working_tables import finding_keys as rows_of
from hub.ledger.working_tables import finding_marks
from hub.operations import indexing
from hub.registers import finding_names
from hub.registers.finding import SECTIONS, Found, Hit
from hub.rules.applicant_numbers import NumberKey
from hub.rules.people import Person, Role
from tests.support import hub as hubs
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER, SENDER, document, request
from tests.support.night_shift import Shift, shift

LAN = Person(login="lan", roles=frozenset({Role.OPERATOR}))
SETTINGS = '[finding]\nkey = "env:FINDING_KEY"\n'
NUMBER, ANOTHER = "000000000012", "000000000034"


@pytest.fixture(params=ENGINES)
def night(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shift]:
    monkeypatch.setenv("FINDING_KEY", "0123456789abcdef")
    with ledger_on(request.param) as address, shift(tmp_path, ledger=address, hub=SETTINGS) as opened:
        yield opened


@pytest.fixture
def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shift]:
    monkeypatch.setenv("FINDING_KEY", "0123456789abcdef")
    with shift(tmp_path, hub=SETTINGS) as opened:
        yield opened


def send(night: Shift, number: int, dossier: str = "H01-1", *, person: str = NUMBER, procedure: str = "1.000001") -> None:
    """Send a dossier of a person."""
    tree = json.loads(document(number, dossier))["hoSo"]
    tree["nguoiNop"]["soGiayTo"] = person
    tree["thuTuc"]["ma"] = procedure
    night.send(number, dossier, hoSo=tree)


def find(night: Shift, q: str, person: Person = LAN, **more: Any) -> Found:
    found: Found = perform(night.hub, person, ACTS["find"], ACTS["find"].asked(q=q, **more))
    return found


def hits(found: Found, section: str) -> tuple[Hit, ...]:
    return next((each.hits for each in found.sections if each.name == section), ())


def ids(found: Found, section: str) -> list[str]:
    return [hit.id for hit in hits(found, section)]


def whole(night: Shift, column: Any) -> list[str]:
    with night.hub.ledger.read() as conn:
        return [str(each) for each in conn.execute(select(column)).scalars()]


# --- dossiers --------------------------------------------------------------------------------------------------------


def test_a_dossier_is_found_by_its_number_its_beginning_and_its_numbering(night: Shift) -> None:
    send(night, 1, "H01-1")
    send(night, 2, "H01-12")
    send(night, 3, "H02-1")

    assert ids(find(night, "H01-1"), "number") == ["national:H01-1", "national:H01-12"]
    assert [hit.why_en for hit in hits(find(night, "H01-1"), "number")] == ["it is its number", "its number begins so"]
    assert ids(find(night, " h01-12 "), "number") == ["national:H01-12"]
    assert ids(find(night, "national:H02"), "number") == ["national:H02-1"]
    assert find(night, "H09").sections == ()


def test_numbers_come_page_by_page(night: Shift) -> None:
    for number in range(5):
        send(night, number, f"H01-{number}")
    pages, after = [], ""
    while True:
        (section,) = find(night, "H01", section="number", after=after, limit=2).sections
        pages.append([hit.title for hit in section.hits])
        if not (after := section.next):
            break

    assert pages == [["H01-0", "H01-1"], ["H01-2", "H01-3"], ["H01-4"]]


def test_a_page_that_is_full_of_what_one_may_not_see_goes_on_to_the_next(one: Shift, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding_names, "LOOKED", 2)
    for number in range(5):
        send(one, number, f"H01-{number}")
    nobody = replace(LAN, scope=frozenset({"elsewhere"}))
    seen, after = 0, ""
    for _ in range(3):
        found = find(one, "H01", nobody, section="number", after=after)
        assert hits(found, "number") == ()
        after = found.sections[0].next if found.sections else ""
        seen += 1
        if not after:
            break

    assert seen == 3


def test_what_stands_in_a_number_is_no_pattern(one: Shift) -> None:
    send(one, 1, "H01_1")
    send(one, 2, "H01x1")

    assert ids(find(one, "H01_"), "number") == ["national:H01_1"]
    assert find(one, "H%").sections == ()


# --- persons ---------------------------------------------------------------------------------------------------------


def test_an_applicants_dossiers_are_found_by_the_number_however_it_is_written(night: Shift) -> None:
    send(night, 1, "H01-1")
    send(night, 2, "H01-2", person=ANOTHER)
    send(night, 3, "H01-1")

    found = find(night, "000 000 000 012")

    assert ids(found, "person") == ["national:H01-1"]
    assert (found.number_search, found.looks_like_number) == ("asked", True)
    assert len(whole(night, rows_of.c.subject)) == 2


def test_the_number_stands_nowhere_in_index_journal_or_logs(one: Shift) -> None:
    with structlog.testing.capture_logs() as logs:
        send(one, 1)
        asked = ACTS["find"].asked(q=NUMBER)
        perform(one.hub, LAN, ACTS["find"], asked)

    assert NUMBER not in repr(logs) and NUMBER not in repr(asked)
    assert NUMBER not in "".join([*whole(one, rows_of.c.hash), *whole(one, rows_of.c.subject), *whole(one, journal.c.entry)])


def test_without_a_key_this_search_is_off_and_says_so(tmp_path: Path) -> None:
    with shift(tmp_path) as night:
        send(night, 1)
        found = find(night, NUMBER)

        assert (found.sections, found.number_search, found.looks_like_number) == ((), "off", True)
        assert whole(night, rows_of.c.hash) == []
        with pytest.raises(NotAllowed, match="no key"):
            indexing.index(night.hub, actor="lan", why="thử")


def test_a_key_that_is_too_short_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINDING_KEY", "short")
    hubs.configure(tmp_path)
    with (tmp_path / "hub.toml").open("a") as file:
        file.write(SETTINGS)

    with pytest.raises(BadSettings, match="5 bytes; 16 at least"):
        bootstrap.open_hub(bootstrap.load_settings(tmp_path))


def test_messages_of_before_are_indexed_by_a_run_that_goes_on_where_it_was_stopped(
    night: Shift, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, night.hub = night.hub, replace(night.hub, number_key=None)
    for number in range(5):
        send(night, number, f"H01-{number}")
    intake.receive(night.hub, request(b"{}"))
    assert whole(night, rows_of.c.hash) == []
    night.hub = hub
    monkeypatch.setattr(indexing, "BATCH", 2)
    told: list[int] = []

    def stop(count: int) -> None:
        told.append(count)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        indexing.index(night.hub, actor="lan", why="nâng cấp", progress=stop)
    before = len(whole(night, rows_of.c.subject))
    done = indexing.index(night.hub, actor="lan", why="nâng cấp")

    assert before in (3, 4)  # the refused message is one of the six
    assert (done.messages, done.numbers) == (2, 5 - before)
    assert len(ids(find(night, NUMBER), "person")) == 5
    assert whole(night, finding_marks.c.finished_at) != ["None"]
    assert indexing.index(night.hub, actor="lan", why="lại").messages == 0


def test_under_a_new_key_a_run_makes_all_anew_and_deletes_the_others(one: Shift) -> None:
    send(one, 1)
    one.hub = replace(one.hub, number_key=NumberKey(b"another key, as long"))
    assert ids(find(one, NUMBER), "person") == []

    done = indexing.index(one.hub, actor="lan", why="thay khóa")

    assert done.forgotten == 1
    assert ids(find(one, NUMBER), "person") == ["national:H01-1"]
    assert len(whole(one, rows_of.c.hash)) == 1


def test_with_the_working_copies_the_search_by_number_ends(one: Shift) -> None:
    send(one, 1, "H01-1")
    one.clock.advance(300 * 86400)
    send(one, 2, "H01-2")
    send(one, 3, "H01-3", person=ANOTHER)
    one.clock.advance(100 * 86400)
    send(one, 4, "H01-3", person=ANOTHER)

    retention.run(one.hub, days=365, proof_days=3650, actor="lan", why="hết hạn")

    assert ids(find(one, NUMBER), "person") == ["national:H01-2"]
    assert ids(find(one, ANOTHER), "person") == ["national:H01-3"]


def test_portions_of_forgetting_leave_nothing_out(one: Shift, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding_keys, "_AT_ONCE", 2)
    for number in range(7):
        send(one, number, f"H01-{number}", person=f"{number:012}")
    after, rounds = "", 0
    while after := one.hub.ledger.change(partial(finding_keys.forget_old, before=one.hub.now() + 1e9, after=after)):
        rounds += 1

    assert whole(one, rows_of.c.hash) == [] and rounds == 2


# --- identifiers -----------------------------------------------------------------------------------------------------


def test_messages_and_deliveries_are_found_by_the_beginning_of_their_identifier(night: Shift) -> None:
    send(night, 1)
    (message,), (delivery,) = whole(night, messages.c.id), whole(night, deliveries.c.id)

    assert ids(find(night, message[:6].upper()), "message") == [message]
    assert ids(find(night, delivery), "delivery") == [delivery]
    assert ids(find(night, message[:5]), "message") == []


def test_a_message_is_found_by_its_senders_identifier_and_a_delivery_by_the_partners(night: Shift) -> None:
    send(night, 7)
    (native,) = whole(night, deliveries.c.native_id)

    assert ids(find(night, "M-000007"), "message") == whole(night, messages.c.id)
    assert native and ids(find(night, native), "native") == whole(night, deliveries.c.id)


def test_bytes_are_found_by_their_digest_with_what_first_named_them(night: Shift) -> None:
    send(night, 1, "H01-1")
    night.clock.advance(500)
    send(night, 2, "H01-2")
    night.clock.advance(500)
    send(night, 3, "H01-3")
    with night.hub.ledger.read() as conn:
        message = conn.execute(select(messages).where(messages.c.subject == "national:H01-2")).one()
        sent = conn.execute(select(deliveries).where(deliveries.c.subject == "national:H01-2")).one()
    canonical = json.loads(message.canonical)[0]
    seen = {
        name: [(hit.kind, hit.id) for hit in hits(find(night, digest), "bytes")]
        for name, digest in {
            "raw": message.raw_digest, "canonical": canonical, "bare": canonical.removeprefix("sha256:"),
            "short": canonical[:20], "sent": sent.business_digest,
        }.items()
    }  # fmt: skip

    assert seen["raw"] == [("bytes", message.raw_digest), ("message", message.id)]
    assert seen["canonical"] == seen["bare"] == seen["short"]
    assert seen["canonical"][:2] == [("bytes", canonical), ("message", message.id)]
    assert seen["sent"] == [("bytes", sent.business_digest), ("delivery", sent.id)]
    assert hits(find(night, message.raw_digest), "bytes")[0].see == message.id
    assert find(night, "sha256:" + "0" * 64).sections == ()


def test_bytes_of_what_one_may_not_see_are_not_there(one: Shift) -> None:
    send(one, 1)
    (raw,) = whole(one, messages.c.raw_digest)
    assert raw in whole(one, payloads.c.digest)

    assert find(one, raw, replace(LAN, scope=frozenset({"elsewhere"}))).sections == ()


# --- procedures and agencies -----------------------------------------------------------------------------------------


def test_a_procedure_leads_to_the_last_messages_about_it_page_by_page(night: Shift) -> None:
    for number in range(5):
        send(night, number, f"H01-{number}")
        night.clock.advance(1)
    titles, after = [], ""
    while True:
        (section,) = find(night, "1.000001", section="procedure", after=after, limit=2).sections
        titles.append([hit.title for hit in section.hits])
        if not (after := section.next):
            break

    assert titles == [["H01-4", "H01-3"], ["H01-2", "H01-1"], ["H01-0"]]


def test_an_endpoint_is_found_by_name_or_title(one: Shift) -> None:
    assert ids(find(one, "bộ thử"), "agency") == [PARTNER]
    assert ids(find(one, SENDER), "agency") == [SENDER]
    assert ids(find(one, SENDER, replace(LAN, scope=frozenset({PARTNER}))), "agency") == []


# --- words -----------------------------------------------------------------------------------------------------------


def test_words_are_found_in_errors_of_what_stands_still_whatever_their_case(night: Shift) -> None:
    night.unmapped(1, "H01-1")
    night.unmapped(2, "H01-2")
    night.faults["H01-3"] = "refuse"
    night.send(3, "H01-3")
    night.send(4, "H01-4")

    for words in ("TEMPLATE_PROCEDURES", "9.999999", "no_mapping"):
        found = find(night, words)
        assert [hit.title.partition(" ")[0] for hit in hits(found, "group")] == ["no_mapping"], words
        assert sorted(hit.title for hit in hits(found, "standing")) == ["H01-1", "H01-2"], words
    group = ids(find(night, "no_mapping"), "group")[0]
    assert ids(find(night, group), "group") == [group]
    assert ids(find(night, "100%_"), "standing") == []


def test_vietnamese_words_are_found_in_small_and_capital_letters(night: Shift) -> None:
    night.unmapped(1)
    with night.hub.ledger.read() as conn:
        said = str(conn.execute(select(deliveries.c.error_vi)).scalar_one())
    words = next(word for word in said.split() if not word.isascii())

    assert [ids(find(night, each), "standing") for each in (words, words.upper(), words.lower())] == [night.ids()] * 3


def test_words_are_found_in_refusals_of_late_and_not_of_long_ago(night: Shift) -> None:
    intake.receive(night.hub, request(document(1, status="LA")))
    night.clock.advance(3600)
    (refused,) = whole(night, messages.c.id)

    assert ids(find(night, "trangThai"), "refused") == [refused]
    night.clock.advance(8 * 86400)
    assert ids(find(night, "trangThai"), "refused") == []


def test_what_looks_like_a_persons_number_is_not_sought_in_words(one: Shift, monkeypatch: pytest.MonkeyPatch) -> None:
    one.unmapped(1)
    found = find(one, NUMBER)

    assert {each.name for each in found.sections} <= {"number", "person", "message", "native"}


# --- all together ----------------------------------------------------------------------------------------------------


def test_a_person_finds_only_what_they_work_on(one: Shift) -> None:
    send(one, 1)
    one.unmapped(2, "H01-2")
    message, delivery = whole(one, messages.c.id)[0], whole(one, deliveries.c.id)[0]
    for scope, seen in (({SENDER}, True), ({PARTNER}, True), ({"elsewhere"}, False)):
        person = replace(LAN, scope=frozenset(scope))
        for q in ("H01", NUMBER, message, delivery, "M-000001", "1.000001", "no_mapping"):
            assert bool(find(one, q, person).sections) is seen, (scope, q)


HOSTILE = ("\x00", "'; DROP TABLE messages; --", "%", "a" * 200, "\U0010ffff", "\\", "sha256:", "😀😀😀", "H01\x00", "\ud800")


@pytest.mark.parametrize("q", HOSTILE)
def test_nothing_that_is_typed_does_harm(night: Shift, q: str) -> None:
    send(night, 1)

    for section in ("", *SECTIONS):
        try:
            find(night, q, section=section)
        except (ValidationError, NotAllowed):
            continue


def test_a_section_that_there_is_not_is_refused(one: Shift) -> None:
    with pytest.raises(NotAllowed, match="no section"):
        find(one, "H01", section="everything")

