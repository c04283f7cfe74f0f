"""What a holder has is brought to what the policy says, once, and the next pull finds nothing left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.canonical.national_procedure import write_procedure
from hub.errors import NotAllowed
from hub.reconcile.procedures import comparing, looking, mending, pulling
from hub.registers import catalogue
from tests.support import catalogue_world
from tests.support.catalogue_world import PORTAL, PROVINCE, READ_ONLY, WHO, Catalogues
from tests.support.engines import ENGINES, ledger_on

HOLDERS = (PORTAL, READ_ONLY, PROVINCE)


def record(number: int, **more: Any) -> dict[str, Any]:
    """Write a procedure's record."""
    return {"MATTHC": f"1.80000{number}", "TENTTHC": f"Cấp giấy phép {number}", "TRANGTHAI": "1", **more}


def pull(world: Catalogues, *holders: str) -> None:
    world.clock.advance(60)
    for holder in holders or HOLDERS:
        pulling.pull(world.hub, holder, **WHO)


def differing(world: Catalogues, holder: str) -> list[tuple[str, tuple[str, ...]]]:
    found = looking.differences(world.hub, holder=holder).procedures
    return [(each.code, tuple(field.field for field in each.fields)) for each in found]


def mend(world: Catalogues, holder: str) -> dict[str, int]:
    world.clock.advance(1)
    made = mending.plan(world.hub, holder, **WHO).plan
    return dict(mending.run(world.hub, made.id, **WHO).results) if made else {}


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    with ledger_on(request.param) as ledger, catalogue_world.opened(tmp_path / "config", ledger=ledger) as opened:
        yield opened


def test_a_portal_that_can_be_written_to_is_written_once_and_the_next_pull_confirms(world: Catalogues) -> None:
    world.told([record(1, YEUCAU="Không"), record(2)], "k1")
    pull(world, PORTAL)
    assert differing(world, PORTAL) == [("1.800001", ("+",)), ("1.800002", ("+",))]

    assert mend(world, PORTAL) == {"sent": 2}
    assert mend(world, PORTAL) == {}
    world.carry()
    assert mend(world, PORTAL) == {}
    pull(world, PORTAL)

    assert differing(world, PORTAL) == []
    assert world.calls(PORTAL, "DongBoThuTuc") == 2


def test_nothing_is_planned_again_while_a_delivery_waits_however_often_the_holder_is_pulled(world: Catalogues) -> None:
    world.told([record(1)], "k1")
    pull(world, PORTAL)
    mend(world, PORTAL)
    pull(world, PORTAL)

    planned = mending.plan(world.hub, PORTAL, **WHO)

    assert (planned.plan, planned.under_way) == (None, 1)


def test_two_plans_for_the_same_write_once(world: Catalogues) -> None:
    world.told([record(1)], "k1")
    pull(world, PORTAL)
    plans = [mending.plan(world.hub, PORTAL, **WHO).plan for _ in range(2)]

    results = [dict(mending.run(world.hub, each.id, **WHO).results) for each in plans if each]
    world.carry()

    assert results == [{"sent": 1}, {"under_way": 1}]
    assert world.calls(PORTAL, "DongBoThuTuc") == 1


def test_a_plan_writes_only_what_was_shown(world: Catalogues) -> None:
    world.told([record(1)], "k1")
    pull(world, PORTAL)
    made = mending.plan(world.hub, PORTAL, **WHO).plan
    world.told([record(1, TENTTHC="Tên khác")], "k2")

    assert made is not None
    assert dict(mending.run(world.hub, made.id, **WHO).results) == {"changed": 1}


def test_what_only_the_holder_says_is_left_to_it(world: Catalogues) -> None:
    world.told([record(1, YEUCAU="Không")], "k1")
    world.hold(PORTAL, [record(1, ID="90001", YEUCAU="Có", TUKHOA="giấy phép")])
    pull(world, PORTAL)
    mend(world, PORTAL)
    world.carry()

    written = world.account(PORTAL)["1.800001"]

    assert (written["ID"], written["YEUCAU"], written["TUKHOA"]) == ("90001", "Không", "giấy phép")


def test_where_it_can_only_be_read_people_mend_it_and_the_next_pull_confirms(world: Catalogues) -> None:
    world.told([record(1), record(2)], "k1")
    pull(world, READ_ONLY)
    assert mend(world, READ_ONLY) == {"listed": 2}
    assert mend(world, READ_ONLY) == {}

    mending.claim(world.hub, READ_ONLY, "G10", ["1.800001"], **WHO)
    assert [each.state for each in looking.worklist(world.hub).items] == ["claimed", "open"]
    world.hold(READ_ONLY, [record(1)])
    pull(world, READ_ONLY)
    assert [each.code for each in looking.worklist(world.hub).items] == ["1.800002"]
    world.hold(READ_ONLY, [record(1), record(2)])
    pull(world, READ_ONLY)

    assert looking.worklist(world.hub).items == ()
    assert len(looking.worklist(world.hub, state="confirmed").items) == 2
    with pytest.raises(NotAllowed):
        mending.claim(world.hub, READ_ONLY, "G10", ["1.800001"], **WHO)


def test_a_difference_keeps_its_day_as_long_as_it_lasts(world: Catalogues) -> None:
    world.told([record(1)], "k1")
    pull(world, PORTAL)
    since = looking.differences(world.hub, holder=PORTAL).procedures[0].since
    pull(world, PORTAL)

    assert looking.differences(world.hub, holder=PORTAL).procedures[0].since == since


def test_a_pull_that_was_cut_goes_on(world: Catalogues) -> None:
    world.told([record(1)], "k1")
    world.hold(PORTAL, [record(number) for number in range(1, 8)])
    first = pulling.pull(world.hub, PORTAL, **WHO, most=3)
    calls = world.calls(PORTAL, "LayThuTuc")

    second = pulling.pull(world.hub, PORTAL, **WHO)

    assert (first.whole, first.fetched, second.whole, second.pull) == (False, 3, True, first.pull)
    assert world.calls(PORTAL, "LayThuTuc") - calls == 4


def test_who_pulls_is_left_alone_until_nothing_was_heard_of_it_for_long(world: Catalogues) -> None:
    begun = lambda now: world.hub.ledger.change(  # noqa: E731
        lambda conn: mending.catalogue_verbs.begin_pull(conn, PORTAL, "p", actor="a", why="w", now=now)
    )
    begun(world.hub.now())

    with pytest.raises(NotAllowed):
        pulling.pull(world.hub, PORTAL, **WHO)
    world.clock.advance(600)

    assert pulling.pull(world.hub, PORTAL, **WHO).pull == "p"


def test_a_record_that_cannot_be_read_is_no_missing_procedure(world: Catalogues) -> None:
    world.told([record(1)], "k1")
    world.hold(PORTAL, [record(1, CANCUPHAPLY="không phải danh sách")])
    pull(world, PORTAL)

    assert differing(world, PORTAL) == [("1.800001", ("?",))]
    mend(world, PORTAL)
    world.carry()
    pull(world, PORTAL)
    assert differing(world, PORTAL) == []


def test_the_province_is_given_its_own_code_back(world: Catalogues) -> None:
    (world.folder / "codes" / "procedures.csv").write_text("code,value,name,valid_from,valid_to\nTN-1,1.800001,,2020-01-01,\n")
    world.told([record(1, MucDo="4")], "k1")
    world.carry()
    world.hold(PROVINCE, [record(1, MATTHC="TN-1", MucDo="3")])
    pull(world, PROVINCE)
    assert differing(world, PROVINCE) == [("1.800001", ("level",))]

    mend(world, PROVINCE)
    world.carry()
    pull(world, PROVINCE)

    assert differing(world, PROVINCE) == []
    assert {code: row["MucDo"] for code, row in world.account(PROVINCE).items()} == {"TN-1": "4"}


def test_the_level_is_never_compared_with_the_portal(world: Catalogues) -> None:
    world.told([record(1, MucDo="4")], "k1")
    world.hold(PORTAL, [record(1)])
    pull(world, PORTAL)

    assert differing(world, PORTAL) == []


def test_where_the_holder_is_right_its_owner_must_act(tmp_path: Path) -> None:
    rule = '[catalogue]\nfields = { YEUCAU = "portal", TUKHOA = "nobody" }\n'
    with catalogue_world.opened(tmp_path / "config", catalogue=rule) as world:
        world.told([record(1, YEUCAU="Không", TUKHOA="a")], "k1")
        world.hold(PORTAL, [record(1, YEUCAU="Có", TUKHOA="b", TENTTHC="Khác")])
        pull(world, PORTAL)
        assert mend(world, PORTAL) == {"sent": 1, "listed": 1}
        world.carry()
        pull(world, PORTAL)

        assert world.account(PORTAL)["1.800001"]["YEUCAU"] == "Có"
        assert [(each.who, each.fields) for each in looking.worklist(world.hub).items] == [("owner", ("YEUCAU",))]
        world.told([record(1, YEUCAU="Có", TUKHOA="a")], "k2")
        comparing.compare_all(world.hub)
        assert looking.worklist(world.hub).items == ()


def test_a_holder_may_follow_another(tmp_path: Path) -> None:
    rule = f'[catalogue]\nfollows = {{ {PROVINCE} = "{PORTAL}" }}\n'
    with catalogue_world.opened(tmp_path / "config", catalogue=rule) as world:
        world.told([record(1, YEUCAU="mới"), record(2)], "k1")
        world.carry()
        world.hold(PORTAL, [record(1, YEUCAU="cũ")])
        world.hold(PROVINCE, [record(1, YEUCAU="mới")])
        pull(world, PORTAL, PROVINCE)

        assert differing(world, PROVINCE) == [("1.800001", ("YEUCAU",))]


names = st.sampled_from(["Cấp giấy phép hòa giải", "Cấp giấy phép hoà giải", "Cấp  giấy phép", "Khác"])
records = st.dictionaries(
    st.integers(1, 4),
    st.fixed_dictionaries(
        {"TENTTHC": names, "TRANGTHAI": st.sampled_from(["1", "0"])},
        optional={
            "YEUCAU": st.sampled_from(["", "Không", "Có"]),
            "MALINHVUC": st.sampled_from(["G10-MT01", "G10-MT02"]),
            "ID": st.sampled_from(["1", "2"]),
            "MucDo": st.sampled_from(["", "3", "4"]),
            "TTHCLIENQUAN": st.lists(st.sampled_from(["a", "b"]), max_size=2),
        },
    ),
    max_size=4,
)


def written(drawn: dict[int, dict[str, Any]], *, level: bool) -> list[dict[str, Any]]:
    """Write records as a partner has them."""
    found = []
    for number, each in sorted(drawn.items()):
        row = record(number, **{name: value for name, value in each.items() if level or name != "MucDo"})
        if "MALINHVUC" in row:
            code = row.pop("MALINHVUC")
            row["LINHVUCTHUCHIEN"] = [{"MALINHVUC": code, "TENLINHVUC": code}]
        found.append(row)
    return found


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    owned=records.filter(bool),
    later=records.filter(bool),
    held=st.fixed_dictionaries(dict.fromkeys(HOLDERS, records)),
    twice=st.booleans(),
)
def test_comparing_planning_and_mending_converges(
    tmp_path_factory: pytest.TempPathFactory, owned: Any, later: Any, held: Any, twice: bool
) -> None:
    """Whatever holders had, and whatever the owner says meanwhile: in the end nothing differs, and nothing is left to do."""
    with catalogue_world.opened(tmp_path_factory.mktemp("world") / "config") as world:
        for holder, drawn in held.items():
            world.hold(holder, written(drawn, level=holder == PROVINCE))
        for number, said in enumerate((owned, later)):
            world.told(written(said, level=True), f"k{number}")
            world.carry()
            pull(world)
            for holder in HOLDERS:
                mend(world, holder)
                if twice:
                    assert mend(world, holder) == {}
            world.carry()
        with world.hub.ledger.read() as conn:
            now = {code: known[0] for code, known in catalogue.in_force(conn, world.clock().date()).items()}
            right = catalogue.records(conn, {each.digest for each in now.values()})
        # At the one that can only be read, an officer does what the work-list says.
        there = world.account(READ_ONLY)
        for each in looking.worklist(world.hub, holder=READ_ONLY).items:
            there[each.code] = mending_record(right[now[each.code].digest], there.get(each.code))
        pull(world)
        for holder in HOLDERS:
            assert differing(world, holder) == []
            assert mending.plan(world.hub, holder, **WHO).plan is None
        assert looking.worklist(world.hub).items == ()


def mending_record(procedure: Any, before: dict[str, Any] | None) -> dict[str, Any]:
    """Write what an officer types in: what the owner says, over what is there."""
    said = {name: value for name, value in write_procedure(procedure).items() if value not in ("", [])}
    return {**(before or {}), **said}
