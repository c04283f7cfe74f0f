"""People: who may be made known, changed and given what, and that everything leaves who and why in the journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select, text, update

from hub import bootstrap
from hub.app import Hub
from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.errors import Forbidden, HubError, NotAllowed, TooMany
from hub.ledger import people_verbs
from hub.ledger.tables import journal
from hub.ledger.working_tables import people as people_rows
from hub.ledger.working_tables import reveals, sessions
from hub.operations import logins, passwords, people
from hub.registers import people as register
from hub.registers import people_journal
from hub.registers.people_journal import EVENTS_OF, Wanted, events_of, journal_page
from hub.registers.words import EVENTS
from hub.rules.people import Person, Role
from hub.rules.verbs import VERBS
from tests.support import hub as support
from tests.support import looking
from tests.support.clock import Clock
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import At

BY = {"actor": "minh", "why": "đầu năm"}
PASSWORD = "mật khẩu đủ dài 2026"
ADMIN = Person(login="minh", roles=frozenset({Role.ADMINISTRATOR}))


@pytest.fixture(params=ENGINES)
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hub]:
    """A hub with two partners, one of them an agency of H55; its clock is ``hub.clock``."""
    with ledger_on(request.param) as ledger:
        support.configure(tmp_path, {"bo_a": At(), "bo_b": At()}, ledger=ledger)
        path = tmp_path / "endpoints" / "bo_b.toml"
        path.write_text(f'agency_code = "000.00.01.H55"\n{path.read_text(encoding="utf-8")}', encoding="utf-8")
        opened = support.open_hub(tmp_path, Clock())
        yield opened
        support.close(opened)


def add(hub: Hub, login: str = "lan", **given: Any) -> people.PersonMade:
    usual = {"roles": ("operator",), "scope": ("*",), "password": PASSWORD, **BY}
    return people.add(hub, login, **{**usual, **given})


def act(hub: Hub, person: Person, verb: str, **asked: Any) -> Any:
    return perform(hub, person, ACTS[verb], ACTS[verb].asked(**asked))


def entries(hub: Hub, subject: str) -> list[tuple[str, str, dict[str, Any]]]:
    query = select(journal).where(journal.c.subject == subject).order_by(journal.c.number)
    with hub.ledger.read() as conn:
        return [(row.event, row.actor, json.loads(row.entry)) for row in conn.execute(query)]


# --- accounts ----------------------------------------------------------------------------------------------------


def test_a_person_is_made_known_with_who_and_why_and_without_the_name(hub: Hub) -> None:
    made = add(hub, name="Nguyễn Thị Lan", scope=("H55", "bo_a"))

    assert (made.person.roles, made.person.scope, made.person.endpoints) == (("operator",), ("H55", "bo_a"), ("bo_a", "bo_b"))
    assert (made.person.temporary, made.person.enabled, made.password) == (True, True, "")
    assert entries(hub, "person:lan") == [
        (
            "person.added",
            "minh",
            {"roles": ["operator"], "scope": ["H55", "bo_a"], "sign_in": "password", "why": "đầu năm"},
        )
    ]
    assert looking.broken_rows(hub.ledger) == []


def test_a_password_that_is_not_given_is_made_and_must_be_changed(hub: Hub) -> None:
    made = add(hub, password="")

    assert len(made.password) == passwords.MADE_LENGTH
    assert logins.with_password(hub, "lan", made.password, lasts_seconds=60).temporary


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"login": "Lân"}, "login"),
        ({"login": ""}, "login"),
        ({"login": "-lan"}, "login"),
        ({"login": "l" * 65}, "login"),
        ({"roles": ()}, "roles"),
        ({"roles": ("king",)}, "roles"),
        ({"scope": ()}, "scope"),
        ({"scope": ("bo_c",)}, "scope"),
        ({"scope": ("H5",)}, "scope"),
        ({"sign_in": "letter"}, "sign_in"),
        ({"sign_in": "oidc"}, "password"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 201}, "password"),
        ({"login": "mot.dang.nhap", "password": "Mot.Dang.Nhap"}, "password"),
        ({"why": " "}, "why"),
        ({"actor": ""}, "why"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(hub: Hub, given: dict[str, Any], where: str) -> None:
    with pytest.raises(NotAllowed) as told:
        add(hub, **given)

    assert told.value.where == where
    with hub.ledger.read() as conn:
        assert conn.execute(people_rows.select()).fetchall() == []
        assert register.listing(conn, (), 0) == ()


def test_a_login_is_given_once(hub: Hub) -> None:
    barrier = Barrier(4)

    def try_it(number: int) -> str:
        barrier.wait()
        try:
            add(hub, password="", name=str(number))
        except NotAllowed as error:
            return error.where
        return "made"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(try_it, range(4))) == ["login", "login", "login", "made"]


def test_a_change_says_what_and_leaves_the_rest(hub: Hub) -> None:
    add(hub, name="Lan", scope=("bo_a",))
    row = people.change(hub, "lan", roles=("viewer", "auditor"), **BY)

    assert (row.roles, row.scope, row.name) == (("auditor", "viewer"), ("bo_a",), "Lan")
    assert entries(hub, "person:lan")[-1] == (
        "person.changed",
        "minh",
        {"changed": ["roles"], "roles": ["auditor", "viewer"], "sessions_ended": 0, "why": "đầu năm"},
    )


def test_another_name_ends_no_session(hub: Hub) -> None:
    add(hub)
    logins.with_password(hub, "lan", PASSWORD, lasts_seconds=60)
    people.change(hub, "lan", name="Lan Anh", **BY)
    assert people.show(hub, "lan").sessions == 1
    people.change(hub, "lan", scope=("bo_a",), **BY)

    assert people.show(hub, "lan").sessions == 0


def test_a_change_of_nothing_or_of_nobody_is_refused(hub: Hub) -> None:
    add(hub)
    for login, given in (("lan", {}), ("lan", {"roles": ("operator",)}), ("hoa", {"roles": ("viewer",)})):
        with pytest.raises(NotAllowed):
            people.change(hub, login, **given, **BY)


@pytest.mark.parametrize("change", [{"enabled": False}, {"roles": ("viewer",)}])
def test_the_last_administrator_stays(hub: Hub, change: dict[str, Any]) -> None:
    add(hub, "minh", roles=("administrator",))
    with pytest.raises(NotAllowed, match="no administrator would be left"):
        people.change(hub, "minh", **change, **BY)
    assert people.show(hub, "minh").enabled
    add(hub, "hoa", roles=("administrator", "auditor"))

    people.change(hub, "minh", **change, **BY)
    with pytest.raises(NotAllowed):
        people.change(hub, "hoa", **change, **BY)


def test_of_two_administrators_who_close_each_other_one_stays(hub: Hub, tmp_path: Path) -> None:
    """Two processes at once."""
    add(hub, "minh", roles=("administrator",))
    add(hub, "hoa", roles=("administrator",))
    other = bootstrap.open_hub(bootstrap.load_settings(tmp_path), clock=hub.clock)
    barrier = Barrier(2)

    def close(pair: tuple[Hub, str]) -> bool:
        barrier.wait()
        try:
            people.change(pair[0], pair[1], enabled=False, **BY)
        except HubError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(close, ((hub, "minh"), (other, "hoa"))))
    other.ledger.close()

    assert done.count(True) == 1


def test_people_and_tokens_are_not_for_administrators_of_a_part(hub: Hub) -> None:
    """They could give themselves the rest."""
    limited = Person(login="minh", roles=frozenset({Role.ADMINISTRATOR}), scope=frozenset({"bo_a"}))
    add(hub)
    asked: dict[str, dict[str, Any]] = {
        "person show": {},
        "person add": {"login": "hoa", "roles": ("viewer",), "scope": ("*",), "why": "x"},
        "person change": {"login": "lan", "account": "closed", "why": "x"},
        "person password": {"login": "lan", "why": "x"},
        "token show": {},
        "token make": {"login": "lan", "title": "t", "verbs": ("status",), "why": "x"},
        "token end": {"token": "t", "why": "x"},
    }
    for verb, given in asked.items():
        with pytest.raises(Forbidden):
            act(hub, limited, verb, **given)
    assert [row.login for row in act(hub, ADMIN, "person show")] == ["lan"]


def test_the_acts_carry_out_what_they_say(hub: Hub) -> None:
    made = act(hub, ADMIN, "person add", login="hoa", roles=["viewer"], scope=["H55"], why="mới")
    act(hub, ADMIN, "person change", login="hoa", roles=["operator"], scope=["*"], why="thêm việc")
    again = act(hub, ADMIN, "person password", login="hoa", why="quên")
    token = act(hub, ADMIN, "token make", login="hoa", title="theo dõi", verbs=["status"], days=7, why="giám sát")
    ended = act(hub, ADMIN, "token end", token=token.token.id, why="thôi")
    closed = act(hub, ADMIN, "person change", login="hoa", account="closed", why="nghỉ")

    assert made.password != again.password
    assert (closed.enabled, closed.scope, closed.roles) == (False, None, ("operator",))
    assert (ended.good, token.token.good, token.token.made_by) == (False, True, "minh")
    assert [event for event, _, _ in entries(hub, "person:hoa")] == [
        "person.added", "person.changed", "person.password_set", "person.changed",
    ]  # fmt: skip
    assert [event for event, _, _ in entries(hub, f"token:{token.token.id}")] == ["token.made", "token.ended"]


def test_a_password_in_what_is_asked_is_not_shown(hub: Hub) -> None:
    asked = ACTS["person add"].asked(login="hoa", roles=["viewer"], scope=["*"], password=PASSWORD, why="x")

    assert PASSWORD not in repr(asked)
    assert PASSWORD not in str(asked.model_dump_json())


def test_who_has_no_password_here_is_given_none(hub: Hub) -> None:
    add(hub, sign_in="none", password="")

    with pytest.raises(NotAllowed):
        people.set_password(hub, "lan", **BY)


def test_a_hash_of_old_parameters_is_made_anew_at_the_next_login(hub: Hub) -> None:
    from argon2 import PasswordHasher

    add(hub, temporary=False)
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    hub.ledger.change(lambda conn: conn.execute(update(people_rows).values(password=old)))
    logins.with_password(hub, "lan", PASSWORD, lasts_seconds=60)

    kept = people.account(hub, "lan").password
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert logins.with_password(hub, "lan", PASSWORD, lasts_seconds=60)


def test_a_password_that_was_reset_while_it_was_judged_begins_no_session(hub: Hub) -> None:
    """The session belongs to the hash that was compared."""
    add(hub)
    before = people.account(hub, "lan").password
    people.set_password(hub, "lan", **BY)
    given = {"digest": "d", "how": "password", "password": before, "now": hub.now(), "ends_at": hub.now() + 60}

    assert not hub.ledger.change(lambda conn: people_verbs.begin_session(conn, "lan", **given))
    assert people.show(hub, "lan").sessions == 0


def test_a_wait_is_shown_and_ends_when_an_administrator_sets_a_password(hub: Hub) -> None:
    add(hub)
    for _ in range(5):
        with pytest.raises(NotAllowed):
            logins.with_password(hub, "lan", "wrong", lasts_seconds=60)
    assert people.show(hub, "lan").locked_until_at == hub.now() + 15
    with pytest.raises(TooMany):
        logins.with_password(hub, "lan", PASSWORD, lasts_seconds=60)
    made = people.set_password(hub, "lan", **BY)

    assert logins.with_password(hub, "lan", made.password, lasts_seconds=60)


def test_waits_grow_to_a_ceiling() -> None:
    waits = [people_verbs.wait_after(failures) for failures in (1, 4, 5, 6, 10, 11, 12, 10_000)]

    assert waits == [0, 0, 15, 30, 480, 900, 900, 900]


def test_what_is_over_is_swept_at_logins(hub: Hub) -> None:
    add(hub)
    with pytest.raises(NotAllowed):
        logins.with_password(hub, "nobody", "wrong", lasts_seconds=60)
    logins.with_password(hub, "lan", PASSWORD, lasts_seconds=60)
    hub.clock.advance(2 * 86_400)  # type: ignore[attr-defined]
    logins.with_password(hub, "lan", PASSWORD, lasts_seconds=60)

    with hub.ledger.read() as conn:
        assert len(conn.execute(sessions.select()).fetchall()) == 1
        assert conn.execute(text("SELECT count(*) FROM login_failures")).scalar() == 0


# --- scope -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "belongs"),
    [
        ("H55", True),
        ("H55.01", True),
        ("000.00.01.H55", True),
        ("H5", False),
        ("H551", False),
        ("AH55", False),
        ("", False),
        ("000.H55.01", False),
    ],
)
def test_an_agency_code_takes_in_what_is_below_it_from_either_end(hub: Hub, code: str, belongs: bool) -> None:
    from dataclasses import replace

    endpoint = replace(hub.endpoints["bo_a"], agency_code=code)

    assert register.endpoints_in(("H55",), [endpoint]) == (frozenset({"bo_a"}) if belongs else frozenset())


def test_no_scope_is_everything_and_an_empty_one_nothing(hub: Hub) -> None:
    assert register.endpoints_in(None, hub.endpoints.values()) is None
    assert register.endpoints_in((), hub.endpoints.values()) == frozenset()


# --- personal data -----------------------------------------------------------------------------------------------


def test_personal_data_is_seen_for_a_reason_by_this_person_for_a_while(hub: Hub) -> None:
    support.send(hub, 1)
    operator = Person(login="lan", roles=frozenset({Role.OPERATOR}))
    with hub.ledger.read() as conn:
        (subject,) = conn.execute(select(journal.c.subject).distinct()).scalars()
        assert not register.may_see(conn, "lan", subject, hub.now())
    revealed = act(hub, operator, "reveal", about="H01-1", why="người dân khiếu nại")

    def sees(login: str, about: str, later: float = 0.0) -> bool:
        with hub.ledger.read() as conn:
            return register.may_see(conn, login, about, hub.now() + later)

    assert revealed.subjects == (subject,)
    assert revealed.until_at == hub.now() + 900
    assert [sees("lan", subject), sees("lan", subject, 899), sees("lan", subject, 900)] == [True, True, False]
    assert [sees("hoa", subject), sees("lan", "national:H01-2")] == [False, False]
    assert entries(hub, subject)[-1] == (
        "person.revealed",
        "lan",
        {"about": subject, "until": hub.now() + 900, "why": "người dân khiếu nại"},
    )
    assert looking.broken_rows(hub.ledger) == []


def test_each_reason_is_recorded_and_lengthens_the_time(hub: Hub) -> None:
    support.send(hub, 1)
    people.reveal(hub, about="H01-1", actor="lan", why="một")
    hub.clock.advance(600)  # type: ignore[attr-defined]
    people.reveal(hub, about="H01-1", actor="lan", why="hai")

    with hub.ledger.read() as conn:
        (row,) = conn.execute(reveals.select())
        assert row.until == hub.now() + 900
        found = journal_page(conn, Wanted(verb="reveal"))
    assert [each.entry["why"] for each in found.rows] == ["hai", "một"]


@pytest.mark.parametrize(("scope", "allowed"), [({"bo_a"}, True), ({"mot_cua"}, True), ({"khac"}, False), (set(), False)])
def test_only_what_lies_in_the_scope_is_revealed(hub: Hub, scope: set[str], allowed: bool) -> None:
    support.send(hub, 1)
    person = Person(login="lan", roles=frozenset({Role.AUDITOR}), scope=frozenset(scope))
    if allowed:
        assert act(hub, person, "reveal", about="H01-1", why="kiểm tra").subjects
        return
    with pytest.raises(Forbidden):
        act(hub, person, "reveal", about="H01-1", why="kiểm tra")
    with hub.ledger.read() as conn:
        assert conn.execute(reveals.select()).fetchall() == []


def test_a_viewer_reveals_nothing_and_nobody_without_a_reason(hub: Hub) -> None:
    support.send(hub, 1)
    with pytest.raises(Forbidden):
        act(hub, Person(login="x", roles=frozenset({Role.VIEWER, Role.ADMINISTRATOR})), "reveal", about="H01-1", why="x")
    with pytest.raises(NotAllowed):
        people.reveal(hub, about="H01-1", actor="lan", why=" ")


# --- the journal of verbs ----------------------------------------------------------------------------------------


@pytest.fixture
def busy(hub: Hub) -> Hub:
    """Some messages, and what three people did meanwhile, a minute apart."""
    for number, (login, endpoint) in enumerate([("lan", "bo_a"), ("hoa", "bo_b"), ("lan", "bo_b"), ("an", "bo_a")]):
        support.send(hub, number + 1, f"H01-{number}")
        hub.ledger.pause(endpoint, paused=True, actor=login, why=f"việc {number}", now=hub.now())
        hub.clock.advance(60)  # type: ignore[attr-defined]
    people.reveal(hub, about="H01-0", actor="lan", why="khiếu nại")
    return hub


def read(hub: Hub, scope: frozenset[str] | None = None, **wanted: Any) -> people_journal.JournalPage:
    with hub.ledger.read() as conn:
        return journal_page(conn, Wanted(**wanted), scope=scope)


def test_the_journal_shows_what_people_did_and_not_what_messages_went_through(busy: Hub) -> None:
    page = read(busy)

    assert [(row.actor, row.event) for row in page.rows] == [
        ("lan", "person.revealed"),
        ("an", "operator.pause"),
        ("lan", "operator.pause"),
        ("hoa", "operator.pause"),
        ("lan", "operator.pause"),
    ]
    assert page.before == 0
    assert (page.rows[0].vi, page.rows[0].en) == EVENTS["person.revealed"]


def test_the_journal_is_found_by_person_verb_subject_and_time(busy: Hub) -> None:
    start = busy.now() - 240

    def whys(**wanted: Any) -> list[str]:
        return [row.entry["why"] for row in read(busy, **wanted).rows]

    assert whys(person="lan") == ["khiếu nại", "việc 2", "việc 0"]
    assert whys(verb="pause") == ["việc 3", "việc 2", "việc 1", "việc 0"]
    assert whys(verb="reveal", person="lan") == ["khiếu nại"]
    assert whys(verb="reveal", person="an") == []
    assert whys(verb="operator.pause", person="hoa") == ["việc 1"]
    assert whys(subject="endpoint:bo_b") == ["việc 2", "việc 1"]
    assert whys(subject="endpoint:bo_b", person="hoa") == ["việc 1"]
    assert whys(since=start + 60, until=start + 180) == ["việc 2", "việc 1"]
    assert whys(person="nobody") == []


@pytest.mark.parametrize("wanted", [{}, {"person": "lan"}, {"verb": "pause"}, {"verb": "settle"}, {"subject": "endpoint:bo_a"}])
def test_pages_of_one_make_the_whole(busy: Hub, wanted: dict[str, Any]) -> None:
    whole = [row.seq for row in read(busy, **wanted).rows]
    found, before = [], 0
    for _ in range(len(whole) + 1):
        page = read(busy, **wanted, limit=1, before=before)
        found += [row.seq for row in page.rows]
        before = page.before
        if not before:
            break

    assert found == whole
    assert before == 0


def test_entries_of_one_moment_are_neither_lost_nor_shown_twice(hub: Hub) -> None:
    for number in range(5):
        hub.ledger.pause("bo_a", paused=True, actor="lan", why=str(number), now=hub.now())
    first = read(hub, limit=2)
    second = read(hub, limit=2, before=first.before)
    third = read(hub, limit=2, before=second.before)

    assert [row.entry["why"] for page in (first, second, third) for row in page.rows] == ["4", "3", "2", "1", "0"]


def test_a_short_page_says_where_to_go_on(busy: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where few of the rows that one page may look at are wanted."""
    monkeypatch.setattr(people_journal, "LOOKED_AT", 2)
    page = read(busy, person="lan", verb="pause")
    assert [row.entry["why"] for row in page.rows] == ["việc 2"]
    page = read(busy, person="lan", verb="pause", before=page.before)

    assert [row.entry["why"] for row in page.rows] == ["việc 0"]
    assert page.before == 0


def test_who_works_on_a_part_reads_of_that_part(busy: Hub) -> None:
    def subjects(*scope: str) -> list[str]:
        return [row.subject.split(":")[0] + ":" + row.entry["why"] for row in read(busy, frozenset(scope)).rows]

    assert subjects("bo_b") == ["national:khiếu nại", "endpoint:việc 2", "endpoint:việc 1"]
    assert subjects("mot_cua") == ["national:khiếu nại"]
    assert subjects("khac") == []
    assert subjects() == []


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({}, "journal_verbs_by_time"),
        ({"since": 1.0, "until": 9e9}, "journal_verbs_by_time"),
        ({"before": 3}, "journal_verbs_by_time"),
        ({"person": "lan"}, "journal_verbs_by_actor"),
        ({"person": "lan", "before": 3}, "journal_verbs_by_actor"),
        ({"verb": "pause"}, "journal_verbs_by_event"),
        ({"subject": "endpoint:bo_a"}, "journal_by_subject"),
    ],
)
def test_each_page_is_read_by_an_index(busy: Hub, wanted: dict[str, Any], index: str) -> None:
    """Also where the journal has a million rows of messages."""
    from sqlalchemy import event

    said: list[tuple[str, Any]] = []
    with busy.ledger.read() as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(text("SET LOCAL enable_seqscan = off"))
            conn.execute(text("SET LOCAL enable_bitmapscan = off"))
            conn.execute(text("SET LOCAL enable_sort = off"))

        def listen(_conn: Any, _cursor: Any, statement: str, given: Any, *_rest: Any) -> None:
            if "ORDER BY" in statement and "FROM journal" in statement:
                said.append((statement, given))

        event.listen(conn, "before_cursor_execute", listen)
        journal_page(conn, Wanted(**wanted))
        event.remove(conn, "before_cursor_execute", listen)
        explain = "EXPLAIN " if conn.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
        plans = [" ".join(map(str, conn.exec_driver_sql(explain + statement, given).fetchall())) for statement, given in said]

    assert plans
    for plan in plans:
        assert index in plan
        assert "TEMP B-TREE" not in plan
        assert "Sort" not in plan


def test_every_verb_that_changes_something_is_found_in_the_journal() -> None:
    """The events that it leaves have words."""
    without = {verb: [event for event in events_of(verb) if event not in EVENTS] for verb, each in VERBS.items() if each.changes}

    assert {verb: missing for verb, missing in without.items() if missing} == {}
    assert set(EVENTS_OF) <= set(VERBS)
