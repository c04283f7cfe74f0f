"""Border documents at intake: recorded, joined, derived, routed; incidents are marked and parked, nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from hub.canonical.border.message import AnswerResult, BorderEvent, ItemAnswer, TechnicalState
from hub.canonical.border.parts import Measure
from hub.canonical.codes import Event
from hub.registers import timeline
from tests.support.border_world import (
    ASW,
    CUSTOMS,
    EPHYTO,
    MARD,
    MOIT,
    WINDOW,
    Border,
    about,
    answered,
    at,
    dossier,
    form_d,
    issued,
    opened,
    plants,
    tracked,
    used,
)
from tests.support.engines import ENGINES, ledger_on

R, E, T = AnswerResult, BorderEvent, TechnicalState
IMPORT, EXPORT = "BNNPTNT0300004", "BNN&PTNT0300002"


@pytest.fixture(scope="module", params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Border]:
    """One hub on each engine; each test has documents of its own."""
    with ledger_on(request.param) as ledger, opened(tmp_path_factory.mktemp("border") / "config", ledger) as made:
        yield made


_numbers = iter(range(1, 1_000_000))


@pytest.fixture
def number() -> str:
    return f"VN-ID 26/09/{next(_numbers):05}"


def test_a_form_d_goes_abroad_and_its_answer_comes_back(world: Border, number: str) -> None:
    given = issued(form_d(number))
    assert world.say(MOIT, given).body == b"taken"
    assert world.sent(given.subject) == [(ASW, "issued", "pending")]
    shown = world.shown(given)
    assert (shown.row.state, shown.row.origin, shown.row.outgoing) == ("issued", MOIT, True)
    assert [(item.number, [(each.value, each.unit) for each in item.certified]) for item in shown.items] == [
        (1, [(Decimal("20010.5"), "KGM")])
    ]
    assert shown.row.answer_due and shown.row.hop_due and shown.row.expires_at

    assert world.say(ASW, tracked(given, T.SENT, "AS1")).body == b"taken"
    assert world.shown(given).row.hop_due is not None
    assert world.say(ASW, tracked(given, T.DELIVERED, "AS2")).body == b"taken"
    assert world.shown(given).row.hop_due is None
    world.say(ASW, answered(given, R.AVAILABLE))
    world.say(ASW, answered(given, R.GIVEN, declaration="000111222", items=[used(1, "20010.5")]))

    shown = world.shown(given)
    assert (shown.row.state, shown.row.technical, shown.row.hop, shown.row.answer_due) == ("given", "delivered", "AS2", None)
    assert not shown.items[0].over
    assert [each for each in world.sent(given.subject) if each[0] == MOIT] == [
        (MOIT, "answered", "pending"),
        (MOIT, "answered", "held"),
    ]
    assert world.marks(given.subject) == {}


def test_a_repeated_document_changes_nothing_and_goes_nowhere(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    assert world.say(MOIT, given.model_copy(update={"native": {"again": "1"}})).body == b"taken"
    assert len(world.sent(given.subject)) == 1
    assert world.events(given.subject) == [("issued", "applied"), ("issued", "repeated")]


def test_the_same_number_with_other_content_is_an_incident(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    before = world.row(given.subject)
    other = issued(form_d(number, gross_weight=Measure(value=Decimal(99999), unit="KGM")))
    assert world.say(MOIT, other).body == b"taken"
    assert world.sent(given.subject)[1:] == [(ASW, "issued", "held")]  # behind the first, and parked when its turn comes
    assert world.marks(given.subject) == {"differs": ""}
    assert world.events(given.subject)[-1] == ("issued", "differs")
    after = world.row(given.subject)
    assert before is not None and after is not None
    assert (before.content_digest, before.canonical_digest) == (after.content_digest, after.canonical_digest)
    assert world.shown(given).items[0].certified[0].value == Decimal("20010.5")


def test_what_breaks_a_rule_is_refused_with_all_faults(world: Border, number: str) -> None:
    content = form_d(number).model_copy(update={"issuing_country": "TH"})
    answer = world.say(MOIT, issued(content, issuing_country="VN", importing_country="VN"))
    assert answer.status == 422
    assert b"importing_country=" in answer.body and b"origin.issuing_country=" in answer.body
    assert world.find(f"border:origin:VN:{number}") is None


def test_a_withdrawal_of_an_unknown_number_is_kept_and_told(world: Border, number: str) -> None:
    given = issued(plants(number))
    gone = about(given, E.CANCELLED, importing_country="VN", reason="wrong")
    assert world.say(EPHYTO, gone).body == b"taken"
    assert world.shown(given).row.state == "cancelled"
    assert world.sent(given.subject) == [(MARD, "cancelled", "pending")]
    # The certificate itself comes later: it stays withdrawn, and is not passed on as if it were good.
    assert world.say(EPHYTO, given).body == b"taken"
    shown = world.shown(given)
    assert shown.row.state == "cancelled" and shown.canonical_digest and shown.items
    assert world.marks(given.subject) == {"came_cancelled": ""}
    assert world.sent(given.subject)[1][:2] == (MARD, "issued")


def test_answers_before_the_document_are_matched_when_it_comes(world: Border, number: str) -> None:
    given = issued(form_d(number))
    assert world.say(ASW, answered(given, R.GIVEN, declaration="D1", items=[used(1, "10")])).body == b"taken"
    assert world.shown(given).row.standing == "awaited"
    assert world.sent(given.subject) == []
    assert world.events(given.subject) == [("answered", "awaiting")]

    world.say(MOIT, given)
    assert world.shown(given).row.state == "given"
    assert {each[:2] for each in world.sent(given.subject)} == {(ASW, "issued"), (MOIT, "answered")}
    (told,) = world.told(given.subject, MOIT)
    assert told.answer is not None and told.answer.declaration_number == "D1"


def test_a_withdrawal_is_told_with_the_document_that_is_withdrawn(world: Border, number: str) -> None:
    given = issued(plants(number, "VN", "ID"))
    world.say(MARD, given)
    world.say(MARD, about(given, E.CANCELLED, reason="wrong"))
    issue, withdrawal = world.told(given.subject, EPHYTO)
    assert issue.phyto is not None and withdrawal.phyto == issue.phyto.model_copy(update={"status": "40"})
    assert withdrawal.importing_country == "ID"


def test_a_withdrawal_after_use_waits_for_an_officer(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    world.say(ASW, answered(given, R.GIVEN, declaration="D1"))
    world.say(MOIT, about(given, E.CANCELLED, reason="wrong"))
    assert world.marks(given.subject) == {"cancelled_after_use": ""}
    with world.hub.ledger.read() as conn:
        parked = conn.exec_driver_sql(
            f"SELECT error_code FROM deliveries WHERE subject = '{given.subject}' AND event = 'cancelled'"
        ).scalars()
        assert list(parked) == ["border_held"]


def test_a_new_document_takes_the_place_of_the_old_one(world: Border, number: str) -> None:
    old, new = issued(form_d(number)), issued(form_d(f"{number}A"), supersedes=number)
    world.say(MOIT, old)
    world.say(MOIT, new)
    assert world.shown(old).row.state == "superseded"
    (link,) = world.shown(new).links
    assert (link.relation, link.key, link.known) == ("supersedes", old.subject, True)
    world.say(MOIT, about(old, E.CANCELLED, superseded_by=f"{number}A", reason="reclassified"))
    assert world.shown(old).row.state == "superseded"
    assert world.events(old.subject) == [("issued", "applied"), ("superseded", "applied"), ("cancelled", "applied")]
    # That it is withdrawn goes abroad, once, although another one has its place already.
    world.say(MOIT, about(old, E.CANCELLED, superseded_by=f"{number}A", reason="reclassified"))
    assert [each[1] for each in world.sent(old.subject)] == ["issued", "cancelled"]
    assert world.events(old.subject)[-1] == ("cancelled", "repeated")


def test_more_used_than_certified_is_marked_and_not_lost(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    world.say(ASW, answered(given, R.GIVEN, declaration="D1", items=[used(1, "15000")]))
    assert world.marks(given.subject) == {}
    assert world.say(ASW, answered(given, R.GIVEN, declaration="D2", items=[used(1, "5010.51")])).body == b"taken"
    assert world.marks(given.subject) == {"over_used": "1"}
    (item,) = world.shown(given).items
    assert item.over and item.used[0].value == Decimal("20010.51")
    # The same declaration, corrected: the newest word counts, and the mark stays until an officer has looked.
    world.say(ASW, answered(given, R.GIVEN, declaration="D2", items=[used(1, "10")]))
    assert not world.shown(given).items[0].over
    assert world.marks(given.subject) == {"over_used": "1"}


def test_used_in_another_unit_is_marked(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    world.say(ASW, answered(given, R.GIVEN, declaration="D1", items=[used(1, "5", "TNE")]))
    assert world.marks(given.subject) == {"other_unit": "1"}


def test_a_refusal_may_be_reconsidered_but_a_late_word_takes_nothing_back(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    refused = [ItemAnswer(number=1, result="not_given", reason_code="HS", reason="x")]
    world.say(ASW, answered(given, R.NOT_GIVEN, declaration="D1", items=refused, at=at(10)))
    world.say(ASW, answered(given, R.GIVEN, declaration="D1", items=[used(1, "5")], at=at(20)))
    world.say(ASW, answered(given, R.NOT_GIVEN, declaration="D1", items=refused, at=at(10)))
    assert world.shown(given).row.state == "given"
    assert world.events(given.subject)[-1] == ("answered", "late")


def test_only_its_parties_speak_of_a_document(world: Border, number: str) -> None:
    given = issued(form_d(number))
    assert world.say(ASW, given).status == 422, "whoever takes our documents abroad issues none of ours"
    world.say(MOIT, given)
    assert world.say(MARD, about(given, E.CANCELLED, reason="x")).status == 422
    assert world.say(CUSTOMS, answered(given, R.GIVEN, declaration="D1")).status == 422
    assert world.say(MOIT, answered(given, R.GIVEN, declaration="D1")).status == 422
    assert world.shown(given).row.state == "issued"


def test_a_copy_that_was_asked_for_is_sent_again(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    world.say(ASW, about(given, E.COPY_ASKED))
    assert world.marks(given.subject) == {"copy_asked": ""}
    world.say(MOIT, given.model_copy(update={"event": E.COPIED}))
    assert world.marks(given.subject) == {}
    assert [each[:2] for each in world.sent(given.subject) if each[0] == ASW] == [(ASW, "issued"), (ASW, "copied")]


def test_whoever_brought_a_document_is_told_at_once_that_it_is_here(world: Border, number: str) -> None:
    given = issued(form_d(number, "ID", "VN"))
    own = answered(given, R.AVAILABLE, native={"aswOwnAnswer": "RES-REC"})
    assert world.say(ASW, given, own).body == b"taken"
    assert sorted(each[:2] for each in world.sent(given.subject)) == [(ASW, "answered"), (CUSTOMS, "issued")]
    assert world.shown(given).row.state == "available"
    # Customs' answer goes back the way it came.
    world.say(CUSTOMS, answered(given, R.GIVEN, declaration="D1", items=[used(1, "20010.5")]))
    assert (ASW, "answered", "held") in world.sent(given.subject)


# --- with dossiers ------------------------------------------------------------------------------------------------


def reference() -> str:
    return f"BNNPTNT0426{next(_numbers):07}"


def test_a_certificate_after_the_dossier_that_names_it_is_joined(world: Border, number: str) -> None:
    ref = reference()
    typed = number.lower().replace("-", " ")
    form = {"RegistrationProfile": {"GoodsList": {"Goods": [{"PhytoCerNo": typed}]}}}
    assert world.say(WINDOW, dossier(ref, IMPORT, Event.SUBMITTED, form)).body == b"taken"
    given = issued(plants(number))
    world.say(EPHYTO, given)
    assert world.shown(given).row.dossier == f"vnsw:{ref}"
    (told,) = world.told(given.subject, MARD)
    assert told.dossier == f"vnsw:{ref}"


def test_a_certificate_before_the_dossier_that_names_it_is_joined(world: Border, number: str) -> None:
    ref, given = reference(), issued(plants(number))
    world.say(EPHYTO, given)
    assert world.shown(given).row.dossier == ""
    form = {"RegistrationProfile": {"PhytoCerNo": number}}
    world.say(WINDOW, dossier(ref, IMPORT, Event.SUBMITTED, form))
    assert world.shown(given).row.dossier == f"vnsw:{ref}"
    # Said again with every message of the dossier, it changes nothing.
    version = world.shown(given).version
    world.say(WINDOW, dossier(ref, IMPORT, Event.EDITED, form))
    assert world.shown(given).version == version


def test_a_number_that_two_dossiers_name_is_joined_to_none(world: Border, number: str) -> None:
    form = {"RegistrationProfile": {"PhytoCerNo": number}}
    for _ in range(2):
        world.say(WINDOW, dossier(reference(), IMPORT, Event.SUBMITTED, form))
    given = issued(plants(number))
    world.say(EPHYTO, given)
    assert world.shown(given).row.dossier == ""
    assert world.marks(given.subject) == {"ambiguous": ""}


def certificate(number: str, **given: object) -> dict[str, object]:
    """Write the form of a certificate as the ministry sends it (21/18)."""
    product = {"ProductName": "Fresh dragon fruit", "BotanicalName": "Selenicereus undatus", "NetWeight": "18400"}
    form: dict[str, object] = {
        "TypeCer": "1",
        "CountryExportName": "Indonesia",
        "CountryExportCode": "ID",
        "DispatchNo": number,
        "ExporterName": "Cong ty Mau",
        "ExporterAddress": "1 Duong Thu Nghiem, Can Tho",
        "ConsigneeName": "PT Contoh",
        "ConsigneeAddress": "Jalan Uji 2",
        "QuantityOfPackage": "2300",
        "TypeOfPackageCode": "CT",
        "LevelOfPackage": "1",
        "CodeOfOriginCountry": "VN",
        "NameOfOriginCountry": "Viet Nam",
        "ModeOfTransport": "1",
        "NameOfMeanTransport": "MV TEST STAR",
        "EntryPoint": "Surabaya",
        "ProductList": {"Product": [product | {"NetWeightUnitCode": "KGM"}]},
        "PlaceOfIssue": "Hai Phong",
        "DateIssue": "02/03/2026",
        "NameOfOfficer": "Nguyen Thu Nghiem",
    }
    return {"PhytosanitaryCer": {**form, **given}}


def exported(world: Border, ref: str) -> None:
    world.say(WINDOW, dossier(ref, EXPORT, Event.SUBMITTED, {"Phytosanitary": {"NSWFileCode": ref}}))
    world.say(MARD, dossier(ref, EXPORT, Event.RECEIVED, {"Phytosanitary": {"NSWFileCode": ref}}))


def test_a_certificate_of_a_dossier_goes_abroad(world: Border, number: str) -> None:
    ref = reference()
    exported(world, ref)
    assert world.say(MARD, dossier(ref, EXPORT, Event.LICENCE_ISSUED, certificate(number))).body == b"taken"
    key = f"border:phyto:VN:{number}"
    shown = world.shown(key)
    assert (shown.row.dossier, shown.row.origin, shown.row.importing_country) == (f"vnsw:{ref}", MARD, "ID")
    assert world.sent(key) == [(EPHYTO, "issued", "pending")]
    (told,) = world.told(key, EPHYTO)
    assert told.phyto is not None and told.phyto.items[0].lines[0].scientific_names[0].text == "Selenicereus undatus"
    # Amended under a new number: the first one is replaced.
    world.say(MARD, dossier(ref, EXPORT, Event.LICENCE_AMENDED, certificate(f"{number}B")))
    assert world.shown(key).row.state == "superseded"
    assert [(each.relation, each.number) for each in world.shown(f"{key}B").links] == [("supersedes", number)]


def test_a_certificate_that_breaks_a_rule_is_held_and_its_dossier_goes_on(world: Border, number: str) -> None:
    ref = reference()
    exported(world, ref)
    broken = certificate(number, ConsigneeName="", ConsigneeAddress="")
    assert world.say(MARD, dossier(ref, EXPORT, Event.LICENCE_ISSUED, broken)).body == b"taken"
    key = f"border:phyto:VN:{number}"
    assert world.marks(key) == {"rule": "P06"}
    assert [each[2] for each in world.sent(key)] == ["parked"]
    assert world.sent(f"vnsw:{ref}")[-1][:2] == (WINDOW, "licence_issued")


@pytest.mark.parametrize("form", [{"DispatchNo": ""}, {"CountryExportCode": ""}, {"DispatchNo": {"deep": ["x"]}}])
def test_what_cannot_be_derived_is_a_warning_on_the_dossier(world: Border, number: str, form: dict[str, object]) -> None:
    ref = reference()
    exported(world, ref)
    assert world.say(MARD, dossier(ref, EXPORT, Event.LICENCE_ISSUED, certificate(number, **form))).body == b"taken"
    with world.hub.ledger.read() as conn:
        told = conn.exec_driver_sql(f"SELECT warnings FROM messages WHERE subject = 'vnsw:{ref}' AND event = 'licence_issued'")
        assert "border_not_derived" in told.scalar_one()


# --- at once ------------------------------------------------------------------------------------------------------


def test_many_answers_at_once_lose_none(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    said = [answered(given, R.GIVEN, declaration=f"D{each}", items=[used(1, "1")]) for each in range(8)]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda message: world.say(ASW, message, identity=message.answer.declaration_number), said))
    assert {answer.body for answer in answers} == {b"taken"}
    (item,) = world.shown(given).items
    assert item.used[0].value == Decimal(8)
    assert world.shown(given).version == 9


def test_a_certificate_and_the_dossier_that_names_it_at_once_find_each_other(world: Border, number: str) -> None:
    for each in range(6):
        ref, given = reference(), issued(plants(f"{number}/{each}"))
        named = dossier(ref, IMPORT, Event.SUBMITTED, {"RegistrationProfile": {"PhytoCerNo": given.number}})
        with ThreadPoolExecutor(2) as threads:
            list(
                threads.map(
                    lambda pair: world.say(*pair, identity=f"{pair[0]}/{pair[1].subject}"), [(EPHYTO, given), (WINDOW, named)]
                )
            )
        assert world.shown(given).row.dossier == f"vnsw:{ref}"


def test_a_dossiers_timeline_tells_of_its_documents_and_their_answers(world: Border, number: str) -> None:
    ref = reference()
    exported(world, ref)
    world.say(MARD, dossier(ref, EXPORT, Event.LICENCE_ISSUED, certificate(number)))
    given = issued(plants(number, "VN", "ID"))
    world.say(EPHYTO, tracked(given, T.DELIVERED))
    world.say(EPHYTO, answered(given, R.ACCEPTED))
    with world.hub.ledger.read() as conn:
        page = timeline.page(conn, ref, after="", limit=50, newest=False, scope=None, now=world.hub.now())
    assert [(row.key, row.state) for row in page.border] == [(given.subject, "accepted")]
    said = [(each.facts["event"], each.facts["document"]) for each in page.entries if each.event == "border.said"]
    assert said == [("issued", given.subject), ("answered", given.subject)]


def test_a_dossier_that_is_not_its_senders_is_not_written_into(world: Border, number: str) -> None:
    ref = reference()
    world.say(WINDOW, dossier(ref, IMPORT, Event.SUBMITTED, {"RegistrationProfile": {}}))
    ours, theirs = issued(form_d(number), dossier=f"vnsw:{ref}"), issued(plants(number), dossier=f"vnsw:{ref}")
    world.say(MOIT, ours)
    world.say(EPHYTO, theirs)
    assert world.shown(ours).row.dossier == world.shown(theirs).row.dossier == ""
    own = issued(plants(f"{number}C", "VN", "ID"), dossier=f"vnsw:{ref}")
    world.say(MARD, own)
    assert world.shown(own).row.dossier == f"vnsw:{ref}"


def test_no_country_answers_for_another(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(MOIT, given)
    other = answered(given, R.NOT_GIVEN, declaration="D1").model_copy(update={"importing_country": "SG"})
    assert world.say(ASW, other).body.startswith(b"not_permitted")
    assert world.say(ASW, about(given, E.COPY_ASKED, importing_country="SG")).body.startswith(b"not_permitted")
    assert world.say(ASW, tracked(given, hop="AS2").model_copy(update={"importing_country": "SG"})).body == b"taken"
    assert world.say(ASW, other.model_copy(update={"importing_country": "ID"})).body == b"taken"


def test_what_another_country_said_before_the_document_never_counts(world: Border, number: str) -> None:
    given = issued(form_d(number))
    world.say(ASW, answered(given, R.GIVEN, declaration="D1").model_copy(update={"importing_country": "SG"}))
    assert world.shown(given).row.state == "awaited"
    world.say(MOIT, given)
    assert (world.shown(given).row.state, world.shown(given).row.importing_country) == ("issued", "ID")
    assert [each[:2] for each in world.sent(given.subject)] == [(ASW, "issued")]


def test_what_an_adapter_left_out_or_questions_is_a_warning_and_goes_no_further(world: Border, number: str) -> None:
    given = issued(form_d(number), native={"leftOut": "/a; /b", "warnings": "no port", "aswConversation": "C1"})
    world.say(MOIT, given)
    world.say(ASW, answered(given, R.AVAILABLE))
    with world.hub.ledger.read() as conn:
        told = conn.exec_driver_sql(f"SELECT warnings FROM messages WHERE subject = '{given.subject}' ORDER BY received_at")
        first, second = [json.loads(row[0]) for row in told]
    assert {"border_left_out /a; /b", "border_questioned no port"} <= set(first) and not second
    (answer,) = world.told(given.subject, MOIT)
    assert answer.native == {"aswConversation": "C1"}
