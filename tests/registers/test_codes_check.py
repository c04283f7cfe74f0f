"""Which codes came in real traffic, from whom, and what is wrong with them; what may be somebody's number is never told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from hub import settings
from hub.app import Hub
from hub.canonical.base import VIETNAM
from hub.canonical.codes import CodeRow, CodeTables, Event
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.canonical.message import to_json
from hub.canonical.party import Agency, Party
from hub.canonical.procedure import CatalogueMessage, Procedure
from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.edge.plain import plain
from hub.errors import Forbidden, NotAllowed
from hub.ledger import code_verbs
from hub.ledger.code_verbs import Laid
from hub.ledger.tables import payloads
from hub.operations import administration
from hub.operations.administration import CodesChecked
from hub.registers import procedures
from hub.rules import codes_judged
from hub.rules.codes_in import Found, codes_in
from hub.rules.codes_judged import SeenCode, Tally
from hub.rules.people import Person, Role
from tests.support import acceptances as make
from tests.support import hub as hubs
from tests.support.clock import Clock
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import SENDER

OFFICER = Person(login="hoa", roles=frozenset({Role.OFFICER}))
CODES = CodeTables(settings.shipped_lists())
TODAY = date(2026, 3, 2)
SECRET = "001099012345"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


@pytest.fixture(params=ENGINES)
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hub]:
    """A hub whose clock stands at 2026-03-02, on each engine."""
    with ledger_on(request.param) as address:
        opened = hubs.open_hub(hubs.configure(tmp_path, ledger=address), Clock())
        yield opened
        hubs.close(opened)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Hub]:
    """The same, on SQLite: where the engine does not matter."""
    opened = hubs.open_hub(hubs.configure(tmp_path), Clock())
    yield opened
    hubs.close(opened)


def message(
    code: str, agency: str, *, name: str = "", submitted: str = "2026-02-20", sent: str = "", **more: Any
) -> DossierMessage:
    dossier = Dossier(
        code=code,
        procedure=ProcedureRef(code=more.pop("procedure", "1.004616"), field_code="G13-TN01"),
        applicant=Party(name="Nguyễn Thử Nghiệm", identity_number=SECRET),
        agency=Agency(code=agency, name=name),
        submitted_at=moment(submitted) if submitted else None,
        form=more,
    )
    return DossierMessage(event=Event.STATUS, dossier=dossier, sent_at=moment(sent) if sent else None)


def receive(
    hub: Hub, said: DossierMessage | CatalogueMessage, endpoint: str = SENDER, *, ago: timedelta = timedelta(hours=1)
) -> None:
    """Record a message as accepted from an endpoint, so long ago."""
    body = to_json(said)
    given = make.acceptance(said.subject, body, endpoint=endpoint, at=hub.now() - ago.total_seconds(), kind=said.kind)
    hub.ledger.record_received(given)


def told(done: CodesChecked, kind: str = "") -> dict[str, SeenCode]:
    return {each.code: each for each in done.codes if each.kind == kind or not kind}


# --- what is found ---------------------------------------------------------------------------------------------------


def test_each_code_is_told_with_who_sent_it_how_often_and_when(hub: Hub) -> None:
    receive(hub, message("1", "H44.09"), ago=timedelta(hours=3))
    receive(hub, message("2", "H44.09"), ago=timedelta(hours=1))
    receive(hub, message("3", "H44.09"), "bo", ago=timedelta(hours=2))

    done = administration.check(hub)

    seen = told(done, "agency")["H44.09"]
    assert (seen.number, dict(seen.endpoints)) == (3, {SENDER: 2, "bo": 1})
    assert (seen.first_at, seen.last_at) == (hub.now() - 10_800, hub.now() - 3_600)
    assert (seen.standing, seen.today, seen.today_name) == ("level_one", "H44.09", "Phú Thọ")
    assert (done.looked_at, done.stopped, done.oldest_at) == (3, "end", hub.now() - 10_800)


def test_a_closed_code_is_told_with_todays_owner_and_late_only_for_messages_of_a_later_day(hub: Hub) -> None:
    receive(hub, message("H62.14-250612-0001", "H62.14", submitted="2025-06-12", MaTinh="26"))
    receive(hub, message("2", "H62", submitted="2025-08-12", MaTinh="26"))

    done = administration.check(hub)

    running, late = told(done, "agency")["H62.14"], told(done, "agency")["H62"]
    assert (running.standing, running.today, running.today_name, running.late) == ("closed", "H44", "Phú Thọ", 0)
    assert "closed" not in running.findings
    assert (late.name, late.today, late.late, late.findings[0]) == ("Vĩnh Phúc", "H44", 1, "closed")
    area = told(done, "province")["26"]
    assert (area.number, area.late, area.today, area.today_name) == (2, 1, "25", "Phú Thọ")


def test_an_area_code_that_means_two_provinces_is_ambiguous_only_without_a_day(hub: Hub) -> None:
    receive(hub, message("1", "H38", submitted="2026-02-20", MaTinh="15", TenTinh="Lào Cai"))
    assert "ambiguous" not in told(administration.check(hub), "province")["15"].findings

    receive(hub, message("2", "H38", submitted="", MaTinh="15"))

    seen = told(administration.check(hub), "province")["15"]
    assert (seen.findings[0], seen.undated, seen.number) == ("ambiguous", 1, 2)


def test_a_name_of_another_day_and_a_name_with_its_tone_elsewhere_are_told(hub: Hub) -> None:
    receive(hub, message("1", "H38", MaTinh="15", TenTinh="Tỉnh Yên Bái"))
    receive(hub, message("2", "H32", name="UBND tỉnh Khánh Hoà", MaTinh="56", TenTinh="Khánh Hòa"))
    receive(hub, message("3", "H44", name="UBND TỈNH PHÚ THỌ"))

    seen = told(administration.check(hub))

    assert (seen["15"].findings[0], seen["15"].other_names) == ("other_name", ("Tỉnh Yên Bái",))
    assert (seen["H32"].findings[0], seen["H32"].spellings) == ("spelled", ("UBND tỉnh Khánh Hoà",))
    assert seen["56"].spellings == seen["H44"].spellings == ()


def test_what_no_list_has_is_unknown_and_an_installations_own_row_makes_it_known(hub: Hub) -> None:
    receive(hub, message("1", "H99.01", MaXa="00123", MaHuyen="001"))
    receive(hub, message("2", "H44", MaXa="26248"))

    before = told(administration.check(hub))
    assert (before["H99.01"].standing, before["00123"].standing, before["26248"].standing) == ("unknown", "unknown", "current")
    with_row = Laid(list_name="areas", code="00123", value="H44", name="Xã Thử", valid_from="2025-07-01", valid_to="")
    hub.ledger.change(
        lambda conn: code_verbs.set_row(conn, row=with_row, actor="hoa", why="danh mục xã", now=hub.now()), "codes:areas"
    )

    after = told(administration.check(hub))["00123"]
    assert (after.standing, after.name, after.findings) == ("current", "Xã Thử", ())


def test_a_district_is_kept_and_told_once_districts_have_ended(hub: Hub) -> None:
    receive(hub, message("1", "H44", submitted="2025-06-12", MaHuyen="243"))
    receive(hub, message("2", "H44", submitted="2025-07-01", MaHuyen="244"))
    receive(hub, message("3", "H44", submitted="2025-07-02", MaHuyen=""))

    seen = told(administration.check(hub), "district")

    assert {code: each.findings for code, each in seen.items()} == {"243": (), "244": ("district_ended",)}


def test_what_was_only_recalled_says_so(hub: Hub) -> None:
    receive(hub, message("1", "H44"))
    receive(hub, message("2", "H55"))

    seen = told(administration.check(hub))

    assert "uncorroborated" in seen["H44"].findings
    assert seen["H55"].findings == ()


def test_procedures_are_looked_up_in_the_catalogues_once_there_are_some(hub: Hub) -> None:
    receive(hub, message("1", "H55", procedure="1.000001"))
    assert told(administration.check(hub), "procedure")["1.000001"].standing == ""

    listed = (Procedure(code="1.000002", name="Cấp phép"),)
    catalogue = CatalogueMessage(owner="G10", procedures=listed, sent_at=moment("2026-03-01"))
    body = to_json(catalogue)
    rows = tuple(procedures.row_of("G10", each) for each in listed)
    hub.ledger.record_received(
        make.acceptance(catalogue.subject, body, endpoint="bo", at=hub.now(), kind="catalogue", procedures=rows)
    )

    seen = told(administration.check(hub), "procedure")
    assert (seen["1.000001"].standing, seen["1.000002"].standing) == ("unknown", "current")
    assert told(administration.check(hub), "agency")["G10"].number == 1


def test_agency_codes_inside_of_other_codes_are_never_judged(hub: Hub) -> None:
    receive(hub, message("H62.14-250612-0001", "H44", procedure="1.004616.000.00.00.H62", submitted="2026-02-20"))

    seen = told(administration.check(hub))

    assert seen["G13-TN01"].findings == ()
    assert "closed" not in seen["1.004616.000.00.00.H62"].findings
    assert (seen["H62.14"].kind, seen["H62.14"].today, seen["H62.14"].late) == ("number", "H44", 0)
    assert seen["H62.14"].findings == ("uncorroborated",)


def test_a_number_that_is_given_out_under_a_closed_code_is_told(hub: Hub) -> None:
    receive(hub, message("H62.14-250812-0001", ""))

    seen = told(administration.check(hub), "number")["H62.14"]

    assert (seen.late, seen.findings[0]) == (1, "closed")


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_only_so_many_and_so_old_messages_are_looked_at_and_it_says_so(hub: Hub) -> None:
    for number in range(5):
        receive(hub, message(str(number), "H55"), ago=timedelta(days=number))

    few = administration.check(hub, count=2)
    young = administration.check(hub, days=2)

    assert (few.looked_at, few.stopped, few.wanted) == (2, "count", 2)
    assert (young.looked_at, young.stopped) == (3, "end")
    assert young.oldest_at == hub.now() - 2 * 86_400


def test_windows_follow_each_other(desk: Hub) -> None:
    for number in range(450):
        receive(desk, message(str(number), "H55"), ago=timedelta(seconds=number))

    assert told(administration.check(desk), "agency")["H55"].number == 450


def test_only_what_a_person_sees_counts(hub: Hub) -> None:
    receive(hub, message("1", "H55"))
    receive(hub, message("2", "H26"), "bo")
    limited = Person(login="lan", roles=frozenset({Role.OFFICER}), scope=frozenset({SENDER}))
    act = ACTS["codes check"]

    done = perform(hub, limited, act, act.asked())

    assert set(told(done, "agency")) == {"H55"}
    with pytest.raises(Forbidden):
        perform(hub, limited, act, act.asked(endpoint="bo"))


def test_a_message_whose_content_is_past_retention_is_left_out(desk: Hub) -> None:
    receive(desk, message("1", "H55"))
    desk.ledger.change(lambda conn: conn.execute(update(payloads).values(body=None)), "x")

    assert administration.check(desk).looked_at == 0


# --- persons ---------------------------------------------------------------------------------------------------------


def test_what_may_be_somebodys_number_is_counted_and_never_shown(hub: Hub) -> None:
    receive(hub, message("1", SECRET, procedure=SECRET, MaTinh=SECRET, MaXa="Nguyễn Thử Nghiệm", MaBuuChinh="0900000000"))

    done = administration.check(hub)
    text = json.dumps(plain(done), ensure_ascii=False)

    assert SECRET not in text and "Nguyễn" not in text and "0900000000" not in text
    assert {each.kind: each.findings for each in done.codes if not each.code} == {
        kind: ("unreadable",) for kind in ("agency", "province", "commune", "postal", "procedure")
    }


def test_a_name_that_is_in_no_list_is_not_shown(hub: Hub) -> None:
    receive(hub, message("1", "H44", name="Nguyễn Thử Nghiệm", MaTinh="25", TenTinh="Trần Văn Thử"))

    text = json.dumps(plain(administration.check(hub)), ensure_ascii=False)

    assert "Nguyễn" not in text and "Trần" not in text


def test_a_flood_of_different_codes_does_not_fill_the_memory() -> None:
    tally = Tally(CODES, TODAY)
    for number in range(codes_judged.MOST_CODES + 500):
        tally.add(Found("procedure", f"P-{number}"), "mot_cua", 1.0)

    assert len(tally.seen(None)) == codes_judged.MOST_CODES
    assert tally.left_out == 500


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["MaTinh", "TenTinh", "code", "dossier", "agency", "form", "x"]), inner, max_size=4),
    max_leaves=20,
)


@given(st.sampled_from(["dossier", "catalogue", "notice", ""]), _JSON, _JSON)
def test_any_tree_can_be_looked_through(kind: str, dossier: Any, procedures: Any) -> None:
    tree = {"kind": kind, "dossier": dossier, "procedures": procedures, "owner": dossier, "sent_at": procedures}
    tally = Tally(CODES, TODAY)

    for found in codes_in(tree, [("dossier.form.MaTinh", "areas")]):
        tally.add(found, "mot_cua", 1.0)

    assert all(each.number for each in tally.seen(()))


def test_a_place_that_a_rule_reads_is_looked_at_too() -> None:
    tree = {"kind": "dossier", "dossier": {"form": {"NoiNop": "26"}}, "native": {}}

    assert list(codes_in(tree, [("dossier.form.NoiNop", "areas"), ("native.x", "procedures")])) == [Found("province", "26")]


# --- one code --------------------------------------------------------------------------------------------------------


def test_one_code_is_told_with_its_days_its_chain_and_what_is_not_corroborated(hub: Hub) -> None:
    shown = administration.show(hub, "H62.14")

    assert (shown.agency, shown.level_one, shown.chain, shown.owner_name) == ("closed", "H62", ("H62.14", "H44"), "Phú Thọ")
    assert shown.uncorroborated
    assert [(each.list_name, each.row.value, each.row.name, each.row.valid_to) for each in shown.versions] == [
        ("agencies", "H62", "Vĩnh Phúc", date(2025, 7, 1)), ("agencies", "H44", "Phú Thọ", None),
    ]
    assert administration.show(hub, "H62.14", day=date(2025, 6, 30)).agency == "level_one"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("15", {"area": "current", "ambiguous": True, "area_name": "Lào Cai", "agency": ""}),
        ("26", {"area": "closed", "area_today": "25", "area_name": "Phú Thọ"}),
        ("H44", {"agency": "current", "answers_for": ("H28", "H62"), "owner_name": "Phú Thọ"}),
        ("000.00.14.H62", {"suggestion": "H62.14", "owner": "H44"}),
        ("000.00.00.H49", {"suggestion": "", "owner": "H49", "uncorroborated": False}),
        ("H62.14-250612-0001", {"code": "H62.14", "owner": "H44"}),
        ("Hoà Bình", {"named": ("H28", "17"), "agency": ""}),
        ("10", {"area": "closed", "area_today": "15"}),
    ],
)
def test_codes_of_every_form_can_be_asked_for(desk: Hub, code: str, expected: dict[str, Any]) -> None:
    shown = administration.show(desk, code)

    assert {name: getattr(shown, name) for name in expected} == expected


@pytest.mark.parametrize("code", ["", "nothing", "KQ.G07.000001", "9" * 60])
def test_what_is_nowhere_is_refused(desk: Hub, code: str) -> None:
    with pytest.raises(NotAllowed):
        administration.show(desk, code)


def test_a_row_of_the_configuration_stands_over_the_shipped_one(desk: Hub, tmp_path: Path) -> None:
    file = "code,value,name,valid_from,valid_to,corroborated\nH44,H44,Phú Thọ,,,yes\nH44.31,H44.31,Sở NN&MT,2025-07-01,,\n"
    (tmp_path / "codes" / "agencies.csv").write_text(file, encoding="utf-8")

    shown = administration.show(desk, "H44")

    assert not shown.uncorroborated
    assert [(each.row.origin, each.row.covered) for each in shown.versions if each.list_name == "agencies"] == [
        ("file", False), ("shipped", True), ("shipped", True),
    ]
    assert administration.show(desk, "H44.31").agency == "current"
    assert desk.codes(fresh=True).find("agencies", "H44", TODAY) == CodeRow("H44", "H44", "Phú Thọ")


def test_who_may_look(desk: Hub) -> None:
    for verb, asked in (("codes check", {}), ("codes show", {"code": "H62"})):
        act = ACTS[verb]
        assert not act.changes
        perform(desk, OFFICER, act, act.asked(**asked))
        perform(desk, Person(login="xem", roles=frozenset({Role.VIEWER})), act, act.asked(**asked))
