"""Corrections: what a person mends goes in the original's place, once, when somebody else has agreed; all of it is kept."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select

from hub import operations, retention
from hub.app import Hub
from hub.canonical.message import from_json
from hub.edge.acts import everything
from hub.edge.acts.act import perform
from hub.errors import Forbidden, InvalidMessage, NotAllowed
from hub.ledger import edit_verbs, journal, operator_verbs, payloads
from hub.ledger.tables import deliveries
from hub.operations import edits
from hub.registers import evidence, history, integrity
from hub.registers.edits import EditShown
from hub.registers.leaning import Leans
from hub.rules.lifecycle import State
from hub.rules.people import Person, Role
from tests.support import hub as hubs
from tests.support import looking
from tests.support.containers import Desk
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER, SENDER
from tests.support.night_shift import Shift, shift

LAN = {"actor": "lan", "why": "sai mã thủ tục"}
MINH = {"actor": "minh", "why": "đã đối chiếu"}
#: The code that the partner's list has.
RIGHT = {"/dossier/procedure/code": "1.000001"}


@pytest.fixture(params=ENGINES)
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shift]:
    """A hub whose partner lacks a procedure code, on each engine."""
    with ledger_on(request.param) as address, shift(tmp_path, ledger=address) as opened:
        yield opened


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Shift]:
    """A hub on SQLite at whose partner one person is enough."""
    with shift(tmp_path, more="four_eyes = false\n") as opened:
        yield opened


def content(hub: Hub, digest: str) -> Any:
    with hub.ledger.read() as conn:
        return json.loads(payloads.get(conn, digest) or b"null")


def events(hub: Hub, subject: str = "national:H01-1") -> list[str]:
    with hub.ledger.read() as conn:
        return [row.event for row in history.journal_of(conn, subject)]


def wrong(hub: Hub) -> list[str]:
    with hub.ledger.read() as conn:
        return [f"{each.kind} {each.name} {each.en}" for each in integrity.wrong(conn)]


# --- the way of a correction -----------------------------------------------------------------------------------------


def test_a_corrected_message_goes_in_the_originals_place_and_the_original_is_kept(night: Shift) -> None:
    night.unmapped(1)
    night.send(2)
    (parked, _) = night.deliveries()

    proposed = edits.propose(night.hub, parked.id, RIGHT, **LAN)
    night.carry()
    waiting = night.states()
    applied = edits.approve(night.hub, proposed.edit.id, **MINH)
    night.carry()

    assert (proposed.edit.state, waiting) == ("proposed", [State.PARKED, State.HELD])
    assert (applied.edit.state, applied.edit.decided_by) == ("applied", "minh")
    assert night.partner.marks("H01-1") == ["#1", "#2"]
    assert night.bodies()[0]["hoSo"]["thuTuc"]["ma"] == "TT-01"
    assert night.states() == [State.DELIVERED] * 2
    assert content(night.hub, applied.edit.before_digest)["dossier"]["procedure"]["code"] == "9.999999"
    assert night.deliveries()[0].canonical_digest == applied.edit.after_digest
    assert night.deliveries()[0].procedure == "1.000001"
    (message, _) = looking.all_messages(night.hub.ledger)
    assert json.loads(message.canonical) == [applied.edit.before_digest]
    assert [each for each in events(night.hub) if each.startswith("edit.")] == ["edit.proposed", "edit.approved"]
    assert looking.broken_rows(night.hub.ledger) == []
    assert wrong(night.hub) == []
    looking.check_chains(night.hub.ledger)


def test_the_journal_names_fields_and_digests_but_no_values(night: Shift) -> None:
    night.unmapped(1)
    name = "Trần Thử Nghiệm Sửa"
    values = {**RIGHT, "/dossier/applicant/name": name, "/dossier/form": {"ghi chú riêng": name}}

    proposed = edits.propose(night.hub, night.ids()[0], values, **LAN)
    edits.approve(night.hub, proposed.edit.id, **MINH)

    with night.hub.ledger.read() as conn:
        told = [row for row in history.journal_of(conn, "national:H01-1") if row.event.startswith("edit.")]
    paths = ["/dossier/procedure/code", "/dossier/applicant/name", "/dossier/form"]
    assert [sorted(row.entry["paths"]) for row in told] == [sorted(paths)] * 2
    assert name not in "".join(row.text for row in told)
    assert "riêng" not in "".join(row.text for row in told)
    assert told[1].entry["proposed_by"] == "lan"
    assert told[1].actor == "minh"


def test_where_one_person_is_enough_it_goes_at_once(alone: Shift) -> None:
    alone.unmapped(1)

    applied = edits.propose(alone.hub, alone.ids()[0], RIGHT, **LAN)
    alone.carry()

    assert (applied.edit.state, applied.edit.four_eyes) == ("applied", False)
    assert alone.states() == [State.DELIVERED]
    assert alone.bodies()[0]["hoSo"]["thuTuc"]["ma"] == "TT-01"


def test_a_corrected_one_that_stands_still_again_is_corrected_from_there(alone: Shift) -> None:
    alone.unmapped(1)
    (parked,) = alone.ids()
    first = edits.propose(alone.hub, parked, {"/dossier/procedure/code": "8.888888"}, **LAN)
    alone.carry()
    assert alone.states() == [State.PARKED]

    second = edits.propose(alone.hub, parked, RIGHT, **LAN)
    alone.carry()

    assert second.edit.before_digest == first.edit.after_digest
    assert alone.states() == [State.DELIVERED]
    assert [each.id for each in edits.editable(alone.hub, parked).edits] == [second.edit.id, first.edit.id]


def test_a_message_that_no_rule_matched_is_corrected_and_routed(tmp_path: Path) -> None:
    routes = f'[[route]]\nname = "one"\nfrom = ["{SENDER}"]\nprocedures = ["1.*"]\nto = ["{PARTNER}"]\n'
    with shift(tmp_path, more="four_eyes = false\n") as night:
        (night.folder / "routes.toml").write_text(routes, encoding="utf-8")
        hubs.close(night.hub)
        night.hub = hubs.open_hub(night.folder, night.clock)
        night.unmapped(1)
        (row,) = looking.all_deliveries(night.hub.ledger)
        assert (row.endpoint, row.state) == ("unrouted", State.PARKED)

        proposed = edits.propose(night.hub, row.id, RIGHT, **LAN)
        edits.approve(night.hub, proposed.edit.id, **MINH)
        night.carry()

        assert proposed.edit.four_eyes
        assert night.bodies()[0]["hoSo"]["thuTuc"]["ma"] == "TT-01"


# --- four eyes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("actor", ["lan", "Lan", " LAN "])
def test_the_proposer_cannot_approve(night: Shift, actor: str) -> None:
    night.unmapped(1)
    proposed = edits.propose(night.hub, night.ids()[0], RIGHT, **LAN)

    with pytest.raises(NotAllowed, match="somebody else"):
        edits.approve(night.hub, proposed.edit.id, actor=actor, why="tự duyệt")

    assert edits.show(night.hub, proposed.edit.id).edit.state == "proposed"
    assert night.states() == [State.PARKED]


def test_of_two_who_approve_at_once_one_does_and_it_is_sent_once(night: Shift) -> None:
    night.unmapped(1)
    proposed = edits.propose(night.hub, night.ids()[0], RIGHT, **LAN)
    start = Barrier(2)
    other = hubs.open_hub(night.folder, night.clock)

    def approve(hub: Hub, actor: str) -> str:
        start.wait()
        try:
            return edits.approve(hub, proposed.edit.id, actor=actor, why="đồng ý").edit.state
        except NotAllowed as error:
            return error.en

    try:
        with ThreadPoolExecutor(2) as pool:
            said = list(pool.map(approve, (night.hub, other), ("minh", "hoa")))
    finally:
        hubs.close(other)
    night.carry()

    assert sorted(each == "applied" for each in said) == [False, True], said
    assert any("decided on before" in each for each in said)
    assert night.partner.marks("H01-1") == ["#1"]
    assert events(night.hub).count("edit.approved") == 1


def test_of_two_who_propose_at_once_one_is_told_of_the_other(night: Shift) -> None:
    night.unmapped(1)
    (parked,) = night.ids()
    start = Barrier(2)
    other = hubs.open_hub(night.folder, night.clock)

    def propose(hub: Hub, actor: str) -> str:
        start.wait()
        try:
            return edits.propose(hub, parked, RIGHT, actor=actor, why="sai mã").edit.state
        except NotAllowed as error:
            return error.en

    try:
        with ThreadPoolExecutor(2) as pool:
            said = sorted(pool.map(propose, (night.hub, other), ("lan", "minh")))
    finally:
        hubs.close(other)

    assert sorted(each == "proposed" for each in said) == [False, True], said
    assert any("decide on that one first" in each for each in said)
    assert len(edits.listing(night.hub)) == 1


@pytest.mark.parametrize("verb", ["rebuild", "release"])
def test_nothing_changes_where_the_delivery_moved_on_since(night: Shift, verb: str) -> None:
    night.unmapped(1)
    (parked,) = night.ids()
    proposed = edits.propose(night.hub, parked, RIGHT, **LAN)
    getattr(operations, verb)(night.hub, parked, **LAN)
    night.carry()
    before = night.deliveries()[0]
    assert before.state == State.PARKED

    with pytest.raises(NotAllowed, match="moved on"):
        edits.approve(night.hub, proposed.edit.id, **MINH)

    assert night.deliveries()[0] == before
    shown = edits.show(night.hub, proposed.edit.id)
    assert (shown.edit.state, shown.stands) == ("proposed", False)


def test_a_new_proposal_takes_the_place_of_one_that_the_delivery_left_behind(night: Shift) -> None:
    night.unmapped(1)
    (parked,) = night.ids()
    old = edits.propose(night.hub, parked, {"/dossier/note": "cũ"}, **LAN)
    with pytest.raises(NotAllowed, match="decide on that one first"):
        edits.propose(night.hub, parked, RIGHT, **MINH)
    operations.rebuild(night.hub, parked, **LAN)
    night.carry()
    night.clock.advance(1)

    new = edits.propose(night.hub, parked, RIGHT, **MINH)

    assert edits.show(night.hub, old.edit.id).edit.state == "overtaken"
    assert [each.state for each in edits.listing(night.hub)] == ["proposed", "overtaken"]
    with pytest.raises(NotAllowed, match="overtaken"):
        edits.approve(night.hub, old.edit.id, **MINH)
    edits.approve(night.hub, new.edit.id, **LAN)


def test_a_rejected_one_leaves_the_delivery_as_it_is(night: Shift) -> None:
    night.unmapped(1)
    before = night.deliveries()
    proposed = edits.propose(night.hub, night.ids()[0], RIGHT, **LAN)

    rejected = edits.reject(night.hub, proposed.edit.id, actor="minh", why="sai mã")

    assert (rejected.edit.state, rejected.edit.decided_why) == ("rejected", "sai mã")
    assert night.deliveries() == before
    with pytest.raises(NotAllowed, match="decided on before"):
        edits.approve(night.hub, proposed.edit.id, actor="hoa", why="muộn")
    with pytest.raises(NotAllowed, match="decided on before"):
        edits.reject(night.hub, proposed.edit.id, **LAN)


# --- what cannot be corrected ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        {"/dossier/code": "H01-2"},
        {"/dossier/numbering": "vnsw"},
        {"/dossier/other_codes": {"vnsw": "VN-1"}},
        {"/event": "licence_issued"},
        {"/kind": "notice"},
    ],
    ids=lambda values: next(iter(values)),
)
def test_whose_dossier_it_is_cannot_be_changed(alone: Shift, values: dict[str, Any]) -> None:
    alone.unmapped(1)

    with pytest.raises((NotAllowed, InvalidMessage)):
        edits.propose(alone.hub, alone.ids()[0], {**RIGHT, **values}, **LAN)

    assert alone.states() == [State.PARKED]


def test_steps_for_which_other_calls_would_be_needed_are_refused(alone: Shift) -> None:
    alone.unmapped(1)
    step = {"status": "4", "at": "2026-03-02T09:00:00+07:00"}

    with pytest.raises(NotAllowed, match="other calls"):
        edits.propose(alone.hub, alone.ids()[0], {"/steps/-": step}, **LAN)


def test_a_link_to_a_file_that_the_message_did_not_name_is_refused(alone: Shift) -> None:
    alone.unmapped(1)
    file = {"name": "đơn.pdf", "url": f"{alone.hub.public_url}/attachments/sha256:{'0' * 64}"}

    with pytest.raises(InvalidMessage) as caught:
        edits.propose(alone.hub, alone.ids()[0], {"/dossier/attachments/-": file}, **LAN)

    assert [fault.code for fault in caught.value.faults] == ["not_stored"]


def test_only_what_stands_still_is_corrected(night: Shift) -> None:
    night.send(1)

    with pytest.raises(NotAllowed, match="only a parked delivery"):
        edits.propose(night.hub, night.ids()[0], {"/dossier/note": "x"}, **LAN)


def test_what_may_have_arrived_is_not_corrected(night: Shift) -> None:
    """Both would be at the partner: the original, which was perhaps taken, and the corrected one."""
    night.faults["H01-1"] = "garble"
    night.send(1)
    night.faults.clear()
    (doubtful,) = night.ids()
    with night.hub.ledger.apart() as conn:
        conn.execute(deliveries.update().where(deliveries.c.id == doubtful).values(state="parked", doubt=""))

    with pytest.raises(NotAllowed, match="may have arrived"):
        edits.propose(night.hub, doubtful, {"/dossier/note": "x"}, **LAN)


def test_nothing_to_change_is_no_correction(night: Shift) -> None:
    night.unmapped(1)

    with pytest.raises(NotAllowed, match="nothing would change"):
        edits.propose(night.hub, night.ids()[0], {"/dossier/procedure/code": "9.999999"}, **LAN)


def test_what_retention_deleted_cannot_be_corrected_but_a_correction_is_kept(night: Shift) -> None:
    night.unmapped(1)
    proposed = edits.propose(night.hub, night.ids()[0], RIGHT, **LAN)
    night.clock.advance(10 * 86_400)

    retention.run(night.hub, days=1, proof_days=1, actor="hub", why="test")

    edits.approve(night.hub, proposed.edit.id, **MINH)
    night.carry()
    assert night.states() == [State.DELIVERED]
    night.clock.advance(10 * 86_400)
    retention.run(night.hub, days=1, proof_days=1, actor="hub", why="test")
    assert edits.show(night.hub, proposed.edit.id).changes == ()
    assert wrong(night.hub) == []


# --- both can never arrive -------------------------------------------------------------------------------------------


def test_the_original_that_is_still_on_the_bus_finds_nothing_to_claim(night: Shift) -> None:
    """A repeated bus message of the original comes after the correction: by its epoch, and by its content, it is nothing."""
    published: list[Any] = []
    publish = night.hub.bus.publish
    night.hub = replace(night.hub, bus=_Listening(night.hub.bus, published, publish))
    night.unmapped(1)
    (original,) = published
    proposed = edits.propose(night.hub, night.ids()[0], RIGHT, **LAN)
    edits.approve(night.hub, proposed.edit.id, **MINH)

    assert night.hub.ledger.claim(original, night.hub.now(), 60.0) is None
    night.carry()
    assert night.hub.ledger.claim(original, night.hub.now(), 60.0) is None
    assert night.partner.marks("H01-1") == ["#1"]


class _Listening:
    """A bus that also writes down what is published."""

    def __init__(self, bus: Any, published: list[Any], publish: Any) -> None:
        self._bus, self._published, self._publish = bus, published, publish

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    def publish(self, due: Any) -> Any:
        given = list(due)
        self._published.extend(given)
        return self._publish(given)


@pytest.mark.parametrize("touch", ["_decide", "journal", "correct"])
@pytest.mark.parametrize("engine", ENGINES)
def test_killed_in_the_middle_of_an_approval_nothing_of_it_was_done(tmp_path: Path, engine: str, touch: str) -> None:
    """kill -9 between the statements of the commit: the proposal waits, the delivery stands still, and it can be approved."""
    with ledger_on(engine) as address, shift(tmp_path, ledger=address) as night:
        night.unmapped(1)
        proposed = edits.propose(night.hub, night.ids()[0], RIGHT, **LAN)

        _die_at(night, proposed.edit.id, touch)

        assert edits.show(night.hub, proposed.edit.id).stands
        assert night.states() == [State.PARKED]
        edits.approve(night.hub, proposed.edit.id, **MINH)
        night.carry()
        assert night.partner.marks("H01-1") == ["#1"]
        assert wrong(night.hub) == []


def _die_at(night: Shift, edit_id: str, touch: str) -> None:
    """Let a child process approve and die right after one of the steps of the verb."""
    child = os.fork()
    if child == 0:
        try:
            hub = hubs.bootstrap.open_hub(hubs.bootstrap.load_settings(night.folder), clock=night.clock)
            _killing(touch)
            edits.approve(hub, edit_id, **MINH)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def _killing(touch: str) -> None:
    owner, name = {
        "_decide": (edit_verbs, "_decide"),
        "journal": (journal, "append"),
        "correct": (operator_verbs, "correct"),
    }[touch]
    real = getattr(owner, name)

    def dies(*given: Any, **named: Any) -> None:
        real(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, dies)


# --- what is shown ---------------------------------------------------------------------------------------------------


def shown_by_path(shown: EditShown) -> dict[str, tuple[Any, Any]]:
    return {change.path: (change.before, change.after) for change in shown.changes}


def test_values_are_hidden_unless_they_are_revealed(night: Shift) -> None:
    night.unmapped(1)
    values = {**RIGHT, "/dossier/applicant/name": "Trần Thử Nghiệm"}
    proposed = edits.propose(night.hub, night.ids()[0], values, **LAN)

    plain = shown_by_path(proposed)
    revealed = shown_by_path(edits.show(night.hub, proposed.edit.id, revealed=True))

    assert plain["/dossier/procedure/code"] == ("9.999999", "1.000001")
    assert plain["/dossier/applicant/name"] == ("***", "***")
    assert proposed.hidden == 1
    assert revealed["/dossier/applicant/name"] == ("Nguyễn Thử Nghiệm", "Trần Thử Nghiệm")


def test_a_mask_that_comes_back_is_no_value(night: Shift) -> None:
    night.unmapped(1)
    fields = {each.path: each for each in edits.editable(night.hub, night.ids()[0]).fields}

    with pytest.raises(InvalidMessage) as caught:
        edits.propose(night.hub, night.ids()[0], {"/dossier/applicant/name": fields["/dossier/applicant/name"].value}, **LAN)

    assert [fault.path for fault in caught.value.faults] == ["/dossier/applicant/name"]
    assert fields["/dossier/code"].fixed
    assert not fields["/dossier/applicant/name"].fixed
    assert fields["/dossier/applicant/name"].hidden


def test_it_says_where_the_corrected_one_could_not_be_written_either(night: Shift) -> None:
    night.unmapped(1)

    proposed = edits.propose(night.hub, night.ids()[0], {"/dossier/procedure/code": "7.777777"}, **LAN)

    assert "7.777777" in proposed.problem_en
    assert night.states() == [State.PARKED]


def test_evidence_holds_both_contents_and_who_approved(night: Shift, tmp_path: Path) -> None:
    night.unmapped(1)
    proposed = edits.propose(night.hub, night.ids()[0], RIGHT, **LAN)
    edits.approve(night.hub, proposed.edit.id, **MINH)
    night.carry()
    desk = Desk(night.hub.ledger, tmp_path)

    with night.hub.ledger.read() as conn:
        found = evidence.collect(conn, "H01-1", lambda *_: Leans(), desk.store)
        folder = f"deliveries/{night.ids()[0]}"
        files = {each.path: b"".join(each.pieces()) for each in found.items}
    assert json.loads(files[f"{folder}/correction-1-before.json"])["dossier"]["procedure"]["code"] == "9.999999"
    assert json.loads(files[f"{folder}/correction-1-after-applied.json"])["dossier"]["procedure"]["code"] == "1.000001"
    assert files[f"{folder}/canonical.json"] == files[f"{folder}/correction-1-after-applied.json"]
    told = {check.words[0] for check in found.checks if check.kind == "told"}
    assert {f"{folder}/correction-1-before.json", f"{folder}/correction-1-after-applied.json"} <= told
    assert [(each.proposed_by, each.decided_by) for each in found.corrections] == [("lan", "minh")]


# --- acts ------------------------------------------------------------------------------------------------------------


def person(login: str, role: Role, *scope: str) -> Person:
    return Person(login=login, roles=frozenset({role}), scope=frozenset(scope) or None)


def act(night: Shift, who: Person, verb: str, **asked: Any) -> Any:
    found = everything.ACTS[verb]
    return perform(night.hub, who, found, found.asked.model_validate(asked))


def test_the_acts_keep_to_roles_and_scope(night: Shift) -> None:
    night.unmapped(1)
    lan, minh = person("lan", Role.OPERATOR, PARTNER), person("minh", Role.APPROVER, PARTNER)
    far = person("xa", Role.OPERATOR, "other")
    asked = {"delivery": night.ids()[0], "values": json.dumps(RIGHT), "why": "sai mã"}
    for nobody in (far, minh):
        with pytest.raises(Forbidden):
            act(night, nobody, "edit propose", **asked)

    proposed = act(night, lan, "edit propose", **asked)

    assert act(night, far, "edit show") == ()
    assert [each.id for each in act(night, lan, "edit show", state="proposed")] == [proposed.edit.id]
    with pytest.raises(Forbidden):
        act(night, far, "edit show", edit=proposed.edit.id)
    with pytest.raises(Forbidden):
        act(night, far, "edit show", delivery=night.ids()[0])
    with pytest.raises(Forbidden):
        act(night, lan, "edit approve", edit=proposed.edit.id, why="tự duyệt")
    assert act(night, minh, "edit approve", edit=proposed.edit.id, why="đúng").edit.state == "applied"


def test_what_was_recorded_can_be_read_again_as_a_message(night: Shift) -> None:
    night.unmapped(1)
    proposed = edits.propose(night.hub, night.ids()[0], {**RIGHT, "/dossier/due_at": "2026-03-09T17:00:00+07:00"}, **LAN)

    with night.hub.ledger.read() as conn:
        row = conn.execute(select(deliveries.c.canonical_digest)).scalar_one()
        after = from_json(payloads.get(conn, proposed.edit.after_digest) or b"")

    assert row == proposed.edit.before_digest
    assert after.dossier.due_at is not None  # type: ignore[union-attr]
